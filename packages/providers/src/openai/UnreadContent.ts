/**
 * Keeps unread content of an answer as opaque events (T15). A message in which nothing was read is kept unchanged. Otherwise one message
 * is kept per set of unread names, because some servers repeat them in every part. Bounded; messages over the bound are counted.
 */
import type { NativeEvent } from "../NativeEvent.ts"
import type { AnswerPart } from "./AnswerPart.ts"

/** Maximum events and characters of one answer. */
const maxEvents = 256
const maxCharacters = 1024 * 1024
/** Maximum characters of one event; the log refuses an event over 256 KiB (L4). */
const eventCharacters = 64 * 1024
const maxNames = 20

/** The text cut to the limit, not within a surrogate pair. */
const shortened = (text: string): string => {
  const last = text.charCodeAt(eventCharacters - 1)
  return text.slice(0, last >= 0xd800 && last < 0xdc00 ? eventCharacters - 1 : eventCharacters)
}

export interface UnreadContent {
  readonly keep: (said: Extract<AnswerPart, { readonly _tag: "Other" }>, message: string) => ReadonlyArray<NativeEvent>
  /** Call at the end of the answer: reports how many messages were dropped. */
  readonly end: () => ReadonlyArray<NativeEvent>
  /** Names of the unread members, for messages. */
  readonly names: () => string
}

export const make = (nativeTurnId: string, method: string): UnreadContent => {
  const seen = new Set<string>()
  let events = 0
  let characters = 0
  let leftOut = 0
  return {
    keep: ({ names, nothingElseRead }, message) => {
      const known = seen.has(names)
      if (seen.size < maxNames) seen.add(names)
      if (known && !nothingElseRead) return []
      if (events >= maxEvents || characters >= maxCharacters) {
        leftOut++
        return []
      }
      events++
      characters += message.length
      return [{ _tag: "Opaque", nativeTurnId, method, payload: shortened(message) }]
    },
    end: () =>
      leftOut === 0 ? [] : [{ _tag: "Opaque", nativeTurnId, method: "millrace/unread-cut", payload: { messages: leftOut } }],
    names: () => [...seen].join(", ")
  }
}
