/**
 * Pauses after batches of wake-ups. During a pause no subscriber reads a page, so subscribers do not slow the writer, and the next batch delivers
 * more events to each (decision 0074).
 */
import { Clock, Effect } from "effect"
import type { EventLog } from "@millrace/log/EventLog"
import { Waiters } from "@millrace/log/Waiters"

/** After a batch the next batch waits `pauseFactor` times the duration of the first, at most `longestPause` milliseconds. */
const pauseFactor = 2
const longestPause = 8
/** While the writer commits on every event-loop turn, subscribers get at most 1/20 of the time, with pauses of at most `longestBusyPause` milliseconds. */
const busyPauseFactor = 20
const longestBusyPause = 600

export interface BatchPauses {
  /** Returns at the end of the pause. Returns at once without a pause. */
  readonly end: Effect.Effect<void>
  /** Wakes the subscribers that wait for the end of the pause. */
  readonly release: () => void
  /** Runs a batch of wake-ups, then pauses. There is no pause after a batch of less than a millisecond, which has few subscribers. */
  readonly after: (batch: Effect.Effect<void>) => Effect.Effect<void>
}

/** `isOff`: while it returns true, no subscriber waits for the end of a pause. */
export const make = (log: typeof EventLog.Service, isOff: () => boolean): BatchPauses => {
  let paused = false
  const waiters = new Waiters<void>()
  /** Milliseconds that the writer has spent in transactions. */
  const committing = Effect.map(log.stats, ({ perBatch }) => perBatch.seconds.sum * 1000)
  const millisSince = (nanos: bigint) => Effect.map(Clock.currentTimeNanos, (now) => Number(now - nanos) / 1e6)
  return {
    end: waiters.wait(undefined, () => !paused || isOff()),
    release: () => waiters.wake(),
    after: (batch) =>
      Effect.gen(function* () {
        const started = yield* Clock.currentTimeNanos
        const before = yield* committing
        yield* batch
        // Woken subscribers run in this turn of the event loop. Their writes are sent at its end.
        yield* Effect.yieldNow()
        yield* Effect.yieldNow()
        const millis = (yield* millisSince(started)) - ((yield* committing) - before)
        if (millis < 1) return
        paused = true
        yield* Effect.sleep(Math.min(pauseFactor * millis, longestPause))
        // The writer is busy while the head moves in each turn of the event loop.
        const longest = Math.min((busyPauseFactor + 1) * millis, longestBusyPause)
        for (
          let last = -1, now = yield* log.head;
          now !== last && (yield* millisSince(started)) < longest;
          now = yield* log.head
        ) {
          last = now
          yield* Effect.yieldNow()
        }
        paused = false
        waiters.wake()
      })
  }
}
