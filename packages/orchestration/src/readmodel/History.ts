/** The conversation of a thread, from the read models, for an agent that stores none itself. */
import type { ThreadId } from "@millrace/contracts/Ids"
import type { ItemView } from "@millrace/contracts/Item"
import type { History, HistoryBounds, PastMessage, PastTurn } from "@millrace/contracts/ProviderAdapter"
import type { TurnView } from "@millrace/contracts/State"
import * as Item from "@millrace/model/Item"
import type { View } from "@millrace/log/EventLog"

/** Most rows read in all, whatever the bounds. */
const maxItems = 5000
const maxTurns = 5000
const rowsAtATime = 200
/** Most bytes of a page of rows, and most characters of messages read in all. */
const maxRowBytes = 16 * 1024 * 1024

/** The message of an item; `undefined` for reasoning, plans and the like, which are private to the agent. */
const messageOf = (item: ItemView): PastMessage | undefined => {
  const role = Item.roleOf(item)
  if (role !== undefined) return { role, text: item.text ?? "" }
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

/** Messages of the thread's newest items by turn, newest first; `partly`: older items were not read. */
const itemsByTurn = (view: View, threadId: ThreadId) => {
  const byTurn = new Map<string, Array<PastMessage>>()
  let before = Number.MAX_SAFE_INTEGER
  let seen = 0
  let bytes = 0
  for (;;) {
    const rows = view.rows({ collection: "item", parent: threadId, before, limit: rowsAtATime, maxBytes: maxRowBytes })
    for (const row of rows) {
      const item = row.value as ItemView
      const message = messageOf(item)
      if (message === undefined) continue
      const all = byTurn.get(item.turnId) ?? []
      all.push(message)
      byTurn.set(item.turnId, all)
      bytes += textOf(message).length
    }
    const last = rows.at(-1)
    if (last === undefined) return { byTurn, partly: false }
    seen += rows.length
    if (seen >= maxItems || bytes >= maxRowBytes) return { byTurn, partly: true }
    before = last.rank
  }
}

/** The newest ended turns, up to one more than `limit`, which shows that there are older ones. */
const turnsOf = (view: View, threadId: ThreadId, limit: number): ReadonlyArray<TurnView> => {
  const found: Array<TurnView> = []
  let before = Number.MAX_SAFE_INTEGER
  let seen = 0
  while (found.length <= limit && seen < maxTurns) {
    const rows = view.rows({ collection: "turn", parent: threadId, before, limit: rowsAtATime, maxBytes: maxRowBytes })
    const last = rows.at(-1)
    if (last === undefined) break
    for (const row of rows) {
      const turn = row.value as TurnView
      // A turn that was removed from the queue never reached an agent.
      if (outcomes.has(turn.status) && turn.startedAt !== undefined) found.push(turn)
    }
    seen += rows.length
    before = last.rank
  }
  // By start, newest first: the queue may have been reordered.
  return found.toSorted((a, b) => (b.startedAt ?? "").localeCompare(a.startedAt ?? "")).slice(0, limit + 1)
}

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

/**
 * Takes whole messages, newest first, until the next one exceeds the bounds; of the newest message at least its end. Returns them oldest first.
 */
export const read = (view: View, threadId: ThreadId, bounds: HistoryBounds): History => {
  const turns = turnsOf(view, threadId, bounds.turns)
  const { byTurn, partly } = itemsByTurn(view, threadId)
  const taken: Array<PastTurn> = []
  let left = bounds.bytes
  let cutBytes = 0
  let earlier = turns.length > bounds.turns
  for (const [n, turn] of turns.slice(0, bounds.turns).entries()) {
    const said = byTurn.get(turn.turnId) ?? []
    const messages: Array<PastMessage> = []
    for (const message of said) {
      const size = Buffer.byteLength(textOf(message))
      if (size > left) {
        earlier = true
        if (n > 0 || messages.length > 0 || message.role === "tool") break
        const text = endOf(message.text, left)
        cutBytes = size - Buffer.byteLength(text)
        if (text !== "") messages.push({ role: message.role, text })
        left = 0
        break
      }
      left -= size
      messages.push(message)
    }
    if (messages.length > 0)
      taken.push({ turnId: turn.turnId, outcome: turn.status as PastTurn["outcome"], messages: messages.toReversed() })
    if (earlier && messages.length < said.length) break
  }
  return { turns: taken.toReversed(), earlier: earlier || (partly && taken.length > 0), cutBytes }
}
