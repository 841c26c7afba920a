/**
 * Access for pages of other origins (`--allow-origin`). Such a page sends a bearer token. The server ignores its cookies, and never sends
 * `Access-Control-Allow-Credentials` (X10). Pure.
 */
import type { Headers } from "../auth/Proxy.ts"

/** Headers that such a page may send, in addition to those that every page may. */
const accepted = [
  "authorization",
  "content-type",
  "idempotency-key",
  "if-none-match",
  "last-event-id",
  "x-millrace-lenient",
  "x-millrace-thread"
].join(", ")
/** Headers of a response that such a page may read, in addition to those that every page may. */
const exposed =
  "accept-ranges, content-range, etag, retry-after, x-millrace-cursor, x-millrace-last-idx, x-millrace-thread, x-request-id"
/** How long a browser may keep the answer to a preflight, in seconds. */
const maxAge = "600"

/** Whether a request is a preflight: the browser asks which headers and methods a page may use. */
export const isPreflight = (method: string, headers: Headers): boolean =>
  method === "OPTIONS" && headers["access-control-request-method"] !== undefined

/** The headers of the answer to a preflight. `allow`: the methods of the path. */
export const preflight = (allow: string) => ({
  "access-control-allow-methods": allow,
  "access-control-allow-headers": accepted,
  "access-control-max-age": maxAge
})

/** The headers of a response to an allowed page. */
export const granted = (origin: string) => ({
  "access-control-allow-origin": origin,
  "access-control-expose-headers": exposed
})

/** `Vary` with `Origin` added. */
export const varying = (vary: string | undefined): string => (vary === undefined ? "origin" : `${vary}, origin`)
