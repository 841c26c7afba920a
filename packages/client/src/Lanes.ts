/** One lane per key: who asks first goes first, also when somebody before gives up. A lane nobody is in is forgotten. */
import { Deferred, Effect } from "effect"

export interface Lanes {
  /** Runs the effect after all that came before it in its lane. */
  readonly inOrder: (key: string) => <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  /** Who is in any lane, the running ones included. */
  readonly size: () => number
}

export const make = (): Lanes => {
  const lanes = new Map<string, Array<Deferred.Deferred<void>>>()
  let size = 0

  const enter = (key: string) =>
    Effect.map(Deferred.make<void>(), (turn) => {
      const lane = lanes.get(key)
      size++
      if (lane === undefined) {
        lanes.set(key, [turn])
        Deferred.unsafeDone(turn, Effect.void)
      } else lane.push(turn)
      return turn
    })

  const leave = (key: string, turn: Deferred.Deferred<void>) =>
    Effect.sync(() => {
      const lane = lanes.get(key)
      const at = lane?.indexOf(turn) ?? -1
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
        (turn) => Effect.zipRight(Deferred.await(turn), self),
        (turn) => leave(key, turn)
      )
  }
}
