/** The commands that a client may send. The engine decides each one and commits or rejects it in one step (C1, C5). */
import { Schema } from "effect"
import { ApprovalRules } from "./ApprovalRule.ts"
import { GivenAttachments } from "./Attachment.ts"
import { CommandId, Epoch, GoalId, Offset, ProjectId, RequestId, ThreadId, TurnId } from "./Ids.ts"
import { Answers, ChangedInput, Decision } from "./Item.ts"
import { oneOf } from "./OneOf.ts"
import { labelling } from "./Labels.ts"
import { ModelName, ProjectEnv, resetting, setting, Setup } from "./Settings.ts"
import { AfterLimit, GoalBudget, RecoveryPolicy, ReviewTarget } from "./State.ts"
import { schemaName } from "./Text.ts"
import { WorkspaceChoice } from "./WorkspaceChoice.ts"

const text = Schema.String
/** A prompt: 1 to 131,072 UTF-16 code units. */
export const PromptText = Schema.String.pipe(
  Schema.minLength(1, { message: () => "text must not be empty" }),
  Schema.maxLength(131_072, { message: () => "text is longer than 131072 characters; put it into a file of the project" })
)
/** A prompt that may be empty: its turn can have attachments instead. */
const TurnText = Schema.String.pipe(
  Schema.maxLength(131_072, { message: () => "text is longer than 131072 characters; put it into a file of the project" })
).annotations({ description: "The prompt, at most 131,072 characters. Empty only with attachments." })
/** A string with a length limit: rejections quote the value, so its length must be bounded. */
const bounded = (what: string, characters: number) =>
  Schema.String.pipe(Schema.maxLength(characters, { message: () => `${what} is longer than ${characters} characters` }))
const Name = bounded("the name", 200)
const Path = bounded("the path", 4096).pipe(
  Schema.filter((path) => !path.includes("\0") || "the path contains a NUL character, which no directory name allows")
)
const FilePath = Path.pipe(Schema.minLength(1, { message: () => "a path must not be empty" }))
const CommitMessage = bounded("the message", 20_000).pipe(
  Schema.filter((message) => (message.trim() !== "" && !message.includes("\0")) || "the message is empty or has a NUL character")
)
const withoutNul = (what: string, characters: number) =>
  bounded(what, characters).pipe(Schema.filter((words) => !words.includes("\0") || `${what} has a NUL character`))
/** Title of a thread or a project. */
export const Title = Schema.String.pipe(Schema.minLength(1), Schema.maxLength(500))

/** What to do when a turn runs already (T12). */
export const Strategy = oneOf("enqueue", "steer", "interrupt", "reject")
export type Strategy = typeof Strategy.Type

