/**
 * A layer of the host whose close has a deadline. Such layers close one at a time, in reverse order of construction. All share one deadline; a layer
 * that is still closing then is named in the log and abandoned (S6).
 */
import { Clock, Context, Duration, Effect, Fiber, Layer, Option, Scope } from "effect"

export class CloseDeadline extends Context.Tag("@millrace/host/CloseDeadline")<
  CloseDeadline,
  {
    /** Sets the deadline, in milliseconds of the host's clock. Later calls have no effect. */
    readonly by: (deadlineAt: number) => void
    /** Milliseconds until the deadline. If `by` was not called, the deadline is the duration that `closing` got, counted from the first query. */
    readonly left: Effect.Effect<number>
    /** Like `left`, but a host that starts to close after the deadline gets one more second, to close the log and release its lock. */
    readonly leftToClose: Effect.Effect<number>
  }
>() {}

const slack = 1000

export const closing = (within: Duration.DurationInput) =>
  Layer.sync(CloseDeadline, () => {
    let at: number | undefined
    let closeAt: number | undefined
    return {
      by: (deadlineAt) => {
        at ??= deadlineAt
      },
      left: Effect.map(Clock.currentTimeMillis, (now) => {
        at ??= now + Duration.toMillis(within)
        return Math.max(0, at - now)
      }),
      leftToClose: Effect.map(Clock.currentTimeMillis, (now) => {
        at ??= now + Duration.toMillis(within)
        closeAt ??= at > now ? at : now + slack
        return Math.max(0, closeAt - now)
      })
    }
  })

/** Builds the layer once for this host, and closes it before the deadline. */
export const make = <A, E, R>(name: string, layer: Layer.Layer<A, E, R>): Layer.Layer<A, E, R | CloseDeadline> =>
  Layer.scopedContext(
    Effect.gen(function* () {
      const { leftToClose } = yield* CloseDeadline
      const scope = yield* Scope.make()
      yield* Effect.addFinalizer((exit) =>
        Effect.gen(function* () {
          // In a daemon fiber, because a finalizer that ignores interruption cannot be stopped, only abandoned.
          const close = yield* Effect.forkDaemon(Scope.close(scope, exit))
          const done = yield* Fiber.await(close).pipe(Effect.interruptible, Effect.timeoutOption(yield* leftToClose))
          if (Option.isNone(done)) yield* Effect.logError(`${name} did not close before the deadline and was abandoned.`)
        })
      )
      return yield* Layer.buildWithScope(layer, scope)
    })
  )
