/** Why an endpoint did not answer, or not to the end, in the closed set that clients switch on. No text of it holds the key (X4). */
import { cut } from "@millrace/contracts/Text"
import type { Failure } from "@millrace/contracts/Item"
import { isRecord, stringAt } from "../Fields.ts"

/** Those that say it all; the others leave room for a better word. */
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

/** What vLLM, llama.cpp, Ollama and OpenAI say of a conversation that is too long; not all give it a code. */
const saysContext = (message: string): boolean =>
  /(maximum|exceed\w*|longer than|too (long|large)).{0,60}context|context (length|size|window|limit)|prompt is too long/i.test(
    message
  )

/** An `error` object, or the message alone, as endpoints write them. */
export const ofError = (error: unknown, status?: number): Failure => {
  const message = (typeof error === "string" ? error : stringAt(error, "message")) ?? "The endpoint gave no reason."
  const words = [stringAt(error, "code"), stringAt(error, "type")].filter((word) => word !== undefined)
  const own = isRecord(error) && typeof error["code"] === "number" ? error["code"] : status
  const kind =
    (saysContext(message) ? "context" : undefined) ??
    plain.get(own) ??
    words.flatMap((word) => kindOfWord(word) ?? []).at(0) ??
    (own === undefined ? "unknown" : kindOfStatus(own))
  const detail = [...words, own === undefined ? undefined : `status ${own}`].filter((part) => part !== undefined).join(", ")
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

/** Further ahead than any endpoint's limit lasts: a number that is no number of seconds. */
const longestWaitMillis = 366 * 24 * 3600 * 1000

/** When `Retry-After` says that it may be asked again: seconds from `now`, also with a fraction, or a date that lies ahead. */
export const retryAt = (header: string | undefined, now: number): string | undefined => {
  const said = header?.trim() ?? ""
  const seconds = /^\d+(\.\d+)?$/.test(said) ? Number(said) : undefined
  // A date has letters: `Date.parse` makes a year of a number that it does not know.
  const at = seconds !== undefined ? now + Math.ceil(seconds * 1000) : /[a-z]/i.test(said) ? Date.parse(said) : Number.NaN
  return at >= now && at - now <= longestWaitMillis ? new Date(at).toISOString() : undefined
}

/** An answer other than 200. `now`: milliseconds since 1970. */
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

/** It may go better in a moment, when nothing of an answer has come yet. */
export const isPassing = ({ kind }: Failure): boolean => kind === "transport" || kind === "overloaded"

/** The model has said all that it has to say, in the words of OpenAI, Anthropic, Gemini, Cohere, Together, TGI and Bedrock. */
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

/** The answer ended so that a call can be made. */
export const isCall = (reason: string): boolean => called.has(word(reason))

/** Why an answer that ended with this word is no success; `undefined`: it is one. A word that is not known is no success (T11). */
export const ofFinish = (reason: string): Failure | undefined => {
  const said = word(reason)
  if (finished.has(said) || called.has(said)) return undefined
  const detail = `finish reason ${cut(reason, 100)}`
  if (cutShort.has(said))
    return {
      kind: "limit",
      message: "The model stopped at its limit of tokens: the answer is cut. Allow it more, or shorten the conversation.",
      detail
    }
  if (tooLong.has(said))
    return { kind: "context", message: "The conversation is too long for the model. Shorten it, or begin a new thread.", detail }
  if (filtered.has(said)) return { kind: "refused", message: "The endpoint's content filter ended the answer.", detail }
  if (overloaded.has(said))
    return { kind: "overloaded", message: "The endpoint ran out of resources in mid-answer. Send the message again.", detail }
  return { kind: "unknown", message: `The model ended its answer as ${JSON.stringify(cut(reason, 100))}.`, detail }
}
