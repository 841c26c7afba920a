/**
 * One thread's turns and items, from pages of the read model and the events after the pages' offsets. Events change the transcript in place. Its items
 * and turns are immutable and are replaced, so a view draws only the changed ones again.
 */
import type { DomainEvent, LogEvent } from "@millrace/contracts/Event"
import { domainEvent } from "@millrace/contracts/EventTypes"
import type { ItemId, RequestId, ThreadId, TurnId } from "@millrace/contracts/Ids"
import type { ItemView, RequestView } from "@millrace/contracts/Item"
import type { PageOf } from "@millrace/contracts/Millrace"
import type { TurnView } from "@millrace/contracts/State"
import type { Settled } from "./AppState.ts"
import * as Item from "./Item.ts"
import * as Request from "./Request.ts"
import * as Turn from "./Turn.ts"

/**
 * A row of the thread: an item, a settled request, or the end of a turn. `depth` is set for an item of a sub-agent: 1 for a sub-agent, 2 for a
 * sub-agent's sub-agent. The item follows the tool call that started the sub-agent.
 */
export type Row =
  | { readonly kind: "settled"; readonly key: string; readonly settled: Settled }
  | { readonly kind: "item"; readonly key: string; readonly item: ItemView; readonly depth?: number }
  | { readonly kind: "end"; readonly key: string; readonly turn: TurnView }

/** A value and the offset up to which it is folded. */
interface At<A> {
  readonly value: A
  readonly offset: number
}

export interface Transcript {
  readonly threadId: ThreadId
  readonly items: Map<ItemId, At<ItemView>>
  /** Item ids, oldest first. */
  order: Array<ItemId>
  readonly turns: Map<TurnId, At<TurnView>>
  /** Turn ids, oldest first. */
  turnOrder: Array<TurnId>
  /** The newest item at the time a request was opened. Only for requests that opened while this transcript was followed. */
  readonly askedAfter: Map<RequestId, ItemId>
  /** The open requests, and the turn of each. */
  readonly openRequests: Map<RequestId, TurnId>
  /** Page cursor of older items and turns; `undefined` when all are loaded. */
  before: number | undefined
  beforeTurns: number | undefined
  /** Offsets of the newest pages. Events create the items and turns after them. */
  itemsFrom: number
  turnsFrom: number
  /** Counts all changes; `structure` counts those that change the number or order of rows. */
  version: number
  structure: number
}

/**
 * The transcript of a thread from the newest page of its items and of its turns. `requests`: the open requests of an `AppState`. Afterwards apply every
 * event that you received after that state, or since you requested the pages.
 */
export const make = (
  threadId: ThreadId,
  items: PageOf<ItemView>,
  turns: PageOf<TurnView>,
  requests: ReadonlyArray<RequestView> = []
): Transcript => {
  const transcript: Transcript = {
    threadId,
    items: new Map(),
    order: [],
    turns: new Map(),
    turnOrder: [],
    askedAfter: new Map(),
    openRequests: new Map(requests.flatMap((one) => (one.threadId === threadId ? [[one.requestId, one.turnId] as const] : []))),
    before: undefined,
    beforeTurns: undefined,
    itemsFrom: items.offset ?? 0,
    turnsFrom: turns.offset ?? 0,
    version: 0,
    structure: 0
  }
  addItems(transcript, items)
  addTurns(transcript, turns)
  return transcript
}

/** Adds an older page (newest first) and returns its new ids, oldest first. Known values stay, because later events are folded into them. */
const addPage = <Id extends string, A>(known: Map<Id, At<A>>, page: PageOf<A>, idOf: (one: A) => Id): ReadonlyArray<Id> => {
  const added: Array<Id> = []
  for (const value of page.items.toReversed()) {
    const id = idOf(value)
    if (known.has(id)) continue
    known.set(id, { value, offset: page.offset ?? 0 })
    added.push(id)
  }
  return added
}

/** Adds the next older page of items. */
export const addItems = (transcript: Transcript, page: PageOf<ItemView>): void => {
  transcript.order = [...addPage(transcript.items, page, ({ itemId }) => itemId), ...transcript.order]
  transcript.before = page.before
  transcript.version++
  transcript.structure++
}

