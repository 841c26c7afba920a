/**
 * The ordered end (S1, S3, S6): admission closes at one point in time; then, against one absolute deadline, requests are refused, turns are finished or
 * interrupted, sessions stopped and read to their end, everything committed, and every consumer given it. The transports end after that, then the log.
 */
import type { EventLog } from "@millrace/log/EventLog"
import type { Dispatcher } from "@millrace/orchestration/Dispatcher"
import type { Engine } from "@millrace/orchestration/Engine"
import { Clock, Deferred, Duration, Effect, Option, Schema } from "effect"
import { ConsumerReport, type Consumers } from "./Consumers.ts"
import * as OpenRequests from "./OpenRequests.ts"
import * as SessionExits from "./SessionExits.ts"
import type { OnStep } from "./Steps.ts"

export interface BeginOptions {
  /** From now; the whole shutdown has this much time. */
  readonly deadline: Duration.DurationInput
  /** `drain`: running turns may finish for almost half of the time; `now`: they are interrupted at once. */
  readonly mode: "drain" | "now"
  /** Who asked, where that is a person or a program with a token (X6): named as the reason in the events of what it ends. */
  readonly by?: string
}

/** Proof that it has begun; the same for everyone who begins (S7). */
export interface Token {
  /** Milliseconds of the host's clock. */
  readonly beganAt: number
  readonly deadlineAt: number
  readonly mode: BeginOptions["mode"]
  readonly by?: string
}

const report = {
  sessions: Schema.Int.annotations({ description: "Sessions that lived when it began." }),
  forced: Schema.Int.annotations({ description: "Those whose agents had to be given up and killed." }),
  drained: Schema.Boolean.annotations({ description: "Everything that was accepted is committed." }),
  head: Schema.Int.annotations({ description: "The last committed offset: where every consumer ends." }),
  millis: Schema.Number,
  exits: Schema.Array(SessionExits.SessionExit),
  consumers: Schema.Array(ConsumerReport)
}

export const Report = Schema.Struct(report)
export type Report = typeof Report.Type

/**
 * The deadline passed before everything was settled, or before a lossless consumer that is still there had everything. What was committed is safe: the
 * next start settles the rest, and a consumer goes on from its cursor.
 */
export class ShutdownIncomplete extends Schema.TaggedError<ShutdownIncomplete>()("ShutdownIncomplete", {
  message: Schema.String,
  ...report
}) {}

export interface Shutdown {
  /** Takes effect at once and never waits; the stages start with it. A second call returns the first call's token, whatever it asks. */
  readonly begin: (options: BeginOptions) => Effect.Effect<Token>
  /** Waits for the end and returns the report, the same to every caller. */
  readonly finish: (token: Token) => Effect.Effect<Report, ShutdownIncomplete>
  /**
   * Begins, and finishes without waiting for consumers: the report says what each was not given. Never fails; for owners that do not read to the end.
   */
  readonly discard: (options: BeginOptions) => Effect.Effect<Report>
  /**
   * Nobody is waited for any more: turns are interrupted, and agents that do not end within two seconds are given up and killed. What ended is committed all
   * the same. Returns at once; does nothing before a shutdown began.
   */
  readonly force: Effect.Effect<void>
  readonly begun: Effect.Effect<boolean>
  /** Returns when it began, whoever began it (S10). */
  readonly awaitBegun: Effect.Effect<Token>
}

/** Parts of the time by which a stage has to be over, whatever stalls: the last ones keep a slice. */
const by = { accepted: 0.3, sessions: 0.9, committed: 0.95, consumers: 1 }

/** What agents have when nobody waits any more. */
const forcedWithin = "2 seconds"

const reasonOf = ({ by }: Token) =>
  by === undefined ? "the server is shutting down" : `the server is shutting down, as ${by} asked`

const complaint = ({ forced, sessions, drained, consumers, head }: Report): string | undefined => {
  const behind = consumers.filter(
    ({ delivery, outcome }) => delivery === "lossless" && (outcome === "timedOut" || outcome === "abandoned")
  )
  const complaints = [
    ...(drained ? [] : ["The log could not take everything before the deadline; the next start settles what is open."]),
    ...(forced === 0 ? [] : [`${forced} of ${sessions} agents did not end by themselves and were killed.`]),
    ...behind.map(
      ({ name, delivered }) => `Consumer ${name} has everything up to ${delivered} of ${head}; it can go on from there.`
    )
  ]
  return complaints.length === 0 ? undefined : complaints.join(" ")
}

export const make = (rooms: {
  readonly engine: typeof Engine.Service
  readonly dispatcher: typeof Dispatcher.Service
  readonly log: typeof EventLog.Service
  readonly consumers: Consumers
  /** Told once, when it begins. */
  readonly onBegin: (token: Token) => void
  /** For tests. */
  readonly onStep?: OnStep
}): Effect.Effect<Shutdown> =>
  Effect.gen(function* () {
    const { engine, dispatcher, log, consumers, onStep } = rooms
    const ended = yield* Deferred.make<Report>()
    const began = yield* Deferred.make<Token>()
    const forced = yield* Deferred.make<void>()
    /** Consumers are not waited for: the owner asked for a report only. */
    const discarded = yield* Deferred.make<void>()
    let begun: Token | undefined
    let finishing = false

    /** Nothing when the time was over. What ignores interruption is left behind, so that it cannot hold the others. */
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
        // What was accepted just before is decided, and its agent known, before agents are ended (S2).
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
        // From here nothing can come between (S1).
        if (begun !== undefined) return begun
        const token = { beganAt, deadlineAt: beganAt + Duration.toMillis(deadline), mode, ...(by !== undefined && { by }) }
        begun = token
        yield* engine.closeAdmission
        yield* consumers.watch
        rooms.onBegin(token)
        onStep?.("shutdown-begun")
        yield* Deferred.succeed(began, token)
        // A fiber of the shutdown, not of the caller: it ends at the deadline. Interruptible also when a finalizer begins: stages race.
        yield* Effect.intoDeferred(run(token, head), ended).pipe(Effect.interruptible, Effect.forkDaemon)
        return token
      }).pipe(Effect.uninterruptible)

    return {
      begin,
      finish: () =>
        Effect.suspend(() => {
          finishing = true
          return Effect.flatMap(Deferred.await(ended), (outcome) => {
            const message = complaint(outcome)
            return message === undefined ? Effect.succeed(outcome) : Effect.fail(new ShutdownIncomplete({ message, ...outcome }))
          })
        }),
      // The scope that closes behind an owner who finishes must not cut that owner's consumers.
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
