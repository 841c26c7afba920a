/** What only the wire adds to the errors of the service. Each says what happened and what to do. */
import { Schema } from "effect"
import { Unauthorized } from "@millrace/contracts/Errors"

/**
 * No answer: not connected, cut off, or silent beyond the deadline. Of a command the outcome is unknown:
 * the same command id tells (C2).
 */
export class Disconnected extends Schema.TaggedError<Disconnected>()("Disconnected", {
  message: Schema.String,
  /** The server said when to come back, in milliseconds. */
  retryAfterMillis: Schema.optional(Schema.Number)
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
    body: body.slice(0, 2_000),
    message: `The server answered ${status}${body === "" ? "" : `: ${body.slice(0, 200)}`}`
  })

const words = (cause: unknown): string => {
  if (!(cause instanceof Error)) return String(cause)
  const inner = cause.cause
  if (inner instanceof Error && inner.message !== "") return inner.message
  const code = inner !== null && typeof inner === "object" && "code" in inner ? inner.code : undefined
  return typeof code === "string" ? code : cause.message
}

/** `at`: the address, as the caller wrote it. */
export const disconnected = (at: string, cause: unknown): Disconnected =>
  new Disconnected({ message: `No connection to ${at}: ${words(cause)}` })
