/** A histogram: counts by upper bound, and the sum. */

/** Cumulative, as in Prometheus: of `count` values, `counts[i]` were at most `bounds[i]`. */
export interface HistogramCounts {
  readonly bounds: ReadonlyArray<number>
  readonly counts: ReadonlyArray<number>
  readonly count: number
  readonly sum: number
}

export class Histogram {
  private readonly bounds: ReadonlyArray<number>
  /** Counts by the first bound that holds the value; the last slot is for values above all bounds. */
  private readonly slots: Array<number>
  private sum = 0

  constructor(bounds: ReadonlyArray<number>) {
    this.bounds = bounds
    this.slots = Array.from({ length: bounds.length + 1 }, () => 0)
  }

  observe(value: number): void {
    let at = 0
    while (at < this.bounds.length && value > (this.bounds[at] ?? 0)) at++
    this.slots[at] = (this.slots[at] ?? 0) + 1
    this.sum += value
  }

  get now(): HistogramCounts {
    let count = 0
    const upTo = this.slots.map((slot) => (count += slot))
    return { bounds: this.bounds, counts: upTo.slice(0, -1), count, sum: this.sum }
  }
}
