/**
 * Erases the contents of forgotten streams from the files of a SQLite log. The reader masks them from the commit on (`streams.forgotten`); here they are
 * overwritten in slices, so that the event loop is not blocked for long. After a crash the next start continues, because a stream stays marked until
 * nothing of it is left. The writer's `secure_delete` overwrites what SQLite frees.
 */
import { Cause, Clock, Effect } from "effect"
import { readdirSync, rmSync } from "node:fs"
import { basename, dirname, join } from "node:path"
import type { LogUnavailable } from "./EventLog.ts"
import { forgotten, forgottenType } from "./Forgotten.ts"
import type { Marked } from "./Marked.ts"
import { isBackupOf } from "./Migrations.ts"
import * as SegmentEraser from "./SegmentEraser.ts"
import * as Sqlite from "./Sqlite.ts"
import type { SqliteWriter } from "./SqliteWriter.ts"
import { Watermark } from "./Watermark.ts"

/** Events that one slice overwrites. */
const sliceEvents = 100
/** How long the last run takes at most, when the log closes. The next start does the rest. */
const closingMillis = 2_000
/** Pause before the next attempt when a program reads the log or the storage fails. */
const pause = "1 second"

/** `blocked`: another program reads the log, so its WAL cannot be emptied now. */
type Slice = "more" | "done" | "blocked"

/** What is erased of a marked stream: its rows up to the offset `rows`, its segments up to the one that begins at `segment`. */
interface Position {
  marked: Marked | undefined
  /** Infinity: all rows. */
  rows: number
  segment: number
}

interface Row {
  readonly offset: number
  readonly version: number
  readonly type: string
  readonly json: string
}

/** Overwrites the next events of the stream after an offset. Returns the offset that it reached; Infinity: there are no more. */
const overwrite = (db: Sqlite.Connection, { id, name, forgotten: upTo }: Marked, after: number): number => {
  const rows = db
    .prepare(
      "SELECT offset, version, type, json FROM events WHERE stream = ? AND offset > ? AND offset <= ? ORDER BY offset LIMIT ?"
    )
    .all(id, after, upTo, sliceEvents) as ReadonlyArray<Row>
  const update = db.prepare("UPDATE events SET type = ?, json = ? WHERE offset = ?")
  for (const row of rows) {
    if (row.type === forgottenType) continue
    const { json, type } = forgotten({ ...row, stream: name })
    update.run(type, json, row.offset)
  }
  return rows.length < sliceEvents ? Number.POSITIVE_INFINITY : rows.at(-1)!.offset
}

/** Moves the WAL into the database and empties it. `false`: a reader of another program prevents it. */
const emptyWal = (db: Sqlite.Connection): boolean => {
  const [result] = db.pragma("wal_checkpoint(TRUNCATE)") as ReadonlyArray<{ readonly busy: number }>
  return result?.busy === 0
}

/**
 * Removes the copies that migrations left. A copy that was made before the first deletion of this version stays: it is the way back to the older version,
 * which kept the words of deleted threads, too.
 */
const removeBackups = (db: Sqlite.Connection, file: string): void => {
  if (db.prepare("SELECT 1 FROM meta WHERE key = 'generation'").get() === undefined) return
  for (const name of readdirSync(dirname(file)))
    if (isBackupOf(basename(file), name)) rmSync(join(dirname(file), name), { force: true })
}

/** A stream that is not erased yet. */
const nextMarked = (db: Sqlite.Connection): Marked | undefined =>
  db.prepare("SELECT id, name, forgotten FROM streams WHERE forgotten > 0 LIMIT 1").get() as Marked | undefined

/** Read first, so that a log with nothing to erase begins no transaction. */
const hasDeletedBlob = (db: Sqlite.Connection): boolean =>
  db.prepare("SELECT 1 FROM blobs WHERE at < 0 LIMIT 1").get() !== undefined

/** One slice on the event loop, or one segment, which the pool compresses. */
const slice = (writer: SqliteWriter, file: string, position: Position): Effect.Effect<Slice, LogUnavailable> =>
  Effect.gen(function* () {
    const run = <A>(step: () => A) => Sqlite.attempt("erase", step)
    if (yield* run(() => hasDeletedBlob(writer.connection) && writer.blobs((blobs) => blobs.sweep(0)))) return "more"
    const marked = yield* run(() => nextMarked(writer.connection))
    if (marked === undefined) return "done"
    if (position.marked?.id !== marked.id || position.marked.forgotten !== marked.forgotten)
      Object.assign(position, { marked, rows: 0, segment: 0 } satisfies Position)
    if (position.rows < marked.forgotten) {
      position.rows = yield* run(() => writer.maintain(({ db }) => overwrite(db, marked, position.rows)))
      return "more"
    }
    const segment = yield* SegmentEraser.next(writer, marked, position.segment)
    if (segment !== undefined) {
      position.segment = segment
      return "more"
    }
    if (!(yield* run(() => emptyWal(writer.connection)))) return "blocked"
    yield* run(() => {
      removeBackups(writer.connection, file)
      // Negative: erased up to this offset. A backup needs it, for the objects of earlier backups.
      const done = "UPDATE streams SET forgotten = -forgotten WHERE id = ? AND forgotten = ?"
      writer.maintain(({ db }) => db.prepare(done).run(marked.id, marked.forgotten))
    })
    return "more"
  })

export interface Eraser {
  /** A stream was forgotten. Call it in the same step as the commit. */
  readonly wake: () => void
  /** Returns when nothing is left to erase. */
  readonly done: Effect.Effect<void>
}

/** Erases in the background until the scope closes, at first what an earlier process left. `file`: the database. */
export const make = Effect.fnUntraced(function* (writer: SqliteWriter, file: string) {
  const position: Position = { marked: undefined, rows: 0, segment: 0 }
  /** How many times there was something to erase, the start included, and how many of them are done. */
  const wanted = new Watermark(1)
  const erased = new Watermark(0)
  const next = slice(writer, file, position)
  const erase: Effect.Effect<void> = Effect.gen(function* () {
    yield* wanted.awaitBeyond(erased.value)
    const reached = wanted.value
    let warned = false
    for (let state: Slice = "more"; state !== "done";) {
      state = yield* Effect.catchAllCause(next, (cause) => {
        if (Cause.isInterrupted(cause)) return Effect.interrupt
        const warn = warned ? Effect.void : Effect.logWarning("A deleted thread is not erased yet", cause)
        warned = true
        return Effect.as(warn, "blocked" as const)
      })
      yield* state === "blocked" ? Effect.sleep(pause) : Effect.yieldNow()
    }
    erased.advance(reached)
  })
  yield* Effect.addFinalizer(() =>
    Effect.gen(function* () {
      const end = (yield* Clock.currentTimeMillis) + closingMillis
      while ((yield* Clock.currentTimeMillis) < end && (yield* next) === "more");
    }).pipe(Effect.catchAll(({ message }) => Effect.logWarning(`The next start continues to erase deleted threads: ${message}`)))
  )
  yield* Effect.forkScoped(Effect.forever(erase))
  return {
    wake: () => wanted.advance(wanted.value + 1),
    done: Effect.suspend(() => erased.awaitBeyond(wanted.value - 1))
  } satisfies Eraser
})
