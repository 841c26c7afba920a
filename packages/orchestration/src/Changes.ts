/** What an event changes in rows, before the log knows of it. */
import type { RowChange } from "@millrace/log/EventLog"

export type Put = Omit<Extract<RowChange, { readonly op: "put" }>, "event">

/** A change before it knows its event's place in the envelope. */
export type Change = Put | Extract<RowChange, { readonly op: "delete" }>

export const put = (collection: string, key: string, parent: string, rank: Put["rank"], value: unknown): Put => ({
  op: "put",
  collection,
  key,
  parent,
  rank,
  value
})
export const remove = (collection: string, key: string): Change => ({ op: "delete", collection, key })

/** Gathers the changes of one envelope; a row that changes many times in it is written once. */
export class Changes {
  private readonly changes: Array<RowChange> = []
  private readonly places = new Map<string, number>()

  add(change: Change, event: number): void {
    const name = `${change.collection}\n${change.key}`
    if (change.op === "delete") {
      this.places.delete(name)
      this.changes.push(change)
      return
    }
    const place = this.places.get(name)
    const earlier = place === undefined ? undefined : this.changes[place]
    if (place !== undefined && earlier?.op === "put")
      this.changes[place] = { ...change, event: change.rank === "keep" ? earlier.event : event }
    else {
      this.places.set(name, this.changes.length)
      this.changes.push({ ...change, event })
    }
  }

  get all(): ReadonlyArray<RowChange> {
    return this.changes
  }
}
