/**
 * What an endpoint streams, decoded at the edge: chunks of `/v1/chat/completions` and events of `/v1/responses` in the same few words. Total and
 * open: what is not known is `Other`. Both dialects as vLLM, llama.cpp, Ollama, LM Studio and exo write them, `reasoning_content` and `reasoning`
 * included.
 */
import { isRecord, stringAt } from "../Fields.ts"
import { chat } from "./ChatWire.ts"
import { responses } from "./ResponsesWire.ts"
import { arrayAt, none, type Said } from "./Said.ts"

export type { Said } from "./Said.ts"

export type Dialect = "chat" | "responses"

/** The last frame of the chat dialect, which is no JSON. */
export const done = "[DONE]"

/** `undefined`: not a message at all. `[DONE]` says nothing more. */
export const decode = (dialect: Dialect, data: string): ReadonlyArray<Said> | undefined => {
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

/** Names that `GET /v1/models` lists. */
export const modelsOf = (body: unknown): ReadonlyArray<string> =>
  arrayAt(body, "data")
    .flatMap((model) => stringAt(model, "id") ?? [])
    .slice(0, 1000)
