/**
 * Computes the turns of a thread from its events alone, without read model or live process: from an export, a page, or a followed stream.
 * Agrees with the projection after any history (L11).
 */
import type { DomainEvent } from "@millrace/contracts/Event"
import type { ItemId, RequestId, TurnId } from "@millrace/contracts/Ids"
import type { TurnStatus } from "@millrace/contracts/State"

/** An event of one thread's stream, in order. Unknown types are ignored. */
export interface HistoryEvent {
  readonly offset: number
  readonly type: string
  readonly data: unknown
}

export interface TurnBoundary {
  readonly turnId: TurnId
  /** At the end of the history. */
  readonly status: TurnStatus
  /** The prompt as last edited; empty for a turn that the provider began. */
  readonly text: string
  /** Offsets of the event it begins with, and of the last one that names it. */
  readonly first: number
  readonly last: number
  /** In the order in which they began. */
  readonly itemIds: ReadonlyArray<ItemId>
  /** Requests opened in it, in order. */
  readonly requestIds: ReadonlyArray<RequestId>
}

interface Turn {
  readonly turnId: TurnId
  /** `waiting` is `running` with an open request. */
  status: Exclude<TurnStatus, "waiting">
  text: string
  /** 0: neither requested nor started yet, though one of its items may be known. */
  first: number
  last: number
  readonly items: Set<ItemId>
  readonly requests: Set<RequestId>
  readonly open: Set<RequestId>
}

/** Applies an event to the turn that it names. */
const apply = (turn: Turn, event: DomainEvent): void => {
  switch (event.type) {
    case "turn.requested":
    case "turn.edited":
      turn.text = event.data.text
      return
    case "turn.dispatched":
    case "turn.started":
      turn.status = "running"
      return
    case "turn.requeued":
      turn.status = "queued"
      return
    case "turn.completed":
      turn.status = "completed"
      return
    case "turn.interrupted":
      turn.status = "interrupted"
      return
    case "turn.failed":
      turn.status = "failed"
      return
    case "item.started":
    // An item may first appear after the end of its turn.
    case "item.amended":
      turn.items.add(event.data.itemId)
      return
    case "request.opened":
      turn.requests.add(event.data.requestId)
      turn.open.add(event.data.requestId)
      return
    case "request.answered":
    case "request.expired":
    case "request.cancelled":
      turn.open.delete(event.data.requestId)
      return
    default:
  }
}

/** Pure and total; one pass. Turns in the order in which they begin. */
export const turnBoundaries = (events: Iterable<HistoryEvent>): ReadonlyArray<TurnBoundary> => {
  const turns = new Map<TurnId, Turn>()
  for (const { data, offset, type } of events) {
    const turnId = (data as { readonly turnId?: TurnId } | null)?.turnId
    if (turnId === undefined) continue
    let turn = turns.get(turnId)
    if (turn === undefined) {
      turn = {
        turnId,
        status: "queued",
        text: "",
        first: 0,
        last: 0,
        items: new Set(),
        requests: new Set(),
        open: new Set()
      }
      turns.set(turnId, turn)
    }
    turn.last = offset
    if (turn.first === 0 && (type === "turn.requested" || type === "turn.started")) turn.first = offset
    apply(turn, { type, data } as DomainEvent)
  }
  const begun = [...turns.values()].filter(({ first }) => first > 0).toSorted((a, b) => a.first - b.first)
  return begun.map((turn) => ({
    turnId: turn.turnId,
    status: turn.status === "running" && turn.open.size > 0 ? "waiting" : turn.status,
    text: turn.text,
    first: turn.first,
    last: turn.last,
    itemIds: [...turn.items],
    requestIds: [...turn.requests]
  }))
}
