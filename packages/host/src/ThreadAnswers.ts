/**
 * Adds to the views of threads what is not in their rows. Why a thread waits (R7) and which threads work in its directory depend on the live sessions; the
 * settings with the defaults of the provider instance depend on the server's configuration; the running agent reports the rest of itself.
 */
import { defined } from "@millrace/contracts/Defined"
import type { Millrace } from "@millrace/contracts/Millrace"
import type { Providers } from "@millrace/contracts/ProviderAdapter"
import { effective } from "@millrace/contracts/Settings"
import type { ThreadView, Waiting } from "@millrace/contracts/State"
import type { Engine } from "@millrace/orchestration/engine/Engine"
import type { Signals } from "@millrace/orchestration/streams/Signals"
import { Effect } from "effect"

/** A thread whose continuation is scheduled for the end of a usage limit also waits for that limit. */
const limitOf = ({ continuation }: ThreadView): Waiting | undefined =>
  continuation?.because === "limit" && continuation.requestId === undefined
    ? {
        reason: "limit",
        message: `The account's usage limit was reached. The work continues when the limit ends: ${continuation.at}.`
      }
    : undefined

/** The same views, with `effective` in each thread, and `waiting`, `alongside` and `agent` in each that has one. */
export const complete = (
  views: Pick<Millrace, "state" | "threads" | "thread">,
  engine: Pick<typeof Engine.Service, "waiting" | "alongside">,
  { adapters }: Pick<typeof Providers.Service, "adapters">,
  signals: Pick<typeof Signals.Service, "reportOf">
): Pick<Millrace, "state" | "threads" | "thread"> => {
  const add = (threads: ReadonlyArray<ThreadView>) => {
    const queued = threads.filter(({ queuedTurnIds }) => queuedTurnIds.length > 0).map(({ threadId }) => threadId)
    return Effect.flatMap(engine.waiting(queued), (found) =>
      Effect.forEach(threads, (thread) =>
        Effect.map(engine.alongside(thread), (alongside) => ({
          ...thread,
          effective: effective(thread, adapters.get(thread.provider)?.defaults),
          ...defined({
            alongside: alongside.length === 0 ? undefined : alongside,
            waiting: found.get(thread.threadId) ?? limitOf(thread),
            agent: signals.reportOf(thread.threadId)
          })
        }))
      )
    )
  }
  return {
    state: Effect.flatMap(views.state, (state) => Effect.map(add(state.threads), (threads) => ({ ...state, threads }))),
    threads: (page) =>
      Effect.flatMap(views.threads(page), (found) => Effect.map(add(found.items), (items) => ({ ...found, items }))),
    thread: (threadId) => Effect.flatMap(views.thread(threadId), (one) => Effect.map(add([one]), ([thread = one]) => thread))
  }
}
