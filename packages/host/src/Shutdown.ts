/**
 * The ordered shutdown (S1, S3, S6). Admission closes at one point in time. Then, against one absolute deadline: open requests expire, turns finish or
 * are interrupted, sessions are stopped and read to their end, everything is committed and delivered to every consumer. The caller then closes the
 * transports, and the log last.
 */
import { defined } from "@millrace/contracts/Defined"
import type { EventLog } from "@millrace/log/EventLog"
import type { Dispatcher } from "@millrace/orchestration/sessions/Dispatcher"
import type { Engine } from "@millrace/orchestration/engine/Engine"
import { Clock, Deferred, Duration, Effect, Option, Schema } from "effect"
import { ConsumerReport, type Consumers } from "./Consumers.ts"
import * as OpenRequests from "./OpenRequests.ts"
import * as SessionExits from "./SessionExits.ts"
import type { OnFailPoint } from "./FailPoints.ts"

export interface BeginOptions {
  /** Time for the whole shutdown, from now. */
  readonly deadline: Duration.DurationInput
  /**
   * `drain`: running turns may finish during the first half of the stage that stops sessions, which ends at 90 % of the deadline.
   * `now`: they are interrupted at once.
   */
  readonly mode: "drain" | "now"
  /** Name of the token that asked for the shutdown (X6). The events of the turns and sessions that it ends name it in their reason. */
  readonly by?: string
}

/** Proof that the shutdown has begun; every call of `begin` returns the same one (S7). */
export interface Token {
  /** Milliseconds of the host's clock. */
  readonly beganAt: number
  readonly deadlineAt: number
  readonly mode: BeginOptions["mode"]
  readonly by?: string
}

const report = {
  sessions: Schema.Int.annotations({ description: "Live sessions when the shutdown began." }),
  forced: Schema.Int.annotations({ description: "Sessions whose agents did not stop in time and were killed." }),
  drained: Schema.Boolean.annotations({ description: "True if everything that was accepted is committed." }),
  head: Schema.Int.annotations({ description: "The last committed offset, up to which every consumer is delivered." }),
  millis: Schema.Number,
  exits: Schema.Array(SessionExits.SessionExit),
  consumers: Schema.Array(ConsumerReport)
}

export const Report = Schema.Struct(report)
export type Report = typeof Report.Type

/**
 * The deadline passed before everything was committed or before a live lossless consumer had received everything, or agents were killed. Committed
 * events are safe: the next start settles the rest, and a consumer resumes from its cursor.
 */
export class ShutdownIncomplete extends Schema.TaggedError<ShutdownIncomplete>()("ShutdownIncomplete", {
  message: Schema.String,
  ...report
}) {}

export interface Shutdown {
  /** Closes admission, starts the stages and returns without waiting for them. A second call returns the first token and ignores its options. */
  readonly begin: (options: BeginOptions) => Effect.Effect<Token>
  /** Waits for the end. Every caller gets the same report. */
  readonly finish: (token: Token) => Effect.Effect<Report, ShutdownIncomplete>
  /** Begins and finishes a shutdown without waiting for consumers; the report says how many events each has not received. Never fails. */
  readonly discard: (options: BeginOptions) => Effect.Effect<Report>
  /**
   * Stops waiting: interrupts turns, kills agents that do not end within two seconds, skips consumers. Ends of turns and sessions are still
   * committed. Returns at once. Does nothing before a shutdown has begun.
   */
  readonly force: Effect.Effect<void>
  readonly begun: Effect.Effect<boolean>
  /** Returns when a shutdown has begun, also by another caller (S10). */
  readonly awaitBegun: Effect.Effect<Token>
}

/** The fraction of the time at which each stage must end, even if it stalls, so that the later stages keep their share. */
const by = { accepted: 0.3, sessions: 0.9, committed: 0.95, consumers: 1 }

/** Time for agents to stop after `force`. */
const forcedWithin = "2 seconds"

const reasonOf = ({ by }: Token) =>
  by === undefined ? "the server is shutting down" : `the server is shutting down, as ${by} asked`

/** The message of `ShutdownIncomplete`; undefined if the shutdown was complete. */
const incompleteMessage = ({ forced, sessions, drained, consumers, head }: Report): string | undefined => {
  const behind = consumers.filter(
    ({ delivery, outcome }) => delivery === "lossless" && (outcome === "timedOut" || outcome === "abandoned")
  )
  const faults = [
    ...(drained ? [] : ["Not everything was committed before the deadline; the next start settles what is open."]),
    ...(forced === 0 ? [] : [`${forced} of ${sessions} agents did not stop in time and were killed.`]),
    ...behind.map(
      ({ name, delivered }) =>
        `Consumer ${name} received everything up to offset ${delivered} of ${head}; it can resume from there.`
    )
  ]
  return faults.length === 0 ? undefined : faults.join(" ")
}

