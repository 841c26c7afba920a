/**
 * Wakes all remote subscribers: when their stream may have events, when an agent emits a signal, when a heartbeat is due, when a token changes and when
 * the server drains. A wake-up carries no data (D1). A spurious wake-up costs one read. A lost one delays the subscriber by at most one heartbeat.
 */
import { Clock, Context, Effect, Layer, type Scope } from "effect"
import { threadStream } from "@millrace/contracts/Ids"
import { EventLog } from "@millrace/log/EventLog"
import { KeyedWaiters, Waiters } from "@millrace/log/Waiters"
import { Signals } from "@millrace/orchestration/streams/Signals"
import { Tokens } from "../auth/Tokens.ts"
import * as BatchPauses from "./BatchPauses.ts"

/** Time between heartbeats, documented in docs/clients.md. */
export const heartbeat = "15 seconds"
/** Interval of the check of the token file, so that a revocation ends live streams within a second (X3). */
const tokenCheck = "400 millis"

export class SubscriberScheduler extends Context.Tag("@millrace/server/SubscriberScheduler")<
  SubscriberScheduler,
  {
    /**
     * Returns when this stream (by default the whole log) may have events beyond the offset `seen`; also soon after `expires` (milliseconds of the
     * Clock), and when there are signals beyond the position `signalsSeen`.
     */
    readonly awaitBeyond: (seen: number, stream?: string, expires?: number, signalsSeen?: number) => Effect.Effect<void>
    /**
     * Await it before each page: while the writer is busy, subscribers wait for the end of a pause (BatchPauses.ts). It returns at once when a token
     * changes or the server drains.
     */
    readonly pauseEnd: Effect.Effect<void>
    /** Returns with the next heartbeat, when a token changes, and when the server drains. For what is no subscriber. */
    readonly awaitChange: Effect.Effect<void>
    readonly signals: Pick<typeof Signals.Service, "since">
    /** The head at the last batch of wake-ups. A subscriber at this head does not read until the next batch. */
    readonly head: () => number
    /** Number of heartbeats so far. When it has changed, a subscriber sends a heartbeat to its client. */
    readonly heartbeats: () => number
    readonly closing: () => boolean
    /** Makes subscriptions deliver up to the head and end (S3). */
    readonly close: Effect.Effect<void>
    /** Number of subscribers that wait. */
    readonly waiting: () => number
  }
>() {}

const make: Effect.Effect<SubscriberScheduler["Type"], never, EventLog | Signals | Tokens | Scope.Scope> = Effect.gen(
  function* () {
    const log = yield* EventLog
    const tokens = yield* Tokens
    const signals = yield* Signals
    /** The waiting subscribers by stream, each with the time of its latest wake-up. */
    const waiters = new KeyedWaiters<string | undefined, number>()
    const observers = new Waiters<undefined>()
    let head = yield* log.head
    let heartbeats = 0
    let closing = false
    let revision = -1

    const pauses = BatchPauses.make(log, () => closing)
    const wakeAll = Effect.sync(() => {
      waiters.wakeAll()
      pauses.release()
    })

    const wakeForChange = Effect.zipRight(
      wakeAll,
      Effect.sync(() => observers.wake())
    )

    /** Wakes the subscribers whose `expires` has passed. */
    const wakeExpired = Effect.map(Clock.currentTimeMillis, (now) => waiters.wakeAll((expires) => expires <= now))

    /** Wakes the subscribers of the streams with events since the last head. Wakes all subscribers if the log cannot be read. */
    const announce = Effect.gen(function* () {
      if (waiters.hasOnly(undefined)) {
        head = yield* log.head
        // Wakes all, because a subscriber of one stream may have arrived while the head was read.
        return yield* wakeAll
      }
      const page = yield* log.read({ after: head })
      head = page.upTo
      waiters.wake(undefined)
      for (const event of page.events) waiters.wake(event.stream)
    }).pipe(
      Effect.catchAll(() =>
        Effect.zipRight(
          Effect.flatMap(log.head, (now) => Effect.sync(() => (head = now))),
          wakeAll
        )
      )
    )

    /** One batch of wake-ups. The first commit after an idle time is announced at once. */
    const batch = Effect.zipRight(
      Effect.suspend(() => log.awaitBeyond(head)),
      pauses.after(announce)
    )

    let announcedSignals = signals.position()
    const wakeForSignals = Effect.sync(() => {
      const fresh = signals.since(announcedSignals)
      announcedSignals = fresh.position
      if (fresh.signals.length > 0) waiters.wake(undefined)
      for (const { threadId } of fresh.signals) waiters.wake(threadStream(threadId))
    })

    yield* batch.pipe(Effect.forever, Effect.forkScoped)
    yield* Effect.suspend(() => signals.awaitBeyond(announcedSignals)).pipe(
      Effect.zipRight(wakeForSignals),
      Effect.forever,
      Effect.forkScoped
    )
    yield* Effect.sleep(heartbeat).pipe(
      Effect.zipRight(Effect.sync(() => heartbeats++)),
      Effect.zipRight(wakeForChange),
      Effect.forever,
      Effect.forkScoped
    )
    yield* Effect.sleep(tokenCheck).pipe(
      Effect.zipRight(wakeExpired),
      // If the file cannot be read, live streams stay open, because their tokens were valid.
      Effect.zipRight(Effect.orElseSucceed(tokens.revision, () => revision)),
      Effect.flatMap((now) => {
        if (now === revision) return Effect.void
        revision = now
        return wakeForChange
      }),
      Effect.forever,
      Effect.forkScoped
    )

    return {
      awaitBeyond: (seen, stream, expires = Number.POSITIVE_INFINITY, signalsSeen = Number.POSITIVE_INFINITY) =>
        waiters.wait(stream, expires, () => head > seen || closing || signals.position() > signalsSeen),
      pauseEnd: pauses.end,
      awaitChange: observers.wait(undefined, () => closing),
      signals,
      head: () => head,
      heartbeats: () => heartbeats,
      closing: () => closing,
      close: Effect.zipRight(
        Effect.sync(() => {
          closing = true
        }),
        wakeForChange
      ),
      waiting: () => waiters.size
    }
  }
)

export const layer: Layer.Layer<SubscriberScheduler, never, EventLog | Signals | Tokens> = Layer.scoped(SubscriberScheduler, make)
