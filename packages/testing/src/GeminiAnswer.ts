/** The scripted model in the format of the Gemini API (`POST /v1beta/models/MODEL:generateContent` and `:streamGenerateContent`). */
import { Effect } from "effect"
import type { ServerResponse } from "node:http"
import type { ResponsesBody, Step } from "./ModelScript.ts"
import { words, write } from "./ModelStream.ts"

interface Part {
  readonly text?: string
  readonly functionResponse?: object
}

/** The fields of both request bodies that the script reads. */
export interface GeminiBody {
  readonly contents?: ReadonlyArray<{ readonly role?: string; readonly parts?: ReadonlyArray<Part> }>
}

/** Converts a conversation to the input of the other dialects. */
export const ofGemini = ({ contents = [] }: GeminiBody): ResponsesBody => ({
  input: contents.flatMap(({ parts = [], role = "user" }) =>
    parts.map(({ functionResponse, text = "" }) =>
      functionResponse === undefined
        ? { role: role === "model" ? "assistant" : role, content: text }
        : { type: "function_call_output" }
    )
  )
})

const usageMetadata = { promptTokenCount: 100, candidatesTokenCount: 10, totalTokenCount: 110 }

/** Answers the requests that the CLI sends outside the conversation (`generateContent`): they ask which model to use, and whether to continue. Scripts do not contain them. */
export const aside = (response: ServerResponse): void => {
  const candidate = { content: { role: "model", parts: [{ text: "{}" }] }, finishReason: "STOP", index: 0 }
  response.writeHead(200, { "content-type": "application/json" })
  response.end(JSON.stringify({ candidates: [candidate], usageMetadata, modelVersion: "scripted" }))
}

export const respond = Effect.fn("GeminiAnswer.respond")(function* (
  serial: number,
  steps: ReadonlyArray<Step>,
  response: ServerResponse
) {
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" })
  const chunk = (parts: ReadonlyArray<object>, finishReason?: string) => {
    const candidate = { content: { role: "model", parts }, index: 0, ...(finishReason === undefined ? {} : { finishReason }) }
    const body = { candidates: [candidate], usageMetadata, modelVersion: "scripted", responseId: `resp_${serial}` }
    return write(response, `data: ${JSON.stringify(body)}\r\n\r\n`)
  }
  for (const step of steps) {
    if (response.destroyed) return
    switch (step._tag) {
      case "Text":
        for (const text of words(step.text)) yield* chunk([{ text }])
        break
      case "Think":
        for (const text of words(step.text)) yield* chunk([{ text, thought: true }])
        break
      case "Deltas":
        for (let n = 1; n <= step.count && !response.destroyed; n++) {
          yield* chunk([{ text: `d${n} ` }])
          if (step.everyMillis > 0) yield* Effect.sleep(step.everyMillis)
        }
        break
      case "Call":
        yield* chunk([{ functionCall: { id: `call_${serial}`, name: step.name, args: JSON.parse(step.arguments) as object } }])
        break
      case "Hang":
        return yield* Effect.async<void>((resume) => void response.once("close", () => resume(Effect.void)))
      default:
        // This dialect does not support the remaining steps.
        return void response.destroy()
    }
  }
  yield* chunk([], "STOP")
  response.end()
})
