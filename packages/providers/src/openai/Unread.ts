/**
 * What an answer holds and nobody read, kept as opaque events (T15). A message of which nothing was read is kept as it came; members beside text that
 * was read once for each set of their names, since some servers send them with every piece. Bounded; what is over the bound is counted.
 */
import type { NativeEvent } from "../NativeEvent.ts"
import type { Said } from "./Said.ts"

/** Of one answer. */
const maxEvents = 256
const maxCharacters = 1024 * 1024
/** Of one event; the log refuses an event over 256 KiB (L4). */
const eventCharacters = 64 * 1024
const maxNames = 20

/** Cut between characters. */
const shortened = (text: string): string => {
  const last = text.charCodeAt(eventCharacters - 1)
  return text.slice(0, last >= 0xd800 && last < 0xdc00 ? eventCharacters - 1 : eventCharacters)
}

export interface Unread {
  readonly keep: (said: Extract<Said, { readonly _tag: "Other" }>, message: string) => ReadonlyArray<NativeEvent>
  /** Reports what the bound left out. */
  readonly end: () => ReadonlyArray<NativeEvent>
  /** For people: where it stood. */
  readonly names: () => string
}

export const make = (nativeTurnId: string, method: string): Unread => {
  const seen = new Set<string>()
  let events = 0
  let characters = 0
  let leftOut = 0
  return {
    keep: ({ alone, names }, message) => {
      const known = seen.has(names)
      if (seen.size < maxNames) seen.add(names)
      if (known && !alone) return []
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
