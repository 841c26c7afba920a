/** One at a time for each thread: between a look at the thread and the command that it led to, no other call begins a turn there. */
import { Effect } from "effect"
import type { ThreadId } from "@millrace/contracts/Ids"

export interface InTurn {
  /** Waits until it is the only one of that thread. */
  readonly inTurn: <A, E, R>(threadId: ThreadId, effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
}

/** Holds a thread only while somebody is in it, or waits. */
export const make = (): InTurn => {
  const lanes = new Map<ThreadId, { readonly lock: Effect.Semaphore; waiting: number }>()
  return {
    inTurn: (threadId, effect) =>
      Effect.suspend(() => {
        const lane = lanes.get(threadId) ?? { lock: Effect.unsafeMakeSemaphore(1), waiting: 0 }
        lanes.set(threadId, lane)
        lane.waiting++
        return lane.lock
          .withPermits(1)(effect)
          .pipe(
            Effect.ensuring(
              Effect.sync(() => {
                lane.waiting--
                if (lane.waiting === 0) lanes.delete(threadId)
              })
            )
          )
      })
  }
}
