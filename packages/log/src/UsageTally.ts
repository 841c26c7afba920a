/**
 * The bytes of a log's events by block and by stream. A block is a segment, or the rows of up to 1,000 offsets. Blocks are kept from one measurement to the
 * next, which reads only what was appended, packed or removed since. A reading is cut into slices of about a millisecond with pauses between.
 */
import { Effect } from "effect"
import type { LogUnavailable } from "./EventLog.ts"
import * as Segment from "./Segment.ts"
import * as Sqlite from "./Sqlite.ts"

interface Block {
  readonly first: number
  readonly last: number
  readonly bytes: number
  readonly streams: ReadonlyMap<number, number>
}

/** Rows of a slice, and offsets of a block of rows. */
const slice = 1_000
const io = <A>(run: () => A) => Sqlite.attempt("usage", run)

/** Calls `take` for all rows of the query, slice by slice. The query takes the last row's key and the number of rows. */
const scan = <Row extends ReadonlyArray<number>>(
  db: Sqlite.Connection,
  sql: string,
  start: ReadonlyArray<number>,
  keyOf: (row: Row) => ReadonlyArray<number>,
  take: (row: Row) => void
) =>
  Effect.gen(function* () {
    const statement = yield* io(() => db.prepare(sql).raw())
    let after = start
    for (let more = true; more;) {
      const rows = yield* io(() => statement.all(...after, slice) as ReadonlyArray<Row>)
      for (const row of rows) take(row)
      const last = rows.at(-1)
      more = rows.length === slice && last !== undefined
      if (last !== undefined) after = keyOf(last)
      yield* Effect.sleep(1)
    }
  })

const add = (sums: Map<number, number>, key: number, value: number) => sums.set(key, (sums.get(key) ?? 0) + value)

type Found = Omit<Block, "streams">

export class UsageTally {
  readonly #maxOpened: number
  /** Blocks of rows by number, and segments by first offset. */
  readonly #hot = new Map<number, Block>()
  readonly #cold = new Map<number, Block>()
  readonly #streams = new Map<number, number>()
  /** The number of commits that forgot streams. Undefined: streams were being erased, which changes blocks. */
  #generation: string | undefined
  #hotBytes = 0
  #coldBytes = 0

  /** With more new segments than `maxOpened`, the index of all streams is read instead of the segments. */
  constructor(maxOpened = 50) {
    this.#maxOpened = maxOpened
  }

  /** Bytes of the JSON of the events that are not packed. */
  get hotBytes(): number {
    return this.#hotBytes
  }
  get coldBytes(): number {
    return this.#coldBytes
  }

