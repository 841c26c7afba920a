/** Recognises the events of sub-agents' items. Deltas do not name the parent, so the reader must see a turn from its start. */
import { BoundedSet } from "@millrace/contracts/BoundedMap"
import type { StreamEvent } from "./Item.ts"

/** The most open items of sub-agents that are recognised. A session cannot have so many open. */
const maxOpen = 1024

export class Nested {
  readonly #open = new BoundedSet<string>(maxOpen)

  /** Call it with each event, in order. `true`: the event belongs to an item of a sub-agent. */
  has({ data, type }: StreamEvent): boolean {
    if (type === "item.delta") return this.#open.has(data.itemId)
    if (data.parentItemId === undefined) return false
    if (type === "item.started") this.#open.add(data.itemId)
    else this.#open.delete(data.itemId)
    return true
  }
}
