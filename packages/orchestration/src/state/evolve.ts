/** Folds the events of a thread into its state. Pure and total: an event that does not apply leaves the state unchanged. */
import { defined } from "@millrace/contracts/Defined"
import type { DataOf, DomainEvent } from "@millrace/contracts/Event"
import { settingsOf } from "@millrace/contracts/Settings"
import type { TurnView } from "@millrace/contracts/State"
import { isGoalEvent } from "@millrace/model/Goal"
import * as Queue from "@millrace/model/Queue"
import * as Request from "@millrace/model/Request"
import * as Thread from "@millrace/model/Thread"
import * as Turn from "@millrace/model/Turn"
import * as Goal from "./Goal.ts"
import * as Held from "./Held.ts"
import * as OpenText from "./OpenText.ts"
import * as RecentIds from "./RecentIds.ts"
import { created, deleted, isWaiting, type OpenTurn, type ThreadState } from "./ThreadState.ts"

const without = <A>(record: Readonly<Record<string, A>>, key: string): Readonly<Record<string, A>> => {
  if (record[key] === undefined) return record
  const { [key]: _, ...rest } = record
  return rest
}

/** The field `turns` with one open turn changed; no field if the turn is not open. */
const withTurn = (state: ThreadState, turnId: string, change: (turn: OpenTurn) => OpenTurn): Partial<ThreadState> => {
  const turn = state.turns[turnId]
  return turn === undefined ? {} : { turns: { ...state.turns, [turnId]: change(turn) } }
}

const withoutKept = ({ kept }: ThreadState, id: string) => kept.filter(({ requestId }) => requestId !== id)

const withClosed = (turn: OpenTurn, id: string): OpenTurn => ({ ...turn, closed: RecentIds.add(turn.closed, id) })

/** Records the agent's claim about the goal of this turn. The claim of a later message replaces it. */
const withClaim = (
  turn: OpenTurn,
  { blobs, kind, parentItemId, text = "" }: DataOf<"item.completed">,
  open: ThreadState["items"][string] | undefined
): OpenTurn => {
  if (kind !== "agent-message" || parentItemId !== undefined || turn.goalId === undefined) return turn
  // The event of a message over 64 KiB has its beginning. The claim is at the end, so only the deltas have it. Without deltas the claim is not seen.
  return { ...turn, claim: Goal.claimOf(blobs?.["text"] === undefined ? text : (open?.text ?? text)) }
}

/** The goal after the end of a turn; unchanged if the turn is not the goal's. */
const goalAfter = ({ goal, turns }: ThreadState, event: Turn.TerminalEvent): ThreadState["goal"] => {
  const { data } = event
  const turn = turns[data.turnId]
  if (turn === undefined || !Goal.owns(goal, turn)) return goal
  const outcome = Turn.outcomeOfEvent(event)
  const claim = outcome === "completed" ? turn.claim : undefined
  const reason = data.reason ?? (event.type === "turn.failed" ? event.data.error.message : undefined)
  const last = {
    turnId: data.turnId,
    outcome,
    ...(claim === undefined ? {} : { claim }),
    ...(reason === undefined ? {} : { reason })
  } as const
  return Goal.turnEnded(goal, last, data.usage ?? turn.usage, turn.interruptRequested)
}

/** The state of a turn that was dispatched to an agent, or that an agent began itself. */
const opened = (turn: TurnView, epoch: number): OpenTurn => ({
  ...Turn.view(turn),
  epoch,
  claim: undefined,
  stage: "dispatched",
  interruptRequested: false,
  interruptReason: undefined,
  closed: RecentIds.empty
})

const queueAfter = (state: ThreadState, event: DomainEvent, entry?: TurnView, shown = false): ThreadState["queue"] =>
  Queue.apply(
    state.queue,
    event,
    ({ turnId }) => turnId,
    () => (entry === undefined ? [] : [{ ...Turn.view(entry), shown }])
  )

/** Adds a delta to an open item. The hot path: constant work, because a thread has at most `maxOpenItems` open items. */
export const appendDelta = (state: ThreadState, itemId: string, text: string): ThreadState => {
  const item = state.items[itemId]
  if (item === undefined) return state
  return { ...state, activity: state.activity + 1, items: { ...state.items, [itemId]: OpenText.append(item, text) } }
}

