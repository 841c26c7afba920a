/** What a best-effort subscription may leave out, and how it says so (G4 of the delivery rules in docs/host.md). Pure. */
import type { EventType } from "@millrace/contracts/Event"
import type { Lagged } from "@millrace/contracts/Frame"
import type { Page } from "@millrace/log/EventLog"

/**
 * Progress that a later event supersedes: the completed item has the whole text, the end of a turn its usage. A list of what may be left out, not of
 * what must arrive: a type that is new is delivered.
 */
const progress: ReadonlySet<string> = new Set<EventType>([
  "item.started",
  "item.delta",
  "turn.updated",
  "session.state.changed",
  "provider.event"
])

export const isProgress = (type: string): boolean => progress.has(type)

/** Events of one look: enough to see that a consumer is behind, little enough to throw away. */
export const scan = (capacity: number): number => Math.max(64, capacity * 2)

/** How many events at the front of a page a consumer is too late for: all but the newest `capacity`. */
export const late = ({ events, upTo, head }: Page, capacity: number): number =>
  upTo >= head ? Math.max(0, events.length - capacity) : events.length > capacity ? events.length : 0

/** One more offset in a run that is left out. */
export const extend = (run: Lagged | undefined, offset: number): Lagged =>
  run === undefined
    ? { _tag: "lagged", from: offset, to: offset, skipped: 1 }
    : { _tag: "lagged", from: run.from, to: offset, skipped: run.skipped + 1 }
