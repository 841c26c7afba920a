/** Session, turn and thread as read models show them. */
import { Schema } from "effect"
import { Epoch, GoalId, ItemId, Offset, ProjectId, RequestId, ThreadId, TurnId } from "./Ids.ts"
import { labelled } from "./Labels.ts"
import { Failure, oneOf, PlanStep, RequestView, Usage } from "./Item.ts"

/**
 * How a session came by the conversation's past: nothing was carried over, the provider's own history, ours replayed into a new one, or what another
 * provider said and did, as text (`thread.handover`).
 */
export const Continuity = Schema.Literal("fresh", "resumed", "replayed", "handed-off")
export type Continuity = typeof Continuity.Type

const session = {
  epoch: Epoch,
  reason: Schema.optional(Schema.String),
  continuity: Schema.optional(Continuity),
  lost: Schema.optional(Schema.String).annotations({
    description: "handed-off, replayed: what of the past the agent was not given."
  })
}

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

/** What becomes of a turn that ran when its server died: it is ended; its work goes on in a new turn; a person is asked (T5). */
export const RecoveryPolicy = oneOf("settle", "resume", "ask")
export type RecoveryPolicy = typeof RecoveryPolicy.Type

/** What becomes of the work of a turn that a usage limit ended: nothing more, or a new turn when the limit is over. */
export const AfterLimit = oneOf("stop", "continue")
export type AfterLimit = typeof AfterLimit.Type

/** Who began a turn: a person, the agent by itself, or the server, to go on with the work of a turn that was cut off, or towards a goal. */
export const TurnOrigin = Schema.Literal("user", "provider", "continuation", "goal")
export type TurnOrigin = typeof TurnOrigin.Type

/** `active` begins turns by itself, `paused` waits for a person; the others are ends. */
export const GoalStatus = Schema.Literal("active", "paused", "met", "exhausted", "cleared")
export type GoalStatus = typeof GoalStatus.Type

/** What a goal may use; `turns` is always bounded. */
export const GoalBudget = Schema.Struct({
  turns: Schema.Int.pipe(Schema.between(1, 1000)),
  tokens: Schema.optional(Schema.Int.pipe(Schema.positive())).annotations({
    description: "As agents count them at the end of a turn; one that does not count is not bounded by it."
  }),
  minutes: Schema.optional(Schema.Number.pipe(Schema.positive(), Schema.lessThanOrEqualTo(525_600))).annotations({
    description: "By the clock, while the goal is active."
  })
})
export type GoalBudget = typeof GoalBudget.Type

/** What it used; `millis` without the time since `activeSince`. */
export const GoalUsed = Schema.Struct({ turns: Schema.Int, tokens: Schema.Int, millis: Schema.Int })
export type GoalUsed = typeof GoalUsed.Type

/** A durable objective: while it is active and its thread idle, the server begins the next turn. */
export const Goal = Schema.Struct({
  goalId: GoalId,
  objective: Schema.String,
  status: GoalStatus,
  budget: GoalBudget,
  used: GoalUsed.annotations({ description: "As of the goal's last event or turn." }),
  pauseOnUserMessage: Schema.Boolean,
  reason: Schema.optional(Schema.String.annotations({ description: "Why it has this status." })),
  activeSince: Schema.optional(Schema.String.annotations({ description: "While it is active, ISO 8601." })),
  until: Schema.optional(Schema.String.annotations({ description: "When its minutes are over, while it is active." })),
  nextAt: Schema.optional(Schema.String.annotations({ description: "Its last turn was short: the next one begins then." }))
})
export type Goal = typeof Goal.Type

/** The turn whose work another one goes on with, and how often that was tried in a row. */
export const Continues = Schema.Struct({
  turnId: TurnId.annotations({ description: "The turn that was cut off; it is over." }),
  because: Schema.Literal("restart", "limit"),
  restarts: Schema.Int.annotations({ description: "Begun again after a restart so often, this time counted." }),
  waits: Schema.Int.annotations({ description: "Waited for a usage limit so often, this time counted." }),
  since: Schema.String.annotations({ description: "When the first turn of the row ended, ISO 8601." }),
  requests: Schema.optional(Schema.Array(Schema.Struct({ requestId: RequestId, words: Schema.String }))).annotations({
    description: "What was open then and expired; `words` is a digest of what was asked, by which an asking-again is known."
  })
})
export type Continues = typeof Continues.Type

/** Work that goes on by itself at a time, or when a person says so. Meanwhile the queue waits. */
export const Continuation = Schema.Struct({
  ...Continues.fields,
  at: Schema.String.annotations({
    description: "When it goes on by itself; with `requestId`: when nobody is asked any more. ISO 8601."
  }),
  requestId: Schema.optional(RequestId).annotations({ description: "The question that decides it." })
})
export type Continuation = typeof Continuation.Type

