/** Requests at shutdown: nobody can answer any more, so those that are open expire at once, and those that open meanwhile too (T13). */
import type { ThreadId } from "@millrace/contracts/Ids"
import type { EventLog, Page, View } from "@millrace/log/EventLog"
import type { Engine } from "@millrace/orchestration/Engine"
import { Effect, Stream } from "effect"

/** Rows of one look; what is open beyond ends with its turn. */
const limit = 10_000

const threadsWaiting = (view: View): ReadonlySet<ThreadId> =>
  new Set(view.rows({ collection: "request-open", limit }).map(({ parent }) => parent as ThreadId))

const threadsAsking = (page: Page): ReadonlySet<ThreadId> =>
  new Set(
    page.events.filter(({ type }) => type === "request.opened").map(({ stream }) => stream.slice("thread/".length) as ThreadId)
  )

/**
 * Refuses what is open, then what opens after the offset, until it is interrupted. When the log cannot be read it waits for that too: turns end by other
 * means.
 */
export const refuse = (
  engine: Pick<typeof Engine.Service, "submit">,
  log: Pick<typeof EventLog.Service, "view" | "follow">,
  after: number,
  reason: string
): Effect.Effect<never> => {
  const refuseAll = (threads: ReadonlySet<ThreadId>) =>
    Effect.forEach(threads, (threadId) => engine.submit({ _tag: "RequestsRefused", threadId, reason }), {
      concurrency: 64,
      discard: true
    })
  return Effect.flatMap(log.view(threadsWaiting), refuseAll).pipe(
    Effect.zipRight(Stream.runForEach(log.follow({ after }), (page) => refuseAll(threadsAsking(page)))),
    Effect.catchAll((error) => Effect.logWarning(`Open requests could not be refused: ${error.message}`)),
    Effect.zipRight(Effect.never)
  )
}
