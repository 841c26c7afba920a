/**
 * The response to a request for server-sent events beyond a limit: 200 with one `bye` and a `retry:`. A browser's EventSource reconnects after the end of
 * a stream, but never after a 429.
 */
import { type HttpServerRequest, HttpServerResponse } from "@effect/platform"
import { format } from "@millrace/contracts/Cursor"
import { limitReached } from "@millrace/contracts/Frame"
import { EventLog } from "@millrace/log/EventLog"
import { Effect } from "effect"
import * as Accept from "./Accept.ts"
import * as Target from "./Target.ts"

/** Minimum delay before a browser reconnects, in milliseconds. */
const leastMillis = 1000

export const accepts = ({ headers }: HttpServerRequest.HttpServerRequest): boolean => Accept.events(headers["accept"])

/** The cursor of the request. It is not validated, and the log is not read. */
const cursorOf = (request: HttpServerRequest.HttpServerRequest) =>
  Effect.gen(function* () {
    const params = new URLSearchParams(Target.queryOf(request.url))
    const cursor = request.headers["last-event-id"] || params.get("after")
    if (cursor) return cursor
    const log = yield* EventLog
    const since = Number(params.get("since") ?? Number.NaN)
    return format(log.epoch, Number.isSafeInteger(since) && since >= 0 ? since : yield* log.retainedFrom)
  })

/** `retryAfterMillis`: when the client may reconnect. `resumeAfter`: the cursor to resume after. */
export const limited = (retryAfterMillis: number, resumeAfter: string) => {
  const retry = Math.max(leastMillis, retryAfterMillis)
  const data = { reason: limitReached, resumeAfter, retryAfterMillis: retry }
  return HttpServerResponse.text(`event: bye\nretry: ${retry}\ndata: ${JSON.stringify(data)}\n\n`, {
    contentType: "text/event-stream; charset=utf-8",
    headers: { "cache-control": "private, no-cache, no-transform", "x-accel-buffering": "no" }
  })
}

/** The same response for a request whose query is not parsed yet. */
export const unread = (request: HttpServerRequest.HttpServerRequest, retryAfterMillis: number) =>
  Effect.map(cursorOf(request), (cursor) => limited(retryAfterMillis, cursor))
