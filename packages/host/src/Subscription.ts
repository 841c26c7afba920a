/**
 * One subscription: the log's events after its cursor, read when it asks, at most `capacity` ahead of it (D2, D7, S4). Nobody hands it events, so
 * nobody waits for it. What is held here is only read ahead: a subscription that is cut loses nothing, it comes back with its cursor.
 */
import * as Cursor from "@millrace/contracts/Cursor"
import type { CursorError, StorageUnavailable } from "@millrace/contracts/Errors"
import type { Frame, Lagged, SubscriptionFrame } from "@millrace/contracts/Frame"
import { accepts, type EventFilter, filterKey, isSparse, streamsOf } from "@millrace/contracts/Filter"
import { threadStream } from "@millrace/contracts/Ids"
import type { Signal } from "@millrace/contracts/Signal"
import type { EventLog, LogUnavailable, Page, StoredEvent } from "@millrace/log/EventLog"
import * as Cursors from "@millrace/orchestration/Cursors"
import * as Frames from "@millrace/orchestration/Frames"
import { Deferred, Effect, Exit, Option, Stream } from "effect"
import type { Consumers, Delivery } from "./Consumers.ts"
import * as Skipping from "./Skipping.ts"

export interface Options extends EventFilter {
  /** A cursor; without one from the start of what is kept. */
  readonly after?: string
  readonly delivery: Delivery
  /** Events read ahead of the consumer, at least 1; `best-effort`: also how far behind it may be before events are skipped. */
  readonly capacity: number
  /** What the shutdown report calls it. */
  readonly name?: string
}

type Log = typeof EventLog.Service

/** Bytes of one read, however large the capacity. */
const maxBytes = 256 * 1024
const maxCapacity = 65_536
const goodbye = "The host is shutting down."

/**
 * `lossless`: every event once, in order. `best-effort`: what a consumer missed that was too slow is said by `lagged`, and what ends something or
 * asks somebody is never missed. Both: `caught-up` once, signals to who has everything up to the head, the latest of each key (D12), `end` when the thread is
 * gone, `bye` with the cursor to come back with at shutdown.
 */
