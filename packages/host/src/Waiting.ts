/**
 * Why a thread waits, in the views of threads. Not in the rows: it follows from what lives at this moment, so it is worked out when somebody asks,
 * and a restart has nothing to mend (R7).
 */
import type { Millrace } from "@millrace/contracts/Millrace"
import type { ThreadView, Waiting } from "@millrace/contracts/State"
import type { Engine } from "@millrace/orchestration/Engine"
import { Effect } from "effect"

/** Work that goes on when a usage limit is over waits for it too. */
const planned = ({ continuation }: ThreadView): Waiting | undefined =>
  continuation?.because === "limit" && continuation.requestId === undefined
    ? {
        reason: "limit",
        message: `The account's usage limit was reached. The work goes on when the limit ends: ${continuation.at}.`
      }
    : undefined

/** Adds `waiting` to the threads that wait. */
export const shown = (
  views: Pick<Millrace, "state" | "threads" | "thread">,
  engine: Pick<typeof Engine.Service, "waiting">
): Pick<Millrace, "state" | "threads" | "thread"> => {
  const add = (threads: ReadonlyArray<ThreadView>) => {
    const queued = threads.filter(({ queuedTurnIds }) => queuedTurnIds.length > 0).map(({ threadId }) => threadId)
    return Effect.map(engine.waiting(queued), (found) =>
      threads.map((thread) => {
        const waiting = found.get(thread.threadId) ?? planned(thread)
        return waiting === undefined ? thread : { ...thread, waiting }
      })
    )
  }
  return {
    state: Effect.flatMap(views.state, (state) => Effect.map(add(state.threads), (threads) => ({ ...state, threads }))),
    threads: (page) =>
      Effect.flatMap(views.threads(page), (found) => Effect.map(add(found.items), (items) => ({ ...found, items }))),
    thread: (threadId) => Effect.flatMap(views.thread(threadId), (one) => Effect.map(add([one]), ([thread = one]) => thread))
  }
}
