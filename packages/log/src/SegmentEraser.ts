/** Erases the contents of a forgotten stream from segments, one at a time. A segment is decompressed and compressed in a thread of the pool. */
import { Effect } from "effect"
import type { LogUnavailable } from "./EventLog.ts"
import { type Marked, masked } from "./Marked.ts"
import * as Segment from "./Segment.ts"
import * as Sqlite from "./Sqlite.ts"
import type { SqliteWriter } from "./SqliteWriter.ts"
import { attempt } from "./Storage.ts"

const nextWithStream = (db: Sqlite.Connection, { forgotten: upTo, id }: Marked, after: number): Segment.Stored | undefined =>
  db
    .prepare(
      `SELECT g.first, g.last, g.codec, g.crc, g.bytes FROM segment_streams i JOIN segments g ON g.first = i.first
       WHERE i.stream = ? AND i.first > ? AND i.first <= ? ORDER BY i.first LIMIT 1`
    )
    .get(id, after, upTo) as Segment.Stored | undefined

/**
 * The segment without the contents of the stream; undefined if it has none. A damaged segment is emptied, because parts of the stream could still be decoded
 * from its bytes. A backup from before the damage has the events of other streams in the segment (LargeValues.ts).
 */
const without = (marked: Marked, stored: Segment.Stored): Effect.Effect<Segment.Stored | undefined> =>
  Effect.gen(function* () {
    const segment = yield* Segment.openInPool(stored)
    if (segment instanceof Segment.Damaged) {
      if (!Segment.isEmptied(stored))
        yield* Effect.logWarning(
          `The events ${stored.first} to ${stored.last} were damaged (${segment.reason}) and are emptied, because a deleted thread had events among them. A backup from before the damage keeps the events of the other threads.`
        )
      return Segment.emptied(stored)
    }
    yield* Effect.yieldNow()
    const content = Segment.rewrite(segment, (row) => masked(row, marked))
    return content === undefined ? undefined : yield* Segment.compress(stored.first, stored.last, content)
  })

/**
 * Erases the stream from the next segment that has events of it, after the segment that begins at `after`. Returns where the erased segment begins;
 * undefined: no further segment has events of it.
 */
export const next = (writer: SqliteWriter, marked: Marked, after: number): Effect.Effect<number | undefined, LogUnavailable> =>
  Effect.gen(function* () {
    const stored = yield* Sqlite.attempt("erase", () => nextWithStream(writer.connection, marked, after))
    if (stored === undefined) return undefined
    const rewritten = yield* without(marked, stored)
    if (rewritten === undefined) return stored.first
    const update = "UPDATE segments SET crc = ?, bytes = ? WHERE first = ? AND crc = ?"
    // Nothing else rewrites a segment; retention may have removed it meanwhile.
    yield* attempt("erase", () =>
      writer.maintain(({ db }) => db.prepare(update).run(rewritten.crc, rewritten.bytes, stored.first, stored.crc))
    )
    return stored.first
  })
