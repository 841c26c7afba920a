/**
 * How long a slice of maintenance waits after an append. An append that comes during a slice is late by up to its length, so few appends should meet one: at
 * first the wait is 250 ms. It halves every 5 seconds, so that a run with much to do becomes as fast as the appends, and ends at 1 ms.
 */
import type { EventLog } from "@millrace/log/EventLog"
import { Clock, Effect } from "effect"

const firstMillis = 250
const halfLifeMillis = 5_000
const leastMillis = 1

/** Milliseconds to wait, this long after the start of the run. */
export const waitAfter = (elapsedMillis: number): number =>
  Math.max(leastMillis, Math.round(firstMillis * 2 ** (-elapsedMillis / halfLifeMillis)))

/** Runs between the slices of one run of the background fiber. */
export const background = (log: typeof EventLog.Service): Effect.Effect<Effect.Effect<void>> =>
  Effect.map(Clock.currentTimeMillis, (start) =>
    paced(
      log,
      Effect.map(Clock.currentTimeMillis, (now) => waitAfter(now - start))
    )
  )

/** Runs between the slices of work on request. */
export const requested = (log: typeof EventLog.Service): Effect.Effect<void> => paced(log, Effect.succeed(leastMillis))

/** Waits only if there was an append since the last slice. */
const paced = (log: typeof EventLog.Service, wait: Effect.Effect<number>): Effect.Effect<void> => {
  let seen: number | undefined
  return Effect.flatMap(log.head, (head) => {
    if (seen === undefined || head === seen) {
      seen = head
      return Effect.yieldNow()
    }
    seen = head
    return Effect.flatMap(wait, (millis) => Effect.sleep(millis))
  })
}
