/**
 * Erases the contents of forgotten streams from the files of a SQLite log. The reader masks them from the commit on (`streams.forgotten`); here they are
 * overwritten in slices, so that the event loop is not blocked for long. After a crash the next start continues, because a stream stays marked until
 * nothing of it is left. The writer's `secure_delete` overwrites what SQLite frees.
 */
import { Effect } from "effect"
import { readdirSync, rmSync } from "node:fs"
import { basename, dirname, join } from "node:path"
import type { LogUnavailable } from "./EventLog.ts"
import { forgotten, forgottenType } from "./Forgotten.ts"
import { isBackupOf } from "./Migrations.ts"
import * as SegmentEraser from "./SegmentEraser.ts"
import * as Sqlite from "./Sqlite.ts"
import type { SqliteWriter } from "./SqliteWriter.ts"
import { attempt } from "./Storage.ts"
import { Watermark } from "./Watermark.ts"

/** Events that one slice overwrites. */
const sliceEvents = 100
/** Slices of the last run, when the log closes. The next start does the rest. */
const closingSlices = 1_000
/** Pause before the next attempt when a program reads the log or the storage fails. */
const pause = "1 second"

/** `blocked`: another program reads the log, so its WAL cannot be emptied now. */
type Slice = "more" | "done" | "blocked"

interface Marked {
  readonly id: number
  readonly name: string
  readonly forgotten: number
}

/** Overwrites events of the stream. Returns whether it may have more. */
const overwrite = (db: Sqlite.Connection, { id, name, forgotten: upTo }: Marked): boolean => {
  const rows = db
    .prepare("SELECT offset, version, json FROM events WHERE stream = ? AND offset <= ? AND type <> ? LIMIT ?")
    .all(id, upTo, forgottenType, sliceEvents) as ReadonlyArray<{ offset: number; version: number; json: string }>
  const update = db.prepare("UPDATE events SET type = ?, json = ? WHERE offset = ?")
  for (const row of rows) {
    const { json, type } = forgotten({ ...row, stream: name })
    update.run(type, json, row.offset)
  }
  return rows.length === sliceEvents
}

/** Moves the WAL into the database and empties it. `false`: a reader of another program prevents it. */
const emptyWal = (db: Sqlite.Connection): boolean => {
  const [result] = db.pragma("wal_checkpoint(TRUNCATE)") as ReadonlyArray<{ readonly busy: number }>
  return result?.busy === 0
}

const removeBackups = (file: string): void => {
  for (const name of readdirSync(dirname(file)))
    if (isBackupOf(basename(file), name)) rmSync(join(dirname(file), name), { force: true })
}

/** A stream that is not erased yet. */
const nextMarked = (db: Sqlite.Connection): Marked | undefined =>
  db.prepare("SELECT id, name, forgotten FROM streams WHERE forgotten > 0 LIMIT 1").get() as Marked | undefined

/** Read first, so that a log with nothing to erase begins no transaction. */
const hasDeletedBlob = (db: Sqlite.Connection): boolean =>
  db.prepare("SELECT 1 FROM blobs WHERE at < 0 LIMIT 1").get() !== undefined

/** The segments of a marked stream that are erased: up to the one that begins at `first`. */
interface Position {
  marked: Marked | undefined
  first: number
}

/** One slice. Throws StorageFailure. */
const slice = (writer: SqliteWriter, file: string, position: Position): Slice => {
  if (Sqlite.guarded(() => hasDeletedBlob(writer.connection)) && writer.blobs((blobs) => blobs.sweep(0))) return "more"
  const marked = Sqlite.guarded(() => nextMarked(writer.connection))
  if (marked === undefined) return "done"
  if (writer.maintain(({ db }) => overwrite(db, marked))) return "more"
  if (position.marked?.id !== marked.id || position.marked.forgotten !== marked.forgotten) {
    position.marked = marked
    position.first = 0
  }
  const first = writer.maintain(({ db }) => SegmentEraser.next(db, marked, position.first))
  if (first !== undefined) {
    position.first = first
    return "more"
  }
  if (!Sqlite.guarded(() => emptyWal(writer.connection))) return "blocked"
  removeBackups(file)
  const { id, forgotten: upTo } = marked
  writer.maintain(({ db }) => db.prepare("UPDATE streams SET forgotten = 0 WHERE id = ? AND forgotten = ?").run(id, upTo))
  return "more"
}

export interface Eraser {
  /** A stream was forgotten. Call it in the same step as the commit. */
  readonly wake: () => void
  /** Returns when nothing is left to erase. */
  readonly done: Effect.Effect<void>
}

/** Erases in the background until the scope closes, at first what an earlier process left. `file`: the database. */
export const make = Effect.fnUntraced(function* (writer: SqliteWriter, file: string) {
  const position: Position = { marked: undefined, first: 0 }
  /** How many times there was something to erase, the start included, and how many of them are done. */
  const wanted = new Watermark(1)
  const erased = new Watermark(0)
  const next: Effect.Effect<Slice, LogUnavailable> = attempt("erase", () => slice(writer, file, position))
  const erase: Effect.Effect<void> = Effect.gen(function* () {
    yield* wanted.awaitBeyond(erased.value)
    const reached = wanted.value
    let warned = false
    for (let state: Slice = "more"; state !== "done";) {
      state = yield* Effect.catchAll(next, ({ message }) => {
        const warn = warned ? Effect.void : Effect.logWarning(`A deleted thread is not erased yet: ${message}`)
        warned = true
        return Effect.as(warn, "blocked" as const)
      })
      yield* state === "blocked" ? Effect.sleep(pause) : Effect.yieldNow()
    }
    erased.advance(reached)
  })
  yield* Effect.addFinalizer(() =>
    next.pipe(
      Effect.repeat({ while: (state) => state === "more", times: closingSlices }),
      Effect.catchAll(({ message }) => Effect.logWarning(`The next start continues to erase deleted threads: ${message}`))
    )
  )
  yield* Effect.forkScoped(Effect.forever(erase))
  return {
    wake: () => wanted.advance(wanted.value + 1),
    done: Effect.suspend(() => erased.awaitBeyond(wanted.value - 1))
  } satisfies Eraser
})
