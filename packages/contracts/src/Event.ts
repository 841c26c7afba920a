/**
 * The events of the log: the `data` of each type; the envelope is `LogEvent`. `EventDocs.ts` says when each is written, with examples.
 * The engine writes them, from commands and provider events; the log itself writes `log.*`.
 */
import { Schema } from "effect"
import { StoredRule } from "./ApprovalRule.ts"
import { Attachment, Delivered } from "./Attachment.ts"
import { Blobs } from "./Blob.ts"
import type { eventTypes } from "./EventTypes.ts"
import { CommandId, Epoch, GoalId, ItemId, Offset, ProjectId, RequestId, StreamName, ThreadId, TurnId } from "./Ids.ts"
import { ImportedData, ImportSource } from "./Import.ts"
import { Answer, Ask, Failure, ItemContent, ItemKind, ItemRole, ItemStatus, PlanStep, Usage } from "./Item.ts"
import { labelled } from "./Labels.ts"
import { ProjectEnv, resetting, settled } from "./Settings.ts"
import {
  AfterLimit,
  Continuation,
  Continues,
  Continuity,
  ForkSource,
  Goal,
  GoalUsed,
  RecoveryPolicy,
  SessionState,
  TurnAction,
  TurnOrigin
} from "./State.ts"

export { domainEvent, isTerminal, terminals } from "./EventTypes.ts"

const thread = { threadId: ThreadId }
const turn = { threadId: ThreadId, turnId: TurnId }
const item = { ...turn, itemId: ItemId, kind: ItemKind, role: ItemRole }
const checkpoint = { ...turn, point: Schema.Literal("start", "end") }
const request = { ...turn, requestId: RequestId }
const repeatedAs = RequestId.annotations({ description: "The id under which the agent asked again after a restart." })
const background = { ...thread, epoch: Epoch, taskId: Schema.String.annotations({ description: "The agent's id of the work." }) }
const reason = Schema.String.annotations({ description: "The reason, as a sentence that a person can act on." })
const text = Schema.String
const attachments = Schema.optional(Schema.Array(Attachment))

/** The whole goal after this event. */
const goal = Schema.Struct({ ...thread, ...Goal.fields })

const terminal = {
  ...turn,
  reason: Schema.optional(reason),
  usage: Schema.optional(Usage),
  goalId: Schema.optional(GoalId).annotations({
    description: "The goal that the turn worked towards. Logs of older versions do not have it."
  })
}

