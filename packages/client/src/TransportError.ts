/** What only the wire adds to the errors of the service. Each says what happened and what to do. */
import { Duration, Schema } from "effect"
import { cut } from "@millrace/contracts/Text"
import { Unauthorized } from "@millrace/contracts/Errors"

/**
 * No answer: not connected, cut off, or silent beyond the deadline. Of a command the outcome is unknown:
 * the same command id tells (C2).
 */
export class Disconnected extends Schema.TaggedError<Disconnected>()("Disconnected", {
  message: Schema.String,
  /** The server said when to come back, in milliseconds. */
  retryAfterMillis: Schema.optional(Schema.Number),
  /** There was nobody to send to, so nothing happened there. */
  unsent: Schema.optional(Schema.Literal(true))
}) {}

/** The server answered with a status that this interface does not give to that call. `body`: its first 2,000 characters. */
export class Refused extends Schema.TaggedError<Refused>()("Refused", {
  status: Schema.Int,
  body: Schema.String,
  message: Schema.String
}) {}

/** What came is not this protocol: a frame that cannot be read, or a hole in the order of events (D2). */
export class ProtocolError extends Schema.TaggedError<ProtocolError>()("ProtocolError", { message: Schema.String }) {}

export type TransportError = Disconnected | Unauthorized | Refused | ProtocolError
export { Unauthorized }

export const refused = (status: number, body: string): Refused =>
  new Refused({
    status,
    body: cut(body, 2_000),
    message: `The server answered ${status}${body === "" ? "" : `: ${cut(body, 200)}`}`
  })

/** What Node's `fetch` wraps tells more than its own "fetch failed". */
const inner = (cause: unknown): unknown => (cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause)
const codeOf = (cause: unknown): string | undefined =>
  cause !== null && typeof cause === "object" && "code" in cause && typeof cause.code === "string" ? cause.code : undefined

/** A server that took the request and did not answer in time. */
export const unanswered = (at: string, after: Duration.Duration): Disconnected =>
  new Disconnected({
    message: `No answer from ${at} within ${Duration.format(after)}; see whether it runs (millrace doctor), then try again`
  })

/** `at`: the address, as the caller wrote it. */
export const disconnected = (at: string, cause: unknown): Disconnected => {
  const why = inner(cause)
  const code = codeOf(why)
  const said = why instanceof Error && why.message !== "" ? why.message : (code ?? String(why))
  const unsent = code === "ECONNREFUSED" || code === "ENOTFOUND"
  return new Disconnected({ message: `No connection to ${at}: ${said}`, ...(unsent ? { unsent } : {}) })
}
