/** Session, turn and thread as read models show them. */
import { Schema } from "effect"
import { StoredRule } from "./ApprovalRule.ts"
import { AgentReport } from "./AgentReport.ts"
import { AttachmentView } from "./Attachment.ts"
import { Blobs } from "./Blob.ts"
import { Epoch, GoalId, ItemId, Offset, ProjectId, RequestId, ThreadId, TurnId } from "./Ids.ts"
import { labelled } from "./Labels.ts"
import { Failure, PlanStep, RequestView, Usage } from "./Item.ts"
import { oneOf } from "./OneOf.ts"
import { Effective, PermissionMode, ProjectEnv, settled } from "./Settings.ts"

/**
 * How a session got the conversation's history. `fresh`: none. `resumed`: the provider's own history. `replayed`: our log, replayed into a new
 * provider conversation. `handed-off`: a text transcript of another provider's turns (`thread.handover`).
 */
export const Continuity = Schema.Literal("fresh", "resumed", "replayed", "handed-off")
export type Continuity = typeof Continuity.Type

/** How the agent of a fork got the conversation. */
export const ForkWay = Schema.Literal("agent", "transcript")
export type ForkWay = typeof ForkWay.Type

const session = {
  epoch: Epoch,
  reason: Schema.optional(Schema.String),
  continuity: Schema.optional(Continuity),
  lost: Schema.optional(Schema.String).annotations({
    description: "handed-off, replayed: the part of the history that the agent did not receive."
  }),
  fork: Schema.optional(ForkWay).annotations({
    description:
      "Of a fork whose agent has no conversation yet. agent: it copied its own conversation; transcript: it gets the conversation from the log."
  })
}

/**
 * Only `starting` and `running` can name an active turn. The type excludes "ready with an active turn", and decoding it fails (T3).
 */
export const SessionState = Schema.Union(
  Schema.Struct({ ...session, status: Schema.Literal("starting", "running"), activeTurnId: Schema.optional(TurnId) }).annotations(
    {
      identifier: "BusySession"
    }
  ),
  Schema.Struct({
    ...session,
    status: Schema.Literal("ready", "interrupted", "stopped", "error"),
    activeTurnId: Schema.optional(Schema.Never)
  }).annotations({ identifier: "RestingSession" })
).annotations({
  identifier: "Session",
  description: "A session is one agent process. Only `starting` and `running` have an active turn."
})
export type SessionState = typeof SessionState.Type
export type SessionStatus = SessionState["status"]

export const TurnStatus = Schema.Literal("queued", "running", "waiting", "completed", "interrupted", "failed")
export type TurnStatus = typeof TurnStatus.Type

/** A turn that was running when its server died: `settle` ends it; `resume` also continues its work in a new turn; `ask` asks a person first (T5). */
export const RecoveryPolicy = oneOf("settle", "resume", "ask")
export type RecoveryPolicy = typeof RecoveryPolicy.Type

/** The work of a turn that a usage limit ended: `stop` leaves it, `continue` starts a new turn when the limit resets. */
export const AfterLimit = oneOf("stop", "continue")
export type AfterLimit = typeof AfterLimit.Type

/** Who started a turn: a person, the agent, or the server, to continue a turn that was cut off or to work towards a goal. */
export const TurnOrigin = Schema.Literal("user", "provider", "continuation", "goal")
export type TurnOrigin = typeof TurnOrigin.Type

/** `active` starts turns automatically, `paused` waits for a person; the other three are terminal. */
export const GoalStatus = Schema.Literal("active", "paused", "met", "exhausted", "cleared")
export type GoalStatus = typeof GoalStatus.Type

/** The limits of a goal. `turns` is always limited. */
export const GoalBudget = Schema.Struct({
  turns: Schema.Int.pipe(Schema.between(1, 1000)),
  tokens: Schema.optional(Schema.Int.pipe(Schema.positive())).annotations({
    description: "As the agent reports them at the end of a turn. Does not limit an agent that reports none."
  }),
  minutes: Schema.optional(Schema.Number.pipe(Schema.positive(), Schema.lessThanOrEqualTo(525_600))).annotations({
    description: "Wall-clock minutes while the goal is active."
  })
})
export type GoalBudget = typeof GoalBudget.Type

/** What a goal has used. `millis` excludes the time since `activeSince`. */
export const GoalUsed = Schema.Struct({ turns: Schema.Int, tokens: Schema.Int, millis: Schema.Int })
export type GoalUsed = typeof GoalUsed.Type

