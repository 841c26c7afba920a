/**
 * Joins the text deltas of an item, so that far fewer events than deltas are written (L5). Pure, no clock: the owner calls `flush`.
 * Text keeps its order per item. Any other event flushes all pending text first.
 */
import { splitPair, wellFormed, wellFormedJson } from "@millrace/contracts/Text"
import type { DurableEvent } from "@millrace/contracts/ProviderEvent"
import { shallow } from "../state/LargeValues.ts"
import { split } from "../state/Truncation.ts"

type Delta = Extract<DurableEvent, { _tag: "ItemDelta" }>

/** Maximum bytes of text in one emitted delta; longer text is split. */
const maxDeltaBytes = 64 * 1024

const overhead = 256

/** Approximate bytes of an event's JSON: only fields that can be large are counted. */
export const weigh = (event: DurableEvent): number => {
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
        (event.content.changes === undefined ? 0 : 4096) +
        ("files" in event ? (event.files?.reduce((sum, { base64 }) => sum + base64.length, 0) ?? 0) : 0)
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
  /** Key: an item. Value: the high surrogate at the end of its text, kept until the next delta brings the low surrogate. */
  private readonly halves = new Map<string, Delta>()
  private readonly pending = new Map<string, { readonly first: Delta; text: string }>()
  private ready: Array<DurableEvent> = []
  private weight = 0
  private readonly maxText: number

  /** `maxText`: characters of one item's pending text after which it is emitted at once. */
  constructor(maxText: number) {
    this.maxText = maxText
  }

  /** Whether some text waits for the next delta. */
  get hasPending(): boolean {
    return this.pending.size > 0
  }

  get readyWeight(): number {
    return this.weight
  }

  push(given: DurableEvent): void {
    if (given._tag !== "ItemDelta") {
      this.flush()
      if (given._tag === "ItemCompleted") this.release(given.itemId)
      return this.out(wellFormedJson(shallow(given)))
    }
    const half = this.halves.get(given.itemId)
    const event = half === undefined ? given : { ...given, text: half.text + given.text }
    this.halves.delete(given.itemId)
    const waiting = this.pending.get(event.itemId)
    if (waiting === undefined) {
      // A long delta is emitted at once: joining would save nothing.
      if (event.text.length >= this.maxText) return this.outText(event, event.text)
      this.pending.set(event.itemId, { first: event, text: event.text })
      return
    }
    waiting.text += event.text
    if (waiting.text.length < this.maxText) return
    this.pending.delete(event.itemId)
    this.outText(waiting.first, waiting.text)
  }

  /** Emits all pending text, in the order in which its items began to wait. */
  flush(): void {
    for (const { first, text } of this.pending.values()) this.outText(first, text)
    this.pending.clear()
  }

  /** Emits everything, including lone surrogates: no more events follow. */
  end(): void {
    this.flush()
    for (const itemId of this.halves.keys()) this.release(itemId)
  }

  /** Emits a replacement character for a high surrogate without a low one. */
  private release(itemId: string): void {
    const half = this.halves.get(itemId)
    if (half === undefined) return
    this.halves.delete(itemId)
    this.out({ ...half, text: wellFormed(half.text) })
  }

  private outText(first: Delta, text: string): void {
    const [whole, half] = splitPair(text)
    if (half !== "") this.halves.set(first.itemId, { ...first, text: half })
    if (whole === "") return
    for (const piece of split(wellFormed(whole), maxDeltaBytes)) this.out({ ...first, text: piece })
  }

  private out(event: DurableEvent): void {
    this.ready.push(event)
    this.weight += weigh(event)
  }

  /** Takes at most `count` events that are ready. */
  take(count: number): { readonly events: ReadonlyArray<DurableEvent>; readonly weight: number } {
    const events = this.ready.length <= count ? this.ready : this.ready.slice(0, count)
    this.ready = this.ready.length <= count ? [] : this.ready.slice(count)
    const weight = this.ready.length === 0 ? this.weight : events.reduce((sum, event) => sum + weigh(event), 0)
    this.weight -= weight
    return { events, weight }
  }
}
