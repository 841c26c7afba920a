/** The summary of one thread, folded from its events. */
import { defined } from "@millrace/contracts/Defined"
import type { DataOf, DomainEvent, EventType } from "@millrace/contracts/Event"
import type { TurnId } from "@millrace/contracts/Ids"
import { type Changes, settingNames, settingsOf, type SomeSettings } from "@millrace/contracts/SettingValues"
import type { Continuation, SessionState, SessionStatus, ThreadStatus, ThreadView } from "@millrace/contracts/State"
import * as Goal from "./Goal.ts"
import * as Queue from "./Queue.ts"

/** The same fields; an optional field may also hold `undefined`, which means absent. */
type Loose<A> = { readonly [K in keyof A]: Record<never, never> extends Pick<A, K> ? A[K] | undefined : A[K] }

/** The fields of a summary that an event changes independently of the thread's turns, items and requests. */
export interface Facts
  extends
    Pick<ThreadView, "title" | "provider" | "archived">,
    SomeSettings,
    Loose<
      Pick<ThreadView, "session" | "recovery" | "afterLimit" | "approve" | "labels" | "metadata" | "stopping" | "exclusive">
    > {
  /** The provider's ids of the background work that is running. */
  readonly background: ReadonlyArray<string>
  /** Whether the last active turn failed. `false` again when a turn is requested. */
  readonly failed: boolean
}

/** The fields that no event of the thread changes, and the time of the last change. */
type Fixed = Pick<ThreadView, "threadId" | "projectId" | "cwd" | "createdAt" | "updatedAt">

/** The other fields of a summary: the open work, the origin of the thread, and what the agent reports. */
type Rest = Loose<
  Pick<
    ThreadView,
    | "queuedTurnIds"
    | "openRequestIds"
    | "openItemIds"
    | "continuation"
    | "goal"
    | "forkedFrom"
    | "parentThreadId"
    | "waiting"
    | "effective"
    | "agent"
    | "alongside"
  >
>

/** A thread's view, and whether its last active turn failed: the status may not show that. */
export interface Thread extends ThreadView {
  readonly failed: boolean
}

/** Whether the session has a running agent. */
export const isLive = (session: SessionState | undefined): boolean =>
  session !== undefined && session.status !== "stopped" && session.status !== "error"

/** Whether a session in this status can name an active turn (T3). */
export const holdsTurn = (status: SessionStatus): status is "starting" | "running" =>
  status === "starting" || status === "running"

/** Builds a session's state. No other function builds one, so an active turn exists only with `starting` or `running` (T3). */
export const sessionOf = (data: {
  readonly epoch: number
  readonly status: SessionState["status"]
  readonly activeTurnId?: SessionState["activeTurnId"]
  readonly reason?: string | undefined
  readonly continuity?: SessionState["continuity"]
  readonly lost?: string | undefined
  readonly fork?: SessionState["fork"]
}): SessionState => {
  const rest = {
    ...defined({ reason: data.reason, continuity: data.continuity, lost: data.lost, fork: data.fork })
  }
  const { epoch, status } = data
  return holdsTurn(status)
    ? { epoch, status, ...defined({ activeTurnId: data.activeTurnId }), ...rest }
    : { epoch, status, ...rest }
}

/** The session after a turn ended or was queued again: its active turn is no longer this turn. */
const released = (session: SessionState | undefined, turnId: string): SessionState | undefined => {
  if (session === undefined || session.activeTurnId !== turnId) return session
  const { activeTurnId: _, ...rest } = session
  return rest
}

/** The settings after a change. */
export const withSettings = (settings: SomeSettings, changes: Changes): SomeSettings => {
  const changed = settingNames.filter((name) => changes[name] !== undefined)
  return { ...allSettings(settings), ...Object.fromEntries(changed.map((name) => [name, changes[name] ?? undefined])) }
}

/** Returns every setting, also those that are `undefined`. A spread then overwrites every old value. */
export const allSettings = ({ directories, effort, instructions, mcpServers, model, permissionMode }: SomeSettings) => ({
  model,
  effort,
  permissionMode,
  directories,
  mcpServers,
  instructions
})

