/**
 * decide for interrupted work: applies the thread's policy to a turn whose server died (T5) or that a usage limit ended, and handles the scheduled
 * continuation. Each step is one decision and so one transaction: a crash leaves no step half done.
 */
import { bare } from "@millrace/contracts/Attachment"
import { defined } from "@millrace/contracts/Defined"
import { Duration, Either } from "effect"
import type { RequestId, ThreadId, TurnId } from "@millrace/contracts/Ids"
import type { Answer, RequestView } from "@millrace/contracts/Item"
import * as Continuation from "../state/Continuation.ts"
import type { Continues } from "@millrace/contracts/State"
import type { Draft } from "./Draft.ts"
import type { Fact } from "./Fact.ts"
import * as Goal from "../state/Goal.ts"
import { dropKept, dropSecrets, hold, type Holding, settle } from "./decideHeld.ts"
import { endSession, type Ending, startNext } from "./lifecycle.ts"
import { activeTurn, type OpenTurn, type ThreadState } from "../state/ThreadState.ts"

const policyOf = (draft: Draft): Continuation.Policy => draft.context.policy ?? Continuation.defaults

/** Requests the new turn, first in the queue. If the interrupted turn had an action, the new one repeats it. */
const request = (
  draft: Draft,
  threadId: ThreadId,
  text: string,
  continues: ReturnType<typeof Continuation.begun>,
  { action, attachments }: Work,
  turnId: TurnId
): void => {
  const goal = draft.thread(threadId)?.goal
  const pursued = Goal.isActive(goal) && goal.last?.turnId === continues.turnId ? goal : undefined
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

const nextId = (draft: Draft) => `trn_${draft.context.seed}` as TurnId

/** Plans the continuation. A held request asks the person; if none was open, a question is opened. */
const askFor = (
  draft: Draft,
  { threadId }: ThreadState,
  turn: OpenTurn,
  continues: ReturnType<typeof Continuation.begun>,
  held: Holding | undefined
): void => {
  const { at, seed } = draft.context
  const requestId = held?.requestId ?? (`req_${seed}` as RequestId)
  const next = held === undefined ? {} : { nextTurnId: held.nextTurnId }
  const until = Continuation.iso(Date.parse(at) + policyOf(draft).asking)
  const text = Continuation.textOf("restart", turn)
  draft.emit(threadId, "continuation.planned", {
    threadId,
    ...continues,
    at: until,
    requestId,
    ...next,
    text,
    ...workOf(turn)
  })
  if (held?.requestId === undefined)
    draft.emit(threadId, "request.opened", { ...Continuation.recoveryQuestion, threadId, turnId: turn.turnId, requestId })
}

/** Appended to the reason of the interrupted turn, by recovery policy. */
const consequences: Record<"resume" | "ask", string> = {
  resume: "continued in a new turn, for which open requests are held",
  ask: "a person decides whether to continue; open requests are held until then"
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
  const continues =
    turn !== undefined && mayContinue && wanted !== "settle" ? Continuation.next(turn, "restart", draft.context.at) : undefined
  const attemptsExhausted = continues !== undefined && continues.restarts > policy.maxRestarts
  const after =
    continues === undefined || wanted === "settle"
      ? undefined
      : attemptsExhausted
        ? `not continued: it was already restarted ${policy.maxRestarts} times`
        : consequences[wanted]
  const reason = after === undefined ? fact.reason : `${fact.reason}; ${after}`
  dropSecrets(draft, state)
  // The request to sign in expires like every request of such a thread.
  if (state.continuation?.because === "sign-in" && wanted === "settle") cancel(draft, threadId, fact.reason, "expired")
  const current = draft.thread(threadId) ?? state
  const held =
    turn === undefined || continues === undefined || attemptsExhausted
      ? undefined
      : hold(draft, current, turn.turnId, nextId(draft), fact.reason)
  endSession(draft, threadId, {
    status: "stopped",
    reason: fact.reason,
    ending: (open) => ({ _tag: "interrupted", reason: open === turn ? reason : fact.reason, usage: open.usage }),
    before: () => {
      if (turn === undefined || continues === undefined || attemptsExhausted) return
      if (wanted === "ask") askFor(draft, state, turn, continues, held)
      else request(draft, threadId, Continuation.textOf("restart", turn), continues, workOf(turn), nextId(draft))
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
  const { nextTurnId, requestId, turnId } = pending
  const state = draft.thread(threadId)
  // The answer that leaves the work as it is has been used.
  const kept = (state?.kept ?? []).filter(({ answer }) => !("decision" in answer && answer.decision === "cancel"))
  if (state !== undefined && nextTurnId !== undefined) dropKept(draft, { ...state, kept }, nextTurnId, reason)
  for (const { held: _, ...request } of Object.values(state?.requests ?? {}))
    if (request.requestId === requestId || request.turnId === nextTurnId) settle(draft, request, `request.${settling}`, reason)
  draft.emit(threadId, "continuation.cancelled", { threadId, turnId, reason })
}

const begin = (draft: Draft, state: ThreadState): void => {
  if (state.continuation === undefined) return
  const { action, attachments, text, ...plan } = state.continuation
  request(draft, state.threadId, text, Continuation.begun(plan), { action, attachments }, plan.nextTurnId ?? nextId(draft))
  startNext(draft, state.threadId)
}

/** Starts the turn of a continuation that is due, or expires its unanswered question. `false`: the continuation has ended, is not due, or queues are paused. */
export const due = (draft: Draft, state: ThreadState, fact: Extract<Fact, { _tag: "ContinuationDue" }>): boolean => {
  const { continuation: pending, threadId } = state
  if (pending === undefined || pending.turnId !== fact.turnId || pending.at > draft.context.at || draft.context.paused)
    return false
  if (pending.requestId === undefined) begin(draft, state)
  else {
    cancel(draft, threadId, `no answer for ${Duration.format(Duration.millis(policyOf(draft).asking))}`, "expired")
    startNext(draft, threadId)
  }
  return true
}

/** Whether the answer to this open request decides about the scheduled continuation. */
export const isDecidedBy = ({ continuation }: ThreadState, { requestId, turnId }: RequestView): boolean =>
  continuation !== undefined && (continuation.requestId === requestId || continuation.nextTurnId === turnId)

const goesOn = (answer: Answer, { because }: Pick<Continues, "because">, held: boolean): boolean =>
  because === "sign-in"
    ? "decision" in answer && answer.decision === "accept"
    : held
      ? !("decision" in answer && answer.decision === "cancel")
      : "answers" in answer && answer.answers[Continuation.continueChoice]?.[0] === Continuation.continueChoice

/**
 * Acts on the answer to a request that decides about the continuation; `request.answered` is already in the draft. Any answer to a held request
 * continues the work, except `cancel`.
 */
export const answered = (draft: Draft, threadId: ThreadId, answer: Answer, actor: string, held: boolean): void => {
  const state = draft.thread(threadId)
  if (state?.continuation === undefined) return
  if (goesOn(answer, state.continuation, held)) return begin(draft, state)
  cancel(draft, threadId, `declined by ${actor}`)
  startNext(draft, threadId)
}
