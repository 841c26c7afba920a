/**
 * A room of the host: a layer whose closing is bounded. Rooms close one after the other, in reverse order of building; one that hangs is named and
 * left behind at the deadline, which all of them share (S6).
 */
import { Clock, Context, Duration, Effect, Fiber, Layer, Option, Scope } from "effect"

export class Closing extends Context.Tag("@millrace/host/Closing")<
  Closing,
  {
    /** Milliseconds of the host's clock. The first one stays. */
    readonly by: (deadlineAt: number) => void
    /** The one deadline: the shutdown's; without one `within` from the first time somebody asks. */
    readonly left: Effect.Effect<number>
    /** As `left`; an owner that closes after the deadline still has a second, in which the log and its lock are let go. */
    readonly leftToClose: Effect.Effect<number>
  }
>() {}

const slack = 1000

export const closing = (within: Duration.DurationInput) =>
  Layer.sync(Closing, () => {
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

/** The layer, built once for this host, closed within what is left of the time. */
export const make = <A, E, R>(name: string, layer: Layer.Layer<A, E, R>): Layer.Layer<A, E, R | Closing> =>
  Layer.scopedContext(
    Effect.gen(function* () {
      const { leftToClose } = yield* Closing
      const scope = yield* Scope.make()
      yield* Effect.addFinalizer((exit) =>
        Effect.gen(function* () {
          // Of its own: a finalizer that ignores interruption cannot be ended, only left.
          const close = yield* Effect.forkDaemon(Scope.close(scope, exit))
          const done = yield* Fiber.await(close).pipe(Effect.interruptible, Effect.timeoutOption(yield* leftToClose))
          if (Option.isNone(done)) yield* Effect.logError(`${name} did not close in time and was left behind.`)
        })
      )
      return yield* Layer.buildWithScope(layer, scope)
    })
  )
