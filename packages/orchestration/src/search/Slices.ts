/** Cuts synchronous work into steps that hold the event loop for a few milliseconds. */
import { Effect } from "effect"

const [shortest, longest] = [2, 5]

/**
 * Runs a step with a size, then lets the event loop turn. The size of the next step grows while steps are short, and shrinks when one was long.
 * `run` throws what it throws: the caller wraps it.
 */
export const make = (size: { readonly least: number; readonly most: number }) => {
  let now = size.least
  return <A, E>(step: (size: number) => Effect.Effect<A, E>): Effect.Effect<A, E> =>
    Effect.clockWith((clock) =>
      Effect.suspend(() => {
        const began = clock.unsafeCurrentTimeNanos()
        return Effect.tap(step(now), () => {
          const millis = Number(clock.unsafeCurrentTimeNanos() - began) / 1e6
          if (millis < shortest) now = Math.min(size.most, Math.ceil(now * 1.5))
          else if (millis > longest) now = Math.max(size.least, Math.floor(now / 2))
          return Effect.yieldNow()
        })
      })
    )
}
