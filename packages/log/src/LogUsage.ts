/**
 * Measures what the log takes on the disk, on its own read connection. The work is cut into slices of about a millisecond with pauses between. The first
 * measurement of a server reads the lengths of all events that are not packed and the index of the segments; a later measurement only what changed since
 * (`UsageTally`). A result is used for a minute, so an event costs nothing when it is appended.
 */
import type { LogUsage } from "@millrace/contracts/LogUsage"
import { ThreadId } from "@millrace/contracts/Ids"
import { Clock, Effect, Fiber, Option, Schema, type Scope } from "effect"
import { lstat, readdir, statfs } from "node:fs/promises"
import { existsSync } from "node:fs"
import { join } from "node:path"
import * as DataFiles from "./DataFiles.ts"
import * as DiskUsage from "./DiskUsage.ts"
import type { LogUnavailable } from "./EventLog.ts"
import { openCurrent } from "./Migrations.ts"
import { jsonAt } from "./RewindHistory.ts"
import * as Sqlite from "./Sqlite.ts"
import { SqliteReader } from "./SqliteReader.ts"
import { UsageTally } from "./UsageTally.ts"

export interface Options {
  readonly dataDir: string
  /** The configured bound of the log's file. */
  readonly maxFileBytes?: number | undefined
}

export interface Measured {
  /** Waits for a new measurement if the last measurement is older than a minute. */
  readonly current: Effect.Effect<LogUsage, LogUnavailable>
  /** The last measurement, without waiting; starts a new measurement if it is older than a minute. */
  readonly latest: Effect.Effect<Option.Option<LogUsage>>
}

const freshMillis = 60_000
const dayMillis = 86_400_000
/** The growth is the average over this time. */
const windowMillis = 7 * dayMillis
const maxThreads = 20
/** Entries of the data directory that are counted. A directory of an agent may have any number. */
const maxEntries = 20_000

const io = <A>(run: () => A) => Sqlite.attempt("usage", run)

/** The first offset whose event is not older than `since`, and its time. Offsets and times have the same order but for changes of the clock. */
const firstSince = (
  reader: SqliteReader,
  { head, retainedFrom }: { readonly head: number; readonly retainedFrom: number },
  since: number
) =>
  Effect.gen(function* () {
    const timeOf = (offset: number) =>
      io(() => Date.parse((JSON.parse(jsonAt(reader, offset) ?? "{}") as { readonly at?: string }).at ?? ""))
    let low = retainedFrom + 1
    let high = head
    while (low < high) {
      const middle = Math.floor((low + high) / 2)
      if ((yield* timeOf(middle)) < since) low = middle + 1
      else high = middle
      yield* Effect.sleep(1)
    }
    return { offset: low, at: yield* timeOf(low) }
  })

const ofLog = (file: string, now: number, tally: UsageTally) =>
  Effect.acquireUseRelease(
    io(() => openCurrent(file)),
    (db) =>
      Effect.gen(function* () {
        const reader = yield* io(() => new SqliteReader(db))
        const position = yield* io(() => reader.view(({ head, retainedFrom }) => ({ head, retainedFrom })))
        const { fileBytes, freeBytes } = yield* DiskUsage.ofFile(file, db)
        const blobBytes = yield* DiskUsage.ofBlobs(db)
        const first = yield* firstSince(reader, position, now - windowMillis)
        yield* tally.update(db, position)
        const name = yield* io(() => db.prepare("SELECT name FROM streams WHERE id = ?").pluck())
        const threads = yield* io(() =>
          tally
            .largest(maxThreads * 2)
            .flatMap(([id, bytes]) => {
              const [kind, threadId] = String(name.get(id) ?? "").split("/")
              return kind === "thread" && isThreadId(threadId) ? [{ threadId, bytes: Math.round(bytes) }] : []
            })
            .slice(0, maxThreads)
        )
        // Rows and indexes are assumed to grow as the events do.
        const { coldBytes, hotBytes } = tally
        const share = hotBytes + coldBytes === 0 ? 0 : tally.since(first.offset) / (hotBytes + coldBytes)
        const days = Math.max(1, (now - (Number.isNaN(first.at) ? now : first.at)) / dayMillis)
        return {
          ...position,
          fileBytes,
          coldBytes,
          freeBytes,
          blobBytes,
          bytesPerDay: Math.round(((fileBytes - freeBytes) * share) / days),
          threads
        }
      }),
    (db) => Effect.sync(() => Sqlite.close(db))
  )

