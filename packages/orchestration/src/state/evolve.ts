/** evolve(state, event): pure and total. An event that does not apply leaves the state unchanged. */
import { cut } from "@millrace/contracts/Text"
import type { DomainEvent } from "@millrace/contracts/Event"
import * as Goal from "./Goal.ts"
import * as RecentIds from "./RecentIds.ts"
import { type Assignment, assignmentOf, created, maxText, type OpenTurn, originOf, type ThreadState } from "./ThreadState.ts"
import type { SessionState } from "@millrace/contracts/State"

const without = <A>(record: Readonly<Record<string, A>>, key: string): Readonly<Record<string, A>> => {
  if (record[key] === undefined) return record
  const { [key]: _, ...rest } = record
  return rest
}

const withTurn = (state: ThreadState, turnId: string, change: (turn: OpenTurn) => OpenTurn): ThreadState => {
  const turn = state.turns[turnId]
  return turn === undefined ? state : { ...state, turns: { ...state.turns, [turnId]: change(turn) } }
}

const closing = (state: ThreadState, turnId: string, id: string): ThreadState =>
  withTurn(state, turnId, (turn) => ({ ...turn, closed: RecentIds.add(turn.closed, id) }))

/** Records the agent's claim about the goal of this turn; its last message counts. */
const claimed = (
  state: ThreadState,
  { kind, text, turnId }: Extract<DomainEvent, { type: "item.completed" }>["data"]
): ThreadState =>
  kind === "agent-message" && state.turns[turnId]?.goalId !== undefined
    ? withTurn(state, turnId, (turn) => ({ ...turn, claim: Goal.claimOf(text ?? "") }))
    : state

/** The only constructor of a session state: an active turn exists only with `starting` or `running` (T3). */
const sessionOf = (data: SessionState): SessionState => {
  const rest = {
    ...(data.reason === undefined ? {} : { reason: data.reason }),
    ...(data.continuity === undefined ? {} : { continuity: data.continuity }),
    ...(data.lost === undefined ? {} : { lost: data.lost })
  }
  return data.status === "starting" || data.status === "running"
    ? {
        epoch: data.epoch,
        status: data.status,
        ...(data.activeTurnId === undefined ? {} : { activeTurnId: data.activeTurnId }),
        ...rest
      }
    : { epoch: data.epoch, status: data.status, ...rest }
}

type Terminal = Extract<DomainEvent, { type: "turn.completed" | "turn.interrupted" | "turn.failed" }>

/** The goal after the end of a turn; unchanged if the turn is not the goal's. */
const goalAfter = ({ goal, turns }: ThreadState, event: Terminal): ThreadState["goal"] => {
  const { data, type } = event
  const turn = turns[data.turnId]
  if (turn === undefined || !Goal.owns(goal, turn)) return goal
  const outcome = type === "turn.completed" ? "completed" : type === "turn.failed" ? "failed" : "interrupted"
  const claim = outcome === "completed" ? turn.claim : undefined
  const reason = data.reason ?? (event.type === "turn.failed" ? event.data.error.message : undefined)
  const last = {
    turnId: data.turnId,
    outcome,
    ...(claim === undefined ? {} : { claim }),
    ...(reason === undefined ? {} : { reason })
  } as const
  return Goal.ended(goal, last, data.usage ?? turn.usage, turn.interruptRequested)
}

const ended = (before: ThreadState, event: Terminal): ThreadState => {
  const { turnId } = event.data
  const failed = event.type === "turn.failed"
  const goal = goalAfter(before, event)
  const state = goal === before.goal ? before : { ...before, goal }
  const session = state.session
  const queue = state.queue.some((turn) => turn.turnId === turnId)
    ? state.queue.filter((turn) => turn.turnId !== turnId)
    : state.queue
  const next = {
    ...state,
    queue,
    turns: without(state.turns, turnId),
    over: state.turns[turnId] === undefined ? state.over : RecentIds.add(state.over, turnId)
  }
  if (session?.activeTurnId !== turnId) return next
  const { activeTurnId: _, ...rest } = session
  return { ...next, failed, session: rest }
}

const newTurn = (turnId: OpenTurn["turnId"], epoch: number, assignment: Assignment): OpenTurn => ({
  ...assignment,
  turnId,
  epoch,
  origin: originOf(assignment),
  claim: undefined,
  stage: "dispatched",
  interruptRequested: false,
  interruptReason: undefined,
  startedAt: undefined,
  usage: undefined,
  plan: undefined,
  diff: undefined,
  closed: RecentIds.empty
})

