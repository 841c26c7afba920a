/** The names of the event types. Separate from `Event.ts`, so that a client that does not decode events does not contain the schemas of their data. */
import type { DomainEvent, LogEvent } from "./Event.ts"

/** Every type of `EventData`. `Event.ts` checks that the list is complete. */
export const eventTypes = [
  "project.created",
  "project.updated",
  "project.deleted",
  "thread.created",
  "thread.updated",
  "thread.handed-over",
  "thread.archived",
  "thread.unarchived",
  "thread.deleted",
  "session.started",
  "session.state.changed",
  "session.stop.requested",
  "session.stopped",
  "session.kept",
  "background.started",
  "background.ended",
  "turn.requested",
  "continuation.planned",
  "continuation.cancelled",
  "goal.set",
  "goal.paused",
  "goal.resumed",
  "goal.waiting",
  "goal.met",
  "goal.exhausted",
  "goal.cleared",
  "turn.edited",
  "queue.reordered",
  "turn.dispatched",
  "turn.requeued",
  "turn.started",
  "turn.updated",
  "turn.steered",
  "turn.interrupt.requested",
  "turn.completed",
  "turn.interrupted",
  "turn.failed",
  "item.started",
  "item.delta",
  "item.completed",
  "item.amended",
  "request.opened",
  "request.held",
  "request.repeated",
  "request.answered",
  "request.answer.unused",
  "request.expired",
  "request.cancelled",
  "checkpoint.taken",
  "checkpoint.failed",
  "thread.rewound",
  "workspace.committed",
  "workspace.merged",
  "workspace.pushed",
  "workspace.proposed",
  "turn.imported",
  "item.imported",
  "request.imported",
  "log.rewound",
  "provider.event"
] as const

export const terminals = ["turn.completed", "turn.interrupted", "turn.failed"] as const
export const isTerminal = (type: string): boolean => (terminals as ReadonlyArray<string>).includes(type)

/**
 * The event as one of the known types, without decoding its data: the writers of the log are typed. An event of a type that this version does not
 * know matches no case of a `switch`.
 */
export const domainEvent = ({ data, type }: Pick<LogEvent, "data" | "type">): DomainEvent => ({ type, data }) as DomainEvent
