/**
 * Timers of scheduled continuations and of goals. Scans the `timer` rows of the log and submits a fact for each that is due; the engine decides. It holds
 * no state, so a restart loses none and fires none twice.
 */
import { EventLog } from "@millrace/log/EventLog"
import { Clock, type Duration, Effect, Layer } from "effect"
import { Engine } from "../engine/Engine.ts"
import * as Collections from "../readmodel/Collections.ts"
import * as RowPaging from "../readmodel/RowPaging.ts"

export interface Options {
  /** Time between two scans, and the most that a timer is late. Due times are wall-clock: the first scan after a suspend finds what is due. Default 15 seconds. */
  readonly interval?: Duration.DurationInput
}

export const make = (options: Options = {}) =>
  Effect.gen(function* () {
    const log = yield* EventLog
    const engine = yield* Engine

    const look = Effect.gen(function* () {
      const now = new Date(yield* Clock.currentTimeMillis).toISOString()
      const wake = ({ at, goalId, threadId, turnId }: Collections.Timer) =>
        Effect.gen(function* () {
          if (at > now) return
          if (turnId !== undefined) yield* engine.submit({ _tag: "ContinuationDue", threadId, turnId })
          if (goalId !== undefined) yield* engine.submit({ _tag: "GoalDue", threadId, goalId })
        })
      yield* RowPaging.eachPage(log, Collections.timer, (page) =>
        Effect.forEach(page, ({ value }) => wake(value), { discard: true })
      )
    }).pipe(Effect.catchAll((error) => Effect.logWarning(`Cannot read the timers: ${error.message}`)))

    yield* Effect.forkScoped(Effect.forever(Effect.zipRight(Effect.sleep(options.interval ?? "15 seconds"), look)))
  })

/** Needs `EventLog` and `Engine`; built after Recovery. */
export const layer = (options: Options = {}) => Layer.scopedDiscard(make(options))
