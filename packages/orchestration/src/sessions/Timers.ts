/**
 * Timers of scheduled continuations and of goals. Scans the `timer` rows and submits a fact for each timer that is due; the engine decides. The module
 * keeps no state in memory, so a restart loses no timer and fires none twice.
 */
import { EventLog } from "@millrace/log/EventLog"
import { Clock, type Duration, Effect, Layer } from "effect"
import { Engine } from "../engine/Engine.ts"
import * as Collections from "../readmodel/Collections.ts"
import * as RowPaging from "../readmodel/RowPaging.ts"

export interface Options {
  /** Time between two scans, and so the longest delay of a timer. Due times are wall-clock times: the first scan after a suspend finds all that are due. Default 15 seconds. */
  readonly interval?: Duration.DurationInput
}

export const make = (options: Options = {}) =>
  Effect.gen(function* () {
    const log = yield* EventLog
    const engine = yield* Engine

    const scan = Effect.gen(function* () {
      const now = new Date(yield* Clock.currentTimeMillis).toISOString()
      const submitIfDue = ({ at, goalId, threadId, turnId }: Collections.Timer) =>
        Effect.gen(function* () {
          if (at > now) return
          if (turnId !== undefined) yield* engine.submit({ _tag: "ContinuationDue", threadId, turnId })
          if (goalId !== undefined) yield* engine.submit({ _tag: "GoalDue", threadId, goalId })
        })
      yield* RowPaging.eachPage(log, Collections.timer, (page) =>
        Effect.forEach(page, ({ value }) => submitIfDue(value), { discard: true })
      )
    }).pipe(Effect.catchAll((error) => Effect.logWarning(`Cannot read the timers: ${error.message}`)))

    yield* Effect.forkScoped(Effect.forever(Effect.zipRight(Effect.sleep(options.interval ?? "15 seconds"), scan)))
  })

/** Needs `EventLog` and `Engine`; built after Recovery. */
export const layer = (options: Options = {}) => Layer.scopedDiscard(make(options))