/** Adds the next older page of turns. */
export const addTurns = (transcript: Transcript, page: PageOf<TurnView>): void => {
  transcript.turnOrder = [...addPage(transcript.turns, page, ({ turnId }) => turnId), ...transcript.turnOrder]
  transcript.beforeTurns = page.before
  transcript.version++
  transcript.structure++
}

const addTurn = (transcript: Transcript, offset: number, turn: TurnView): boolean => {
  if (offset <= transcript.turnsFrom || transcript.turns.has(turn.turnId)) return false
  transcript.turns.set(turn.turnId, { value: turn, offset })
  transcript.turnOrder.push(turn.turnId)
  transcript.structure++
  return true
}

/** Whether the turn of an item that completes without a known start is loaded. If not, the item belongs to an older page. */
const isLate = (transcript: Transcript, { turnId }: ItemView): boolean => {
  if (transcript.before === undefined) return true
  const oldest = transcript.order[0]
  const first = oldest === undefined ? undefined : transcript.items.get(oldest)?.value.turnId
  return first !== undefined && transcript.turnOrder.indexOf(turnId) > transcript.turnOrder.indexOf(first)
}

const applyItem = (transcript: Transcript, event: Item.ItemEvent, offset: number): boolean => {
  const { itemId } = event.data
  const known = transcript.items.get(itemId)
  if (offset <= (known?.offset ?? transcript.itemsFrom)) return false
  const value = Item.apply(known?.value, event)
  if (value === undefined || value === known?.value) return false
  if (known === undefined) {
    if (event.type !== "item.started" && !isLate(transcript, value)) return false
    transcript.order.push(itemId)
    transcript.structure++
  }
  transcript.items.set(itemId, { value, offset })
  return true
}

/** Updates the open requests of the thread. Returns whether a request of this turn is open after the event. */
const updateRequests = (transcript: Transcript, event: DomainEvent, turnId: TurnId): boolean => {
  if (event.type === "request.opened") {
    const { requestId } = event.data
    const newest = transcript.order.at(-1)
    if (newest !== undefined && !transcript.askedAfter.has(requestId)) transcript.askedAfter.set(requestId, newest)
    transcript.openRequests.set(requestId, turnId)
  }
  // A turn does not wait for a held request: the agent has not asked again yet.
  if (event.type === "request.held") transcript.openRequests.delete(event.data.requestId)
  if (event.type === "request.repeated" && event.data.answer === undefined)
    transcript.openRequests.set(event.data.requestId, turnId)
  const settlement = Request.settlement(event)
  if (settlement !== undefined) transcript.openRequests.delete(settlement.requestId)
  for (const of of transcript.openRequests.values()) if (of === turnId) return true
  return false
}

const applyTurn = (transcript: Transcript, event: DomainEvent, turnId: TurnId, offset: number, at: string): boolean => {
  const waits = updateRequests(transcript, event, turnId)
  const known = transcript.turns.get(turnId)
  if (known === undefined) {
    const added = Turn.begun(event, at)
    return added !== undefined && addTurn(transcript, offset, added)
  }
  if (offset <= known.offset) return false
  const value = event.type === "turn.imported" ? Turn.imported(event.data) : Turn.apply(known.value, event, at, waits)
  if (value === known.value) return false
  transcript.turns.set(turnId, { value, offset })
  if (Turn.outcomeOfTurn(value) !== undefined) transcript.structure++
  return true
}

/** Applies one event of this thread. An event that a page already includes changes nothing. */
export const apply = (transcript: Transcript, event: LogEvent): void => {
  const known = domainEvent(event)
  const changed = Item.isItemEvent(known)
    ? applyItem(transcript, known, event.offset)
    : "turnId" in known.data &&
      known.data.turnId !== undefined &&
      applyTurn(transcript, known, known.data.turnId, event.offset, event.at)
  if (changed) transcript.version++
}

const add = <K>(map: Map<K, Array<Settled>>, key: K, settled: Settled) => {
  const known = map.get(key)
  if (known === undefined) map.set(key, [settled])
  else known.push(settled)
}

