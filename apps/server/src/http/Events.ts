/**
 * `GET /api/events`: the log after a cursor, as one page, as a long-poll, whole, or followed over SSE. The bytes of an event are the committed
 * bytes. Header and body of a page come from one read (D4). The response to an invalid cursor is never an empty page (D3).
 */
import { createHash } from "node:crypto"
import { type HttpServerRequest, HttpServerResponse } from "@effect/platform"
import { NodeHttpServerRequest } from "@effect/platform-node"
import { Chunk, Effect, Option, Stream } from "effect"
import { format as formatCursor } from "@millrace/contracts/Cursor"
import { accepts, filterKey } from "@millrace/contracts/Filter"
import { storageUnavailable } from "@millrace/log/StorageError"
import { EventLog, type Page } from "@millrace/log/EventLog"
import * as FilteredRead from "@millrace/orchestration/streams/FilteredRead"
import * as Cursors from "@millrace/orchestration/streams/Cursors"
import * as Frames from "@millrace/orchestration/streams/Frames"
import { Session, stillValid } from "../auth/Session.ts"
import * as Allowance from "./Allowance.ts"
import * as EventQuery from "./EventQuery.ts"
import * as Subscribers from "../subscriptions/Subscribers.ts"
import { limited } from "./Limited.ts"
import * as Sse from "./Sse.ts"
import * as Target from "./Target.ts"
import { SubscriberScheduler } from "../subscriptions/SubscriberScheduler.ts"

/** Byte limit of a page. The header has the offset where the page ends (D10). */
const pageBytes = 8 * 1024 * 1024
const pageRows = 100_000
/** Byte limit of a page when the whole log is streamed in constant memory. */
const dumpBytes = 256 * 1024

const contentTypes = { json: "application/json; charset=utf-8", ndjson: "application/x-ndjson; charset=utf-8" }

/** Resolves the start of a query to an offset of the log. Fails for an invalid cursor (D3). */
export const resolveFrom = Effect.fnUntraced(function* (from: EventQuery.From) {
  const log = yield* EventLog
  const position = { logEpoch: log.epoch, retained: yield* log.retainedFrom, head: yield* log.head }
  if (from === "start") return position.retained
  if ("cursor" in from) return yield* Cursors.resolve(from.cursor, position)
  // A plain offset is not strict: at or beyond the head the page is empty. Below retention it fails.
  return from.since > position.head ? from.since : yield* Cursors.checkOffset(from.since, position)
})

const indexHeaders = (epoch: string, upTo: number) => ({
  "x-millrace-last-idx": String(upTo),
  "x-millrace-cursor": formatCursor(epoch, upTo),
  "cache-control": "private, no-store"
})

/**
 * A page that ends below the head has a strong ETag. It changes only when a thread is deleted, which raises the generation. A browser revalidates it each
 * time. A page at the head is not cached.
 */
const cacheHeaders = (epoch: string, page: Page, query: EventQuery.EventQuery): Record<string, string> =>
  page.upTo >= page.head
    ? {}
    : {
        etag: `"${[epoch, page.after, page.upTo, page.generation, etagOf(query), query.format].join("-")}"`,
        "cache-control": "private, no-cache",
        vary: "accept, authorization, cookie"
      }

/** The digest of the filter as part of an ETag, because a filter may have 32 streams. */
const etagOf = (query: EventQuery.EventQuery): string => {
  const key = filterKey(query)
  return key === undefined ? "all" : createHash("sha256").update(key).digest("base64url").slice(0, 22)
}

/** Whether `If-None-Match` contains the tag (RFC 9110): a list of tags, weak or not, or `*`. */
const isKnown = (etag: string, ifNoneMatch: string | undefined): boolean =>
  ifNoneMatch !== undefined && ifNoneMatch.split(",").some((one) => ["*", etag, `W/${etag}`].includes(one.trim()))

const jsonOf = (format: "json" | "ndjson", events: Page["events"]): string => {
  const parts = events.map((event) => event.json)
  return format === "json" ? `[${parts.join(",")}]` : parts.map((part) => `${part}\n`).join("")
}

