/**
 * The folded state of one thread: what `decide` needs, and nothing that grows with its history.
 * The active turn has no separate field: it is the turn that the session names, and only `starting` and `running` sessions can name one (T3).
 */
import type { DomainEvent } from "@millrace/contracts/Event"
import type { GoalId, ItemId, ProjectId, RequestId, ThreadId, TurnId } from "@millrace/contracts/Ids"
import type { Ask, Failure, ItemContent, PlanStep, Usage } from "@millrace/contracts/Item"
import type {
  AfterLimit,
  Continuation,
  Continues,
  RecoveryPolicy,
  SessionState,
  SessionStatus,
  ThreadStatus,
  ThreadView,
  TurnAction,
  TurnOrigin,
  TurnView,
  ForkSource
} from "@millrace/contracts/State"
import { given, type Labelled } from "@millrace/contracts/Labels"
import * as Goal from "./Goal.ts"
import * as RecentIds from "./RecentIds.ts"

/** What a turn must do, and why. Kept from the queue to the agent, and when the turn is requeued. */
export interface Assignment {
  /** The interrupted turn that it continues. */
  readonly continues: Continues | undefined
  /** The goal that it works towards. */
  readonly goalId: GoalId | undefined
  /** What it does instead of sending its text as a prompt. */
  readonly action: TurnAction | undefined
  readonly text: string
  readonly requestedAt: string
}

/** Extracts the assignment from a queued turn, an open turn or a turn's row. */
export const assignmentOf = (turn: Pick<Assignment, "text" | "requestedAt"> & Partial<Assignment>): Assignment => ({
  continues: turn.continues,
  goalId: turn.goalId,
  action: turn.action,
  text: turn.text,
  requestedAt: turn.requestedAt
})

/** A turn between `turn.dispatched` (or the `turn.started` of a turn that the provider began itself) and its terminal. */
export interface OpenTurn extends Assignment {
  readonly turnId: TurnId
  /** The epoch of the session that runs it. */
  readonly epoch: number
  readonly origin: TurnOrigin
  /** What the agent's last message in this turn claims about the goal. */
  readonly claim: Goal.Claim | undefined
  readonly stage: "dispatched" | "started"
  readonly interruptRequested: boolean
  /** Why the server requested the interrupt, such as a silence limit; absent when a person requested it (T8). */
  readonly interruptReason: string | undefined
  readonly startedAt: string | undefined
  readonly usage: Usage | undefined
  readonly plan: ReadonlyArray<PlanStep> | undefined
  readonly diff: string | undefined
  /** Ids of the most recently closed items and requests of this turn: they do not open twice (T9, T13). */
  readonly closed: RecentIds.RecentIds
}

export interface QueuedTurn extends Assignment {
  readonly turnId: TurnId
  /** Whether it was dispatched before: its user message is then in the transcript. */
  readonly shown: boolean
}

export interface OpenItem {
  readonly itemId: ItemId
  readonly turnId: TurnId
  readonly kind: string
  /** Its content when it started. */
  readonly content: ItemContent
  /** The sum of its deltas, at most `maxText` characters. */
  readonly text: string
  /** Characters of deltas beyond `maxText`, which were cut. */
  readonly cut: number
}

export interface OpenRequest {
  readonly requestId: RequestId
  readonly turnId: TurnId
  readonly ask: Ask
  readonly openedAt: string
  /** The expired request of an earlier turn that asked the same question. */
  readonly reasks: RequestId | undefined
}

export interface StopRequest {
  readonly reason: string
  /** Why the agent broke; absent when the stop was wanted. */
  readonly error?: Failure | undefined
}

/** The agent that ran the thread before a hand-over. */
export interface Parked {
  readonly provider: string
  readonly model?: string
  readonly resumeKey?: string
  readonly handedFrom?: string
}