/** A durable objective. While it is active and its thread is idle, the server starts the next turn. */
export const Goal = Schema.Struct({
  goalId: GoalId,
  objective: Schema.String,
  status: GoalStatus,
  budget: GoalBudget,
  used: GoalUsed.annotations({ description: "As of the goal's last event or turn." }),
  pauseOnUserMessage: Schema.Boolean,
  reason: Schema.optional(Schema.String.annotations({ description: "Why it has this status." })),
  activeSince: Schema.optional(
    Schema.String.annotations({ description: "When it last became active, ISO 8601. Only while it is active." })
  ),
  until: Schema.optional(Schema.String.annotations({ description: "When its `minutes` run out. Only while it is active." })),
  nextAt: Schema.optional(Schema.String.annotations({ description: "When the next turn starts. Set after a very short turn." }))
}).annotations({ identifier: "Goal", description: "A durable objective of a thread." })
export type Goal = typeof Goal.Type

/** The turn whose work another turn continues, and the number of attempts in a row. */
export const Continues = Schema.Struct({
  turnId: TurnId.annotations({ description: "The turn that was cut off. It has ended." }),
  because: Schema.Literal("restart", "limit", "sign-in"),
  restarts: Schema.Int.annotations({ description: "Times the work continued after a restart, this one included." }),
  waits: Schema.Int.annotations({ description: "Times the work waited for a usage limit, this one included." }),
  since: Schema.String.annotations({ description: "When the first turn of the series ended, ISO 8601." }),
  requests: Schema.optional(Schema.Array(Schema.Struct({ requestId: RequestId, words: Schema.String }))).annotations({
    description: "Only in logs of older versions: the requests that were open and expired."
  })
}).annotations({ identifier: "Continues" })
export type Continues = typeof Continues.Type

/** A scheduled continuation: the work continues at a set time, or when a person decides. The queue waits until then. */
export const Continuation = Schema.Struct({
  ...Continues.fields,
  at: Schema.String.annotations({
    description: "When the work continues; with `requestId`: when the request expires. ISO 8601."
  }),
  requestId: Schema.optional(RequestId).annotations({
    description:
      "The request that decides whether the work continues: a held request, or the question whether to continue if none was open."
  }),
  nextTurnId: Schema.optional(TurnId).annotations({
    description: "The id that the new turn will have. Present if requests are held for it."
  })
}).annotations({ identifier: "Continuation" })
export type Continuation = typeof Continuation.Type

const words = (what: string, characters: number) =>
  Schema.String.pipe(
    Schema.minLength(1, { message: () => `${what} must not be empty` }),
    Schema.maxLength(characters, { message: () => `${what} is longer than ${characters} characters` })
  )

/** What to review. The values are those of Codex's `review/start`. */
export const ReviewTarget = Schema.Union(
  Schema.Struct({ type: Schema.Literal("uncommittedChanges") }).annotations({
    description: "Uncommitted changes: staged, unstaged, untracked."
  }),
  Schema.Struct({ type: Schema.Literal("baseBranch"), branch: words("the branch", 1000) }).annotations({
    description: "The changes of the current branch that `branch` does not have."
  }),
  Schema.Struct({
    type: Schema.Literal("commit"),
    sha: words("the sha", 100),
    title: Schema.optional(words("the title", 500)).annotations({ description: "Shown to people." })
  }),
  Schema.Struct({ type: Schema.Literal("custom"), instructions: words("the instructions", 131_072) })
)
export type ReviewTarget = typeof ReviewTarget.Type

/** What a turn does instead of taking a prompt. `type` is the capability that the agent needs. */
export const TurnAction = Schema.Union(
  Schema.Struct({ type: Schema.Literal("compact") }),
  Schema.Struct({ type: Schema.Literal("review"), target: ReviewTarget })
)
export type TurnAction = typeof TurnAction.Type

/** The source thread of a fork, and the part of its conversation that the fork has. */
export const ForkSource = Schema.Struct({
  threadId: ThreadId,
  resumeKey: Schema.optional(Schema.String).annotations({
    description: "What the agent needs to copy its own conversation. Absent: it gets the conversation from the log."
  }),
  nativeTurnId: Schema.optional(Schema.String).annotations({
    description: "With `resumeKey`: the agent's id of the last turn that the fork has, if the agent can copy up to it."
  }),
  turnId: Schema.optional(TurnId).annotations({ description: "The last turn that the fork has." }),
  before: Schema.optional(TurnId).annotations({ description: "The fork has the turns before this one, which it repeats." })
}).annotations({
  identifier: "ForkSource",
  description: "The source of a fork. Without `turnId` and `before`: all turns that had ended when the fork was created."
})

