/** Reads the events that are in segments, inside the read transaction of `SqliteReader`. Keeps the four newest segments open. */
import { corrupt, type EventRow, eventOf } from "./EventRow.ts"
import type { StoredEvent } from "./EventLog.ts"
import * as Segment from "./Segment.ts"
import type { Expand } from "./SharedText.ts"
import * as Sqlite from "./Sqlite.ts"
import { StorageFailure } from "./Storage.ts"

const maxOpen = 4

interface Found {
  readonly first: number
  readonly last: number
  readonly codec: string
  readonly crc: number
  /** Number of events in the segment of the requested stream. */
  readonly count: number
}

/** The events of one segment after an offset, in order. */
export interface Part {
  readonly first: number
  readonly last: number
  /** Bytes of the segment's content; 0 if it is damaged. */
  readonly bytes: number
  readonly events: Iterable<StoredEvent>
}

/**
 * The unreadable events of a damaged segment. The offsets of a stream in it are unknown, but the index of streams has their number: the last offsets of the
 * segment count as those of the stream.
 */
function* lost({ count, first, last }: Found, after: number, stream: string | undefined, reason: string): Generator<StoredEvent> {
  const text = `the segment of the events ${first} to ${last} is damaged: ${reason}`
  for (let offset = Math.max(after + 1, stream === undefined ? first : last - count + 1); offset <= last; offset++)
    yield corrupt(offset, text, undefined, stream)
}

export class SegmentReader {
  readonly #next: Sqlite.Statement
  readonly #nextOfStream: Sqlite.Statement
  readonly #bytes: Sqlite.Statement
  readonly #stream: Sqlite.Statement
  readonly #expand: Expand
  readonly #open = new Map<string, Segment.Segment | Segment.Damaged>()

  constructor(db: Sqlite.Connection, expand: Expand) {
    this.#expand = expand
    // The first segment that ends after the offset contains the offset, or is the next one.
    const from = "coalesce((SELECT max(first) FROM segments WHERE first <= ?), 0)"
    this.#next = db.prepare(
      `SELECT first, last, codec, crc, 0 AS count FROM segments WHERE first >= ${from} AND last > ? ORDER BY first LIMIT 1`
    )
    this.#nextOfStream = db.prepare(
      `SELECT g.first, g.last, g.codec, g.crc, i.count FROM segment_streams i JOIN segments g ON g.first = i.first
       WHERE i.first >= ${from} AND g.last > ? AND i.stream = (SELECT id FROM streams WHERE name = ?) ORDER BY i.first LIMIT 1`
    )
    this.#bytes = db.prepare("SELECT bytes FROM segments WHERE first = ?").pluck()
    this.#stream = db.prepare("SELECT id, name, forgotten FROM streams WHERE id = ?").raw()
  }

  /** The events after the offset in the next segment. With `stream`, in the next segment that has events of this stream. `undefined` if there is no such segment. */
  next(after: number, stream: string | undefined): Part | undefined {
    const found = (stream === undefined ? this.#next.get(after, after) : this.#nextOfStream.get(after, after, stream)) as
      | Found
      | undefined
    if (found === undefined) return undefined
    const { first, last } = found
    const segment = this.#opened(found)
    return segment instanceof Segment.Damaged
      ? { first, last, bytes: 0, events: lost(found, after, stream, segment.reason) }
      : { first, last, bytes: segment.bytes, events: this.#events(segment, after, stream) }
  }

  *#events(segment: Segment.Segment, after: number, stream: string | undefined): Generator<StoredEvent> {
    const streams = new Map<number, readonly [name: string | null, forgotten: number]>()
    for (const id of segment.streams.keys()) {
      const row = this.#stream.get(id) as readonly [id: number, name: string, forgotten: number] | undefined
      streams.set(id, row === undefined ? [null, 0] : [row[1], row[2]])
    }
    for (let offset = Math.max(after + 1, segment.first); offset <= segment.last; offset++) {
      const id = segment.streamAt(offset)
      const [name, forgotten] = (id === undefined ? undefined : streams.get(id)) ?? [null, 0]
      if (stream !== undefined && name !== stream) continue
      const row = segment.row(offset)
      if (row === undefined) yield corrupt(offset, "it is missing")
      else
        yield eventOf(
          [offset, name, row.type, row.json, row.valid ? 1 : 0, offset <= forgotten ? 1 : 0, row.version] satisfies EventRow,
          this.#expand
        )
    }
  }

  /** Cached segments by checksum, because a segment may be rewritten. */
  #opened(found: Found): Segment.Segment | Segment.Damaged {
    const key = `${found.first} ${found.last} ${found.crc}`
    const known = this.#open.get(key)
    this.#open.delete(key)
    const segment = known ?? this.#read(found)
    this.#open.set(key, segment)
    if (this.#open.size > maxOpen) for (const oldest of this.#open.keys()) return (this.#open.delete(oldest), segment)
    return segment
  }

  #read(found: Found): Segment.Segment | Segment.Damaged {
    try {
      return Segment.open({ ...found, bytes: this.#bytes.get(found.first) as Uint8Array })
    } catch (cause) {
      const failure = Sqlite.asFailure(cause)
      if (failure instanceof StorageFailure && failure.reason === "corrupt") return new Segment.Damaged(failure.message)
      throw cause
    }
  }
}
