/**
 * One in-process subscription: the log's events after its cursor. It reads the log when its consumer pulls, at most `capacity` events ahead (D2, D7, S4).
 * Nothing pushes to it, so a slow consumer delays no other part. A consumer that is disconnected resumes from its cursor.
 */
import * as Cursor from "@millrace/contracts/Cursor"
import type { CursorError, StorageUnavailable } from "@millrace/contracts/Errors"
import type { Frame, Lagged, SubscriptionFrame } from "@millrace/contracts/Frame"
import { type EventFilter, filterKey } from "@millrace/contracts/Filter"
import type { EventLog, LogUnavailable, Page, StoredEvent } from "@millrace/log/EventLog"
import * as Cursors from "@millrace/orchestration/streams/Cursors"
import * as Frames from "@millrace/orchestration/streams/Frames"
import { LogReader, type Stop } from "@millrace/orchestration/streams/LogReader"
import { Deferred, Effect, Exit, Option, Stream } from "effect"
import * as BestEffort from "./BestEffort.ts"
import type { Consumers, Delivery, Phase } from "./Consumers.ts"
import * as Skipping from "./Skipping.ts"

export interface Options extends EventFilter {
  /** A cursor. Default: the start of the retained log. */
  readonly after?: string
  readonly delivery: Delivery
  /** Events read ahead of the consumer, at least 1. `best-effort`: also the lag beyond which progress events are skipped. */
  readonly capacity: number
  /** The consumer's name in the shutdown report. */
  readonly name?: string
}

type Log = typeof EventLog.Service

/** Maximum number of bytes of one read, for every capacity. */
const maxBytes = 256 * 1024
const maxCapacity = 65_536
const reason = "The host is shutting down."
const stops: Readonly<Record<Phase, Stop | undefined>> = {
  open: undefined,
  settled: { reason, when: "head" },
  gone: { reason, when: "now" }
}

/**
 * `lossless`: every event once, in order. `best-effort`: progress events may be skipped for a slow consumer, and a `lagged` frame reports them; other
 * events, and those up to the head at the attach, are never skipped. In both modes: `caught-up` once; signals only at the head, the latest of each key
 * (D12); `end` when the thread is deleted; `bye` at shutdown, with the cursor to resume from.
 */
export const frames = (
  log: Log,
  consumers: Consumers,
  options: Options
): Stream.Stream<SubscriptionFrame, CursorError | StorageUnavailable> =>
  Stream.unwrapScoped(
    Effect.gen(function* () {
      const { delivery } = options
      const capacity = Math.min(maxCapacity, Math.max(1, Math.trunc(options.capacity) || 1))
      const logEpoch = log.epoch as Cursor.LogEpoch
      const start = yield* Frames.attach(log, options)
      const after = yield* Cursors.resolve(options.after, start.position)
      const reader = new LogReader(options, start, after)
      const consumer = yield* consumers.register({ name: options.name, stream: filterKey(options), delivery, after })
      const maySkip = () => delivery === "best-effort" && reader.isCaughtUp

      let ahead: Array<SubscriptionFrame> = []
      let taken = 0
      /** Skipped events that are not reported yet. */
      let run: Lagged | undefined

      const push = (entry: StoredEvent | Lagged) =>
        void ahead.push("_tag" in entry ? entry : Frames.eventFrame(logEpoch, entry.offset, entry.json))
      const take = (page: Page) => {
        if (!maySkip()) return reader.take(page).events.forEach(push)
        const selected = BestEffort.select(reader.part(page), capacity, run)
        run = selected.run
        selected.given.forEach(push)
        reader.moveTo(selected.upTo, selected.given.length, page.events)
      }
      const read = Effect.suspend(() =>
        log.read({ after: reader.position, limit: maySkip() ? Skipping.scan(capacity) : capacity, maxBytes, ...reader.query })
      )

      /** Buffers at least one frame. Fails with `None` at the end of the stream. */
      const fill: Effect.Effect<void, Option.Option<LogUnavailable | CursorError>> = Effect.gen(function* () {
        while (ahead.length === 0) {
          // Obtained before the head is read, so that a change after the read is not missed.
          const change = consumers.next()
          const next = reader.next(yield* log.head, stops[consumers.phase()])
          switch (next._tag) {
            case "ended":
              return yield* Effect.fail(Option.none())
            case "read":
              take(yield* Effect.mapError(read, Option.some))
              if (ahead.length === 0) yield* Effect.yieldNow()
              break
            case "rest":
              // Read when the consumer pulls, so a slow consumer gets only the latest (D12).
              for (const signal of reader.signals(consumers.signals, capacity)) ahead.push({ _tag: "signal", signal })
              if (ahead.length === 0) yield* change
              break
            case "caught-up":
              ahead.push(next)
              break
            default:
              // The last frame. Skipped events before it are reported first.
              if (run !== undefined) ahead.push(run)
              run = undefined
              ahead.push(next._tag === "bye" ? { ...next, resumeAfter: Cursor.format(logEpoch, next.resumeAfter) } : next)
          }
        }
      })

      const takeFrame = () => {
        const frame = ahead[taken++] as SubscriptionFrame
        if (taken < ahead.length) {
          if (frame._tag === "event") consumer.delivered = frame.event.offset
          return frame
        }
        ahead = []
        taken = 0
        consumer.delivered = run === undefined ? reader.position : run.from - 1
        if (reader.isEnded) {
          consumer.ended = true
          Deferred.unsafeDone(consumer.finished, Exit.void)
        }
        return frame
      }
      return Stream.repeatEffectOption(
        Effect.suspend(() => {
          consumer.reads++
          return ahead.length > 0 ? Effect.succeed(takeFrame()) : Effect.map(fill, takeFrame)
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
