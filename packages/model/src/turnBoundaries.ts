/**
 * Computes the turns of a thread from its events alone, for example those of an export or a followed stream. The result agrees with the read model after
 * any history (L11).
 */
import type { LogEvent } from "@millrace/contracts/Event"
import { domainEvent } from "@millrace/contracts/EventTypes"
import type { ItemId, RequestId, TurnId } from "@millrace/contracts/Ids"
import type { TurnView } from "@millrace/contracts/State"
import * as Request from "./Request.ts"
import * as Turn from "./Turn.ts"

/** An event of one thread's stream, in order. Unknown types are ignored. */
export type HistoryEvent = Pick<LogEvent, "offset" | "type" | "data">

/** `status`: the status at the end of the history. `text`: the prompt as last edited, empty for a turn that the provider began. */
export interface TurnBoundary extends Pick<TurnView, "turnId" | "status" | "text"> {
  /** Offsets of the event that begins the turn, and of the last event that names it. */
  readonly first: number
  readonly last: number
  /** Items in the order in which they began. */
  readonly itemIds: ReadonlyArray<ItemId>
  /** Requests opened in the turn, in order. */
  readonly requestIds: ReadonlyArray<RequestId>
}

interface Entry {
  /** `undefined` until the turn is requested or started. One of its items may come first. */
  turn: TurnView | undefined
  first: number
  last: number
  readonly items: Set<ItemId>
  readonly requests: Set<RequestId>
  readonly open: Set<RequestId>
  /** Held requests, for which the turn does not wait. */
  readonly held: Set<RequestId>
}

/** The time for the fold; the result has no times. */
const at = ""

const add = (entry: Entry, { offset, ...history }: HistoryEvent): void => {
  const event = domainEvent(history)
  const settlement = Request.settlement(event)
  if (settlement !== undefined && !entry.held.delete(settlement.requestId)) entry.open.delete(settlement.requestId)
  if (event.type === "request.repeated") entry.held.delete(event.data.requestId)
  // An item may first appear after the end of its turn.
  if (event.type === "item.started" || event.type === "item.amended" || event.type === "item.imported")
    entry.items.add(event.data.itemId)
  if (event.type === "request.opened" || (event.type === "request.repeated" && event.data.answer === undefined)) {
    entry.requests.add(event.data.requestId)
    entry.open.add(event.data.requestId)
  }
  entry.last = offset
  if (entry.turn !== undefined) entry.turn = Turn.apply(entry.turn, event, at, entry.open.size > 0)
  else {
    entry.turn = Turn.begun(event, at)
    entry.first = offset
  }
}

/** Moves an open request that is held to the turn that continues the work. The answer of a settled request does not move it. */
const move = (turns: ReadonlyMap<TurnId, Entry>, to: Entry, requestId: RequestId): void => {
  for (const from of turns.values()) {
    if (!from.open.delete(requestId) && !from.held.delete(requestId)) continue
    from.requests.delete(requestId)
    to.requests.add(requestId)
    to.held.add(requestId)
  }
}

const requestOf = ({ data }: HistoryEvent) => (data as { readonly requestId: RequestId }).requestId

/** Pure and total, in one pass. Returns the turns in the order in which they begin. */
export const turnBoundaries = (events: Iterable<HistoryEvent>): ReadonlyArray<TurnBoundary> => {
  const turns = new Map<TurnId, Entry>()
  for (const event of events) {
    const turnId = (event.data as { readonly turnId?: TurnId } | null)?.turnId
    if (turnId === undefined) continue
    const entry = turns.get(turnId) ?? {
      turn: undefined,
      first: 0,
      last: 0,
      items: new Set(),
      requests: new Set(),
      open: new Set(),
      held: new Set()
    }
    turns.set(turnId, entry)
    if (event.type === "request.held") move(turns, entry, requestOf(event))
    add(entry, event)
  }
  return [...turns.values()]
    .flatMap(({ first, items, last, requests, turn }) =>
      turn === undefined
        ? []
        : [
            {
              turnId: turn.turnId,
              status: turn.status,
              text: turn.text,
              first,
              last,
              itemIds: [...items],
              requestIds: [...requests]
            }
          ]
    )
    .toSorted((a, b) => a.first - b.first)
}
