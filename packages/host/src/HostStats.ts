/** Metrics of the host. Reading them costs time per live session, subscription and open request, not per event of the log (L10). */
import type { Queryable } from "@millrace/log/EventLog"
import * as Query from "@millrace/log/Query"
import type { Dispatcher } from "@millrace/orchestration/sessions/Dispatcher"
import type { Engine, Stats } from "@millrace/orchestration/engine/Engine"
import * as Collections from "@millrace/orchestration/readmodel/Collections"
import { Effect } from "effect"
import type { Consumers } from "./Consumers.ts"

export interface HostStats {
  readonly engine: Stats
  readonly sessions: ReadonlyArray<{ readonly threadId: string; readonly epoch: number; readonly provider: string }>
  /** In-process subscriptions. */
  readonly consumers: ReadonlyArray<{ readonly name: string; readonly delivery: string; readonly delivered: number }>
  /** Open requests: their number (at most 1,000 are counted) and the time of the oldest, ISO 8601. Absent while the log cannot be read. */
  readonly requests?: { readonly open: number; readonly oldestAt: string | undefined }
}

const requests = Query.rows(Collections.requestOpen, { limit: 1_000, order: "oldest" })

export const make = (parts: {
  readonly engine: Pick<typeof Engine.Service, "stats">
  readonly dispatcher: Pick<typeof Dispatcher.Service, "sessions">
  readonly log: Queryable
  readonly consumers: Pick<Consumers, "live">
}): Effect.Effect<HostStats> =>
  Effect.gen(function* () {
    const open = yield* Effect.option(parts.log.query({ requests }))
    return {
      engine: yield* parts.engine.stats,
      sessions: yield* parts.dispatcher.sessions,
      consumers: Array.from(parts.consumers.live(), ({ name, delivery, delivered }) => ({ name, delivery, delivered })),
      ...(open._tag === "Some" && {
        requests: { open: open.value.requests.rows.length, oldestAt: open.value.requests.rows[0]?.value.openedAt }
      })
    }
  })
