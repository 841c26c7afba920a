/** Splits the JSON of events into templates, which many events share, and what differs: offset, version, time and text. */
import type { Row } from "./SegmentContent.ts"

/** The parts of an event that are known before it is split. */
type Known = Pick<Row, "json" | "offset" | "version">

/** What is between the offset, the version, the time and the text, and after the text. */
export type Template = readonly [afterOffset: string, afterVersion: string, afterTime: string, afterText: string]
export const partsOf = 4

const begin = '{"offset":'
const minutesLength = "1970-01-01T00:00:".length
export const timeLength = "1970-01-01T00:00:00.000Z".length

const digitAt = (text: string, at: number): number => {
  const digit = text.charCodeAt(at) - 48
  return digit >= 0 && digit <= 9 ? digit : Number.NaN
}
const dot = ".".charCodeAt(0)
const zulu = "Z".charCodeAt(0)

/** Milliseconds of `12.345Z` at this place; not a number if it has another form. */
const secondsAt = (text: string, at: number): number =>
  text.charCodeAt(at + 2) === dot && text.charCodeAt(at + 6) === zulu
    ? digitAt(text, at) * 10_000 +
      digitAt(text, at + 1) * 1_000 +
      digitAt(text, at + 3) * 100 +
      digitAt(text, at + 4) * 10 +
      digitAt(text, at + 5)
    : Number.NaN

/** The last time that `Date` knows. */
const maxTime = 8.64e15

/** Times as text and as milliseconds. Knows the last minute, because most events happened in the minute of the one before. */
export class Times {
  #text = ""
  #start = Number.NaN

  #enter(minute: string): void {
    this.#text = minute
    this.#start = Date.parse(`${minute}00.000Z`)
    // The parser of dates takes 30 February for 2 March.
    if (!Number.isNaN(this.#start) && new Date(this.#start).toISOString() !== `${minute}00.000Z`) this.#start = Number.NaN
  }

  /** Milliseconds of the time that begins at `at`; undefined if it is not the text that `format` makes of them. */
  parse(json: string, at: number): number | undefined {
    if (!json.startsWith(this.#text, at) || this.#text === "") this.#enter(json.slice(at, at + minutesLength))
    const inMinute = secondsAt(json, at + minutesLength)
    const millis = this.#start + inMinute
    return inMinute < 60_000 && Math.abs(millis) <= maxTime ? millis : undefined
  }

  format(millis: number): string {
    const inMinute = millis - this.#start
    if (inMinute >= 0 && inMinute < 60_000) {
      const digits = String(100_000 + inMinute)
      return `${this.#text}${digits.slice(1, 3)}.${digits.slice(3)}Z`
    }
    const text = new Date(millis).toISOString()
    this.#enter(text.slice(0, -"00.000Z".length))
    return text
  }
}

export const compose = (
  [afterOffset, afterVersion, afterTime, afterText]: Template,
  offset: number,
  version: number,
  time: string,
  text: string
) => begin + offset + afterOffset + version + afterVersion + time + afterTime + text + afterText

/** Bytes of the JSON without the parts of the template and the text. */
export const restBytes = (offset: number, version: number): number =>
  begin.length + String(offset).length + String(version).length + timeLength

/** The index of the quote that ends the JSON string whose content begins at `start`. */
export const endOfString = (json: string, start: number): number => {
  for (let end = json.indexOf('"', start); end >= 0; end = json.indexOf('"', end + 1)) {
    let slash = end
    while (json[slash - 1] === "\\") slash--
    if ((end - slash) % 2 === 0) return end
  }
  return json.length
}

const after = (json: string, found: string, from: number): number => {
  const at = json.indexOf(found, from)
  return at < 0 ? json.length : at + found.length
}

/** The template of an event. Which text it leaves out is a guess; `match` checks the result. */
const templateOf = ({ json, offset, version }: Known): Template => {
  const start = begin.length + String(offset).length
  const versionAt = after(json, '"version":', start)
  const versionEnd = versionAt + String(version).length
  const timeAt = after(json, '"at":"', versionEnd)
  const timeEnd = timeAt + timeLength
  const text = after(json, '"text":"', timeEnd)
  const textAt = text < json.length ? text : after(json, '"output":"', timeEnd)
  return [
    json.slice(start, versionAt),
    json.slice(versionEnd, timeAt),
    json.slice(timeEnd, textAt),
    json.slice(endOfString(json, textAt))
  ]
}

/** Time and text of the event; undefined if `compose` would not make its JSON of them. */
const match = ({ json, offset, version }: Known, template: Template, times: Times) => {
  const start = begin + offset + template[0] + version + template[1]
  if (!json.startsWith(start)) return undefined
  const at = start.length
  const timeEnd = at + timeLength
  const textAt = timeEnd + template[2].length
  const textEnd = json.length - template[3].length
  if (textEnd < textAt || !json.startsWith(template[2], timeEnd) || !json.endsWith(template[3])) return undefined
  const time = times.parse(json, at)
  return time === undefined ? undefined : { time, text: json.slice(textAt, textEnd) }
}

/** The templates of a segment, by their parts, and the one that each kind of event of a stream had last. */
export class Templates {
  readonly parts: Array<string> = []
  readonly #times = new Times()
  readonly #known = new Map<string, number>()
  readonly #last = new Map<number, readonly [index: number, template: Template]>()

  /** The template, time and text of the event; undefined: it has another form. `kind`: a number for stream and type. */
  split(row: Known, kind: number) {
    const last = this.#last.get(kind)
    const again = last === undefined ? undefined : match(row, last[1], this.#times)
    if (last !== undefined && again !== undefined) return { index: last[0], time: again.time, text: again.text }
    const template = templateOf(row)
    const found = match(row, template, this.#times)
    if (found === undefined) return undefined
    const key = JSON.stringify(template)
    const index = this.#known.get(key) ?? this.parts.push(...template) / partsOf - 1
    this.#known.set(key, index)
    this.#last.set(kind, [index, template])
    return { index, ...found }
  }
}
