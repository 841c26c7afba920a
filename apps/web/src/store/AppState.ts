/**
 * The state that all views share, folded from the log: projects, threads with their status, requests. It starts as a snapshot of the server and folds
 * the events after it. The fold from any offset equals the snapshot at the head. Plain, cloneable, immutable.
 */
import type { DataOf, DomainEvent, LogEvent } from "@millrace/contracts/Event"
import type { ProjectId, RequestId, ThreadId } from "@millrace/contracts/Ids"
import type { Answer, RequestView } from "@millrace/contracts/Item"
import { given } from "@millrace/contracts/Labels"
import type { ProjectView, SessionState, Snapshot, ThreadStatus, ThreadView } from "@millrace/contracts/State"

/** A settled request and its outcome, which is still shown; the first answer wins (T13). */
export interface Settled {
  readonly request: RequestView
  readonly by?: string
  readonly answer?: Answer
  readonly reason?: string
}

/** The server's view of a thread, and whether its last turn failed, which the status may not show. */
export interface Thread extends ThreadView {
  readonly failed: boolean
}

export interface AppState {
  /** Version of this type; a saved value of another version is ignored. */
  readonly shape: 1
  readonly logEpoch: string
  readonly offset: number
  /** Whether the server has more threads than these. */
  readonly more: boolean
  readonly projects: Readonly<Record<ProjectId, ProjectView>>
  /** The threads that are not archived. */
  readonly threads: Readonly<Record<ThreadId, Thread>>
  readonly requests: Readonly<Record<RequestId, RequestView>>
  /** The last 50 settled requests, oldest first. */
  readonly settled: ReadonlyArray<Settled>
}

const maxSettled = 50

export const isWorld = (value: unknown): value is AppState =>
  typeof value === "object" && value !== null && "shape" in value && value.shape === 1

const by = <K extends string, A>(all: ReadonlyArray<A>, key: (one: A) => K): Record<K, A> =>
  Object.fromEntries(all.map((one) => [key(one), one])) as Record<K, A>

export const fromSnapshot = (state: Snapshot): AppState => ({
  shape: 1,
  logEpoch: state.logEpoch,
  offset: state.offset,
  more: state.more,
  projects: by(state.projects, ({ projectId }) => projectId),
  threads: by(
    state.threads.map((thread) => ({ ...thread, failed: thread.status === "failed" })),
    ({ threadId }) => threadId
  ),
  requests: by(state.requests, ({ requestId }) => requestId),
  settled: []
})

/** The status of a thread by the server's rule: needs-you, running, queued, failed, idle, the first that applies. */
const statusOf = (thread: Thread): ThreadStatus => {
  if (thread.openRequestIds.length > 0) return "needs-you"
  if (thread.activeTurnId !== undefined) return "running"
  const comes = thread.queuedTurnIds.length > 0 || thread.continuation !== undefined || thread.goal?.status === "active"
  if (comes) return "queued"
  return thread.failed ? "failed" : "idle"
}

const without = <K extends string, A>(record: Readonly<Record<K, A>>, key: K): Readonly<Record<K, A>> => {
  if (record[key] === undefined) return record
  const { [key]: _, ...rest } = record
  return rest as Record<K, A>
}
const minus = <A>(list: ReadonlyArray<A>, one: A): ReadonlyArray<A> =>
  list.includes(one) ? list.filter((each) => each !== one) : list
const plus = <A>(list: ReadonlyArray<A>, one: A): ReadonlyArray<A> => (list.includes(one) ? list : [...list, one])

/** Sets the session of an event. The thread's active turn is that of the session (T3). */
const withSession = (thread: Thread, data: SessionState, continuity: SessionState["continuity"]): Thread => {
  const session = {
    epoch: data.epoch,
    status: data.status,
    ...(data.activeTurnId !== undefined && { activeTurnId: data.activeTurnId }),
    ...(data.reason !== undefined && { reason: data.reason }),
    ...(continuity !== undefined && { continuity }),
    ...(data.lost !== undefined && { lost: data.lost })
  } as SessionState
  const { activeTurnId: _, ...rest } = thread
  return { ...rest, session, ...(session.activeTurnId !== undefined && { activeTurnId: session.activeTurnId }) }
}

const withoutActive = (thread: Thread, turnId: string): Thread => {
  if (thread.session?.activeTurnId !== turnId) return thread
  const { activeTurnId: _, ...rest } = thread
  const { activeTurnId: _session, ...session } = thread.session
  return { ...rest, session: session as SessionState }
}

