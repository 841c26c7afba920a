/**
 * Computes the turns of a thread from its events alone, for example those of an export or a followed stream. The result agrees with the read model after
 * any history (L11).
 */
import { domainEvent, type LogEvent } from "@millrace/contracts/Event"
import type { ItemId, RequestId, TurnId } from "@millrace/contracts/Ids"
import type { TurnView } from "@millrace/contracts/State"
import * as Request from "./Request.ts"
import * as Turn from "./Turn.ts"

/** An event of one thread's stream, in order. Unknown types are ignored. */
export type HistoryEvent = Pick<LogEvent, "offset" | "type" | "data">

/** `status` is that at the end of the history, `text` the prompt as last edited; empty for a turn that the provider began. */
export interface TurnBoundary extends Pick<TurnView, "turnId" | "status" | "text"> {
  /** Offsets of the event that begins the turn, and of the last event that names it. */
  readonly first: number
  readonly last: number
  /** In the order in which they began. */
  readonly itemIds: ReadonlyArray<ItemId>
  /** Requests opened in it, in order. */
  readonly requestIds: ReadonlyArray<RequestId>
}

interface Entry {
  /** `undefined` until the turn is requested or started; one of its items may come first. */
  turn: TurnView | undefined
  first: number
  last: number
  readonly items: Set<ItemId>
  readonly requests: Set<RequestId>
  readonly open: Set<RequestId>
}

/** The time for the fold; the result has no times. */
const at = ""

const add = (entry: Entry, { offset, ...history }: HistoryEvent): void => {
  const event = domainEvent(history)
  const settlement = Request.settlement(event)
  if (settlement !== undefined) entry.open.delete(settlement.requestId)
  // An item may first appear after the end of its turn.
  if (event.type === "item.started" || event.type === "item.amended" || event.type === "item.imported")
    entry.items.add(event.data.itemId)
  if (event.type === "request.opened") {
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

/** Pure and total; one pass. Turns in the order in which they begin. */
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
      open: new Set()
    }
    turns.set(turnId, entry)
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
