/** Deadlines that end when a test decides, so that a test with real processes does not depend on their speed. */
import { Clock, Duration, Effect } from "effect"

/** Runs with the real clock, on which every sleep of this length takes as long as `passed`. */
export const endsWith = (length: Duration.DurationInput, passed: Effect.Effect<unknown>) => {
  const real = Clock.make()
  const clock: Clock.Clock = Object.assign(Object.create(real), {
    sleep: (duration: Duration.Duration) => (Duration.equals(duration, length) ? Effect.asVoid(passed) : real.sleep(duration))
  })
  return Effect.withClock(clock)
}
