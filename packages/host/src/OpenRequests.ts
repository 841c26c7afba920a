/** Expires requests at shutdown, because they cannot be answered any more: the open requests, then each request that opens during the shutdown (T13). */
import type { ThreadId } from "@millrace/contracts/Ids"
import type { EventLog, Page } from "@millrace/log/EventLog"
import * as Query from "@millrace/log/Query"
import type { Engine } from "@millrace/orchestration/engine/Engine"
import * as Collections from "@millrace/orchestration/readmodel/Collections"
import { Effect, Stream } from "effect"

/** Rows of one query. Open requests beyond this number end with their turns. */
const limit = 10_000

const openRequests = Query.rows(Collections.requestOpen, { limit })

const threadsAsking = (page: Page): ReadonlySet<ThreadId> =>
  new Set(
    page.events.filter(({ type }) => type === "request.opened").map(({ stream }) => stream.slice("thread/".length) as ThreadId)
  )

/**
 * Expires the open requests, then each request that opens after the offset, until it is interrupted. If the log cannot be read, it only waits for the
 * interruption, and the requests end with their turns.
 */
export const refuse = (
  engine: Pick<typeof Engine.Service, "submit">,
  log: Pick<typeof EventLog.Service, "query" | "follow">,
  after: number,
  reason: string
): Effect.Effect<never> => {
  const refuseAll = (threads: ReadonlySet<ThreadId>) =>
    Effect.forEach(threads, (threadId) => engine.submit({ _tag: "RequestsRefused", threadId, reason }), {
      concurrency: 64,
      discard: true
    })
  return Effect.flatMap(log.query({ openRequests }), (found) =>
    refuseAll(new Set(found.openRequests.rows.map(({ value }) => value.threadId)))
  ).pipe(
    Effect.zipRight(Stream.runForEach(log.follow({ after }), (page) => refuseAll(threadsAsking(page)))),
    Effect.catchAll((error) => Effect.logWarning(`Cannot expire open requests: ${error.message}`)),
    Effect.zipRight(Effect.never)
  )
}
