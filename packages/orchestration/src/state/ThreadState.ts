/**
 * The folded state of one thread: what `decide` needs. It does not grow with the thread's history.
 * The active turn has no separate field: it is the turn that the session names, and only `starting` and `running` sessions can name one (T3).
 */
import type { DataOf, DomainEvent } from "@millrace/contracts/Event"
import { deletedProject, type ItemId, type ProjectId, type ThreadId, type TurnId } from "@millrace/contracts/Ids"
import type { Failure, ItemContent, RequestView } from "@millrace/contracts/Item"
import type { Continuation, ForkSource, ThreadView, TurnView } from "@millrace/contracts/State"
import { differing, type SettingName, type Settings, settingsOf } from "@millrace/contracts/Settings"
import * as Thread from "@millrace/model/Thread"
import * as Goal from "./Goal.ts"
import type { KeptAnswer } from "./Held.ts"
import type { OpenText } from "./OpenText.ts"
import * as RecentIds from "./RecentIds.ts"

/** A turn from `turn.dispatched` (or from `turn.started`, if the provider began the turn itself) to its terminal event. */
export interface OpenTurn extends TurnView {
  /** The epoch of the session that runs it. */
  readonly epoch: number
  /** What the agent's last message in this turn claims about the goal. */
  readonly claim: Goal.Claim | undefined
  readonly stage: "dispatched" | "started"
  readonly interruptRequested: boolean
  /** Why the server requested the interrupt, such as a silence limit; absent when a person requested it (T8). */
  readonly interruptReason: string | undefined
  /** Ids of the most recently closed items and requests of this turn: they do not open twice (T9, T13). */
  readonly closed: RecentIds.RecentIds
}

export interface QueuedTurn extends TurnView {
  /** Whether it was dispatched before: its user message is then in the transcript. */
  readonly shown: boolean
}

export interface OpenItem extends OpenText {
  readonly itemId: ItemId
  readonly turnId: TurnId
  readonly kind: string
  /** Its content when it started. */
  readonly content: ItemContent
}

/** The agent that ran the thread before a hand-over. */
export interface Parked {
  readonly provider: string
  readonly model?: string
  readonly effort?: string
  readonly resumeKey?: string
  readonly handedFrom?: string
}

export interface ThreadState extends Thread.Facts {
  readonly threadId: ThreadId
  readonly projectId: ProjectId
  readonly cwd: string
  readonly deleted: boolean
  readonly createdAt: string
  readonly updatedAt: string
  readonly capabilities: ReadonlyArray<string>
  /** The settings of the live session: the thread's when it started, or when its last turn was dispatched. */
  readonly given: Settings
  readonly resumeKey: string | undefined
  /** The source of a fork. While `resumeKey` equals the source's key, the agent has not copied the conversation yet. */
  readonly forkedFrom: typeof ForkSource.Type | undefined
  /** The thread whose agent created it. */
  readonly parentThreadId: ThreadId | undefined
  /** The failure that made the server stop the session; `undefined` if the session is not stopping, or for any other reason. */
  readonly stopError: Failure | undefined
  /** The scheduled continuation of an interrupted turn, with the prompt of the new turn and its attachments. While there is one, the queue waits. */
  readonly continuation:
    | (Continuation & Pick<DataOf<"continuation.planned">, "action" | "attachments"> & { readonly text: string })
    | undefined
  readonly goal: Goal.GoalState | undefined
  /** The agent that ran the thread before the hand-over, until the current one has been given the conversation. */
  readonly handedFrom: string | undefined
  /** The agent before the hand-over, which can resume its conversation if it is handed back before the current agent begins a turn. */
  readonly parked: Parked | undefined
  /** Ids of the most recently ended turns of the last session: they do not start twice (T1). */
  readonly endedTurns: RecentIds.RecentIds
  readonly turns: Readonly<Record<string, OpenTurn>>
  readonly queue: ReadonlyArray<QueuedTurn>
  readonly items: Readonly<Record<string, OpenItem>>
  readonly requests: Readonly<Record<string, RequestView>>
  /** Answers to held requests, until the agent asks again or the turn that continues the work ends. */
  readonly kept: ReadonlyArray<KeptAnswer>
  /** Number of events of the live session that `isActivity` counts. Kept in memory only, not in the row (R4). */
  readonly activity: number
  /** The sender of the thread's last turn: the name of a token, or `local`. Not in the row: it is read from the event of the last queued turn. */
  readonly requestedBy: string | undefined
  /** `false`: the session is stopped as soon as it is idle. */
  readonly keepSession: boolean
  /** The value of `activity` at the last `session.kept`: the event is not repeated while it is unchanged (R5). */
  readonly keptAt: number | undefined
}

/** Maximum open items per thread: each event of the thread copies their ids (L10). When a further item starts, the oldest item is aborted. */
export const maxOpenItems = 256

