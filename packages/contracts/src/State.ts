/** Session, turn and thread as read models show them. */
import { Schema } from "effect"
import { Epoch, ItemId, Offset, ProjectId, RequestId, ThreadId, TurnId } from "./Ids.ts"
import { Failure, PlanStep, RequestView, Usage } from "./Item.ts"

/** How a session came by the conversation's past: nothing was carried over, the provider's own history, or ours replayed into a new one. */
export const Continuity = Schema.Literal("fresh", "resumed", "replayed")
export type Continuity = typeof Continuity.Type

const session = { epoch: Epoch, reason: Schema.optional(Schema.String), continuity: Schema.optional(Continuity) }

/**
 * Only `starting` and `running` can name an active turn: "ready with an active turn" cannot be written down, and decoding it fails (T3).
 */
export const SessionState = Schema.Union(
  Schema.Struct({ ...session, status: Schema.Literal("starting", "running"), activeTurnId: Schema.optional(TurnId) }),
  Schema.Struct({
    ...session,
    status: Schema.Literal("ready", "interrupted", "stopped", "error"),
    activeTurnId: Schema.optional(Schema.Never)
  })
)
export type SessionState = typeof SessionState.Type
export type SessionStatus = SessionState["status"]

export const TurnStatus = Schema.Literal("queued", "running", "waiting", "completed", "interrupted", "failed")
export type TurnStatus = typeof TurnStatus.Type

export const TurnView = Schema.Struct({
  turnId: TurnId,
  threadId: ThreadId,
  status: TurnStatus,
  origin: Schema.Literal("user", "provider"),
  text: Schema.String.annotations({ description: "What the user asked; empty for a turn the provider began." }),
  requestedAt: Schema.String,
  startedAt: Schema.optional(Schema.String),
  endedAt: Schema.optional(Schema.String),
  reason: Schema.optional(Schema.String),
  error: Schema.optional(Failure),
  usage: Schema.optional(Usage),
  plan: Schema.optional(Schema.Array(PlanStep)),
  diff: Schema.optional(Schema.String)
})
export type TurnView = typeof TurnView.Type

export const ThreadStatus = Schema.Literal("idle", "queued", "running", "needs-you", "failed")
export type ThreadStatus = typeof ThreadStatus.Type

export const ThreadView = Schema.Struct({
  threadId: ThreadId,
  projectId: ProjectId,
  title: Schema.String,
  provider: Schema.String,
  model: Schema.optional(Schema.String),
  cwd: Schema.String,
  status: ThreadStatus,
  archived: Schema.Boolean,
  session: Schema.optional(SessionState),
  activeTurnId: Schema.optional(TurnId),
  queuedTurnIds: Schema.Array(TurnId),
  openRequestIds: Schema.Array(RequestId),
  openItemIds: Schema.Array(ItemId),
  backgroundIds: Schema.optional(Schema.Array(Schema.String)).annotations({
    description: "Work of the agent that outlives its turn and goes on; the provider's own ids."
  }),
  createdAt: Schema.String,
  updatedAt: Schema.String
})
export type ThreadView = typeof ThreadView.Type

export const ProjectView = Schema.Struct({
  projectId: ProjectId,
  cwd: Schema.String,
  title: Schema.String,
  createdAt: Schema.String
})
export type ProjectView = typeof ProjectView.Type

/** `GET /api/state`: summaries only. `offset` is the position the snapshot was read at: follow from there. */
export const Snapshot = Schema.Struct({
  logEpoch: Schema.String,
  offset: Offset,
  projects: Schema.Array(ProjectView),
  threads: Schema.Array(ThreadView).annotations({ description: "At most the 500 most recent that are not archived." }),
  requests: Schema.Array(RequestView),
  more: Schema.Boolean.annotations({ description: "There are more threads than shown: page them at /api/threads." })
})
export type Snapshot = typeof Snapshot.Type

/** One page of a read model, newest first; `before` asks for the next page and is absent on the last. */
export const PageOf = <A, I, R>(item: Schema.Schema<A, I, R>) =>
  Schema.Struct({ items: Schema.Array(item), before: Schema.optional(Schema.Int) })

export const ProviderStatus = Schema.Struct({
  provider: Schema.String,
  installed: Schema.Boolean,
  version: Schema.optional(Schema.String),
  signedIn: Schema.Literal("yes", "no", "not-needed", "unknown"),
  capabilities: Schema.Array(Schema.String),
  checkedAt: Schema.optional(Schema.String),
  fix: Schema.optional(Schema.String.annotations({ description: "What to do when it cannot be used." }))
})
export type ProviderStatus = typeof ProviderStatus.Type
