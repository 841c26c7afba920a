/**
 * The timers of plans to go on (`continuation` of a thread) and of goals: looks at those that wait in the log's rows, and tells the engine, which decides, when
 * the time of one has come. It holds nothing of its own, so a restart forgets none and fires none twice.
 */
import { EventLog } from "@millrace/log/EventLog"
import { Clock, type Duration, Effect, Layer } from "effect"
import { Engine } from "./Engine.ts"
import type { Timer } from "./Projection.ts"
import * as Rows from "./Rows.ts"

export interface Options {
  /** Between two looks, so at most so late. Wall-clock: after a suspend of the machine the first look finds what is due. Default 15 seconds. */
  readonly interval?: Duration.DurationInput
}

export const make = (options: Options = {}) =>
  Effect.gen(function* () {
    const log = yield* EventLog
    const engine = yield* Engine

    const look = Effect.gen(function* () {
      const now = new Date(yield* Clock.currentTimeMillis).toISOString()
      const wake = ({ at, goalId, threadId, turnId }: Timer) =>
        Effect.gen(function* () {
          if (at > now) return
          if (turnId !== undefined) yield* engine.submit({ _tag: "ContinuationDue", threadId, turnId })
          if (goalId !== undefined) yield* engine.submit({ _tag: "GoalDue", threadId, goalId })
        })
      yield* Rows.eachPage(log, "timer", (page) => Effect.forEach(page, ({ value }) => wake(value as Timer), { discard: true }))
    }).pipe(Effect.catchAll((error) => Effect.logWarning(`The timers cannot be read now: ${error.message}`)))

    yield* Effect.forkScoped(Effect.forever(Effect.zipRight(Effect.sleep(options.interval ?? "15 seconds"), look)))
  })

/** Needs `EventLog` and `Engine`; built after Recovery. */
export const layer = (options: Options = {}) => Layer.scopedDiscard(make(options))