const isThreadId = Schema.is(ThreadId)

/** Bytes by kind of the files that are not the log. */
const ofOthers = (dataDir: string) =>
  Effect.promise(async () => {
    const bytes: Record<string, number> = {}
    let left = maxEntries
    const walk = async (path: string, kind: string): Promise<void> => {
      if (left-- <= 0) return
      // Files come and go while a server runs.
      const stat = await lstat(path).catch(() => undefined)
      if (stat?.isDirectory() === true) for (const name of await readdir(path).catch(() => [])) await walk(join(path, name), kind)
      else if (stat?.isFile() === true) bytes[kind] = (bytes[kind] ?? 0) + stat.size
    }
    for (const name of await readdir(dataDir).catch(() => [])) {
      const { kind } = DataFiles.of(name)
      if (kind !== "log") await walk(join(dataDir, name), kind)
    }
    return bytes
  })

const empty = { head: 0, retainedFrom: 0, fileBytes: 0, coldBytes: 0, freeBytes: 0, blobBytes: 0, bytesPerDay: 0, threads: [] }

/** One measurement. A data directory without a log has an empty one. `tally`: of the measurement before. */
export const measure = Effect.fn("LogUsage.measure")(function* ({ dataDir, maxFileBytes }: Options, tally = new UsageTally()) {
  const now = yield* Clock.currentTimeMillis
  const file = join(dataDir, "log.db")
  const log = existsSync(file) ? yield* ofLog(file, now, tally) : empty
  const otherBytes = yield* ofOthers(dataDir)
  const diskFreeBytes = yield* Effect.promise(() =>
    statfs(dataDir).then(
      ({ bavail, bsize }) => bavail * bsize,
      () => 0
    )
  )
  const left =
    Math.min(diskFreeBytes, maxFileBytes === undefined ? Infinity : Math.max(0, maxFileBytes - log.fileBytes)) + log.freeBytes
  const usage: LogUsage = {
    ...log,
    at: new Date(now).toISOString(),
    diskFreeBytes,
    otherBytes,
    ...(maxFileBytes === undefined ? {} : { maxFileBytes }),
    ...(log.bytesPerDay === 0 ? {} : { daysUntilFull: Math.floor(left / log.bytesPerDay) })
  }
  return usage
})

/** Measures on demand, one at a time. */
export const make = (options: Options): Effect.Effect<Measured, never, Scope.Scope> =>
  Effect.gen(function* () {
    const scope = yield* Effect.scope
    const tally = new UsageTally()
    let last: LogUsage | undefined
    let running: Fiber.Fiber<LogUsage, LogUnavailable> | undefined
    // The measurement continues if its caller is interrupted.
    const begin = Effect.suspend(() =>
      running === undefined
        ? measure(options, tally).pipe(
            Effect.tap((usage) => Effect.sync(() => (last = usage))),
            Effect.ensuring(Effect.sync(() => (running = undefined))),
            Effect.forkIn(scope),
            Effect.tap((fiber) => Effect.sync(() => (running = fiber)))
          )
        : Effect.succeed(running)
    )
    const fresh = Effect.map(Clock.currentTimeMillis, (now) =>
      last !== undefined && now - Date.parse(last.at) < freshMillis ? last : undefined
    )
    return {
      current: Effect.filterOrElse(
        fresh,
        (usage) => usage !== undefined,
        () => Effect.flatMap(begin, Fiber.join)
      ),
      latest: Effect.flatMap(fresh, (usage) =>
        Effect.as(usage === undefined ? begin : Effect.void, Option.fromNullable(usage ?? last))
      )
    }
  })
