/** Reads one page of the events that a filter accepts, with as many reads of the log as it needs. Bounded in events, bytes and scanned offsets. */
import type { CursorAhead, CursorExpired } from "@millrace/contracts/Errors"
import { accepts, type EventFilter, isSparse } from "@millrace/contracts/Filter"
import type { EventLog, LogUnavailable, Page, ReadOptions, StoredEvent } from "@millrace/log/EventLog"
import { Effect } from "effect"
import * as Frames from "./Frames.ts"

/** Bounds of one read; other fibers run between two reads. */
const step = { limit: 1_000, maxBytes: 1024 * 1024 }
/** Maximum offsets scanned for one page; the page then ends there, with the events found so far. */
export const maxScanned = 100_000

/** The next page begins after `upTo`, which counts the events that the filter left out. Successive pages neither leave a gap nor overlap (D4). */
export const read = (
  log: Pick<typeof EventLog.Service, "read">,
  filter: EventFilter,
  options: Required<Pick<ReadOptions, "after" | "limit" | "maxBytes">>
): Effect.Effect<Page, LogUnavailable | CursorAhead | CursorExpired> =>
  Effect.gen(function* () {
    const indexed = Frames.indexed(filter)
    if (!isSparse(filter)) return yield* log.read({ ...options, ...indexed })
    const wanted = accepts(filter)
    const events: Array<StoredEvent> = []
    let bytes = 0
    let upTo = options.after
    for (;;) {
      const page = yield* log.read({ ...step, after: upTo, ...indexed })
      const end = (at: number): Page => ({ after: options.after, upTo: at, head: page.head, events, generation: page.generation })
      for (const event of page.events.filter(wanted)) {
        bytes += Buffer.byteLength(event.json)
        // An event that does not fit begins the next page.
        if (events.length > 0 && bytes > options.maxBytes) return end(event.offset - 1)
        events.push(event)
        if (events.length === options.limit) return end(event.offset)
      }
      upTo = page.upTo
      if (upTo >= page.head || upTo - options.after >= maxScanned) return end(upTo)
      yield* Effect.yieldNow()
    }
  })
