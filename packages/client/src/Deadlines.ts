/** How long this client waits for a server that took the connection: every request out has a deadline (P6). */
import { Duration, Effect, Option, Stream } from "effect"

/** For an answer. */
export const answer = Duration.seconds(30)
/** For the first bytes of `follow`: a server sends them at once. */
export const first = Duration.seconds(10)
/** For an answer that takes work: an import that is written, an agent that is asked for its conversations. */
export const work = Duration.minutes(5)

/** Only the first chunk has a deadline. */
export const firstWithin =
  <E2>(duration: Duration.DurationInput, onTimeout: Effect.Effect<never, E2>) =>
  <A, E, R>(self: Stream.Stream<A, E, R>): Stream.Stream<A, E | E2, R> =>
    Stream.fromPull(
      Effect.map(Stream.toPull(self), (pull) => {
        let began = false
        return Effect.suspend(() => {
          if (began) return pull
          began = true
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
