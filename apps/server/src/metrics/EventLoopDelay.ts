/** Event loop delay over the last 30 to 60 seconds, so that old values do not hide new values. */
import { type IntervalHistogram, monitorEventLoopDelay } from "node:perf_hooks"
import { Effect, type Scope } from "effect"

/** Interval in milliseconds of the timer that Node measures; the time beyond it is delay. */
const resolution = 10
/** Length of a window. The result covers the current window and the previous one. */
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
  const worst = (read: (histogram: IntervalHistogram) => number) =>
    Math.max(seconds(read(current)), earlier === undefined ? 0 : seconds(read(earlier)))
  return () => ({ p50: worst((of) => of.percentile(50)), p99: worst((of) => of.percentile(99)), max: worst(({ max }) => max) })
})
