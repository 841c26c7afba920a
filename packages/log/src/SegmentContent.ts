/**
 * The content of a segment before compression: the length of the header (4 bytes, little endian), the header as JSON, and the body.
 *
 * Format 2: most events of a stream differ only in offset, version, time and text. The JSON without these four is a template; the body has the parts of
 * the templates, then the texts, of one stream after the other. So the text of an answer is in one piece, and the completed item repeats it.
 * An event that has another form is a text as a whole.
 *
 * Format 1, written by earlier versions: the body is the JSON of the events one after the other.
 */

import { compose, partsOf, restBytes, type Template, Templates, Times } from "./SegmentTemplates.ts"

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

/** An opened segment. */
export interface Segment {
  readonly first: number
  readonly last: number
  /** Bytes of the JSON of its events. */
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
  /** Length of the JSON in the body; in format 2 of the text. */
  readonly bytes: ReadonlyArray<number>
  /** Offsets whose JSON was damaged. */
  readonly damaged: ReadonlyArray<number>
}

interface Header2 extends Header {
  /** Length of the parts of each template: `partsOf` for each. */
  readonly parts: ReadonlyArray<number>
  /** Index of the template; -1: the text is the whole JSON. */
  readonly template: ReadonlyArray<number>
  /** Milliseconds since the time of the event before, which is 1970 for the first one. */
  readonly time: ReadonlyArray<number>
}

/** More than the events of a segment. */
const maxTypes = 2 ** 20

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

/** As `encode`. Works on the bytes as Latin-1 text, one character per byte: its parts are cheap, and no byte changes. */
export const encodeColumns = (first: number, last: number, columns: Columns): Buffer => {
  const streams: Array<number> = []
  const types: Array<string> = []
  const known = { streams: new Map<number, number>(), types: new Map<string, number>() }
  const versions = new Map<number, number>()
  const templates = new Templates()
  const texts: Array<Array<string>> = []
  const content = Buffer.concat(columns.content)
  let start = 0
  let clock = 0
  const column = (empty: number) => {
    const values: Array<number> = []
    for (let offset = first; offset <= last; offset++) values.push(empty)
    return values
  }
  const header = {
    first,
    streams,
    types,
    stream: column(-1),
    version: column(0),
    type: column(0),
    bytes: column(0),
    template: column(-1),
    time: column(0),
    damaged: columns.damaged
  }
  for (const [row, offset] of columns.offsets.entries()) {
    const i = offset - first
    const stream = columns.streams[row]!
    const version = columns.versions[row]!
    const json = content.toString("latin1", start, (start += columns.sizes[row]!))
    const streamIndex = indexIn(streams, known.streams, stream)
    const typeIndex = indexIn(types, known.types, columns.types[row]!)
    header.stream[i] = streamIndex
    header.version[i] = version - (versions.get(stream) ?? 0)
    header.type[i] = typeIndex
    versions.set(stream, version)
    const split = templates.split({ json, offset, version }, streamIndex * maxTypes + typeIndex)
    const text = split === undefined ? json : split.text
    if (split !== undefined) {
      header.template[i] = split.index
      header.time[i] = split.time - clock
      clock = split.time
    }
    header.bytes[i] = text.length
    const own = (texts[streamIndex] ??= [])
    own.push(text)
  }
  const { parts } = templates
  const head = Buffer.from(JSON.stringify({ ...header, parts: parts.map((part) => part.length) } satisfies Header2))
  const length = Buffer.alloc(4)
  length.writeUInt32LE(head.length)
  return Buffer.concat([length, head, Buffer.from(parts.join("") + texts.map((own) => own.join("")).join(""), "latin1")])
}

/** Where each text of the body begins, and where the last one ends. Format 2 has those of a stream together. */
const startsOf = ({ bytes, stream, streams }: Header, from: number, byStream: boolean) => {
  const sizes = streams.map(() => 0)
  if (byStream) for (const [i, id] of stream.entries()) if (id >= 0) sizes[id]! += bytes[i]!
  let end = from
  const next = sizes.map((size) => (end += size) - size)
  const starts = bytes.map((size, i) => {
    const id = stream[i]!
    const start = byStream && id >= 0 ? next[id]! : end
    if (byStream && id >= 0) next[id]! += size
    else end += size
    return start
  })
  return { starts, end }
}

/** Latin-1: a character for each byte. */
type Encoding = "utf8" | "latin1"

/** The JSON, or the text, of the event with the index `i`. */
type ReadJson = (i: number) => string

