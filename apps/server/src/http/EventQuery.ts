/** Parses the parameters of `GET /api/events`. Pure. */
import { Either, ParseResult, Schema } from "effect"
import * as Accept from "./Accept.ts"
import { cut } from "@millrace/contracts/Text"
import { BadRequest } from "@millrace/contracts/Errors"
import { EventTypes, type EventFilter, Streams } from "@millrace/contracts/Filter"

export type Format = "json" | "ndjson" | "sse"

/** Where to start: a strict cursor, a plain offset, or the first retained event. */
export type From = { readonly cursor: string } | { readonly since: number } | "start"

export interface EventQuery extends EventFilter {
  readonly format: Format
  readonly from: From
  /** Maximum number of events. Absent: as many as the byte budget allows. */
  readonly limit?: number
  /** Long-poll: seconds to wait while there are no events. */
  readonly wait: number
  /** True without a position and without a bound: the response streams the whole log. */
  readonly whole: boolean
}

const maxWaitSeconds = 60
/** A single stream is a string, not a list, so that equal filters have equal keys. */
const streamsIn = (named: ReadonlyArray<string>) => (named.length === 1 ? named[0] : named)
const decodeStreams = Schema.decodeUnknownEither(Streams)
const decodeTypes = Schema.decodeUnknownEither(EventTypes)

const refuse = (path: string, message: string) => Either.left(new BadRequest({ path, message }))

const integer = (path: string, text: string, least: number): Either.Either<number, BadRequest> =>
  /^[0-9]{1,16}$/.test(text) && Number.isSafeInteger(Number(text)) && Number(text) >= least
    ? Either.right(Number(text))
    : refuse(path, `${path} must be a whole number, ${least} or more; it is ${JSON.stringify(cut(text, 50))}.`)

const wrong = (path: string) => (error: ParseResult.ParseError) =>
  new BadRequest({ path, message: `${path}: ${cut(ParseResult.ArrayFormatter.formatErrorSync(error)[0]?.message ?? "", 300)}` })

const formatOf = (accept: string): Format =>
  Accept.events(accept) ? "sse" : accept.includes("application/x-ndjson") ? "ndjson" : "json"

/** `Last-Event-ID` (SSE only) takes precedence over `after`, and `after` over `since`. A parameter without precedence is not validated. */
export const parse = (
  search: URLSearchParams,
  headers: Readonly<Record<string, string | undefined>>
): Either.Either<EventQuery, BadRequest> =>
  Either.gen(function* () {
    const format = formatOf((headers["accept"] ?? "").toLowerCase())
    const lastEventId = headers["last-event-id"] ?? ""
    const after = search.get("after")
    const since = search.get("since")
    const limit = search.get("limit")
    const named = search.getAll("stream")
    const types = search.get("types")
    const wait = search.get("wait")

    const from: From =
      format === "sse" && lastEventId !== ""
        ? { cursor: lastEventId }
        : after !== null
          ? { cursor: after }
          : since !== null
            ? { since: yield* integer("since", since, 0) }
            : "start"
    const filter: EventFilter = {
      ...(named.length > 0 && { stream: yield* Either.mapLeft(decodeStreams(streamsIn(named)), wrong("stream")) }),
      ...(types !== null && { types: yield* Either.mapLeft(decodeTypes(types.split(",")), wrong("types")) })
    }
    return {
      format,
      from,
      ...(limit !== null && { limit: yield* integer("limit", limit, 1) }),
      ...filter,
      wait: wait === null ? 0 : Math.min(maxWaitSeconds, yield* integer("wait", wait, 0)),
      whole: after === null && since === null && limit === null && wait === null
    }
  })
