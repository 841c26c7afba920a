/** The size of a SQLite log on the disk. */
import { Effect } from "effect"
import { statSync } from "node:fs"
import type { DiskUsage, LogUnavailable } from "./EventLog.ts"
import * as Sqlite from "./Sqlite.ts"

/** Rows that one query sums. SQLite reads only the length of a blob, not the blob. */
const slice = 1_000

/** `db`: a reading connection. Yields after each 1,000 segments or blobs. */
export const of = (file: string, db: Sqlite.Connection): Effect.Effect<DiskUsage, LogUnavailable> => {
  const pages = db
    .prepare("SELECT page_count, freelist_count, page_size FROM pragma_page_count, pragma_freelist_count, pragma_page_size")
    .raw()
  const coldUpTo = db.prepare("SELECT coalesce((SELECT last FROM segments ORDER BY first DESC LIMIT 1), 0)").pluck()
  const sum = (table: string, key: string, size: string) =>
    db
      .prepare(
        `SELECT count(*), total(size), max(key)
         FROM (SELECT ${key} AS key, ${size} AS size FROM ${table} WHERE ${key} > ? ORDER BY ${key} LIMIT ${slice})`
      )
      .raw()
  const step = <A>(run: () => A) => Sqlite.attempt("disk", run)
  const total = (statement: Sqlite.Statement) =>
    Effect.gen(function* () {
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
  const [segments, blobs] = [sum("segments", "first", "length(bytes)"), sum("blobs", "id", "stored")]
  return Effect.gen(function* () {
    const cold = yield* total(segments)
    const blobBytes = (yield* total(blobs)).bytes
    return yield* step(() => {
      const [count, free, size] = pages.get() as [number, number, number]
      return {
        fileBytes: count * size,
        walBytes: statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0,
        freeBytes: free * size,
        segments: cold.count,
        coldBytes: cold.bytes,
        coldUpTo: coldUpTo.get() as number,
        blobBytes
      }
    })
  })
}
