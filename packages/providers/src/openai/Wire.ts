/**
 * Decodes the stream of an endpoint: chunks of `/v1/chat/completions` and events of `/v1/responses`, both into `Said`. Total; unknown content is
 * `Other`. Covers both dialects as vLLM, llama.cpp, Ollama, LM Studio and exo send them, including `reasoning_content` and `reasoning`.
 */
import { isRecord, stringAt } from "../Fields.ts"
import { chat } from "./ChatWire.ts"
import { responses } from "./ResponsesWire.ts"
import { arrayAt, none, type AnswerPart } from "./AnswerPart.ts"

export type { AnswerPart as Said } from "./AnswerPart.ts"

export type Dialect = "chat" | "responses"

/** The last frame of the chat dialect, which is not JSON. */
export const done = "[DONE]"

/** Decodes one event; `undefined`: not a JSON object. `[DONE]` decodes as no content. */
export const decode = (dialect: Dialect, data: string): ReadonlyArray<AnswerPart> | undefined => {
  if (data.trim() === done) return none
  let value: unknown
  try {
    value = JSON.parse(data)
  } catch {
    return undefined
  }
  if (!isRecord(value)) return undefined
  return dialect === "chat" ? chat(value) : responses(value)
}

/** The model names in the answer of `GET /v1/models`, at most 1,000. */
export const modelsOf = (body: unknown): ReadonlyArray<string> =>
  arrayAt(body, "data")
    .flatMap((model) => stringAt(model, "id") ?? [])
    .slice(0, 1000)
