/** The text as a title of one line: at most 200 characters. */
import { shorten } from "@millrace/contracts/Text"
export const oneLine = (words: string): string => shorten(words.replace(/\s+/g, " ").trim(), 200)
