/** State of the mapping for one turn of Claude, while the turn waits or runs. */
import { BoundedMap, BoundedSet } from "@millrace/contracts/BoundedMap"
import { maxTools } from "../Bounds.ts"
import type * as Items from "./Items.ts"
import { TokenCounter } from "./TokenCounter.ts"

/** Maximum incomplete streaming blocks of a message that are tracked. */
const maxBlocks = 256

export interface Turn {
  readonly id: string
  /** `uuid` of the user message that requests the turn. A turn that Claude began by itself has none. */
  readonly messageId: string | undefined
  /** Claude began the turn by itself. */
  readonly own: boolean
  /** Claude has reported that it took the message: the running turn is the answer to it. */
  confirmed: boolean
  /** Content of the turn was mapped. */
  said: boolean
  readonly tools: Map<string, Items.Tool>
  readonly declined: Set<string>
  /** Id of the streaming message. `blocks`: its block types by index, removed once complete. */
  message: string | undefined
  readonly blocks: Map<number, "text" | "thinking">
  /** Tokens of the messages so far; the turn's result has the exact sum. */
  readonly counts: TokenCounter
  error: string | undefined
  interrupting: boolean
}

export const make = (id: string, own: boolean, messageId?: string): Turn => ({
  id,
  messageId,
  own,
  confirmed: false,
  said: false,
  tools: new BoundedMap(maxTools),
  declined: new BoundedSet(maxTools),
  message: undefined,
  blocks: new BoundedMap(maxBlocks),
  counts: new TokenCounter(),
  error: undefined,
  interrupting: false
})
