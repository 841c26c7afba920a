/**
 * The runtime settings of a server's fibers; child fibers inherit them. The scheduler does not starve timers and sockets, as Effect's default one
 * does (docs/decisions/0003). Effect's fiber metrics are off: they cost time at each start and end of a fiber, and Millrace does not read them.
 */
import { Effect, RuntimeFlags, RuntimeFlagsPatch, Scheduler } from "effect"

const scheduler = Scheduler.makeBatched((drain) => setImmediate(drain))
const uncounted = RuntimeFlagsPatch.disable(RuntimeFlags.RuntimeMetrics)

export const withServerRuntime = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  effect.pipe(Effect.withScheduler(scheduler), Effect.withRuntimeFlagsPatch(uncounted))
