/** What happened, as the rooms inside tell it to the engine. A fact is never refused: what no longer fits leaves no trace, or a small one. */
import type { GoalId, ThreadId, TurnId } from "@millrace/contracts/Ids"
import type { DataOf } from "@millrace/contracts/Event"
import type { Imported } from "@millrace/contracts/Import"
import type { Failure } from "@millrace/contracts/Item"
import type { DurableEvent } from "@millrace/contracts/ProviderEvent"
import type { Continuity } from "@millrace/contracts/State"

/** Awake milliseconds of silence after which something is done; 0 = never. */
export interface SilenceLimits {
  /** A session with nothing under way is stopped. */
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
  /** Events of the session when it was looked at. */
  readonly activity: number
  /** Awake milliseconds since the last event of any origin. */
  readonly millis: number
  /** The same, but what people do to the queue and the thread does not count. */
  readonly turnMillis: number
  /** The same, but what a tool tells of its progress beside the log counts too. */
  readonly toolMillis: number
  readonly limits: SilenceLimits
  /** Its place is wanted by others: idle at all is enough. */
  readonly crowded: boolean
  /** Why its place is wanted. Default: too many sessions are open. */
  readonly crowdedBy?: string
}

export type Fact =
  /** What an agent said, in order. `epoch` is the session it came from (T6). */
  | {
      readonly _tag: "Said"
      readonly threadId: ThreadId
      readonly epoch: number
      readonly events: ReadonlyArray<DurableEvent>
    }
  | {
      readonly _tag: "SessionOpened"
      readonly threadId: ThreadId
      readonly epoch: number
      readonly continuity: Continuity
      /** handed-off: what of the conversation it was not given. */
      readonly lost?: string
      readonly resumeKey: string | undefined
      readonly capabilities: ReadonlyArray<string>
    }
  | { readonly _tag: "ResumeKeyLearned"; readonly threadId: ThreadId; readonly epoch: number; readonly resumeKey: string }
  /** The agent could not be started, or is proven dead after a failure. */
  | { readonly _tag: "SessionFailed"; readonly threadId: ThreadId; readonly epoch: number; readonly failure: Failure }
  /** The agent's output was read to its end. */
  | { readonly _tag: "SessionEnded"; readonly threadId: ThreadId; readonly epoch: number; readonly reason: string }
  /** The agent did not take the turn; it still runs. */
  | {
      readonly _tag: "TurnRefused"
      readonly threadId: ThreadId
      readonly epoch: number
      readonly turnId: TurnId
      readonly failure: Failure
    }
  /** The agent did not take the added text: it becomes a turn of its own, first in the queue. */
  | {
      readonly _tag: "SteerRefused"
      readonly threadId: ThreadId
      readonly epoch: number
      readonly turnId: TurnId
      readonly text: string
    }
  /** The server wants the active turn to end; the turn's end says why. */
  | { readonly _tag: "InterruptWanted"; readonly threadId: ThreadId; readonly reason: string }
  /** Nobody will answer what is open: it expires, and the agent is told. */
  | { readonly _tag: "RequestsRefused"; readonly threadId: ThreadId; readonly reason: string }
  /** The server wants the session to end, or the agent broke (`error`); the queue stays. */
  | {
      readonly _tag: "StopWanted"
      readonly threadId: ThreadId
      readonly epoch: number
      readonly reason: string
      readonly error?: Failure
    }
  /**
   * Nothing was heard of the session for so long. Decided by the state, if `activity` is still what was seen: an event that came between
   * makes it void (R4).
   */
  | Silent
  /** The process that owned this thread's session is gone (T5). The queue stays. */
  | { readonly _tag: "OwnerLost"; readonly threadId: ThreadId; readonly reason: string }
  /** The time of a plan to go on has come. Void when that plan is over. `turnId`: the turn that was cut off. */
  | { readonly _tag: "ContinuationDue"; readonly threadId: ThreadId; readonly turnId: TurnId }
  /** A time of a goal has come: its next turn's, or the end of its minutes. Void when it is not active. */
  | { readonly _tag: "GoalDue"; readonly threadId: ThreadId; readonly goalId: GoalId }
  /** A part of a transcript from elsewhere. `begin`: its thread, made with the first part that finds none; that project's rows are loaded for it. */
  | {
      readonly _tag: "Imported"
      readonly threadId: ThreadId
      readonly begin: Omit<DataOf<"thread.created">, "threadId">
      readonly pieces: ReadonlyArray<Imported>
    }
  /** Another turn waits for the place of this session: it ends, if it is idle. */
  | { readonly _tag: "PlaceWanted"; readonly threadId: ThreadId; readonly epoch: number }
  /** Start the next queued turn, if nothing runs. */
  | { readonly _tag: "QueueReleased"; readonly threadId: ThreadId }
