/** A mutex for each thread: between a query of the thread and the command based on it, no other call starts a turn there. */
import * as Permits from "@millrace/contracts/Permits"
import { Effect } from "effect"
import type { ThreadId } from "@millrace/contracts/Ids"

export interface ThreadMutex {
  /** Runs the effect while holding the lock of the thread. */
  readonly withLock: <A, E, R>(threadId: ThreadId, effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
}

/** Keeps an entry only for a thread whose lock is held or waited for. */
export const make = (): ThreadMutex => {
  const locks = new Map<ThreadId, { readonly lock: Permits.Permits; waiting: number }>()
  return {
    withLock: (threadId, effect) =>
      Effect.suspend(() => {
        const entry = locks.get(threadId) ?? { lock: Permits.make(1), waiting: 0 }
        locks.set(threadId, entry)
        entry.waiting++
        return entry.lock(effect).pipe(
          Effect.ensuring(
            Effect.sync(() => {
              entry.waiting--
              if (entry.waiting === 0) locks.delete(threadId)
            })
          )
        )
      })
  }
}
