/**
 * One subscription to the log: `open`, pages after its cursor, `caught-up` once, then pages and heartbeats indefinitely; at its end `bye` or
 * `end`. SSE and WebSocket RPC are two encodings of these steps, so their histories are the same (D9).
 * A subscription holds its position and one page: a slow client delays only itself (D7).
 */
import { Clock, Context, Duration, Effect, Option, Random, Stream } from "effect"
import type { StorageUnavailable } from "@millrace/contracts/Errors"
import { leaseOver } from "@millrace/contracts/Frame"
import { accepts, type EventFilter, isSparse, streamsOf } from "@millrace/contracts/Filter"
import { threadStream } from "@millrace/contracts/Ids"
import type { Signal } from "@millrace/contracts/Signal"
import { EventLog, type Page } from "@millrace/log/EventLog"
import * as Frames from "@millrace/orchestration/streams/Frames"
import { storageUnavailable } from "@millrace/log/StorageError"
import type { Session } from "../auth/Session.ts"
import { Tokens } from "../auth/Tokens.ts"
import type { Subscriber } from "./Subscribers.ts"
import type { EncodedPageCache } from "./EncodedPageCache.ts"
import { SubscriberScheduler } from "./SubscriberScheduler.ts"

export type FollowFrame =
  /** The first step, with the head of the log. */
  | { readonly _tag: "open"; readonly head: number }
  | { readonly _tag: "page"; readonly page: Page }
  /** A page that was encoded for another subscriber (`Options.pages`). */
  | { readonly _tag: "encoded"; readonly bytes: Buffer }
  | { readonly _tag: "caught-up"; readonly head: number; readonly replayed: number; readonly requests: number }
  | { readonly _tag: "heartbeat"; readonly head: number }
  /** Only after `caught-up`, at the head (D12). */
  | { readonly _tag: "signals"; readonly signals: ReadonlyArray<Signal> }
  /** `resumeAfter`: an offset; everything up to it was delivered. */
  | { readonly _tag: "bye"; readonly reason: string; readonly resumeAfter: number }
  | { readonly _tag: "end"; readonly reason: string }

export interface Options extends EventFilter {
  /** A resolved position (D3). */
  readonly after: number
  readonly session: Session["Type"]
  /** Maximum number of events of one page. */
  readonly limit?: number
  /** Cache of encoded pages of the whole log; a cached page is not read again. */
  readonly pages?: EncodedPageCache
  /** The subscriber's metrics, updated at each step. */
  readonly reader?: Subscriber
  /** How long the subscription lasts before it ends with `bye`, give or take a quarter by `Random`. Default: no limit. */
  readonly lease?: Duration.Duration
}

/** Pages end at multiples of this many offsets, so that subscribers that lag together have equal pages and share their bytes. */
export class PageAlignment extends Context.Reference<PageAlignment>()("@millrace/server/Subscription/PageAlignment", {
  defaultValue: () => 1024
}) {}
const pageBytes = 1024 * 512

/** Maximum number of signals in one step. */
const maxSignals = 64

/** The end of a lease, randomised so that clients that attached together, after a restart, do not reconnect together. */
const leaseEnd = (lease: Duration.Duration) =>
  Effect.zipWith(
    Clock.currentTimeMillis,
    Random.nextRange(0.75, 1.25),
    (now, part) => now + Math.ceil(Duration.toMillis(lease) * part)
  )

export interface Subscription {
  readonly open: FollowFrame
  /** The steps after `open`; fails with `None` when there are no more. An error after the start becomes a `bye` with the cursor to resume after. */
  readonly next: Effect.Effect<FollowFrame, Option.Option<never>>
  /** Nothing is to be replayed: the first step is `caught-up` and available at once. */
  readonly atHead: boolean
}

