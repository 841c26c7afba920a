/** The rules of interrupted work that continues. They share no code with decide and evolve. */
import type { Thread } from "../Thread.ts"
import { type Context, unknownEvent } from "./Context.ts"

/** Limits of consecutive restarts and waits. The model's servers use the same limits. */
export const maxRestarts = 2
export const maxWaits = 2

/** True if the question of the thread's plan is open. */
export const hasOpenPlanQuestion = (thread: Thread): boolean => {
  const id = thread.plan?.request
  const request = id === undefined ? undefined : thread.requests.get(id)
  return request?.open === true && !request.held
}

/** Checks a turn that continues another turn. */
export const continueTurn = ({ data, must, thread }: Context): void => {
  const { turnId, because, restarts, waits } = data.continues ?? { turnId: "", because: "", restarts: 0, waits: 0 }
  must(thread.ended.has(turnId) && !thread.endRequested.has(turnId), "T5 only interrupted work continues")
  must(!thread.continued.has(turnId), "T5 work continues at most once")
  must(!hasOpenPlanQuestion(thread), "T13 the question of a plan is settled with it")
  if (thread.plan === undefined)
    must(because === "restart" && thread.recovery === "resume", "T5 work continues only if the thread's policy allows it")
  else must(thread.plan.turn === turnId, "T5 the plan names the turn")
  must(restarts <= maxRestarts && waits <= maxWaits, "T5 restarts and waits are limited")
  must(restarts + waits === (thread.restartsAndWaits.get(turnId) ?? 0) + 1, "T5 each time is counted")
  thread.restartsAndWaits.set(data.turnId, restarts + waits)
  thread.continued.add(turnId)
  thread.plan = undefined
}

/** Checks and applies an event of the thread's scheduled continuation. */
export const apply = ({ data, event, must, thread }: Context): void => {
  switch (event.type) {
    case "continuation.planned":
      must(thread.plan === undefined, "T5 one plan at a time")
      must(thread.ended.has(data.turnId) && !thread.endRequested.has(data.turnId), "T5 only interrupted work continues")
      must(!thread.continued.has(data.turnId) && !thread.planned.has(data.turnId), "T5 work continues at most once")
      must(
        data.because === "limit" ? thread.afterLimit === "continue" : thread.recovery === "ask",
        "T5 the thread's policy decides how interrupted work continues"
      )
      thread.planned.add(data.turnId)
      thread.plan = { turn: data.turnId, request: data.requestId }
      return
    case "continuation.cancelled":
      must(thread.plan?.turn === data.turnId, "T5 a plan ends once")
      must(!hasOpenPlanQuestion(thread), "T13 the question of a plan is settled with it")
      thread.plan = undefined
      // A kept answer `cancel` drops the work. It has no further use.
      for (const request of thread.requests.values()) if (request.kept === '"cancel"') request.kept = undefined
      return
    default:
      must(false, unknownEvent)
  }
}