export const make = (parts: {
  readonly engine: typeof Engine.Service
  readonly dispatcher: typeof Dispatcher.Service
  readonly log: typeof EventLog.Service
  readonly consumers: Consumers
  /** Called once, when the shutdown begins. */
  readonly onBegin: (token: Token) => void
  /** Only for tests. */
  readonly onStep?: OnFailPoint
}): Effect.Effect<Shutdown> =>
  Effect.gen(function* () {
    const { engine, dispatcher, log, consumers, onStep } = parts
    const ended = yield* Deferred.make<Report>()
    const began = yield* Deferred.make<Token>()
    const forced = yield* Deferred.make<void>()
    /** Set by `discard`: the shutdown does not wait for consumers. */
    const discarded = yield* Deferred.make<void>()
    let begun: Token | undefined
    let finishing = false

    /** Runs the effect until this fraction of the time; `None` if it has not finished. It is disconnected: an effect that ignores interruption cannot delay the later stages. */
    const within = <A>(effect: Effect.Effect<A>, { beganAt, deadlineAt }: Token, part: number) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) =>
        effect.pipe(
          Effect.interruptible,
          Effect.disconnect,
          Effect.timeoutOption(Math.max(0, beganAt + (deadlineAt - beganAt) * part - now))
        )
      )
    const millisUntil = ({ beganAt, deadlineAt }: Token, part: number) =>
      Effect.map(Clock.currentTimeMillis, (now) => Math.max(0, beganAt + (deadlineAt - beganAt) * part - now))

    const untilForced = Effect.raceFirst(Deferred.await(forced))

    const settle = (token: Token, head: number) =>
      Effect.gen(function* () {
        // Accepted commands are committed and reach their agents before the agents are stopped (S2).
        const accepted = Effect.flatMap(Effect.zipRight(engine.drain, log.head), dispatcher.awaitActed)
        yield* within(untilForced(accepted), token, by.accepted)
        yield* engine.refuseEntering
        onStep?.("shutdown-accepted")
        const living = yield* dispatcher.sessions
        const reason = reasonOf(token)
        const forcedStop = Effect.zipRight(
          Deferred.await(forced),
          dispatcher.stopAll({ mode: "now", within: forcedWithin, reason })
        )
        const stopped = yield* Effect.flatMap(millisUntil(token, by.sessions), (millis) =>
          within(
            Effect.raceFirst(dispatcher.stopAll({ mode: token.mode, within: millis, reason }), forcedStop),
            token,
            by.sessions
          )
        ).pipe(Effect.raceFirst(OpenRequests.refuse(engine, log, head, reason)))
        const killed = Option.match(stopped, { onNone: () => living.length, onSome: (report) => report.forced })
        onStep?.("shutdown-sessions-stopped")
        const drained = Option.isSome(yield* within(engine.drain, token, by.committed))
        const exits = yield* within(SessionExits.since(log, head, living), token, by.committed)
        onStep?.("shutdown-committed")
        yield* consumers.settle
        return {
          sessions: living.length,
          forced: killed,
          drained,
          exits: Option.getOrElse(exits, () => living.map(SessionExits.unsettled))
        }
      })

    const run = (token: Token, head: number) =>
      Effect.gen(function* () {
        const settled = yield* settle(token, head)
        const delivered = Effect.raceFirst(consumers.ended, Deferred.await(discarded))
        yield* within(untilForced(delivered), token, by.consumers)
        onStep?.("shutdown-delivered")
        const last = yield* log.head
        const millis = (yield* Clock.currentTimeMillis) - token.beganAt
        return { ...settled, head: last, millis, consumers: consumers.report(last) } satisfies Report
      })

    const begin: Shutdown["begin"] = ({ by, deadline, mode }) =>
      Effect.gen(function* () {
        const beganAt = yield* Clock.currentTimeMillis
        const head = yield* log.head
        // No other fiber runs from here until admission is closed, so of two concurrent calls only one begins a shutdown (S1).
        if (begun !== undefined) return begun
        const token = { beganAt, deadlineAt: beganAt + Duration.toMillis(deadline), mode, ...defined({ by }) }
        begun = token
        yield* engine.closeAdmission
        yield* consumers.watch
        parts.onBegin(token)
        onStep?.("shutdown-begun")
        yield* Deferred.succeed(began, token)
        // In a daemon fiber, so that an interrupted caller does not cancel the shutdown. Interruptible even if a finalizer calls it: the stages race the deadline.
        yield* Effect.intoDeferred(run(token, head), ended).pipe(Effect.interruptible, Effect.forkDaemon)
        return token
      }).pipe(Effect.uninterruptible)

    return {
      begin,
      finish: () =>
        Effect.suspend(() => {
          finishing = true
          return Effect.flatMap(Deferred.await(ended), (outcome) => {
            const message = incompleteMessage(outcome)
            return message === undefined ? Effect.succeed(outcome) : Effect.fail(new ShutdownIncomplete({ message, ...outcome }))
          })
        }),
      // While another caller is in `finish`, consumers must still be delivered to.
      discard: (options) =>
        Effect.zipRight(
          begin(options),
          Effect.suspend(() =>
            Effect.zipRight(
              Effect.unless(Deferred.succeed(discarded, undefined), () => finishing),
              Deferred.await(ended)
            )
          )
        ),
      force: Effect.suspend(() => (begun === undefined ? Effect.void : Deferred.succeed(forced, undefined))),
      begun: Effect.sync(() => begun !== undefined),
      awaitBegun: Deferred.await(began)
    }
  })
