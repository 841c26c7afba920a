/** The rows of the memory store: by key, and in rank order per collection and per parent. */
import type { RowPut } from "./RowFold.ts"
import type { Row, RowQuery } from "./EventLog.ts"

interface Stored {
  readonly key: string
  readonly parent: string
  readonly rank: number
  readonly json: string
}

/** Ascending by rank, then by key. */
const before = (a: Stored, b: Stored) => a.rank < b.rank || (a.rank === b.rank && a.key < b.key)

/** Index of the first row that is not before the given one. */
const place = (list: ReadonlyArray<Stored>, row: Stored): number => {
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
  readonly #list: Array<Stored> = []
  get size(): number {
    return this.#list.length
  }
  add(row: Stored): void {
    const last = this.#list.at(-1)
    if (last === undefined || before(last, row)) this.#list.push(row)
    else this.#list.splice(place(this.#list, row), 0, row)
  }
  remove(row: Stored): void {
    this.#list.splice(place(this.#list, row), 1)
  }
  *read(order: "newest" | "oldest", rankBelow: number | undefined): Generator<Stored> {
    const end =
      rankBelow === undefined ? this.#list.length : place(this.#list, { key: "", parent: "", rank: rankBelow, json: "" })
    for (let i = 0; i < end; i++) yield this.#list[order === "oldest" ? i : end - 1 - i]!
  }
}

class Collection {
  readonly rows = new Map<string, Stored>()
  readonly all = new Ordered()
  readonly #byParent = new Map<string, Ordered>()
  parent(name: string): Ordered {
    let list = this.#byParent.get(name)
    if (list === undefined) this.#byParent.set(name, (list = new Ordered()))
    return list
  }
}

const decode = (row: Stored): Row => ({
  key: row.key,
  parent: row.parent,
  rank: row.rank,
  value: JSON.parse(row.json) as unknown
})

/**
 * A page of rows: `limit` rows or `maxBytes` of JSON, at least one row, and always all rows of its last rank, so that continuing with
 * `before` = that rank skips none.
 */
export const pageOf = <A extends { readonly rank: number; readonly json: string }>(
  rows: Iterable<A>,
  query: RowQuery
): Array<A> => {
  const page: Array<A> = []
  let bytes = 0
  for (const row of rows) {
    const size = Buffer.byteLength(row.json)
    const full = page.length >= query.limit || (page.length > 0 && query.maxBytes !== undefined && bytes + size > query.maxBytes)
    if (full && row.rank !== page.at(-1)?.rank) break
    page.push(row)
    bytes += size
  }
  return page
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
    const row: Stored = { key: put.key, parent: put.parent, rank, json: put.json }
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

  get(collection: string, key: string): Row | undefined {
    const row = this.#collections.get(collection)?.rows.get(key)
    return row === undefined ? undefined : decode(row)
  }

  count(name: string, parent: string | undefined): number {
    const collection = this.#collections.get(name)
    return collection === undefined ? 0 : (parent === undefined ? collection.all : collection.parent(parent)).size
  }

  query(query: RowQuery): ReadonlyArray<Row> {
    const collection = this.#collections.get(query.collection)
    if (collection === undefined) return []
    const list = query.parent === undefined ? collection.all : collection.parent(query.parent)
    return pageOf(list.read(query.order ?? "newest", query.before), query).map(decode)
  }
}
