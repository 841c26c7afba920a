/** Folds the row changes of a batch to one change per row, so that a row that changes 500 times in a batch is encoded and written once. */
import type { RowChange } from "./EventLog.ts"

export interface RowPut {
  readonly collection: string
  readonly key: string
  readonly parent: string
  readonly rank: number
  /** Whether a row that exists in the table keeps its rank. */
  readonly keep: boolean
  /** The stream of the event that wrote it; undefined if the envelope has no event. */
  readonly stream: string | undefined
  readonly json: string
}
export interface RowDelete {
  readonly collection: string
  readonly key: string
}
/** All rows of a parent. */
export interface ChildrenDelete {
  readonly collection: string
  readonly parent: string
}

/** The changes of a batch. A store applies `childDeletes` first: they do not concern the rows of `puts`. */
export interface FoldedRows {
  readonly childDeletes: ReadonlyArray<ChildrenDelete>
  readonly puts: ReadonlyArray<RowPut>
  readonly deletes: ReadonlyArray<RowDelete>
}

type Put = Extract<RowChange, { readonly op: "put" }>
interface Folded {
  readonly collection: string
  readonly key: string
  readonly put?: { readonly change: Put; readonly rank: number; readonly keep: boolean; readonly stream: string | undefined }
}

export class RowFold {
  readonly #rows = new Map<string, Folded>()
  /** The ids in `#rows` of the rows that were put, by collection and parent. */
  readonly #children = new Map<string, Set<string>>()
  readonly #childDeletes: Array<ChildrenDelete> = []

  /** `stream`: the stream of the event that makes the change. */
  add(change: RowChange, rank: number, stream: string | undefined): void {
    if (change.op === "delete-children") return this.#deleteChildren(change)
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
        ? { change, rank, keep: keeps, stream }
        : // After a delete in this batch the row is new, so it does not keep the rank in the table.
          before.put === undefined || !keeps
          ? { change, rank, keep: false, stream }
          : { ...before.put, change, stream }
    this.#rows.set(id, { collection, key, put })
    const family = `${collection}\u0000${put.change.parent}`
    const children = this.#children.get(family)
    if (children === undefined) this.#children.set(family, new Set([id]))
    else children.add(id)
  }

  #deleteChildren({ collection, parent }: ChildrenDelete): void {
    this.#childDeletes.push({ collection, parent })
    for (const id of this.#children.get(`${collection}\u0000${parent}`) ?? []) {
      const row = this.#rows.get(id)
      if (row?.put?.change.parent === parent) this.#rows.set(id, { collection, key: row.key })
    }
  }

  result(): FoldedRows {
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
          stream: put.stream,
          json: JSON.stringify(put.change.value) ?? "null"
        })
    }
    return { childDeletes: this.#childDeletes, puts, deletes }
  }
}