/** The fields that an event changes, without the fields of `Thread.changes`. */
const details = (
  state: ThreadState,
  event: DomainEvent,
  at: string,
  actor: string | undefined
): Partial<ThreadState> | undefined => {
  if (isGoalEvent(event)) return { goal: Goal.changed(state.goal, event) }
  switch (event.type) {
    case "continuation.planned": {
      const { threadId: _t, ...continuation } = event.data
      return { continuation }
    }
    case "continuation.cancelled":
      // The answer that left the work as it is was kept: remove it.
      return { continuation: undefined, kept: state.kept.filter(({ turnId }) => turnId !== state.continuation?.nextTurnId) }
    case "thread.handed-over": {
      const { effort, from, model, provider } = event.data
      const returning = state.parked?.provider === provider ? state.parked : undefined
      const leaving = {
        provider: from,
        ...defined({ model: state.model, effort: state.effort }),
        ...(state.resumeKey === undefined ? {} : { resumeKey: state.resumeKey }),
        ...(state.handedFrom === undefined ? {} : { handedFrom: state.handedFrom })
      }
      return {
        model: model ?? returning?.model,
        effort,
        resumeKey: returning?.resumeKey,
        handedFrom: returning === undefined ? (state.session === undefined ? undefined : from) : returning.handedFrom,
        parked: returning === undefined ? (state.parked ?? leaving) : undefined
      }
    }
    case "session.started":
      return { stopError: undefined, capabilities: [], given: settingsOf(state), endedTurns: RecentIds.empty, keptAt: undefined }
    case "session.state.changed":
      return {
        capabilities: event.data.capabilities ?? state.capabilities,
        resumeKey: event.data.resumeKey ?? state.resumeKey
      }
    case "session.stop.requested":
      return { stopError: event.data.error }
    case "session.stopped":
      return { stopError: undefined }
    case "session.kept":
      return { keptAt: state.activity }
    case "turn.requested": {
      const { continues, goal } = event.data
      return {
        continuation: continues === undefined ? state.continuation : undefined,
        goal:
          goal !== undefined && state.goal?.goalId === goal.goalId ? Goal.turnRequested(state.goal, goal.used, at) : state.goal,
        requestedBy: actor ?? state.requestedBy,
        queue: queueAfter(state, event, Turn.requested(event.data, at))
      }
    }
    case "turn.edited":
      return { queue: state.queue.map((turn) => (turn.turnId === event.data.turnId ? Turn.apply(turn, event, at) : turn)) }
    case "queue.reordered":
      return { queue: queueAfter(state, event) }
    case "turn.dispatched": {
      const { turnId } = event.data
      const queued = state.queue.find((turn) => turn.turnId === turnId) ?? Turn.unrequested(event.data, at)
      const turn = opened(Turn.apply(queued, event, at), state.session?.epoch ?? 0)
      return { given: settingsOf(state), queue: queueAfter(state, event), turns: { ...state.turns, [turnId]: turn } }
    }
    case "turn.requeued": {
      const turn = state.turns[event.data.turnId]
      if (turn === undefined) return undefined
      return {
        turns: without(state.turns, turn.turnId),
        queue: queueAfter(state, event, Turn.apply(turn, event, at), true)
      }
    }
    case "turn.started": {
      const { turnId } = event.data
      const turn = state.turns[turnId] ?? opened(Turn.unrequested(event.data, at), state.session?.epoch ?? 0)
      // An action turn has no prompt, so the transcript of the hand-over is not delivered with it.
      const delivered = state.session?.continuity === "handed-off" && turn.stage === "dispatched" && turn.action === undefined
      const started = { ...Turn.apply(turn, event, at, isWaiting(state, turnId)), stage: "started" as const }
      return {
        turns: { ...state.turns, [turnId]: started },
        ...(delivered ? { handedFrom: undefined, parked: undefined } : {})
      }
    }
    case "turn.updated":
      return withTurn(state, event.data.turnId, (turn) => Turn.apply(turn, event, at))
    case "turn.interrupt.requested":
      return withTurn(state, event.data.turnId, (turn) => ({
        ...turn,
        interruptRequested: true,
        interruptReason: event.data.reason
      }))
    case "turn.completed":
    case "turn.interrupted":
    case "turn.failed": {
      const { turnId } = event.data
      return {
        goal: goalAfter(state, event),
        queue: queueAfter(state, event),
        turns: without(state.turns, turnId),
        endedTurns: state.turns[turnId] === undefined ? state.endedTurns : RecentIds.add(state.endedTurns, turnId)
      }
    }
    case "item.started": {
      const { threadId: _t, turnId, itemId, kind, ...content } = event.data
      return { items: { ...state.items, [itemId]: { itemId, turnId, kind, content, text: "", omittedBytes: 0 } } }
    }
    case "item.completed":
      return {
        items: without(state.items, event.data.itemId),
        ...withTurn(state, event.data.turnId, (turn) =>
          withClosed(withClaim(turn, event.data, state.items[event.data.itemId]), event.data.itemId)
        )
      }
    case "request.opened": {
      const { requestId, turnId } = event.data
      return {
        requests: { ...state.requests, [requestId]: Request.opened(event.data, at) },
        ...withTurn(state, turnId, (turn) => Turn.apply(turn, event, at, true))
      }
    }
    case "request.held": {
      const { requestId, turnId } = event.data
      const open = state.requests[requestId]
      return open === undefined
        ? { kept: state.kept.map((one) => (one.requestId === requestId ? { ...one, turnId } : one)) }
        : { requests: { ...state.requests, [requestId]: Request.changed(open, event) } }
    }
    case "request.repeated": {
      const { answer, repeatedAs, requestId, turnId } = event.data
      const open = state.requests[requestId]
      return answer === undefined && open !== undefined
        ? {
            requests: { ...state.requests, [requestId]: Request.changed(open, event) },
            ...withTurn(state, turnId, (turn) => Turn.apply(turn, event, at, true))
          }
        : {
            kept: withoutKept(state, requestId),
            ...withTurn(state, turnId, (turn) => withClosed(withClosed(turn, requestId), repeatedAs))
          }
    }
    case "request.answer.unused":
      return { kept: withoutKept(state, event.data.requestId) }
    case "request.answered":
    case "request.expired":
    case "request.cancelled": {
      const { requestId, turnId } = event.data
      const open = state.requests[requestId]
      const requests = without(state.requests, requestId)
      const waits = isWaiting({ requests }, turnId)
      const settlement = Request.settlement(event)
      return {
        requests,
        ...(open?.held === true && settlement?.answer !== undefined
          ? { kept: [...state.kept, Held.keptAnswer(open, settlement.answer)] }
          : {}),
        ...withTurn(state, turnId, (turn) => {
          const closed = withClosed(Turn.apply(turn, event, at, waits), requestId)
          return open?.repeatedAs === undefined ? closed : withClosed(closed, open.repeatedAs)
        })
      }
    }
    default:
      return undefined
  }
}

/**
 * Whether the event counts as activity of the session. All do, except `session.kept`, which records that a silent session was kept (R3, R5), and those of
 * checkpoints, rewinds and commits, which are not acts of the agent.
 */
export const isActivity = (type: string): boolean =>
  type !== "session.kept" && !type.startsWith("checkpoint.") && type !== "thread.rewound" && !type.startsWith("workspace.")

/** Folds one event of a thread's stream. `at` is the event's time, `actor` the sender of the command that caused it. */
export const evolve = (
  state: ThreadState | undefined,
  event: DomainEvent,
  at: string,
  actor?: string
): ThreadState | undefined => {
  if (event.type === "thread.deleted") return deleted(event.data.threadId, at)
  if (state === undefined) return event.type === "thread.created" ? created(event.data, at) : undefined
  if (event.type === "item.delta") return appendDelta(state, event.data.itemId, event.data.text)
  // Object.assign copies a few fields faster than further spreads.
  return Object.assign({ ...state }, Thread.changes(state, event), details(state, event, at, actor), {
    activity: event.type === "session.started" ? 1 : state.activity + (isActivity(event.type) ? 1 : 0),
    updatedAt: Thread.isSummarised(event.type) ? at : state.updatedAt
  })
}
