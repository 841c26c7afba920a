/** State of the mapping for one turn of Claude, while the turn waits or runs. */
import { BoundedMap } from "@millrace/contracts/BoundedMap"
import type { Usage } from "@millrace/contracts/Item"
import { maxTools } from "../Bounds.ts"
import type * as Items from "./Items.ts"
import type { NativeEvent } from "../NativeEvent.ts"
import { TokenCounter } from "./TokenCounter.ts"

/** Maximum incomplete streaming blocks of a message that are tracked. */
const maxBlocks = 256

/** Maximum messages of a turn that Claude has not taken; a further steer is refused. */
export const maxSteers = 64

export type Ended = Extract<NativeEvent, { readonly _tag: "TurnEnded" }>

export interface Turn {
  readonly id: string
  /** `uuid` of the user message that requests the turn, or the rest of it (`held`). A turn that Claude began by itself has none. */
  messageId: string | undefined
  /** `uuid`s of further messages for this turn that Claude has not taken. */
  readonly steers: Set<string>
  /** The end of this turn so far: Claude ended its turn before it took all messages, so it answers the others in separate turns, which are parts of ours. */
  held: Ended | undefined
  /** Claude began the turn by itself. */
  readonly own: boolean
  /** Claude has reported that it took the message: the running turn is the answer to it. */
  confirmed: boolean
  /** Content of the turn was mapped. */
  said: boolean
  readonly tools: Map<string, Items.Tool>
  /** Id of the streaming message. `blocks`: its block types by index, removed once complete. */
  message: string | undefined
  readonly blocks: Map<number, "text" | "thinking">
  /** Tokens of the messages so far; the turn's result has the exact sum. */
  readonly counts: TokenCounter
  error: string | undefined
  /** The changes of the turn's file tools, as unified diffs. */
  diff: string
  /** Why Claude could not compact the conversation in this turn. */
  notCompacted: string | undefined
  interrupting: boolean
}

export const make = (id: string, own: boolean, messageId?: string): Turn => ({
  id,
  messageId,
  own,
  steers: new Set(),
  held: undefined,
  confirmed: false,
  said: false,
  tools: new BoundedMap(maxTools),
  message: undefined,
  blocks: new BoundedMap(maxBlocks),
  counts: new TokenCounter(),
  error: undefined,
  diff: "",
  notCompacted: undefined,
  interrupting: false
})

const added = ["inputTokens", "cachedInputTokens", "outputTokens", "totalTokens"] as const

const sum = (first: Usage | undefined, second: Usage | undefined): Usage | undefined =>
  first === undefined || second === undefined
    ? (first ?? second)
    : { ...first, ...second, ...Object.fromEntries(added.map((key) => [key, (first[key] ?? 0) + (second[key] ?? 0)])) }

/** The end with the usage of the parts before it. */
export const joined = (turn: Turn, end: Ended): Ended => {
  const usage = sum(turn.held?.usage, end.usage)
  return usage === undefined ? end : { ...end, usage }
}

/** Makes the turn wait again, for the oldest message that Claude has not taken. `end`: how its part so far ended. */
export const hold = (turn: Turn, end: Ended) => {
  const [next] = turn.steers
  if (next !== undefined) turn.steers.delete(next)
  turn.held = end
  turn.messageId = next
  turn.confirmed = false
  turn.message = undefined
  turn.blocks.clear()
}
