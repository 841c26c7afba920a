/**
 * The items of a call that its stream has begun to tell, by id: those that are not over, and of the others the last 1,024. A call may make any number of
 * items; which older ones were told follows from the order of their beginnings (R7).
 */

/** Items that are over and known. */
const kept = 1024

export class Known<V> {
  private readonly entries = new Map<string, { readonly index: number; readonly value: V }>()
  private readonly over = new Set<string>()
  private begun = 0
  /** The highest index that is not known any more. */
  private forgotten = -1

  get size(): number {
    return this.entries.size
  }

  get(itemId: string): V | undefined {
    return this.entries.get(itemId)?.value
  }

  /** In the order of their beginnings: 0, 1, 2, ... */
  begin(itemId: string, make: (index: number) => V): V {
    const index = this.begun++
    const value = make(index)
    this.entries.set(itemId, { index, value })
    return value
  }

  each(use: (value: V) => void): void {
    for (const { value } of this.entries.values()) use(value)
  }

  /** Nothing more is told of it. */
  end(itemId: string): void {
    this.over.add(itemId)
    for (const oldest of this.over) {
      if (this.over.size <= kept) break
      this.over.delete(oldest)
      this.forgotten = Math.max(this.forgotten, this.entries.get(oldest)?.index ?? -1)
      this.entries.delete(oldest)
    }
  }

  /** Of items in the order of their beginnings those that are known or new: not those that were told and are not known any more. */
  untold<I extends { readonly itemId: string }>(items: ReadonlyArray<I>): ReadonlyArray<I> {
    if (this.forgotten < 0) return items
    const first = items.findIndex(({ itemId }) => (this.entries.get(itemId)?.index ?? -1) > this.forgotten)
    return items.filter(({ itemId }, at) => at >= first || this.entries.has(itemId))
  }
}
