/**
 * The checks of `verify` that need the database file: its pages and indexes, whether the recorded version of each stream is that of its last event, and
 * whether the segments are without holes and have the events of each stream that their index says, and whether every row can be read.
 * Blocks the event loop while SQLite reads the whole file, so use it only in a program that does nothing else.
 */
import { Effect } from "effect"
import { corruptType, unreadableStream } from "./EventLog.ts"
import { decode } from "./RowPages.ts"
import * as SharedText from "./SharedText.ts"
import * as Segment from "./Segment.ts"
import * as Sqlite from "./Sqlite.ts"
import { SqliteBlobReader } from "./SqliteBlobs.ts"
import { openedRow, type PackedRow } from "./SqliteReader.ts"
import { attempt, StorageFailure } from "./Storage.ts"
import type { Check, Problem } from "./Verify.ts"

const maxProblems = 100

/** The first problems. */
function* take(messages: Iterable<string>): Generator<string> {
  let left = maxProblems
  for (const message of messages) {
    yield message
    if (--left === 0) return
  }
}

const segmentProblems = function* (db: Sqlite.Connection): Generator<string> {
  const segments = db.prepare("SELECT first, last, codec, crc, bytes FROM segments ORDER BY first")
  const index = db.prepare("SELECT stream, count FROM segment_streams WHERE first = ? ORDER BY stream").raw()
  let end: number | undefined
  for (const stored of segments.iterate() as Iterable<Segment.Stored>) {
    const { first, last } = stored
    if (end !== undefined && first !== end + 1) yield `a segment begins at ${first}, the one before ends at ${end}`
    end = last
    const segment = Segment.open(stored)
    const indexed = index.all(first) as Array<readonly [stream: number, count: number]>
    // The events of a damaged segment are reported as unreadable.
    if (
      !(segment instanceof Segment.Damaged) &&
      JSON.stringify(indexed) !== JSON.stringify([...segment.streams].toSorted(([a], [b]) => a - b))
    )
      yield `the index of the streams of the segment of the events ${first} to ${last} is wrong`
  }
}

/** The rows whose value cannot be read. */
const rowProblems = function* (db: Sqlite.Connection): Generator<string> {
  const rows = db.prepare("SELECT collection, key, parent, rank, value FROM rows ORDER BY id").iterate() as Iterable<
    PackedRow & { readonly collection: string }
  >
  const texts = new SqliteBlobReader(db)
  const expand = SharedText.expand((hash) => texts.text(hash))
  for (const row of rows) {
    try {
      decode(openedRow(row, expand))
    } catch (cause) {
      if (!(cause instanceof StorageFailure)) throw cause
      yield `a row of ${row.collection} cannot be read: ${cause.message}`
    }
  }
}

/** For each stream: its recorded version, and the version of its last event that is a row. */
const versionsOf = (db: Sqlite.Connection) =>
  db
    .prepare(
      `SELECT s.id, s.name, s.version, (SELECT e.version FROM events e WHERE e.stream = s.id ORDER BY e.offset DESC LIMIT 1) AS last FROM streams s`
    )
    .iterate() as Iterable<{ readonly id: number; readonly name: string; readonly version: number; readonly last: number | null }>

const problemsOf = (db: Sqlite.Connection, seen: ReadonlyMap<string, number>): ReadonlyArray<Problem> => {
  const integrity = db.prepare(`PRAGMA integrity_check(${maxProblems})`).pluck().all() as ReadonlyArray<string>
  const versions: Array<Problem> = []
  for (const stream of versionsOf(db)) {
    // A stream without rows: its last event is in a segment, if it is retained.
    const last = stream.last ?? seen.get(stream.name)
    if (last === undefined || last === stream.version) continue
    const message = `${stream.name} is recorded at version ${stream.version}, its last event has version ${last}`
    versions.push({ stream: stream.name, problem: "version", message })
    if (versions.length === maxProblems) break
  }
  return [
    ...integrity.filter((line) => line !== "ok").map((message): Problem => ({ problem: "file", message })),
    ...[...take(segmentProblems(db)), ...take(rowProblems(db))].map((message): Problem => ({ problem: "file", message })),
    ...versions
  ]
}

/** A check for `verify({ checks })`. A file that cannot be read completely is a reported problem, not an error. */
export const check = (file: string): Check => {
  /** The version of the last event of each stream. */
  const seen = new Map<string, number>()
  return {
    page: ({ events }) =>
      Effect.sync(() => {
        for (const { json, stream, type } of events)
          // The event may be the last one of any stream.
          if (stream === unreadableStream) seen.clear()
          else if (type === corruptType) seen.delete(stream)
          else seen.set(stream, (JSON.parse(json) as { readonly version: number }).version)
        return []
      }),
    end: () =>
      Effect.acquireUseRelease(
        attempt("verify", () => Sqlite.openReader(file)),
        (db) => Sqlite.attempt("verify", () => problemsOf(db, seen)),
        (db) => Effect.sync(() => Sqlite.close(db))
      ).pipe(Effect.catchTag("LogUnavailable", ({ message }) => Effect.succeed([{ problem: "file" as const, message }])))
  }
}

/** Copies the present database. A running owner is not blocked. */
export const copy = (file: string, target: string) =>
  Effect.acquireUseRelease(
    attempt("copy", () => Sqlite.openReader(file)),
    (db) => Sqlite.attempt("copy", () => void db.prepare("VACUUM INTO ?").run(target)),
    (db) => Effect.sync(() => Sqlite.close(db))
  )
