/**
 * The folded state of one thread: what `decide` needs, and nothing that grows with its history.
 * The active turn is not a field of its own: it is the turn that the session names, and only `starting` and `running` sessions can name one (T3).
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
import * as Remembered from "./Remembered.ts"

/** What a turn is asked to do, and for what: stays with it from the queue to the agent, and back. */
export interface Assignment {
  /** The turn whose work it goes on with. */
  readonly continues: Continues | undefined
  /** The goal that it works towards. */
  readonly goalId: GoalId | undefined
  /** What it does in place of taking its text as a prompt. */
  readonly action: TurnAction | undefined
  readonly text: string
  readonly requestedAt: string
}

/** Of whatever has it: a turn that waits or runs, or its row. */
export const assignmentOf = (turn: Pick<Assignment, "text" | "requestedAt"> & Partial<Assignment>): Assignment => ({
  continues: turn.continues,
  goalId: turn.goalId,
  action: turn.action,
  text: turn.text,
  requestedAt: turn.requestedAt
})

/** A turn between `turn.dispatched` (or a provider's own `turn.started`) and its terminal. */
export interface OpenTurn extends Assignment {
  readonly turnId: TurnId
  /** Of the session that runs it. */
  readonly epoch: number
  readonly origin: TurnOrigin
  /** What the agent's last message in it says of that goal. */
  readonly claim: Goal.Claim | undefined
  readonly stage: "dispatched" | "started"
  readonly interruptRequested: boolean
  /** The clock that ran out, when no person asked for the interrupt (T8). */
  readonly interruptReason: string | undefined
  readonly startedAt: string | undefined
  readonly usage: Usage | undefined
  readonly plan: ReadonlyArray<PlanStep> | undefined
  readonly diff: string | undefined
  /** The last items and requests of this turn that are over: they do not open twice (T9, T13). */
  readonly closed: Remembered.Remembered
}

export interface QueuedTurn extends Assignment {
  readonly turnId: TurnId
  /** It was dispatched before: its user message is in the transcript. */
  readonly shown: boolean
}

export interface OpenItem {
  readonly itemId: ItemId
  readonly turnId: TurnId
  readonly kind: string
  /** As it started. */
  readonly content: ItemContent
  /** The sum of its deltas, at most `maxText` characters. */
  readonly text: string
  /** Characters of deltas beyond that. */
  readonly cut: number
}

export interface OpenRequest {
  readonly requestId: RequestId
  readonly turnId: TurnId
  readonly ask: Ask
  readonly openedAt: string
  /** The request of an earlier turn that asked the same and expired. */
  readonly reasks: RequestId | undefined
}

export interface StopRequest {
  readonly reason: string
  /** The agent broke; absent when somebody wants the session to end. */
  readonly error?: Failure | undefined
}

/** An agent that the thread was taken from. */
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
  /** The last session, also when it is over. */
  readonly session: SessionState | undefined
  readonly capabilities: ReadonlyArray<string>
  readonly resumeKey: string | undefined
  /** While `resumeKey` is that one's, its agent has no copy yet. */
  readonly forkedFrom: typeof ForkSource.Type | undefined
  /** Why the live session is to end; cleared when it has. */
  readonly stopRequested: StopRequest | undefined
  /** What becomes of a turn when its server dies; absent: as the server is set. */
  readonly recovery: RecoveryPolicy | undefined
  readonly afterLimit: AfterLimit | undefined
  readonly labels: Labelled["labels"]
  readonly metadata: Labelled["metadata"]
  /** Work that goes on later, with the prompt of its turn. While there is one, the queue waits. */
  readonly continuation: (Continuation & { readonly text: string; readonly action?: TurnAction | undefined }) | undefined
  readonly goal: Goal.GoalState | undefined
  /** The agent that ran it until now, while the next one was not given the conversation yet. */
  readonly handedFrom: string | undefined
  /** What that agent needs to go on as if nothing had happened, while no other one began a turn. */
  readonly parked: Parked | undefined
  /** The last turn that ended failed. */
  readonly failed: boolean
  /** The last turns of the last session that are over: they do not start twice (T1). */
  readonly over: Remembered.Remembered
  readonly turns: Readonly<Record<string, OpenTurn>>
  readonly queue: ReadonlyArray<QueuedTurn>
  readonly items: Readonly<Record<string, OpenItem>>
  readonly requests: Readonly<Record<string, OpenRequest>>
  /** Work of the live session that outlives its turn: the provider's own ids, at most `maxBackground`. */
  readonly background: ReadonlyArray<string>
  /** Events of the live session so far, by `isActivity`. Of this process only: not in the row (R4). */
  readonly activity: number
  /** Who asked for its last turn: the name of a token, or `local`. Not in the row: read from the log for turns that wait. */
  readonly requestedBy: string | undefined
  /** `false`: the session ends as soon as there is nothing to do. */
  readonly keepSession: boolean
  /** The activity at which the session was last kept for a reason; then it is not said again (R5). */
  readonly keptAt: number | undefined
}

/** Characters of an open item's deltas that are kept for the case that nobody else closes it. */
export const maxText = 200_000

/** Background tasks of one session that are counted. */
export const maxBackground = 100

/** Turns that may wait in one thread. */
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
  over: Remembered.empty,
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

/** Only these can name an active turn (T3). */
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

/** The queued turn that could start now, if its session has a place. */
export const nextTurn = (state: ThreadState): QueuedTurn | undefined =>
  state.deleted ||
  state.continuation !== undefined ||
  state.session?.activeTurnId !== undefined ||
  (hasLiveSession(state) && state.stopRequested !== undefined)
    ? undefined
    : state.queue[0]

/** Its live session has nothing to do and nothing to wait for. */
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

/** Something of it is under way: it stays in memory, and Recovery looks at it. */
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

/** Who began a turn that waits or was given to an agent. */
export const originOf = ({ continues, goalId }: Pick<Assignment, "continues" | "goalId">): TurnOrigin =>
  continues !== undefined ? "continuation" : goalId !== undefined ? "goal" : "user"

/** A turn waits while one of its requests is open. */
export const isWaiting = (state: ThreadState, turnId: string): boolean => {
  for (const id in state.requests) if (state.requests[id]?.turnId === turnId) return true
  return false
}

/** A plan as rows and read models have it. */
export const withoutText = (planned: NonNullable<ThreadState["continuation"]>): Continuation => {
  const { text: _t, action: _a, ...plan } = planned
  return plan
}

/** As read models show it. */
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

/** A turn that waits, as read models show it. */
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