export const attach = (
  options: Options
): Effect.Effect<Subscription, StorageUnavailable, EventLog | SubscriberScheduler | Tokens> =>
  Effect.gen(function* () {
    const log = yield* EventLog
    const scheduler = yield* SubscriberScheduler
    const tokens = yield* Tokens
    const { session, reader } = options
    const streams = streamsOf(options)
    const { stream } = Frames.indexed(options)
    const wanted = accepts(options)
    /** Whether a filter applies, so that its pages are not the shared ones of the whole log. */
    const filtered = streams !== undefined || options.types !== undefined
    const sparse = isSparse(options)
    const tokenId = session.tokenId
    const clock = yield* Effect.clock
    const grid = yield* PageAlignment
    const attached = yield* Effect.mapError(Frames.attach(log, options), storageUnavailable)
    const expires = options.lease === undefined ? Number.POSITIVE_INFINITY : yield* leaseEnd(options.lease)
    let position = options.after
    let heartbeats = scheduler.beats()
    let signalsSeen = 0
    let replayed = 0
    let caughtUp = false
    const isOver = Frames.endOf(attached.live)
    let gone = false
    let ended = false

    const last = (step: FollowFrame) => {
      ended = true
      return Effect.succeed(step)
    }
    /** The highest known head. A plain offset may lie beyond the head; a cursor to resume after must not. */
    let known = attached.position.head
    const bye = (reason: string) => last({ _tag: "bye", reason, resumeAfter: Math.min(position, known) })

    const moveTo = (offset: number) => {
      position = offset
      known = Math.max(known, offset)
      if (reader !== undefined) reader.position = offset
    }
    /** Cuts a page at the head of the attach: `caught-up` precedes later events. */
    const replay = (page: Page): Page => {
      const { head } = attached.position
      const part = page.upTo <= head ? page : { ...page, upTo: head, events: page.events.filter(({ offset }) => offset <= head) }
      replayed += part.events.length
      return part
    }
    /** Reads the page after the position and moves the position to its end; the page may have no events. */
    const read = Effect.suspend(() =>
      Effect.map(
        log.read({
          after: position,
          ...(stream !== undefined && { stream }),
          limit: Math.min(options.limit ?? grid, stream === undefined ? grid - (position % grid) : grid),
          maxBytes: pageBytes
        }),
        (whole) => {
          known = whole.head
          const some = sparse ? { ...whole, events: whole.events.filter(wanted) } : whole
          const page = caughtUp ? some : replay(some)
          moveTo(page.upTo)
          if (caughtUp && attached.live !== undefined) for (const event of whole.events) gone = isOver(event)
          return page
        }
      )
    )
    /** The bytes of the cached page after the position, if it ends at or before `upTo`. Without a filter every offset is one event. */
    const shared = (upTo: number): Buffer | undefined => {
      const encoded = filtered ? undefined : options.pages?.find(position)
      if (encoded === undefined || encoded.upTo > upTo) return undefined
      if (!caughtUp) replayed += encoded.upTo - position
      moveTo(encoded.upTo)
      return encoded.bytes
    }

    /** A filter by type excludes all signals; a filter by stream those of other threads. */
    const isHeard = ({ threadId }: Signal) => options.types === undefined && streams?.includes(threadStream(threadId)) !== false

    type Next = Effect.Effect<FollowFrame, Option.Option<never>>
    const over: Next = Effect.fail(Option.none())
    const next: Next = Effect.suspend(() => {
      if (ended) return over
      if (tokenId !== undefined && !tokens.isLive(tokenId)) return bye("The token was revoked.")
      if (gone) return last({ _tag: "end", reason: Frames.endReason })
      if (!caughtUp && position >= attached.position.head) {
        caughtUp = true
        gone = isOver()
        return Effect.succeed({ _tag: "caught-up", head: attached.position.head, replayed, requests: attached.requests })
      }
      if (clock.unsafeCurrentTimeMillis() >= expires) return bye(leaseOver)
      // At the head it uses the head of the last batch of wake-ups. When a heartbeat or the end is due it reads the log itself, which bounds a lost wake-up.
      const beat = heartbeats !== scheduler.beats()
      const closing = scheduler.closing()
      if (caughtUp && !beat && !closing) {
        const head = Math.max(position, scheduler.head())
        return position < head ? Effect.zipRight(scheduler.turn, page(head)) : rest(head)
      }
      return Effect.flatMap(log.head, (head) => {
        known = head
        if (position < head) return Effect.zipRight(scheduler.turn, page(head))
        if (closing) return bye("The server is shutting down.")
        if (!beat) return next
        heartbeats = scheduler.beats()
        return Effect.succeed<FollowFrame>({ _tag: "heartbeat", head })
      })
    })
    const page = (head: number): Next =>
      Effect.suspend(() => {
        const bytes = shared(caughtUp ? head : attached.position.head)
        if (bytes !== undefined) return Effect.succeed<FollowFrame>({ _tag: "encoded", bytes })
        return Effect.matchEffect(read, {
          onFailure: (error) => bye(`Cannot read the log: ${error.message}`),
          onSuccess: (page) => (page.events.length > 0 ? Effect.succeed<FollowFrame>({ _tag: "page", page }) : next)
        })
      })
    /** At the head: emits new signals, or waits for events. */
    const rest = (head: number): Next => {
      const fresh = scheduler.signals.since(signalsSeen, { limit: maxSignals, ...(stream !== undefined && { stream }) })
      signalsSeen = fresh.place
      const signals = sparse ? fresh.signals.filter(isHeard) : fresh.signals
      if (signals.length > 0) return Effect.succeed({ _tag: "signals", signals })
      if (reader !== undefined) reader.waiting = true
      return Effect.flatMap(scheduler.next(head, stream, expires, signalsSeen), () => {
        if (reader !== undefined) reader.waiting = false
        return next
      })
    }
    return { open: { _tag: "open", head: attached.position.head }, next, atHead: options.after >= attached.position.head }
  })

/** The steps of `attach` as a stream. At the head `open` and `caught-up` are one chunk. */
export const steps = (
  options: Options
): Stream.Stream<FollowFrame, StorageUnavailable, EventLog | SubscriberScheduler | Tokens> =>
  Stream.unwrap(
    Effect.map(attach(options), ({ atHead, next, open }) =>
      Stream.concat(
        Stream.fromIterableEffect(
          atHead ? Effect.map(Effect.option(next), (step) => [open, ...Option.toArray(step)]) : Effect.succeed([open])
        ),
        Stream.repeatEffectOption(next)
      )
    )
  )
