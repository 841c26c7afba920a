/** The conversation of a thread, read from the read models, for an agent that stores no conversations. In a fork, the conversation of its source comes before its own. */
import { defined } from "@millrace/contracts/Defined"
import type { ThreadId } from "@millrace/contracts/Ids"
import type { ItemView } from "@millrace/contracts/Item"
import type { History, HistoryBounds, PastMessage, PastTurn } from "@millrace/contracts/ProviderAdapter"
import type { ForkSource, TurnView } from "@millrace/contracts/State"
import * as Item from "@millrace/model/Item"
import type { LogUnavailable, Queryable } from "@millrace/log/EventLog"
import * as Query from "@millrace/log/Query"
import { Effect } from "effect"
import * as Collections from "./Collections.ts"
import { type Blobs, withWholeText } from "./WholeText.ts"

/** Maximum number of rows read in total, for every bound. */
const maxItems = 5000
const maxTurns = 5000
/** Maximum number of item rows read in total, including rows of turns that are not wanted. */
const maxItemRows = 50_000
/** Maximum depth of forks of forks that are read. */
const maxForks = 100
/** Maximum bytes of a page of rows. No further message is read after this many characters. */
const maxRowBytes = 16 * 1024 * 1024

/** The message of an item; `undefined` for reasoning, plans and the like, which are private to the agent, and for the work of sub-agents. */
const messageOf = (item: ItemView): PastMessage | undefined => {
  if (item.parentItemId !== undefined) return undefined
  const role = Item.roleOf(item)
  if (role !== undefined) return { role, text: item.text ?? "", ...defined({ attachments: item.attachments }) }
  switch (item.kind) {
    case "tool-call":
      return { role: "tool", itemId: item.itemId, tool: item.tool ?? "tool", input: item.input, result: item.result }
    case "command":
      return { role: "tool", itemId: item.itemId, tool: "command", input: { command: item.command }, result: item.output }
    default:
      return undefined
  }
}

const textOf = (message: PastMessage): string =>
  message.role === "tool" ? JSON.stringify([message.input, message.result]) : message.text

const outcomes: ReadonlySet<string> = new Set(["completed", "interrupted", "failed"])

const pageSize = { limit: 200, maxBytes: maxRowBytes }

/** Messages of the newest items of these turns, newest first; `partly`: older items were not read. */
const itemsByTurn = (log: Queryable & Blobs, threadId: ThreadId, wanted: ReadonlySet<string>) =>
  Effect.gen(function* () {
    const byTurn = new Map<string, Array<PastMessage>>()
    let bytes = 0
    let seen = 0
    let rows = 0
    for (let before = Number.MAX_SAFE_INTEGER; before > 0;) {
      const { page } = yield* log.query({ page: Query.rows(Collections.item, { parent: threadId, before, ...pageSize }) })
      for (const { value } of page.rows) {
        if (bytes >= maxRowBytes) return { byTurn, partly: true }
        if (!wanted.has(value.turnId)) continue
        seen += 1
        const message = messageOf(Item.roleOf(value) === undefined ? value : yield* withWholeText(log, value))
        if (message === undefined) continue
        const all = byTurn.get(value.turnId) ?? []
        all.push(message)
        byTurn.set(value.turnId, all)
        bytes += textOf(message).length
      }
      rows += page.rows.length
      if (seen >= maxItems || rows >= maxItemRows) return { byTurn, partly: true }
      before = page.next ?? 0
    }
    return { byTurn, partly: false }
  })

/** A turn that began, with the rank of its row. */
type Began = TurnView & { readonly startedAt: string; readonly rank: number }

/** The rows' turns that began. */
const beganOf = (rows: ReadonlyArray<Query.Row<TurnView>>): ReadonlyArray<Began> =>
  rows.flatMap(({ rank, value }) => (value.startedAt === undefined ? [] : [{ ...value, startedAt: value.startedAt, rank }]))

/** Sorted by start, because the queue may have been reordered. */
const byStart = (a: Began, b: Began): number => a.startedAt.localeCompare(b.startedAt) || a.rank - b.rank

/** The turn that began last, if it is among the newest rows. */
export const lastTurnOf = (log: Queryable, threadId: ThreadId) =>
  Effect.map(
    log.query({ page: Query.rows(Collections.turn, { parent: threadId, limit: 50, maxBytes: 1024 * 1024 }) }),
    ({ page }) => beganOf(page.rows).toSorted(byStart).at(-1)
  )

/** The source of a fork: all turns, those up to `turnId`, or those before `before`. */
export type Source = Pick<typeof ForkSource.Type, "threadId" | "turnId" | "before">

/** A thread, and which of its turns belong to the conversation. */
interface Segment {
  readonly threadId: ThreadId
  readonly accepts: (turn: Began) => boolean
}

