/** Maps errors of an endpoint and finish reasons to the closed set of `Failure` kinds. Callers remove the key from the texts first (X4). */
import { cut } from "@millrace/contracts/Text"
import type { Failure } from "@millrace/contracts/Item"
import { isRecord, stringAt } from "../Fields.ts"

/** Status codes that determine the kind. For other status codes the code or type of the error comes first. */
const plain: ReadonlyMap<number | undefined, Failure["kind"]> = new Map([
  [401, "auth"],
  [402, "limit"],
  [403, "auth"],
  [413, "context"],
  [429, "limit"],
  [503, "overloaded"],
  [529, "overloaded"]
])
const kindOfStatus = (status: number): Failure["kind"] => {
  if (status === 408 || status >= 500) return "transport"
  return status >= 400 ? "refused" : "protocol"
}

const kindOfWord = (word: string): Failure["kind"] | undefined => {
  if (/context_length|context_window/.test(word)) return "context"
  if (/api_key|authentication|permission/.test(word)) return "auth"
  if (/rate_limit|quota|insufficient_funds/.test(word)) return "limit"
  if (/overloaded|unavailable/.test(word)) return "overloaded"
  return /server_error|internal_error/.test(word) ? "transport" : undefined
}

/** Whether a message of vLLM, llama.cpp, Ollama or OpenAI means that the conversation is too long. Some of them send no code. */
const saysContext = (message: string): boolean =>
  /(maximum|exceed\w*|longer than|too (long|large)).{0,60}context|context (length|size|window|limit)|prompt is too long/i.test(
    message
  )

/** The failure of an `error` object, or of a message alone; endpoints send both. */
export const ofError = (error: unknown, status?: number): Failure => {
  const message = (typeof error === "string" ? error : stringAt(error, "message")) ?? "The endpoint gave no reason."
  const words = [stringAt(error, "code"), stringAt(error, "type")].filter((word) => word !== undefined)
  const code = isRecord(error) && typeof error["code"] === "number" ? error["code"] : status
  const kind =
    (saysContext(message) ? "context" : undefined) ??
    plain.get(code) ??
    words.flatMap((word) => kindOfWord(word) ?? []).at(0) ??
    (code === undefined ? "unknown" : kindOfStatus(code))
  const detail = [...words, code === undefined ? undefined : `status ${code}`].filter((part) => part !== undefined).join(", ")
  return { kind, message: cut(message, 2000), ...(detail === "" ? {} : { detail: cut(detail, 500) }) }
}

const errorIn = (body: string): unknown => {
  try {
    const value: unknown = JSON.parse(body)
    return isRecord(value) ? (value["error"] ?? value["message"] ?? value["detail"]) : undefined
  } catch {
    return undefined
  }
}

/** Maximum accepted `Retry-After`. A longer wait is ignored, because such a value is no number of seconds. */
const longestWaitMillis = 366 * 24 * 3600 * 1000

/** The time of `Retry-After`, ISO 8601: seconds from `now`, also fractional, or a date in the future; `undefined` for any other value. */
export const retryAt = (header: string | undefined, now: number): string | undefined => {
  const headerText = header?.trim() ?? ""
  const seconds = /^\d+(\.\d+)?$/.test(headerText) ? Number(headerText) : undefined
  // A date has letters: `Date.parse` reads a bare number as a year.
  const at =
    seconds !== undefined ? now + Math.ceil(seconds * 1000) : /[a-z]/i.test(headerText) ? Date.parse(headerText) : Number.NaN
  return at >= now && at - now <= longestWaitMillis ? new Date(at).toISOString() : undefined
}

/** The failure of an answer whose status is not 200. `now`: milliseconds since 1970. */
export const ofAnswer = (answer: {
  readonly status: number
  readonly body: string
  readonly retryAfter: string | undefined
  readonly now: number
}): Failure => {
  const error = errorIn(answer.body)
  const failure = ofError(
    error ?? `The endpoint answered ${answer.status}${answer.body === "" ? "" : `: ${cut(answer.body, 300)}`}.`,
    answer.status
  )
  const resetAt = failure.kind === "limit" ? retryAt(answer.retryAfter, answer.now) : undefined
  return resetAt === undefined ? failure : { ...failure, resetAt }
}

/** Whether a retry may succeed, if no part of the answer has arrived. */
export const isPassing = ({ kind }: Failure): boolean => kind === "transport" || kind === "overloaded"

/** Finish reasons of a complete answer, of OpenAI, Anthropic, Gemini, Cohere, Together, TGI and Bedrock. */
const finished = new Set([
  "stop",
  "eos",
  "eos_token",
  "end_turn",
  "stop_sequence",
  "stop_token",
  "end",
  "complete",
  "completed",
  "finished",
  "done"
])
const called = new Set(["tool_calls", "tool_call", "tool_use", "function_call"])
const cutShort = new Set([
  "length",
  "max_tokens",
  "max_output_tokens",
  "max_new_tokens",
  "max_length",
  "token_limit",
  "incomplete"
])
const tooLong = new Set(["model_length", "context_length", "context_length_exceeded", "model_context_window_exceeded"])
const filtered = new Set([
  "content_filter",
  "content_filtered",
  "guardrail_intervened",
  "refusal",
  "safety",
  "recitation",
  "blocklist",
  "prohibited_content",
  "spii"
])
const overloaded = new Set(["insufficient_system_resource", "overloaded", "overloaded_error"])

const word = (reason: string): string => reason.trim().toLowerCase().replaceAll("-", "_")

/** Whether the answer ended for a tool call. */
export const isCall = (reason: string): boolean => called.has(word(reason))

/** The failure of a finish reason; `undefined` for a success. An unknown reason is a failure (T11). */
export const ofFinish = (reason: string): Failure | undefined => {
  const reasonWord = word(reason)
  if (finished.has(reasonWord) || called.has(reasonWord)) return undefined
  const detail = `finish reason ${cut(reason, 100)}`
  if (cutShort.has(reasonWord))
    return {
      kind: "limit",
      message: "The model reached its token limit, so the answer is incomplete. Raise the limit, or shorten the conversation.",
      detail
    }
  if (tooLong.has(reasonWord))
    return { kind: "context", message: "The conversation is too long for the model. Shorten it, or begin a new thread.", detail }
  if (filtered.has(reasonWord)) return { kind: "refused", message: "The endpoint's content filter ended the answer.", detail }
  if (overloaded.has(reasonWord))
    return { kind: "overloaded", message: "The endpoint ran out of resources during its answer. Send the message again.", detail }
  return { kind: "unknown", message: `The model ended its answer as ${JSON.stringify(cut(reason, 100))}.`, detail }
}