/** The hot path: constant work, whatever the size of the state. */
export const appendDelta = (state: ThreadState, itemId: string, text: string): ThreadState => {
  const item = state.items[itemId]
  if (item === undefined) return state
  // After the first cut nothing more is added: later text that fits would take the place of the text that was cut.
  const kept = item.cut > 0 ? "" : cut(text, maxText - item.text.length)
  const next = { ...item, text: item.text + kept, cut: item.cut + text.length - kept.length }
  return { ...state, activity: state.activity + 1, items: { ...state.items, [itemId]: next } }
}

const apply = (state: ThreadState, event: DomainEvent, at: string, actor: string | undefined): ThreadState => {
  switch (event.type) {
    case "thread.updated":
      return {
        ...state,
        title: event.data.title ?? state.title,
        model: event.data.model ?? state.model,
        recovery: event.data.recovery ?? state.recovery,
        afterLimit: event.data.afterLimit ?? state.afterLimit,
        labels: event.data.labels ?? state.labels,
        metadata: event.data.metadata ?? state.metadata
      }
    case "continuation.planned": {
      const { threadId: _t, ...plan } = event.data
      return { ...state, continuation: plan }
    }
    case "continuation.cancelled":
      return { ...state, continuation: undefined }
    case "thread.handed-over": {
      const { from, model, provider } = event.data
      const back = state.parked?.provider === provider ? state.parked : undefined
      const leaves = {
        provider: from,
        ...(state.model === undefined ? {} : { model: state.model }),
        ...(state.resumeKey === undefined ? {} : { resumeKey: state.resumeKey }),
        ...(state.handedFrom === undefined ? {} : { handedFrom: state.handedFrom })
      }
      return {
        ...state,
        provider,
        model: model ?? back?.model,
        resumeKey: back?.resumeKey,
        handedFrom: back === undefined ? (state.session === undefined ? undefined : from) : back.handedFrom,
        parked: back === undefined ? (state.parked ?? leaves) : undefined
      }
    }
    case "goal.set": {
      const { threadId: _t, ...goal } = event.data
      return { ...state, goal: { ...goal, cuts: 0 } }
    }
    case "goal.resumed": {
      const { threadId: _t, ...goal } = event.data
      return { ...state, goal: { ...goal, cuts: 0 } }
    }
    case "goal.paused":
    case "goal.waiting":
    case "goal.met":
    case "goal.exhausted":
    case "goal.cleared": {
      if (state.goal === undefined) return state
      const { threadId: _t, ...goal } = event.data
      const { cuts, last, turnAt } = state.goal
      return {
        ...state,
        goal: { ...goal, cuts, ...(last === undefined ? {} : { last }), ...(turnAt === undefined ? {} : { turnAt }) }
      }
    }
    case "thread.archived":
      return { ...state, archived: true }
    case "thread.unarchived":
      return { ...state, archived: false }
    case "thread.deleted":
      return { ...state, deleted: true }
    case "session.started":
      return {
        ...state,
        session: sessionOf(event.data),
        stopRequested: undefined,
        capabilities: [],
        background: [],
        over: RecentIds.empty,
        keptAt: undefined
      }
    case "session.state.changed":
      return {
        ...state,
        session: sessionOf({
          ...event.data,
          continuity: event.data.continuity ?? state.session?.continuity,
          lost: event.data.lost ?? state.session?.lost
        } as SessionState),
        capabilities: event.data.capabilities ?? state.capabilities,
        resumeKey: event.data.resumeKey ?? state.resumeKey
      }
    case "session.stop.requested":
      return { ...state, stopRequested: { reason: event.data.reason, error: event.data.error } }
    case "session.stopped":
      return { ...state, session: sessionOf(event.data), background: [], stopRequested: undefined }
    case "session.kept":
      return { ...state, keptAt: state.activity }
    case "background.started":
      return { ...state, background: [...state.background, event.data.taskId] }
    case "background.ended":
      return { ...state, background: state.background.filter((id) => id !== event.data.taskId) }
    case "turn.requested": {
      const { continues, goal: towards, turnId } = event.data
      const turn = { ...assignmentOf({ ...event.data, goalId: towards?.goalId, requestedAt: at }), turnId, shown: false }
      const goal =
        towards !== undefined && state.goal?.goalId === towards.goalId ? Goal.turned(state.goal, towards.used, at) : state.goal
      const continuation = continues === undefined ? state.continuation : undefined
      const front = event.data.strategy === "interrupt" || event.data.strategy === "steer"
      const requestedBy = actor ?? state.requestedBy
      return {
        ...state,
        continuation,
        goal,
        requestedBy,
        failed: false,
        queue: front ? [turn, ...state.queue] : [...state.queue, turn]
      }
    }
    case "turn.edited": {
      const { turnId, text } = event.data
      return { ...state, queue: state.queue.map((turn) => (turn.turnId === turnId ? { ...turn, text } : turn)) }
    }
    case "queue.reordered": {
      const place = new Map(event.data.turnIds.map((turnId, n) => [turnId, n]))
      const of = (turn: ThreadState["queue"][number]) => place.get(turn.turnId) ?? state.queue.length
      return { ...state, queue: state.queue.toSorted((a, b) => of(a) - of(b)) }
    }
    case "turn.dispatched": {
      const queued = state.queue.find((turn) => turn.turnId === event.data.turnId)
      const assignment = assignmentOf(queued ?? { text: "", requestedAt: at })
      const turn = newTurn(event.data.turnId, state.session?.epoch ?? 0, assignment)
      return {
        ...state,
        queue: state.queue.filter((turn) => turn.turnId !== event.data.turnId),
        turns: { ...state.turns, [turn.turnId]: turn }
      }
    }
    case "turn.requeued": {
      const { turnId } = event.data
      const turn = state.turns[turnId]
      if (turn === undefined) return state
      const { activeTurnId: _, ...rest } = state.session ?? {}
      const queued = { ...assignmentOf(turn), turnId, shown: true }
      return {
        ...state,
        turns: without(state.turns, turnId),
        queue: [queued, ...state.queue],
        session: state.session?.activeTurnId === turnId ? (rest as SessionState) : state.session
      }
    }
    case "turn.started": {
      const assignment = assignmentOf({ text: "", requestedAt: at })
      const turn = state.turns[event.data.turnId] ?? newTurn(event.data.turnId, state.session?.epoch ?? 0, assignment)
      // An action turn has no prompt, so the transcript of the hand-over is not delivered with it.
      const delivered = state.session?.continuity === "handed-off" && turn.stage === "dispatched" && turn.action === undefined
      const started = { ...turn, origin: event.data.origin, stage: "started" as const, startedAt: at }
      return {
        ...state,
        turns: { ...state.turns, [turn.turnId]: started },
        ...(delivered ? { handedFrom: undefined, parked: undefined } : {})
      }
    }
    case "turn.updated":
      return withTurn(state, event.data.turnId, (turn) => ({
        ...turn,
        usage: event.data.usage ?? turn.usage,
        plan: event.data.plan ?? turn.plan,
        diff: event.data.diff ?? turn.diff
      }))
    case "turn.interrupt.requested":
      return withTurn(state, event.data.turnId, (turn) => ({
        ...turn,
        interruptRequested: true,
        interruptReason: event.data.reason
      }))
    case "turn.completed":
    case "turn.interrupted":
    case "turn.failed":
      return ended(state, event)
    case "item.started": {
      const { threadId: _t, turnId, itemId, kind, ...content } = event.data
      return { ...state, items: { ...state.items, [itemId]: { itemId, turnId, kind, content, text: "", cut: 0 } } }
    }
    case "item.delta":
      return appendDelta(state, event.data.itemId, event.data.text)
    case "item.completed":
      return closing(
        claimed({ ...state, items: without(state.items, event.data.itemId) }, event.data),
        event.data.turnId,
        event.data.itemId
      )
    case "request.opened": {
      const { threadId: _t, turnId, requestId, reasks, ...ask } = event.data
      return { ...state, requests: { ...state.requests, [requestId]: { requestId, turnId, ask, openedAt: at, reasks } } }
    }
    case "request.answered":
    case "request.expired":
    case "request.cancelled":
      return closing(
        { ...state, requests: without(state.requests, event.data.requestId) },
        event.data.turnId,
        event.data.requestId
      )
    default:
      return state
  }
}

/** Whether the event changes the thread's summary; other events do not write its row. */
export const touchesThread = (type: DomainEvent["type"]): boolean =>
  type !== "item.delta" &&
  type !== "item.amended" &&
  type !== "provider.event" &&
  type !== "turn.updated" &&
  type !== "session.kept" &&
  !type.endsWith(".imported")

/** Whether the event counts as activity: all but `session.kept`, the record that a silent session was kept (R3, R5). */
export const isActivity = (type: string): boolean => type !== "session.kept"

const counted = (state: ThreadState, type: DomainEvent["type"]): ThreadState =>
  !isActivity(type) || type === "item.delta" ? state : { ...state, activity: type === "session.started" ? 1 : state.activity + 1 }

/** Folds one event of a thread's stream. `at` is the event's time, `actor` the sender of the command that caused it. */
export const evolve = (
  state: ThreadState | undefined,
  event: DomainEvent,
  at: string,
  actor?: string
): ThreadState | undefined => {
  if (state === undefined) return event.type === "thread.created" ? created(event.data, at) : undefined
  const next = counted(apply(state, event, at, actor), event.type)
  return touchesThread(event.type) && next.updatedAt !== at ? { ...next, updatedAt: at } : next
}
