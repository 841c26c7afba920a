/**
 * The text of open items: the sum of their deltas, read from the log. Deltas write no row, so that each costs the same whatever came before; the text of
 * an open item is read from its stream, from the item's start.
 */
import type { ThreadId } from "@millrace/contracts/Ids"
import { threadStream } from "@millrace/contracts/Ids"
import type { View } from "@millrace/log/EventLog"
import * as OpenText from "../state/OpenText.ts"

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
): ReadonlyMap<string, OpenText.OpenText> => {
  const found = new Map(items.map((item) => [item.itemId, OpenText.empty]))
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
      found.set(itemId, OpenText.append(item, text))
    }
    read += page.events.length
    if (page.upTo <= after || [...found.values()].every((item) => item.cut > 0 || item.text.length === OpenText.maxText)) break
    after = page.upTo
  }
  return found
}
