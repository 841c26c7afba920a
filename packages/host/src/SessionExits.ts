/** The outcome of each session at shutdown. It is read from committed events, because state in memory can be ahead of the log (S3). */
import { Epoch, ThreadId } from "@millrace/contracts/Ids"
import type { EventLog, Page } from "@millrace/log/EventLog"
import { Effect, Schema } from "effect"

export const SessionExit = Schema.Struct({
  threadId: ThreadId,
  epoch: Epoch,
  outcome: Schema.Literal("stopped", "error", "unsettled").annotations({
    description: "`unsettled`: the log has no end of this session; the next start writes it."
  }),
  reason: Schema.optional(Schema.String)
})
export type SessionExit = typeof SessionExit.Type

interface Session {
  readonly threadId: ThreadId
  readonly epoch: number
}
interface Stopped {
  readonly data: Session & { readonly status: "stopped" | "error"; readonly reason: string }
}

export const unsettled = ({ threadId, epoch }: Session): SessionExit => ({ threadId, epoch, outcome: "unsettled" })

const nameOf = ({ threadId, epoch }: Session) => `${threadId} ${epoch}`

const stopsOf = (page: Page): ReadonlyArray<SessionExit> =>
  page.events
    .filter(({ type }) => type === "session.stopped")
    .map(({ json }) => {
      const { threadId, epoch, status, reason } = (JSON.parse(json) as Stopped).data
      return { threadId, epoch, outcome: status, reason }
    })

/**
 * The ends of sessions that were committed after the offset, and an `unsettled` entry for each live session without such an end. If the log cannot be
 * read, all live sessions are `unsettled`.
 */
export const since = (
  log: Pick<typeof EventLog.Service, "read">,
  offset: number,
  live: ReadonlyArray<Session>
): Effect.Effect<ReadonlyArray<SessionExit>> =>
  Effect.gen(function* () {
    const exits = new Map<string, SessionExit>()
    for (const session of live) exits.set(nameOf(session), unsettled(session))
    let after = offset
    for (;;) {
      const page = yield* log.read({ after })
      for (const exit of stopsOf(page)) exits.set(nameOf(exit), exit)
      if (page.upTo >= page.head) return [...exits.values()]
      after = page.upTo
      yield* Effect.yieldNow()
    }
  }).pipe(
    Effect.catchAll((error) =>
      Effect.as(Effect.logWarning(`Cannot read the ends of sessions: ${error.message}`), live.map(unsettled))
    )
  )
