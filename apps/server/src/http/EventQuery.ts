/** What `GET /api/events` was asked: the parameters, decided without any I/O. */
import { Either, Schema } from "effect"
import { BadRequest } from "@millrace/contracts/Errors"
import { StreamName } from "@millrace/contracts/Ids"

export type Format = "json" | "ndjson" | "sse"

/** Where to start: a strict cursor, a plain offset, or the first event that is kept. */
export type From = { readonly cursor: string } | { readonly since: number } | "start"

export interface EventQuery {
  readonly format: Format
  readonly from: From
  /** Rows; absent: as many as the byte budget allows. */
  readonly limit?: number
  readonly stream?: StreamName
  /** Seconds to wait when there is nothing yet. */
  readonly wait: number
  /** Neither a position nor a bound was given: the whole log, streamed. */
  readonly whole: boolean
}

const maxWaitSeconds = 60
const isStream = Schema.is(StreamName)

const refuse = (path: string, message: string) => Either.left(new BadRequest({ path, message }))

const integer = (path: string, text: string, least: number): Either.Either<number, BadRequest> =>
  /^[0-9]{1,16}$/.test(text) && Number.isSafeInteger(Number(text)) && Number(text) >= least
    ? Either.right(Number(text))
    : refuse(path, `${path} must be a whole number, ${least} or more; it is ${JSON.stringify(text.slice(0, 50))}.`)

const formatOf = (accept: string): Format =>
  accept.includes("text/event-stream") ? "sse" : accept.includes("application/x-ndjson") ? "ndjson" : "json"

/** `Last-Event-ID` (SSE only) wins over `after`, `after` over `since`; what loses is not looked at. */
export const parse = (
  search: URLSearchParams,
  headers: Readonly<Record<string, string | undefined>>
): Either.Either<EventQuery, BadRequest> =>
  Either.gen(function* () {
    const format = formatOf(headers["accept"] ?? "")
    const lastEventId = headers["last-event-id"] ?? ""
    const after = search.get("after")
    const since = search.get("since")
    const limit = search.get("limit")
    const stream = search.get("stream")
    const wait = search.get("wait")

    const from: From =
      format === "sse" && lastEventId !== ""
        ? { cursor: lastEventId }
        : after !== null
          ? { cursor: after }
          : since !== null
            ? { since: yield* integer("since", since, 0) }
            : "start"
    if (stream !== null && !isStream(stream))
      return yield* refuse("stream", "stream must be like thread/thr_01HXYZ or project/prj_01HXYZ.")
    return {
      format,
      from,
      ...(limit !== null && { limit: yield* integer("limit", limit, 1) }),
      ...(stream !== null && { stream }),
      wait: wait === null ? 0 : Math.min(maxWaitSeconds, yield* integer("wait", wait, 0)),
      whole: after === null && since === null && limit === null && wait === null
    }
  })
