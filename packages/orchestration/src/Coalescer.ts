/**
 * Joins the text deltas of an item, so that rows are far fewer than deltas (L5). Pure bookkeeping, no clock: who owns it says when to flush.
 * Text leaves in the order it came, per item; anything that is not text pushes all text out before it.
 */
import type { DurableEvent } from "@millrace/contracts/ProviderEvent"
import { fitEvent, split } from "./Limits.ts"

type Delta = Extract<DurableEvent, { _tag: "ItemDelta" }>

/** A delta of at most this many bytes leaves in one event. */
const maxDeltaBytes = 64 * 1024

const overhead = 256

/** Bytes of an event's JSON, about: counted where it can be large. */
const weigh = (event: DurableEvent): number => {
  switch (event._tag) {
    case "ItemDelta":
      return overhead + event.text.length
    case "ItemStarted":
    case "ItemCompleted":
    case "ItemAmended":
      return (
        overhead +
        (event.content.text?.length ?? 0) +
        (event.content.output?.length ?? 0) +
        (event.content.changes === undefined ? 0 : 4096)
      )
    case "TurnUpdated":
      return overhead + (event.diff?.length ?? 0)
    case "Opaque":
      return overhead * 4
    default:
      return overhead * 2
  }
}

export class Coalescer {
  private readonly pending = new Map<string, { readonly first: Delta; text: string }>()
  private ready: Array<DurableEvent> = []
  private weight = 0
  private readonly maxText: number

  /** `maxText`: characters of one item after which its text leaves at once. */
  constructor(maxText: number) {
    this.maxText = maxText
  }

  /** Text waits for more of it. */
  get hasPending(): boolean {
    return this.pending.size > 0
  }

  get readyWeight(): number {
    return this.weight
  }

  push(event: DurableEvent): void {
    if (event._tag !== "ItemDelta") {
      this.flush()
      return this.out(fitEvent(event))
    }
    const waiting = this.pending.get(event.itemId)
    if (waiting === undefined) {
      // An item whose text is long already does not wait: joining saves nothing.
      if (event.text.length >= this.maxText) return this.outText(event, event.text)
      this.pending.set(event.itemId, { first: event, text: event.text })
      return
    }
    waiting.text += event.text
    if (waiting.text.length < this.maxText) return
    this.pending.delete(event.itemId)
    this.outText(waiting.first, waiting.text)
  }

  /** All text that waits leaves, in the order in which its items began to wait. */
  flush(): void {
    for (const { first, text } of this.pending.values()) this.outText(first, text)
    this.pending.clear()
  }

  private outText(first: Delta, text: string): void {
    for (const piece of split(text, maxDeltaBytes)) this.out({ ...first, text: piece })
  }

  private out(event: DurableEvent): void {
    this.ready.push(event)
    this.weight += weigh(event)
  }

  /** Takes what may go, at most so many events. */
  take(count: number): { readonly events: ReadonlyArray<DurableEvent>; readonly weight: number } {
    const events = this.ready.length <= count ? this.ready : this.ready.slice(0, count)
    this.ready = this.ready.length <= count ? [] : this.ready.slice(count)
    const weight = this.ready.length === 0 ? this.weight : events.reduce((sum, event) => sum + weigh(event), 0)
    this.weight -= weight
    return { events, weight }
  }
}
