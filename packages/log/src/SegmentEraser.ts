/** Erases the contents of a forgotten stream from segments, one at a time, inside the caller's transaction. */
import { forgotten, forgottenType } from "./Forgotten.ts"
import * as Segment from "./Segment.ts"
import type * as Sqlite from "./Sqlite.ts"

interface Marked {
  readonly id: number
  readonly name: string
  readonly forgotten: number
}

/**
 * Rewrites the next segment with events of the stream, after the segment that begins at `after`. Returns where it begins; undefined: there is none. A damaged
 * segment is emptied: its events cannot be read, but parts of them could be decoded.
 */
export const next = (db: Sqlite.Connection, { forgotten: upTo, id, name }: Marked, after: number): number | undefined => {
  const stored = db
    .prepare(
      `SELECT g.first, g.last, g.codec, g.crc, g.bytes FROM segment_streams i JOIN segments g ON g.first = i.first
       WHERE i.stream = ? AND i.first > ? AND i.first <= ? ORDER BY i.first LIMIT 1`
    )
    .get(id, after, upTo) as Segment.Stored | undefined
  if (stored === undefined) return undefined
  const segment = Segment.open(stored)
  const erased = (row: Segment.Row): Segment.Row =>
    row.stream === id && row.offset <= upTo && row.type !== forgottenType
      ? { ...row, ...forgotten({ ...row, stream: name }), stream: id, valid: true }
      : row
  const rewritten =
    segment instanceof Segment.Damaged ? { ...stored, crc: 0, bytes: new Uint8Array() } : Segment.rewrite(segment, erased)
  if (rewritten !== undefined)
    db.prepare("UPDATE segments SET crc = ?, bytes = ? WHERE first = ?").run(rewritten.crc, rewritten.bytes, stored.first)
  return stored.first
}
