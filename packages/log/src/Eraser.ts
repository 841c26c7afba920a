/**
 * Erases the contents of forgotten streams from the files of a SQLite log. The reader masks them from the commit on (`streams.forgotten`); here they are
 * overwritten in slices, so that the event loop is not blocked for long. After a crash the next start continues, because a stream stays marked until
 * nothing of it is left. The writer's `secure_delete` overwrites what SQLite frees; a pass of the scrubber overwrites the copies that SQLite left in unused
 * space when it distributed rows to other pages. Streams that are marked at the same time share a pass.
 */
import { Cause, Clock, Effect } from "effect"
import { readdirSync, rmSync } from "node:fs"
import { basename, dirname, join } from "node:path"
import type { LogUnavailable } from "./EventLog.ts"
import { forgotten, forgottenType } from "./Forgotten.ts"
import type { Marked } from "./Marked.ts"
import { isBackupOf } from "./Migrations.ts"
import type { Result, Scrubber } from "./Scrubber.ts"
import * as SegmentEraser from "./SegmentEraser.ts"
import * as Sqlite from "./Sqlite.ts"
import type { SqliteWriter } from "./SqliteWriter.ts"
import { StorageFailure } from "./Storage.ts"
import { Watermark } from "./Watermark.ts"

/** Events that one slice overwrites. */
const sliceEvents = 100
/** Maximum duration of the last run, when the log closes. The next start completes the work. */
const closingMillis = 2_000
/** Pause before the next attempt when a program reads the log or the storage fails. */
const pause = "1 second"

type Slice = Result

/** The work that the eraser has done in this process. */
interface Progress {
  /** Marked streams that it erases next. */
  pending: Array<Marked>
  /** What is erased of the first stream: its rows up to the offset `rows` (Infinity: all), its segments up to the one that begins at `segment`. */
  rows: number
  segment: number
  /** Streams of which only unused space may have text, and the offset up to which they were forgotten. */
  readonly erased: Map<number, number>
  /** The entries of `erased` from before the current pass of the scrubber. */
  scrubbed: ReadonlyMap<number, number> | undefined
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

/**
 * Removes the copies that migrations left. A copy that was made before the first deletion of this version stays, because it allows a return to the older version,
 * which kept the words of deleted threads, too.
 */
const removeBackups = (db: Sqlite.Connection, file: string): void => {
  if (db.prepare("SELECT 1 FROM meta WHERE key = 'generation'").get() === undefined) return
  for (const name of readdirSync(dirname(file)))
    if (isBackupOf(basename(file), name)) rmSync(join(dirname(file), name), { force: true })
}

/** The streams that are not erased yet. */
const marked = (db: Sqlite.Connection, erased: ReadonlyMap<number, number>): Array<Marked> =>
  (db.prepare("SELECT id, name, forgotten FROM streams WHERE forgotten > 0").all() as Array<Marked>).filter(
    ({ forgotten, id }) => erased.get(id) !== forgotten
  )

/** Read first, so that a log with nothing to erase begins no transaction. */
const hasDeletedBlob = (db: Sqlite.Connection): boolean =>
  db.prepare("SELECT 1 FROM blobs WHERE at < 0 LIMIT 1").get() !== undefined

/** The parts of the log that the eraser uses. */
interface Files {
  readonly writer: SqliteWriter
  readonly scrubber: Scrubber
  readonly lost: () => string | undefined
}

const run = <A>(step: () => A) => Sqlite.attempt("erase", step)

/** The next slice of the pass over unused space. After the pass the streams are not marked any more. */
const scrub = ({ lost, scrubber, writer }: Files, file: string, progress: Progress): Effect.Effect<Slice, LogUnavailable> =>
  Effect.gen(function* () {
    const state = yield* run(() => {
      const reason = lost()
      if (reason !== undefined) throw new StorageFailure("lost", reason)
      if (progress.scrubbed === undefined) {
        progress.scrubbed = new Map(progress.erased)
        scrubber.begin()
        writer.isScrubbed = true
      }
      return scrubber.slice()
    })
    if (state !== "done") return state
    yield* Effect.async<void, LogUnavailable>((resume) =>
      scrubber.sync((error) =>
        resume(
          error === null
            ? Effect.void
            : run(() => {
                throw error
              })
        )
      )
    )
    yield* run(() => {
      writer.isScrubbed = false
      removeBackups(writer.connection, file)
      // Negative: erased up to this offset. A backup needs it, for the objects of earlier backups.
      writer.maintain(({ db }) => {
        const done = db.prepare("UPDATE streams SET forgotten = -forgotten WHERE id = ? AND forgotten = ?")
        for (const [id, upTo] of progress.scrubbed ?? []) done.run(id, upTo)
      })
      progress.erased.clear()
      progress.scrubbed = undefined
    })
    return "more"
  })

/** One slice on the event loop, or one segment, which the pool compresses. */
const slice = (files: Files, file: string, progress: Progress): Effect.Effect<Slice, LogUnavailable> =>
  Effect.gen(function* () {
    const { writer } = files
    if (yield* run(() => hasDeletedBlob(writer.connection) && writer.blobs((blobs) => blobs.sweep(0)))) return "more"
    if (progress.scrubbed !== undefined) return yield* scrub(files, file, progress)
    if (progress.pending.length === 0) {
      progress.pending = yield* run(() => marked(writer.connection, progress.erased))
      if (progress.pending.length === 0) return progress.erased.size === 0 ? "done" : yield* scrub(files, file, progress)
      Object.assign(progress, { rows: 0, segment: 0 })
    }
    const stream = progress.pending[0]!
    if (progress.rows < stream.forgotten) {
      progress.rows = yield* run(() => writer.maintain(({ db }) => overwrite(db, stream, progress.rows)))
      return "more"
    }
    const segment = yield* SegmentEraser.next(writer, stream, progress.segment)
    if (segment !== undefined) progress.segment = segment
    else {
      progress.pending.shift()
      progress.erased.set(stream.id, stream.forgotten)
      Object.assign(progress, { rows: 0, segment: 0 })
    }
    return "more"
  })

export interface Eraser {
  /** A stream was forgotten. Call it in the same step as the commit. */
  readonly wake: () => void
  /** Returns when nothing is left to erase. */
  readonly done: Effect.Effect<void>
}

/** Erases in the background until the scope closes. It begins with the work that an earlier process left. `file`: the database. */
export const make = Effect.fnUntraced(function* (files: Files, file: string) {
  const progress: Progress = { pending: [], rows: 0, segment: 0, erased: new Map(), scrubbed: undefined }
  /** How many times there was something to erase, the start included, and how many of them are done. */
  const wanted = new Watermark(1)
  const erased = new Watermark(0)
  const next = slice(files, file, progress)
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
