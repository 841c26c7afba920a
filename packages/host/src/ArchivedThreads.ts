/** Retention of whole threads: deletes threads that were archived long ago, as `thread.delete` does. */
import type { ThreadId } from "@millrace/contracts/Ids"
import { defined } from "@millrace/contracts/Defined"
import type { EventLog, LogUnavailable } from "@millrace/log/EventLog"
import * as Query from "@millrace/log/Query"
import * as Collections from "@millrace/orchestration/readmodel/Collections"
import { Clock, DateTime, Duration, Effect } from "effect"

/** Deletes a thread if it is then still archived, idle and older than `before`; `false`: it is not. Waits while the log cannot be written. */
export type Expire = (fact: {
  readonly _tag: "ArchivedExpired"
  readonly threadId: ThreadId
  readonly before: string
}) => Effect.Effect<boolean>

/** Maximum number of threads that one run deletes. The next run deletes more. */
const maxThreads = 100

const pageRows = 50

/**
 * Deletes archived threads whose last event is older than `days`, the oldest first. A thread that does something (a session, a turn, a goal) stays.
 * The engine decides on each when it deletes it, because a person may have unarchived it since it was read.
 */
export const remove = (log: typeof EventLog.Service, days: number, expire: Expire, between: Effect.Effect<void>) =>
  Effect.gen(function* () {
    const before = DateTime.formatIso(
      DateTime.unsafeMake((yield* Clock.currentTimeMillis) - Duration.toMillis(Duration.days(days)))
    )
    let since: Query.RowKey | undefined
    for (let deleted = 0; deleted < maxThreads;) {
      const { page } = yield* log.query({
        page: Query.rows(Collections.threadArchived, { order: "oldest", limit: pageRows, ...defined({ since }) })
      })
      const rows = page.rows.filter(({ key }) => key !== since?.key)
      const old = rows.filter(({ value }) => value.updatedAt < before)
      const { live } = yield* log.query({
        live: Query.rowsByKey(
          Collections.live,
          old.map(({ key }) => key)
        )
      })
      for (const { key } of old) {
        if (live.has(key) || deleted >= maxThreads) continue
        yield* expire({ _tag: "ArchivedExpired", threadId: key as ThreadId, before })
        deleted++
        yield* between
      }
      const last = rows.at(-1)
      // Rows are in the order of their last events, so the rows after a new row are new, too.
      if (last === undefined || old.length < rows.length || page.rows.length < pageRows) return
      // A deleted row is no start of the next page.
      const staying = rows.findLast(({ key }) => live.has(key))
      since = staying === undefined ? since : { collection: Collections.threadArchived.name, key: staying.key }
    }
  }) satisfies Effect.Effect<void, LogUnavailable>
