/** What is going on in the host, in numbers for a person or a monitor. Each look costs a walk over what lives, never over the log (L10). */
import type { EventLog, View } from "@millrace/log/EventLog"
import type { Dispatcher } from "@millrace/orchestration/Dispatcher"
import type { Engine, Stats } from "@millrace/orchestration/Engine"
import { Effect } from "effect"
import type { Consumers } from "./Consumers.ts"

export interface Figures {
  readonly engine: Stats
  readonly sessions: ReadonlyArray<{ readonly threadId: string; readonly epoch: number; readonly provider: string }>
  /** Subscriptions in process. */
  readonly consumers: ReadonlyArray<{ readonly name: string; readonly delivery: string; readonly delivered: number }>
  /** What waits for a person: how many (as far as 1,000), and since when the oldest, ISO 8601. Absent while the log cannot be read. */
  readonly requests?: { readonly open: number; readonly oldestAt: string | undefined }
}

const requests = (view: View) => {
  const rows = view.rows({ collection: "request-open", limit: 1_000, order: "oldest" })
  return { open: rows.length, oldestAt: (rows[0]?.value as { readonly openedAt: string } | undefined)?.openedAt }
}

export const make = (rooms: {
  readonly engine: Pick<typeof Engine.Service, "stats">
  readonly dispatcher: Pick<typeof Dispatcher.Service, "sessions">
  readonly log: Pick<typeof EventLog.Service, "view">
  readonly consumers: Pick<Consumers, "live">
}): Effect.Effect<Figures> =>
  Effect.gen(function* () {
    const open = yield* Effect.option(rooms.log.view(requests))
    return {
      engine: yield* rooms.engine.stats,
      sessions: yield* rooms.dispatcher.sessions,
      consumers: Array.from(rooms.consumers.live(), ({ name, delivery, delivered }) => ({ name, delivery, delivered })),
      ...(open._tag === "Some" && { requests: open.value })
    }
  })
