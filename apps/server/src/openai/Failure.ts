/**
 * Errors in the shape that OpenAI's clients expect: `{error: {message, type, code, param}}`. Clients retry a call by themselves after 408, 409,
 * 429 and 5xx, and only OpenAI's client reads `X-Should-Retry`. So the failure of a turn that ran is always 400, which no known client retries; 429 and
 * 503 are for calls that started no turn.
 */
import { HttpServerResponse } from "@effect/platform"
import { Data } from "effect"
import type { Rule } from "@millrace/contracts/Errors"
import type { TurnEnd } from "@millrace/orchestration/readmodel/TurnEnd"
import type { WireError } from "../http/Respond.ts"

type Type = "invalid_request_error" | "rate_limit_error" | "server_error" | "turn_error"

export class Failure extends Data.TaggedError("Failure")<{
  readonly status: number
  readonly type: Type
  readonly code: string
  readonly param: string | null
  readonly message: string
  /** True when no turn was started, so that the client may send the same call again. */
  readonly retry: boolean
  readonly retryAfterMillis?: number
}> {}

/** An error of the call itself, which the caller must correct. */
export const invalid = (param: string | null, message: string, code = "invalid_value", status = 400): Failure =>
  new Failure({ status, type: "invalid_request_error", code, param, message, retry: false })

const byRule: Partial<Record<Rule, Pick<Failure, "status" | "code" | "param">>> = {
  ProviderUnknown: { status: 404, code: "model_not_found", param: "model" },
  DirectoryNotFound: { status: 400, code: "directory_not_found", param: "X-Millrace-Cwd" },
  ThreadNotFound: { status: 404, code: "thread_not_found", param: "X-Millrace-Thread" },
  ThreadDeleted: { status: 404, code: "thread_not_found", param: "X-Millrace-Thread" },
  ThreadArchived: { status: 409, code: "thread_archived", param: "X-Millrace-Thread" },
  TextTooLarge: { status: 400, code: "context_length_exceeded", param: null }
}

/** A queue or a limit is full: the client should retry later. */
const retryLater = (code: string, message: string, retryAfterMillis: number): Failure =>
  new Failure({ status: 429, type: "rate_limit_error", code, param: null, message, retry: true, retryAfterMillis })

/** Maps an error of the API to this interface. None of them started a turn. */
export const fromWire = (error: WireError): Failure => {
  const { message } = error
  switch (error._tag) {
    case "Unauthorized":
      return invalid(null, message, "invalid_api_key", 401)
    case "Forbidden":
      return invalid(null, message, "forbidden", 403)
    case "PayloadTooLarge":
      return invalid(null, message, "request_too_large", 413)
    case "BadRequest":
      return invalid(error.path ?? null, message)
    case "NotFound":
      return invalid(null, message, "not_found", 404)
    case "CommandIdConflict":
      return invalid("Idempotency-Key", message, "idempotency_conflict", 409)
    case "CommandRejected": {
      if (error.rule === "QueueFull") return retryLater("queue_full", message, 5000)
      const { code, param, status } = byRule[error.rule] ?? { status: 400, code: error.rule, param: null }
      return invalid(param, message, code, status)
    }
    case "Overloaded":
      return retryLater("rate_limit_exceeded", message, error.retryAfterMillis)
    case "ShuttingDown":
    case "StorageUnavailable": {
      const { retryAfterMillis } = error
      const code = "service_unavailable"
      return new Failure({ status: 503, type: "server_error", code, param: null, message, retry: true, retryAfterMillis })
    }
    default:
      return invalid(null, message)
  }
}

const ofTurn = (code: string, message: string): Failure =>
  new Failure({ status: 400, type: "turn_error", code, param: null, message, retry: false })

/** The error of a turn that did not complete (T11). */
export const fromEnd = ({ outcome, turn }: Pick<TurnEnd, "outcome" | "turn">): Failure => {
  const error = turn?.error
  if (outcome === "failed")
    return error === undefined
      ? ofTurn("turn_failed", turn?.reason ?? "The turn failed.")
      : ofTurn(error.kind === "context" ? "context_length_exceeded" : `turn_failed_${error.kind}`, error.message)
  if (outcome === "deleted") return ofTurn("thread_deleted", "The thread was deleted before the turn completed.")
  return ofTurn("turn_interrupted", turn?.reason ?? "The turn was interrupted.")
}

/** The connection ends before the turn does. */
export const streamCut = (message: string): Failure => ofTurn("stream_cut", message)

/** The turn was started, but its end cannot be read. */
export const outcomeUnknown = (threadId: string, message: string): Failure =>
  ofTurn(
    "outcome_unknown",
    `The turn was started, but its end cannot be read here: ${message} Read it under /api/threads/${threadId}.`
  )

/** Responses of the guard: an unknown path, a wrong method, or a defect, after which it is unknown whether a turn ran. */
export const plain = (status: number, tag: string, message: string, headers?: Readonly<Record<string, string>>) => {
  const code = tag.replace(/(?<=[a-z])[A-Z]/g, "_$&").toLowerCase()
  return respond(
    status < 500
      ? invalid(null, message, code, status)
      : new Failure({ status, type: "server_error", code, param: null, message, retry: false }),
    headers
  )
}

export const bodyOf = ({ code, message, param, type }: Failure) => ({ error: { message, type, param, code } })

/** The response of a failure. `headers` name the turn once it is known; `text` is the agent's text until then. */
export const respond = (
  failure: Failure,
  headers?: Readonly<Record<string, string>>,
  text?: string
): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.text(
    JSON.stringify(text === undefined || text === "" ? bodyOf(failure) : { error: { ...bodyOf(failure).error, text } }),
    {
      status: failure.status,
      contentType: "application/json; charset=utf-8",
      headers: {
        "cache-control": "no-store",
        "x-should-retry": String(failure.retry),
        ...(failure.retryAfterMillis !== undefined && {
          "retry-after": String(Math.max(1, Math.ceil(failure.retryAfterMillis / 1000)))
        }),
        ...(failure.status === 401 && { "www-authenticate": 'Bearer realm="millrace"' }),
        ...(failure.status === 413 && { connection: "close" }),
        ...headers
      }
    }
  )