export interface ThreadState {
  readonly threadId: ThreadId
  readonly projectId: ProjectId
  readonly provider: string
  readonly model: string | undefined
  readonly title: string
  readonly cwd: string
  readonly archived: boolean
  readonly deleted: boolean
  readonly createdAt: string
  readonly updatedAt: string
  /** The last session, live or ended. */
  readonly session: SessionState | undefined
  readonly capabilities: ReadonlyArray<string>
  readonly resumeKey: string | undefined
  /** The source of a fork. While `resumeKey` equals the source's key, the agent has not copied the conversation yet. */
  readonly forkedFrom: typeof ForkSource.Type | undefined
  /** The requested stop of the live session; cleared when the session has ended. */
  readonly stopRequested: StopRequest | undefined
  /** What happens to a running turn when its server dies; absent: the server's default. */
  readonly recovery: RecoveryPolicy | undefined
  readonly afterLimit: AfterLimit | undefined
  readonly labels: Labelled["labels"]
  readonly metadata: Labelled["metadata"]
  /** The scheduled continuation of an interrupted turn, with the prompt of the new turn. While there is one, the queue waits. */
  readonly continuation: (Continuation & { readonly text: string; readonly action?: TurnAction | undefined }) | undefined
  readonly goal: Goal.GoalState | undefined
  /** The agent that ran the thread before the hand-over, until the current one has been given the conversation. */
  readonly handedFrom: string | undefined
  /** What the previous agent needs to resume unchanged, until the current one begins a turn. */
  readonly parked: Parked | undefined
  /** Whether the last active turn failed; reset when a turn is requested. */
  readonly failed: boolean
  /** Ids of the most recently ended turns of the last session: they do not start twice (T1). */
  readonly over: RecentIds.RecentIds
  readonly turns: Readonly<Record<string, OpenTurn>>
  readonly queue: ReadonlyArray<QueuedTurn>
  readonly items: Readonly<Record<string, OpenItem>>
  readonly requests: Readonly<Record<string, OpenRequest>>
  /** Background tasks of the live session, which outlive their turn: the provider's ids, at most `maxBackground`. */
  readonly background: ReadonlyArray<string>
  /** Number of events of the live session that `isActivity` counts. Kept in memory only, not in the row (R4). */
  readonly activity: number
  /** The sender of its last turn: the name of a token, or `local`. Not in the row: read from the log for queued turns. */
  readonly requestedBy: string | undefined
  /** `false`: the session is stopped as soon as it is idle. */
  readonly keepSession: boolean
  /** The value of `activity` at the last `session.kept`: the event is not repeated while it is unchanged (R5). */
  readonly keptAt: number | undefined
}

/** Characters of an open item's deltas that are kept, to close the item if the agent does not. */
export const maxText = 200_000

/** Most open items per thread: each event of the thread copies their ids (L10). When one more starts, the oldest is aborted. */
export const maxOpenItems = 256

/** Most background tasks counted per session. */
export const maxBackground = 100

/** Most queued turns per thread. */
export const maxQueue = 100

export const created = (data: Extract<DomainEvent, { type: "thread.created" }>["data"], at: string): ThreadState => ({
  threadId: data.threadId,
  projectId: data.projectId,
  provider: data.provider,
  model: data.model,
  title: data.title,
  cwd: data.cwd,
  archived: false,
  deleted: false,
  createdAt: at,
  updatedAt: at,
  session: undefined,
  capabilities: [],
  resumeKey: data.imported?.resumeKey ?? data.forkedFrom?.resumeKey,
  forkedFrom: data.forkedFrom,
  stopRequested: undefined,
  recovery: data.recovery,
  afterLimit: data.afterLimit,
  labels: data.labels,
  metadata: data.metadata,
  continuation: undefined,
  goal: undefined,
  handedFrom: undefined,
  parked: undefined,
  failed: false,
  over: RecentIds.empty,
  turns: {},
  queue: [],
  items: {},
  requests: {},
  background: [],
  activity: 0,
  requestedBy: undefined,
  keepSession: data.keepSession ?? true,
  keptAt: undefined
})

const live = { starting: true, ready: true, running: true, interrupted: true, stopped: false, error: false } as const
const canHoldTurn = {
  starting: true,
  running: true,
  ready: false,
  interrupted: false,
  stopped: false,
  error: false
} as const satisfies Record<SessionStatus, boolean>

/** Whether a session in this status can name an active turn (T3). */
export const holdsTurn = (status: SessionStatus): boolean => canHoldTurn[status]

/** The fencing token of the newest session; 0 = none yet. */
export const epochOf = (state: ThreadState): number => state.session?.epoch ?? 0
export const hasLiveSession = (state: ThreadState): boolean => state.session !== undefined && live[state.session.status]

/** The turn that the session runs. */
export const activeTurn = (state: ThreadState): OpenTurn | undefined => {
  const id = state.session?.activeTurnId
  return id === undefined ? undefined : state.turns[id]
}

const some = (record: Readonly<Record<string, unknown>>): boolean => {
  for (const _ in record) return true
  return false
}

/** The queued turn that can start now if a place is free. */
export const nextTurn = (state: ThreadState): QueuedTurn | undefined =>
  state.deleted ||
  state.continuation !== undefined ||
  state.session?.activeTurnId !== undefined ||
  (hasLiveSession(state) && state.stopRequested !== undefined)
    ? undefined
    : state.queue[0]

