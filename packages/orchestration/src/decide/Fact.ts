/**
 * A fact reports to the engine what has happened, for example that an agent ended. Facts are never rejected: one that no longer applies is ignored, or
 * kept as a `provider.event`.
 */
import type { Attachment, Delivered } from "@millrace/contracts/Attachment"
import type { GoalId, RequestId, ThreadId, TurnId } from "@millrace/contracts/Ids"
import type { DataOf } from "@millrace/contracts/Event"
import type { Imported } from "@millrace/contracts/Import"
import type { Failure } from "@millrace/contracts/Item"
import type { DurableEvent } from "@millrace/contracts/ProviderEvent"
import type { Continuity, ForkWay } from "@millrace/contracts/State"
import type { Blob } from "@millrace/log/Blob"

/** Awake milliseconds of silence after which the server acts; 0 = never. */
export interface SilenceLimits {
  /** An idle session is stopped. */
  readonly idle: number
  /** Background work no longer keeps its session (R5). */
  readonly background: number
  /** A turn in which no tool runs is interrupted (T8). */
  readonly model: number
  /** A turn in which a tool runs is interrupted (T8). */
  readonly tool: number
  /** A turn that waits for a person is interrupted (R5). */
  readonly waiting: number
}

export interface Silent {
  readonly _tag: "Silent"
  readonly threadId: ThreadId
  readonly epoch: number
  /** Event count of the session when the silence was measured. */
  readonly activity: number
  /** Awake milliseconds since the last event of any origin. */
  readonly millis: number
  /** Like `millis`, but a command that changes only the thread, its queue or its goal does not end the silence. */
  readonly turnMillis: number
  /** Like `turnMillis`, but progress signals of a tool also end the silence. */
  readonly toolMillis: number
  readonly limits: SilenceLimits
  /** Another session needs the place of this one: it is stopped if it is idle, however short the silence. */
  readonly crowded: boolean
  /** Why the place is needed. Default: too many sessions are open. */
  readonly crowdedBy?: string
}

/** For each request, the workspace paths of its changes, or of the directory in which its command runs. */
export type InsidePaths = ReadonlyMap<RequestId, ReadonlyArray<string>>

export type Fact =
  /** Events of an agent, in order. `epoch` identifies its session (T6). */
  | {
      readonly _tag: "AgentEvents"
      readonly threadId: ThreadId
      readonly epoch: number
      readonly events: ReadonlyArray<DurableEvent>
      /** The contents that the events name. */
      readonly blobs?: ReadonlyArray<Blob>
      /** The paths of complete approvals, if all of them are in the workspace: relative to it, with links resolved. */
      readonly inside?: InsidePaths
    }
  | {
      readonly _tag: "SessionOpened"
      readonly threadId: ThreadId
      readonly epoch: number
      readonly continuity: Continuity
      /** With `handed-off` or `replayed`: the parts of the conversation that the agent did not get. */
      readonly lost?: string
      readonly fork?: ForkWay
      readonly resumeKey: string | undefined
      readonly capabilities: ReadonlyArray<string>
    }
  | { readonly _tag: "ResumeKeyLearned"; readonly threadId: ThreadId; readonly epoch: number; readonly resumeKey: string }
  /** The agent could not be started, or ended after a failure. */
  | { readonly _tag: "SessionFailed"; readonly threadId: ThreadId; readonly epoch: number; readonly failure: Failure }
  /** The agent's output was read to its end. */
  | { readonly _tag: "SessionEnded"; readonly threadId: ThreadId; readonly epoch: number; readonly reason: string }
  /** The agent refused the turn; its process still runs. */
  | {
      readonly _tag: "TurnRefused"
      readonly threadId: ThreadId
      readonly epoch: number
      readonly turnId: TurnId
      readonly failure: Failure
    }
  /** The agent refused the added text: it becomes a separate turn, first in the queue. */
  | {
      readonly _tag: "SteerRefused"
      readonly threadId: ThreadId
      readonly epoch: number
      readonly turnId: TurnId
      readonly text: string
      readonly attachments?: ReadonlyArray<Attachment>
    }
  /** The agent took a steer with attachments. */
  | {
      readonly _tag: "SteerDelivered"
      readonly threadId: ThreadId
      readonly epoch: number
      readonly turnId: TurnId
      readonly attachments: ReadonlyArray<Delivered>
    }
  /** The server interrupts the active turn; the turn's end carries the reason. */
  | { readonly _tag: "InterruptWanted"; readonly threadId: ThreadId; readonly reason: string }
  /** The open requests cannot be answered any more: they expire, and the agent gets a cancellation. */
  | { readonly _tag: "RequestsRefused"; readonly threadId: ThreadId; readonly reason: string }
  /** The server stops the session, or the agent broke (`error`); the queue stays. */
  | {
      readonly _tag: "StopWanted"
      readonly threadId: ThreadId
      readonly epoch: number
      readonly reason: string
      readonly error?: Failure
    }
  /** A session is silent. Applies only if `activity` is unchanged: any event since the measurement makes the fact void (R4). */
  | Silent
  /** The server process that owned this thread's session has ended (T5). The queue stays. */
  | { readonly _tag: "OwnerLost"; readonly threadId: ThreadId; readonly reason: string }
  /** A scheduled continuation is due. Void if it was started or cancelled. `turnId`: the interrupted turn. */
  | { readonly _tag: "ContinuationDue"; readonly threadId: ThreadId; readonly turnId: TurnId }
  /** A goal's next turn is due, or its budget of minutes is used. Void if the goal is not active. */
  | { readonly _tag: "GoalDue"; readonly threadId: ThreadId; readonly goalId: GoalId }
  /** Retention: the thread is deleted if it is archived, has nothing open or scheduled, and its last event is older than `before` (ISO 8601 UTC). */
  | { readonly _tag: "ArchivedExpired"; readonly threadId: ThreadId; readonly before: string }
  /** A part of an imported transcript. `begin`: the data of the event that creates the thread, if the thread does not exist yet. */
  | {
      readonly _tag: "Imported"
      readonly threadId: ThreadId
      readonly begin: Omit<DataOf<"thread.created">, "threadId">
      readonly pieces: ReadonlyArray<Imported>
      readonly blobs?: ReadonlyArray<Blob>
    }
  /** The files at the start or the end of a turn are stored. */
  | ({ readonly _tag: "CheckpointTaken" } & DataOf<"checkpoint.taken">)
  | ({ readonly _tag: "CheckpointFailed" } & DataOf<"checkpoint.failed">)
  /** A rewind stopped, or the server ended during it. `actor`: the sender of its command. */
  | ({ readonly _tag: "RewindCut"; readonly actor: string } & DataOf<"thread.rewound">)
  /** Another turn needs the place of this session: it is stopped if idle. */
  | { readonly _tag: "PlaceWanted"; readonly threadId: ThreadId; readonly epoch: number }
  /** Start the next queued turn, if nothing runs. */
  | { readonly _tag: "QueueReleased"; readonly threadId: ThreadId }