/** Body of each command, without `commandId` and `type`. */
export const CommandBody = {
  "project.create": Schema.Struct({ cwd: Path, title: Schema.optional(Title) }),
  "project.update": Schema.Struct({
    projectId: ProjectId,
    title: Schema.optional(Title),
    env: Schema.optional(ProjectEnv).annotations({
      description: "Variables of the agents of the project, from their next session on. Replaces all of them."
    }),
    setup: Schema.optional(Schema.NullOr(Setup)).annotations({
      description: "Command line that runs in each new worktree before its first turn, with `/bin/sh -c`; null: none."
    })
  }),
  "project.delete": Schema.Struct({
    projectId: ProjectId,
    purge: Schema.optional(Schema.Boolean).annotations({
      description:
        "Deletes the project's threads too, also the archived ones. Default: a project that has threads is not deleted."
    })
  }),
  "thread.create": Schema.Struct({
    provider: Name,
    ...setting,
    projectId: Schema.optional(ProjectId),
    cwd: Schema.optional(Path),
    title: Schema.optional(Title),
    recovery: Schema.optional(RecoveryPolicy).annotations({ description: "Default: the server's setting." }),
    afterLimit: Schema.optional(AfterLimit).annotations({ description: "Default: stop." }),
    approve: Schema.optional(ApprovalRules).annotations({
      description: "Rules that answer its approvals. The first match counts; the server's rules come after these."
    }),
    ...labelling,
    keepSession: Schema.optional(Schema.Boolean).annotations({
      description: "false: the agent's session ends as soon as the thread is idle. Default: it ends after the idle time."
    }),
    workspace: Schema.optional(WorkspaceChoice).annotations({ description: "Default: the directory." }),
    turn: Schema.optional(Schema.Struct({ text: TurnText, attachments: Schema.optional(GivenAttachments) }))
  }),
  "thread.rename": Schema.Struct({ threadId: ThreadId, title: Title }),
  /** Settings hold from the next turn on; a running turn is not changed. */
  "thread.configure": Schema.Struct({
    threadId: ThreadId,
    recovery: Schema.optional(RecoveryPolicy),
    afterLimit: Schema.optional(AfterLimit),
    approve: Schema.optional(Schema.NullOr(ApprovalRules)).annotations({
      description: "Rules that answer its approvals, from now on. Replaces all of them; null: none."
    }),
    ...resetting,
    ...labelling
  }),
  /** Hands the conversation over to another agent. Rejected while a turn runs. */
  "thread.handover": Schema.Struct({ threadId: ThreadId, provider: Name, model: Schema.optional(ModelName) }),
  /**
   * Creates a thread with the settings of this one, whose agent has a copy of its conversation: the agent's own copy if it can make one of this part, else
   * the transcript. Without `turnId` rejected while a turn runs.
   */
  "thread.fork": Schema.Struct({
    threadId: ThreadId,
    turnId: Schema.optional(TurnId).annotations({
      description: "The last turn that the fork has; it has ended. Default: all turns."
    }),
    title: Schema.optional(Title)
  }),
  /** Forks the thread before a turn that has ended, and sends the prompt of the turn again, as it was or changed. */
  "turn.retry": Schema.Struct({
    threadId: ThreadId,
    turnId: TurnId,
    text: Schema.optional(TurnText).annotations({ description: "Default: the turn's text." }),
    attachments: Schema.optional(GivenAttachments).annotations({ description: "Default: the turn's attachments." })
  }),
  /** Requests a turn in which the agent compacts its conversation. Rejected if the agent cannot. */
  "thread.compact": Schema.Struct({ threadId: ThreadId }),
  /** Requests a turn in which the agent reviews changes. Rejected if the agent cannot. */
  "thread.review": Schema.Struct({ threadId: ThreadId, target: ReviewTarget }),
  /**
   * Takes the files, the conversation, or both back to the state before a turn, or the files to the `checkpoint` of an earlier rewind. Rejected while a turn
   * runs in the thread, or in another thread of the work tree. The conversation goes back in a fork, whose id is the result's `threadId`.
   */
  "thread.rewind": Schema.Struct({
    threadId: ThreadId,
    turnId: Schema.optional(TurnId),
    files: Schema.optional(Schema.Boolean),
    conversation: Schema.optional(Schema.Boolean),
    expected: Schema.optional(bounded("expected", 200)).annotations({
      description: "Of the preview. Without it, the rewind is rejected if it would overwrite what others have changed."
    }),
    checkpoint: Schema.optional(bounded("the checkpoint", 200)).annotations({ description: "Instead of `turnId`." })
  }),
  /**
   * Takes single files back to how they were before a turn, as `thread.rewind` does; all other files stay. The result's `checkpoint` leads back, by
   * `thread.rewind`. Rejected, without a change, if no turn since then changed one of the files.
   */
  "workspace.discard": Schema.Struct({
    threadId: ThreadId,
    paths: Schema.Array(FilePath).pipe(Schema.minItems(1), Schema.maxItems(1000)).annotations({
      description: "The files, relative to the thread's directory. A renamed file has two paths."
    }),
    turnId: Schema.optional(TurnId).annotations({
      description: "The state before this turn. Default: the thread's first checkpoint, where its diff begins."
    }),
    expected: Schema.optional(bounded("expected", 200)).annotations({
      description: "Of the preview. Without it, the command is rejected if it would overwrite what others have changed."
    })
  }),
  /** Removes the worktree of a thread if it is clean and merged, or with `force`. */
  "workspace.remove": Schema.Struct({
    threadId: ThreadId.annotations({ description: "The thread whose worktree is removed. It may be deleted." }),
    force: Schema.optional(Schema.Boolean).annotations({
      description: "Also if changes, or commits of a detached HEAD, are lost with it. Default: then it is rejected."
    })
  }),
  /** Commits changes of the thread's work tree by the person's git identity, with hooks. Rejected while a turn runs in the work tree. */
  "workspace.commit": Schema.Struct({
    threadId: ThreadId,
    message: CommitMessage,
    paths: Schema.optional(Schema.Array(FilePath).pipe(Schema.minItems(1), Schema.maxItems(1000))).annotations({
      description:
        "The files to commit, relative to the thread's directory; nothing else is committed. Default, in a worktree of the thread: all changes. Required in any other directory."
    })
  }),
  /**
   * Merges the branch of the thread's worktree into the branch that the project's directory has checked out. Both have no uncommitted changes, and no turn
   * runs in them. Rejected with the paths if it conflicts; then nothing is changed.
   */
  "workspace.merge": Schema.Struct({ threadId: ThreadId }),
  /** Pushes the branch of the thread's work tree to the branch of the same name, never by force. A branch without an upstream gets one. */
  "workspace.push": Schema.Struct({
    threadId: ThreadId,
    remote: Schema.optional(Name).annotations({
      description: "The name of a remote. Default: the branch's own, the only one, or origin."
    })
  }),
  /**
   * Pushes as `workspace.push` does, and opens a pull request (GitLab: a merge request) with the `gh` or `glab` of the person. If the branch has an open one,
   * the result is that. Rejected before the push if no such program is signed in to the remote's host.
   */
  "workspace.propose": Schema.Struct({
    threadId: ThreadId,
    title: Schema.optional(
      withoutNul("the title", 250).pipe(Schema.filter((title) => title.trim() !== "" || "the title is empty"))
    ).annotations({
      description: "Default: the thread's title."
    }),
    body: Schema.optional(withoutNul("the body", 20_000)).annotations({ description: "Markdown. Default: empty." }),
    base: Schema.optional(withoutNul("the base", 200)).annotations({
      description: "The branch to merge into. Default: the repository's default branch."
    }),
    draft: Schema.optional(Schema.Boolean),
    remote: Schema.optional(Name).annotations({ description: "As of `workspace.push`." })
  }),
  "thread.archive": Schema.Struct({ threadId: ThreadId }),
  "thread.unarchive": Schema.Struct({ threadId: ThreadId }),
  "thread.delete": Schema.Struct({ threadId: ThreadId }),
  "turn.start": Schema.Struct({
    threadId: ThreadId,
    text: TurnText,
    attachments: Schema.optional(GivenAttachments),
    strategy: Schema.optional(Strategy).annotations({ description: "Default: enqueue." }),
    expectedTurnId: Schema.optional(TurnId).annotations({ description: "Rejected unless this is the active turn." })
  }),
  /** Sets the thread's goal and replaces an earlier one. */
  "goal.set": Schema.Struct({
    threadId: ThreadId,
    objective: Schema.String.pipe(
      Schema.minLength(1),
      Schema.maxLength(4000, { message: () => "the objective is longer than 4000 characters; put it into a file of the project" })
    ),
    budget: Schema.optional(Schema.partialWith(GoalBudget, { exact: true })).annotations({ description: "Default: 25 turns." }),
    pauseOnUserMessage: Schema.optional(Schema.Boolean).annotations({
      description: "A message from a user pauses the goal. Default: false."
    })
  }),
  /** Starts no further turn for the goal. The running turn continues to its end. */
  "goal.pause": Schema.Struct({ threadId: ThreadId }),
  "goal.resume": Schema.Struct({ threadId: ThreadId }),
  "goal.clear": Schema.Struct({ threadId: ThreadId }),
  /** Cancels a scheduled continuation and releases the queue. */
  "continuation.cancel": Schema.Struct({ threadId: ThreadId }),
  "turn.interrupt": Schema.Struct({ threadId: ThreadId, turnId: Schema.optional(TurnId) }),
  /** The four commands from here to `turn.promote` apply to queued turns only, never to the running one. */
  "turn.edit": Schema.Struct({
    threadId: ThreadId,
    turnId: TurnId,
    text: TurnText,
    attachments: Schema.optional(
      GivenAttachments.annotations({ description: "Replace the turn's attachments. Default: they stay." })
    )
  }),
  "turn.remove": Schema.Struct({ threadId: ThreadId, turnId: TurnId }),
  "turn.reorder": Schema.Struct({
    threadId: ThreadId,
    turnIds: Schema.Array(TurnId).pipe(Schema.minItems(1)).annotations({
      description: "The turns to put first in the queue, in this order. The other queued turns follow in their present order."
    })
  }),
  "turn.promote": Schema.Struct({
    threadId: ThreadId,
    turnId: TurnId,
    strategy: Schema.optional(Schema.Literal("enqueue", "steer", "interrupt")).annotations({
      description:
        "enqueue (default): the turn runs next. interrupt: it runs next, and the running turn is interrupted. steer: its text and attachments are added to the running turn, and it ends without running; if that is not possible, it runs next."
    })
  }),
  "request.answer": Schema.Struct({
    requestId: RequestId,
    decision: Schema.optional(Decision),
    optionId: Schema.optional(bounded("the option's id", 1000)).annotations({
      description: "Id of one of the request's `options`. Replaces `decision`."
    }),
    answers: Schema.optional(Answers),
    reason: Schema.optional(bounded("the reason", 4000)).annotations({
      description: "Why, in the event and, with a decline, for an agent that takes it (`takes` of the request). Approvals only."
    }),
    input: Schema.optional(ChangedInput).annotations({
      description:
        "With `accept`: what the agent does instead. Rejected (`Unsupported`) unless the request's `takes` has `input`."
    })
  }),
  "session.stop": Schema.Struct({
    threadId: ThreadId,
    expectedEpoch: Schema.optional(Epoch),
    children: Schema.optional(Schema.Boolean).annotations({
      description: "true: the sessions of the threads that its agent created, and of their children, are stopped too."
    })
  })
} as const