/** One page. With `wait` it waits until the page has events, the time ends, the token is revoked, or the server drains. */
const page = Effect.fnUntraced(function* (
  request: HttpServerRequest.HttpServerRequest,
  query: EventQuery.EventQuery,
  after: number,
  format: "json" | "ndjson"
) {
  const log = yield* EventLog
  const scheduler = yield* SubscriberScheduler
  const session = yield* Session
  const readFrom = Effect.fnUntraced(function* (after: number) {
    const head = yield* log.head
    if (after >= head) return { after, upTo: after, head, events: [], generation: yield* log.generation } satisfies Page
    return yield* FilteredRead.read(log, query, { after, limit: query.limit ?? pageRows, maxBytes: pageBytes })
  })
  let latest: Page = yield* readFrom(after)
  if (query.wait > 0) {
    const wait = Effect.gen(function* () {
      while (latest.events.length === 0 && !scheduler.closing()) {
        if (latest.upTo >= latest.head) yield* scheduler.awaitBeyond(latest.upTo, Frames.indexed(query).stream)
        yield* stillValid(session)
        latest = { ...(yield* readFrom(latest.upTo)), after }
      }
    })
    const subscriber = Subscribers.subscriber("long-poll", session.actor, latest.upTo)
    subscriber.waiting = true
    yield* Effect.timeoutOption(wait, `${query.wait} seconds`).pipe(Subscribers.during(yield* Subscribers.Registry, subscriber))
  }
  const headers: Record<string, string> = { ...indexHeaders(log.epoch, latest.upTo), ...cacheHeaders(log.epoch, latest, query) }
  if (headers["etag"] !== undefined && isKnown(headers["etag"], request.headers["if-none-match"]))
    return HttpServerResponse.empty({ status: 304, headers })
  return HttpServerResponse.text(jsonOf(format, latest.events), { contentType: contentTypes[format], headers })
})

/**
 * Streams the log up to the head at the start, page by page. If a read fails or the token ends, the connection is destroyed, so that a partial log does
 * not look complete.
 */
const whole = Effect.fnUntraced(function* (
  request: HttpServerRequest.HttpServerRequest,
  query: EventQuery.EventQuery,
  start: number,
  format: "json" | "ndjson"
) {
  const log = yield* EventLog
  const scheduler = yield* SubscriberScheduler
  const session = yield* Session
  const end = yield* log.head
  const wanted = accepts(query)
  const [open, between, close] = format === "json" ? ["[", ",", "]"] : ["", "", ""]
  let first = true
  const text = (events: Page["events"]) => {
    if (events.length === 0) return ""
    const lead = first ? "" : between
    first = false
    return format === "json" ? lead + events.map((event) => event.json).join(",") : jsonOf("ndjson", events)
  }
  const pages = Stream.paginateChunkEffect(start, (after) =>
    after >= end
      ? Effect.succeed([Chunk.empty<string>(), Option.none<number>()] as const)
      : Effect.map(
          Effect.zipRight(
            Effect.zipRight(scheduler.pauseEnd, stillValid(session)),
            log.read({ after, maxBytes: dumpBytes, limit: Math.min(1000, end - after), ...Frames.indexed(query) })
          ),
          (page) => {
            const events = page.events.filter((event) => event.offset <= end && wanted(event))
            return [Chunk.of(text(events)), page.upTo < end ? Option.some(page.upTo) : Option.none<number>()] as const
          }
        )
  )
  const body = pages.pipe(
    Stream.prepend(Chunk.of(open)),
    Stream.concat(Stream.succeed(close)),
    Stream.filter((part) => part !== ""),
    Stream.map((part) => Buffer.from(part)),
    Stream.tapError(() => Effect.sync(() => NodeHttpServerRequest.toServerResponse(request).destroy()))
  )
  return HttpServerResponse.stream(body, {
    contentType: contentTypes[format],
    headers: indexHeaders(log.epoch, Math.max(start, end))
  })
})

/** The handler of the contract's `events` endpoint. */
export const make = Effect.gen(function* () {
  const sse = yield* Sse.make
  const allowance = yield* Allowance.Current
  const subscribers = yield* Subscribers.Registry
  const { epoch } = yield* EventLog
  const context = yield* Effect.context<Effect.Effect.Context<ReturnType<typeof sse>> | SubscriberScheduler | EventLog>()
  return Effect.fnUntraced(function* (request: HttpServerRequest.HttpServerRequest) {
    const query = yield* EventQuery.parse(new URLSearchParams(Target.queryOf(request.url)), request.headers)
    const after = yield* resolveFrom(query.from)
    if (query.format === "sse") {
      const session = yield* Session
      if (allowance.crowded(subscribers, session.actor)) return limited(Allowance.streamRetryMillis, formatCursor(epoch, after))
      return yield* sse(request, { after, session, stream: query.stream, types: query.types })
    }
    if (query.whole) return yield* whole(request, query, after, query.format)
    return yield* Effect.catchTag(page(request, query, after, query.format), "LogUnavailable", (error) =>
      storageUnavailable(error)
    )
  }, Effect.provide(context))
})
