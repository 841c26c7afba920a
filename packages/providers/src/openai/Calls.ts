/** A call that the model wants made, as an item and a question to the client, and the answer as its result. */
import type { Answer, ItemStatus } from "@millrace/contracts/Item"
import type { NativeEvent } from "../NativeEvent.ts"
import { oneLine } from "../OneLine.ts"
import type { ToolCall } from "./Transcript.ts"

/** The one question of the request; its answer is the tool's result. */
const questionId = "result"

/** As it came when it is no JSON. */
const input = (call: ToolCall): unknown => {
  try {
    return JSON.parse(call.arguments === "" ? "{}" : call.arguments) as unknown
  } catch {
    return call.arguments
  }
}

const item = (nativeTurnId: string, nativeItemId: string) => ({ nativeTurnId, nativeItemId, kind: "tool-call" })

/** `native`: names the item and the request. */
export const opened = (nativeTurnId: string, native: string, call: ToolCall): ReadonlyArray<NativeEvent> => [
  { _tag: "ItemStarted", ...item(nativeTurnId, native), content: { tool: call.name, input: input(call) } },
  {
    _tag: "RequestOpened",
    nativeTurnId,
    nativeRequestId: native,
    ask: {
      kind: "question",
      title: oneLine(`Call ${call.name} ${call.arguments}`),
      nativeItemId: native,
      questions: [{ id: questionId, header: call.name, text: `The model calls ${call.name}. Give the result of this call.` }]
    }
  }
]

export interface Given {
  readonly text: string
  readonly status: ItemStatus
}

/** `undefined`: the person wants the turn to end. */
export const given = (answer: Answer): Given | undefined => {
  if ("answers" in answer)
    return { status: "completed", text: (answer.answers[questionId] ?? Object.values(answer.answers)[0] ?? []).join("\n") }
  return "decision" in answer && answer.decision === "cancel"
    ? undefined
    : { status: "declined", text: "The person declined this call. Go on without its result." }
}

export const closed = (nativeTurnId: string, native: string, call: ToolCall, { status, text }: Given): NativeEvent => ({
  _tag: "ItemCompleted",
  ...item(nativeTurnId, native),
  status,
  content: { tool: call.name, input: input(call), result: text }
})
