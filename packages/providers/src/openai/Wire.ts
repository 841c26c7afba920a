/**
 * What an endpoint streams, decoded at the edge: chunks of `/v1/chat/completions` and events of `/v1/responses` in the same few words. Total and
 * open: what is not known is `Other`. Both dialects as vLLM, llama.cpp, Ollama, LM Studio and exo write them, `reasoning_content` and `reasoning`
 * included.
 */
import type { Failure, Usage } from "@millrace/contracts/Item"
import * as Failures from "./Failures.ts"
import { type Fields, isRecord, stringAt } from "../Fields.ts"

export type Said =
  /** A piece of the answer, or of the reasoning; `part` tells one message from the next. */
  | { readonly _tag: "Text"; readonly kind: "agent-message" | "reasoning"; readonly part: string; readonly text: string }
  /** A piece of the call of that index: its id and name come once, its arguments in pieces. */
  | { readonly _tag: "Call"; readonly index: string; readonly id?: string; readonly name?: string; readonly arguments: string }
  | { readonly _tag: "Usage"; readonly usage: Usage }
  /** `stop`, `length`, `tool_calls`, `content_filter`, or another word. */
  | { readonly _tag: "Finish"; readonly reason: string }
  | { readonly _tag: "Failed"; readonly failure: Failure }
  | { readonly _tag: "Other" }

export type Dialect = "chat" | "responses"

const none: ReadonlyArray<Said> = []
const other: ReadonlyArray<Said> = [{ _tag: "Other" }]

const intAt = (value: unknown, key: string): number | undefined => {
  const found = isRecord(value) ? value[key] : undefined
  return typeof found === "number" && Number.isSafeInteger(found) && found >= 0 ? found : undefined
}
const arrayAt = (value: unknown, key: string): ReadonlyArray<unknown> => {
  const found = isRecord(value) ? value[key] : undefined
  return Array.isArray(found) ? found : []
}

const count = <K extends keyof Usage>(key: K, value: number | undefined): { readonly [P in K]?: number } =>
  value === undefined ? {} : ({ [key]: value } as { readonly [P in K]?: number })

const usageOf = (raw: unknown): ReadonlyArray<Said> => {
  if (!isRecord(raw)) return none
  const input = intAt(raw, "prompt_tokens") ?? intAt(raw, "input_tokens")
  const output = intAt(raw, "completion_tokens") ?? intAt(raw, "output_tokens")
  const read = raw["prompt_tokens_details"] ?? raw["input_tokens_details"]
  const written = raw["completion_tokens_details"] ?? raw["output_tokens_details"]
  const usage: Usage = {
    ...count("inputTokens", input),
    ...count("cachedInputTokens", intAt(read, "cached_tokens")),
    ...count("outputTokens", output),
    ...count("reasoningTokens", intAt(written, "reasoning_tokens")),
    ...count("totalTokens", intAt(raw, "total_tokens"))
  }
  return [{ _tag: "Usage", usage }]
}

const text = (kind: "agent-message" | "reasoning", part: string, piece: string | undefined): ReadonlyArray<Said> =>
  piece === undefined || piece === "" ? none : [{ _tag: "Text", kind, part, text: piece }]

const chatCall = (raw: unknown, at: number): ReadonlyArray<Said> => {
  const made = isRecord(raw) ? raw["function"] : undefined
  const id = stringAt(raw, "id")
  const name = stringAt(made, "name")
  return [
    {
      _tag: "Call",
      index: `${intAt(raw, "index") ?? at}`,
      ...(id === undefined ? {} : { id }),
      ...(name === undefined ? {} : { name }),
      arguments: stringAt(made, "arguments") ?? ""
    }
  ]
}

const chat = (chunk: Fields): ReadonlyArray<Said> => {
  if (chunk["error"] !== undefined && chunk["error"] !== null)
    return [{ _tag: "Failed", failure: Failures.ofError(chunk["error"]) }]
  const said: Array<Said> = []
  // We ask for one choice.
  const [choice] = arrayAt(chunk, "choices")
  if (isRecord(choice)) {
    const { delta } = choice
    said.push(
      ...text("reasoning", "0", stringAt(delta, "reasoning_content") ?? stringAt(delta, "reasoning")),
      ...text("agent-message", "0", stringAt(delta, "content") ?? stringAt(delta, "refusal")),
      ...arrayAt(delta, "tool_calls").flatMap(chatCall)
    )
    const reason = stringAt(choice, "finish_reason")
    if (reason !== undefined) said.push({ _tag: "Finish", reason })
  }
  said.push(...usageOf(chunk["usage"]))
  return said.length > 0 || Array.isArray(chunk["choices"]) ? said : other
}

/** Said again in a better form by other events, or empty of content. */
const noise =
  /^response\.(created|queued|in_progress|content_part\.|output_item\.added|(output_text|refusal|reasoning_text|reasoning_summary_text|reasoning_summary_part|function_call_arguments)\.(done|added)|function_call_arguments\.delta|reasoning_summary_part\.)/

/** The reason of an answer that is not whole, in the words of the other dialect. */
const incomplete = (response: unknown): string => {
  const reason = stringAt(isRecord(response) ? response["incomplete_details"] : undefined, "reason") ?? "incomplete"
  return reason === "max_output_tokens" ? "length" : reason
}

const responses = (event: Fields): ReadonlyArray<Said> => {
  const type = stringAt(event, "type") ?? ""
  const { response } = event
  const part = `${stringAt(event, "item_id") ?? ""} ${intAt(event, "content_index") ?? intAt(event, "summary_index") ?? 0}`
  switch (type) {
    case "response.output_text.delta":
    case "response.refusal.delta":
      return text("agent-message", part, stringAt(event, "delta"))
    case "response.reasoning_summary_text.delta":
    case "response.reasoning_text.delta":
      return text("reasoning", part, stringAt(event, "delta"))
    case "response.output_item.done": {
      const { item } = event
      const kind = stringAt(item, "type")
      const id = stringAt(item, "call_id")
      const name = stringAt(item, "name")
      if (kind !== "function_call") return kind === "message" || kind === "reasoning" ? none : other
      return id === undefined || name === undefined
        ? other
        : [{ _tag: "Call", index: id, id, name, arguments: stringAt(item, "arguments") ?? "" }]
    }
    case "response.completed":
      return [...usageOf(isRecord(response) ? response["usage"] : undefined), { _tag: "Finish", reason: "stop" }]
    case "response.incomplete":
      return [...usageOf(isRecord(response) ? response["usage"] : undefined), { _tag: "Finish", reason: incomplete(response) }]
    case "response.failed":
      return [{ _tag: "Failed", failure: Failures.ofError(isRecord(response) ? response["error"] : undefined) }]
    case "error":
      return [{ _tag: "Failed", failure: Failures.ofError(event["error"] ?? event) }]
    default:
      return noise.test(type) ? none : other
  }
}

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
