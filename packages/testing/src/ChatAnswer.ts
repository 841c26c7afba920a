/** An answer of the scripted model endpoint in the Chat Completions format: chunks, usage, `[DONE]`. */
import { Effect } from "effect"
import type { ServerResponse } from "node:http"
import type { Step } from "./ModelScript.ts"
import { words, write } from "./ModelStream.ts"

const usage = { prompt_tokens: 100, completion_tokens: 10, total_tokens: 110, prompt_tokens_details: { cached_tokens: 0 } }

export const respond = Effect.fn("ChatAnswer.respond")(function* (
  serial: number,
  steps: ReadonlyArray<Step>,
  response: ServerResponse
) {
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" })
  const chunk = (data: object) =>
    write(response, `data: ${JSON.stringify({ id: `chatcmpl-${serial}`, object: "chat.completion.chunk", ...data })}\n\n`)
  const delta = (piece: object, reason: string | null = null) =>
    chunk({ choices: [{ index: 0, delta: piece, finish_reason: reason }] })
  let calls = 0
  let reason = "stop"
  yield* delta({ role: "assistant", content: "" })
  for (const step of steps) {
    if (response.destroyed || response.writableEnded) return
    switch (step._tag) {
      case "Text":
        for (const word of words(step.text)) yield* delta({ content: word })
        break
      case "Think":
        for (const word of words(step.text)) yield* delta({ reasoning_content: word })
        break
      case "Deltas":
        for (let n = 1; n <= step.count && !response.destroyed; n++) {
          yield* delta({ content: `d${n} ` })
          if (step.everyMillis > 0) yield* Effect.sleep(step.everyMillis)
        }
        break
      case "Call": {
        const index = calls++
        const id = `call_${serial}_${index}`
        yield* delta({ tool_calls: [{ index, id, type: "function", function: { name: step.name, arguments: "" } }] })
        const half = Math.ceil(step.arguments.length / 2)
        for (const piece of [step.arguments.slice(0, half), step.arguments.slice(half)])
          yield* delta({ tool_calls: [{ index, function: { arguments: piece } }] })
        reason = "tool_calls"
        break
      }
      case "Finish":
        reason = step.reason
        break
      case "Garbage":
        yield* write(response, `data: ${step.text}\n\n`)
        break
      case "Flood":
        yield* write(response, `data: ${"x".repeat(step.bytes)}\n\n`)
        break
      case "Hang":
        return yield* Effect.async<void>((resume) => void response.once("close", () => resume(Effect.void)))
      case "Cut":
        // The client must receive the written bytes before the connection breaks.
        yield* Effect.sleep(50)
        return void response.destroy()
      case "Failed":
        yield* write(response, `data: ${JSON.stringify({ error: { message: "scripted failure", code: step.code } })}\n\n`)
        return void response.end()
      case "Leak":
      case "Plain":
      case "Status":
        break
    }
  }
  yield* delta({}, reason)
  yield* chunk({ choices: [], usage })
  yield* write(response, "data: [DONE]\n\n")
  response.end()
})
