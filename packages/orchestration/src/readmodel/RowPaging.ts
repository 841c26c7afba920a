/** Reads all rows of a collection page by page: one transaction, and one page in memory, at a time. */
import type { LogUnavailable, Queryable } from "@millrace/log/EventLog"
import * as Query from "@millrace/log/Query"
import { Effect } from "effect"

type Visit<A, E, R> = (rows: ReadonlyArray<Query.Row<A>>) => Effect.Effect<void, E, R>

const each = <A, E, R>(
  log: Queryable,
  queryOf: (range: { readonly limit: number; readonly before: number }) => Query.Query<Query.RowPage<A>>,
  visit: Visit<A, E, R>
): Effect.Effect<void, LogUnavailable | E, R> =>
  Effect.gen(function* () {
    for (let before = Number.MAX_SAFE_INTEGER; before > 0;) {
      const { page } = yield* log.query({ page: queryOf({ limit: 500, before }) })
      yield* visit(page.rows)
      before = page.next ?? 0
    }
  })

/** Newest first. Each page is read at the current head, so a row whose rank changes between two pages may be missed. */
export const eachPage = <A, E, R>(log: Queryable, collection: Query.Collection<A>, visit: Visit<A, E, R>) =>
  each(log, (range) => Query.rows(collection, range), visit)

/** Like `eachPage`, but without the values, so that a damaged value does not fail it. */
export const eachKeys = <E, R>(log: Queryable, collection: Query.Collection<unknown>, visit: Visit<undefined, E, R>) =>
  each(log, (range) => Query.keys(collection, range), visit)
