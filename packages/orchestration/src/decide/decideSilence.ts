/**
 * decide for silence: interrupts silent turns (T8) and stops unused sessions (R1, R5). Pure. It decides on the engine's current state, so a new turn
 * cannot race it (R4).
 */
import { Duration } from "effect"
import * as Goals from "./decideGoal.ts"
import type { Draft } from "./Draft.ts"
import type { Silent } from "./Fact.ts"
import * as Goal from "../state/Goal.ts"
import { activeTurn, hasLiveSession, isWaiting, type OpenTurn, type ThreadState } from "../state/ThreadState.ts"

/** Kinds of items during which the agent waits for a tool, not for its model. */
const tools: ReadonlySet<string> = new Set(["command", "tool-call", "file-change", "web-search", "image"])

/** The kinds of events that an open turn can wait for. Each has its own limit in `SilenceLimits`. */
type Clock = "model" | "tool" | "waiting"

const clockOf = (state: ThreadState, { turnId }: OpenTurn): Clock => {
  if (isWaiting(state, turnId)) return "waiting"
  for (const id in state.items) {
    const item = state.items[id]
    if (item?.turnId === turnId && tools.has(item.kind)) return "tool"
  }
  return "model"
}

const reasons: Record<Clock, (limit: string) => string> = {
  model: (limit) => `the model produced no output for ${limit}`,
  tool: (limit) => `a tool ran for ${limit} without output`,
  waiting: (limit) => `no answer for ${limit}`
}

const formatted = (millis: number): string => Duration.format(Duration.millis(millis))
const isOver = (millis: number, limit: number): boolean => limit > 0 && millis >= limit

/** Writes `session.kept` once per silence, however often the silence is reported. */
const kept = (draft: Draft, state: ThreadState, epoch: number, reason: string): false => {
  if (state.keptAt !== state.activity) draft.emit(state.threadId, "session.kept", { threadId: state.threadId, epoch, reason })
  return false
}

const turnSilent = (draft: Draft, state: ThreadState, turn: OpenTurn, fact: Silent): boolean => {
  const { threadId } = state
  const { turnId } = turn
  const clock = clockOf(state, turn)
  const limit = fact.limits[clock]
  if (turn.interruptRequested || fact.crowded) return false
  const silent = clock === "tool" ? fact.toolMillis : fact.turnMillis
  if (isOver(silent, limit)) {
    const reason = reasons[clock](formatted(limit))
    Goals.interrupted(draft, state, turnId, reason)
    return draft.emit(threadId, "turn.interrupt.requested", { threadId, turnId, reason })
  }
  const unanswered = clock === "waiting" && isOver(fact.millis, fact.limits.idle)
  return unanswered && kept(draft, state, fact.epoch, "it waits for a person's answer")
}

/** Returns whether it requested an interrupt or a stop. */
export const decideSilence = (draft: Draft, state: ThreadState, fact: Silent): boolean => {
  const { threadId, epoch, limits, millis } = fact
  if (state.activity !== fact.activity || !hasLiveSession(state) || state.stopping !== undefined) return false
  const turn = activeTurn(state)
  if (turn !== undefined) return turnSilent(draft, state, turn, fact)
  if (Object.keys(state.turns).length > 0 || state.queue.length > 0 || state.session?.status === "starting") return false
  const hasBackgroundWork = state.background.length > 0
  const hasActiveGoal = Goal.isActive(state.goal)
  if (fact.crowded)
    return (
      !hasBackgroundWork &&
      !hasActiveGoal &&
      limits.idle > 0 &&
      draft.emit(threadId, "session.stop.requested", {
        threadId,
        epoch,
        reason: `idle, and ${fact.crowdedBy ?? "too many sessions are open"}`
      })
    )
  if (!isOver(millis, limits.idle)) return false
  if (hasBackgroundWork && !isOver(millis, limits.background)) return kept(draft, state, epoch, "background work is running")
  // An active goal keeps its idle session for at most the same time; later its next turn starts a new session.
  if (hasActiveGoal && !isOver(millis, limits.background)) return kept(draft, state, epoch, "its goal is active")
  const reason = hasBackgroundWork
    ? `its background work was given up: no event for ${formatted(limits.background)}`
    : `idle for ${formatted(limits.idle)}`
  return draft.emit(threadId, "session.stop.requested", { threadId, epoch, reason })
}
