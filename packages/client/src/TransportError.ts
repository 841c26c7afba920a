/** The errors that a call can have because it goes over a connection, in addition to those of the server's operations. */
import { Duration, Schema } from "effect"
import { cut } from "@millrace/contracts/Text"
import { Unauthorized } from "@millrace/contracts/Errors"

/**
 * The server did not answer: there was no connection, it broke, or the deadline passed. The outcome of a command is unknown unless `unsent` is set. Send
 * the command again with the same id to learn the outcome (C2).
 */
export class Disconnected extends Schema.TaggedError<Disconnected>()("Disconnected", {
  message: Schema.String,
  /** Milliseconds to wait before the next try, as the server asks. */
  retryAfterMillis: Schema.optional(Schema.Number),
  /** The request had no effect: it was not sent, or the server answered before it read the request. */
  unsent: Schema.optional(Schema.Literal(true))
}) {}

/** The server answered with a status that the interface does not define for the call. `body`: the first 2,000 characters of the body. */
export class Refused extends Schema.TaggedError<Refused>()("Refused", {
  status: Schema.Int,
  body: Schema.String,
  message: Schema.String
}) {}

/** The answer violates the protocol: a frame that cannot be decoded, or a missing event (D2). */
export class ProtocolError extends Schema.TaggedError<ProtocolError>()("ProtocolError", { message: Schema.String }) {}

export type TransportError = Disconnected | Unauthorized | Refused | ProtocolError
export { Unauthorized }

/** Throws a `TypeError` if `url` is not a URL of this scheme, or of the scheme over TLS (https, wss). */
export const checkUrl = (url: string, scheme: "http" | "ws"): void => {
  if (URL.canParse(url) && [`${scheme}:`, `${scheme}s:`].includes(new URL(url).protocol)) return
  throw new TypeError(`"${url}" is not a URL of ${scheme} or ${scheme}s. Give one like ${scheme}://127.0.0.1:7717.`)
}

/** The message in an error body of the server, or the body itself. */
const messageIn = (body: string): string => {
  const message = body.includes('"_tag":') ? /"message":("(?:[^"\\]|\\.)*")/.exec(body)?.[1] : undefined
  try {
    return message === undefined ? body : String(JSON.parse(message))
  } catch {
    // A proxy sent or changed the body.
    return body
  }
}

export const refused = (status: number, body: string): Refused =>
  new Refused({
    status,
    body: cut(body, 2_000),
    message: `The server answered ${status}${body === "" ? "" : `: ${cut(messageIn(body), 200).replace(/\.$/, "")}`}.`
  })

/** The cause that Node's `fetch` wraps. The cause explains more than "fetch failed". */
const inner = (cause: unknown): unknown => (cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause)
const codeOf = (cause: unknown): string | undefined =>
  cause !== null && typeof cause === "object" && "code" in cause && typeof cause.code === "string" ? cause.code : undefined

/** The server accepted the request and did not answer in time. */
export const unanswered = (at: string, after: Duration.Duration): Disconnected =>
  new Disconnected({
    message: `No answer from ${at} within ${Duration.format(after)}. Check that the server runs (millrace doctor), then try again.`
  })

/** `at`: the address as the caller wrote it. */
export const disconnected = (at: string, cause: unknown): Disconnected => {
  const why = inner(cause)
  const code = codeOf(why)
  const message = (why instanceof Error && why.message !== "" ? why.message : (code ?? String(why))).replace(/\.$/, "")
  const unsent = code === "ECONNREFUSED" || code === "ENOTFOUND"
  return new Disconnected({
    message: `No connection to ${at}: ${message}. Check that the server runs (millrace doctor).`,
    ...(unsent ? { unsent } : {})
  })
}
