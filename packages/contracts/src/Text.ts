/**
 * Keeps text well formed: incoming strings have no lone surrogates, and every cut is between characters. Strict JSON parsers reject a document that
 * holds a lone surrogate.
 */

/** Replaces each lone surrogate with U+FFFD. */
export const wellFormed = (text: string): string => (text.isWellFormed() ? text : text.toWellFormed())

const record = (value: object): Readonly<Record<string, unknown>> => value as Readonly<Record<string, unknown>>

/** Makes all strings and names of a JSON value well formed. Returns the same object if nothing changes. Recursive: the stack grows with the depth of nesting. */
export const wellFormedJson = <A>(value: A): A => {
  if (typeof value === "string") return wellFormed(value) as A & string
  if (typeof value !== "object" || value === null) return value
  if (Array.isArray(value)) {
    const parts = value.map(wellFormedJson)
    return parts.some((part, n) => part !== value[n]) ? (parts as A & Array<unknown>) : value
  }
  let changed = false
  const entries = Object.entries(record(value)).map(([name, part]) => {
    const whole = [wellFormed(name), wellFormedJson(part)] as const
    changed ||= whole[0] !== name || whole[1] !== part
    return whole
  })
  return changed ? (Object.fromEntries(entries) as A & object) : value
}

const isHigh = (code: number): boolean => code >= 0xd800 && code <= 0xdbff
const isLow = (code: number): boolean => code >= 0xdc00 && code <= 0xdfff

/** Whether a cut at this index would split a surrogate pair. */
const splits = (text: string, at: number): boolean => isHigh(text.charCodeAt(at - 1)) && isLow(text.charCodeAt(at))

/** The longest prefix of at most `units` UTF-16 code units that splits no code point. */
export const cut = (text: string, units: number): string => {
  if (text.length <= units) return text
  const at = Math.max(0, Math.trunc(units))
  return text.slice(0, splits(text, at) ? at - 1 : at)
}

/** The longest suffix of at most `units` UTF-16 code units that splits no code point. */
export const cutStart = (text: string, units: number): string => {
  const at = Math.max(0, text.length - Math.max(0, Math.trunc(units)))
  return text.slice(splits(text, at) ? at + 1 : at)
}

const encoder = new TextEncoder()
/** The longest prefix of at most `bytes` bytes of UTF-8 that splits no code point. */
export const cutBytes = (text: string, bytes: number): string =>
  text.length * 3 <= bytes ? text : text.slice(0, encoder.encodeInto(text, new Uint8Array(bytes)).read)

/** Splits off a high surrogate at the end of the text: the first half of a pair whose second half has not arrived. */
export const splitPair = (text: string): readonly [whole: string, half: string] =>
  isHigh(text.charCodeAt(text.length - 1)) ? [text.slice(0, -1), text.slice(-1)] : [text, ""]

const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" })
/** Maximum length of a grapheme in UTF-16 code units. A longer grapheme is cut between its code points. */
const longestGrapheme = 64

/** At most `units` UTF-16 code units, the last one `…` if text was cut. Never cuts inside a grapheme, unless it is longer than 64 code units. */
export const shorten = (text: string, units: number): string => {
  if (text.length <= units) return text
  const at = Math.max(0, units - 1)
  const start = graphemes.segment(text.slice(0, at + longestGrapheme)).containing(at)?.index ?? at
  return `${start > at - longestGrapheme ? text.slice(0, start) : cut(text, at)}…`
}

/** The name of a schema for a type of command, event or frame: `thread.handed-over` → `ThreadHandedOver`. */
export const schemaName = (type: string): string =>
  type.replace(/(?:^|[.-])([a-z])/g, (_, letter: string) => letter.toUpperCase())
