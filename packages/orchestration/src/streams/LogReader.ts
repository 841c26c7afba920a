/**
 * Decides what one subscriber of the log receives next. It does no I/O: its driver reads the pages, waits and encodes. These rules hold in whatever
 * order the driver passes pages, heads and stops:
 * - Each event that passes the filter is delivered once and in order (D2).
 * - `caught-up` is delivered once, after all events up to the head at the attach and before all later events (D6).
 * - The last frame is `end`, when none of the followed streams can have more events (D13), or `bye` (S3).
 */
import { accepts, type EventFilter, isSparse, streamsOf } from "@millrace/contracts/Filter"
import { threadStream } from "@millrace/contracts/Ids"
import type { Signal } from "@millrace/contracts/Signal"
import type { Page, StoredEvent } from "@millrace/log/EventLog"
import { endReason, indexed, type SubscriptionStart } from "./Frames.ts"
import type { Signals } from "./Signals.ts"

/** Asks to end a subscription with `bye`. `now`: at once; `soon`: before the next event, but a `caught-up` that is the next frame is still sent; `head`: after all events up to the head. */
export interface Stop {
  readonly reason: string
  readonly when: "now" | "soon" | "head"
}

/** A frame that the reader itself makes. */
export type ReaderFrame =
  | { readonly _tag: "caught-up"; readonly head: number; readonly replayed: number; readonly requests: number }
  /** `resumeAfter`: an offset; everything up to it was delivered. */
  | { readonly _tag: "bye"; readonly reason: string; readonly resumeAfter: number }
  | { readonly _tag: "end"; readonly reason: string }

export type Next =
  | ReaderFrame
  /** Read the page after `position` and deliver it. */
  | { readonly _tag: "read" }
  /** Everything up to the head was delivered: deliver signals, or wait. */
  | { readonly _tag: "rest" }
  /** `bye` or `end` was delivered. */
  | { readonly _tag: "ended" }

export class LogReader {
  readonly #filter: EventFilter
  readonly #streams: ReadonlyArray<string> | undefined
  readonly #start: SubscriptionStart
  readonly #accepts: ((event: StoredEvent) => boolean) | undefined
  /** The followed streams that can have more events. Absent: all streams are followed. */
  readonly #live: Set<string> | undefined
  /** The fields of the log query, except the position. The query returns all events of this subscriber, and possibly others. */
  readonly query: { readonly stream?: string }
  /** The highest head seen so far. A client may begin at an offset beyond the head; the offset in `bye` is at most this one. */
  #head: number
  #position: number
  #lastSignal = 0
  #replayed = 0
  #caughtUp = false
  #ended = false

  constructor(filter: EventFilter, start: SubscriptionStart, after: number) {
    this.#filter = filter
    this.#streams = streamsOf(filter)
    this.#start = start
    this.#accepts = isSparse(filter) ? accepts(filter) : undefined
    this.#live = start.live === undefined ? undefined : new Set(start.live)
    this.query = indexed(filter)
    this.#head = start.position.head
    this.#position = after
  }

  /** Everything up to this offset was delivered. */
  get position(): number {
    return this.#position
  }

  get isCaughtUp(): boolean {
    return this.#caughtUp
  }

  /** `bye` or `end` was delivered. */
  get isEnded(): boolean {
    return this.#ended
  }

  /** The position of the last delivered signal. */
  get lastSignal(): number {
    return this.#lastSignal
  }

  /** The next step when the log's head is `head`, which may be lower than the log's head now. */
  next(head: number, stop?: Stop): Next {
    if (this.#ended) return { _tag: "ended" }
    this.#head = Math.max(this.#head, head)
    if (stop?.when === "now") return this.bye(stop.reason)
    if (this.#caughtUp && this.#live?.size === 0) {
      this.#ended = true
      return { _tag: "end", reason: endReason }
    }
    const attached = this.#start.position.head
    if (!this.#caughtUp && this.#position >= attached) {
      this.#caughtUp = true
      return { _tag: "caught-up", head: attached, replayed: this.#replayed, requests: this.#start.requests }
    }
    if (stop?.when === "soon") return this.bye(stop.reason)
    if (this.#position < this.limit(head)) return { _tag: "read" }
    return stop === undefined ? { _tag: "rest" } : this.bye(stop.reason)
  }

  /** Ends the subscription. */
  bye(reason: string): ReaderFrame {
    this.#ended = true
    return { _tag: "bye", reason, resumeAfter: Math.min(this.#position, this.#head) }
  }

  /** The highest offset that may be delivered now: `caught-up` precedes events after the attach. */
  limit(head: number): number {
    return this.#caughtUp ? head : this.#start.position.head
  }

  /** The part of a page that may be delivered now. Before `caught-up`, the page is cut at the head at which the reader attached. */
  part(page: Page): Page {
    const { head } = this.#start.position
    const isCut = !this.#caughtUp && page.upTo > head
    if (!isCut && this.#accepts === undefined) return page
    const events = page.events.filter((event) => (!isCut || event.offset <= head) && this.#accepts?.(event) !== false)
    return isCut ? { ...page, upTo: head, head, events } : { ...page, events }
  }

  /** Moves to an offset. `delivered`: number of delivered events. `events`: the events of the page, including those that the filter rejects and those after the offset. */
  moveTo(offset: number, delivered: number, events: ReadonlyArray<StoredEvent>): void {
    this.#position = offset
    this.#head = Math.max(this.#head, offset)
    if (!this.#caughtUp) this.#replayed += delivered
    if (this.#live === undefined) return
    for (const { offset: at, stream, type } of events)
      if (at <= offset && (type === "thread.deleted" || type === "project.deleted")) this.#live.delete(stream)
  }

  /** Returns the part of a page that may be delivered now, and moves to the end of that part. */
  take(page: Page): Page {
    const part = this.part(page)
    this.moveTo(part.upTo, part.events.length, page.events)
    return part
  }

  /** The latest signal of each key since the last call. Call it at the head only (D12). A filter by type excludes all signals. */
  signals(source: Pick<typeof Signals.Service, "since">, limit: number): ReadonlyArray<Signal> {
    const { position, signals } = source.since(this.#lastSignal, { limit, ...this.query })
    this.#lastSignal = position
    return this.#accepts === undefined ? signals : signals.filter((signal) => this.#acceptsSignal(signal))
  }

  #acceptsSignal({ threadId }: Signal): boolean {
    return this.#filter.types === undefined && this.#streams?.includes(threadStream(threadId)) !== false
  }
}
