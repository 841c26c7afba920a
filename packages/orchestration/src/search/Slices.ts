/** Cuts synchronous work into steps that hold the event loop for a few milliseconds. */
import { Effect } from "effect"

/** Milliseconds. */
const [shortest, longest] = [2, 5]

/**
 * Runs a step with a size, then rests for as long as `rest` makes of the step's milliseconds. The size of the next step grows while steps are short, and
 * shrinks when one was long.
 */
export const make = (size: { readonly least: number; readonly most: number }, rest: (millis: number) => Effect.Effect<void>) => {
  let now = size.least
  return <A, E>(step: (size: number) => Effect.Effect<A, E>): Effect.Effect<A, E> =>
    Effect.clockWith((clock) =>
      Effect.suspend(() => {
        const began = clock.unsafeCurrentTimeNanos()
        return Effect.tap(step(now), () => {
          const millis = Number(clock.unsafeCurrentTimeNanos() - began) / 1e6
          if (millis < shortest) now = Math.min(size.most, Math.ceil(now * 1.5))
          else if (millis > longest) now = Math.max(size.least, Math.floor(now / 2))
          return rest(millis)
        })
      })
    )
}

/** Lets the event loop turn if more than `shortest` milliseconds have passed since it last did, or since the breather was made. */
export const breather = (): Effect.Effect<void> => {
  let since: bigint | undefined
  return Effect.clockWith((clock) =>
    Effect.suspend(() => {
      const now = clock.unsafeCurrentTimeNanos()
      since ??= now
      if (Number(now - since) / 1e6 < shortest) return Effect.void
      return Effect.map(Effect.yieldNow(), () => {
        since = clock.unsafeCurrentTimeNanos()
      })
    })
  )
}
