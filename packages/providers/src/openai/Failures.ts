/** Why an endpoint did not answer, or not to the end, in the closed set that clients switch on. No text of it holds the key (X4). */
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
  return { kind, message: message.slice(0, 2000), ...(detail === "" ? {} : { detail: detail.slice(0, 500) }) }
}

const errorIn = (body: string): unknown => {
  try {
    const value: unknown = JSON.parse(body)
    return isRecord(value) ? (value["error"] ?? value["message"] ?? value["detail"]) : undefined
  } catch {
    return undefined
  }
}

/** When `Retry-After` says that it may be asked again: seconds from `now`, or a date. */
const retryAt = (header: string | undefined, now: number): string | undefined => {
  if (header === undefined) return undefined
  const at = /^\d{1,8}$/.test(header.trim()) ? now + Number(header) * 1000 : Date.parse(header)
  return Number.isNaN(at) ? undefined : new Date(at).toISOString()
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
    error ?? `The endpoint answered ${answer.status}${answer.body === "" ? "" : `: ${answer.body.slice(0, 300)}`}.`,
    answer.status
  )
  const resetAt = failure.kind === "limit" ? retryAt(answer.retryAfter, answer.now) : undefined
  return resetAt === undefined ? failure : { ...failure, resetAt }
}

/** It may go better in a moment, when nothing of an answer has come yet. */
export const isPassing = ({ kind }: Failure): boolean => kind === "transport" || kind === "overloaded"

/** The end of an answer in a word of the model server; success is `stop`, and nothing else (T11). */
export const ofFinish = (reason: string): Failure | undefined => {
  switch (reason) {
    case "stop":
    case "tool_calls":
    case "function_call":
      return undefined
    case "length":
      return {
        kind: "limit",
        message: "The model stopped at its limit of tokens: the answer is cut. Allow it more, or shorten the conversation.",
        detail: "finish reason length"
      }
    case "content_filter":
      return {
        kind: "refused",
        message: "The endpoint's content filter ended the answer.",
        detail: "finish reason content_filter"
      }
    default:
      return { kind: "unknown", message: `The model ended its answer as ${JSON.stringify(reason.slice(0, 100))}.` }
  }
}
