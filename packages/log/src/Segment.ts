/**
 * A segment: a run of consecutive events as one compressed blob. Content before compression: the length of the header (4 bytes, little endian), the header
 * as JSON, and the wire JSON of the events, byte for byte, one after the other. The checksum covers the compressed bytes, so damage is found before
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

/** Most events of a segment, and most bytes of their JSON if it has more than one event. */
export const maxEvents = 1_000
export const maxBytes = 1024 * 1024

/** A row of the table `events`. `stream`: the id of its stream. `valid`: whether `json` is JSON. */
export interface Row {
  readonly offset: number
  readonly stream: number
  readonly version: number
  readonly type: string
  readonly json: string
  readonly valid: boolean
}

/** The rows of a run by column, in the order of their offsets. `sizes`: bytes of the JSON; `content`: the JSON of all, in any number of parts. */
export interface Columns {
  readonly offsets: ReadonlyArray<number>
  readonly streams: ReadonlyArray<number>
  readonly versions: ReadonlyArray<number>
  readonly types: ReadonlyArray<string>
  readonly sizes: ReadonlyArray<number>
  readonly content: ReadonlyArray<Uint8Array>
  /** Offsets whose JSON is damaged. */
  readonly damaged: ReadonlyArray<number>
}

/** A row of the table `segments`. */
export interface Stored {
  readonly first: number
  readonly last: number
  readonly codec: string
  readonly crc: number
  readonly bytes: Uint8Array
}

/** The columns have one entry for each offset. */
interface Header {
  readonly first: number
  readonly streams: ReadonlyArray<number>
  readonly types: ReadonlyArray<string>
  /** Index into `streams`; -1: the row was missing. */
  readonly stream: ReadonlyArray<number>
  /** The version minus that of the stream's event before, which is 0 for the first one of the segment. */
  readonly version: ReadonlyArray<number>
  /** Index into `types`. */
  readonly type: ReadonlyArray<number>
  /** Length of the JSON. */
  readonly bytes: ReadonlyArray<number>
  /** Offsets whose JSON was damaged. */
  readonly damaged: ReadonlyArray<number>
}

/** An opened segment. */
export interface Segment {
  readonly first: number
  readonly last: number
  /** Length of the content before compression. */
  readonly bytes: number
  /** Number of events by stream. */
  readonly streams: ReadonlyMap<number, number>
  /** Undefined if the row was missing when the segment was packed. */
  readonly row: (offset: number) => Row | undefined
  /** The id of the stream, without reading the event. */
  readonly streamAt: (offset: number) => number | undefined
}

/** The segment cannot be read: why. */
export class Damaged {
  readonly reason: string
  constructor(reason: string) {
    this.reason = reason
  }
}

const codec = "brotli"

const indexIn = <A>(list: Array<A>, known: Map<A, number>, value: A): number => {
  const found = known.get(value)
  if (found !== undefined) return found
  known.set(value, list.length)
  return list.push(value) - 1
}

/** The content of a segment of the offsets from `first` to `last`, with the rows that exist, by offset. */
export const encode = (first: number, last: number, rows: ReadonlyArray<Row>): Buffer => {
  const content = rows.map(({ json }) => Buffer.from(json))
  return encodeColumns(first, last, {
    offsets: rows.map(({ offset }) => offset),
    streams: rows.map(({ stream }) => stream),
    versions: rows.map(({ version }) => version),
    types: rows.map(({ type }) => type),
    sizes: content.map(({ byteLength }) => byteLength),
    content,
    damaged: rows.flatMap(({ offset, valid }) => (valid ? [] : [offset]))
  })
}

/** As `encode`. */
export const encodeColumns = (first: number, last: number, columns: Columns): Buffer => {
  const streams: Array<number> = []
  const types: Array<string> = []
  const known = { streams: new Map<number, number>(), types: new Map<string, number>() }
  const versions = new Map<number, number>()
  const column = (empty: number) => Array.from({ length: last - first + 1 }, () => empty)
  const header = {
    first,
    streams,
    types,
    stream: column(-1),
    version: column(0),
    type: column(0),
    bytes: column(0),
    damaged: columns.damaged
  } satisfies Header
  for (const [row, offset] of columns.offsets.entries()) {
    const i = offset - first
    const stream = columns.streams[row]!
    const version = columns.versions[row]!
    header.stream[i] = indexIn(streams, known.streams, stream)
    header.version[i] = version - (versions.get(stream) ?? 0)
    header.type[i] = indexIn(types, known.types, columns.types[row]!)
    header.bytes[i] = columns.sizes[row]!
    versions.set(stream, version)
  }
  const head = Buffer.from(JSON.stringify(header))
  const length = Buffer.alloc(4)
  length.writeUInt32LE(head.length)
  return Buffer.concat([length, head, ...columns.content])
}

const read = (content: Buffer, { first, last }: Stored): Segment | Damaged => {
  const start = 4 + content.readUInt32LE(0)
  const header = JSON.parse(content.toString("utf8", 4, start)) as Header
  const size = last - first + 1
  const { bytes, stream, streams, type, types } = header
  if (header.first !== first || [stream, header.version, type, bytes].some((column) => column.length !== size))
    return new Damaged("its header does not match its offsets")
  const starts: Array<number> = []
  const versions: Array<number> = []
  const latest = new Map<number, number>()
  const counts = new Map<number, number>()
  let end = start
  for (let i = 0; i < size; i++) {
    starts.push(end)
    end += bytes[i]!
    const id = streams[stream[i]!]
    const version = (id === undefined ? 0 : (latest.get(id) ?? 0)) + header.version[i]!
    versions.push(version)
    if (id === undefined) continue
    counts.set(id, (counts.get(id) ?? 0) + 1)
    latest.set(id, version)
  }
  if (end !== content.length) return new Damaged("its length does not match its header")
  const damaged = new Set(header.damaged)
  return {
    first,
    last,
    bytes: content.length,
    streams: counts,
    streamAt: (offset) => streams[stream[offset - first]!],
    row: (offset) => {
      const i = offset - first
      const id = streams[stream[i]!]
      if (id === undefined) return undefined
      const json = content.toString("utf8", starts[i], starts[i]! + bytes[i]!)
      return { offset, stream: id, version: versions[i]!, type: types[type[i]!]!, json, valid: !damaged.has(offset) }
    }
  }
}

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
    return checked(stored) ?? read(brotliDecompressSync(stored.bytes), stored)
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
  params: { [constants.BROTLI_PARAM_QUALITY]: 4, [constants.BROTLI_PARAM_SIZE_HINT]: content.byteLength }
})
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

/** As `open`; decompresses in a thread of the pool. What remains on the event loop is about 1 ms for 1 MiB. */
export const openInPool = (stored: Stored): Effect.Effect<Segment | Damaged> =>
  contentOf(stored).pipe(
    Effect.flatMap((content) => Effect.try({ try: () => read(content, stored), catch: damage })),
    Effect.merge
  )
