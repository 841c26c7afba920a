/** Selects the events of a page that a best-effort consumer receives; `lagged` frames replace the skipped events. Pure; the rules are in Skipping.ts. */
import type { Lagged } from "@millrace/contracts/Frame"
import type { Page, StoredEvent } from "@millrace/log/EventLog"
import * as Skipping from "./Skipping.ts"

export interface Selection {
  /** The events to deliver, at most `capacity`, with `lagged` in the places of the skipped events. */
  readonly given: ReadonlyArray<StoredEvent | Lagged>
  /** The offset up to which the events were delivered or skipped. */
  readonly upTo: number
  /** The run of skipped events that may continue on the next page. */
  readonly run: Lagged | undefined
}

/** `run`: the open run of the previous page. If the page ends below the head, its last run stays open. */
export const select = (page: Page, capacity: number, run: Lagged | undefined): Selection => {
  const late = Skipping.late(page, capacity)
  const given: Array<StoredEvent | Lagged> = []
  let open = run
  let delivered = 0
  let upTo = page.after
  const close = () => {
    if (open !== undefined) given.push(open)
    open = undefined
  }
  for (const [at, event] of page.events.entries()) {
    if (at < late && Skipping.isProgress(event.type)) open = Skipping.extend(open, event.offset)
    else {
      if (delivered === capacity) return { given, upTo, run: open }
      close()
      given.push(event)
      delivered++
    }
    upTo = event.offset
  }
  if (page.upTo >= page.head) close()
  return { given, upTo: page.upTo, run: open }
}
