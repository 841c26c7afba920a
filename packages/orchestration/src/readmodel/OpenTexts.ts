/**
 * The text of open items: the sum of their deltas, read from the log. Deltas write no row, so that each delta costs the same however long the item is.
 * The text of an open item is therefore read from its thread's stream, from the item's start.
 */
import type { ItemView } from "@millrace/contracts/Item"
import type { ThreadId } from "@millrace/contracts/Ids"
import { threadStream } from "@millrace/contracts/Ids"
import type { LogUnavailable, Queryable } from "@millrace/log/EventLog"
import * as Query from "@millrace/log/Query"
import * as Item from "@millrace/model/Item"
import { Effect } from "effect"
import * as OpenText from "../state/OpenText.ts"

/** Maximum events that one call reads, so that it does not block the event loop: minutes of streaming. A longer item shows its beginning. */
const defaultEvents = 20_000

interface Delta {
  readonly data: { readonly itemId: string; readonly text: string }
}

/**
 * The text of each of these items at `head`, at most `maxText` characters. Reads in pages, from the start of the oldest item. Events after `head` are
 * ignored, so the texts belong to the position at which the rows were read.
 */
export const openTexts = (
  log: Queryable,
  head: number,
  threadId: ThreadId,
  items: ReadonlyArray<Query.Row<ItemView>>,
  maxEvents = defaultEvents
): Effect.Effect<ReadonlyMap<string, OpenText.OpenText>, LogUnavailable> =>
  Effect.gen(function* () {
    const found = new Map(items.map(({ key }) => [key, OpenText.empty]))
    let after = Math.min(...items.map(({ rank }) => rank)) - 1
    for (let read = 0; after < head && read < maxEvents;) {
      const { page } = yield* log.query({ page: Query.events({ after, stream: threadStream(threadId), limit: 5000 }) })
      for (const event of page.events) {
        if (event.type !== "item.delta" || event.offset > head) continue
        const { itemId, text } = (JSON.parse(event.json) as Delta).data
        const item = found.get(itemId)
        if (item !== undefined) found.set(itemId, OpenText.append(item, text))
      }
      read += page.events.length
      if (
        page.upTo <= after ||
        [...found.values()].every((item) => item.omittedBytes > 0 || item.text.length === OpenText.maxText)
      )
        break
      after = page.upTo
    }
    return found
  })

/** The items of these rows at the head of the log, with the text of the open items (D14). */
export const withTexts = (log: Queryable, head: number, threadId: ThreadId, rows: ReadonlyArray<Query.Row<ItemView>>) => {
  const open = rows.filter(({ value }) => value.status === "open")
  if (open.length === 0) return Effect.succeed(rows.map(({ value }) => value))
  return Effect.map(openTexts(log, head, threadId, open), (texts) =>
    rows.map(({ key, value }) => Item.withText(value, texts.get(key)?.text ?? ""))
  )
}
