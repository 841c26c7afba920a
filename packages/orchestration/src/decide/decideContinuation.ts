/**
 * decide for interrupted work: applies the thread's policy to a turn whose server died (T5) or that a usage limit ended, and handles the scheduled
 * continuation. Each step is one decision and so one transaction: a crash leaves no step half done.
 */
import { bare } from "@millrace/contracts/Attachment"
import { defined } from "@millrace/contracts/Defined"
import { Duration, Either } from "effect"
import type { RequestId, ThreadId, TurnId } from "@millrace/contracts/Ids"
import type { Answer } from "@millrace/contracts/Item"
import * as Continuation from "../state/Continuation.ts"
import type { Draft } from "./Draft.ts"
import type { Fact } from "./Fact.ts"
import * as Goal from "../state/Goal.ts"
import { endSession, type Ending, startNext } from "./lifecycle.ts"
import { activeTurn, type OpenTurn, type ThreadState } from "../state/ThreadState.ts"

const policyOf = (draft: Draft): Continuation.Policy => draft.context.policy ?? Continuation.defaults

/** Requests the new turn, first in the queue. If the interrupted turn had an action, the new one repeats it. */
const request = (
  draft: Draft,
  threadId: ThreadId,
  text: string,
  continues: ReturnType<typeof Continuation.begun>,
  { action, attachments }: Work
): void => {
  const goal = draft.thread(threadId)?.goal
  const pursued = Goal.isActive(goal) && goal.last?.turnId === continues.turnId ? goal : undefined
  const turnId = `trn_${draft.context.seed}` as TurnId
  draft.emit(threadId, "turn.requested", {
    threadId,
    turnId,
    text,
    ...defined({ attachments }),
    strategy: "interrupt",
    position: "front",
    continues,
    ...defined({ action }),
    ...(pursued === undefined ? {} : { goal: { goalId: pursued.goalId, used: Goal.counted(pursued) } })
  })
}

/** What the new turn repeats of the interrupted one besides its prompt. */
type Work = Pick<NonNullable<ThreadState["continuation"]>, "action" | "attachments">
const workOf = ({ action, attachments }: Work) => defined({ action, attachments: attachments?.map(bare) })

const askFor = (draft: Draft, state: ThreadState, turn: OpenTurn, continues: ReturnType<typeof Continuation.begun>): void => {
  const { threadId } = state
  const { at, seed } = draft.context
  const requestId = `req_${seed}` as RequestId
  const until = Continuation.iso(Date.parse(at) + policyOf(draft).asking)
  const text = Continuation.textOf("restart", turn)
  draft.emit(threadId, "continuation.planned", { threadId, ...continues, at: until, requestId, text, ...workOf(turn) })
  draft.emit(threadId, "request.opened", { ...Continuation.recoveryQuestion, threadId, turnId: turn.turnId, requestId })
}

/** Appended to the reason of the interrupted turn, by recovery policy. */
const consequences: Record<"resume" | "ask", string> = {
  resume: "continued in a new turn, where open requests are asked again",
  ask: "a person is asked whether to continue; open requests are asked again then"
}

/**
 * The server process that owned the session has ended: ends the session with its open turns, requests and items, and continues the active turn's work
 * if the thread's policy says so. A turn is not continued if its interrupt or stop was requested, if its thread is archived, or if it was restarted too
 * often.
 */