export type CommandType = keyof typeof CommandBody
/** `body` is a separate parameter so that its fields stay in the type. */
const command = <const T extends CommandType, F extends Schema.Struct.Fields>(type: T, body: Schema.Struct<F>) =>
  Schema.Struct({ commandId: CommandId, type: Schema.Literal(type), ...body.fields }).annotations({
    identifier: `${schemaName(type)}Command`
  })

export const Command = Schema.Union(
  command("project.create", CommandBody["project.create"]),
  command("project.update", CommandBody["project.update"]),
  command("project.delete", CommandBody["project.delete"]),
  command("thread.create", CommandBody["thread.create"]),
  command("thread.rename", CommandBody["thread.rename"]),
  command("thread.configure", CommandBody["thread.configure"]),
  command("thread.handover", CommandBody["thread.handover"]),
  command("thread.fork", CommandBody["thread.fork"]),
  command("turn.retry", CommandBody["turn.retry"]),
  command("thread.compact", CommandBody["thread.compact"]),
  command("thread.review", CommandBody["thread.review"]),
  command("thread.rewind", CommandBody["thread.rewind"]),
  command("workspace.discard", CommandBody["workspace.discard"]),
  command("workspace.remove", CommandBody["workspace.remove"]),
  command("workspace.commit", CommandBody["workspace.commit"]),
  command("workspace.merge", CommandBody["workspace.merge"]),
  command("workspace.push", CommandBody["workspace.push"]),
  command("workspace.propose", CommandBody["workspace.propose"]),
  command("thread.archive", CommandBody["thread.archive"]),
  command("thread.unarchive", CommandBody["thread.unarchive"]),
  command("thread.delete", CommandBody["thread.delete"]),
  command("turn.start", CommandBody["turn.start"]),
  command("goal.set", CommandBody["goal.set"]),
  command("goal.pause", CommandBody["goal.pause"]),
  command("goal.resume", CommandBody["goal.resume"]),
  command("goal.clear", CommandBody["goal.clear"]),
  command("continuation.cancel", CommandBody["continuation.cancel"]),
  command("turn.interrupt", CommandBody["turn.interrupt"]),
  command("turn.edit", CommandBody["turn.edit"]),
  command("turn.remove", CommandBody["turn.remove"]),
  command("turn.reorder", CommandBody["turn.reorder"]),
  command("turn.promote", CommandBody["turn.promote"]),
  command("request.answer", CommandBody["request.answer"]),
  command("session.stop", CommandBody["session.stop"])
).annotations({ identifier: "Command", description: "A command with an id that you choose. `type` selects the fields." })
export type Command = typeof Command.Type
export type CommandOf<T extends CommandType> = Extract<Command, { readonly type: T }>
export type BodyOf<T extends CommandType> = (typeof CommandBody)[T]["Type"]

