/**
 * One subscription to the log: `open`, pages after its cursor, `caught-up` once, then pages and heartbeats indefinitely; at its end `bye` or
 * `end`. SSE and WebSocket RPC are two encodings of these steps, so their histories are the same (D9).
 * A subscription holds its position and one page: a slow client delays only itself (D7).
 */
import { Clock, Context, Duration, Effect, Option, Random, Stream } from "effect"
import type { StorageUnavailable } from "@millrace/contracts/Errors"
import { leaseOver } from "@millrace/contracts/Frame"
import { type EventFilter, filterKey } from "@millrace/contracts/Filter"
import type { Signal } from "@millrace/contracts/Signal"
import { EventLog, type Page } from "@millrace/log/EventLog"
import * as Frames from "@millrace/orchestration/streams/Frames"
import { LogReader, type ReaderFrame, type Stop } from "@millrace/orchestration/streams/LogReader"
import { storageUnavailable } from "@millrace/log/StorageError"
import { endings, type Session } from "../auth/Session.ts"
import type { Subscriber } from "./Subscribers.ts"
import type { EncodedPageCache } from "./EncodedPageCache.ts"
import { SubscriberScheduler } from "./SubscriberScheduler.ts"

export type FollowFrame =
  /** The first step, with the head of the log. */
  | { readonly _tag: "open"; readonly head: number }
  | { readonly _tag: "page"; readonly page: Page }
  /** A page that was encoded for another subscriber (`Options.pages`). */
  | { readonly _tag: "encoded"; readonly bytes: Buffer }
  | { readonly _tag: "heartbeat"; readonly head: number }
  /** Only after `caught-up`, at the head (D12). */
  | { readonly _tag: "signals"; readonly signals: ReadonlyArray<Signal> }
  | ReaderFrame

export interface Options extends EventFilter {
  /** A resolved position (D3). */
  readonly after: number
  readonly session: Session["Type"]
  /** Maximum number of events of one page. */
  readonly limit?: number
  /** Cache of encoded pages of the whole log; a cached page is not read again. */
  readonly pages?: EncodedPageCache
  /** The subscriber's metrics, updated at each step. */
  readonly subscriber?: Subscriber
  /** Life of the subscription until it ends with `bye`, plus or minus a quarter by `Random`. Default: no limit. */
  readonly lease?: Duration.Duration
}

/** Pages end at multiples of this many offsets, so that subscribers that lag together have equal pages and share their bytes. */
export class PageAlignment extends Context.Reference<PageAlignment>()("@millrace/server/Subscription/PageAlignment", {
  defaultValue: () => 1024
}) {}
const pageBytes = 1024 * 512

/** Maximum number of signals in one step. */
const maxSignals = 64

const expired: Stop = { reason: leaseOver, when: "soon" }
const closing: Stop = { reason: "The server is shutting down.", when: "head" }

type Next = Effect.Effect<FollowFrame, Option.Option<never>>

/** The end of a lease. It is randomised, so that clients that attached together after a restart do not reconnect together. */
const leaseEnd = (lease: Duration.Duration) =>
  Effect.zipWith(
    Clock.currentTimeMillis,
    Random.nextRange(0.75, 1.25),
    (now, part) => now + Math.ceil(Duration.toMillis(lease) * part)
  )

export interface Subscription {
  /** The first steps: `open`, and at the head also `caught-up`, because it is available at once. */
  readonly first: Effect.Effect<ReadonlyArray<FollowFrame>>
  /** The steps after `first`. Fails with `None` when there are no more. An error after the start becomes a `bye` with the cursor to resume after. */
  readonly next: Next
}

