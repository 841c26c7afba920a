/** What the mapping remembers of one turn of Claude's while it waits or runs. */
import type * as Items from "./Items.ts"
import { Counts } from "./Counts.ts"

export interface Turn {
  readonly id: string
  /** `uuid` of the user message that asks for it. A turn of Claude's own has none. */
  readonly messageId: string | undefined
  /** Nobody asked for it: Claude began it by itself. */
  readonly own: boolean
  /** Claude has named the message as taken: what runs now is the answer to it. */
  confirmed: boolean
  /** Something of it was mapped. */
  said: boolean
  readonly tools: Map<string, Items.Tool>
  readonly declined: Set<string>
  /** The message that streams: blocks of it by index, removed once they are complete. */
  message: string | undefined
  readonly blocks: Map<number, "text" | "thinking">
  /** What each message took so far; the turn's end has the exact sum. */
  readonly counts: Counts
  error: string | undefined
  interrupting: boolean
}

export const make = (id: string, own: boolean, messageId?: string): Turn => ({
  id,
  messageId,
  own,
  confirmed: false,
  said: false,
  tools: new Map(),
  declined: new Set(),
  message: undefined,
  blocks: new Map(),
  counts: new Counts(),
  error: undefined,
  interrupting: false
})
