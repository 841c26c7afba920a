/**
 * The events of the log. `data` of each type is documented here; the envelope is `LogEvent`.
 * Who writes them: the engine only, from commands and from provider events.
 */
import { Schema } from "effect"
import { CommandId, Epoch, GoalId, ItemId, Offset, ProjectId, RequestId, StreamName, ThreadId, TurnId } from "./Ids.ts"
import { ImportedData, ImportSource } from "./Import.ts"
import { Answer, Ask, Failure, ItemContent, ItemKind, ItemStatus, PlanStep, Usage } from "./Item.ts"
import { labelled } from "./Labels.ts"
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

const thread = { threadId: ThreadId }
const turn = { threadId: ThreadId, turnId: TurnId }
const item = { ...turn, itemId: ItemId, kind: ItemKind }
const request = { ...turn, requestId: RequestId }
const reason = Schema.String.annotations({ description: "Why, in words a person can act on." })
const text = Schema.String

/** The whole goal as it is from now on. */
const goal = Schema.Struct({ ...thread, ...Goal.fields })

const terminal = { ...turn, reason: Schema.optional(reason), usage: Schema.optional(Usage) }

/** Data of each event type. */
export const EventData = {
  "project.created": Schema.Struct({ projectId: ProjectId, cwd: text, title: text }),
  "project.updated": Schema.Struct({ projectId: ProjectId, title: text }),
  "project.deleted": Schema.Struct({ projectId: ProjectId }),

  "thread.created": Schema.Struct({
    ...thread,
    projectId: ProjectId,
    provider: text,
    model: Schema.optional(text),
    title: text,
    cwd: text,
    recovery: Schema.optional(RecoveryPolicy),
    afterLimit: Schema.optional(AfterLimit),
    ...labelled,
    keepSession: Schema.optional(Schema.Boolean),
    imported: Schema.optional(ImportSource),
    forkedFrom: Schema.optional(ForkSource)
  }),
  "thread.updated": Schema.Struct({
    ...thread,
    title: Schema.optional(text),
    model: Schema.optional(text),
    recovery: Schema.optional(RecoveryPolicy),
    afterLimit: Schema.optional(AfterLimit),
    ...labelled
  }),
  /**
   * From now on another agent runs it. The next session gets the transcript with its first turn (`continuity: handed-off`), unless it goes back before a
   * turn began: then it is resumed.
   */
  "thread.handed-over": Schema.Struct({ ...thread, provider: text, from: text, model: Schema.optional(text) }),
  "thread.archived": Schema.Struct(thread),
  "thread.unarchived": Schema.Struct(thread),
  "thread.deleted": Schema.Struct(thread),

  /** A session begins; ends whatever an older epoch left open (T3). */
  "session.started": Schema.extend(Schema.Struct({ ...thread, provider: text }), SessionState),
  /** `resumeKey`: what the provider needs to continue this conversation in a later process. `capabilities`: what the opened agent can do. */
  "session.state.changed": Schema.extend(
    Schema.Struct({ ...thread, resumeKey: Schema.optional(text), capabilities: Schema.optional(Schema.Array(text)) }),
    SessionState
  ),
  /** Intent: the dispatcher ends the process. */
  "session.stop.requested": Schema.Struct({
    ...thread,
    epoch: Epoch,
    reason,
    error: Schema.optional(Failure).annotations({
      description: "The agent broke; absent when somebody wants the session to end."
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

  /** The session is idle for long enough to be stopped, and is not, for this reason; at most once per silence (R5). Is no activity itself. */
  "session.kept": Schema.Struct({ ...thread, epoch: Epoch, reason }),

  /** Work of the agent that outlives its turn; ends at the latest with its session. `taskId`: the provider's own. */
  "background.started": Schema.Struct({ ...thread, epoch: Epoch, taskId: text, turnId: Schema.optional(TurnId) }),
  "background.ended": Schema.Struct({ ...thread, epoch: Epoch, taskId: text, reason: Schema.optional(reason) }),

  /** Accepted from a person, or begun by the server: with `continues` to go on with another turn's work, with `goal` towards a goal; `queued` until `turn.dispatched`. */
  "turn.requested": Schema.Struct({
    ...turn,
    text,
    strategy: Schema.Literal("enqueue", "steer", "interrupt", "reject"),
    continues: Schema.optional(Continues),
    goal: Schema.optional(Schema.Struct({ goalId: GoalId, used: GoalUsed })).annotations({
      description: "Begun towards this goal, or with its work; what the goal used with this turn counted."
    }),
    action: Schema.optional(TurnAction).annotations({ description: "What it does in place of taking `text` as a prompt." })
  }),
  /** The work of a turn that is over goes on later, with this text as the prompt: a timer that survives restarts, or a question to a person. */
  "continuation.planned": Schema.Struct({ ...thread, ...Continuation.fields, text, action: Schema.optional(TurnAction) }),
  /** It does not. `turnId`: the turn that was cut off. */
  "continuation.cancelled": Schema.Struct({ ...turn, reason }),
  "goal.set": goal,
  "goal.paused": goal,
  "goal.resumed": goal,
  /** The next turn begins at `nextAt`, for the last one was very short. */
  "goal.waiting": goal,
  /** Ends: the agent said that it is done; its budget is used; somebody took it away. */
  "goal.met": goal,
  "goal.exhausted": goal,
  "goal.cleared": goal,
  /** The text of a queued turn, replaced before any agent saw it. */
  "turn.edited": Schema.Struct({ ...turn, text }),
  /** The whole queue, in its new order. */
  "queue.reordered": Schema.Struct({ ...thread, turnIds: Schema.Array(TurnId) }),
  /** Intent: this is the active turn now; the dispatcher gives it to the provider. */
  "turn.dispatched": Schema.Struct(turn),
  /** Its session ended before the agent took it, for a reason that was not its own: it is queued again, first. */
  "turn.requeued": Schema.Struct({ ...turn, reason }),
  /** The provider runs it. `origin: provider` = a turn no command asked for; `continuation` = one that goes on with another, `goal` = one that a goal began. */
  "turn.started": Schema.Struct({ ...turn, nativeTurnId: Schema.optional(text), origin: TurnOrigin }),
  /** Progress that is kept: latest wins. `usage` is in logs of older versions only: while a turn runs it is a signal now, and at its end in the terminal. */
  "turn.updated": Schema.Struct({
    ...turn,
    usage: Schema.optional(Usage),
    plan: Schema.optional(Schema.Array(PlanStep)),
    diff: Schema.optional(text)
  }),
  /** Text added to the running turn by a person (a steer). */
  "turn.steered": Schema.Struct({ ...turn, text }),
  /** Intent: the dispatcher interrupts this turn and no other (T7). */
  "turn.interrupt.requested": Schema.Struct({
    ...turn,
    reason: Schema.optional(reason).annotations({ description: "Why, when no person asked for it: the clock that ran out (T8)." })
  }),
  "turn.completed": Schema.Struct(terminal),
  "turn.interrupted": Schema.Struct(terminal),
  "turn.failed": Schema.Struct({ ...terminal, error: Failure }),

  "item.started": Schema.extend(Schema.Struct(item), ItemContent),
  /** A coalesced piece of the item's text (or of a command's output), in order. */
  "item.delta": Schema.Struct({ ...item, text }),
  /** The whole item; its text replaces the sum of the deltas. Exactly once per item (T9). */
  "item.completed": Schema.extend(Schema.Struct({ ...item, status: ItemStatus, reason: Schema.optional(reason) }), ItemContent),
  /** What the provider said of an item after it was closed: replaces its content, reopens nothing (T9). */
  "item.amended": Schema.extend(Schema.Struct({ ...item, status: ItemStatus }), ItemContent),

  "request.opened": Schema.extend(Schema.Struct({ ...request, reasks: Schema.optional(RequestId) }), Ask),
  /** Also the intent: the dispatcher hands the answer to the provider. First answer wins (T13). */
  "request.answered": Schema.extend(
    Schema.Struct({ ...request, by: text.annotations({ description: "Who answered: a token's name, or `policy`." }) }),
    Answer
  ),
  "request.expired": Schema.Struct({ ...request, reason }),
  "request.cancelled": Schema.Struct({ ...request, reason }),

  ...ImportedData,

  /**
   * In stream `server`: the log lost history that it had acknowledged, or is a copy. It has a new epoch from this event on, so that no cursor of the
   * other history is taken for one of this log.
   */
  "log.rewound": Schema.Struct({
    from: Offset.annotations({ description: "The highest offset that is known to have been acknowledged in the other history." }),
    to: Offset.annotations({ description: "The head that was found: this history continues after it." }),
    reason,
    previousEpoch: Schema.optional(text.annotations({ description: "The epoch of the other history." }))
  }),

  /** A message of the provider that this version does not map, kept as it came. */
  "provider.event": Schema.Struct({
    ...thread,
    epoch: Epoch,
    turnId: Schema.optional(TurnId),
    method: text,
    payload: Schema.Unknown
  })
} as const

export type EventType = keyof typeof EventData
export type DataOf<T extends EventType> = (typeof EventData)[T]["Type"]

/** An event before it is committed: what `decide` returns. */
export type DomainEvent = { readonly [T in EventType]: { readonly type: T; readonly data: DataOf<T> } }[EventType]

export const make = <T extends EventType>(type: T, data: DataOf<T>): Extract<DomainEvent, { readonly type: T }> =>
  ({ type, data }) as Extract<DomainEvent, { readonly type: T }>

export const terminals = ["turn.completed", "turn.interrupted", "turn.failed"] as const
export const isTerminal = (type: string): boolean => (terminals as ReadonlyArray<string>).includes(type)

/**
 * The event on the wire. `data` is decoded by its type with `EventData`; a type that this version does not know
 * is an opaque event and travels on (L6).
 */
export const LogEvent = Schema.Struct({
  offset: Offset,
  stream: Schema.Union(StreamName, Schema.Literal("log/unreadable")).annotations({
    description: "`log/unreadable`: a `log.corrupt` event whose stream cannot be read any more."
  }),
  version: Schema.Int.annotations({
    description: "Position in the stream: 1, 2, 3, ... without holes; 0 = cannot be read any more."
  }),
  type: Schema.String.annotations({
    description: "`log.corrupt` stands where an event cannot be read any more: its offset is kept, its data says why."
  }),
  at: Schema.String.annotations({ description: "Commit time by the server's clock, ISO 8601 UTC." }),
  epoch: Epoch.annotations({ description: "The thread's session epoch at that moment; 0 = none." }),
  commandId: Schema.optional(CommandId),
  actor: Schema.optional(Schema.String.annotations({ description: "Who gave the command: the name of a token, or `local`." })),
  data: Schema.Unknown
})
export type LogEvent = typeof LogEvent.Type

/** Decodes `data` when the type is known. */
export const decodeData = <T extends EventType>(type: T, data: unknown) =>
  Schema.decodeUnknownEither(EventData[type] as unknown as Schema.Schema<DataOf<T>>)(data)
