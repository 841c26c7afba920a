/**
 * The turn of a call as its connection sends it: the turn's steps, a heartbeat in silence, and a cut where the connection ends before the turn.
 * Data comes from queries only. The wake-ups that are raced carry no data, so an interrupted one loses nothing.
 */
import { Effect, Option, Stream } from "effect"
import type { LogUnavailable } from "@millrace/log/EventLog"
import { type AcceptedTurn, type Step, StreamReconciler } from "@millrace/orchestration/streams/StreamReconciler"
import { endings, Session } from "../auth/Session.ts"
import { SubscriberScheduler } from "../subscriptions/SubscriberScheduler.ts"

export type TurnEvent =
  | Step
  /** Heartbeat: bytes must be sent, or proxies close the connection. */
  | { readonly _tag: "beat" }
  /** The last step: the connection ends, the turn continues. */
  | { readonly _tag: "cut"; readonly message: string }

/** A name of no thread: woken only by wake-ups for all. */
const nobody = "millrace/calls"

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
      let beats = scheduler.beats()
      let last = false

      const cutBecause = (): string | undefined => {
        const ended = session.ended?.()
        return ended !== undefined ? endings[ended] : scheduler.closing() ? "The server is shutting down." : undefined
      }
      /** Returns when the connection needs a heartbeat or must end. */
      const disturbed: Effect.Effect<void> = Effect.suspend(() =>
        cutBecause() !== undefined || beats !== scheduler.beats()
          ? Effect.void
          : Effect.zipRight(scheduler.next(Number.MAX_SAFE_INTEGER, nobody), disturbed)
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
          if (beats !== scheduler.beats()) {
            beats = scheduler.beats()
            return [{ _tag: "beat" } as const]
          }
          yield* Effect.raceFirst(follower.wait, disturbed)
        }
      })
      return Stream.flattenIterables(Stream.repeatEffectOption(next))
    })
  )
