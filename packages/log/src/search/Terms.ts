/** The terms of a search: words, phrases and exclusions. Every text is a query, and no text is a syntax error. */
import { type Word, words } from "./Words.ts"

/** Words that follow each other. `isPrefix`: the last of them may continue. */
export interface Term {
  readonly words: ReadonlyArray<string>
  readonly isPrefix: boolean
}

export interface Terms {
  /** All of them must be found. Empty: nothing is. */
  readonly all: ReadonlyArray<Term>
  /** A text with one of these terms is no hit. */
  readonly none: ReadonlyArray<Term>
}

/** A word and its `-`; or a phrase in quotation marks, of which the last may be missing. */
const pieces = /(-?)(?:"([^"]*)(?:"|$)|([^\s"]+))/g

/**
 * Words separated by space, all of which must be found; `"a phrase"`; `-word` and `-"a phrase"` must not be found. The last word is a prefix, if it has two letters or more. A word with
 * a separator in it (`read-only`, `src/main.ts`) is a phrase.
 */
export const parse = (query: string): Terms => {
  const found = Array.from(query.matchAll(pieces), ([, minus, phrase, word]) => ({
    isExcluded: minus === "-",
    isWord: phrase === undefined,
    words: Array.from(words(phrase ?? word ?? ""), ({ word }) => word)
  })).filter(({ words }) => words.length > 0)
  return {
    all: found
      .filter(({ isExcluded }) => !isExcluded)
      .map(({ words, isWord }, n, { length }) => ({
        words,
        isPrefix: isWord && n === length - 1 && (words.at(-1) ?? "").length > 1
      })),
    none: found.filter(({ isExcluded }) => isExcluded).map(({ words }) => ({ words, isPrefix: false }))
  }
}

/** Whether the term is found at this word of a text. */
export const isAt = (text: ReadonlyArray<Pick<Word, "word">>, at: number, { isPrefix, words }: Term): boolean =>
  words.every((word, n) => {
    const there = text[at + n]?.word
    return there === word || (isPrefix && n === words.length - 1 && there?.startsWith(word) === true)
  })

const isIn = (text: ReadonlyArray<Word>, term: Term): boolean => text.some((_, at) => isAt(text, at, term))

/** Whether a text meets the terms: the meaning of a query, which the index must have too. */
export const meets = ({ all, none }: Terms, text: string): boolean => {
  if (all.length === 0) return false
  const found = Array.from(words(text))
  return all.every((term) => isIn(found, term)) && !none.some((term) => isIn(found, term))
}
