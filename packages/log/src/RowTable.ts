/** The rows of the memory store: by key, and in rank order per collection and per parent. */
import type { RowPut } from "./RowFold.ts"
import type { Row, RowPage } from "./Query.ts"
import { decode, pageOf, type RowScan, type StoredRow } from "./RowPages.ts"

/** Ascending by rank, then by key. */
const before = (a: StoredRow, b: StoredRow) => a.rank < b.rank || (a.rank === b.rank && a.key < b.key)

/** Index of the first row that is not before the given one. */
const indexOf = (list: ReadonlyArray<StoredRow>, row: StoredRow): number => {
  let low = 0
  let high = list.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (before(list[middle]!, row)) low = middle + 1
    else high = middle
  }
  return low
}

class Ordered {
  readonly #list: Array<StoredRow> = []
  get size(): number {
    return this.#list.length
  }
  add(row: StoredRow): void {
    const last = this.#list.at(-1)
    if (last === undefined || before(last, row)) this.#list.push(row)
    else this.#list.splice(indexOf(this.#list, row), 0, row)
  }
  remove(row: StoredRow): void {
    this.#list.splice(indexOf(this.#list, row), 1)
  }
  all(): Iterable<StoredRow> {
    return this.#list
  }
  *read({ before, order, since }: RowScan): Generator<StoredRow> {
    const start = indexOf(this.#list, { key: "", parent: "", rank: since, json: "" })
    const end = indexOf(this.#list, { key: "", parent: "", rank: before, json: "" })
    for (let i = start; i < end; i++) yield this.#list[order === "oldest" ? i : start + end - 1 - i]!
  }
}

class Collection {
  readonly rows = new Map<string, StoredRow>()
  readonly all = new Ordered()
  readonly #byParent = new Map<string, Ordered>()
  parent(name: string): Ordered {
    let list = this.#byParent.get(name)
    if (list === undefined) this.#byParent.set(name, (list = new Ordered()))
    return list
  }
}

export class RowTable {
  readonly #collections = new Map<string, Collection>()

  #collection(name: string): Collection {
    let collection = this.#collections.get(name)
    if (collection === undefined) this.#collections.set(name, (collection = new Collection()))
    return collection
  }

  put(put: RowPut): void {
    const collection = this.#collection(put.collection)
    const old = collection.rows.get(put.key)
    const rank = put.keep && old !== undefined ? old.rank : put.rank
    this.delete(put.collection, put.key)
    const row: StoredRow = { key: put.key, parent: put.parent, rank, json: put.json }
    collection.rows.set(put.key, row)
    collection.all.add(row)
    collection.parent(put.parent).add(row)
  }

  delete(name: string, key: string): void {
    const collection = this.#collection(name)
    const row = collection.rows.get(key)
    if (row === undefined) return
    collection.rows.delete(key)
    collection.all.remove(row)
    collection.parent(row.parent).remove(row)
  }

  deleteChildren(name: string, parent: string): void {
    const keys = Array.from(this.#collection(name).parent(parent).all(), ({ key }) => key)
    for (const key of keys) this.delete(name, key)
  }

  get(collection: string, key: string): Row | undefined {
    const row = this.#collections.get(collection)?.rows.get(key)
    return row === undefined ? undefined : decode(row)
  }

  rankOf(collection: string, key: string): number | undefined {
    return this.#collections.get(collection)?.rows.get(key)?.rank
  }

  count(name: string, parent: string | undefined): number {
    const collection = this.#collections.get(name)
    return collection === undefined ? 0 : (parent === undefined ? collection.all : collection.parent(parent)).size
  }

  page(scan: RowScan): RowPage {
    const collection = this.#collections.get(scan.collection)
    if (collection === undefined) return { rows: [] }
    const list = scan.parent === undefined ? collection.all : collection.parent(scan.parent)
    return pageOf(list.read(scan), scan)
  }
}
