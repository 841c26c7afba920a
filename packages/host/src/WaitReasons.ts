/**
 * Adds to the views of threads why a thread waits (R7). The reason depends on the live sessions, so it is computed at each query and not stored in rows.
 */
import type { Millrace } from "@millrace/contracts/Millrace"
import type { ThreadView, Waiting } from "@millrace/contracts/State"
import type { Engine } from "@millrace/orchestration/engine/Engine"
import { Effect } from "effect"

/** A thread whose continuation is scheduled for the end of a usage limit also waits for that limit. */
const limitOf = ({ continuation }: ThreadView): Waiting | undefined =>
  continuation?.because === "limit" && continuation.requestId === undefined
    ? {
        reason: "limit",
        message: `The account's usage limit was reached. The work continues when the limit ends: ${continuation.at}.`
      }
    : undefined

/** The same views, with `waiting` in each thread that waits. */
export const withWaiting = (
  views: Pick<Millrace, "state" | "threads" | "thread">,
  engine: Pick<typeof Engine.Service, "waiting">
): Pick<Millrace, "state" | "threads" | "thread"> => {
  const add = (threads: ReadonlyArray<ThreadView>) => {
    const queued = threads.filter(({ queuedTurnIds }) => queuedTurnIds.length > 0).map(({ threadId }) => threadId)
    return Effect.map(engine.waiting(queued), (found) =>
      threads.map((thread) => {
        const waiting = found.get(thread.threadId) ?? limitOf(thread)
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