/** How to read the JSON of events of format 2, and its bytes altogether. */
const templated = (
  content: Buffer,
  header: Header2,
  from: number,
  versions: ReadonlyArray<number>,
  text: ReadJson,
  encoding: Encoding
) => {
  const { bytes, first, parts, stream, template, time } = header
  let at = from
  const strings = parts.map((size) => content.toString(encoding, at, (at += size)))
  const templates = Array.from({ length: parts.length / partsOf }, (_, n): Template => {
    const [a = "", b = "", c = "", d = ""] = strings.slice(n * partsOf, (n + 1) * partsOf)
    return [a, b, c, d]
  })
  const sizes = templates.map((_, n) => parts.slice(n * partsOf, (n + 1) * partsOf).reduce((sum, size) => sum + size, 0))
  let clock = 0
  const times = time.map((millis) => (clock += millis))
  let total = 0
  for (const [i, size] of bytes.entries())
    if (stream[i]! >= 0) total += size + (template[i]! < 0 ? 0 : sizes[template[i]!]! + restBytes(first + i, versions[i]!))
  const format = new Times()
  const json: ReadJson = (i) =>
    template[i]! < 0 ? text(i) : compose(templates[template[i]!]!, first + i, versions[i]!, format.format(times[i]!), text(i))
  return { json, total }
}

const isTemplated = (header: Header | Header2): header is Header2 => "template" in header

/** May throw if the content was not made by `encode`. */
export const decode = (content: Buffer, first: number, last: number, encoding: Encoding = "utf8"): Segment | Damaged => {
  const start = 4 + content.readUInt32LE(0)
  const header = JSON.parse(content.toString("utf8", 4, start)) as Header | Header2
  const size = last - first + 1
  const { bytes, stream, streams, type, types } = header
  const columns = [stream, header.version, type, bytes, ...(isTemplated(header) ? [header.template, header.time] : [])]
  if (header.first !== first || columns.some((column) => column.length !== size))
    return new Damaged("its header does not match its offsets")
  const versions: Array<number> = []
  const latest = new Map<number, number>()
  const counts = new Map<number, number>()
  for (let i = 0; i < size; i++) {
    const id = streams[stream[i]!]
    const version = (id === undefined ? 0 : (latest.get(id) ?? 0)) + header.version[i]!
    versions.push(version)
    if (id === undefined) continue
    counts.set(id, (counts.get(id) ?? 0) + 1)
    latest.set(id, version)
  }
  const body = isTemplated(header) ? header.parts.reduce((sum, part) => sum + part, start) : start
  const { end, starts } = startsOf(header, body, isTemplated(header))
  if (end !== content.length) return new Damaged("its length does not match its header")
  if (isTemplated(header) && header.template.some((index) => index >= header.parts.length / partsOf))
    return new Damaged("its header does not match its templates")
  const text: ReadJson = (i) => content.toString(encoding, starts[i], starts[i]! + bytes[i]!)
  const { json, total } = isTemplated(header)
    ? templated(content, header, start, versions, text, encoding)
    : { json: text, total: content.length - start }
  const damaged = new Set(header.damaged)
  return {
    first,
    last,
    bytes: total,
    streams: counts,
    streamAt: (offset) => streams[stream[offset - first]!],
    row: (offset) => {
      const i = offset - first
      const id = streams[stream[i]!]
      if (id === undefined) return undefined
      return { offset, stream: id, version: versions[i]!, type: types[type[i]!]!, json: json(i), valid: !damaged.has(offset) }
    }
  }
}

/**
 * The first offset at which the content of `encodeColumns` does not give the row of the columns again, byte for byte; undefined if there is none. May
 * throw, as `decode`.
 */
export const firstDifference = (content: Buffer, first: number, last: number, columns: Columns): number | undefined => {
  const segment = decode(content, first, last, "latin1")
  if (segment instanceof Damaged) return first
  const all = Buffer.concat(columns.content)
  const damaged = new Set(columns.damaged)
  let start = 0
  let row = 0
  for (let offset = first; offset <= last; offset++) {
    const found = segment.row(offset)
    if (columns.offsets[row] !== offset) {
      if (found !== undefined) return offset
      continue
    }
    const json = all.toString("latin1", start, (start += columns.sizes[row]!))
    const isSame =
      found !== undefined &&
      found.json === json &&
      found.stream === columns.streams[row] &&
      found.version === columns.versions[row] &&
      found.type === columns.types[row] &&
      found.valid !== damaged.has(offset)
    if (!isSame) return offset
    row++
  }
  return row === columns.offsets.length && start === all.length ? undefined : last
}