export const TurnView = Schema.Struct({
  turnId: TurnId,
  threadId: ThreadId,
  status: TurnStatus,
  origin: TurnOrigin,
  continues: Schema.optional(Continues).annotations({ description: "continuation: the turn whose work it continues." }),
  goalId: Schema.optional(GoalId).annotations({ description: "The goal that started it, or whose work it continues." }),
  action: Schema.optional(TurnAction).annotations({ description: "What the turn does instead of taking its text as a prompt." }),
  text: Schema.String.annotations({
    description: "The user's prompt, or a description of `action`; empty for a turn that the provider started."
  }),
  attachments: Schema.optional(Schema.Array(AttachmentView)).annotations({ description: "Images and files of the prompt." }),
  requestedAt: Schema.String,
  startedAt: Schema.optional(Schema.String),
  endedAt: Schema.optional(Schema.String),
  reason: Schema.optional(Schema.String),
  error: Schema.optional(Failure),
  usage: Schema.optional(Usage),
  plan: Schema.optional(Schema.Array(PlanStep)),
  diff: Schema.optional(Schema.String),
  blobs: Schema.optional(Blobs)
}).annotations({ identifier: "Turn", description: "A turn: one run of the agent, from its request to its end." })
export type TurnView = typeof TurnView.Type

export const ThreadStatus = Schema.Literal("idle", "queued", "running", "needs-you", "failed")
export type ThreadStatus = typeof ThreadStatus.Type

/** Why the next turn of a thread does not start. An open set: clients show an unknown reason as it is. */
export const Waiting = Schema.Struct({
  reason: Schema.String.annotations({
    description:
      "agents: the maximum number of agents is running; limit: the account's usage limit is reached; command: a command takes files of its directory back, commits or merges them, or removes its worktree; workspace: another thread works in its directory, and one of the two is exclusive; or another reason."
  }),
  message: Schema.String
})
export type Waiting = typeof Waiting.Type

export const ThreadView = Schema.Struct({
  threadId: ThreadId,
  projectId: ProjectId,
  title: Schema.String,
  provider: Schema.String,
  ...settled,
  effective: Schema.optional(Effective).annotations({
    description: "The settings with the defaults of the provider instance. Only in answers: no event carries it."
  }),
  cwd: Schema.String,
  exclusive: Schema.optional(Schema.Literal(true)).annotations({
    description: "No turn of another thread runs in its directory at the same time."
  }),
  alongside: Schema.optional(Schema.Array(ThreadId)).annotations({
    description:
      "Other threads whose turn runs in its directory, in one above it or below it; at most 10. Only in answers: no event carries it."
  }),
  status: ThreadStatus,
  archived: Schema.Boolean,
  session: Schema.optional(SessionState),
  activeTurnId: Schema.optional(TurnId),
  queuedTurnIds: Schema.Array(TurnId),
  openRequestIds: Schema.Array(RequestId),
  openItemIds: Schema.Array(ItemId),
  backgroundIds: Schema.optional(Schema.Array(Schema.String)).annotations({
    description: "Running work of the agent that outlives its turn; the provider's ids."
  }),
  forkedFrom: Schema.optional(ThreadId).annotations({
    description: "The thread whose conversation its agent copied at the start."
  }),
  parentThreadId: Schema.optional(ThreadId).annotations({ description: "The thread whose agent created it." }),
  stopping: Schema.optional(Schema.String).annotations({ description: "Why its session is being stopped." }),
  lastTurnFailed: Schema.optional(Schema.Literal(true)).annotations({
    description: "The last active turn failed, and the status does not show it, because work is open, queued or scheduled."
  }),
  recovery: Schema.optional(RecoveryPolicy).annotations({ description: "Absent: the server's setting." }),
  afterLimit: Schema.optional(AfterLimit).annotations({ description: "Absent: stop." }),
  approve: Schema.optional(Schema.Array(StoredRule)).annotations({ description: "Rules that answer its approvals." }),
  ...labelled,
  continuation: Schema.optional(Continuation).annotations({ description: "Work that is scheduled to continue." }),
  goal: Schema.optional(Goal).annotations({ description: "The latest goal, ended or not." }),
  agent: Schema.optional(AgentReport).annotations({
    description: "What its running agent reports of itself. Only in answers: no event carries it."
  }),
  waiting: Schema.optional(Waiting).annotations({
    description: "Why its next turn waits in the queue. Only in answers: no event carries it."
  }),
  createdAt: Schema.String,
  updatedAt: Schema.String
}).annotations({ identifier: "Thread", description: "A thread: one durable conversation with an agent." })
export type ThreadView = typeof ThreadView.Type

