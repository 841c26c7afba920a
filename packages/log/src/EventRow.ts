/** A stored event, from the table or from a segment, and the event that is delivered for it. All reads pass through here. */
import { corruptType, type StoredEvent, unreadableStream } from "./EventLog.ts"
import { forgotten, noTime } from "./Forgotten.ts"
import type { Expand } from "./SharedText.ts"

/** `stream`: its name; null if the table `streams` does not have it. `valid`, `isForgotten`: 1 or 0, as SQLite returns them. */
export type EventRow = readonly [
  offset: number,
  stream: string | null,
  type: string,
  json: string,
  valid: number,
  isForgotten: number | null,
  version: number
]

/** The event that replaces an unreadable event (L6). `stream`: if it is known although the row is not. */
export const corrupt = (offset: number, reason: string, row?: EventRow, known = unreadableStream): StoredEvent => {
  const stream = row?.[1] ?? known
  return {
    offset,
    stream,
    type: corruptType,
    json: JSON.stringify({
      offset,
      stream,
      version: row?.[6] ?? 0,
      type: corruptType,
      at: noTime,
      epoch: 0,
      data: { ...(row === undefined ? {} : { type: row[2] }), reason }
    })
  }
}

/** The event of a row: its JSON with its texts, `log.forgotten` if its stream is forgotten up to it, or `log.corrupt` if it is damaged. */
export const eventOf = (row: EventRow, expand: Expand): StoredEvent => {
  const [offset, stream, type, json, valid, isForgotten, version] = row
  if (stream === null) return corrupt(offset, "its stream is unknown", row)
  if (isForgotten === 1) return forgotten({ offset, stream, version, json })
  if (valid !== 1) return corrupt(offset, "its JSON is damaged", row)
  const whole = expand(json)
  return whole === undefined ? corrupt(offset, "a text of it cannot be read", row) : { offset, stream, type, json: whole }
}
