/**
 * A query of the log as data: a `Request` has named parts, and one transaction answers all of them at one head. No part depends on the answer of
 * another, so a store on another machine can answer a request in one round trip.
 */
import type { Page, ReadOptions } from "./EventLog.ts"

declare const type: unique symbol

/** The name of a collection of rows, with the type of their values. The writer of the rows guarantees that type: values are not decoded. */
export interface Collection<A> {
  readonly name: string
  /** Carries the type of the values; never set. */
  readonly [type]?: () => A
}

export interface Row<A = unknown> {
  readonly key: string
  readonly parent: string
  readonly rank: number
  readonly value: A
}

/** A page of rows. It holds all rows of each of its ranks, and at least one row unless `maxScanned` ended the page. */
export interface RowPage<A = unknown> {
  readonly rows: ReadonlyArray<Row<A>>
  /** `before` of the next page, for the order `newest`. Absent on the last page. */
  readonly next?: number
}

export interface RowKey {
  readonly collection: string
  readonly key: string
}

/** A condition on a field of a row's value. A field of another type than the condition's does not meet it. */
export type Condition<Field extends string = string> =
  | { readonly field: Field; readonly is: string }
  | { readonly field: Field; readonly startsWith: string }
  /** Text that contains this one; upper and lower case are equal. */
  | { readonly field: Field; readonly contains: string }
  /** A list that has this element. */
  | { readonly field: Field; readonly has: string }

export interface RowQuery<Field extends string = string> {
  readonly parent?: string | undefined
  /** Only rows with a smaller rank: a number is the rank, a key names the row that has it. A row that does not exist counts as newer than all others. */
  readonly before?: number | RowKey | undefined
  /** Rows with the rank of this row or a greater one. */
  readonly since?: RowKey | undefined
  /** Only rows that meet all of these. */
  readonly where?: ReadonlyArray<Condition<Field>> | undefined
  /** Maximum rows of the page. */
  readonly limit: number
  /** Maximum bytes of JSON of the page. */
  readonly maxBytes?: number | undefined
  /** Maximum number of examined rows, including rows that do not meet `where`. */
  readonly maxScanned?: number | undefined
  /** `false`: the values are not read and are undefined, so a damaged value does not fail the query. Default: `true`. */
  readonly values?: false | undefined
  /** Default: newest (greatest rank) first. */
  readonly order?: "newest" | "oldest" | undefined
}

export type Part =
  | { readonly _tag: "Row"; readonly collection: string; readonly key: string }
  | { readonly _tag: "RowsByKey"; readonly collection: string; readonly keys: ReadonlyArray<string> }
  | ({ readonly _tag: "Rows"; readonly collection: string } & RowQuery)
  | { readonly _tag: "Count"; readonly collection: string; readonly parents: ReadonlyArray<string> | undefined }
  | { readonly _tag: "Events"; readonly options: ReadOptions }

/** One part of a request, with the type of its answer. */
export type Query<A> = Part & { readonly [type]?: () => A }

/** The parts by name. `head` and `retainedFrom` cannot be names: they are the position of the answer. */
export type Request = Readonly<Record<string, Query<unknown>>> & { readonly head?: never; readonly retainedFrom?: never }

export interface Position {
  readonly head: number
  /** Offsets at and below this one are deleted. */
  readonly retainedFrom: number
}

/** The answers by name, all at the position. */
export type Answer<R extends Request> = Position & {
  readonly [Name in keyof R]: R[Name] extends { readonly [type]?: () => infer A } ? A : never
}

export const collection = <A>(name: string): Collection<A> => ({ name })

/** The row with this key. `undefined` if there is no such row. */
export const row = <A>({ name }: Collection<A>, key: string): Query<Row<A> | undefined> => ({
  _tag: "Row",
  collection: name,
  key
})

/** The rows that exist among these keys. */
export const rowsByKey = <A>({ name }: Collection<A>, keys: Iterable<string>): Query<ReadonlyMap<string, Row<A>>> => ({
  _tag: "RowsByKey",
  collection: name,
  keys: Array.from(keys)
})

export const rows = <A>({ name }: Collection<A>, query: RowQuery<Extract<keyof A, string>>): Query<RowPage<A>> => ({
  _tag: "Rows",
  collection: name,
  ...query
})

/** The keys, parents and ranks of the rows: a damaged value does not fail the query. */
export const keys = (
  { name }: Collection<unknown>,
  query: Pick<RowQuery, "before" | "limit" | "order" | "parent" | "since">
): Query<RowPage<undefined>> => ({ _tag: "Rows", collection: name, ...query, values: false })

/** Number of rows of a collection, or of the rows of these parents in it. */
export const count = ({ name }: Collection<unknown>, parents?: ReadonlyArray<string>): Query<number> => ({
  _tag: "Count",
  collection: name,
  parents
})

/** A page of events. An `after` below retention is no error: the page begins with the first retained event. */
export const events = (options: ReadOptions): Query<Page> => ({ _tag: "Events", options })

export const rowKey = ({ name }: Collection<unknown>, key: string): RowKey => ({ collection: name, key })
