/**
 * A call's turn as its connection lives it: the turn's steps, a beat where there was silence, and a cut where the connection ends before
 * the turn does. Data comes from looks only; what is raced against carries nothing, so nothing can be lost between the two.
 */
import { Effect, Option, Stream } from "effect"
import type { LogUnavailable } from "@millrace/log/EventLog"
import { type Addressed, type Step, StreamReconciler } from "@millrace/orchestration/StreamReconciler"
import { Session } from "../auth/Session.ts"
import { Tokens } from "../auth/Tokens.ts"
import { Wake } from "../http/Wake.ts"

export type Moment =
  | Step
  /** Something must be said, or proxies give up. */
  | { readonly _tag: "beat" }
  /** The last moment: the connection ends, the turn goes on. */
  | { readonly _tag: "cut"; readonly message: string }

/** No thread has this name: woken only with everybody. */
const nobody = "millrace/calls"

/** The moments of one turn, of its end only with `events: false`; the last is `end` or `cut`. */
export const of = (
  turn: Addressed,
  options?: { readonly events: boolean }
): Stream.Stream<Moment, LogUnavailable, StreamReconciler | Wake | Tokens | Session> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const follower = (yield* StreamReconciler).open(turn, options)
      const wake = yield* Wake
      const tokens = yield* Tokens
      const { tokenId } = yield* Session
      let beats = wake.beats()
      let last = false

      const cutBecause = (): string | undefined =>
        tokenId !== undefined && !tokens.isLive(tokenId)
          ? "The token was revoked."
          : wake.closing()
            ? "The server is shutting down."
            : undefined
      /** Returns when this connection has a reason of its own to go on. */
      const disturbed: Effect.Effect<void> = Effect.suspend(() =>
        cutBecause() !== undefined || beats !== wake.beats()
          ? Effect.void
          : Effect.zipRight(wake.next(Number.MAX_SAFE_INTEGER, nobody), disturbed)
      )

      const next: Effect.Effect<ReadonlyArray<Moment>, Option.Option<LogUnavailable>> = Effect.gen(function* () {
        if (last) return yield* Effect.fail(Option.none())
        for (;;) {
          // Asked before the look: what is there when the server goes down is delivered first (S3).
          const why = cutBecause()
          const steps = yield* Effect.mapError(follower.look, Option.some)
          last = steps.at(-1)?._tag === "end"
          if (steps.length > 0) return steps
          if (why !== undefined) {
            last = true
            return [{ _tag: "cut", message: `${why} The turn goes on; read it under /api/threads/${turn.threadId}.` } as const]
          }
          if (beats !== wake.beats()) {
            beats = wake.beats()
            return [{ _tag: "beat" } as const]
          }
          yield* Effect.raceFirst(follower.wait, disturbed)
        }
      })
      return Stream.flattenIterables(Stream.repeatEffectOption(next))
    })
  )
