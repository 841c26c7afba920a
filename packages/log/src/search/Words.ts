/**
 * The words of a text, as search compares them. The index, the query, the scan and the snippet all use this module, so that they agree.
 *
 * A word is a run of letters, digits and their marks. Scripts that put no spaces between words (Chinese, Japanese, Thai, Lao, Khmer, Burmese, Tibetan),
 * and pictographs, are split into characters: a Chinese word is found as the sequence of its characters.
 *
 * Folded: upper and lower case, NFC and NFD, compatibility forms (full width, ligatures), accents and other diacritics of Latin, Greek, Cyrillic, Arabic
 * and Hebrew, dotted and dotless i, ß and ss, final sigma, letters with a stroke (đ, ł, ø), soft hyphens and zero-width characters.
 */
import { cut } from "@millrace/contracts/Text"

export interface Word {
  /** Folded. */
  readonly word: string
  /** Where it is in the text, in UTF-16 code units. */
  readonly start: number
  readonly end: number
}

/** A longer word is compared by its first code units: encoded data would otherwise fill the index. */
export const maxWord = 64

const unspaced = ["Han", "Hira", "Kana", "Thai", "Laoo", "Khmr", "Mymr", "Tibt"]
  .map((name) => String.raw`\p{scx=${name}}`)
  .join("")
const single = String.raw`[[${unspaced}\p{Extended_Pictographic}]&&[\p{L}\p{N}\p{Extended_Pictographic}]]`
const invisible = String.raw`\u00ad\u200b-\u200f\u2060\ufeff`
const letter = String.raw`[\p{L}\p{N}\p{M}${invisible}]`
// Built from text because the compiler's target has no `v` flag; Node 20 has it. The marks of a character (voicing, vowels, variations) stay with it.
const pattern = new RegExp(String.raw`${single}[\p{M}\uff9e\uff9f]*|[${letter}--${single}]+`, "gv")
const inFolded = /[\p{L}\p{N}\p{M}\p{Extended_Pictographic}]+/gu
const ascii = /[A-Za-z0-9]+/g
const isAscii = (text: string): boolean => !/[^\0-\x7f]/.test(text)

/** Diacritics, variation selectors and invisible characters. Not the vowel signs of Indic scripts, nor the voicing marks of Japanese. */
const dropped = new RegExp(
  String.raw`[${invisible}\u0300-\u036f\u0483-\u0489\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f]+`,
  "g"
)
/** Letters that a person types without their stroke and that have no decomposition; `ς` is what lower case makes of a last sigma. */
const spelled: Readonly<Record<string, string>> = {
  ß: "ss",
  ς: "σ",
  đ: "d",
  ð: "d",
  ħ: "h",
  ł: "l",
  ø: "o",
  ŧ: "t",
  æ: "ae",
  œ: "oe",
  þ: "th"
}
const letters = new RegExp(`[${Object.keys(spelled).join("")}]`, "g")

/** Upper case before lower case is full case folding: ß becomes ss, and both dotted and dotless i become i. */
const fold = (text: string): string =>
  text
    .normalize("NFKD")
    .replace(dropped, "")
    .toUpperCase()
    .toLowerCase()
    .replace(letters, (found) => spelled[found] ?? found)
    .normalize("NFC")

/** The words in order, found while they are read. */
export function* words(text: string): Generator<Word> {
  const plain = isAscii(text)
  for (const { 0: found, index } of text.matchAll(plain ? ascii : pattern)) {
    const end = index + found.length
    if (plain || isAscii(found)) yield { word: found.slice(0, maxWord).toLowerCase(), start: index, end }
    // One character can be several words: a compatibility form of an Arabic phrase.
    else for (const [word] of fold(found).matchAll(inFolded)) yield { word: cut(word, maxWord), start: index, end }
  }
}

const tooLong = new RegExp(`([A-Za-z0-9]{${maxWord}})[A-Za-z0-9]+`, "g")

/**
 * The words as FTS5's tokenizer `ascii` splits them: it takes every other character than A to Z and 0 to 9 of ASCII as a separator, and lowers A to Z.
 * A text in ASCII needs no other work, which is most of what agents write.
 */
export const indexed = (text: string): string =>
  isAscii(text) ? text.replace(tooLong, "$1") : Array.from(words(text), ({ word }) => word).join(" ")
