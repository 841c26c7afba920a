/**
 * A limit on concurrent effects. Effect's `Semaphore` (3.22) loses a permit if a fiber is interrupted after it took the permit and before its effect
 * runs.
 */
import { Deferred, Effect } from "effect"

/** Runs the effect while it holds a permit. Waiters get permits in the order of arrival. An interrupted waiter leaves the queue. */
export type Permits = <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

/** At most `count` effects run at a time. */
export const make = (count: number): Permits => {
  const waiting = new Set<Deferred.Deferred<void>>()
  let free = count

  const enter = Effect.map(Deferred.make<void>(), (place) => {
    if (free === 0) waiting.add(place)
    else {
      free--
      Deferred.unsafeDone(place, Effect.void)
    }
    return place
  })

  /** Hands the permit to the first waiter. */
  const leave = (place: Deferred.Deferred<void>) =>
    Effect.sync(() => {
      if (waiting.delete(place)) return
      const [next] = waiting
      if (next === undefined) free++
      else {
        waiting.delete(next)
        Deferred.unsafeDone(next, Effect.void)
      }
    })

  return (self) => Effect.acquireUseRelease(enter, (place) => Effect.zipRight(Deferred.await(place), self), leave)
}
