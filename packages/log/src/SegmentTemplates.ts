/** Splits the JSON of events into templates, which many events share, and what differs: offset, version, time and text. */
import type { Row } from "./SegmentContent.ts"

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
const templateOf = ({ json, offset, version }: Pick<Row, "json" | "offset" | "version">): Template => {
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

/** The end of the decimal digits at `at`. -1 if the digits are not those of the number. */
const numberEnd = (all: string, at: number, value: number): number => {
  let found = 0
  let end = at
  for (let digit = digitAt(all, end); digit >= 0; digit = digitAt(all, ++end)) found = found * 10 + digit
  const isCanonical = end - at <= maxDigits && (end - at === 1 || all.charCodeAt(at) !== zero)
  return found === value && end > at && isCanonical ? end : -1
}
/** Digits of numbers that are exact. */
const maxDigits = 15
const zero = "0".charCodeAt(0)

/** Whether the text has the piece at this place. Twice as fast as `startsWith`. */
const has = (all: string, piece: string, at: number): boolean => all.slice(at, at + piece.length) === piece

/** A JSON as a part of a longer text: from `start` to before `end`. */
export interface Part {
  readonly all: string
  readonly start: number
  readonly end: number
}

/** Time, and where the text begins and ends; undefined if `compose` would not make the JSON of them. */
const match = ({ all, end, start }: Part, template: Template, offset: number, version: number, times: Times) => {
  const [afterOffset, afterVersion, afterTime, afterText] = template
  const offsetEnd = has(all, begin, start) ? numberEnd(all, start + begin.length, offset) : -1
  if (offsetEnd < 0 || !has(all, afterOffset, offsetEnd)) return undefined
  const versionEnd = numberEnd(all, offsetEnd + afterOffset.length, version)
  if (versionEnd < 0 || !has(all, afterVersion, versionEnd)) return undefined
  const at = versionEnd + afterVersion.length
  const textAt = at + timeLength + afterTime.length
  const textEnd = end - afterText.length
  if (textEnd < textAt || !has(all, afterTime, at + timeLength) || !has(all, afterText, textEnd)) return undefined
  const time = times.parse(all, at)
  return time === undefined ? undefined : { time, textAt, textEnd }
}

/** The content of a JSON string, in Latin-1. */
const stringContent = /^[ !#-[\]-\xff]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[ !#-[\]-\xff]*)*$/

interface Known {
  readonly index: number
  readonly template: Template
  /** Whether an event with this template and no text is valid JSON. */
  readonly isValid: boolean
  /** Whether the text is the content of a JSON string. If not, it is the text after the JSON. */
  readonly hasText: boolean
}

/** The templates of a segment, by their parts, and for each kind of event of a stream the template that it used last. */
export class Templates {
  readonly parts: Array<string> = []
  readonly #times = new Times()
  readonly #known = new Map<string, Known>()
  readonly #last = new Map<number, Known>()
  readonly #isValid: (json: string) => boolean

  /** `isValid`: whether a text is JSON. It is asked for each template, not for each event, but for those that may be damaged. */
  constructor(isValid: (json: string) => boolean) {
    this.#isValid = isValid
  }

  /**
   * Template, time and text of the event, and whether it is valid JSON; without a template if it has another form. `kind`: a number for stream and type.
   */
  split(part: Part, offset: number, version: number, kind: number) {
    const last = this.#last.get(kind)
    const again = last === undefined ? undefined : match(part, last.template, offset, version, this.#times)
    if (last !== undefined && again !== undefined) return this.#found(part, last, again)
    const { all, end, start } = part
    const json = all.slice(start, end)
    const template = templateOf({ json, offset, version })
    const found = match(part, template, offset, version, this.#times)
    if (found === undefined) return { index: -1, time: 0, text: json, isValid: this.#isValid(json) }
    const key = JSON.stringify(template)
    const known = this.#known.get(key) ?? {
      index: this.parts.push(...template) / partsOf - 1,
      template,
      isValid: this.#isValid(all.slice(start, found.textAt) + all.slice(found.textEnd, end)),
      hasText: template[3] !== ""
    }
    this.#known.set(key, known)
    this.#last.set(kind, known)
    return this.#found(part, known, found)
  }

  /** An event is valid JSON if it has a template of valid JSON and its text is the content of a JSON string. Any other event is examined as a whole. */
  #found({ all, end, start }: Part, known: Known, { textAt, textEnd, time }: NonNullable<ReturnType<typeof match>>) {
    const text = all.slice(textAt, textEnd)
    const isValid =
      (known.isValid && (known.hasText ? stringContent.test(text) : text === "")) || this.#isValid(all.slice(start, end))
    return { index: known.index, time, text, isValid }
  }
}
