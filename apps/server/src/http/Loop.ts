/** How late the event loop comes, over the last minute: what happened at the start or yesterday does not hide what happens now. */
import { type IntervalHistogram, monitorEventLoopDelay } from "node:perf_hooks"
import { Effect, type Scope } from "effect"

/** Node measures the time between two ticks of this many milliseconds; what is beyond them is delay. */
const resolution = 10
/** Two of these are looked at: the one that is over, and the one that runs. */
const window = "30 seconds"

export interface Delay {
  /** Seconds. */
  readonly p50: number
  readonly p99: number
  readonly max: number
}

/** Measures until the scope closes. */
export const make: Effect.Effect<() => Delay, never, Scope.Scope> = Effect.gen(function* () {
  const begin = () => {
    const histogram = monitorEventLoopDelay({ resolution })
    histogram.enable()
    return histogram
  }
  let earlier: IntervalHistogram | undefined
  let current = begin()
  yield* Effect.addFinalizer(() => Effect.sync(() => current.disable()))
  yield* Effect.sleep(window).pipe(
    Effect.zipRight(
      Effect.sync(() => {
        current.disable()
        earlier = current
        current = begin()
      })
    ),
    Effect.forever,
    Effect.forkScoped
  )
  const seconds = (nanos: number) => (Number.isFinite(nanos) ? Math.max(0, nanos / 1e9 - resolution / 1e3) : 0)
  const worse = (look: (histogram: IntervalHistogram) => number) =>
    Math.max(seconds(look(current)), earlier === undefined ? 0 : seconds(look(earlier)))
  return () => ({ p50: worse((of) => of.percentile(50)), p99: worse((of) => of.percentile(99)), max: worse(({ max }) => max) })
})
