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

/** The rows of a run by column, in the order of their offsets. `sizes`: bytes of the JSON; `content`: the JSON of all, in parts of whole rows. */
export interface Columns {
  readonly offsets: ReadonlyArray<number>
  readonly streams: ReadonlyArray<number>
  readonly versions: ReadonlyArray<number>
  readonly types: ReadonlyArray<string>
  readonly sizes: ReadonlyArray<number>
  readonly content: ReadonlyArray<Uint8Array>
}

/** What `encodeColumns` made, and the offsets whose JSON is damaged. */
export interface Encoded {
  readonly content: Buffer
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
  const columns = {
    offsets: rows.map(({ offset }) => offset),
    streams: rows.map(({ stream }) => stream),
    versions: rows.map(({ version }) => version),
    types: rows.map(({ type }) => type),
    sizes: content.map(({ byteLength }) => byteLength),
    content
  }
  return encodeColumns(
    first,
    last,
    columns,
    rows.flatMap(({ offset, valid }) => (valid ? [] : [offset]))
  ).content
}

/** V8 handles longer texts in another way: to make one of 850 KiB takes 7 ms, and its bytes in short texts 0.2 ms. */
const maxText = 128 * 1024

/** The JSON of the rows as Latin-1 text, one character per byte: its parts are cheap, and no byte changes. One text per part of the content (`maxText`). */
class Texts {
  readonly #content: ReadonlyArray<Uint8Array>
  #part = -1
  all = ""
  start = 0
  end = 0

  constructor({ content }: Columns) {
    this.#content = content
  }

  /** Goes to the next row, which has so many bytes. False: there are not as many. */
  next(size: number): boolean {
    this.start = this.end
    if (size === 0) return true
    while (this.start === this.all.length) {
      const part = this.#content[++this.#part]
      if (part === undefined) return false
      this.all = Buffer.from(part.buffer, part.byteOffset, part.byteLength).toString("latin1")
      this.start = 0
    }
    this.end = this.start + size
    return this.end <= this.all.length
  }

  /** Whether there is no row after this one. */
  isLast(): boolean {
    return this.end === this.all.length && this.#content.slice(this.#part + 1).every(({ byteLength }) => byteLength === 0)
  }
}

/** The texts one after the other, one byte per character. No text of all of them is made (`maxText`). */
const bytesOfTexts = (lists: ReadonlyArray<ReadonlyArray<string>>): Buffer => {
  let size = 0
  for (const list of lists) for (const text of list) size += text.length
  const bytes = Buffer.allocUnsafe(size)
  let at = 0
  for (const list of lists) for (const text of list) at += bytes.write(text, at, "latin1")
  return bytes
}

/** As `encode`. `damaged`: the offsets whose JSON is damaged, or a function that finds out which: whether a text, one character per byte, is JSON. */
export const encodeColumns = (
  first: number,
  last: number,
  columns: Columns,
  damaged: ReadonlyArray<number> | ((json: string) => boolean)
): Encoded => {
  const streams: Array<number> = []
  const types: Array<string> = []
  const known = { streams: new Map<number, number>(), types: new Map<string, number>() }
  const versions: Array<number> = []
  const templates = new Templates(typeof damaged === "function" ? damaged : () => true)
  const found: Array<number> = []
  const texts: Array<Array<string>> = []
  const part = new Texts(columns)
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
    time: column(0)
  }
  for (let row = 0; row < columns.offsets.length; row++) {
    const offset = columns.offsets[row]!
    const i = offset - first
    const version = columns.versions[row]!
    if (!part.next(columns.sizes[row]!)) throw new Error(`the JSON of the event ${offset} does not have its size`)
    const streamIndex = indexIn(streams, known.streams, columns.streams[row]!)
    const typeIndex = indexIn(types, known.types, columns.types[row]!)
    header.stream[i] = streamIndex
    header.version[i] = version - (versions[streamIndex] ?? 0)
    header.type[i] = typeIndex
    versions[streamIndex] = version
    const { index, isValid, text, time } = templates.split(part, offset, version, streamIndex * maxTypes + typeIndex)
    if (!isValid) found.push(offset)
    if (index >= 0) {
      header.template[i] = index
      header.time[i] = time - clock
      clock = time
    }
    header.bytes[i] = text.length
    const streamTexts = (texts[streamIndex] ??= [])
    streamTexts.push(text)
  }
  const { parts } = templates
  const wrong = typeof damaged === "function" ? found : damaged
  const head = Buffer.from(
    JSON.stringify({ ...header, damaged: wrong, parts: parts.map((part) => part.length) } satisfies Header2)
  )
  const length = Buffer.alloc(4)
  length.writeUInt32LE(head.length)
  return { content: Buffer.concat([length, head, bytesOfTexts([parts, ...texts])]), damaged: wrong }
}

/** Where each text of the body begins, and where the last one ends. Format 2 has those of a stream together. */
const startsOf = ({ bytes, stream, streams }: Header, from: number, byStream: boolean) => {
  const sizes = streams.map(() => 0)
  if (byStream) for (let i = 0; i < stream.length; i++) if (stream[i]! >= 0) sizes[stream[i]!]! += bytes[i]!
  let end = from
  const next = sizes.map((size) => (end += size) - size)
  const starts: Array<number> = []
  for (let i = 0; i < bytes.length; i++) {
    const id = stream[i]!
    starts.push(byStream && id >= 0 ? next[id]! : end)
    if (byStream && id >= 0) next[id]! += bytes[i]!
    else end += bytes[i]!
  }
  return { starts, end }
}

