/**
 * Checks the log of a data directory. If no server runs, the check owns the directory until it ends. If a server runs, it checks a
 * consistent copy, so that the server does not wait and its writes do not disturb the check.
 */
import { existsSync, mkdtempSync, rmSync } from "node:fs"
import { join } from "node:path"
import { Effect, Option, type Scope } from "effect"
import * as DataDirectory from "@millrace/log/DataDirectory"
import { EventLog } from "@millrace/log/EventLog"
import * as RewindHistory from "@millrace/log/RewindHistory"
import * as EventLogSqlite from "@millrace/log/EventLogSqlite"
import * as SqliteCheck from "@millrace/log/SqliteCheck"
import * as Log from "@millrace/log/Verify"
import * as Models from "@millrace/orchestration/readmodel/Verify"
import { type CliFailure, failed, fromError } from "../Failure.ts"

export interface Report {
  readonly logEpoch: string
  readonly head: number
  readonly events: number
  readonly streams: number
  /** Number of rows of read models. */
  readonly rows: number
  /** When and why the log got a new epoch; the newest ten. They are not problems of the current log. */
  readonly rewinds: ReadonlyArray<RewindHistory.Rewind>
  /** The first problems; `problemCount` counts all. */
  readonly problems: ReadonlyArray<string>
  readonly problemCount: number
}

/** A copy of the log in the data directory, deleted when the scope closes. */
const copyOf = (file: string, dataDir: string): Effect.Effect<string, CliFailure, Scope.Scope> =>
  Effect.gen(function* () {
    const folder = yield* Effect.acquireRelease(
      Effect.try({
        try: () => mkdtempSync(join(dataDir, "verify-")),
        catch: (cause) => failed(`Cannot copy the log into ${dataDir}: ${String(cause)}`)
      }),
      (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
    )
    const copy = join(folder, "log.db")
    yield* SqliteCheck.copy(file, copy).pipe(
      Effect.mapError(({ message }) =>
        failed(`Cannot copy the log to check it while the server runs: ${message}. Free some space, or stop the server first.`)
      )
    )
    return copy
  })

const fileOf = (dataDir: string) =>
  Effect.gen(function* () {
    const file = join(dataDir, "log.db")
    if (!existsSync(file))
      return yield* failed(`There is no log in ${dataDir}. Set the data directory with --data or MILLRACE_DATA.`)
    const isOwned = Option.isSome(yield* DataDirectory.owner(dataDir))
    if (!isOwned) yield* DataDirectory.make(dataDir)
    const evidence = yield* RewindHistory.evidence(join(dataDir, "anchor"), file)
    return { evidence, file: isOwned ? yield* copyOf(file, dataDir) : file }
  })

/** Reads the whole log in this file, and compares the read models with a fold of its events. */
const checked = (file: string) =>
  Effect.gen(function* () {
    const log = yield* EventLogSqlite.make({ file })
    const [order, models] = yield* Effect.all([Log.verify({ checks: [SqliteCheck.check(file)] }), Models.run]).pipe(
      Effect.provideService(EventLog, log)
    )
    const problems: ReadonlyArray<Log.Problem> = [
      ...order.problems,
      ...models.problems.map((message) => ({ problem: "projection" as const, message }))
    ]
    return { order, models, problems, problemCount: order.problemCount + models.problems.length }
  }).pipe(Effect.scoped)

/** The problems of the log in this file, which no process has open. */
export const problemsOf = (file: string) => Effect.map(checked(file), ({ problems }) => problems)

export const verify = (dataDir: string): Effect.Effect<Report, CliFailure> =>
  Effect.gen(function* () {
    const { evidence, file } = yield* fileOf(dataDir)
    // Also brings an older log to the schema that `inspect` reads.
    const { models, order, problemCount, problems } = yield* checked(file)
    const { contradiction, rewinds } = yield* RewindHistory.inspect(evidence, file)
    return {
      logEpoch: order.logEpoch,
      head: order.head,
      events: order.events,
      streams: order.streams,
      rows: models.rows,
      rewinds,
      problems: [
        ...(contradiction === undefined ? [] : [`${contradiction.reason} The next start gives the log a new epoch.`]),
        ...problems.map(({ message }) => message)
      ],
      problemCount: (contradiction === undefined ? 0 : 1) + problemCount
    }
  }).pipe(
    Effect.scoped,
    Effect.mapError((error) => (error._tag === "CliFailure" ? error : fromError(error)))
  )
