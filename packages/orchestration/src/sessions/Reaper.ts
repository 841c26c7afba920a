/**
 * The Reaper measures how long each session has been silent and reports it to the engine, which decides (R1 to R6, T8). It follows the log. Reading a
 * thread causes no event, so a client that watches a thread does not keep its session (R6). Only awake time counts: a suspend of the machine adds no
 * silence (R2).
 */
import { EventLog } from "@millrace/log/EventLog"
import { Clock, Duration, Effect, Layer, Schedule, Stream } from "effect"
import { Engine } from "../engine/Engine.ts"
import type { ThreadId } from "@millrace/contracts/Ids"
import { isFurther } from "@millrace/contracts/Signal"
import type { SilenceLimits } from "../decide/Fact.ts"
import { ProcessMemory } from "./ProcessMemory.ts"
import { nameOf, SilenceTracker } from "./SilenceTracker.ts"
import { Signals } from "../streams/Signals.ts"

/** Limits of silence; 0 = no limit. */
export interface Limits {
  /** An idle session is stopped; the thread's next turn resumes it. Default 30 minutes. */
  readonly idle?: Duration.DurationInput
  /** Background work without an event for so long no longer keeps its session. Default 6 hours. */
  readonly background?: Duration.DurationInput
  /** A turn without an event from the model is interrupted. Default 10 minutes. */
  readonly model?: Duration.DurationInput
  /** A turn whose running tool causes neither an event nor a signal is interrupted. Default 60 minutes. */
  readonly tool?: Duration.DurationInput
  /** A turn that waits for a person's answer is interrupted. Default 7 days. */
  readonly waiting?: Duration.DurationInput
}

export interface Options extends Limits {
  /** Limits by provider name, which override the general ones. */
  readonly providers?: Readonly<Record<string, Limits>>
  /** Number of live sessions beyond which idle ones are stopped early, longest silent first; 0 = no limit. Default 64. */
  readonly maxSessions?: number
  /**
   * Resident bytes of all live sessions' process groups together, beyond which idle sessions are stopped, longest silent first. Working sessions are
   * never stopped for this, so it is not a hard limit. Default 0: no limit.
   */
  readonly maxMemoryBytes?: number
  /** Time between two checks. Default 15 seconds. */
  readonly interval?: Duration.DurationInput
  /** A gap between two checks of more than this many intervals counts as a suspend. Default 3. */
  readonly suspendAfter?: number
}

const defaults: Required<Limits> = {
  idle: "30 minutes",
  background: "6 hours",
  model: "10 minutes",
  tool: "60 minutes",
  waiting: "7 days"
}

const limitsFor =
  (options: Options) =>
  (provider: string): SilenceLimits => {
    const given: Limits = options.providers?.[provider] ?? {}
    const millis = (name: keyof Limits) => Duration.toMillis(given[name] ?? options[name] ?? defaults[name])
    return {
      idle: millis("idle"),
      background: millis("background"),
      model: millis("model"),
      tool: millis("tool"),
      waiting: millis("waiting")
    }
  }

const mebibytes = (bytes: number): string => `${Math.round(bytes / 1_048_576)} MiB`

/** Milliseconds of the monotonic clock. */
const monotonic = Effect.map(Clock.currentTimeNanos, (nanos) => Number(nanos) / 1_000_000)

export const make = (options: Options = {}) =>
  Effect.gen(function* () {
    const log = yield* EventLog
    const engine = yield* Engine
    const signals = yield* Signals
    const interval = Duration.toMillis(options.interval ?? "15 seconds")
    const suspended = interval * (options.suspendAfter ?? 3)
    const maxSessions = options.maxSessions ?? 64
    const maxMemory = options.maxMemoryBytes ?? 0
    const memory = yield* ProcessMemory
    const silence = new SilenceTracker(limitsFor(options))
    let checkedAt = yield* monotonic
    let signalsReadTo = signals.position()
    // Recovery has ended the sessions of earlier processes.
    let after = engine.startedAt

    const follow = Stream.suspend(() => log.follow({ after })).pipe(
      Stream.runForEach((page) =>
        Effect.map(monotonic, (now) => {
          const since = Math.min(now - checkedAt, suspended)
          for (const event of page.events) silence.record(event, since)
          after = page.upTo
        })
      ),
      Effect.tapError((error) =>
        error._tag === "LogUnavailable"
          ? Effect.void
          : // Retention overtook the cursor, so events are missing. No session is stopped by a wrong count: known sessions are no longer watched.
            Effect.flatMap(log.head, (head) =>
              Effect.sync(() => {
                silence.forget()
                after = head
              })
            )
      ),
      Effect.retry(Schedule.exponential("100 millis").pipe(Schedule.union(Schedule.spaced("5 seconds"))))
    )

    /** Above `maxSessions`: reports sessions one at a time until enough idle ones are stopping. */
    const reduceCount = Effect.gen(function* () {
      let left = maxSessions > 0 ? silence.size - maxSessions : 0
      for (const silent of left > 0 ? silence.oldest() : []) {
        if (left <= 0) return
        if (yield* engine.submit(silent)) left--
      }
    })

    /** Above `maxMemoryBytes`: the same. A session's bytes count as freed once its stop is requested. */
    const reduceMemory = Effect.gen(function* () {
      const held = new Map((yield* memory).map(({ threadId, epoch, bytes }) => [nameOf(threadId, epoch), bytes]))
      const silents = silence.oldest()
      const bytesOf = ({ threadId, epoch }: { readonly threadId: ThreadId; readonly epoch: number }) =>
        held.get(nameOf(threadId, epoch)) ?? 0
      const sum = silents.reduce((bytes, silent) => bytes + bytesOf(silent), 0)
      const crowdedBy = `the agents together use ${mebibytes(sum)}; the limit is ${mebibytes(maxMemory)}`
      let left = sum
      for (const silent of silents) {
        if (left <= maxMemory) return
        if (bytesOf(silent) > 0 && (yield* engine.submit({ ...silent, crowdedBy }))) left -= bytesOf(silent)
      }
    })

    const check = Effect.gen(function* () {
      const now = yield* monotonic
      const gap = now - checkedAt
      checkedAt = now
      if (gap <= suspended) silence.pass(gap)
      const progress = signals.since(signalsReadTo)
      signalsReadTo = progress.position
      for (const signal of progress.signals) if (isFurther(signal)) silence.recordProgress(signal.threadId)
      yield* Effect.forEach(silence.due(), engine.submit, { concurrency: 16, discard: true })
      yield* reduceCount
      if (maxMemory > 0 && silence.size > 0) yield* reduceMemory
    })

    yield* Effect.forkScoped(follow)
    yield* Effect.forkScoped(Effect.forever(Effect.zipRight(Effect.sleep(interval), check)))
  })

/** Needs `EventLog`, `Engine` and `Signals`; built after Recovery. */
export const layer = (options: Options = {}) => Layer.scopedDiscard(make(options))
