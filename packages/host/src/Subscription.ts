/**
 * One subscription: the log's events after its cursor. It reads the log when its consumer pulls, at most `capacity` events ahead (D2, D7, S4). No
 * producer pushes to it, so none waits for it. Events read ahead stay in the log: a consumer that is disconnected resumes from its cursor.
 */
import * as Cursor from "@millrace/contracts/Cursor"
import type { CursorError, StorageUnavailable } from "@millrace/contracts/Errors"
import type { Frame, Lagged, SubscriptionFrame } from "@millrace/contracts/Frame"
import { accepts, type EventFilter, filterKey, isSparse, streamsOf } from "@millrace/contracts/Filter"
import { threadStream } from "@millrace/contracts/Ids"
import type { Signal } from "@millrace/contracts/Signal"
import type { EventLog, LogUnavailable, Page, StoredEvent } from "@millrace/log/EventLog"
import * as Cursors from "@millrace/orchestration/streams/Cursors"
import * as Frames from "@millrace/orchestration/streams/Frames"
import { Deferred, Effect, Exit, Option, Stream } from "effect"
import type { Consumers, Delivery } from "./Consumers.ts"
import * as Skipping from "./Skipping.ts"

export interface Options extends EventFilter {
  /** A cursor. Default: the start of the retained log. */
  readonly after?: string
  readonly delivery: Delivery
  /** Events read ahead of the consumer, at least 1. `best-effort`: also the lag beyond which progress events are skipped. */
  readonly capacity: number
  /** Its name in the shutdown report. */
  readonly name?: string
}

type Log = typeof EventLog.Service

/** Most bytes of one read, whatever the capacity. */
const maxBytes = 256 * 1024
const maxCapacity = 65_536
const goodbye = "The host is shutting down."

/**
 * `lossless`: every event once, in order. `best-effort`: `lagged` reports the progress events that a slow consumer missed; terminal events and
 * requests are never skipped. Both: `caught-up` once; signals only while caught up, the latest of each key (D12); `end` when the thread is
 * deleted; `bye` with the cursor to resume from at shutdown.
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
      let signalsSeen = 0

      /** Called after the last event of the attach and before the first later one, whether that one is delivered or skipped. */
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
      /** Events up to the head of the attach are never skipped. */
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

      /** A subscription with a filter on types gets no signals. */
      const isHeard = ({ threadId }: Signal) => options.types === undefined && streams?.includes(threadStream(threadId)) !== false

      /** True if there were new signals. They are read when the consumer pulls, so a slow consumer gets only the latest (D12). */
      const readSignals = () => {
        const { place, signals } = consumers.signals.since(signalsSeen, {
          limit: capacity,
          ...(stream === undefined ? {} : { stream })
        })
        signalsSeen = place
        const mine = sparse ? signals.filter(isHeard) : signals
        for (const signal of mine) ahead.push({ _tag: "signal", signal })
        return mine.length > 0
      }

      const end = (frame: SubscriptionFrame) => {
        last = true
        ahead.push(frame)
      }
      const bye = () => end({ _tag: "bye", reason: goodbye, resumeAfter: Cursor.format(logEpoch, position) })

      /** Buffers at least one frame. Fails with `None` at the end of the stream. */
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
          else if (caughtUp && !readSignals()) yield* more
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

/** `follow`: lossless, with a page of 256 events read ahead. */
export const lossless = (
  log: Log,
  consumers: Consumers,
  options: Pick<Options, "stream" | "types" | "after">
): Stream.Stream<Frame, CursorError | StorageUnavailable> =>
  Stream.filter(frames(log, consumers, { ...options, delivery: "lossless", capacity: 256 }), isFrame)