/** Data of each event type. */
export const EventData = {
  "project.created": Schema.Struct({ projectId: ProjectId, cwd: text, title: text }),
  "project.updated": Schema.Struct({
    projectId: ProjectId,
    title: text,
    env: Schema.optional(ProjectEnv),
    setup: Schema.optional(Schema.NullOr(text)).annotations({
      description: "Absent: not changed. null: new worktrees have no setup command any more."
    })
  }),
  "project.deleted": Schema.Struct({ projectId: ProjectId }),

  "thread.created": Schema.Struct({
    ...thread,
    projectId: ProjectId,
    provider: text,
    ...settled,
    title: text,
    cwd: text,
    workspace: Schema.optional(
      Schema.Struct({ kind: Schema.Literal("worktree"), branch: text, commit: text }).annotations({
        description: "`cwd` is in a worktree that was created for the thread, with this branch, which began at this commit."
      })
    ),
    recovery: Schema.optional(RecoveryPolicy),
    afterLimit: Schema.optional(AfterLimit),
    approve: Schema.optional(Schema.Array(StoredRule)),
    ...labelled,
    keepSession: Schema.optional(Schema.Boolean),
    exclusive: Schema.optional(Schema.Literal(true)).annotations({
      description: "No turn of another thread runs in its directory at the same time."
    }),
    imported: Schema.optional(ImportSource),
    forkedFrom: Schema.optional(ForkSource),
    parentThreadId: Schema.optional(ThreadId).annotations({
      description: "The thread whose agent created it, by the server's built-in MCP server."
    })
  }),
  "thread.updated": Schema.Struct({
    ...thread,
    title: Schema.optional(text),
    ...resetting,
    recovery: Schema.optional(RecoveryPolicy),
    afterLimit: Schema.optional(AfterLimit),
    approve: Schema.optional(Schema.NullOr(Schema.Array(StoredRule))),
    ...labelled
  }),
  "thread.handed-over": Schema.Struct({
    ...thread,
    provider: text,
    from: text,
    model: Schema.optional(text).annotations({
      description:
        "The thread's model from now on; absent: the agent's default. In logs of older versions also absent for an agent that keeps the model of its earlier session."
    }),
    effort: Schema.optional(text).annotations({
      description: "Present for an agent that is handed back: the effort of its earlier session."
    })
  }),
  "thread.archived": Schema.Struct(thread),
  "thread.unarchived": Schema.Struct(thread),
  "thread.deleted": Schema.Struct(thread),

  /** Ends everything that an older epoch left open (T3). */
  "session.started": Schema.extend(Schema.Struct({ ...thread, provider: text }), SessionState),
  "session.state.changed": Schema.extend(
    Schema.Struct({
      ...thread,
      resumeKey: Schema.optional(text).annotations({
        description: "What the agent needs to continue this conversation in a later process."
      }),
      capabilities: Schema.optional(Schema.Array(text)).annotations({ description: "What the opened agent can do." })
    }),
    SessionState
  ),
  /** Intent: the dispatcher ends the process. */
  "session.stop.requested": Schema.Struct({
    ...thread,
    epoch: Epoch,
    reason,
    error: Schema.optional(Failure).annotations({
      description: "Present if the agent failed; absent if the stop was requested."
    })
  }),
  "session.stopped": Schema.Struct({
    ...thread,
    epoch: Epoch,
    status: Schema.Literal("stopped", "error"),
    reason,
    error: Schema.optional(Failure),
    continuity: Schema.optional(Continuity)
  }),

  /** At most once per silence (R5). */
  "session.kept": Schema.Struct({ ...thread, epoch: Epoch, reason }),

  "background.started": Schema.Struct({ ...background, turnId: Schema.optional(TurnId) }),
  "background.ended": Schema.Struct({ ...background, reason: Schema.optional(reason) }),

  "turn.requested": Schema.Struct({
    ...turn,
    text,
    attachments,
    strategy: Schema.Literal("enqueue", "steer", "interrupt", "reject"),
    position: Schema.optional(Schema.Literal("front", "back")).annotations({
      description:
        "Where the turn enters the queue. Logs of older versions do not have it: `front` for steer and interrupt, else `back`."
    }),
    continues: Schema.optional(Continues),
    goal: Schema.optional(Schema.Struct({ goalId: GoalId, used: GoalUsed })).annotations({
      description: "The goal that started it, or whose work it continues. `used` includes this turn."
    }),
    action: Schema.optional(TurnAction).annotations({ description: "What the turn does instead of taking `text` as a prompt." })
  }),
  "continuation.planned": Schema.Struct({
    ...thread,
    ...Continuation.fields,
    text,
    attachments,
    action: Schema.optional(TurnAction)
  }),
  "continuation.cancelled": Schema.Struct({
    ...thread,
    turnId: TurnId.annotations({ description: "The turn that was cut off." }),
    reason
  }),
  "goal.set": goal,
  "goal.paused": goal,
  "goal.resumed": goal,
  "goal.waiting": goal,
  "goal.met": goal,
  "goal.exhausted": goal,
  "goal.cleared": goal,
  "turn.edited": Schema.Struct({
    ...turn,
    text,
    attachments: attachments.annotations({ description: "The turn's new attachments. Absent: they are as before." })
  }),
  "queue.reordered": Schema.Struct({ ...thread, turnIds: Schema.Array(TurnId) }),
  /** Intent: the dispatcher sends the turn to the provider. */
  "turn.dispatched": Schema.Struct(turn),
  "turn.requeued": Schema.Struct({ ...turn, reason }),
  "turn.started": Schema.Struct({
    ...turn,
    nativeTurnId: Schema.optional(text),
    origin: TurnOrigin,
    attachments: Schema.optional(Schema.Array(Delivered)).annotations({
      description: "How the agent got the turn's attachments."
    })
  }),
  "turn.updated": Schema.Struct({
    ...turn,
    usage: Schema.optional(Usage).annotations({
      description: "Only in logs of older versions: it is now a signal while the turn runs, then a field of the turn's end."
    }),
    plan: Schema.optional(Schema.Array(PlanStep)),
    diff: Schema.optional(text),
    attachments: Schema.optional(Schema.Array(Delivered)).annotations({
      description: "How the agent got the attachments of a steer that it has taken."
    }),
    blobs: Schema.optional(Blobs)
  }),
  "turn.steered": Schema.Struct({ ...turn, text, attachments }),
  /** Intent: the dispatcher interrupts this turn and no other (T7). */
  "turn.interrupt.requested": Schema.Struct({
    ...turn,
    reason: Schema.optional(reason).annotations({
      description: "Present if no person requested it: the time limit that was exceeded."
    })
  }),
  "turn.completed": Schema.Struct(terminal),
  "turn.interrupted": Schema.Struct(terminal),
  "turn.failed": Schema.Struct({ ...terminal, error: Failure }),

  "item.started": Schema.extend(Schema.Struct(item), ItemContent),
  "item.delta": Schema.Struct({ ...item, text }),
  /** Exactly once per item (T9). */
  "item.completed": Schema.extend(Schema.Struct({ ...item, status: ItemStatus, reason: Schema.optional(reason) }), ItemContent),
  /** Does not reopen the item (T9). */
  "item.amended": Schema.extend(Schema.Struct({ ...item, status: ItemStatus }), ItemContent),

  "request.opened": Schema.extend(
    Schema.Struct({
      ...request,
      rule: Schema.optional(text).annotations({
        description:
          "Name of the approval rule that answers it: `request.answered` is in the same commit, and no person is needed."
      }),
      proposedRule: Schema.optional(StoredRule).annotations({
        description: "The approval rule that would accept this request from now on."
      }),
      reasks: Schema.optional(RequestId).annotations({ description: "Only in logs of older versions." })
    }),
    Ask
  ),
  /** The server that asked has ended. The request stays open, or its answer kept, for `turnId`, the turn that continues the work (T13). */
  "request.held": Schema.Struct({ ...request, reason }),
  /**
   * The agent asked a held request again. With `answer` also an intent: the dispatcher passes the kept answer to the provider, once (T13).
   */
  "request.repeated": Schema.Struct({
    ...request,
    repeatedAs,
    itemId: Schema.optional(ItemId),
    answer: Schema.optional(Answer).annotations({ description: "The answer that was given meanwhile." })
  }),
  /** Also an intent: the dispatcher passes the answer to the provider (T13). */
  "request.answered": Schema.extend(
    Schema.Struct({
      ...request,
      by: text.annotations({
        description: "Who answered: a token's name, `rule` and the name of an approval rule, or `policy`."
      }),
      held: Schema.optional(Schema.Literal(true)).annotations({
        description: "The request was held: the answer is kept until the agent asks again."
      }),
      repeatedAs: Schema.optional(repeatedAs)
    }),
    Answer
  ),
  /** A kept answer reached no agent: the turn ended, and the agent had not asked again. */
  "request.answer.unused": Schema.Struct({ ...request, reason }),
  "request.expired": Schema.Struct({ ...request, reason, repeatedAs: Schema.optional(repeatedAs) }),
  "request.cancelled": Schema.Struct({ ...request, reason }),

  "checkpoint.taken": Schema.Struct({
    ...checkpoint,
    checkpoint: text,
    late: Schema.optional(Schema.Literal(true)),
    skipped: Schema.optional(Schema.Array(Schema.Struct({ path: text, reason: text }))),
    more: Schema.optional(Schema.Int),
    millis: Schema.Int
  }),
  "checkpoint.failed": Schema.Struct({ ...checkpoint, reason }),
  "thread.rewound": Schema.Struct({
    ...thread,
    turnId: Schema.optional(TurnId).annotations({
      description: "The state before this turn. Absent: that of a checkpoint; of a discard, the thread's first one."
    }),
    checkpoint: Schema.optional(text).annotations({
      description: "The files before the rewind; `thread.rewind` with it leads back. Absent: no files were to be changed."
    }),
    files: Schema.optional(Schema.Int).annotations({ description: "Number of files that were changed." }),
    paths: Schema.optional(Schema.Array(text)).annotations({
      description:
        "Of `workspace.discard`: the files that it names, at most 100, each cut to 300 characters, relative to the thread's directory. Absent: all files that the turns changed."
    }),
    forkId: Schema.optional(ThreadId).annotations({ description: "The fork whose conversation ends before the turn." }),
    incomplete: Schema.optional(reason).annotations({ description: "Why only a part of the files was changed." })
  }),
  "workspace.committed": Schema.Struct({
    ...thread,
    commit: text,
    branch: text,
    subject: text.annotations({ description: "First line of its message, at most 500 characters." })
  }),
  "workspace.merged": Schema.Struct({
    ...thread,
    commit: text.annotations({ description: "What the branch `into` is at now." }),
    branch: text,
    into: text
  }),
  "workspace.pushed": Schema.Struct({ ...thread, commit: text, branch: text, remote: text }),
  "workspace.proposed": Schema.Struct({
    ...thread,
    commit: text,
    branch: text,
    remote: text,
    url: text.annotations({ description: "The pull request, or merge request; it may have been open before." })
  }),

  ...ImportedData,

  /** In stream `server`. */
  "log.rewound": Schema.Struct({
    from: Offset.annotations({ description: "The highest offset that is known to have been acknowledged in the other history." }),
    to: Offset.annotations({ description: "The head that was found: this history continues after it." }),
    reason,
    previousEpoch: Schema.optional(text.annotations({ description: "The epoch of the other history." }))
  }),

  "provider.event": Schema.Struct({
    ...thread,
    epoch: Epoch,
    turnId: Schema.optional(TurnId),
    method: text,
    payload: Schema.Unknown,
    blobs: Schema.optional(Blobs)
  })
} as const satisfies Readonly<Record<(typeof eventTypes)[number], Schema.Schema.AnyNoContext>>

