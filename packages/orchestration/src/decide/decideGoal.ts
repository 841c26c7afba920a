/**
 * decide for goals: the commands on a goal, the effect of a turn's end, and the turns that the goal begins. `advance` is called in each decision that
 * may leave a thread idle: after a crash the log holds both the idle state and the goal's next turn, or neither.
 */
import type { CommandOf } from "@millrace/contracts/Command"
import type { CommandRejected } from "@millrace/contracts/Errors"
import type { GoalId, ThreadId } from "@millrace/contracts/Ids"
import type { Goal as View } from "@millrace/contracts/State"
import { Either } from "effect"
import { defaults } from "../state/Continuation.ts"
import { reject, threadFor } from "./CommandOutcome.ts"
import type { Draft } from "./Draft.ts"
import type { Fact } from "./Fact.ts"
import * as Goal from "../state/Goal.ts"
import { activeTurn, type ThreadState } from "../state/ThreadState.ts"

const halt = (
  draft: Draft,
  threadId: ThreadId,
  status: "paused" | "met" | "exhausted" | "cleared",
  reason: string | undefined
): void => {
  const goal = draft.thread(threadId)?.goal
  if (goal !== undefined)
    draft.emit(threadId, `goal.${status}`, { threadId, ...Goal.halted(goal, status, reason, draft.context.at) })
}

/** Pauses the goal: it begins no further turn until it is resumed. Does nothing if it is not active. */
export const pause = (draft: Draft, threadId: ThreadId, reason: string): void => halt(draft, threadId, "paused", reason)

/** Ends the goal. Does nothing if it has ended. */
export const clear = (draft: Draft, threadId: ThreadId, reason: string): void => halt(draft, threadId, "cleared", reason)

/** A person sent a message: pauses a goal with `pauseOnUserMessage`. */
export const userMessageSent = (draft: Draft, threadId: ThreadId, actor: string): void => {
  if (draft.thread(threadId)?.goal?.pauseOnUserMessage === true) pause(draft, threadId, `${actor} sent a message`)
}

/** A person or a silence limit interrupted this turn: pauses its goal, which would otherwise begin the next turn at once. */
export const interrupted = (draft: Draft, state: ThreadState, turnId: string, reason: string): void => {
  const turn = state.turns[turnId] ?? state.queue.find((one) => one.turnId === turnId)
  if (Goal.owns(state.goal, turn)) pause(draft, state.threadId, reason)
}

/** Applies the end of the goal's last turn: the goal is met, paused or unchanged. */
const settle = (draft: Draft, { goal, continuation, queue, threadId }: ThreadState): void => {
  const last = goal?.last
  if (!Goal.isArmed(goal) || last === undefined) return
  if (last.claim?.says === "complete") return halt(draft, threadId, "met", "the agent reported that it is complete")
  if (last.claim?.says === "blocked") return pause(draft, threadId, `the agent is blocked: ${last.claim.why}`)
  // The work of a failed or interrupted turn may be continued in a separate turn.
  if (continuation?.turnId === last.turnId || queue.some(({ continues }) => continues?.turnId === last.turnId)) return
  if (last.outcome === "failed") return pause(draft, threadId, `its turn failed: ${last.reason ?? "no reason was given"}`)
  const { maxRestarts } = draft.context.policy ?? defaults
  if (goal.cuts > maxRestarts) pause(draft, threadId, `its last ${goal.cuts} turns were cut off`)
}

/** Whether nothing of the thread is open or queued, so that a goal may begin a turn. */
const isIdle = (state: ThreadState): boolean =>
  Object.keys(state.turns).length === 0 &&
  Object.keys(state.requests).length === 0 &&
  state.queue.length === 0 &&
  state.continuation === undefined &&
  state.stopping === undefined &&
  !state.archived