/** Settled requests by the item that they follow, or by their turn if that item is unknown. */
const placed = (transcript: Transcript, settled: ReadonlyArray<Settled>) => {
  const byItem = new Map<ItemId, Array<Settled>>()
  const byTurn = new Map<TurnId, Array<Settled>>()
  for (const one of settled) {
    const { ask, requestId, threadId, turnId } = one.request
    if (threadId !== transcript.threadId) continue
    const itemId = ask.itemId ?? transcript.askedAfter.get(requestId)
    if (itemId !== undefined && transcript.items.get(itemId)?.value.turnId === turnId) add(byItem, itemId, one)
    else add(byTurn, turnId, one)
  }
  return { byItem, byTurn }
}

/** The loaded items. The items of a sub-agent follow the tool call that started it, also if it worked after its turn had ended. */
const nested = ({ items, order }: Transcript): ReadonlyArray<{ readonly item: ItemView; readonly depth: number }> => {
  const children = new Map<ItemId, Array<ItemView>>()
  const roots: Array<ItemView> = []
  const seen = new Set<ItemId>()
  for (const itemId of order) {
    const item = items.get(itemId)?.value
    if (item === undefined) continue
    const parent = item.parentItemId
    // An item whose parent is not loaded is shown at the top level. A parent must come before its child, so there is no cycle.
    const of = parent === undefined || !seen.has(parent) ? roots : (children.get(parent) ?? [])
    of.push(item)
    if (of !== roots && parent !== undefined) children.set(parent, of)
    seen.add(itemId)
  }
  const out: Array<{ readonly item: ItemView; readonly depth: number }> = []
  const waiting = roots.toReversed().map((item) => ({ item, depth: 0 }))
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    out.push(next)
    const depth = next.depth + 1
    for (const item of (children.get(next.item.itemId) ?? []).toReversed()) waiting.push({ item, depth })
  }
  return out
}

/**
 * The rows, oldest first: each turn's items with its settled requests, then the end of the turn. Turns older than the oldest loaded item are not shown
 * until their items are loaded.
 */
export const rows = (transcript: Transcript, settled: ReadonlyArray<Settled> = []): ReadonlyArray<Row> => {
  const out: Array<Row> = []
  const { byItem, byTurn } = placed(transcript, settled)
  const addSettled = (all: ReadonlyArray<Settled> = []) => {
    for (const one of all) out.push({ kind: "settled", key: one.request.requestId, settled: one })
  }
  const shown = new Set<TurnId>()
  const addEnd = (turnId: TurnId) => {
    const turn = transcript.turns.get(turnId)?.value
    if (turn === undefined || Turn.outcomeOfTurn(turn) === undefined || shown.has(turnId)) return
    shown.add(turnId)
    out.push({ kind: "end", key: turnId, turn })
  }
  const placedItems = nested(transcript)
  const last = new Map<TurnId, ItemId>()
  for (const { item } of placedItems) last.set(item.turnId, item.itemId)
  // A turn without items (removed from the queue, failed at once) follows the turn that was requested before it.
  let next = transcript.before === undefined ? 0 : transcript.turnOrder.findIndex((turnId) => last.has(turnId))
  const indexOf = new Map(transcript.turnOrder.map((turnId, at) => [turnId, at]))
  const addTurnsWithoutItems = (until: number) => {
    for (; next >= 0 && next < until; next++) {
      const turnId = transcript.turnOrder[next]
      if (turnId === undefined || last.has(turnId)) continue
      addSettled(byTurn.get(turnId))
      addEnd(turnId)
    }
  }
  for (const { depth, item } of placedItems) {
    const { itemId } = item
    addTurnsWithoutItems(indexOf.get(item.turnId) ?? 0)
    out.push({ kind: "item", key: itemId, item, ...(depth === 0 ? {} : { depth }) })
    addSettled(byItem.get(itemId))
    if (last.get(item.turnId) !== itemId) continue
    addSettled(byTurn.get(item.turnId))
    addEnd(item.turnId)
  }
  addTurnsWithoutItems(transcript.turnOrder.length)
  return out
}
