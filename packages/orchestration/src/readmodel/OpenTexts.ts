/**
 * The text of open items: the sum of their deltas, read from the log. Deltas write no row, so that each costs the same whatever came before; the text of
 * an open item is read from its stream, from the item's start.
 */
import { cut } from "@millrace/contracts/Text"
import type { ThreadId } from "@millrace/contracts/Ids"
import { threadStream } from "@millrace/contracts/Ids"
import type { View } from "@millrace/log/EventLog"
import { maxText } from "../state/ThreadState.ts"

export interface OpenText {
  readonly text: string
  /** Characters beyond `maxText`. */
  readonly cut: number
}

/** Most events that one call reads, so that it does not block the event loop: minutes of streaming. A longer item shows its beginning. */
const defaultEvents = 20_000

interface Delta {
  readonly data: { readonly itemId: string; readonly text: string }
}

/** The text of each of these items at the view's head, at most `maxText` characters. Reads from the oldest of them on, in pages. */
export const openTexts = (
  view: View,
  threadId: ThreadId,
  items: ReadonlyArray<{ readonly itemId: string; readonly startedAt: number }>,
  maxEvents = defaultEvents
): ReadonlyMap<string, OpenText> => {
  const found = new Map<string, { text: string; cut: number }>(items.map((item) => [item.itemId, { text: "", cut: 0 }]))
  if (items.length === 0) return found
  let after = Math.min(...items.map((item) => item.startedAt)) - 1
  let read = 0
  while (after < view.head && read < maxEvents) {
    const page = view.events({ after, stream: threadStream(threadId), limit: 5000 })
    for (const event of page.events) {
      if (event.type !== "item.delta") continue
      const { itemId, text } = (JSON.parse(event.json) as Delta).data
      const item = found.get(itemId)
      if (item === undefined) continue
      const kept = item.cut > 0 ? "" : cut(text, maxText - item.text.length)
      item.text += kept
      item.cut += text.length - kept.length
    }
    read += page.events.length
    if (page.upTo <= after || [...found.values()].every((item) => item.cut > 0 || item.text.length === maxText)) break
    after = page.upTo
  }
  return found
}
