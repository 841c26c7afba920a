/**
 * The items that the response stream of one API request has begun to send, by id: all open items, and the last 1,024 completed items. Evicted items are
 * recognised by the order in which they started (R7).
 */

import { BoundedSet } from "@millrace/contracts/BoundedMap"

/** Maximum number of completed items that are kept. */
const maxCompleted = 1024

export class SentItems<V> {
  private readonly entries = new Map<string, { readonly index: number; readonly value: V }>()
  private readonly completed = new BoundedSet<string>(maxCompleted, (oldest) => {
    const index = this.entries.get(oldest)?.index ?? -1
    if (index > this.forgotten.index) this.forgotten = { index, itemId: oldest }
    this.entries.delete(oldest)
  })
  private begun = 0
  /** The evicted item with the highest index. */
  private forgotten = { index: -1, itemId: "" }

  get size(): number {
    return this.entries.size
  }

  get(itemId: string): V | undefined {
    return this.entries.get(itemId)?.value
  }

  /** Adds an item. `index` is 0 for the first item, then 1, 2, ... */
  begin(itemId: string, make: (index: number) => V): V {
    const index = this.begun++
    const value = make(index)
    this.entries.set(itemId, { index, value })
    return value
  }

  each(use: (value: V) => void): void {
    for (const { value } of this.entries.values()) use(value)
  }

  /** Marks an item as completely sent. It may be evicted afterwards. */
  end(itemId: string): void {
    this.completed.add(itemId)
  }

  /** Filters items in the order in which they started. Keeps known and new items, and drops items that were sent and evicted. */
  notEvicted<I extends { readonly itemId: string }>(items: ReadonlyArray<I>): ReadonlyArray<I> {
    const last = items.findIndex(({ itemId }) => itemId === this.forgotten.itemId)
    return items.filter(({ itemId }, at) => at > last || this.entries.has(itemId))
  }
}