/** Counts a goal's turn when it starts and its tokens when it ends; the tokens of a continuation are counted with the goal's next event. */
const withGoalTurn = (thread: Thread, towards: DataOf<"turn.requested">["goal"]): Thread => {
  const { goal } = thread
  if (goal === undefined || goal.goalId !== towards?.goalId) return thread
  const { nextAt: _, ...rest } = goal
  return { ...thread, goal: { ...rest, used: towards.used } }
}
const withGoalTokens = (thread: Thread, { turnId, usage }: DataOf<"turn.completed">): Thread => {
  const { goal } = thread
  if (goal === undefined || usage === undefined || !turnId.startsWith(`trn_${goal.goalId.slice("goal_".length)}_g`)) return thread
  const tokens = goal.used.tokens + (usage.totalTokens ?? (usage.inputTokens ?? 0) + (usage.outputTokens ?? 0))
  return { ...thread, goal: { ...goal, used: { ...goal.used, tokens } } }
}

const ended = (thread: Thread, turnId: DataOf<"turn.completed">["turnId"], failed: boolean): Thread => {
  const wasActive = thread.session?.activeTurnId === turnId
  const next = { ...withoutActive(thread, turnId), queuedTurnIds: minus(thread.queuedTurnIds, turnId) }
  return wasActive ? { ...next, failed } : next
}

const withBackground = (thread: Thread, ids: ReadonlyArray<string>): Thread => {
  const { backgroundIds: _, ...rest } = thread
  return ids.length === 0 ? rest : { ...rest, backgroundIds: ids }
}

const lostBy = (lost: string | undefined) => (lost === undefined ? {} : { lost })

/** Clears the reason for which the session was being stopped. */
const going = (thread: Thread): Thread => {
  const { stopping: _, ...rest } = thread
  return rest
}
const withoutContinuation = (thread: Thread): Thread => {
  const { continuation: _, ...rest } = thread
  return rest
}

const policy = ({ afterLimit, recovery }: DataOf<"thread.updated">): Pick<Thread, "afterLimit" | "recovery"> => ({
  ...(recovery !== undefined && { recovery }),
  ...(afterLimit !== undefined && { afterLimit })
})

/** Events that do not change a thread's summary, not even its time, by the server's rule. */
const silent = new Set<string>(["item.delta", "item.amended", "provider.event", "turn.updated", "session.kept"])
const isQuiet = (type: string): boolean => silent.has(type) || type.endsWith(".imported")

const change = (thread: Thread, event: DomainEvent): Thread | undefined => {
  switch (event.type) {
    case "thread.updated":
      return {
        ...thread,
        title: event.data.title ?? thread.title,
        ...(event.data.model !== undefined && { model: event.data.model }),
        ...policy(event.data),
        ...given(event.data)
      }
    case "thread.archived":
      return { ...thread, archived: true }
    case "thread.unarchived":
      return { ...thread, archived: false }
    case "session.started":
      return going(withBackground(withSession(thread, event.data, event.data.continuity), []))
    case "session.state.changed":
      return withSession(
        thread,
        { ...event.data, ...lostBy(event.data.lost ?? thread.session?.lost) },
        event.data.continuity ?? thread.session?.continuity
      )
    case "thread.handed-over": {
      // Without a model the new agent uses its default or an earlier model: the next snapshot has it.
      const { model: _, ...rest } = thread
      return { ...rest, provider: event.data.provider, ...(event.data.model !== undefined && { model: event.data.model }) }
    }
    case "session.stop.requested":
      return { ...thread, stopping: event.data.reason }
    case "session.stopped":
      return going(withBackground(withSession(thread, event.data, event.data.continuity), []))
    case "continuation.planned": {
      const { text: _, threadId: _thread, ...continuation } = event.data
      return { ...thread, continuation }
    }
    case "continuation.cancelled":
      return withoutContinuation(thread)
    case "background.started":
      return withBackground(thread, [...(thread.backgroundIds ?? []), event.data.taskId])
    case "background.ended":
      return withBackground(thread, minus(thread.backgroundIds ?? [], event.data.taskId))
    case "turn.requested": {
      const { continues, goal, strategy, turnId } = event.data
      const front = strategy === "interrupt" || strategy === "steer"
      const queue = thread.queuedTurnIds
      const next = continues === undefined ? thread : withoutContinuation(thread)
      const queuedTurnIds = front ? [turnId, ...queue] : [...queue, turnId]
      return withGoalTurn({ ...next, failed: false, queuedTurnIds }, goal)
    }
    case "goal.set":
    case "goal.paused":
    case "goal.resumed":
    case "goal.waiting":
    case "goal.met":
    case "goal.exhausted":
    case "goal.cleared": {
      const { threadId: _, ...goal } = event.data
      return { ...thread, goal }
    }
    case "queue.reordered": {
      const place = new Map(event.data.turnIds.map((turnId, at) => [turnId, at]))
      const at = (turnId: (typeof event.data.turnIds)[number]) => place.get(turnId) ?? place.size
      return { ...thread, queuedTurnIds: thread.queuedTurnIds.toSorted((a, b) => at(a) - at(b)) }
    }
    case "turn.dispatched":
      return { ...thread, queuedTurnIds: minus(thread.queuedTurnIds, event.data.turnId) }
    case "turn.requeued":
      return { ...withoutActive(thread, event.data.turnId), queuedTurnIds: [event.data.turnId, ...thread.queuedTurnIds] }
    case "turn.completed":
    case "turn.interrupted":
      return ended(withGoalTokens(thread, event.data), event.data.turnId, false)
    case "turn.failed":
      return ended(withGoalTokens(thread, event.data), event.data.turnId, true)
    case "item.started":
      return { ...thread, openItemIds: plus(thread.openItemIds, event.data.itemId) }
    case "item.completed":
      return { ...thread, openItemIds: minus(thread.openItemIds, event.data.itemId) }
    case "request.opened":
      return { ...thread, openRequestIds: plus(thread.openRequestIds, event.data.requestId) }
    case "request.answered":
    case "request.expired":
    case "request.cancelled":
      return { ...thread, openRequestIds: minus(thread.openRequestIds, event.data.requestId) }
    default:
      return isQuiet(event.type) ? undefined : { ...thread }
  }
}