/** Enqueues the goal's next turn in an idle thread, ends the goal when its budget is used up, or waits when its turns are too fast. */
export const advance = (draft: Draft, threadId: ThreadId): void => {
  const before = draft.thread(threadId)
  if (before?.goal === undefined) return
  settle(draft, before)
  const state = draft.thread(threadId)
  const { at, paused, goalPace = Goal.defaultPace } = draft.context
  if (state === undefined || !Goal.isActive(state.goal) || paused || !isIdle(state)) return
  const { goal } = state
  const spent = Goal.spent(goal, at)
  if (spent !== undefined) return halt(draft, threadId, "exhausted", spent)
  const next = goal.turnAt === undefined ? 0 : Date.parse(goal.turnAt) + goalPace
  if (next > Date.parse(at)) {
    const nextAt = new Date(next).toISOString()
    if (goal.nextAt !== nextAt) draft.emit(threadId, "goal.waiting", { threadId, ...Goal.view(goal), nextAt })
    return
  }
  draft.emit(threadId, "turn.requested", {
    threadId,
    turnId: Goal.nextTurnId(goal),
    text: Goal.textOf(goal, at),
    strategy: "enqueue",
    position: "back",
    goal: { goalId: goal.goalId, used: Goal.counted(goal) }
  })
}

/** A goal is due: its budget of minutes is used up, or the wait before its next turn has ended. `true`: the fact applied; the caller then calls `startNext`. */
export const due = (draft: Draft, state: ThreadState, fact: Extract<Fact, { _tag: "GoalDue" }>): boolean => {
  const { goal, threadId } = state
  const { at, paused } = draft.context
  if (!Goal.isActive(goal) || goal.goalId !== fact.goalId || paused) return false
  if (goal.until !== undefined && goal.until <= at) {
    const reason = `its budget of ${goal.budget.minutes} minutes is used`
    halt(draft, threadId, "exhausted", reason)
    const turn = activeTurn(state)
    if (Goal.owns(goal, turn) && turn !== undefined && !turn.interruptRequested)
      draft.emit(threadId, "turn.interrupt.requested", { threadId, turnId: turn.turnId, reason: `the goal has ended: ${reason}` })
    return true
  }
  return goal.nextAt !== undefined && goal.nextAt <= at
}

const goalOf = (
  draft: Draft,
  threadId: ThreadId
): Either.Either<{ readonly state: ThreadState; readonly goal: Goal.GoalState }, CommandRejected> =>
  Either.flatMap(threadFor(draft, threadId), (state) =>
    state.goal === undefined
      ? reject("GoalNotFound", "This thread has no goal. Set one with goal.set.", threadId)
      : Either.right({ state, goal: state.goal })
  )

const rejectEnded = (goal: Goal.GoalState) =>
  reject("GoalOver", `This goal has ended: ${goal.status}. Set another one.`, goal.goalId)

const rejectArchived = (threadId: ThreadId) => reject("ThreadArchived", "This thread is archived. Unarchive it first.", threadId)

export const goalSet = (draft: Draft, command: CommandOf<"goal.set">): Either.Either<GoalId, CommandRejected> =>
  Either.flatMap(threadFor(draft, command.threadId), (state) => {
    const { budget = {}, objective, pauseOnUserMessage = false, threadId } = command
    if (state.archived) return rejectArchived(threadId)
    clear(draft, threadId, "replaced by another goal")
    const goal: View = {
      goalId: `goal_${draft.context.seed}` as GoalId,
      objective,
      status: "active",
      budget: { turns: Goal.defaultTurns, ...budget },
      used: { turns: 0, tokens: 0, millis: 0 },
      pauseOnUserMessage
    }
    draft.emit(threadId, "goal.set", { threadId, ...Goal.activated(goal, draft.context.at) })
    return Either.right(goal.goalId)
  })

export const goalPause = (draft: Draft, { threadId }: CommandOf<"goal.pause">, actor: string) =>
  Either.flatMap(goalOf(draft, threadId), ({ goal }) => {
    if (!Goal.isArmed(goal)) return rejectEnded(goal)
    pause(draft, threadId, `paused by ${actor}`)
    return Either.right(goal.goalId)
  })

export const goalResume = (draft: Draft, { threadId }: CommandOf<"goal.resume">) =>
  Either.flatMap(goalOf(draft, threadId), ({ goal, state }) => {
    if (state.archived) return rejectArchived(threadId)
    if (!Goal.isArmed(goal)) return rejectEnded(goal)
    if (goal.status === "paused")
      draft.emit(threadId, "goal.resumed", { threadId, ...Goal.activated(Goal.view(goal), draft.context.at) })
    return Either.right(goal.goalId)
  })

export const goalClear = (draft: Draft, { threadId }: CommandOf<"goal.clear">, actor: string) =>
  Either.map(goalOf(draft, threadId), ({ goal }) => {
    clear(draft, threadId, `cleared by ${actor}`)
    return goal.goalId
  })
