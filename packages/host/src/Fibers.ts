/**
 * How the fibers of a server run, inherited by every one: on a scheduler that does not starve timers and sockets as the default one does
 * (docs/decisions/0003), and without Effect's own counters of fibers, which nobody reads and each start and end of one would pay for.
 */
import { Effect, RuntimeFlags, RuntimeFlagsPatch, Scheduler } from "effect"

const scheduler = Scheduler.makeBatched((drain) => setImmediate(drain))
const uncounted = RuntimeFlagsPatch.disable(RuntimeFlags.RuntimeMetrics)

export const arranged = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  effect.pipe(Effect.withScheduler(scheduler), Effect.withRuntimeFlagsPatch(uncounted))
