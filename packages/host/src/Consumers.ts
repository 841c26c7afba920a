/**
 * The in-process subscriptions of this host, each with its own position. A slow consumer delays itself and no other.
 * On shutdown each consumer receives `bye` exactly once; `ended` resolves when all have (S3, S4, S5).
 */
import { Notifier } from "@millrace/log/Notifier"
import type { Signals } from "@millrace/orchestration/streams/Signals"
import { Deferred, Effect, FiberId, Schema, type Scope } from "effect"

export const Delivery = Schema.Literal("lossless", "best-effort")
export type Delivery = typeof Delivery.Type

/** `settled`: deliver up to the head, then `bye`. `gone`: `bye` at once, because the log closes. */
export type Phase = "open" | "settled" | "gone"

/**
 * `drained`: received every event and `bye`. `died`: ended before that: interrupted, failed, or closed by its reader.
 * `timedOut`: was reading, but did not reach the end in time. `abandoned`: did not read during the shutdown.
 */
export const Outcome = Schema.Literal("drained", "died", "timedOut", "abandoned")
export type Outcome = typeof Outcome.Type

export const ConsumerReport = Schema.Struct({
  name: Schema.String,
  stream: Schema.optional(Schema.String),
  delivery: Delivery,
  delivered: Schema.Int.annotations({ description: "It has received everything up to this offset, and can resume after it." }),
  undelivered: Schema.Int.annotations({ description: "Number of offsets from there to the head." }),
  outcome: Outcome
})
export type ConsumerReport = typeof ConsumerReport.Type

export interface Consumer {
  readonly name: string
  readonly stream: string | undefined
  readonly delivery: Delivery
  delivered: number
  /** Number of pulls. */
  reads: number
  /** Whether it has received the last frame, `bye` or `end`. */
  ended: boolean
  /** Completes when it has received the last frame, or its scope has closed. */
  readonly finished: Deferred.Deferred<void>
}

export interface Consumers {
  readonly phase: () => Phase
  /** Signals of running turns, for consumers that have caught up. */
  readonly signals: Pick<typeof Signals.Service, "since">
  /** Completes at the next change of head, phase or signals after the call. Call it before you read any of them. */
  readonly next: () => Effect.Effect<void>
  /** Adds a consumer until the scope closes. */
  readonly register: (
    options: Pick<Consumer, "stream" | "delivery"> & { readonly name: string | undefined; readonly after: number }
  ) => Effect.Effect<Consumer, never, Scope.Scope>
  /** The current consumers. */
  readonly live: () => Iterable<Readonly<Pick<Consumer, "name" | "stream" | "delivery" | "delivered">>>
  /** Starts the report. It covers the current consumers and those that register later. */
  readonly watch: Effect.Effect<void>
  /** Begins the phase `settled`. */
  readonly settle: Effect.Effect<void>
  /** Begins the phase `gone`. */
  readonly leave: Effect.Effect<void>
  /** Returns when every consumer has received the last frame or has ended. */
  readonly ended: Effect.Effect<void>
  /** The consumers since `watch`, with their outcomes. Ends the watch: consumers that register later are not reported. */
  readonly report: (head: number) => ReadonlyArray<ConsumerReport>
}

/** Wakes all waiting consumers when the head advances or signals arrive. Its two fibers live in the scope. */
export const make = (
  log: {
    readonly head: Effect.Effect<number>
    readonly awaitBeyond: (offset: number) => Effect.Effect<void>
  },
  signals: Pick<typeof Signals.Service, "position" | "since" | "awaitBeyond">
): Effect.Effect<Consumers, never, Scope.Scope> =>
  Effect.gen(function* () {
    const signal = new Notifier()
    const live = new Set<Consumer>()
    const watched = new Map<Consumer, { readonly reads: number }>()
    let phase: Phase = "open"
    let watching = false
    let names = 0

    /** Wakes all consumers whenever the number has grown. */
    const wakeOn = (now: Effect.Effect<number>, awaitBeyond: (seen: number) => Effect.Effect<void>) =>
      Effect.flatMap(now, (start) => {
        let seen = start
        const wake = Effect.map(now, (number) => {
          seen = number
          signal.wake()
        })
        return Effect.suspend(() => awaitBeyond(seen)).pipe(Effect.zipRight(wake), Effect.forever, Effect.forkScoped)
      })
    yield* wakeOn(log.head, log.awaitBeyond)
    yield* wakeOn(Effect.sync(signals.position), signals.awaitBeyond)

    const begin = (next: Phase) =>
      Effect.sync(() => {
        if (phase === "gone") return
        phase = next
        signal.wake()
      })

    const ended: Effect.Effect<void> = Effect.suspend(() => {
      const next = [...live].find((consumer) => !consumer.ended)
      return next === undefined ? Effect.void : Effect.zipRight(Deferred.await(next.finished), ended)
    })

    const outcome = (consumer: Consumer, { reads }: { readonly reads: number }): Outcome =>
      consumer.ended ? "drained" : !live.has(consumer) ? "died" : consumer.reads > reads ? "timedOut" : "abandoned"

    return {
      phase: () => phase,
      signals,
      next: () => signal.next,
      register: ({ name, after, ...options }) =>
        Effect.acquireRelease(
          Effect.sync((): Consumer => {
            const consumer: Consumer = {
              ...options,
              name: name ?? `${options.delivery} ${++names}`,
              delivered: after,
              reads: 0,
              ended: false,
              finished: Deferred.unsafeMake(FiberId.none)
            }
            live.add(consumer)
            if (watching) watched.set(consumer, { reads: 0 })
            return consumer
          }),
          (consumer) =>
            Effect.suspend(() => {
              live.delete(consumer)
              return Deferred.succeed(consumer.finished, undefined)
            })
        ),
      live: () => live,
      watch: Effect.sync(() => {
        watching = true
        for (const consumer of live) watched.set(consumer, { reads: consumer.reads })
      }),
      settle: begin("settled"),
      leave: begin("gone"),
      ended,
      report: (head) => {
        watching = false
        return [...watched].map(([consumer, at]) => ({
          name: consumer.name,
          stream: consumer.stream,
          delivery: consumer.delivery,
          delivered: consumer.delivered,
          undelivered: Math.max(0, head - consumer.delivered),
          outcome: outcome(consumer, at)
        }))
      }
    }
  })
