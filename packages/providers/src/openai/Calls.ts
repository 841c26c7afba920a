/** Maps a tool call of the model to an item and a question to the client, and the client's answer to the result of the call. */
import type { Answer, ItemStatus } from "@millrace/contracts/Item"
import type { NativeEvent } from "../NativeEvent.ts"
import { oneLine } from "../OneLine.ts"
import type { ToolCall } from "./Transcript.ts"

/** Id of the request's only question; its answer is the tool's result. */
const questionId = "result"

/** The parsed arguments; the text itself when it is not JSON. */
const input = (call: ToolCall): unknown => {
  try {
    return JSON.parse(call.arguments === "" ? "{}" : call.arguments) as unknown
  } catch {
    return call.arguments
  }
}

const item = (nativeTurnId: string, nativeItemId: string) => ({ nativeTurnId, nativeItemId, kind: "tool-call" })

/** `native`: native id of the item and of the request. */
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

/** The result of an answer; `undefined`: the person cancelled, so the turn ends. */
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