export const ownerLost = (draft: Draft, state: ThreadState, fact: Extract<Fact, { _tag: "OwnerLost" }>): void => {
  const { threadId } = state
  const policy = policyOf(draft)
  const wanted = state.recovery ?? policy.recovery
  const turn = activeTurn(state)
  const mayContinue =
    turn !== undefined &&
    !turn.interruptRequested &&
    state.stopping === undefined &&
    !state.archived &&
    state.continuation === undefined
  const open = turn === undefined ? [] : Object.values(state.requests).filter(({ turnId }) => turnId === turn.turnId)
  const continues =
    turn !== undefined && mayContinue && wanted !== "settle"
      ? Continuation.next(turn, "restart", draft.context.at, open)
      : undefined
  const attemptsExhausted = continues !== undefined && continues.restarts > policy.maxRestarts
  const after =
    continues === undefined || wanted === "settle"
      ? undefined
      : attemptsExhausted
        ? `not continued: it was already restarted ${policy.maxRestarts} times`
        : consequences[wanted]
  const reason = after === undefined ? fact.reason : `${fact.reason}; ${after}`
  endSession(draft, threadId, {
    status: "stopped",
    reason: fact.reason,
    ending: (open) => ({ _tag: "interrupted", reason: open === turn ? reason : fact.reason, usage: open.usage }),
    before: () => {
      if (turn === undefined || continues === undefined || attemptsExhausted) return
      if (wanted === "ask") askFor(draft, state, turn, continues)
      else request(draft, threadId, Continuation.textOf("restart", turn), continues, workOf(turn))
    }
  })
}

/**
 * The end of a turn at a usage limit, if the thread's `afterLimit` asks to continue its work later. `plan` writes the scheduled continuation; call it
 * after the turn's end is written and before the next turn starts. `undefined`: the work is not continued.
 */
export const afterLimit = (
  draft: Draft,
  state: ThreadState,
  turn: OpenTurn,
  ending: Extract<Ending, { _tag: "failed" }>
): { readonly ending: Ending; readonly plan: () => void } | undefined => {
  const { threadId } = state
  const wanted = state.afterLimit === "continue" && !state.archived && !turn.interruptRequested && state.stopping === undefined
  if (ending.error.kind !== "limit" || !wanted || state.continuation !== undefined) return undefined
  return Either.match(Continuation.waitFor(turn, ending.error, draft.context.at, policyOf(draft)), {
    onLeft: (why) => ({
      ending: { ...ending, reason: `${ending.reason ?? ending.error.message}; ${why}` },
      plan: () => undefined
    }),
    onRight: (wait) => ({
      ending,
      plan: () => {
        const text = Continuation.textOf("limit", turn)
        draft.emit(threadId, "continuation.planned", { threadId, ...wait, text, ...workOf(turn) })
      }
    })
  })
}

/** Ends a scheduled continuation without starting its turn; does nothing if there is none. The queue waited for it, so the caller then calls `startNext`. */
export const cancel = (
  draft: Draft,
  threadId: ThreadId,
  reason: string,
  settling: "cancelled" | "expired" = "cancelled"
): void => {
  const pending = draft.thread(threadId)?.continuation
  if (pending === undefined) return
  const { requestId, turnId } = pending
  if (requestId !== undefined) draft.emit(threadId, `request.${settling}`, { threadId, turnId, requestId, reason })
  draft.emit(threadId, "continuation.cancelled", { threadId, turnId, reason })
}

const begin = (draft: Draft, state: ThreadState): void => {
  if (state.continuation === undefined) return
  const { action, attachments, text, ...plan } = state.continuation
  request(draft, state.threadId, text, Continuation.begun(plan), { action, attachments })
  startNext(draft, state.threadId)
}

/** Starts the turn of a continuation that is due, or expires its unanswered question. `false`: the continuation has ended, is not due, or queues are held. */
export const due = (draft: Draft, state: ThreadState, fact: Extract<Fact, { _tag: "ContinuationDue" }>): boolean => {
  const { continuation: pending, threadId } = state
  if (pending === undefined || pending.turnId !== fact.turnId || pending.at > draft.context.at || draft.context.hold) return false
  if (pending.requestId === undefined) begin(draft, state)
  else {
    cancel(draft, threadId, `no answer for ${Duration.format(Duration.millis(policyOf(draft).asking))}`, "expired")
    startNext(draft, threadId)
  }
  return true
}

/** Acts on the answer to a continuation's question; `request.answered` is already in the draft. */
export const answered = (draft: Draft, threadId: ThreadId, answer: Answer, actor: string): void => {
  const state = draft.thread(threadId)
  if (state?.continuation === undefined) return
  if ("answers" in answer && answer.answers[Continuation.continueChoice]?.[0] === Continuation.continueChoice)
    return begin(draft, state)
  cancel(draft, threadId, `declined by ${actor}`)
  startNext(draft, threadId)
}
