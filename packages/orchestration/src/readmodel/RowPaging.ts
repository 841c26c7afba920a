/** Reads all rows of a collection page by page: one transaction, and one page in memory, at a time. */
import type { LogUnavailable, Queryable } from "@millrace/log/EventLog"
import * as Query from "@millrace/log/Query"
import { Effect } from "effect"

/** Newest first. Each page is read at the current head, so a row whose rank changes between two pages may be missed. */
export const eachPage = <A, E, R>(
  log: Queryable,
  collection: Query.Collection<A>,
  visit: (rows: ReadonlyArray<Query.Row<A>>) => Effect.Effect<void, E, R>
): Effect.Effect<void, LogUnavailable | E, R> =>
  Effect.gen(function* () {
    for (let before = Number.MAX_SAFE_INTEGER; before > 0;) {
      const { page } = yield* log.query({ page: Query.rows(collection, { limit: 500, before }) })
      yield* visit(page.rows)
      before = page.next ?? 0
    }
  })
