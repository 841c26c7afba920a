/** The rules of turns and of the queue. They share no code with decide and evolve. */
import { isTerminal } from "@millrace/contracts/Event"
import { type Context, unknownEvent } from "./Context.ts"
import * as Continuation from "./Continuation.ts"
import * as Goal from "./Goal.ts"

/** Checks and applies the event that ends a turn. */
const end = ({ data, event, known, must, thread, turn }: Context): void => {
  must(!thread.ended.has(data.turnId), "T2 a turn ends once")
  const queued = thread.queue.includes(data.turnId)
  must(turn !== undefined || queued, "T2 only an accepted turn ends")
  if (turn !== undefined) {
    must(turn.items.size === 0, "T9 items close at the latest with their turn")
    must(
      !thread.openRequests.some((request) => request.turn === turn.id),
      "T13 requests are settled at the latest with their turn"
    )
  }
  must(
    !thread.keeps(data.turnId) && !thread.openRequests.some((request) => request.held && request.turn === data.turnId),
    "T13 nothing is held for a turn that has ended"
  )
  if (event.type === "turn.completed")
    must(turn !== undefined && known.completed.has(data.turnId), "T11 a turn completes only if its agent reported it")
  thread.ended.add(data.turnId)
  thread.open.delete(data.turnId)
  thread.queue = thread.queue.filter((id) => id !== data.turnId)
  if (turn !== undefined && thread.goal !== undefined && thread.goalOfTurn.get(data.turnId) === thread.goal.id) {
    thread.goal.last = data.turnId
    if (event.type !== "turn.completed") thread.claims.delete(data.turnId)
  }
  if (thread.active !== data.turnId) return
  thread.active = undefined
  thread.failed = event.type === "turn.failed"
}

/** Checks and applies an event of a turn or of the queue. */
export const apply = (context: Context): void => {
  const { data, event, known, must, thread, turn } = context
  switch (event.type) {
    case "turn.requested":
      must(!thread.knows(data.turnId), "T1 a turn is requested once")
      if (data.goal !== undefined) Goal.beginTurn(context)
      known.texts.set(data.turnId, data.text)
      if (data.strategy === "interrupt" || data.strategy === "steer") thread.queue.unshift(data.turnId)
      else thread.queue.push(data.turnId)
      thread.failed = false
      if (data.continues !== undefined) Continuation.continueTurn(context)
      return
    case "turn.edited":
      must(
        thread.queue.includes(data.turnId) && !thread.shown.has(data.turnId),
        "T12 only turns that no agent has received are edited"
      )
      known.texts.set(data.turnId, data.text)
      return
    case "queue.reordered":
      must(
        data.turnIds.length === thread.queue.length && new Set([...data.turnIds, ...thread.queue]).size === thread.queue.length,
        "T12 a new order is of the same turns"
      )
      thread.queue = [...data.turnIds]
      return
    case "turn.dispatched":
      must(thread.queue[0] === data.turnId, "T12 the first queued turn is dispatched first")
      must(thread.active === data.turnId, "T3 the session names its active turn")
      must(thread.session !== undefined && !thread.stopping, "T4 a session runs it")
      known.settings.set(data.turnId, [...(known.settings.get(data.turnId) ?? []), thread.settings])
      thread.sessionSettings = thread.settings
      thread.queue = thread.queue.filter((id) => id !== data.turnId)
      thread.shown.add(data.turnId)
      thread.open.set(data.turnId, { id: data.turnId, origin: "user", started: false, interrupting: false, items: new Set() })
      return
    case "turn.requeued":
      must(turn !== undefined && !turn.started && turn.items.size === 0, "T12 only a turn that has not started is requeued")
      thread.open.delete(data.turnId)
      thread.queue.unshift(data.turnId)
      if (thread.active === data.turnId) thread.active = undefined
      return
    case "turn.started":
      must(thread.session !== undefined, "T3 a turn starts in a live session")
      must(!thread.ended.has(data.turnId) && turn?.started !== true, "T1 a turn starts once")
      must(turn !== undefined || data.origin === "provider", "T10 an unrequested turn has origin provider")
      if (turn === undefined)
        thread.open.set(data.turnId, {
          id: data.turnId,
          origin: "provider",
          started: true,
          interrupting: false,
          items: new Set()
        })
      else turn.started = true
      return
    case "turn.updated":
    case "turn.steered":
      must(turn !== undefined, "T1 only an open turn is updated")
      return
    case "turn.interrupt.requested":
      must(turn !== undefined, "T7 only an open turn is interrupted")
      if (event.commandId === undefined && data.reason !== undefined && /no output|without output/.test(data.reason))
        must(
          !thread.openRequests.some((request) => request.turn === data.turnId && !request.held),
          "T8 the timeout pauses while a request is open"
        )
      thread.endRequested.add(data.turnId)
      if (turn !== undefined) turn.interrupting = true
      return
  }
  if (isTerminal(event.type)) return end(context)
  must(false, unknownEvent)
}
