/** Which events a best-effort subscription may skip, and the `lagged` frame that reports them (docs/host.md, Delivery). Pure. */
import type { EventType } from "@millrace/contracts/Event"
import type { Lagged } from "@millrace/contracts/Frame"
import type { Page } from "@millrace/log/EventLog"

/**
 * The types of progress events, which may be skipped because a later event has the same data: the completed item has the whole text, the turn's terminal
 * event has its usage. An event of an unknown type is always delivered.
 */
const progress: ReadonlySet<string> = new Set<EventType>([
  "item.started",
  "item.delta",
  "turn.updated",
  "session.state.changed",
  "provider.event"
])

export const isProgress = (type: string): boolean => progress.has(type)

/** Events per read: enough to detect that a consumer is behind, few enough to discard cheaply. */
export const scan = (capacity: number): number => Math.max(64, capacity * 2)

/** The number of events at the front of a page of which a late consumer skips the progress events: all but the newest `capacity`, or all if the page is longer and ends before the head. */
export const late = ({ events, upTo, head }: Page, capacity: number): number =>
  upTo >= head ? Math.max(0, events.length - capacity) : events.length > capacity ? events.length : 0

/** Adds one offset to a run of skipped events. */
export const extend = (run: Lagged | undefined, offset: number): Lagged =>
  run === undefined
    ? { _tag: "lagged", from: offset, to: offset, skipped: 1 }
    : { _tag: "lagged", from: run.from, to: offset, skipped: run.skipped + 1 }
