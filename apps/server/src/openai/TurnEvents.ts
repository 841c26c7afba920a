/**
 * What the connection of a call sends about its turn: the steps of the turn, heartbeats while it is silent, and a `cut` if the connection ends before
 * the turn. Data comes from queries only. Wake-ups carry no data, so an interrupted wait loses nothing.
 */
import { Effect, Option, Stream } from "effect"
import type { LogUnavailable } from "@millrace/log/EventLog"
import { type AcceptedTurn, type Step, StreamReconciler } from "@millrace/orchestration/streams/StreamReconciler"
import { endings, Session } from "../auth/Session.ts"
import { SubscriberScheduler } from "../subscriptions/SubscriberScheduler.ts"

export type TurnEvent =
  | Step
  /** Bytes must be sent in silence, or proxies close the connection. */
  | { readonly _tag: "heartbeat" }
  /** The last step: the connection ends, the turn continues. */
  | { readonly _tag: "cut"; readonly message: string }

/** The name of no stream: only a wake-up of all subscribers ends a wait for it. */
const noStream = "millrace/calls"

/** The steps of one turn, or only its end with `events: false`. The last step is `end` or `cut`. */
export const of = (
  turn: AcceptedTurn,
  options?: { readonly events: boolean }
): Stream.Stream<TurnEvent, LogUnavailable, StreamReconciler | SubscriberScheduler | Session> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const follower = (yield* StreamReconciler).open(turn, options)
      const scheduler = yield* SubscriberScheduler
      const session = yield* Session
      let heartbeats = scheduler.heartbeats()
      let last = false

      const cutBecause = (): string | undefined => {
        const ended = session.ended?.()
        return ended !== undefined ? endings[ended] : scheduler.closing() ? "The server is shutting down." : undefined
      }
      /** Returns when the connection needs a heartbeat or must end. */
      const untilDueOrEnded: Effect.Effect<void> = Effect.suspend(() =>
        cutBecause() !== undefined || heartbeats !== scheduler.heartbeats()
          ? Effect.void
          : Effect.zipRight(scheduler.awaitBeyond(Number.MAX_SAFE_INTEGER, noStream), untilDueOrEnded)
      )

      const next: Effect.Effect<ReadonlyArray<TurnEvent>, Option.Option<LogUnavailable>> = Effect.gen(function* () {
        if (last) return yield* Effect.fail(Option.none())
        for (;;) {
          // Read before the query: what is committed when the server shuts down is delivered first (S3).
          const why = cutBecause()
          const steps = yield* Effect.mapError(follower.query, Option.some)
          last = steps.at(-1)?._tag === "end"
          if (steps.length > 0) return steps
          if (why !== undefined) {
            last = true
            return [{ _tag: "cut", message: `${why} The turn continues; read it under /api/threads/${turn.threadId}.` } as const]
          }
          if (heartbeats !== scheduler.heartbeats()) {
            heartbeats = scheduler.heartbeats()
            return [{ _tag: "heartbeat" } as const]
          }
          yield* Effect.raceFirst(follower.wait, untilDueOrEnded)
        }
      })
      return Stream.flattenIterables(Stream.repeatEffectOption(next))
    })
  )