const words = (what: string, characters: number) =>
  Schema.String.pipe(
    Schema.minLength(1, { message: () => `${what} must not be empty` }),
    Schema.maxLength(characters, { message: () => `${what} is longer than ${characters} characters` })
  )

/** What a review looks at, in the words of Codex' `review/start`. */
export const ReviewTarget = Schema.Union(
  Schema.Struct({ type: Schema.Literal("uncommittedChanges") }).annotations({
    description: "What is not committed: staged, unstaged, untracked."
  }),
  Schema.Struct({ type: Schema.Literal("baseBranch"), branch: words("the branch", 1000) }).annotations({
    description: "What the current branch has and that one has not."
  }),
  Schema.Struct({
    type: Schema.Literal("commit"),
    sha: words("the sha", 100),
    title: Schema.optional(words("the title", 500)).annotations({ description: "For people." })
  }),
  Schema.Struct({ type: Schema.Literal("custom"), instructions: words("the instructions", 131_072) })
)
export type ReviewTarget = typeof ReviewTarget.Type

/** What a turn does in place of taking a prompt; `type` is the capability that its agent needs. */
export const TurnAction = Schema.Union(
  Schema.Struct({ type: Schema.Literal("compact") }),
  Schema.Struct({ type: Schema.Literal("review"), target: ReviewTarget })
)
export type TurnAction = typeof TurnAction.Type

/** The thread whose conversation another one has a copy of, and what its agent needs to make that. */
export const ForkSource = Schema.Struct({ threadId: ThreadId, resumeKey: Schema.String })

export const TurnView = Schema.Struct({
  turnId: TurnId,
  threadId: ThreadId,
  status: TurnStatus,
  origin: TurnOrigin,
  continues: Schema.optional(Continues).annotations({ description: "continuation: the turn whose work it goes on with." }),
  goalId: Schema.optional(GoalId).annotations({ description: "The goal that began it, or whose work it goes on with." }),
  action: Schema.optional(TurnAction).annotations({ description: "What it does in place of taking its text as a prompt." }),
  text: Schema.String.annotations({
    description: "What the user asked, or its `action` in words; empty for a turn the provider began."
  }),
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

/** Why the next turn of a thread does not start. Open: clients show a word that they do not know. */
export const Waiting = Schema.Struct({
  reason: Schema.String.annotations({
    description: "agents: as many agents live as may; limit: the account's usage limit is reached; or another word."
  }),
  message: Schema.String
})
export type Waiting = typeof Waiting.Type

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
  forkedFrom: Schema.optional(ThreadId).annotations({
    description: "Its agent began with a copy of that thread's conversation."
  }),
  stopping: Schema.optional(Schema.String).annotations({ description: "Its session is being ended, for this reason." }),
  recovery: Schema.optional(RecoveryPolicy).annotations({ description: "Absent: as the server is set." }),
  afterLimit: Schema.optional(AfterLimit).annotations({ description: "Absent: stop." }),
  ...labelled,
  continuation: Schema.optional(Continuation).annotations({ description: "Work that goes on later." }),
  goal: Schema.optional(Goal).annotations({ description: "The last one, also when it is over." }),
  waiting: Schema.optional(Waiting).annotations({
    description: "Its next turn waits in the queue, for this reason. Only in answers: no event carries it."
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

/**
 * One page of a read model, newest first; `before` asks for the next page and is absent on the last. `offset`: the position of the log it was
 * read at, so that it and the events behind that position are the whole, once.
 */
export const PageOf = <A, I, R>(item: Schema.Schema<A, I, R>) =>
  Schema.Struct({ items: Schema.Array(item), before: Schema.optional(Schema.Int), offset: Schema.optional(Offset) })

export const ProviderStatus = Schema.Struct({
  provider: Schema.String,
  kind: Schema.optional(
    Schema.String.annotations({ description: "codex | claude | acp | openai | demo: what a configured instance is one of." })
  ),
  installed: Schema.Boolean,
  version: Schema.optional(Schema.String),
  signedIn: Schema.Literal("yes", "no", "not-needed", "unknown"),
  capabilities: Schema.Array(Schema.String),
  models: Schema.optional(
    Schema.Array(Schema.String).annotations({
      description: "Models that it said it has, at most 1,000; absent when it does not tell."
    })
  ),
  checkedAt: Schema.optional(Schema.String),
  fix: Schema.optional(Schema.String.annotations({ description: "What to do when it cannot be used." }))
})
export type ProviderStatus = typeof ProviderStatus.Type
