/** Folds the row changes of a batch to one change per row, so that a row that changes 500 times in a batch is encoded and written once. */
import type { RowChange } from "./EventLog.ts"

export interface RowPut {
  readonly collection: string
  readonly key: string
  readonly parent: string
  readonly rank: number
  /** Whether a row that exists in the table keeps its rank. */
  readonly keep: boolean
  readonly json: string
}
export interface RowDelete {
  readonly collection: string
  readonly key: string
}

type Put = Extract<RowChange, { readonly op: "put" }>
interface Folded {
  readonly collection: string
  readonly key: string
  readonly put?: { readonly change: Put; readonly rank: number; readonly keep: boolean }
}

export class RowFold {
  readonly #rows = new Map<string, Folded>()

  add(change: RowChange, rank: number): void {
    const { collection, key } = change
    const id = `${collection}\u0000${key}`
    if (change.op === "delete") {
      this.#rows.set(id, { collection, key })
      return
    }
    const before = this.#rows.get(id)
    const keeps = change.rank === "keep"
    const put =
      before === undefined
        ? { change, rank, keep: keeps }
        : // After a delete in this batch the row is new, so it does not keep the rank in the table.
          before.put === undefined || !keeps
          ? { change, rank, keep: false }
          : { ...before.put, change }
    this.#rows.set(id, { collection, key, put })
  }

  result(): { readonly puts: ReadonlyArray<RowPut>; readonly deletes: ReadonlyArray<RowDelete> } {
    const puts: Array<RowPut> = []
    const deletes: Array<RowDelete> = []
    for (const { collection, key, put } of this.#rows.values()) {
      if (put === undefined) deletes.push({ collection, key })
      else
        puts.push({
          collection,
          key,
          parent: put.change.parent,
          rank: put.rank,
          keep: put.keep,
          json: JSON.stringify(put.change.value) ?? "null"
        })
    }
    return { puts, deletes }
  }
}