const created = (data: DataOf<"thread.created">, at: string): Thread => ({
  threadId: data.threadId,
  projectId: data.projectId,
  title: data.title,
  provider: data.provider,
  ...(data.model !== undefined && { model: data.model }),
  ...policy(data),
  ...given(data),
  cwd: data.cwd,
  status: "idle",
  archived: false,
  queuedTurnIds: [],
  openRequestIds: [],
  openItemIds: [],
  createdAt: at,
  updatedAt: at,
  failed: false
})

const settle = (world: AppState, requestId: RequestId, how: Omit<Settled, "request">): AppState => {
  const request = world.requests[requestId]
  if (request === undefined) return world
  return {
    ...world,
    requests: without(world.requests, requestId),
    settled: [...world.settled, { request, ...how }].slice(-maxSettled)
  }
}

const ofRequest = (world: AppState, event: DomainEvent, at: string): AppState => {
  switch (event.type) {
    case "request.opened": {
      const { threadId, turnId, requestId, ...ask } = event.data
      const request: RequestView = { requestId, threadId, turnId, status: "open", ask, openedAt: at }
      return { ...world, requests: { ...world.requests, [requestId]: request } }
    }
    case "request.answered": {
      const answer: Answer =
        "answers" in event.data
          ? { answers: event.data.answers }
          : "decision" in event.data
            ? { decision: event.data.decision, ...(event.data.optionId === undefined ? {} : { optionId: event.data.optionId }) }
            : { optionId: event.data.optionId }
      return settle(world, event.data.requestId, { by: event.data.by, answer })
    }
    case "request.expired":
    case "request.cancelled":
      return settle(world, event.data.requestId, { reason: event.data.reason })
    default:
      return world
  }
}

const ofProject = (world: AppState, event: DomainEvent, at: string): AppState | undefined => {
  switch (event.type) {
    case "project.created": {
      const { cwd, projectId, title } = event.data
      return { ...world, projects: { ...world.projects, [projectId]: { projectId, cwd, title, createdAt: at } } }
    }
    case "project.updated": {
      const project = world.projects[event.data.projectId]
      if (project === undefined) return world
      return { ...world, projects: { ...world.projects, [project.projectId]: { ...project, title: event.data.title } } }
    }
    case "project.deleted":
      return { ...world, projects: without(world.projects, event.data.projectId) }
    default:
      return undefined
  }
}

const apply = (world: AppState, event: DomainEvent, at: string): AppState => {
  const project = ofProject(world, event, at)
  if (project !== undefined || !("threadId" in event.data)) return project ?? world
  const { threadId } = event.data
  if (event.type === "thread.created") return { ...world, threads: { ...world.threads, [threadId]: created(event.data, at) } }
  if (event.type === "thread.deleted") return { ...world, threads: without(world.threads, threadId) }
  const thread = world.threads[threadId]
  const next = thread === undefined ? undefined : change(thread, event)
  if (next === undefined) return ofRequest(world, event, at)
  const threads = { ...world.threads, [threadId]: { ...next, status: statusOf(next), updatedAt: at } }
  return ofRequest({ ...world, threads }, event, at)
}

/** Folds one event. An event at or below the offset changes nothing; a delta, which no summary shows, only advances the offset. */
export const fold = (world: AppState, event: LogEvent): AppState => {
  if (event.offset <= world.offset) return world
  const here = { ...world, offset: event.offset }
  // The cast is safe: the server's writers are typed, and an unknown event type matches no case.
  return event.type === "item.delta" ? here : apply(here, { type: event.type, data: event.data } as DomainEvent, event.at)
}

export const foldAll = (world: AppState, events: ReadonlyArray<LogEvent>): AppState => events.reduce(fold, world)
