/** Retention of whole threads: those that were archived long ago are deleted, as `thread.delete` does. */
import * as Command from "@millrace/contracts/Command"
import type { CommandId, ThreadId } from "@millrace/contracts/Ids"
import { defined } from "@millrace/contracts/Defined"
import type { EventLog, LogUnavailable } from "@millrace/log/EventLog"
import * as Query from "@millrace/log/Query"
import * as Collections from "@millrace/orchestration/readmodel/Collections"
import { Clock, DateTime, Duration, Effect } from "effect"

/** Deletes a thread by a command. */
export type Delete = (command: Command.CommandOf<"thread.delete">) => Effect.Effect<unknown, { readonly message: string }>

/** Threads that one run deletes at most; the next run deletes more. */
const maxThreads = 100

const pageRows = 50

/**
 * Deletes archived threads whose last event is older than `days`, the oldest first. A thread that does something (a session, a turn, a goal) stays. The
 * id of the command follows from the thread, so a deletion whose answer was lost is not repeated.
 */
export const remove = (log: typeof EventLog.Service, days: number, deleteThread: Delete, between: Effect.Effect<void>) =>
  Effect.gen(function* () {
    const cutoff = DateTime.formatIso(
      DateTime.unsafeMake((yield* Clock.currentTimeMillis) - Duration.toMillis(Duration.days(days)))
    )
    let since: Query.RowKey | undefined
    for (let deleted = 0; deleted < maxThreads;) {
      const { page } = yield* log.query({
        page: Query.rows(Collections.threadArchived, { order: "oldest", limit: pageRows, ...defined({ since }) })
      })
      const rows = page.rows.filter(({ key }) => key !== since?.key)
      const old = rows.filter(({ value }) => value.updatedAt < cutoff)
      const { live } = yield* log.query({
        live: Query.rowsByKey(
          Collections.live,
          old.map(({ key }) => key)
        )
      })
      for (const { key } of old) {
        if (live.has(key) || deleted >= maxThreads) continue
        const command = Command.make(`retention-${key}` as CommandId, "thread.delete", { threadId: key as ThreadId })
        yield* Effect.catchAll(deleteThread(command), ({ message }) =>
          Effect.logWarning(`The archived thread ${key} could not be deleted: ${message}`)
        )
        deleted++
        yield* between
      }
      const last = rows.at(-1)
      // Rows are in the order of their last events, so those after a new one are new too.
      if (last === undefined || old.length < rows.length || page.rows.length < pageRows) return
      // A deleted row is no start of the next page.
      const staying = rows.findLast(({ key }) => live.has(key))
      since = staying === undefined ? since : { collection: Collections.threadArchived.name, key: staying.key }
    }
  }) satisfies Effect.Effect<void, LogUnavailable>
