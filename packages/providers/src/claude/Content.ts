/** Maps the content of messages to items: text and thinking blocks, calls of tools and their results. */
import type { FileChange } from "@millrace/contracts/Item"
import * as Images from "../Images.ts"
import type { NativeEvent } from "../NativeEvent.ts"
import * as Items from "./Items.ts"
import type { Turn } from "./Turn.ts"
import type { Block, Said, ToolResult } from "./Said.ts"

type Blocks = Extract<Said, { readonly _tag: "Blocks" }>
type Results = Extract<Said, { readonly _tag: "ToolResults" }>
type Call = Extract<Block, { readonly type: "tool_use" }>

/** Where an item belongs. `nativeParentItemId`: the call that started the sub-agent of the item. */
export interface Place {
  readonly nativeTurnId: string
  readonly nativeParentItemId?: string
}

export const kinds = { text: "agent-message", thinking: "reasoning" } as const

/** The item of a call before its result. */
export const called = (place: Place, call: Call): NativeEvent => ({
  _tag: "ItemStarted",
  ...place,
  nativeItemId: call.id,
  kind: Items.itemKind(call),
  content: Items.startedContent(call)
})

/** The item of a call with its result, and the changes that the call made. `detail`: the result in a structured form, which not every tool has. */
export const returned = (
  place: Place,
  tool: Items.Tool,
  result: ToolResult,
  detail: unknown,
  declined: boolean
): { readonly event: NativeEvent; readonly changes: ReadonlyArray<FileChange> } => {
  const shown = new Images.Shown()
  const content = Items.endedContent(tool, { ...result, content: shown.replace(result.content) }, detail)
  return {
    event: {
      _tag: "ItemCompleted",
      ...place,
      nativeItemId: result.id,
      kind: Items.itemKind(tool),
      status: declined ? "declined" : result.isError ? "failed" : "completed",
      content,
      ...(shown.files.length === 0 ? {} : { files: shown.files })
    },
    changes: result.isError ? [] : (content.changes ?? [])
  }
}

/** The item of a whole text. Claude can withhold the thinking text: then there is no item. */
export const said = (
  place: Place,
  { text, type }: Extract<Block, { readonly text: string }>,
  nativeItemId: string
): ReadonlyArray<NativeEvent> =>
  text === ""
    ? []
    : [{ _tag: "ItemCompleted", ...place, nativeItemId, kind: kinds[type], status: "completed", content: { text } }]

/** The item id for a whole block. It is the id of the oldest streamed block of the same type in the message that still waits for its whole block. Without such a block it is `fallback`. */
const blockItem = (turn: Turn, type: "text" | "thinking", messageId: string, fallback: string): string => {
  if (turn.message === messageId)
    for (const [index, streamed] of turn.blocks)
      if (streamed === type) {
        turn.blocks.delete(index)
        return `${messageId} ${index}`
      }
  return fallback
}

const wholeBlock = (turn: Turn, block: Block, messageId: string, fallback: string): ReadonlyArray<NativeEvent> => {
  const nativeTurnId = turn.id
  if (block.type === "other") return [{ _tag: "Opaque", nativeTurnId, method: "assistant", payload: block.raw }]
  if (block.type !== "tool_use") return said({ nativeTurnId }, block, blockItem(turn, block.type, messageId, fallback))
  turn.tools.set(block.id, block)
  const plan = Items.planOf(block)
  const started = called({ nativeTurnId }, block)
  return plan === undefined ? [started] : [started, { _tag: "TurnUpdated", nativeTurnId, plan }]
}

/** A message of the agent in this turn. */
export const message = (turn: Turn, { blocks, error, messageId, uuid }: Blocks): ReadonlyArray<NativeEvent> => {
  turn.error = error
  turn.said = true
  return blocks.flatMap((block, n) => wholeBlock(turn, block, messageId, `${uuid} ${n}`))
}

/** The results of the agent's calls in this turn. `declined`: ids of calls that a person declined. */
export const results = (turn: Turn, of: Results, declined: Set<string>): ReadonlyArray<NativeEvent> =>
  of.results.map((result): NativeEvent => {
    const nativeTurnId = turn.id
    const tool = turn.tools.get(result.id)
    if (tool === undefined) return { _tag: "Opaque", nativeTurnId, method: "tool_result", payload: result }
    turn.tools.delete(result.id)
    const { changes, event } = returned({ nativeTurnId }, tool, result, detailOf(of), declined.delete(result.id))
    turn.diff = Items.joinedDiff(turn.diff, changes)
    return event
  })

/** `detail` belongs to the message, so it is used only when the message has one result. */
export const detailOf = ({ detail, results }: Results): unknown => (results.length === 1 ? detail : undefined)
