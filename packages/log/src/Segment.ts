/**
 * A segment: a run of consecutive events as one compressed blob (`SegmentContent`). The checksum covers the compressed bytes, so damage is found before
 * anything is decoded.
 */
import { Effect } from "effect"
import { promisify } from "node:util"
import {
  brotliCompress,
  brotliCompressSync,
  brotliDecompress,
  brotliDecompressSync,
  constants,
  crc32,
  type BrotliOptions
} from "node:zlib"
import { type Columns, Damaged, decode, encode, type Encoded, firstDifference, type Row, type Segment } from "./SegmentContent.ts"

export {
  type Columns,
  Damaged,
  encode,
  encodeColumns,
  type Encoded,
  firstDifference,
  type Row,
  type Segment
} from "./SegmentContent.ts"

/** Maximum number of events in a segment, and maximum bytes of their JSON. A single event may be larger. */
export const maxEvents = 1_000
export const maxBytes = 1024 * 1024

/** A row of the table `segments`. */
export interface Stored {
  readonly first: number
  readonly last: number
  readonly codec: string
  readonly crc: number
  readonly bytes: Uint8Array
}

const codec = "brotli"

const checked = (stored: Stored): Damaged | undefined =>
  stored.codec !== codec
    ? new Damaged(`this program does not know its compression, ${stored.codec}`)
    : crc32(stored.bytes) !== stored.crc
      ? new Damaged("its checksum is wrong")
      : undefined

const damage = (cause: unknown): Damaged => new Damaged(cause instanceof Error ? cause.message : String(cause))

/** Opens a segment: about 1 ms of CPU for 1,000 text deltas. */
export const open = (stored: Stored): Segment | Damaged => {
  try {
    return checked(stored) ?? decode(brotliDecompressSync(stored.bytes), stored.first, stored.last)
  } catch (cause) {
    return damage(cause)
  }
}

const inPool = {
  compress: promisify<Uint8Array, BrotliOptions, Buffer>(brotliCompress),
  decompress: promisify<Uint8Array, BrotliOptions, Buffer>(brotliDecompress)
}

// The result is assembled of chunks, and each chunk is a call of the pool: large ones.
const options = (content: Uint8Array): BrotliOptions => ({
  chunkSize: 64 * 1024,
  params: { [constants.BROTLI_PARAM_QUALITY]: 3, [constants.BROTLI_PARAM_SIZE_HINT]: content.byteLength }
})
/** The segment without any content, because it was damaged when a thread with events in it was deleted. */
export const emptied = (stored: Stored): Stored => ({ ...stored, crc: 0, bytes: new Uint8Array() })
export const isEmptied = ({ bytes, crc }: Pick<Stored, "bytes" | "crc">): boolean => crc === 0 && bytes.length === 0

const stored = (first: number, last: number, bytes: Uint8Array): Stored => ({ first, last, codec, crc: crc32(bytes), bytes })

/**
 * Where compression runs. "pool": in a thread, so that it does not hold the event loop. "here": on the event loop, 1 ms for 256 KiB, which takes less
 * processor time, because the data stay in one core's cache.
 */
export type Where = "pool" | "here"

/** Compresses the content of `encode`. */
export const compress = (first: number, last: number, content: Uint8Array, where: Where = "pool"): Effect.Effect<Stored> =>
  Effect.map(
    where === "here"
      ? Effect.sync(() => brotliCompressSync(content, options(content)))
      : Effect.promise(() => inPool.compress(content, options(content))),
    (bytes) => stored(first, last, bytes)
  )

/** The content of the segment with other rows at the same offsets, for `compress`; undefined if no row changes. */
export const rewrite = (segment: Segment, change: (row: Row) => Row): Uint8Array | undefined => {
  const { first, last } = segment
  let changed = false
  const rows: Array<Row> = []
  for (let offset = first; offset <= last; offset++) {
    const row = segment.row(offset)
    if (row === undefined) continue
    const next = change(row)
    changed ||= next !== row
    rows.push(next)
  }
  return changed ? encode(first, last, rows) : undefined
}

/** The content that `encode` made, decompressed. `size`: how many bytes that were, if it is known: then it is one piece of work. */
export const contentOf = (stored: Stored, size?: number, where: Where = "pool"): Effect.Effect<Buffer, Damaged> =>
  Effect.suspend(() => {
    const wrong = checked(stored)
    const options = { chunkSize: size === undefined ? 256 * 1024 : size + 64 }
    if (wrong !== undefined) return Effect.fail(wrong)
    return where === "here"
      ? Effect.try({ try: () => brotliDecompressSync(stored.bytes, options), catch: damage })
      : Effect.tryPromise({ try: () => inPool.decompress(stored.bytes, options), catch: damage })
  })

/** Fails if the segment does not give the rows that were packed again. */
export const verify = (
  stored: Stored,
  columns: Columns,
  { content, damaged }: Encoded,
  where: Where
): Effect.Effect<void, Damaged> =>
  contentOf(stored, content.byteLength, where).pipe(
    Effect.flatMap((content) =>
      Effect.try({ try: () => firstDifference(content, stored.first, stored.last, columns, damaged), catch: damage })
    ),
    Effect.filterOrFail(
      (offset) => offset === undefined,
      (offset) => new Damaged(`it does not hold the event ${offset} as it was`)
    ),
    Effect.asVoid
  )

/** Like `open`, but decompresses in a thread of the pool. The rest takes about 1 ms on the event loop for 1 MiB. */
export const openInPool = (stored: Stored): Effect.Effect<Segment | Damaged> =>
  contentOf(stored).pipe(
    Effect.flatMap((content) => Effect.try({ try: () => decode(content, stored.first, stored.last), catch: damage })),
    Effect.merge
  )