/** The fields of `Facts` that an event changes. */
export const changes = (thread: Facts, event: DomainEvent): Partial<Facts> | undefined => {
  switch (event.type) {
    case "thread.updated":
      return {
        title: event.data.title ?? thread.title,
        ...withSettings(thread, event.data),
        recovery: event.data.recovery ?? thread.recovery,
        afterLimit: event.data.afterLimit ?? thread.afterLimit,
        approve: event.data.approve === undefined ? thread.approve : (event.data.approve ?? undefined),
        labels: event.data.labels ?? thread.labels,
        metadata: event.data.metadata ?? thread.metadata
      }
    case "thread.archived":
      return { archived: true }
    case "thread.unarchived":
      return { archived: false }
    case "thread.handed-over":
      return { provider: event.data.provider, model: event.data.model, effort: event.data.effort }
    case "session.started":
    case "session.stopped":
      return { session: sessionOf(event.data), background: [], stopping: undefined }
    case "session.state.changed": {
      const { session } = thread
      const { continuity = session?.continuity, lost = session?.lost, fork = session?.fork } = event.data
      return { session: sessionOf({ ...event.data, continuity, lost, fork }) }
    }
    case "session.stop.requested":
      return { stopping: event.data.reason }
    case "background.started":
      return { background: [...thread.background, event.data.taskId] }
    case "background.ended":
      return { background: thread.background.filter((id) => id !== event.data.taskId) }
    case "turn.requested":
      return { failed: false }
    case "turn.requeued":
      return { session: released(thread.session, event.data.turnId) }
    case "turn.completed":
    case "turn.interrupted":
    case "turn.failed":
      return thread.session?.activeTurnId === event.data.turnId
        ? { session: released(thread.session, event.data.turnId), failed: event.type === "turn.failed" }
        : undefined
    default:
      return undefined
  }
}

/** The scheduled continuation after an event. It exists until it is cancelled or its turn is requested. */
const continuationAfter = (known: Continuation | undefined, event: DomainEvent): Continuation | undefined => {
  switch (event.type) {
    case "continuation.planned": {
      const { threadId: _, ...planned } = event.data
      return continuationOf(planned)
    }
    case "continuation.cancelled":
      return undefined
    case "turn.requested":
      return event.data.continues === undefined ? known : undefined
    default:
      return known
  }
}

/** A continuation as views show it, without the prompt and the action of its turn. */
export const continuationOf = (planned: Omit<DataOf<"continuation.planned">, "threadId">): Continuation => {
  const { action: _a, text: _t, ...plan } = planned
  return plan
}

const without = <A>(list: ReadonlyArray<A>, value: A): ReadonlyArray<A> =>
  list.includes(value) ? list.filter((each) => each !== value) : list
const withAdded = <A>(list: ReadonlyArray<A>, value: A): ReadonlyArray<A> => (list.includes(value) ? list : [...list, value])

/** The open items and requests after an event. */
const openAfter = ({ openItemIds, openRequestIds }: ThreadView, event: DomainEvent) => {
  switch (event.type) {
    case "item.started":
      return { openItemIds: withAdded(openItemIds, event.data.itemId) }
    case "item.completed":
      return { openItemIds: without(openItemIds, event.data.itemId) }
    case "request.opened":
      return { openRequestIds: withAdded(openRequestIds, event.data.requestId) }
    case "request.answered":
    case "request.expired":
    case "request.cancelled":
      return { openRequestIds: without(openRequestIds, event.data.requestId) }
    default:
      return {}
  }
}

const notSummarised: ReadonlySet<string> = new Set<EventType>([
  "item.delta",
  "item.amended",
  "provider.event",
  "turn.updated",
  "session.kept",
  "checkpoint.taken",
  "checkpoint.failed",
  "turn.imported",
  "item.imported",
  "request.imported"
])

