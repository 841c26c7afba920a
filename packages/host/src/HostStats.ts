/** Current numbers of the host, for people and monitoring. A query costs time per live session, subscription and open request, not per event of the log (L10). */
import type { EventLog, View } from "@millrace/log/EventLog"
import type { Dispatcher } from "@millrace/orchestration/sessions/Dispatcher"
import type { Engine, Stats } from "@millrace/orchestration/engine/Engine"
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

const requests = (view: View) => {
  const rows = view.rows({ collection: "request-open", limit: 1_000, order: "oldest" })
  return { open: rows.length, oldestAt: (rows[0]?.value as { readonly openedAt: string } | undefined)?.openedAt }
}

export const make = (parts: {
  readonly engine: Pick<typeof Engine.Service, "stats">
  readonly dispatcher: Pick<typeof Dispatcher.Service, "sessions">
  readonly log: Pick<typeof EventLog.Service, "view">
  readonly consumers: Pick<Consumers, "live">
}): Effect.Effect<HostStats> =>
  Effect.gen(function* () {
    const open = yield* Effect.option(parts.log.view(requests))
    return {
      engine: yield* parts.engine.stats,
      sessions: yield* parts.dispatcher.sessions,
      consumers: Array.from(parts.consumers.live(), ({ name, delivery, delivered }) => ({ name, delivery, delivered })),
      ...(open._tag === "Some" && { requests: open.value })
    }
  })
