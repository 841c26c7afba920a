/** A mutex for each thread: between a query of the thread and the command based on it, no other call starts a turn there. */
import * as Permits from "@millrace/contracts/Permits"
import { Effect } from "effect"
import type { ThreadId } from "@millrace/contracts/Ids"

export interface ThreadMutex {
  /** Runs the effect while holding the lock of the thread. */
  readonly inTurn: <A, E, R>(threadId: ThreadId, effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
}

/** Keeps an entry only for a thread whose lock is held or waited for. */
export const make = (): ThreadMutex => {
  const lanes = new Map<ThreadId, { readonly lock: Permits.Permits; waiting: number }>()
  return {
    inTurn: (threadId, effect) =>
      Effect.suspend(() => {
        const lane = lanes.get(threadId) ?? { lock: Permits.make(1), waiting: 0 }
        lanes.set(threadId, lane)
        lane.waiting++
        return lane.lock(effect).pipe(
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
