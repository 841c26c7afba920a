/** Deduplicates the texts of one answer: servers send them in pieces, whole, or both. */
import { BoundedMap } from "@millrace/contracts/BoundedMap"
import type { AnswerPart } from "./AnswerPart.ts"

type Piece = Extract<AnswerPart, { readonly _tag: "Text" }>
type Kind = Piece["kind"]

/** Maximum characters of an answer that are kept for comparison; beyond them a whole text adds nothing to its pieces. */
const keptCharacters = 256 * 1024
/** Maximum parts of an answer that are kept for comparison; the oldest are dropped, and a whole text that comes after that is new text. */
const maxParts = 1024

interface Part {
  readonly kind: Kind
  text: string
  /** The whole text has arrived. */
  whole: boolean
}

export interface TextDeduplicator {
  /** The new text: the whole text of a piece, or the part of a whole text that its pieces did not have. */
  readonly take: (said: Piece) => string
  /** Whether any text other than white space was taken. */
  readonly some: () => boolean
}

const rest = (told: string, whole: string): string =>
  told.length < keptCharacters && whole.startsWith(told) ? whole.slice(told.length) : ""

export const make = (): TextDeduplicator => {
  const parts = new BoundedMap<string, Part>(maxParts)
  /** For each kind, the texts that did not come with the whole answer. */
  const receivedTexts = new Map<Kind, string>()
  let kept = 0
  let some = false

  const note = ({ kind, part, text }: Piece) => {
    const key = `${kind} ${part}`
    const known = parts.get(key) ?? { kind, text: "", whole: false }
    parts.set(key, known)
    if (kept >= keptCharacters) return
    kept += text.length
    known.text += text
    receivedTexts.set(kind, (receivedTexts.get(kind) ?? "") + text)
  }

  const ofPart = (said: Piece): string => {
    const named = parts.get(`${said.kind} ${said.part}`)
    // Some servers use different ids for the pieces of a text and for the whole text.
    const known =
      named ??
      [...parts.values()].find(
        ({ kind, text, whole }) => kind === said.kind && !whole && text !== "" && said.text.startsWith(text)
      )
    if (known === undefined) {
      note(said)
      const made = parts.get(`${said.kind} ${said.part}`)
      if (made !== undefined) made.whole = true
      return said.text
    }
    known.whole = true
    const text = rest(known.text, said.text)
    known.text += text
    if (text !== "") receivedTexts.set(said.kind, (receivedTexts.get(said.kind) ?? "") + text)
    return text
  }

  const fresh = (said: Piece): string => {
    if (said.whole === "part") return ofPart(said)
    if (said.whole === "answer") {
      const before = receivedTexts.get(said.kind)
      // A server without deltas sends each piece as a whole message.
      return before === undefined ? said.text : rest(before, said.text)
    }
    note(said)
    return said.text
  }

  return {
    take: (said) => {
      const text = fresh(said)
      some ||= text.trim() !== ""
      return text
    },
    some: () => some
  }
}
