/** Packs and prunes the log of a data directory that no server uses. A running server does both by itself. */
import { existsSync } from "node:fs"
import { join } from "node:path"
import { DateTime, Effect, Option } from "effect"
import * as Maintenance from "@millrace/host/Maintenance"
import * as DataDirectory from "@millrace/log/DataDirectory"
import type { DiskUsage } from "@millrace/log/EventLog"
import * as EventLogSqlite from "@millrace/log/EventLogSqlite"
import { failed, fromError } from "../Failure.ts"

export interface Packed {
  /** Events that were packed, and that were removed. */
  readonly packed: number
  readonly removed: number
  readonly before: DiskUsage
  readonly after: DiskUsage
}

/** Packs all events but those of unfinished turns. With `retention`, then removes whole segments that it does not keep. */
export const run = (dataDir: string, retention?: Maintenance.Retention) =>
  Effect.gen(function* () {
    if (!existsSync(join(dataDir, "log.db")))
      return yield* failed(`There is no log in ${dataDir}. Set the data directory with --data or MILLRACE_DATA.`)
    const owner = yield* DataDirectory.owner(dataDir)
    if (Option.isSome(owner))
      return yield* failed(
        `Process ${owner.value.pid} uses ${dataDir}. A running server packs old events by itself, and removes those that retention in millrace.config.json does not keep. Stop it to use this command.`
      )
    const { anchorFile, logFile } = yield* DataDirectory.make(dataDir)
    const log = yield* EventLogSqlite.make({ file: logFile, anchor: anchorFile })
    const before = yield* log.disk
    const from = yield* log.retainedFrom
    const between = Effect.yieldNow()
    const now = DateTime.formatIso(yield* DateTime.now)
    const packed = yield* Maintenance.pack(log, { before: now, partial: true, between })
    if (retention !== undefined) {
      yield* Maintenance.retain(log, retention, () => [], between)
      // Gives the pages of the removed segments back.
      yield* Maintenance.pack(log, { before: now, partial: true, between })
    }
    const result: Packed = { packed, removed: (yield* log.retainedFrom) - from, before, after: yield* log.disk }
    return result
  }).pipe(
    Effect.scoped,
    Effect.mapError((error) => (error._tag === "CliFailure" ? error : fromError(error)))
  )
