/** Checks the invariants of a folded thread. Pure; for tests and `Verify`. */
import * as Goal from "./Goal.ts"
import * as Thread from "@millrace/model/Thread"
import { activeTurn, type ThreadState } from "./ThreadState.ts"

/** The violated invariants, each as text with its id; empty in every reachable state. */
export const violations = (state: ThreadState): ReadonlyArray<string> => {
  const found: Array<string> = []
  const status = state.session?.status
  const open = Object.keys(state.turns).length
  if ((status === undefined || !Thread.holdsTurn(status)) && open > 0)
    found.push(`T3 ${status ?? "no session"} with ${open} open turns`)
  if (state.session?.activeTurnId !== undefined && activeTurn(state) === undefined) found.push("T4 the active turn is not open")
  for (const turn of Object.values(state.turns)) {
    if (turn.epoch !== state.session?.epoch) found.push(`T3 ${turn.turnId} is of epoch ${turn.epoch}`)
    if (turn.origin !== "provider" && state.session?.activeTurnId !== turn.turnId) found.push(`T4 ${turn.turnId} has no owner`)
  }
  for (const [id, item] of Object.entries(state.items))
    if (state.turns[item.turnId] === undefined) found.push(`T9 ${id} outlives its turn`)
  const continues = (turnId: string) =>
    state.continuation?.nextTurnId === turnId || state.queue.some((turn) => turn.turnId === turnId)
  for (const { requestId, turnId } of state.kept)
    if (state.turns[turnId] === undefined && !continues(turnId)) found.push(`T13 the answer to ${requestId} outlives its turn`)
  for (const [id, { held, turnId }] of Object.entries(state.requests))
    if (state.turns[turnId] === undefined && state.continuation?.requestId !== id && !(held === true && continues(turnId)))
      found.push(`T13 ${id} outlives its turn`)
  const asked = state.continuation?.requestId
  if (asked !== undefined && state.requests[asked] === undefined)
    found.push(`T13 ${asked} is not open, but a continuation waits for it`)
  if (state.deleted && Goal.isArmed(state.goal)) found.push("T4 a goal of a deleted thread is not over")
  if (state.deleted && state.continuation !== undefined) found.push("T4 a continuation is scheduled in a deleted thread")
  return found
}
