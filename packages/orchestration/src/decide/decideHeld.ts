/** decide for requests over a restart: holds them for the turn that continues the work, binds the repeated question, and settles the rest (T13). */
import { defined } from "@millrace/contracts/Defined"
import type { RequestId, ThreadId, TurnId } from "@millrace/contracts/Ids"
import type { Ask, RequestView } from "@millrace/contracts/Item"
import type { Draft } from "./Draft.ts"
import * as Held from "../state/Held.ts"
import type { ThreadState } from "../state/ThreadState.ts"

/** What is held for the turn that continues the work: the first request of them, if one is open. */
export interface Holding {
  readonly requestId: RequestId | undefined
  readonly nextTurnId: TurnId
}

/** Holds the open requests and the kept answers of `from` for the turn `turnId`. `undefined`: there are none. */
export const hold = (
  draft: Draft,
  { kept, requests, threadId }: ThreadState,
  from: TurnId,
  turnId: TurnId,
  reason: string
): Holding | undefined => {
  const open = Object.values(requests).filter((one) => one.turnId === from)
  const ids = [...open, ...kept.filter((one) => one.turnId === from)].slice(0, Held.maxHeld).map(({ requestId }) => requestId)
  for (const requestId of ids) draft.emit(threadId, "request.held", { threadId, turnId, requestId, reason })
  return ids.length === 0 ? undefined : { requestId: open[0]?.requestId, nextTurnId: turnId }
}

/** Ends kept answers whose secret was only in the memory of the dead server: it is asked for again. */
export const dropSecrets = (draft: Draft, { kept, threadId }: ThreadState): void => {
  for (const { requestId, secret, turnId } of kept)
    if (secret === true)
      draft.emit(threadId, "request.answer.unused", {
        threadId,
        turnId,
        requestId,
        reason: "the server restarted, and it keeps secrets only in memory"
      })
}

/** Binds the agent's question to the request that it repeats. `false`: it repeats none, or the event is not legal. */
export const repeat = (draft: Draft, state: ThreadState, turnId: TurnId, asked: RequestId, ask: Ask): boolean => {
  const { threadId } = state
  const same = Held.repeated(state, turnId, ask)
  if (same === undefined) return false
  const { answer, requestId } = same
  return draft.emit(threadId, "request.repeated", {
    threadId,
    turnId,
    requestId,
    repeatedAs: asked,
    ...defined({ itemId: ask.itemId, answer })
  })
}

/** Settles an open request without an answer. A held one expires: no agent waits for it. */
export const settle = (
  draft: Draft,
  { held, repeatedAs, requestId, threadId, turnId }: RequestView,
  type: "request.cancelled" | "request.expired",
  reason: string
): void => {
  const data = { threadId, turnId, requestId }
  if (held === true) draft.emit(threadId, "request.expired", { ...data, reason: `the agent did not ask again: ${reason}` })
  else if (type === "request.cancelled") draft.emit(threadId, type, { ...data, reason })
  else draft.emit(threadId, type, { ...data, reason, ...defined({ repeatedAs }) })
}

/** Reports the answers that were kept for the turn as unused. */
export const dropKept = (draft: Draft, { kept, threadId }: ThreadState, turnId: TurnId, reason: string): void => {
  for (const { requestId, turnId: of } of kept)
    if (of === turnId) draft.emit(threadId, "request.answer.unused", { threadId, turnId, requestId, reason })
}

/** Before the end of a turn: settles its requests, and ends the answers that were kept for it. */
export const endRequests = (
  draft: Draft,
  threadId: ThreadId,
  turnId: TurnId,
  type: "request.cancelled" | "request.expired",
  reason: string
): void => {
  const state = draft.thread(threadId)
  if (state === undefined) return
  for (const request of Object.values(state.requests)) if (request.turnId === turnId) settle(draft, request, type, reason)
  dropKept(draft, state, turnId, `the agent did not ask again: ${reason}`)
}
