/** Cuts a page from rows in rank order. Every store uses it, so limits and conditions mean the same in each. */
import type { Condition, Row, RowPage, RowQuery } from "./Query.ts"
import { StorageFailure } from "./Storage.ts"

export interface StoredRow {
  readonly key: string
  readonly parent: string
  readonly rank: number
  readonly json: string
}

/** A row query whose bounds are ranks: `since` and above, below `before`. */
export interface RowScan extends Omit<RowQuery, "before" | "since"> {
  readonly collection: string
  readonly before: number
  readonly since: number
}

/** Throws StorageFailure with reason `corrupt` if the JSON is damaged. */
export const decode = ({ key, parent, rank, json }: StoredRow): Row => {
  try {
    return { key, parent, rank, value: JSON.parse(json) as unknown }
  } catch (cause) {
    throw new StorageFailure("corrupt", `The value of the row ${key} is damaged: it is not JSON`, cause)
  }
}

const meets = (value: unknown, condition: Condition): boolean => {
  const found: unknown = typeof value === "object" && value !== null ? Reflect.get(value, condition.field) : undefined
  if ("has" in condition) return Array.isArray(found) && found.includes(condition.has)
  if (typeof found !== "string") return false
  if ("is" in condition) return found === condition.is
  if ("startsWith" in condition) return found.startsWith(condition.startsWith)
  return found.toLowerCase().includes(condition.contains.toLowerCase())
}

/**
 * At most `limit` rows and `maxBytes` of JSON, but at least one row and always all rows of the last rank: a next page with `before` = that rank skips no
 * row. If `maxScanned` ends the page, all rows of the last rank were examined.
 */
export const pageOf = (rows: Iterable<StoredRow>, { limit, maxBytes, maxScanned, values, where = [] }: RowScan): RowPage => {
  const page: Array<Row> = []
  let bytes = 0
  let scanned = 0
  let rank: number | undefined
  for (const stored of rows) {
    const last = page.at(-1)
    if (last !== undefined && page.length >= limit && stored.rank !== last.rank) return { rows: page, next: last.rank }
    if (rank !== undefined && maxScanned !== undefined && scanned >= maxScanned && stored.rank !== rank)
      return { rows: page, next: rank }
    scanned++
    rank = stored.rank
    const size = maxBytes === undefined ? 0 : Buffer.byteLength(stored.json)
    const large = last !== undefined && maxBytes !== undefined && bytes + size > maxBytes && stored.rank !== last.rank
    if (large && where.length === 0) return { rows: page, next: last.rank }
    const row =
      values === false ? { key: stored.key, parent: stored.parent, rank: stored.rank, value: undefined } : decode(stored)
    if (!where.every((condition) => meets(row.value, condition))) continue
    if (large) return { rows: page, next: last.rank }
    bytes += size
    page.push(row)
  }
  return { rows: page }
}