  /** Bytes of the events from this offset on. Within a block of rows all events count as equally large; a segment is not divided. */
  since(offset: number): number {
    let bytes = 0
    for (const block of this.#hot.values()) {
      const { first, last } = block
      const share = first >= offset ? 1 : Math.max(0, last - offset + 1) / (last - first + 1)
      bytes += block.bytes * share
    }
    for (const block of this.#cold.values()) if (block.first >= offset) bytes += block.bytes
    return bytes
  }

  /** The streams with the most bytes, the largest first. A stream has the part of a segment that its number of events is. */
  largest(count: number): ReadonlyArray<readonly [stream: number, bytes: number]> {
    const found: Array<readonly [number, number]> = []
    for (const entry of this.#streams) {
      if (found.length === count && entry[1] <= found[count - 1]![1]) continue
      const at = found.findIndex(([, bytes]) => bytes < entry[1])
      found.splice(at < 0 ? found.length : at, 0, entry)
      if (found.length > count) found.pop()
    }
    return found
  }

  /** Reads what changed since the last call. */
  update(
    db: Sqlite.Connection,
    { head, retainedFrom }: { readonly head: number; readonly retainedFrom: number }
  ): Effect.Effect<void, LogUnavailable> {
    return Effect.gen(this, function* () {
      const [generation, erasing, coldUpTo] = yield* io(
        () =>
          db
            .prepare(
              `SELECT coalesce((SELECT value FROM meta WHERE key = 'generation'), ''), EXISTS (SELECT 1 FROM streams WHERE forgotten > 0),
                 coalesce((SELECT last FROM segments ORDER BY first DESC LIMIT 1), 0)`
            )
            .raw()
            .get() as [string, number, number]
      )

      if (generation !== this.#generation) this.#clear()
      this.#generation = undefined
      yield* this.#readSegments(db, retainedFrom)
      yield* this.#readRows(db, Math.max(coldUpTo, retainedFrom) + 1, head)
      if (erasing === 0) this.#generation = generation
    })
  }

  #clear(): void {
    for (const blocks of [this.#hot, this.#cold]) blocks.clear()
    this.#streams.clear()
    this.#hotBytes = this.#coldBytes = 0
  }

  #put(blocks: Map<number, Block>, key: number, block: Block | undefined): void {
    const old = blocks.get(key)
    if (old !== undefined)
      for (const [stream, bytes] of old.streams) {
        const left = (this.#streams.get(stream) ?? 0) - bytes
        // Less than a byte is what rounding left.
        if (left < 1) this.#streams.delete(stream)
        else this.#streams.set(stream, left)
      }
    if (block === undefined) blocks.delete(key)
    else blocks.set(key, block)
    for (const [stream, bytes] of block?.streams ?? []) add(this.#streams, stream, bytes)
    const bytes = (block?.bytes ?? 0) - (old?.bytes ?? 0)
    if (blocks === this.#hot) this.#hotBytes += bytes
    else this.#coldBytes += bytes
  }

  readonly #readSegments = (db: Sqlite.Connection, retainedFrom: number) =>
    Effect.gen(this, function* () {
      for (const { first, last } of this.#cold.values()) if (last <= retainedFrom) this.#put(this.#cold, first, undefined)
      // The newest segment may have been withdrawn and written again.
      let newest = 0
      for (const first of this.#cold.keys()) newest = Math.max(newest, first)
      this.#put(this.#cold, newest, undefined)
      const found: Array<Found> = []
      yield* scan<readonly [number, number, number]>(
        db,
        "SELECT first, last, length(bytes) FROM segments WHERE first > ? ORDER BY first LIMIT ?",
        [newest - 1],
        ([first]) => [first],
        ([first, last, bytes]) => found.push({ first, last, bytes })
      )
      if (found.length > this.#maxOpened) yield* this.#readIndex(db, found)
      else yield* Effect.forEach(found, (block) => Effect.zipRight(Effect.sleep(1), this.#open(db, block)), { discard: true })
    })

  /** A segment that cannot be read, or was removed meanwhile, counts for no stream. */
  #open(db: Sqlite.Connection, block: Found): Effect.Effect<void, LogUnavailable> {
    return io(() => {
      const stored = db.prepare("SELECT first, last, codec, crc, bytes FROM segments WHERE first = ?").get(block.first)
      const segment = stored === undefined ? undefined : Segment.open(stored as Segment.Stored)
      const counts = segment === undefined || segment instanceof Segment.Damaged ? [] : segment.streams
      this.#put(this.#cold, block.first, { ...block, streams: shares(block, counts) })
    })
  }

  readonly #readIndex = (db: Sqlite.Connection, found: ReadonlyArray<Found>) =>
    Effect.gen(this, function* () {
      const counts = new Map(found.map(({ first }) => [first, new Array<readonly [number, number]>()] as const))
      yield* scan<readonly [number, number, number]>(
        db,
        "SELECT stream, first, count FROM segment_streams WHERE (stream, first) > (?, ?) ORDER BY stream, first LIMIT ?",
        [0, 0],
        ([stream, first]) => [stream, first],
        ([stream, first, count]) => counts.get(first)?.push([stream, count])
      )
      for (const block of found)
        this.#put(this.#cold, block.first, { ...block, streams: shares(block, counts.get(block.first) ?? []) })
    })

  readonly #readRows = (db: Sqlite.Connection, start: number, head: number) =>
    Effect.gen(this, function* () {
      const rows = yield* io(() =>
        db.prepare("SELECT stream, octet_length(json) FROM events WHERE offset >= ? AND offset <= ?").raw()
      )
      const oldest = Math.floor(start / slice)
      for (const number of this.#hot.keys()) if (number < oldest || start > head) this.#put(this.#hot, number, undefined)
      for (let number = oldest; number * slice <= head; number++) {
        const first = Math.max(start, number * slice)
        const last = Math.min(head, (number + 1) * slice - 1)
        const known = this.#hot.get(number)
        if (first > last || (known?.first === first && known.last === last)) continue
        const streams = new Map<number, number>()
        let bytes = 0
        for (const [stream, size] of yield* io(() => rows.all(first, last) as ReadonlyArray<readonly [number, number]>)) {
          add(streams, stream, size)
          bytes += size
        }
        this.#put(this.#hot, number, { first, last, bytes, streams })
        yield* Effect.sleep(1)
      }
    })
}

/** The bytes of a segment by stream. */
const shares = ({ bytes, first, last }: Found, counts: Iterable<readonly [stream: number, count: number]>) =>
  new Map(Array.from(counts, ([stream, count]) => [stream, (count * bytes) / (last - first + 1)] as const))
