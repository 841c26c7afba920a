/** Reads all rows of a collection page by page: one transaction, and one page in memory, at a time. */
import type { EventLog, LogUnavailable, Row } from "@millrace/log/EventLog"
import { Effect } from "effect"

const size = 500

/** Newest first. Each page is read at the head of its time. */
export const eachPage = <E, R>(
  log: Pick<typeof EventLog.Service, "view">,
  collection: string,
  visit: (page: ReadonlyArray<Row>) => Effect.Effect<void, E, R>
): Effect.Effect<void, LogUnavailable | E, R> =>
  Effect.gen(function* () {
    let before: number | undefined
    for (;;) {
      const page = yield* log.view((view) => view.rows({ collection, limit: size, ...(before === undefined ? {} : { before }) }))
      before = page.at(-1)?.rank
      if (before === undefined) return
      yield* visit(page)
    }
  })
