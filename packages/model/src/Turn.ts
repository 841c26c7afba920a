/** One turn as read models show it, folded from its events. */
import { defined } from "@millrace/contracts/Defined"
import type { DataOf, DomainEvent } from "@millrace/contracts/Event"
import { isTerminal as isTerminalType } from "@millrace/contracts/EventTypes"
import type { TurnOrigin, TurnView } from "@millrace/contracts/State"

/** An event that ends a turn. */
export type TerminalEvent = Extract<DomainEvent, { readonly type: "turn.completed" | "turn.interrupted" | "turn.failed" }>
/** How a turn ends. */
export type Outcome = "completed" | "interrupted" | "failed"

export const isTerminal = (event: DomainEvent): event is TerminalEvent => isTerminalType(event.type)

export const outcomeOfEvent = (event: TerminalEvent): Outcome =>
  event.type === "turn.completed" ? "completed" : event.type === "turn.failed" ? "failed" : "interrupted"

/** The outcome of a turn that has ended; `undefined` while it is queued, runs or waits. */
export const outcomeOfTurn = ({ status }: Pick<TurnView, "status">): Outcome | undefined =>
  status === "completed" || status === "interrupted" || status === "failed" ? status : undefined

/** The origin of a requested turn. A turn without a request was started by the provider. */
export const originOf = ({ continues, goalId }: Pick<TurnView, "continues" | "goalId">): TurnOrigin =>
  continues !== undefined ? "continuation" : goalId !== undefined ? "goal" : "user"

/** The view of a new turn, from its `turn.requested` event. `at`: the time of the event. */
export const requested = (
  { action, attachments, continues, goal, text, threadId, turnId }: DataOf<"turn.requested">,
  at: string
): TurnView => {
  const cause = {
    ...defined({ continues }),
    ...(goal === undefined ? {} : { goalId: goal.goalId })
  }
  const actionField = action === undefined ? {} : { action }
  return {
    turnId,
    threadId,
    status: "queued",
    origin: originOf(cause),
    ...cause,
    ...actionField,
    text,
    ...defined({ attachments }),
    requestedAt: at
  }
}

/** A turn that no event requested, for example one that the provider started. `origin` is a placeholder until `turn.started` sets it. */
export const unrequested = ({ threadId, turnId }: Pick<TurnView, "threadId" | "turnId">, at: string): TurnView => ({
  turnId,
  threadId,
  status: "queued",
  origin: "user",
  text: "",
  requestedAt: at
})

/** The view of an imported turn, from its `turn.imported` event. */
export const imported = (data: DataOf<"turn.imported">): TurnView => {
  const { nativeTurnId: _, ...turn } = data
  return turn
}

/** Copies the view's fields in their canonical order. Drops every other field. Drops `endedAt`, `reason` and `error` unless the turn has ended. */
export const view = (turn: TurnView): TurnView => ({
  turnId: turn.turnId,
  threadId: turn.threadId,
  status: turn.status,
  origin: turn.origin,
  ...defined({ continues: turn.continues, goalId: turn.goalId, action: turn.action }),
  text: turn.text,
  ...defined({ attachments: turn.attachments }),
  requestedAt: turn.requestedAt,
  ...defined({ startedAt: turn.startedAt, usage: turn.usage, plan: turn.plan, diff: turn.diff, blobs: turn.blobs })
})

/** The whole values of the turn after an update. A new plan or diff replaces the earlier one. */
const blobsAfter = (before: TurnView["blobs"], update: DataOf<"turn.updated">): TurnView["blobs"] => {
  if (before === undefined) return update.blobs
  const kept = Object.entries(before).filter(([name]) => !(name in update))
  return { ...Object.fromEntries(kept), ...update.blobs }
}

/** The turn's attachments, each with the way in which the agent got it. */
const delivered = (attachments: TurnView["attachments"], how: DataOf<"turn.started">["attachments"]): TurnView["attachments"] =>
  attachments?.map((one) => ({ ...one, ...defined({ delivery: how?.find(({ blob }) => blob === one.blob)?.delivery }) }))

/** Returns the fields that this event changes, or `undefined` if it changes none. `isWaiting`: a request of the turn is open after the event. */
const changes = (turn: TurnView, event: DomainEvent, at: string, isWaiting: boolean): Partial<TurnView> | undefined => {
  const status = isWaiting ? "waiting" : "running"
  switch (event.type) {
    case "turn.edited":
      return { text: event.data.text, ...defined({ attachments: event.data.attachments }) }
    case "turn.requeued":
      return { status: "queued" }
    case "turn.dispatched":
      return { status }
    case "request.opened":
    case "request.repeated":
    case "request.answered":
    case "request.expired":
    case "request.cancelled":
      // A held request can be settled while its turn is queued.
      return turn.status === "queued" ? undefined : { status }
    case "turn.started":
      return {
        status,
        origin: event.data.origin,
        startedAt: at,
        ...defined({ attachments: delivered(turn.attachments, event.data.attachments) })
      }
    case "turn.updated": {
      const { diff, plan, usage } = event.data
      return {
        ...defined({ usage, plan, diff, blobs: blobsAfter(turn.blobs, event.data) })
      }
    }
    case "turn.completed":
    case "turn.interrupted":
    case "turn.failed": {
      const { reason, usage } = event.data
      return {
        status: outcomeOfEvent(event),
        endedAt: at,
        ...defined({ reason, usage }),
        ...(event.type === "turn.failed" ? { error: event.data.error } : {})
      }
    }
    default:
      return undefined
  }
}

/**
 * Applies an event that names this turn. Returns the same value for an event without effect on turns, and after the turn has ended. Keeps the fields of
 * `T` that the view does not have. `isWaiting`: whether a request of the turn is open after the event.
 */
export const apply = <T extends TurnView>(turn: T, event: DomainEvent, at: string, isWaiting = false): T => {
  const changed = outcomeOfTurn(turn) === undefined ? changes(turn, event, at, isWaiting) : undefined
  return changed === undefined ? turn : Object.assign({ ...turn }, changed)
}

/**
 * The turn that an event begins: a request, the start of a turn that the provider began, or an import. `undefined` for any other event. `at`: the time of
 * the event.
 */
export const begun = (event: DomainEvent, at: string): TurnView | undefined => {
  switch (event.type) {
    case "turn.requested":
      return requested(event.data, at)
    case "turn.started":
      return apply(unrequested(event.data, at), event, at)
    case "turn.imported":
      return imported(event.data)
    default:
      return undefined
  }
}