/** The templates of format 2, and the time of each event in milliseconds. */
const templatesOf = ({ parts, time }: Header2, body: (start: number, size: number) => string, from: number) => {
  let at = from
  const strings = parts.map((size) => body((at += size) - size, size))
  const templates = Array.from({ length: parts.length / partsOf }, (_, n): Template => {
    const [a = "", b = "", c = "", d = ""] = strings.slice(n * partsOf, (n + 1) * partsOf)
    return [a, b, c, d]
  })
  let clock = 0
  return { templates, times: time.map((millis) => (clock += millis)) }
}

/** Bytes of the JSON of all events of format 2. */
const bytesOf = ({ bytes, first, parts, stream, template }: Header2, versions: ReadonlyArray<number>): number => {
  const sizes = Array.from({ length: parts.length / partsOf }, (_, n) =>
    parts.slice(n * partsOf, (n + 1) * partsOf).reduce((sum, size) => sum + size, 0)
  )
  let total = 0
  for (const [i, size] of bytes.entries())
    if (stream[i]! >= 0) total += size + (template[i]! < 0 ? 0 : sizes[template[i]!]! + restBytes(first + i, versions[i]!))
  return total
}

const isTemplated = (header: Header | Header2): header is Header2 => "template" in header

/** The header of a content, checked, and where the body begins. May throw if the content was not made by `encode`. */
const parse = (content: Buffer, first: number, last: number) => {
  const start = 4 + content.readUInt32LE(0)
  const header = JSON.parse(content.toString("utf8", 4, start)) as Header | Header2
  const size = last - first + 1
  const { bytes, stream, streams, type } = header
  const columns = [stream, header.version, type, bytes, ...(isTemplated(header) ? [header.template, header.time] : [])]
  if (header.first !== first || columns.some((column) => column.length !== size))
    return new Damaged("its header does not match its offsets")
  const body = isTemplated(header) ? header.parts.reduce((sum, part) => sum + part, start) : start
  const { end, starts } = startsOf(header, body, isTemplated(header))
  if (end !== content.length) return new Damaged("its length does not match its header")
  if (isTemplated(header) && header.template.some((index) => index >= header.parts.length / partsOf))
    return new Damaged("its header does not match its templates")
  const versions: Array<number> = []
  const latest = streams.map(() => 0)
  for (let i = 0; i < size; i++) {
    const at = stream[i]!
    const version = (latest[at] ?? 0) + header.version[i]!
    versions.push(version)
    if (at >= 0) latest[at] = version
  }
  return { header, start, starts, versions }
}

/** May throw if the content was not made by `encode`. */
export const decode = (content: Buffer, first: number, last: number): Segment | Damaged => {
  const parsed = parse(content, first, last)
  if (parsed instanceof Damaged) return parsed
  const { header, start, starts, versions } = parsed
  const { bytes, stream, streams, type, types } = header
  const counts = new Map<number, number>()
  for (const at of stream) if (at >= 0) counts.set(streams[at]!, (counts.get(streams[at]!) ?? 0) + 1)
  const text = (from: number, size: number) => content.toString("utf8", from, from + size)
  const { templates, times } = isTemplated(header) ? templatesOf(header, text, start) : { templates: [], times: [] }
  const format = new Times()
  const json = (i: number): string => {
    const eventText = text(starts[i]!, bytes[i]!)
    const template = isTemplated(header) ? templates[header.template[i]!] : undefined
    return template === undefined ? eventText : compose(template, first + i, versions[i]!, format.format(times[i]!), eventText)
  }
  const damaged = new Set(header.damaged)
  return {
    first,
    last,
    bytes: isTemplated(header) ? bytesOf(header, versions) : content.length - start,
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
export const firstDifference = (
  content: Buffer,
  first: number,
  last: number,
  columns: Columns,
  damaged: ReadonlyArray<number>
): number | undefined => {
  const parsed = parse(content, first, last)
  if (parsed instanceof Damaged) return first
  const { header, start, starts, versions } = parsed
  if (!isTemplated(header)) return first
  const { bytes, stream, streams, template, type, types } = header
  const whole = content.byteLength <= maxText ? content.toString("latin1") : undefined
  const textAt = (from: number, size: number) =>
    whole === undefined ? content.toString("latin1", from, from + size) : whole.slice(from, from + size)
  const { templates, times } = templatesOf(header, textAt, start)
  const format = new Times()
  const part = new Texts(columns)
  const [marked, wrong] = [new Set(header.damaged), new Set(damaged)]
  let row = 0
  for (let offset = first; offset <= last; offset++) {
    const i = offset - first
    const at = stream[i]!
    if (columns.offsets[row] !== offset) {
      if (at >= 0) return offset
      continue
    }
    if (!part.next(columns.sizes[row]!)) return offset
    const eventTemplate = templates[template[i]!]
    const text = textAt(starts[i]!, bytes[i]!)
    const isSame =
      streams[at] === columns.streams[row] &&
      versions[i] === columns.versions[row] &&
      types[type[i]!] === columns.types[row] &&
      marked.has(offset) === wrong.has(offset) &&
      part.all.slice(part.start, part.end) ===
        (eventTemplate === undefined ? text : compose(eventTemplate, offset, versions[i]!, format.format(times[i]!), text))
    if (!isSame) return offset
    row++
  }
  return row === columns.offsets.length && part.isLast() ? undefined : last
}