/** Whether it has a live session with nothing to do and nothing to wait for. */
export const isIdle = (state: ThreadState): boolean =>
  hasLiveSession(state) &&
  state.session?.status !== "starting" &&
  state.stopRequested === undefined &&
  state.continuation === undefined &&
  !Goal.isActive(state.goal) &&
  state.background.length === 0 &&
  state.queue.length === 0 &&
  !some(state.turns) &&
  !some(state.requests)

/** Whether the thread has anything open or queued: it stays in memory, and Recovery processes it. */
export const isLive = (state: ThreadState): boolean =>
  hasLiveSession(state) ||
  state.continuation !== undefined ||
  Goal.isActive(state.goal) ||
  state.queue.length > 0 ||
  some(state.turns) ||
  some(state.items) ||
  some(state.requests)

export const statusOf = (state: ThreadState): ThreadStatus => {
  if (some(state.requests)) return "needs-you"
  if (state.session?.activeTurnId !== undefined) return "running"
  if (state.queue.length > 0 || state.continuation !== undefined || Goal.isActive(state.goal)) return "queued"
  return state.failed ? "failed" : "idle"
}

/** The origin of a queued or dispatched turn. */
export const originOf = ({ continues, goalId }: Pick<Assignment, "continues" | "goalId">): TurnOrigin =>
  continues !== undefined ? "continuation" : goalId !== undefined ? "goal" : "user"

/** Whether a turn waits: one of its requests is open. */
export const isWaiting = (state: ThreadState, turnId: string): boolean => {
  for (const id in state.requests) if (state.requests[id]?.turnId === turnId) return true
  return false
}

/** A continuation as rows and read models store it: without prompt and action. */
export const withoutText = (planned: NonNullable<ThreadState["continuation"]>): Continuation => {
  const { text: _t, action: _a, ...plan } = planned
  return plan
}

/** The thread as read models show it. */
export const threadView = (state: ThreadState): ThreadView => ({
  threadId: state.threadId,
  projectId: state.projectId,
  title: state.title,
  provider: state.provider,
  ...(state.model === undefined ? {} : { model: state.model }),
  cwd: state.cwd,
  status: statusOf(state),
  archived: state.archived,
  ...(state.session === undefined ? {} : { session: state.session }),
  ...(state.session?.activeTurnId === undefined ? {} : { activeTurnId: state.session.activeTurnId }),
  queuedTurnIds: state.queue.map((turn) => turn.turnId),
  openRequestIds: Object.values(state.requests).map((request) => request.requestId),
  openItemIds: Object.values(state.items).map((item) => item.itemId),
  ...(state.forkedFrom === undefined ? {} : { forkedFrom: state.forkedFrom.threadId }),
  ...(state.background.length === 0 ? {} : { backgroundIds: state.background }),
  ...(state.stopRequested === undefined ? {} : { stopping: state.stopRequested.reason }),
  ...(state.recovery === undefined ? {} : { recovery: state.recovery }),
  ...(state.afterLimit === undefined ? {} : { afterLimit: state.afterLimit }),
  ...given(state),
  ...(state.continuation === undefined ? {} : { continuation: withoutText(state.continuation) }),
  ...(state.goal === undefined ? {} : { goal: Goal.view(state.goal) }),
  createdAt: state.createdAt,
  updatedAt: state.updatedAt
})

const assignmentView = ({ action, continues, goalId, requestedAt, text }: Assignment) => ({
  ...(continues === undefined ? {} : { continues }),
  ...(goalId === undefined ? {} : { goalId }),
  ...(action === undefined ? {} : { action }),
  text,
  requestedAt
})

/** A queued turn as read models show it. */
export const queuedView = (threadId: ThreadId, turnId: TurnId, assignment: Assignment): TurnView => ({
  turnId,
  threadId,
  status: "queued",
  origin: originOf(assignment),
  ...assignmentView(assignment)
})

/** An open turn as read models show it. */
export const turnView = (state: ThreadState, turn: OpenTurn): TurnView => ({
  turnId: turn.turnId,
  threadId: state.threadId,
  status: isWaiting(state, turn.turnId) ? "waiting" : "running",
  origin: turn.origin,
  ...assignmentView(turn),
  ...(turn.startedAt === undefined ? {} : { startedAt: turn.startedAt }),
  ...(turn.usage === undefined ? {} : { usage: turn.usage }),
  ...(turn.plan === undefined ? {} : { plan: turn.plan }),
  ...(turn.diff === undefined ? {} : { diff: turn.diff })
})
