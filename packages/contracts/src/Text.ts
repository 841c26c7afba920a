/**
 * Text that stays whole: every string that comes in is well formed, and every cut is between characters. A lone half of a surrogate pair is no
 * character: strict JSON parsers refuse a document that holds one.
 */

/** The same text; U+FFFD in the place of each lone surrogate. */
export const wellFormed = (text: string): string => (text.isWellFormed() ? text : text.toWellFormed())

const record = (value: object): Readonly<Record<string, unknown>> => value as Readonly<Record<string, unknown>>

/** The same JSON value with well-formed strings and names; the same object when it has no others. Calls itself for each level. */
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

/** Whether a pair of surrogates begins before this place and ends behind it. */
const splits = (text: string, at: number): boolean => isHigh(text.charCodeAt(at - 1)) && isLow(text.charCodeAt(at))

/** The longest beginning of at most so many UTF-16 units that ends between two code points. */
export const cut = (text: string, units: number): string => {
  if (text.length <= units) return text
  const at = Math.max(0, Math.trunc(units))
  return text.slice(0, splits(text, at) ? at - 1 : at)
}

/** A text in two, at most so many units in the first one; what is half a pair at its end goes with the second. */
export const splitPair = (text: string): readonly [whole: string, half: string] =>
  isHigh(text.charCodeAt(text.length - 1)) ? [text.slice(0, -1), text.slice(-1)] : [text, ""]

const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" })
/** What a person sees as one character may be longer; such a one is cut between its code points. */
const longestGrapheme = 64

/** At most so many UTF-16 units, the last of them `…` where something was left out; never a part of what a person sees as one character. */
export const shorten = (text: string, units: number): string => {
  if (text.length <= units) return text
  const at = Math.max(0, units - 1)
  const start = graphemes.segment(text.slice(0, at + longestGrapheme)).containing(at)?.index ?? at
  return `${start > at - longestGrapheme ? text.slice(0, start) : cut(text, at)}…`
}
