/** The legal transitions of turns, sessions, items and requests (T1). After a terminal event no further transition is legal, so the first terminal event wins. */
import { type EventType, isTerminal } from "@millrace/contracts/Event"
import type { DomainEvent } from "@millrace/contracts/Event"
import type { GoalStatus, SessionStatus } from "@millrace/contracts/State"
import { type GoalEvent, isGoalEvent } from "@millrace/model/Goal"
import { epochOf, maxBackground, type ThreadState } from "./ThreadState.ts"
import * as RecentIds from "./RecentIds.ts"

type Stage = "none" | "queued" | "dispatched" | "started"

/** Legal turn events in each stage. `none` = unknown or ended. */
const turnTable: Record<Stage, ReadonlySet<EventType>> = {
  none: new Set<EventType>(["turn.requested", "turn.started"]),
  queued: new Set<EventType>(["turn.edited", "turn.dispatched", "turn.interrupted", "turn.failed"]),
  dispatched: new Set<EventType>([
    "turn.requeued",
    "turn.started",
    "turn.updated",
    "turn.steered",
    "turn.interrupt.requested",
    "turn.completed",
    "turn.interrupted",
    "turn.failed"
  ]),
  started: new Set<EventType>([
    "turn.updated",
    "turn.steered",
    "turn.interrupt.requested",
    "turn.completed",
    "turn.interrupted",
    "turn.failed"
  ])
}

/** Legal next statuses of a session, within one epoch. */
const sessionTable: Record<SessionStatus, ReadonlySet<SessionStatus>> = {
  starting: new Set<SessionStatus>(["starting", "ready", "running", "interrupted", "stopped", "error"]),
  ready: new Set<SessionStatus>(["ready", "running", "interrupted", "stopped", "error"]),
  running: new Set<SessionStatus>(["running", "ready", "interrupted", "stopped", "error"]),
  interrupted: new Set<SessionStatus>(["ready", "running", "stopped", "error"]),
  stopped: new Set<SessionStatus>(),
  error: new Set<SessionStatus>()
}

/** Legal goal events in each status. After a goal has ended, only a `goal.set` of another goal is legal. */
const goalTable: Record<GoalStatus | "none", ReadonlySet<EventType>> = {
  none: new Set<EventType>(["goal.set"]),
  active: new Set<EventType>(["goal.paused", "goal.waiting", "goal.met", "goal.exhausted", "goal.cleared"]),
  // The goal's last turn may still run and claim that the goal is met.
  paused: new Set<EventType>(["goal.resumed", "goal.met", "goal.cleared"]),
  met: new Set<EventType>(["goal.set"]),
  exhausted: new Set<EventType>(["goal.set"]),
  cleared: new Set<EventType>(["goal.set"])
}
/** The status after each event. */
const goalStatus = {
  "goal.set": "active",
  "goal.paused": "paused",
  "goal.resumed": "active",
  "goal.waiting": "active",
  "goal.met": "met",
  "goal.exhausted": "exhausted",
  "goal.cleared": "cleared"
} as const satisfies Record<GoalEvent["type"], GoalStatus>

const goalLegal = ({ goal }: ThreadState, { type, data }: GoalEvent): boolean =>
  goalTable[goal?.status ?? "none"].has(type) &&
  data.status === goalStatus[type] &&
  (type === "goal.set" ? data.goalId !== goal?.goalId : data.goalId === goal?.goalId)

const stageOf = (state: ThreadState, turnId: string): Stage =>
  state.turns[turnId]?.stage ?? (state.queue.some((turn) => turn.turnId === turnId) ? "queued" : "none")

const sessionLegal = (state: ThreadState, epoch: number, status: SessionStatus): boolean =>
  state.session !== undefined && epoch === state.session.epoch && sessionTable[state.session.status].has(status)

const isKept = ({ kept }: ThreadState, id: string): boolean => kept.some(({ requestId }) => requestId === id)

/** Whether this event is legal in this state. An illegal event is never written. */
export const isLegal = (state: ThreadState | undefined, event: DomainEvent): boolean => {
  if (state === undefined) return event.type === "thread.created"
  if (state.deleted) return false
  if (isGoalEvent(event)) return goalLegal(state, event)
  switch (event.type) {
    case "thread.created":
      return false
    case "thread.archived":
      return !state.archived
    case "thread.unarchived":
      return state.archived
    case "session.started":
      return event.data.epoch === epochOf(state) + 1 && event.data.status === "starting"
    case "session.state.changed":
    case "session.stopped":
      return sessionLegal(state, event.data.epoch, event.data.status)
    case "session.stop.requested":
      return sessionLegal(state, event.data.epoch, "stopped") && state.stopping === undefined
    case "queue.reordered": {
      const { turnIds } = event.data
      const named = new Set<string>(turnIds)
      return (
        named.size === turnIds.length && named.size === state.queue.length && state.queue.every((turn) => named.has(turn.turnId))
      )
    }
    case "thread.handed-over":
      return (
        event.data.from === state.provider &&
        event.data.provider !== state.provider &&
        state.session?.activeTurnId === undefined &&
        Object.keys(state.turns).length === 0
      )
    case "continuation.planned":
      return state.continuation === undefined
    case "continuation.cancelled":
      return state.continuation?.turnId === event.data.turnId
    case "session.kept":
      return sessionLegal(state, event.data.epoch, "stopped")
    case "background.started":
      return (
        sessionLegal(state, event.data.epoch, "stopped") &&
        state.background.length < maxBackground &&
        !state.background.includes(event.data.taskId)
      )
    case "background.ended":
      return event.data.epoch === epochOf(state) && state.background.includes(event.data.taskId)
    case "item.started":
      return state.items[event.data.itemId] === undefined && state.turns[event.data.turnId] !== undefined
    // An imported piece never replaces an open turn, item or request.
    case "turn.imported":
      return stageOf(state, event.data.turnId) === "none" && !RecentIds.has(state.endedTurns, event.data.turnId)
    case "item.imported":
      return state.items[event.data.itemId] === undefined
    case "request.imported":
      return state.requests[event.data.requestId] === undefined
    case "item.delta":
    case "item.completed":
      return state.items[event.data.itemId] !== undefined
    case "request.opened":
      return (
        state.requests[event.data.requestId] === undefined &&
        (state.turns[event.data.turnId] !== undefined || state.continuation?.requestId === event.data.requestId)
      )
    case "request.held":
      return state.requests[event.data.requestId] !== undefined || isKept(state, event.data.requestId)
    case "request.repeated": {
      const { answer, requestId, turnId } = event.data
      const isHeld = answer === undefined ? state.requests[requestId]?.held === true : isKept(state, requestId)
      return isHeld && state.turns[turnId] !== undefined
    }
    case "request.answer.unused":
      return isKept(state, event.data.requestId)
    case "request.answered":
    case "request.expired":
    case "request.cancelled":
      return state.requests[event.data.requestId] !== undefined
    default:
      if (event.type.startsWith("turn.") && "turnId" in event.data && event.data.turnId !== undefined)
        return turnTable[stageOf(state, event.data.turnId)].has(event.type) && !RecentIds.has(state.endedTurns, event.data.turnId)
      return !isTerminal(event.type)
  }
}
