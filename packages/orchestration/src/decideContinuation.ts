/**
 * decide for work that was cut off: what its thread's policy makes of a turn whose server died (T5), of one that a usage limit ended, and of the
 * plans that come of it. Each is one decision, so one transaction: whoever dies between two leaves nothing half done.
 */
import { Duration, Either } from "effect"
import type { RequestId, ThreadId, TurnId } from "@millrace/contracts/Ids"
import type { Answer } from "@millrace/contracts/Item"
import type { TurnAction } from "@millrace/contracts/State"
import * as Continuation from "./Continuation.ts"
import type { Draft } from "./Draft.ts"
import type { Fact } from "./Fact.ts"
import * as Goal from "./Goal.ts"
import { endSession, type Ending, startNext } from "./lifecycle.ts"
import { activeTurn, type OpenTurn, type ThreadState } from "./ThreadState.ts"

const policyOf = (draft: Draft): Continuation.Policy => draft.moment.policy ?? Continuation.defaults

/** The new turn, in front of the queue. One that goes on with an action does it again. */
const request = (
  draft: Draft,
  threadId: ThreadId,
  text: string,
  continues: ReturnType<typeof Continuation.begun>,
  action: TurnAction | undefined
): void => {
  const goal = draft.thread(threadId)?.goal
  const towards = Goal.isActive(goal) && goal.last?.turnId === continues.turnId ? goal : undefined
  const turnId = `trn_${draft.moment.seed}` as TurnId
  draft.emit(threadId, "turn.requested", {
    threadId,
    turnId,
    text,
    strategy: "interrupt",
    continues,
    ...(action === undefined ? {} : { action }),
    ...(towards === undefined ? {} : { goal: { goalId: towards.goalId, used: Goal.counted(towards) } })
  })
}

const withAction = ({ action }: OpenTurn) => (action === undefined ? {} : { action })

const askFor = (draft: Draft, state: ThreadState, turn: OpenTurn, continues: ReturnType<typeof Continuation.begun>): void => {
  const { threadId } = state
  const { at, seed } = draft.moment
  const requestId = `req_${seed}` as RequestId
  const until = Continuation.iso(Date.parse(at) + policyOf(draft).asking)
  const text = Continuation.textOf("restart", turn)
  draft.emit(threadId, "continuation.planned", { threadId, ...continues, at: until, requestId, text, ...withAction(turn) })
  draft.emit(threadId, "request.opened", { ...Continuation.asked, threadId, turnId: turn.turnId, requestId })
}

const afterwards: Record<"resume" | "ask", string> = {
  resume: "its work goes on in a new turn, and what was open is asked again there",
  ask: "whether its work goes on, and asks again what was open, is asked of a person"
}

/**
 * The process that owned the session is gone: what is open ends, and the active turn's work goes on as the thread's policy says. A turn that somebody
 * wanted to end, one of an archived thread, and one that was begun again too often do not go on.
 */
export const ownerLost = (draft: Draft, state: ThreadState, fact: Extract<Fact, { _tag: "OwnerLost" }>): void => {
  const { threadId } = state
  const policy = policyOf(draft)
  const wanted = state.recovery ?? policy.recovery
  const turn = activeTurn(state)
  const welcome =
    turn !== undefined &&
    !turn.interruptRequested &&
    state.stopRequested === undefined &&
    !state.archived &&
    state.continuation === undefined
  const open = turn === undefined ? [] : Object.values(state.requests).filter(({ turnId }) => turnId === turn.turnId)
  const continues =
    turn !== undefined && welcome && wanted !== "settle" ? Continuation.next(turn, "restart", draft.moment.at, open) : undefined
  const tired = continues !== undefined && continues.restarts > policy.maxRestarts
  const after =
    continues === undefined || wanted === "settle"
      ? undefined
      : tired
        ? `not continued: it was begun again ${policy.maxRestarts} times already`
        : afterwards[wanted]
  const reason = after === undefined ? fact.reason : `${fact.reason}; ${after}`
  endSession(draft, threadId, {
    status: "stopped",
    reason: fact.reason,
    ending: (one) => ({ _tag: "interrupted", reason: one === turn ? reason : fact.reason, usage: one.usage }),
    before: () => {
      if (turn === undefined || continues === undefined || tired) return
      if (wanted === "ask") askFor(draft, state, turn, continues)
      else request(draft, threadId, Continuation.textOf("restart", turn), continues, turn.action)
    }
  })
}

/**
 * How a turn ends that a usage limit ended, and the plan to go on, where the thread wants it. The plan is written between the turn's end and what
 * comes after it.
 */
export const afterLimit = (
  draft: Draft,
  state: ThreadState,
  turn: OpenTurn,
  ending: Extract<Ending, { _tag: "failed" }>
): { readonly ending: Ending; readonly plan: () => void } | undefined => {
  const { threadId } = state
  const wanted =
    state.afterLimit === "continue" && !state.archived && !turn.interruptRequested && state.stopRequested === undefined
  if (ending.error.kind !== "limit" || !wanted || state.continuation !== undefined) return undefined
  return Either.match(Continuation.waitFor(turn, ending.error, draft.moment.at, policyOf(draft)), {
    onLeft: (why) => ({
      ending: { ...ending, reason: `${ending.reason ?? ending.error.message}; ${why}` },
      plan: () => undefined
    }),
    onRight: (wait) => ({
      ending,
      plan: () => {
        const text = Continuation.textOf("limit", turn)
        draft.emit(threadId, "continuation.planned", { threadId, ...wait, text, ...withAction(turn) })
      }
    })
  })
}

/** A plan is over without its turn. Nothing when there is none. The queue, which waited for it, is the caller's to start. */
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
  const { action, text, ...plan } = state.continuation
  request(draft, state.threadId, text, Continuation.begun(plan), action)
  startNext(draft, state.threadId)
}

/** The time of a plan has come: it goes on, or, when it was a question, nobody answered it. Decided by the state: a plan that is over is void. */
export const due = (draft: Draft, state: ThreadState, fact: Extract<Fact, { _tag: "ContinuationDue" }>): boolean => {
  const { continuation: pending, threadId } = state
  if (pending === undefined || pending.turnId !== fact.turnId || pending.at > draft.moment.at || draft.moment.hold) return false
  if (pending.requestId === undefined) begin(draft, state)
  else {
    cancel(draft, threadId, `nobody answered for ${Duration.format(Duration.millis(policyOf(draft).asking))}`, "expired")
    startNext(draft, threadId)
  }
  return true
}

/** The question of a plan was answered; the answer is in the log. */
export const answered = (draft: Draft, threadId: ThreadId, answer: Answer, actor: string): void => {
  const state = draft.thread(threadId)
  if (state?.continuation === undefined) return
  if ("answers" in answer && answer.answers[Continuation.goOn]?.[0] === Continuation.goOn) return begin(draft, state)
  cancel(draft, threadId, `left as it is by ${actor}`)
  startNext(draft, threadId)
}
