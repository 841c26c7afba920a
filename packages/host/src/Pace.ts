/**
 * How long a slice of maintenance waits after an append. An append that comes during a slice is late by up to its length, so few appends should meet one: at
 * first the wait is 250 ms. It halves every 5 seconds, so that a run with much to do becomes as fast as the appends: after 45 seconds it does not wait.
 */
import type { EventLog } from "@millrace/log/EventLog"
import { Clock, Effect } from "effect"

const firstMillis = 250
const halfLifeMillis = 5_000
const requestedMillis = 1
/** Short slices follow one another for so long before other work has its turn. */
const heldMillis = 2
/** A pace that has risen for so long waits no more. */
const mostElapsed = 60_000

/** Milliseconds to wait, when the pace has risen for so long. */
export const waitAfter = (elapsedMillis: number): number => Math.round(firstMillis * 2 ** (-elapsedMillis / halfLifeMillis))

/** Gives each run of one background fiber the effect that it runs between its slices. The next run begins at the pace of the last one, less half of the pause. */
export const background = (log: typeof EventLog.Service) => {
  let last = { elapsed: 0, endedAt: 0 }
  return <A, E, R>(run: (between: Effect.Effect<void>) => Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.flatMap(Clock.currentTimeMillis, (start) => {
      const first = Math.max(0, last.elapsed - (start - last.endedAt) / 2)
      const elapsedAt = (now: number) => Math.min(mostElapsed, first + now - start)
      const between = paced(
        log,
        Effect.map(Clock.currentTimeMillis, (now) => waitAfter(elapsedAt(now)))
      )
      const ended = Effect.map(Clock.currentTimeMillis, (now) => void (last = { elapsed: elapsedAt(now), endedAt: now }))
      return Effect.ensuring(run(between), ended)
    })
}

/** Runs between the slices of work on request. */
export const requested = (log: typeof EventLog.Service): Effect.Effect<void> => paced(log, Effect.succeed(requestedMillis))

/** Waits only if there was an append since the last slice. Without a wait, slices follow one another until they have held the event loop for a while. */
const paced = (log: typeof EventLog.Service, wait: Effect.Effect<number>): Effect.Effect<void> => {
  let seen: number | undefined
  let resumedAt = 0
  return Effect.gen(function* () {
    const head = yield* log.head
    const isNew = seen !== undefined && head !== seen
    seen = head
    const millis = isNew ? yield* wait : 0
    if (millis > 0) yield* Effect.sleep(millis)
    else if ((yield* Clock.currentTimeMillis) - resumedAt < heldMillis) return
    else yield* Effect.yieldNow()
    resumedAt = yield* Clock.currentTimeMillis
  })
}
