/** Maps the error of a Codex turn to the closed set of `Failure` kinds that clients switch on. */
import type { Failure } from "@millrace/contracts/Item"
import { isRecord } from "../Fields.ts"
import type { TurnError } from "./Wire.ts"

/** `codexErrorInfo` in version 0.169. Any other value is `unknown`. */
const kinds: ReadonlyMap<string, Failure["kind"]> = new Map<string, Failure["kind"]>([
  ["contextWindowExceeded", "context"],
  ["sessionBudgetExceeded", "limit"],
  ["usageLimitExceeded", "limit"],
  ["rateLimitExceeded", "limit"],
  ["flexUnavailable", "overloaded"],
  ["serverOverloaded", "overloaded"],
  ["policyCapacityUnavailable", "overloaded"],
  ["internalServerError", "transport"],
  ["httpConnectionFailed", "transport"],
  ["responseStreamConnectionFailed", "transport"],
  ["responseStreamDisconnected", "transport"],
  ["responseTooManyFailedAttempts", "transport"],
  ["unauthorized", "auth"],
  ["cyberPolicy", "refused"],
  ["misalignmentPolicyViolation", "refused"],
  ["inferenceHookDenied", "refused"],
  ["tooManyDenials", "refused"],
  ["badRequest", "protocol"],
  ["modelNotFound", "protocol"],
  ["threadRollbackFailed", "protocol"],
  ["activeTurnNotSteerable", "protocol"]
])

/** A string, or an object whose one key is the name and whose value holds details such as `httpStatusCode`. */
const nameOf = (info: unknown): string | undefined =>
  typeof info === "string" ? info : isRecord(info) ? Object.keys(info)[0] : undefined

export const fromTurnError = (error: TurnError): Failure => {
  const name = nameOf(error.codexErrorInfo)
  const details = [
    isRecord(error.codexErrorInfo) ? JSON.stringify(error.codexErrorInfo) : name,
    error.additionalDetails ?? undefined
  ].filter((part) => part !== undefined)
  // A stream that breaks after the last retry arrives as `other`: only the message identifies it.
  const kind =
    (name === undefined ? undefined : kinds.get(name)) ??
    (/^stream disconnected|network error|error sending request/i.test(error.message) ? "transport" : "unknown")
  return { kind, message: error.message, ...(details.length > 0 ? { detail: details.join("\n") } : {}) }
}
