/** The events of a thread as the reference reads them, and the context in which a rule checks one. */
import type { LogEvent } from "@millrace/contracts/Event"
import type { Request, Thread, Turn } from "../Thread.ts"

/** The fields of all events together. A rule reads only those that its event has. */
export interface EventData {
  readonly threadId: string
  readonly turnId: string
  readonly itemId: string
  readonly requestId: string
  readonly taskId: string
  readonly epoch: number
  readonly status: string
  readonly activeTurnId?: string
  readonly capabilities?: ReadonlyArray<string>
  readonly strategy: string
  readonly turnIds: ReadonlyArray<string>
  readonly origin: "user" | "provider"
  readonly reason?: string
  readonly by: string
  readonly decision?: string
  readonly held?: true
  readonly repeatedAs?: string
  readonly answer?: unknown
  readonly answers?: unknown
  readonly text: string
  readonly recovery?: string
  readonly afterLimit?: string
  readonly effort?: string | null
  readonly instructions?: string | null
  readonly because: string
  readonly kind?: string
  readonly goalId: string
  readonly budget: { readonly turns: number }
  readonly used: { readonly turns: number }
  readonly goal?: { readonly goalId: string; readonly used: { readonly turns: number } }
  readonly continues?: { readonly turnId: string; readonly because: string; readonly restarts: number; readonly waits: number }
}

/** Records a violation of the promise unless it holds. */
export type Must = (holds: boolean, promise: string) => void

/** The promise that an event of an unknown type violates. */
export const unknownEvent = "T1 this model knows every event"

/** An event of a thread, before the rule of its type has applied it. */
export interface Context {
  readonly thread: Thread
  readonly event: LogEvent
  readonly data: EventData
  /** The open turn that the event names. */
  readonly turn: Turn | undefined
  /** Whether the event has the epoch of the live session. */
  readonly isCurrent: boolean
  readonly must: Must
  readonly known: Known
}

/** The parts of the reference that rules read and change in addition to the thread. */
export interface Known {
  readonly requests: Map<string, Request>
  /** The text of each turn. */
  readonly texts: Map<string, string>
  /** The settings of the thread at each dispatch of a turn. */
  readonly settings: Map<string, ReadonlyArray<Thread["settings"]>>
  /** Turns that an agent reported as completed. */
  readonly completed: ReadonlySet<string>
}