/** The source of a fork, with the turns that the fork has. `createdAt`: of the fork. */
const segmentOf = (log: Queryable, { before, threadId, turnId }: Source, createdAt: string) =>
  Effect.gen(function* () {
    const bound = turnId ?? before
    if (bound === undefined) return { threadId, accepts: ({ endedAt }: Began) => endedAt !== undefined && endedAt <= createdAt }
    const { row } = yield* log.query({ row: Query.row(Collections.turn, bound) })
    // A turn that never began can be repeated: the fork has the turns that began before its end.
    const startedAt = row?.value.startedAt ?? row?.value.endedAt
    const last = row === undefined || startedAt === undefined ? undefined : { ...row.value, startedAt, rank: row.rank }
    const accepts = (turn: Began) =>
      last !== undefined && (turnId === undefined ? byStart(turn, last) < 0 : byStart(turn, last) <= 0)
    return { threadId, accepts }
  })

/** The thread, and the threads that it is a fork of, newest first. */
const segmentsOf = (log: Queryable, threadId: ThreadId) =>
  Effect.gen(function* () {
    const found: Array<Segment> = [{ threadId, accepts: () => true }]
    for (let at = threadId; found.length < maxForks;) {
      const { row } = yield* log.query({ row: Query.row(Collections.threadState, at) })
      const source = row?.value.forkedFrom
      if (row === undefined || source === undefined) break
      found.push(yield* segmentOf(log, source, row.value.createdAt))
      at = source.threadId
    }
    return found
  })

/** The newest ended turns of a segment, up to one more than `limit`, which shows that there are older turns. */
const turnsOf = (log: Queryable, { accepts, threadId }: Segment, limit: number) =>
  Effect.gen(function* () {
    const found: Array<Began> = []
    let seen = 0
    for (let before = Number.MAX_SAFE_INTEGER; before > 0;) {
      const { page } = yield* log.query({ page: Query.rows(Collections.turn, { parent: threadId, before, ...pageSize }) })
      // A turn that was removed from the queue never reached an agent.
      found.push(...beganOf(page.rows).filter((turn) => outcomes.has(turn.status) && accepts(turn)))
      seen += page.rows.length
      before = found.length <= limit && seen < maxTurns ? (page.next ?? 0) : 0
    }
    return found.toSorted((a, b) => byStart(b, a)).slice(0, limit + 1)
  })

/** The newest turns of the source that a fork has, newest first. `createdAt`: of the fork. */
export const lastTurnsOf = (log: Queryable, source: Source, createdAt: string, limit: number) =>
  Effect.map(
    Effect.flatMap(segmentOf(log, source, createdAt), (segment) => turnsOf(log, segment, limit)),
    (turns) => turns.slice(0, limit)
  )

/** The last `bytes` bytes of the text. */
const endOf = (text: string, bytes: number): string => {
  const all = Buffer.from(text)
  if (all.length <= bytes) return text
  // A cut inside a code point leaves replacement characters: remove them.
  return all
    .subarray(all.length - bytes)
    .toString("utf8")
    .replace(/^\uFFFD+/, "")
}

/** Selects whole messages, newest first, until the next one exceeds the bounds. If the newest message alone exceeds them, its end is selected. Returns them oldest first. */
const selectWithin = (
  bounds: HistoryBounds,
  turns: ReadonlyArray<TurnView>,
  { byTurn, partly }: { readonly byTurn: ReadonlyMap<string, ReadonlyArray<PastMessage>>; readonly partly: boolean }
): History => {
  const taken: Array<PastTurn> = []
  let left = bounds.bytes
  let cutBytes = 0
  let earlier = turns.length > bounds.turns
  for (const [n, turn] of turns.slice(0, bounds.turns).entries()) {
    const all = byTurn.get(turn.turnId) ?? []
    const messages: Array<PastMessage> = []
    for (const message of all) {
      const size = Buffer.byteLength(textOf(message))
      if (size > left) {
        earlier = true
        if (n > 0 || messages.length > 0 || message.role === "tool") break
        const text = endOf(message.text, left)
        cutBytes = size - Buffer.byteLength(text)
        if (text !== "") messages.push({ ...message, text })
        left = 0
        break
      }
      left -= size
      messages.push(message)
    }
    if (messages.length > 0)
      taken.push({ turnId: turn.turnId, outcome: turn.status as PastTurn["outcome"], messages: messages.toReversed() })
    if (earlier && messages.length < all.length) break
  }
  return { turns: taken.toReversed(), earlier: earlier || (partly && taken.length > 0), cutBytes }
}

/**
 * The newest messages within the bounds. The pages are read one after another and still fit together: items and ended turns keep their ranks, and no
 * agent of the thread adds to them while its next session opens.
 */
export const read = (log: Queryable & Blobs, threadId: ThreadId, bounds: HistoryBounds): Effect.Effect<History, LogUnavailable> =>
  Effect.gen(function* () {
    const turns: Array<TurnView> = []
    const byTurn = new Map<string, ReadonlyArray<PastMessage>>()
    let partly = false
    for (const segment of yield* segmentsOf(log, threadId)) {
      if (partly || turns.length > bounds.turns) break
      const found = yield* turnsOf(log, segment, bounds.turns - turns.length)
      turns.push(...found)
      if (found.length === 0) continue
      const items = yield* itemsByTurn(log, segment.threadId, new Set(found.map(({ turnId }) => turnId)))
      for (const [turnId, messages] of items.byTurn) byTurn.set(turnId, messages)
      partly = items.partly
    }
    return selectWithin(bounds, turns, { byTurn, partly })
  })
