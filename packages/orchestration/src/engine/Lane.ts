/**
 * A FIFO queue into the engine, bounded by count and by weight (bytes). When it is full, `offer` waits for capacity in the order of arrival
 * (back-pressure), and `tryOffer` returns `false` (admission). An entry heavier than the limit is accepted when the lane is empty.
 */
import { Waiters } from "@millrace/log/Waiters"
import type { Effect } from "effect"

interface Entry<A> {
  readonly value: A
  readonly weight: number
}

export interface LaneLoad {
  readonly count: number
  readonly weight: number
  /** Producers blocked on back-pressure; in the fact lane, agents whose stdout is not being read. */
  readonly outside: number
}

export class Lane<A> {
  private entries: Array<Entry<A>> = []
  private taken = 0
  private weight = 0
  private readonly waiters = new Waiters<Entry<A>>()
  private readonly limits: { readonly count: number; readonly weight: number }
  private readonly wake: () => void

  /** `wake` is called after each added entry. */
  constructor(limits: { readonly count: number; readonly weight: number }, wake: () => void) {
    this.limits = limits
    this.wake = wake
  }

  get size(): number {
    return this.entries.length - this.taken
  }

  get load(): LaneLoad {
    return { count: this.size, weight: this.weight, outside: this.waiters.size }
  }

  /** Entries of blocked producers are not in the lane but count as accepted: draining waits for them too. */
  get isEmpty(): boolean {
    return this.size === 0 && this.waiters.size === 0
  }

  hasRoom(weight: number): boolean {
    return this.size === 0 || (this.size < this.limits.count && this.weight + weight <= this.limits.weight)
  }

  private push(entry: Entry<A>): void {
    this.entries.push(entry)
    this.weight += entry.weight
    this.wake()
  }

  tryOffer(value: A, weight: number): boolean {
    if (!this.hasRoom(weight)) return false
    this.push({ value, weight })
    return true
  }

  /** Returns when the entry is in the lane. If interrupted before that, the entry is not added. */
  offer(value: A, weight: number): Effect.Effect<void> {
    return this.waiters.wait({ value, weight }, () => this.waiters.size === 0 && this.tryOffer(value, weight))
  }

  /** Takes entries from the front while they fit into the budget; at least one. */
  take(count: number, weight: number): Array<A> {
    const out: Array<A> = []
    let sum = 0
    while (out.length < count) {
      const entry = this.entries[this.taken]
      if (entry === undefined || (out.length > 0 && sum + entry.weight > weight)) break
      sum += entry.weight
      this.taken++
      out.push(entry.value)
    }
    this.weight -= sum
    if (this.taken > 1024 || this.taken === this.entries.length) {
      this.entries = this.entries.slice(this.taken)
      this.taken = 0
    }
    this.waiters.wakeWhile(({ value, weight }) => this.tryOffer(value, weight))
    return out
  }

  /** Puts entries at the front, in their order: entries to retry, or entries that must run before all others. Ignores the capacity. */
  putBack(values: ReadonlyArray<A>, weightOf: (value: A) => number): void {
    const entries = values.map((value) => ({ value, weight: weightOf(value) }))
    this.entries = [...entries, ...this.entries.slice(this.taken)]
    this.taken = 0
    for (const entry of entries) this.weight += entry.weight
  }
}
