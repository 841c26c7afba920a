/**
 * The ordered end (S1, S3, S6): admission closes at one point in time; then, against one absolute deadline, turns are finished or interrupted,
 * sessions stopped and read to their end, everything committed. What follows the log ends after that: the transports, then the log itself.
 */
import type { Dispatcher } from "@millrace/orchestration/Dispatcher"
import type { Engine } from "@millrace/orchestration/Engine"
import { Clock, Deferred, Duration, Effect, Option, Schema } from "effect"

export interface BeginOptions {
  /** From now; the whole shutdown has this much time. */
  readonly deadline: Duration.DurationInput
  /** `drain`: running turns may finish until half of the time is over; `now`: they are interrupted at once. */
  readonly mode: "drain" | "now"
}

/** Proof that it has begun; the same for everyone who begins (S7). */
export interface Token {
  /** Milliseconds of the host's clock. */
  readonly beganAt: number
  readonly deadlineAt: number
  readonly mode: BeginOptions["mode"]
}

export interface Report {
  /** Sessions that lived when it began. */
  readonly sessions: number
  /** Those whose agents had to be killed at the deadline. */
  readonly forced: number
  /** Everything that was accepted is committed. */
  readonly drained: boolean
  /** The last committed offset: where every follower ends. */
  readonly head: number
  readonly millis: number
}

/** The deadline passed before everything was settled. What was committed is safe; the next start settles the rest. */
export class ShutdownIncomplete extends Schema.TaggedError<ShutdownIncomplete>()("ShutdownIncomplete", {
  message: Schema.String,
  sessions: Schema.Int,
  forced: Schema.Int,
  drained: Schema.Boolean
}) {}

export interface Shutdown {
  /** Takes effect at once and never waits. A second one gets the first one's token, whatever it asks. */
  readonly begin: (options: BeginOptions) => Effect.Effect<Token>
  /** Waits for the end; everyone who asks gets the same report. */
  readonly finish: (token: Token) => Effect.Effect<Report, ShutdownIncomplete>
  readonly begun: Effect.Effect<boolean>
}

export const make = (
  engine: typeof Engine.Service,
  dispatcher: typeof Dispatcher.Service,
  head: Effect.Effect<number>
): Effect.Effect<Shutdown> =>
  Effect.gen(function* () {
    const ended = yield* Deferred.make<Report, ShutdownIncomplete>()
    let token: Token | undefined
    let running = false

    const settle = (current: Token) =>
      Effect.gen(function* () {
        const left = Effect.map(Clock.currentTimeMillis, (now) => Math.max(0, current.deadlineAt - now))
        const { sessions, forced } = yield* dispatcher.stopAll({ mode: current.mode, within: yield* left })
        const drained = Option.isSome(yield* engine.drain.pipe(Effect.interruptible, Effect.timeoutOption(yield* left)))
        const millis = (yield* Clock.currentTimeMillis) - current.beganAt
        if (drained && forced === 0) return { sessions, forced, drained, head: yield* head, millis }
        return yield* new ShutdownIncomplete({
          message: drained
            ? `${forced} of ${sessions} agents did not end by themselves and were killed.`
            : "The log could not take everything before the deadline; the next start settles what is open.",
          sessions,
          forced,
          drained
        })
      })

    return {
      begin: ({ deadline, mode }) =>
        Effect.gen(function* () {
          if (token !== undefined) return token
          const beganAt = yield* Clock.currentTimeMillis
          token ??= { beganAt, deadlineAt: beganAt + Duration.toMillis(deadline), mode }
          yield* engine.closeAdmission
          return token
        }),
      finish: (current) =>
        Effect.suspend(() => {
          if (running) return Deferred.await(ended)
          running = true
          // In the asker's fiber, and not undone when it goes away.
          return Effect.zipRight(Effect.intoDeferred(settle(current), ended), Deferred.await(ended))
        }).pipe(Effect.uninterruptible),
      begun: Effect.sync(() => token !== undefined)
    }
  })
