/** How long this client waits for a server that accepted the connection: every request has a deadline (P6). */
import { Duration, Effect, Option, Stream } from "effect"

/** Deadline of an answer, and of the first bytes of `follow`. A server sends them at once; an overloaded server needs seconds. */
export const answer = Duration.seconds(30)
/** Deadline of an answer that needs work: an import, or a list of an agent's conversations. */
export const work = Duration.minutes(5)

/** Sets a deadline for the first chunk of a stream only. */
export const firstWithin =
  <E2>(duration: Duration.DurationInput, onTimeout: Effect.Effect<never, E2>) =>
  <A, E, R>(self: Stream.Stream<A, E, R>): Stream.Stream<A, E | E2, R> =>
    Stream.fromPull(
      Effect.map(Stream.toPull(self), (pull) => {
        let hasBegun = false
        return Effect.suspend(() => {
          if (hasBegun) return pull
          hasBegun = true
          return Effect.flatten(
            Effect.timeoutTo(pull, {
              duration,
              onSuccess: (chunk) => Effect.succeed(chunk),
              onTimeout: () => Effect.mapError(onTimeout, Option.some<E | E2>)
            })
          )
        })
      })
    )
