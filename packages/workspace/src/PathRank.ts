/** Ranks the paths of a list against what a person typed. Pure; the caller cuts the work into slices. */

/** A path with what its rank is computed from. */
export interface Indexed {
  readonly path: string
  /** `path` in lowercase; the same string if it has no capitals. */
  readonly lower: string
  /** Bit set of the characters of `lower`; see `maskOf`. */
  readonly mask: number
  /** Where the file's name begins. */
  readonly nameAt: number
  /** Number of directories that it is in. */
  readonly depth: number
}

/** Bit 0 to 25: a letter; 26: a digit; 27: another ASCII character; 28: a character beyond ASCII. A path that lacks a bit of the term does not match it. */
const maskOf = (text: string): number => {
  let mask = 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code >= 97 && code <= 122) mask |= 1 << (code - 97)
    else if (code >= 48 && code <= 57) mask |= 1 << 26
    else mask |= code < 128 ? 1 << 27 : 1 << 28
  }
  return mask
}

export const index = (path: string): Indexed => {
  const lowercase = path.toLowerCase()
  const lower = lowercase === path ? path : lowercase
  let depth = 0
  for (let at = lower.indexOf("/"); at >= 0; at = lower.indexOf("/", at + 1)) depth++
  return { path, lower, mask: maskOf(lower), nameAt: lower.lastIndexOf("/") + 1, depth }
}

export interface Term {
  readonly text: string
  readonly mask: number
}

/** The words of a query, in lowercase, at most 8. All of them must match. */
export const terms = (query: string): ReadonlyArray<Term> =>
  query
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== "")
    .slice(0, 8)
    .map((text) => ({ text, mask: maskOf(text) }))

/** Whether a word begins at this position: after a separator, or a capital after a small letter. */
const beginsWord = ({ lower, path }: Indexed, at: number): boolean => {
  if (at === 0) return true
  const before = lower.charCodeAt(at - 1)
  const isLetterOrDigit = (before >= 97 && before <= 122) || (before >= 48 && before <= 57) || before > 127
  if (!isLetterOrDigit) return true
  // Lowercase changes the length of a few characters; then positions do not correspond.
  return path.length === lower.length && path.charCodeAt(at) !== lower.charCodeAt(at) && path.charCodeAt(at - 1) === before
}

/**
 * How well the characters of the term, in order but apart, match; `undefined`: not at all. Matches from the end, because the end of a path says more than
 * its beginning. Each word that a character begins counts, and each character that follows the one before.
 */
const scattered = (indexed: Indexed, term: string): number | undefined => {
  let at = indexed.lower.length
  let points = 0
  let previous = -1
  for (let left = term.length - 1; left >= 0; left--) {
    at = at === 0 ? -1 : indexed.lower.lastIndexOf(term.charAt(left), at - 1)
    if (at < 0) return undefined
    if (at === previous - 1) points += 2
    if (beginsWord(indexed, at)) points += 3
    previous = at
  }
  return (at >= indexed.nameAt ? 200 : 100) + Math.min(90, points)
}

/**
 * Points for one word, more is better; `undefined`: no match. In this order: the file's name, with or without its extension; its beginning; a word of it;
 * a part of it; a part of the path; the characters in order in the name; in the path.
 */
const pointsOf = (indexed: Indexed, { mask, text }: Term): number | undefined => {
  const { lower, nameAt } = indexed
  if ((indexed.mask & mask) !== mask) return undefined
  const at = lower.lastIndexOf(text)
  if (at < 0) return scattered(indexed, text)
  if (at < nameAt) return beginsWord(indexed, at) ? 500 : 400
  if (at > nameAt) {
    // An earlier occurrence may be the name's beginning.
    if (!lower.startsWith(text, nameAt)) return beginsWord(indexed, at) ? 700 : 600
  }
  const end = nameAt + text.length
  if (end === lower.length) return 1000
  return lower.charAt(end) === "." && !lower.includes(".", end + 1) ? 950 : 800
}

/** Points of a path for all words; `undefined`: it does not match. Without words every path matches, and those nearer to the root come first. */
const rank = (indexed: Indexed, words: ReadonlyArray<Term>): number | undefined => {
  if (words.length === 0) return -indexed.depth
  let sum = 0
  for (const word of words) {
    const points = pointsOf(indexed, word)
    if (points === undefined) return undefined
    sum += points
  }
  return sum
}

interface Ranked {
  readonly path: string
  readonly points: number
}

/** Better points first; of equal ones the shorter path, then in code unit order. */
const compare = (a: Ranked, b: Ranked): number =>
  b.points - a.points || a.path.length - b.path.length || (a.path < b.path ? -1 : a.path > b.path ? 1 : 0)

/** The best `limit` paths of those that were added. */
export class Best {
  private readonly kept: Array<Ranked> = []
  private readonly words: ReadonlyArray<Term>
  private readonly limit: number
  constructor(words: ReadonlyArray<Term>, limit: number) {
    this.words = words
    this.limit = limit
  }

  add(indexed: Indexed): void {
    const points = rank(indexed, this.words)
    if (points === undefined) return
    const one = { path: indexed.path, points }
    const worst = this.kept[this.limit - 1]
    if (worst !== undefined && compare(one, worst) >= 0) return
    let [low, high] = [0, this.kept.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if (compare(one, this.kept[middle] as Ranked) < 0) high = middle
      else low = middle + 1
    }
    this.kept.splice(low, 0, one)
    if (this.kept.length > this.limit) this.kept.pop()
  }

  get paths(): ReadonlyArray<string> {
    return this.kept.map(({ path }) => path)
  }
}
