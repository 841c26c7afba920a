/** Keyed FIFO mutex. Waiters run in arrival order, even if an earlier waiter is interrupted. Empty lanes are removed. */
import { Deferred, Effect } from "effect"

export interface Lanes {
  /** Runs the effect after every earlier effect of its lane. */
  readonly inOrder: (key: string) => <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  /** Number of waiting and running effects in all lanes. */
  readonly size: () => number
}

export const make = (): Lanes => {
  const lanes = new Map<string, Array<Deferred.Deferred<void>>>()
  let size = 0

  const enter = (key: string) =>
    Effect.map(Deferred.make<void>(), (place) => {
      const lane = lanes.get(key)
      size++
      if (lane === undefined) {
        lanes.set(key, [place])
        Deferred.unsafeDone(place, Effect.void)
      } else lane.push(place)
      return place
    })

  const leave = (key: string, place: Deferred.Deferred<void>) =>
    Effect.sync(() => {
      const lane = lanes.get(key)
      const at = lane?.indexOf(place) ?? -1
      if (lane === undefined || at === -1) return
      size--
      lane.splice(at, 1)
      const next = lane[0]
      if (next === undefined) lanes.delete(key)
      else if (at === 0) Deferred.unsafeDone(next, Effect.void)
    })

  return {
    size: () => size,
    inOrder: (key) => (self) =>
      Effect.acquireUseRelease(
        enter(key),
        (place) => Effect.zipRight(Deferred.await(place), self),
        (place) => leave(key, place)
      )
  }
}