export const ProjectView = Schema.Struct({
  projectId: ProjectId,
  cwd: Schema.String,
  title: Schema.String,
  createdAt: Schema.String,
  env: Schema.optional(ProjectEnv).annotations({ description: "Variables of its agents. Absent: none." }),
  setup: Schema.optional(Schema.String).annotations({
    description: "Command line that runs in each new worktree before its first turn. Absent: none."
  })
}).annotations({ identifier: "Project", description: "A directory with its threads." })
export type ProjectView = typeof ProjectView.Type

/** `GET /api/state`: summaries only. `offset` is the position the snapshot was read at: follow from there. */
export const Snapshot = Schema.Struct({
  logEpoch: Schema.String,
  offset: Offset,
  projects: Schema.Array(ProjectView),
  threads: Schema.Array(ThreadView).annotations({ description: "At most the 500 most recent that are not archived." }),
  requests: Schema.Array(RequestView),
  more: Schema.Boolean.annotations({ description: "There are more threads than shown: page them at /api/threads." })
}).annotations({ identifier: "Snapshot" })
export type Snapshot = typeof Snapshot.Type

/**
 * One page of a read model, newest first. `before` requests the next page and is absent on the last one. `offset` is the log position of the read:
 * the page and the events after `offset` are complete together, without repeats.
 */
export const PageOf = <A, I, R>(item: Schema.Schema<A, I, R>) =>
  Schema.Struct({ items: Schema.Array(item), before: Schema.optional(Schema.Int), offset: Schema.optional(Offset) })

/** A model that an agent offers. `id`: the value of the setting `model`. */
export const OfferedModel = Schema.Struct({
  id: Schema.String,
  name: Schema.String,
  efforts: Schema.optional(Schema.Array(Schema.String)).annotations({ description: "The values of `effort` for this model." })
}).annotations({ identifier: "OfferedModel" })
export type OfferedModel = typeof OfferedModel.Type

/** Most models and most slash commands of an agent that are listed. */
export const maxOffered = 1000

/** What an agent reports that a person can choose. */
const offered = {
  models: Schema.optional(Schema.Array(OfferedModel)).annotations({
    description: "The models that the agent lists, at most 1,000; absent if it lists none, or was not asked yet."
  }),
  commands: Schema.optional(Schema.Array(Schema.Struct({ name: Schema.String, description: Schema.String }))).annotations({
    description: "Its slash commands, at most 1,000, without the slash; absent if it lists none, or was not asked yet."
  })
}

export const ProviderStatus = Schema.Struct({
  provider: Schema.String,
  kind: Schema.optional(
    Schema.String.annotations({ description: "codex | claude | acp | openai | demo: the adapter of a configured instance." })
  ),
  installed: Schema.Boolean,
  version: Schema.optional(Schema.String),
  signedIn: Schema.Literal("yes", "no", "not-needed", "unknown"),
  capabilities: Schema.Array(Schema.String),
  ...offered,
  settings: Schema.optional(Schema.Array(Schema.String)).annotations({
    description: "The settings of a thread that it takes; others are rejected."
  }),
  permissionModes: Schema.optional(Schema.Array(PermissionMode)).annotations({
    description: "The permission modes that it has, least first."
  }),
  defaults: Schema.optional(Effective).annotations({ description: "What holds for a thread that sets nothing else." }),
  checkedAt: Schema.optional(Schema.String),
  fix: Schema.optional(Schema.String.annotations({ description: "What to do when it cannot be used." }))
}).annotations({ identifier: "ProviderStatus", description: "An agent that this server can run, or why it cannot." })
export type ProviderStatus = typeof ProviderStatus.Type
export type Offered = Pick<ProviderStatus, "models" | "commands" | "permissionModes">