/** Whether events of this type change the summary or the time of its last change. */
export const isSummarised = (type: string): boolean => !notSummarised.has(type)

/** The status of a thread. The first rule that applies decides: a request is open, a turn runs, work is queued or scheduled, the last turn failed. */
export const statusOf = (thread: Pick<Facts, "session" | "failed">, rest: Rest): ThreadStatus => {
  if (rest.openRequestIds.length > 0) return "needs-you"
  if (thread.session?.activeTurnId !== undefined) return "running"
  if (rest.queuedTurnIds.length > 0 || rest.continuation !== undefined || rest.goal?.status === "active") return "queued"
  return thread.failed ? "failed" : "idle"
}

/** The thread as read models show it. */
export const view = (thread: Facts & Fixed, rest: Rest): ThreadView => viewWith(statusOf(thread, rest), thread, rest)

const viewWith = (status: ThreadStatus, thread: Facts & Fixed, rest: Rest): ThreadView => ({
  threadId: thread.threadId,
  projectId: thread.projectId,
  title: thread.title,
  provider: thread.provider,
  ...settingsOf(thread),
  cwd: thread.cwd,
  ...defined({ exclusive: thread.exclusive }),
  status,
  archived: thread.archived,
  ...defined({ session: thread.session, activeTurnId: thread.session?.activeTurnId }),
  queuedTurnIds: rest.queuedTurnIds,
  openRequestIds: rest.openRequestIds,
  openItemIds: rest.openItemIds,
  ...defined({ forkedFrom: rest.forkedFrom, parentThreadId: rest.parentThreadId }),
  ...(thread.background.length === 0 ? {} : { backgroundIds: thread.background }),
  ...defined({ stopping: thread.stopping }),
  ...(thread.failed && status !== "failed" ? { lastTurnFailed: true as const } : {}),
  ...defined({ recovery: thread.recovery, afterLimit: thread.afterLimit, approve: thread.approve }),
  ...defined({ labels: thread.labels, metadata: thread.metadata }),
  ...defined({ continuation: rest.continuation, goal: rest.goal, waiting: rest.waiting }),
  createdAt: thread.createdAt,
  updatedAt: thread.updatedAt
})

/** The `Facts` of a new thread. */
export const facts = (data: DataOf<"thread.created">): Facts => ({
  title: data.title,
  provider: data.provider,
  ...allSettings(data),
  archived: false,
  session: undefined,
  recovery: data.recovery,
  afterLimit: data.afterLimit,
  approve: data.approve,
  labels: data.labels,
  metadata: data.metadata,
  stopping: undefined,
  exclusive: data.exclusive,
  background: [],
  failed: false
})

const threadOf = (thread: Facts & Fixed, rest: Rest): Thread => ({ ...view(thread, rest), failed: thread.failed })

/** The thread of a `thread.created`. `at`: the time of the event. */
export const make = (data: DataOf<"thread.created">, at: string): Thread => {
  const { cwd, forkedFrom, parentThreadId, projectId, threadId } = data
  return threadOf(
    { ...facts(data), threadId, projectId, cwd, createdAt: at, updatedAt: at },
    { queuedTurnIds: [], openRequestIds: [], openItemIds: [], forkedFrom: forkedFrom?.threadId, parentThreadId }
  )
}

/** Applies an event of the thread's stream; `at`: the time of the event. Returns the same value if the event does not change the summary. */
export const apply = (thread: Thread, event: DomainEvent, at: string): Thread => {
  if (!isSummarised(event.type)) return thread
  const known = { ...thread, background: thread.backgroundIds ?? [] }
  const same = (turnId: TurnId) => turnId
  return threadOf(
    { ...known, ...changes(known, event), updatedAt: at },
    {
      ...thread,
      ...openAfter(thread, event),
      continuation: continuationAfter(thread.continuation, event),
      goal: Goal.apply(thread.goal, event),
      queuedTurnIds: Queue.apply(thread.queuedTurnIds, event, same, (turnId) => [turnId])
    }
  )
}