/** Maximum background tasks counted per session. */
export const maxBackground = 100

/** Maximum queued turns per thread. */
export const maxQueue = 100

/** The state of a new thread. `at`: the time of the event. */
export const created = (data: Extract<DomainEvent, { type: "thread.created" }>["data"], at: string): ThreadState => ({
  ...Thread.facts(data),
  threadId: data.threadId,
  projectId: data.projectId,
  cwd: data.cwd,
  deleted: false,
  createdAt: at,
  updatedAt: at,
  capabilities: [],
  given: settingsOf(data),
  resumeKey: data.imported?.resumeKey ?? data.forkedFrom?.resumeKey,
  forkedFrom: data.forkedFrom,
  parentThreadId: data.parentThreadId,
  stopError: undefined,
  continuation: undefined,
  goal: undefined,
  handedFrom: undefined,
  parked: undefined,
  endedTurns: RecentIds.empty,
  turns: {},
  queue: [],
  items: {},
  requests: {},
  kept: [],
  activity: 0,
  requestedBy: undefined,
  keepSession: data.keepSession ?? true,
  keptAt: undefined
})

/**
 * The state of a deleted thread. It follows from `thread.deleted` alone, because the thread's other events are forgotten (L14). `at`: the time of the event.
 */
export const deleted = (threadId: ThreadId, at: string): ThreadState => ({
  ...created({ threadId, projectId: deletedProject, provider: "", title: "", cwd: "" }, at),
  deleted: true
})

/** The fencing token of the newest session; 0 = none yet. */
export const epochOf = (state: ThreadState): number => state.session?.epoch ?? 0
export const hasLiveSession = (state: ThreadState): boolean => Thread.isLive(state.session)

/** The turn that the session runs. */
export const activeTurn = (state: ThreadState): OpenTurn | undefined => {
  const id = state.session?.activeTurnId
  return id === undefined ? undefined : state.turns[id]
}

/** The capability with which a running session takes a changed setting; other changes need a new session. */
const liveChange: { readonly [K in SettingName]?: string } = {
  model: "set-model",
  effort: "set-effort",
  permissionMode: "set-permission-mode"
}

/** Whether the settings have changed in a way that the live session cannot take. No running session gets full access, which Claude refuses; so none gets the default mode, which can be that. */
export const needsNewSession = (state: ThreadState): boolean =>
  differing(state.given, state).some(
    (name) =>
      !state.capabilities.includes(liveChange[name] ?? "") ||
      (name === "permissionMode" && (state.permissionMode ?? "full-access") === "full-access")
  )

const hasAny = (record: Readonly<Record<string, unknown>>): boolean => {
  for (const _ in record) return true
  return false
}

/** The queued turn that can start now if a place is free. */
export const nextTurn = (state: ThreadState): QueuedTurn | undefined =>
  state.deleted ||
  state.continuation !== undefined ||
  state.session?.activeTurnId !== undefined ||
  (hasLiveSession(state) && state.stopping !== undefined)
    ? undefined
    : state.queue[0]

/** Whether it has a live session with nothing to do and nothing to wait for. */
export const isIdle = (state: ThreadState): boolean =>
  hasLiveSession(state) &&
  state.session?.status !== "starting" &&
  state.stopping === undefined &&
  state.continuation === undefined &&
  !Goal.isActive(state.goal) &&
  state.background.length === 0 &&
  state.queue.length === 0 &&
  !hasAny(state.turns) &&
  !hasAny(state.requests)

/** Whether the thread has anything open, queued or scheduled, or an active goal. It then stays in memory, and Recovery processes it. */
export const isLive = (state: ThreadState): boolean =>
  hasLiveSession(state) ||
  state.continuation !== undefined ||
  Goal.isActive(state.goal) ||
  state.queue.length > 0 ||
  hasAny(state.turns) ||
  hasAny(state.items) ||
  hasAny(state.requests)

/** Whether the turn waits for an answer to a request. It does not wait for a held one, which the agent has not repeated. */
export const isWaiting = ({ requests }: Pick<ThreadState, "requests">, turnId: string): boolean => {
  for (const id in requests) if (requests[id]?.turnId === turnId && requests[id].held !== true) return true
  return false
}

/** The thread as read models show it. */
export const threadView = (state: ThreadState): ThreadView =>
  Thread.view(state, {
    forkedFrom: state.forkedFrom?.threadId,
    parentThreadId: state.parentThreadId,
    queuedTurnIds: state.queue.map((turn) => turn.turnId),
    openRequestIds: Object.values(state.requests).map((request) => request.requestId),
    openItemIds: Object.values(state.items).map((item) => item.itemId),
    continuation: state.continuation === undefined ? undefined : Thread.continuationOf(state.continuation),
    goal: state.goal === undefined ? undefined : Goal.view(state.goal)
  })
