/** Maps the result of a Claude turn to the outcome and the `Failure` kind that clients switch on. */
import type { Failure, Usage } from "@millrace/contracts/Item"
import * as ResetTime from "./ResetTime.ts"
import type { Result, Tokens } from "./Said.ts"

/** Failure kinds by the `error` of a message that Claude Code wrote instead of the model. */
const words: ReadonlyMap<string, Failure["kind"]> = new Map([
  ["authentication_failed", "auth"],
  ["oauth_org_not_allowed", "auth"],
  ["billing_error", "limit"],
  ["rate_limit", "limit"],
  ["overloaded", "overloaded"],
  ["max_output_tokens", "limit"],
  ["server_error", "transport"]
])

const ofStatus = (status: number): Failure["kind"] | undefined => {
  if (status === 401 || status === 403) return "auth"
  if (status === 402 || status === 429) return "limit"
  if (status === 503 || status === 529) return "overloaded"
  return status >= 500 ? "transport" : status >= 400 ? "protocol" : undefined
}

/** Inputs for the end of a usage limit: the last `rate_limit_event`, or else the failure message and the current time. */
export interface Told {
  readonly resetAt: string | undefined
  /** Milliseconds since 1970; without it a time of day in the message cannot be resolved. */
  readonly now: number | undefined
}

/** The reset time of a limit. Older versions end the message with `|` and seconds since 1970. */
const resetAt = (message: string, told: Told | undefined): { readonly resetAt?: string } => {
  const seconds = /usage limit reached\|(\d{10})$/i.exec(message.trim())?.[1]
  const at =
    told?.resetAt ??
    (seconds === undefined ? undefined : ResetTime.fromSeconds(Number(seconds))) ??
    (told?.now === undefined ? undefined : ResetTime.fromWords(message, told.now))
  return at === undefined ? {} : { resetAt: at }
}

const isContext = (message: string) => /prompt is too long|context (window|length)/i.test(message)

/** `error`: of the turn's last message, when it had one. */
export const failureOf = (result: Result, error: string | undefined, told?: Told): Failure => {
  const message = result.result || result.errors?.[0] || `Claude ended the turn as "${result.subtype ?? "nothing"}".`
  const kind =
    (isContext(message) ? "context" : undefined) ??
    (/^you've (hit|reached) your .*limit/i.test(message) ? "limit" : undefined) ??
    (error === undefined ? undefined : words.get(error)) ??
    (typeof result.api_error_status === "number" ? ofStatus(result.api_error_status) : undefined) ??
    (result.subtype?.startsWith("error_max_") === true ? "limit" : "unknown")
  const detail = [error, result.api_error_status == null ? undefined : `status ${result.api_error_status}`, result.subtype]
  return { kind, message, detail: detail.filter(Boolean).join(", "), ...(kind === "limit" ? resetAt(message, told) : {}) }
}

/**
 * Only `subtype: success` without `is_error` is a success (T11). Claude reports an interrupt as an error. It counts as interrupted when
 * `terminal_reason` is `aborted_*`, or, without a `terminal_reason`, when an interrupt was requested.
 */
export const outcomeOf = (result: Result, interrupting: boolean): "completed" | "interrupted" | "failed" => {
  if ((result.is_error === false || result.is_error === undefined) && result.subtype === "success") return "completed"
  const reason = result.terminal_reason
  const aborted =
    typeof reason === "string" ? reason.startsWith("aborted") : interrupting && result.subtype === "error_during_execution"
  return aborted ? "interrupted" : "failed"
}

/** Usage of all these messages. Claude counts cached tokens separately from input tokens; our `inputTokens` includes them. */
export const sumOf = (messages: Iterable<Tokens>): Usage => {
  let cachedInputTokens = 0
  let inputTokens = 0
  let outputTokens = 0
  for (const tokens of messages) {
    const cached = tokens.cache_read_input_tokens ?? 0
    cachedInputTokens += cached
    inputTokens += (tokens.input_tokens ?? 0) + (tokens.cache_creation_input_tokens ?? 0) + cached
    outputTokens += tokens.output_tokens ?? 0
  }
  return { inputTokens, cachedInputTokens, outputTokens, totalTokens: inputTokens + outputTokens }
}

/** Usage of this turn; `undefined` when Claude reported none. */
export const usageOf = ({ modelUsage, usage }: Result): Usage | undefined => {
  if (usage == null) return undefined
  const windows = Object.values(modelUsage ?? {}).flatMap(({ contextWindow }) => contextWindow ?? [])
  return { ...sumOf([usage]), ...(windows.length === 0 ? {} : { contextWindow: Math.max(...windows) }) }
}
