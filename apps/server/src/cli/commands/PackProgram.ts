/** Packs and prunes a log: through its server if it runs, otherwise in this process. */
import { existsSync } from "node:fs"
import { join } from "node:path"
import { Effect, Option } from "effect"
import type { LogWork, PruneRequest } from "@millrace/contracts/LogWork"
import * as NamedCursors from "@millrace/host/NamedCursors"
import * as Work from "@millrace/host/LogWork"
import * as DataDirectory from "@millrace/log/DataDirectory"
import * as EventLogSqlite from "@millrace/log/EventLogSqlite"
import { located, type Where } from "../client/Connect.ts"
import { failed, fromError } from "../Failure.ts"
import { plural } from "../terminal/Amounts.ts"

/** The log of a directory that no server uses, open until the scope closes. */
const opened = (dataDir: string) =>
  Effect.gen(function* () {
    if (!existsSync(join(dataDir, "log.db")))
      return yield* failed(`There is no log in ${dataDir}. Set the data directory with --data or MILLRACE_DATA.`)
    const owner = yield* DataDirectory.owner(dataDir)
    if (Option.isSome(owner))
      return yield* failed(
        `Process ${owner.value.pid} uses ${dataDir}, and no server answers there. Try again when the server has started, or stop the process.`
      )
    const { anchorFile, logFile } = yield* DataDirectory.make(dataDir)
    const log = yield* EventLogSqlite.make({ file: logFile, anchor: anchorFile })
    return Work.make(log, {
      readers: () => [],
      named: NamedCursors.positions(dataDir, log.epoch),
      between: Effect.yieldNow()
    })
  })

/**
 * Packs all events except those of unfinished turns. With `prune`, also removes the events that it selects. Repeats the request until the work is complete.
 */
export const run = (
  where: Where,
  prune: PruneRequest | undefined,
  onProgress: (text: string) => Effect.Effect<void> = () => Effect.void
) =>
  Effect.gen(function* () {
    const server = yield* located(where)
    const { packLog, pruneLog } = Option.isSome(server) ? server.value : yield* opened(where.dataDir)
    const request = prune === undefined ? packLog : pruneLog(prune)
    let total: LogWork = yield* request
    while (total.more) {
      yield* onProgress(`${plural(total.packed, "event")} packed, ${plural(total.removed, "event")} removed`)
      const next: LogWork = yield* request
      total = {
        ...next,
        before: total.before,
        packed: total.packed + next.packed,
        removed: total.removed + next.removed
      }
    }
    return total
  }).pipe(
    Effect.scoped,
    Effect.mapError((error) => (error._tag === "CliFailure" ? error : fromError(error)))
  )