export const attach = (options: Options): Effect.Effect<Subscription, StorageUnavailable, EventLog | SubscriberScheduler> =>
  Effect.gen(function* () {
    const log = yield* EventLog
    const scheduler = yield* SubscriberScheduler
    const clock = yield* Effect.clock
    const alignment = yield* PageAlignment
    const { subscriber, session } = options
    const start = yield* Effect.mapError(Frames.attach(log, options), storageUnavailable)
    const expires = options.lease === undefined ? Number.POSITIVE_INFINITY : yield* leaseEnd(options.lease)
    const reader = new LogReader(options, start, options.after)
    const { stream } = reader.query
    /** Only pages of the whole log are shared, because there every offset is one event. */
    const pages = filterKey(options) === undefined ? options.pages : undefined
    let heartbeats = scheduler.heartbeats()

    const stop = (): Stop | undefined => {
      const ended = session.ended?.()
      return ended !== undefined
        ? { reason: endings[ended], when: "now" }
        : clock.unsafeCurrentTimeMillis() >= expires
          ? expired
          : scheduler.closing()
            ? closing
            : undefined
    }

    const next: Next = Effect.suspend(() => {
      const isHeartbeatDue = heartbeats !== scheduler.heartbeats()
      const reason = stop()
      // Uses the head of the last batch of wake-ups. When a heartbeat or the end is due, it reads the head of the log, so that a lost wake-up delays the
      // subscriber by at most one heartbeat.
      return isHeartbeatDue || reason !== undefined
        ? Effect.flatMap(log.head, (head) => step(head, isHeartbeatDue, reason))
        : step(scheduler.head(), isHeartbeatDue, reason)
    })
    const step = (head: number, isHeartbeatDue: boolean, reason: Stop | undefined): Next => {
      const found = reader.next(head, reason)
      switch (found._tag) {
        case "ended":
          return Effect.fail(Option.none())
        case "read":
          return Effect.zipRight(scheduler.pauseEnd, read(head))
        case "rest":
          if (!isHeartbeatDue) return atHead(head)
          heartbeats = scheduler.heartbeats()
          return Effect.succeed({ _tag: "heartbeat", head })
        default:
          return Effect.succeed(found)
      }
    }
    /** The encoded page after the position, or a page of the log. A page whose events the filter rejects is skipped. */
    const read = (head: number): Next =>
      Effect.flatMap(log.generation, (generation) => {
        const encoded = pages?.find(reader.position, generation)
        if (encoded !== undefined && encoded.upTo <= reader.limit(head)) {
          reader.moveTo(encoded.upTo, encoded.upTo - reader.position, [])
          if (subscriber !== undefined) subscriber.position = reader.position
          return Effect.succeed<FollowFrame>({ _tag: "encoded", bytes: encoded.bytes })
        }
        const aligned = stream === undefined ? alignment - (reader.position % alignment) : alignment
        const query = {
          after: reader.position,
          limit: Math.min(options.limit ?? alignment, aligned),
          maxBytes: pageBytes,
          ...reader.query
        }
        return Effect.matchEffect(log.read(query), {
          onFailure: (error) => Effect.succeed<FollowFrame>(reader.bye(`Cannot read the log: ${error.message}`)),
          onSuccess: (whole) => {
            const page = reader.take(whole)
            if (subscriber !== undefined) subscriber.position = reader.position
            return page.events.length > 0 ? Effect.succeed<FollowFrame>({ _tag: "page", page }) : next
          }
        })
      })
    /** At the head: emits new signals, or waits for events. */
    const atHead = (head: number): Next => {
      const signals = reader.signals(scheduler.signals, maxSignals)
      if (signals.length > 0) return Effect.succeed({ _tag: "signals", signals })
      if (subscriber !== undefined) subscriber.waiting = true
      return Effect.flatMap(scheduler.awaitBeyond(Math.max(reader.position, head), stream, expires, reader.lastSignal), () => {
        if (subscriber !== undefined) subscriber.waiting = false
        return next
      })
    }
    const open: FollowFrame = { _tag: "open", head: start.position.head }
    return {
      first:
        options.after >= start.position.head
          ? Effect.map(Effect.option(next), (step) => [open, ...Option.toArray(step)])
          : Effect.succeed([open]),
      next
    }
  })

/** The steps of `attach` as a stream. */
export const steps = (options: Options): Stream.Stream<FollowFrame, StorageUnavailable, EventLog | SubscriberScheduler> =>
  Stream.unwrap(
    Effect.map(attach(options), ({ first, next }) =>
      Stream.concat(Stream.fromIterableEffect(first), Stream.repeatEffectOption(next))
    )
  )
