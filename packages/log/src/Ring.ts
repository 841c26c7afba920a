/**
 * The most recent committed pages, bounded in bytes. Subscribers near the head share these page objects, so a transport can encode a page
 * once for all of them and keep the result in a WeakMap by page. Older events are read from the table.
 */
import { forgottenEvent, type PlacedEvent } from "./Batch.ts"
import type { Page, ReadOptions } from "./EventLog.ts"

interface PlacedPage extends Page {
  readonly events: ReadonlyArray<PlacedEvent>
}

interface Entry {
  readonly page: PlacedPage
  /** The size at the commit. A page with forgotten events is smaller. */
  readonly bytes: number
  streams?: ReadonlyMap<string, ReadonlyArray<PlacedEvent>>
}

interface Subscriber {
  /** The head when the subscriber attached. */
  readonly attachedAt: number
  readonly maxBytes: number
  readonly stream: string | undefined
}

const nothing: ReadonlyArray<PlacedEvent> = []
const released: Entry = { page: { after: 0, upTo: 0, head: 0, events: nothing, generation: 0 }, bytes: 0 }

export class Ring {
  #entries: Array<Entry> = []
  #start = 0
  #bytes = 0
  readonly #maxBytes: number
  readonly #pageBytes: number
  #generation: number

  constructor(maxBytes: number, pageBytes: number, generation = 0) {
    this.#maxBytes = maxBytes
    this.#pageBytes = pageBytes
    this.#generation = generation
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Adds the events of one commit, as pages of at most `pageBytes` (one event at least). */
  push(after: number, head: number, events: ReadonlyArray<PlacedEvent>): void {
    let from = 0
    let bytes = 0
    for (let i = 0; i < events.length; i++) {
      const event = events[i]!
      if (i > from && bytes + event.bytes > this.#pageBytes) {
        this.#add(after + from, head, events.slice(from, i), bytes)
        from = i
        bytes = 0
      }
      bytes += event.bytes
    }
    if (events.length > from) this.#add(after + from, head, from === 0 ? events : events.slice(from), bytes)
  }

  /** Replaces the events of these streams up to these offsets. */
  forget(streams: ReadonlyMap<string, number>, generation: number): void {
    this.#generation = generation
    const isForgotten = ({ offset, stream }: PlacedEvent) => offset <= (streams.get(stream) ?? 0)
    for (let i = this.#start; i < this.#entries.length; i++) {
      const { bytes, page } = this.#entries[i]!
      const events: ReadonlyArray<PlacedEvent> = page.events.some(isForgotten)
        ? page.events.map((event) => (isForgotten(event) ? forgottenEvent(event) : event))
        : page.events
      this.#entries[i] = { page: { ...page, events, generation }, bytes }
    }
  }

  #add(after: number, head: number, events: ReadonlyArray<PlacedEvent>, bytes: number): void {
    this.#entries.push({ page: { after, upTo: after + events.length, head, events, generation: this.#generation }, bytes })
    this.#bytes += bytes
    while (this.#bytes > this.#maxBytes && this.#start < this.#entries.length - 1) {
      this.#bytes -= this.#entries[this.#start]!.bytes
      // Releases the page. Its slot is removed later, together with many others.
      this.#entries[this.#start++] = released
    }
    if (this.#start > 1024 && this.#start * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#start)
      this.#start = 0
    }
  }

  #indexOf(after: number): number {
    let low = this.#start
    let high = this.#entries.length - 1
    while (low <= high) {
      const middle = (low + high) >> 1
      const entry = this.#entries[middle]!
      if (after < entry.page.after) high = middle - 1
      else if (after >= entry.page.upTo) low = middle + 1
      else return middle
    }
    return -1
  }

  /**
   * The page that the table would return for the same query, if the ring holds all events after the offset; else undefined. A read of exactly one
   * commit returns that commit's array.
   */
  read(query: ReadOptions, head: number, defaults: { readonly limit: number; readonly maxBytes: number }): Page | undefined {
    const { after, limit = defaults.limit, maxBytes = defaults.maxBytes, stream } = query
    const first = this.#indexOf(after)
    if (first < 0 || limit <= 0) return undefined
    let events: ReadonlyArray<PlacedEvent> = nothing
    let taken: Array<PlacedEvent> | undefined
    let bytes = 0
    for (let i = first; i < this.#entries.length; i++) {
      const entry = this.#entries[i]!
      const all = stream === undefined ? entry.page.events : Ring.#ofStream(entry, stream)
      const fresh = entry.page.after >= after ? all : all.filter(({ offset }) => offset > after)
      if (events.length === 0 && fresh.length <= limit && entry.bytes <= maxBytes) {
        events = fresh
        for (const event of fresh) bytes += event.bytes
        continue
      }
      for (const event of fresh) {
        if (events.length >= limit || (events.length > 0 && bytes + event.bytes > maxBytes))
          return { after, upTo: events.at(-1)?.offset ?? after, head, events, generation: this.#generation }
        if (taken === undefined) events = taken = [...events]
        taken.push(event)
        bytes += event.bytes
      }
    }
    return { after, upTo: head, head, events, generation: this.#generation }
  }

  /**
   * The next pages of a subscriber, as many as fit its budget, and the offset that they reach; undefined if the ring does not hold the event after
   * `after`, or if its page exceeds the budget. Without `stream`, pages after `attachedAt` are the ring's own, shared objects. With `stream`,
   * pages without its events are left out, except the page that reaches `attachedAt`: it shows that the subscriber has caught up.
   */
  follow(
    { attachedAt, maxBytes, stream }: Subscriber,
    after: number,
    head: number
  ): { readonly pages: ReadonlyArray<Page>; readonly upTo: number } | undefined {
    const pages: Array<Page> = []
    let from = after
    let left = maxBytes
    const first = this.#indexOf(after)
    for (let i = first; i >= 0 && i < this.#entries.length; i++) {
      const entry = this.#entries[i]!
      const { page } = entry
      if (entry.bytes > left) break
      left -= entry.bytes
      const all = stream === undefined ? page.events : Ring.#ofStream(entry, stream)
      const events = page.after === from ? all : all.filter(({ offset }) => offset > from)
      if (stream === undefined && page.after === from && page.upTo > attachedAt) pages.push(page)
      else if (stream === undefined || events.length > 0 || (from < attachedAt && page.upTo >= attachedAt))
        pages.push({ after: from, upTo: page.upTo, head, events, generation: this.#generation })
      from = page.upTo
    }
    return from === after ? undefined : { pages, upTo: from }
  }

  /** The events of one stream on a page. All callers get the same array. */
  static #ofStream(entry: Entry, stream: string): ReadonlyArray<PlacedEvent> {
    if (entry.streams === undefined) {
      const streams = new Map<string, Array<PlacedEvent>>()
      for (const event of entry.page.events) {
        const list = streams.get(event.stream)
        if (list === undefined) streams.set(event.stream, [event])
        else list.push(event)
      }
      entry.streams = streams
    }
    return entry.streams.get(stream) ?? nothing
  }
}
