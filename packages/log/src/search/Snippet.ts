/** The piece of a text around the first place where a query is found, with each such place marked. */
import { isAt, type Term } from "./Terms.ts"
import { type Word, words } from "./Words.ts"

/** Around each place: U+2068 before it, U+2069 after it. */
export const [open, close] = ["\u2068", "\u2069"]

/** About this many UTF-16 code units, without marks. */
const size = 160
const before = 50
/** Words that are read past the first place, to find the whole of a long phrase. */
const phraseWords = 100

const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" })
/** A grapheme that is longer than this may be cut. */
const longest = 64

/** The start of the grapheme at this index. */
const boundary = (text: string, at: number): number => {
  const from = Math.max(0, at - longest)
  return at >= text.length
    ? text.length
    : from + (graphemes.segment(text.slice(from, at + longest)).containing(at - from)?.index ?? 0)
}

/** One line, without characters that control a terminal or that are marks. */
const line = (text: string): string => text.replaceAll(/[\u2066-\u2069\u202a-\u202e]/g, "").replaceAll(/[\s\p{Cc}]+/gu, " ")

/** Index of the first word that matches one of the terms; 0 if no word does. */
const firstOf = (text: string, terms: ReadonlyArray<Term>): number => {
  const recent: Array<Word> = []
  const width = Math.max(1, ...terms.map(({ words }) => words.length))
  for (const word of words(text)) {
    recent.push(word)
    if (recent.length < width) continue
    if (terms.some((term) => isAt(recent, 0, term))) return recent[0]!.start
    recent.shift()
  }
  const at = recent.findIndex((_, n) => terms.some((term) => isAt(recent, n, term)))
  return at < 0 ? 0 : recent[at]!.start
}

/** The whole words from this position, up to `phraseWords` after the end of the snippet. */
const wordsFrom = (text: string, start: number, end: number): ReadonlyArray<Word> => {
  const found: Array<Word> = []
  let past = 0
  for (const { word, start: first, end: last } of words(text.slice(start, end + phraseWords * size))) {
    if (first + start >= end && ++past > phraseWords) break
    found.push({ word, start: first + start, end: last + start })
  }
  return found
}

/** One line. Cut between graphemes; `…` where text was left out. */
export const snippet = (text: string, terms: ReadonlyArray<Term>): string => {
  const first = firstOf(text, terms)
  // Begins after a space if there is one close by, so that no word is cut.
  const wanted = first <= before ? 0 : first - before
  const space = text.slice(wanted, first).search(/\s\S/)
  const start = wanted === 0 ? 0 : space >= 0 && space < before / 2 ? wanted + space + 1 : boundary(text, wanted)
  const end = boundary(text, Math.min(text.length, start + size))
  const found = wordsFrom(text, start, end)
  let out = start > 0 ? "…" : ""
  let written = start
  found.forEach((word, n) => {
    if (word.start < written || word.start >= end) return
    const length = Math.max(0, ...terms.flatMap((term) => (isAt(found, n, term) ? [term.words.length] : [])))
    if (length === 0) return
    const last = Math.min(end, found[n + length - 1]!.end)
    out += `${line(text.slice(written, word.start))}${open}${line(text.slice(word.start, last))}${close}`
    written = last
  })
  return `${out}${line(text.slice(written, end))}${end < text.length ? "…" : ""}`.trim()
}