/** Builds a command from its id, type and body. */
export const make = <T extends CommandType>(commandId: CommandId, type: T, body: BodyOf<T>): CommandOf<T> =>
  // `Command` is the union of these bodies with these two fields, which TypeScript cannot derive through a type parameter.
  ({ commandId, type, ...body }) as CommandOf<T>

/** The result of a command, in addition to its position. */
export const CommandResult = Schema.Struct({
  projectId: Schema.optional(ProjectId),
  threadId: Schema.optional(ThreadId),
  turnId: Schema.optional(TurnId),
  goalId: Schema.optional(GoalId),
  checkpoint: Schema.optional(Schema.String).annotations({
    description:
      "thread.rewind and workspace.discard: the files as they were before the command. Send `thread.rewind` with it to go back."
  }),
  commit: Schema.optional(Schema.String).annotations({
    description:
      "workspace.commit: the new commit. workspace.merge: what the project's branch is at now. workspace.push and workspace.propose: the commit that was pushed."
  }),
  url: Schema.optional(Schema.String).annotations({ description: "workspace.propose: the address of the pull request." }),
  outcome: Schema.optional(
    Schema.Literal("answered", "already-settled", "interrupting", "dequeued", "not-running", "queued", "started", "steering")
  )
})
export type CommandResult = typeof CommandResult.Type

/** Accepted means committed (C1). Follow after `cursor` to receive what the command causes. */
export const Accepted = Schema.Struct({
  status: Schema.Literal("accepted"),
  commandId: CommandId,
  offset: Offset.annotations({ description: "Offset of the command's last event, or the head if the command wrote no event." }),
  cursor: Schema.String,
  replayed: Schema.optional(Schema.Literal(true)).annotations({
    description: "The same command was accepted before; this is the stored answer."
  }),
  ...CommandResult.fields
}).annotations({
  identifier: "Accepted",
  description: "The command is committed. Follow the log after `cursor` to receive what it causes."
})
export type Accepted = typeof Accepted.Type

/** `GET /api/commands/ID`. */
export const CommandStatus = Schema.Union(
  Accepted,
  Schema.Struct({ status: Schema.Literal("rejected"), commandId: CommandId, rule: text, message: text }).annotations({
    identifier: "Rejected"
  })
).annotations({ identifier: "CommandStatus" })
export type CommandStatus = typeof CommandStatus.Type
