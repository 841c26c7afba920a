/** The size of a SQLite log on the disk. */
import { Effect } from "effect"
import { statSync } from "node:fs"
import type { DiskUsage, LogUnavailable } from "./EventLog.ts"
import * as Sqlite from "./Sqlite.ts"

/** Rows that one query sums. SQLite reads only the length of a blob, not the blob. */
const slice = 1_000

const step = <A>(run: () => A) => Sqlite.attempt("disk", run)

/** Number of rows and sum of a column. Yields after each 1,000 rows. */
const total = (db: Sqlite.Connection, table: string, key: string, size: string) => {
  const statement = db
    .prepare(
      `SELECT count(*), total(size), max(key)
       FROM (SELECT ${key} AS key, ${size} AS size FROM ${table} WHERE ${key} > ? ORDER BY ${key} LIMIT ${slice})`
    )
    .raw()
  return Effect.gen(function* () {
    let [count, bytes, after] = [0, 0, 0]
    for (let found = slice; found === slice;) {
      const [rows, size, last] = yield* step(() => statement.get(after) as [number, number, number | null])
      count += rows
      bytes += size
      after = last ?? after
      found = rows
      yield* Effect.yieldNow()
    }
    return { count, bytes }
  })
}

const blobsOf = (db: Sqlite.Connection) => total(db, "blobs", "id", "stored")

/** Bytes of the blobs as they are stored. */
export const ofBlobs = (db: Sqlite.Connection): Effect.Effect<number, LogUnavailable> =>
  Effect.suspend(() => Effect.map(blobsOf(db), ({ bytes }) => bytes))

const fileOf = (file: string, db: Sqlite.Connection) => {
  const pages = db
    .prepare("SELECT page_count, freelist_count, page_size FROM pragma_page_count, pragma_freelist_count, pragma_page_size")
    .raw()
  return step(() => {
    const [count, free, size] = pages.get() as [number, number, number]
    return {
      fileBytes: count * size,
      walBytes: statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0,
      freeBytes: free * size
    }
  })
}

/** Bytes of the file, of its WAL, and of its free pages. */
export const ofFile = (file: string, db: Sqlite.Connection): ReturnType<typeof fileOf> => Effect.suspend(() => fileOf(file, db))

/** `db`: a reading connection. */
export const of = (file: string, db: Sqlite.Connection): Effect.Effect<DiskUsage, LogUnavailable> => {
  const coldUpTo = db.prepare("SELECT coalesce((SELECT last FROM segments ORDER BY first DESC LIMIT 1), 0)").pluck()
  const [segments, blobs, pages] = [total(db, "segments", "first", "length(bytes)"), blobsOf(db), fileOf(file, db)]
  return Effect.gen(function* () {
    const { bytes, count } = yield* segments
    const blobBytes = (yield* blobs).bytes
    const sizes = yield* pages
    return { ...sizes, segments: count, coldBytes: bytes, coldUpTo: yield* step(() => coldUpTo.get() as number), blobBytes }
  })
}
