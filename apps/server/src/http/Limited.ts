/**
 * The answer to a request for server-sent events at a limit: 200 with one `bye` and a `retry:`. A browser's EventSource gives up for good on a 429, and
 * comes back after the end of a stream.
 */
import { type HttpServerRequest, HttpServerResponse } from "@effect/platform"

const retryMillis = 5000

export const accepts = ({ headers }: HttpServerRequest.HttpServerRequest): boolean =>
  headers["accept"]?.includes("text/event-stream") === true

/** `resumeAfter`: the cursor that the client came with. */
export const limited = (resumeAfter: string | undefined) =>
  HttpServerResponse.text(
    `event: bye\nretry: ${retryMillis}\ndata: ${JSON.stringify({ reason: "limit", ...(resumeAfter !== undefined && { resumeAfter }) })}\n\n`,
    {
      contentType: "text/event-stream; charset=utf-8",
      headers: { "cache-control": "private, no-cache, no-transform", "x-accel-buffering": "no" }
    }
  )