export const frames = (
  log: Log,
  consumers: Consumers,
  options: Options
): Stream.Stream<SubscriptionFrame, CursorError | StorageUnavailable> =>
  Stream.unwrapScoped(
    Effect.gen(function* () {
      const { delivery } = options
      const { stream } = Frames.indexed(options)
      const streams = streamsOf(options)
      const sparse = isSparse(options)
      const wanted = accepts(options)
      const capacity = Math.min(maxCapacity, Math.max(1, Math.trunc(options.capacity) || 1))
      const logEpoch = log.epoch as Cursor.LogEpoch
      const { live, position: attach, requests } = yield* Frames.attach(log, options)
      const after = yield* Cursors.resolve(options.after, attach)
      const consumer = yield* consumers.register({ name: options.name, stream: filterKey(options), delivery, after })

      let ahead: Array<SubscriptionFrame> = []
      let taken = 0
      let position = after
      let run: Lagged | undefined
      let replayed = 0
      let caughtUp = false
      const isOver = Frames.endOf(live)
      let isGone = false
      let last = false
      let heard = 0

      /** Between the last event of the attach and the first that came later, whether that one is delivered or not. */
      const reach = () => {
        caughtUp = true
        isGone = isOver()
        ahead.push({ _tag: "caught-up", head: attach.head, replayed, requests })
      }
      const isLater = ({ offset }: StoredEvent) => !caughtUp && offset > attach.head
      const push = (event: StoredEvent) => {
        if (isLater(event)) reach()
        if (!caughtUp) replayed++
        ahead.push(Frames.eventFrame(logEpoch, event.offset, event.json))
      }
      const closeRun = () => {
        if (run !== undefined) ahead.push(run)
        run = undefined
      }
      const takeAll = (page: Page) => {
        for (const event of page.events) push(event)
        position = page.upTo
      }
      /** What lies before the head of the attach was not missed: it is replayed whole. */
      const takeSome = (page: Page) => {
        const late = Skipping.late(page, capacity)
        let held = 0
        for (const [at, event] of page.events.entries()) {
          if (isLater(event)) reach()
          if (at < late && event.offset > attach.head && Skipping.isProgress(event.type)) run = Skipping.extend(run, event.offset)
          else {
            if (held === capacity) return
            closeRun()
            push(event)
            held++
          }
          position = event.offset
        }
        position = page.upTo
        if (position >= page.head) closeRun()
      }
      const take = delivery === "lossless" ? takeAll : takeSome
      const limit = delivery === "lossless" ? capacity : Skipping.scan(capacity)
      const fill = Effect.suspend(() =>
        log.read({ after: position, limit, maxBytes, ...(stream === undefined ? {} : { stream }) })
      ).pipe(
        Effect.map((page) => {
          take(sparse ? { ...page, events: page.events.filter(wanted) } : page)
          if (live === undefined) return
          for (const event of page.events) isOver(event)
          isGone = caughtUp && isOver()
        }),
        Effect.mapError(Option.some)
      )

      /** Who asks for some types only is not told how far the others are. */
      const isHeard = ({ threadId }: Signal) => options.types === undefined && streams?.includes(threadStream(threadId)) !== false

      /** Whether there were signals that this one has not seen: they are looked at when it asks, so that a slow one gets the latest (D12). */
      const hear = () => {
        const { place, signals } = consumers.signals.since(heard, {
          limit: capacity,
          ...(stream === undefined ? {} : { stream })
        })
        heard = place
        const mine = sparse ? signals.filter(isHeard) : signals
        for (const signal of mine) ahead.push({ _tag: "signal", signal })
        return mine.length > 0
      }

      const end = (frame: SubscriptionFrame) => {
        last = true
        ahead.push(frame)
      }
      const bye = () => end({ _tag: "bye", reason: goodbye, resumeAfter: Cursor.format(logEpoch, position) })

      /** Puts at least one frame ahead, or fails with nothing: the stream is over. */
      const look: Effect.Effect<void, Option.Option<LogUnavailable | CursorError>> = Effect.gen(function* () {
        while (ahead.length === 0) {
          if (last) return yield* Effect.fail(Option.none())
          const more = consumers.next()
          if (consumers.phase() === "gone") {
            closeRun()
            bye()
          } else if (position < (yield* log.head)) {
            yield* fill
            if (ahead.length === 0) yield* Effect.yieldNow()
          } else if (isGone) end({ _tag: "end", reason: Frames.endReason })
          else if (caughtUp && consumers.phase() !== "open") bye()
          else if (caughtUp && !hear()) yield* more
          if (!caughtUp && !last && position >= attach.head) reach()
        }
      })

      const hand = () => {
        const frame = ahead[taken++] as SubscriptionFrame
        if (taken < ahead.length) {
          if (frame._tag === "event") consumer.delivered = frame.event.offset
          return frame
        }
        ahead = []
        taken = 0
        consumer.delivered = run === undefined ? position : run.from - 1
        if (last) {
          consumer.ended = true
          Deferred.unsafeDone(consumer.gone, Exit.void)
        }
        return frame
      }
      return Stream.repeatEffectOption(
        Effect.suspend(() => {
          consumer.reads++
          return ahead.length > 0 ? Effect.succeed(hand()) : Effect.map(look, hand)
        })
      )
    })
  ).pipe(Stream.mapError(Frames.failure))

const isFrame = (frame: SubscriptionFrame): frame is Frame => frame._tag !== "lagged"

/** What `follow` is: lossless, a page ahead. */
export const lossless = (
  log: Log,
  consumers: Consumers,
  options: Pick<Options, "stream" | "types" | "after">
): Stream.Stream<Frame, CursorError | StorageUnavailable> =>
  Stream.filter(frames(log, consumers, { ...options, delivery: "lossless", capacity: 256 }), isFrame)