export type EventType = keyof typeof EventData
export type DataOf<T extends EventType> = (typeof EventData)[T]["Type"]

/** An event before it is committed: what `decide` returns. */
export type DomainEvent = { readonly [T in EventType]: { readonly type: T; readonly data: DataOf<T> } }[EventType]

export const make = <T extends EventType>(type: T, data: DataOf<T>): Extract<DomainEvent, { readonly type: T }> =>
  ({ type, data }) as Extract<DomainEvent, { readonly type: T }>

/**
 * The event on the wire. `data` is decoded by its type with `EventData`; a type that this version does not know
 * is an opaque event and is passed on (L6).
 */
export const LogEvent = Schema.Struct({
  offset: Offset,
  stream: Schema.Union(StreamName, Schema.Literal("log/unreadable")).annotations({
    description: "`log/unreadable`: a `log.corrupt` event whose stream cannot be read."
  }),
  version: Schema.Int.annotations({
    description: "Position in the stream: 1, 2, 3, ... without holes; 0 = unreadable."
  }),
  type: Schema.String.annotations({
    description: "`log.corrupt` replaces an event that cannot be read: it has the same offset, and its data gives the reason."
  }),
  at: Schema.String.annotations({ description: "Commit time by the server's clock, ISO 8601 UTC." }),
  epoch: Epoch.annotations({ description: "The thread's session epoch at the commit; 0 = none." }),
  commandId: Schema.optional(CommandId),
  actor: Schema.optional(Schema.String.annotations({ description: "Who sent the command: the name of a token, or `local`." })),
  data: Schema.Unknown
}).annotations({ identifier: "Event" })
export type LogEvent = typeof LogEvent.Type

/** Decodes `data` when the type is known. */
export const decodeData = <T extends EventType>(type: T, data: unknown) =>
  Schema.decodeUnknownEither(EventData[type] as unknown as Schema.Schema<DataOf<T>>)(data)
