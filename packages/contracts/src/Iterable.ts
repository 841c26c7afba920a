/** Streams and async iterables, converted in both directions. */
import { Cause, type Chunk, Effect, ExecutionStrategy, Exit, Fiber, Option, Runtime, Scope, Stream } from "effect"

type Pull<A, E> = Effect.Effect<Chunk.Chunk<A>, Option.Option<E>>

export interface Options {
  /** When the scope closes, every iterator of the iterable ends, as after `return`. */
  readonly scope?: Scope.Scope | undefined
  /** After the scope has closed, the first call of `next` throws this, and each later call returns `done`. Without it every call returns `done`. */
  readonly closedWith?: (() => unknown) | undefined
  /** When it aborts, the stream ends, the next call of `next` rejects with the signal's reason, and each later call returns `done`. */
  readonly signal?: AbortSignal | undefined
}

/**
 * A stream as an async iterable. It pulls only on `next()`, so a consumer receives an element only after it has asked for one. Each iterator runs the
 * stream anew. `next` rejects with the stream's error or defect; each later call returns `done`. Leaving the loop, or `return`, ends the stream.
 */
export const make = <A, E>(
  stream: Stream.Stream<A, E>,
  runtime: Runtime.Runtime<never>,
  { closedWith, scope: parent, signal }: Options = {}
): AsyncIterable<A> => ({
  [Symbol.asyncIterator]: () => {
    const fork = (of: Scope.Scope) => Scope.fork(of, ExecutionStrategy.sequential)
    const scope = Effect.runSync(parent === undefined ? Scope.make() : fork(parent))
    // This scope closes after the finalizer below, which interrupts the pull.
    const streamScope = Effect.runSync(fork(scope))
    const done: IteratorResult<A> = { done: true, value: undefined }
    let pull: Pull<A, E> | undefined
    let ahead: Iterator<A> = [][Symbol.iterator]()
    let asking: Fiber.RuntimeFiber<IteratorResult<A>, E> | undefined
    let last: Promise<unknown> = Promise.resolve()
    let closed = false
    let thrown: (() => unknown) | undefined

    /** The first call decides what the next call of `next` throws. */
    const end = (why?: () => unknown) => {
      if (closed) return
      closed = true
      thrown = why
    }
    const close = Scope.close(scope, Exit.void)
    const abort = () => {
      end(() => signal?.reason)
      Effect.runFork(close)
    }
    Effect.runSync(
      Scope.addFinalizer(
        scope,
        Effect.suspend(() => {
          // The iterator calls `end` before it closes its scope. Here the parent scope closes it.
          end(closedWith)
          signal?.removeEventListener("abort", abort)
          return asking === undefined ? Effect.void : Fiber.interrupt(asking)
        })
      )
    )
    if (signal?.aborted === true) abort()
    else if (!closed) signal?.addEventListener("abort", abort)

    const step: Effect.Effect<IteratorResult<A>, E> = Effect.gen(function* () {
      if (closed) return done
      pull ??= yield* Scope.extend(Stream.toPull(stream), streamScope)
      for (;;) {
        const next = ahead.next()
        if (next.done !== true) return next
        const more = yield* Effect.either(pull)
        if (more._tag === "Left") return Option.isNone(more.left) ? done : yield* Effect.fail(more.left.value)
        ahead = more.right[Symbol.iterator]()
      }
    })
    const ended = (): IteratorResult<A> => {
      const why = thrown
      thrown = undefined
      if (why === undefined) return done
      throw why()
    }
    const ask = async (): Promise<IteratorResult<A>> => {
      if (closed) return ended()
      asking = Runtime.runFork(runtime)(step)
      const exit = await Effect.runPromise(Fiber.await(asking))
      if (Exit.isSuccess(exit) && exit.value.done !== true) return exit.value
      if (closed && (Exit.isSuccess(exit) || Exit.isInterrupted(exit))) return ended()
      end()
      const whole = Exit.zipLeft(exit, await Effect.runPromiseExit(close))
      if (Exit.isSuccess(whole)) return done
      throw Cause.squash(whole.cause)
    }
    return {
      /** Concurrent calls are served one at a time, in call order. */
      next: () => {
        const next = last.then(ask, ask)
        last = next
        return next
      },
      return: async () => {
        end()
        await Effect.runPromise(close)
        return done
      }
    }
  }
})

/**
 * The elements of an async iterable. At an early end the stream calls `return` of the iterator and does not wait for it: an iterator that waits for its
 * next element would answer only after that element.
 */
export const toStream = <A, E>(source: AsyncIterable<A>, failed: (cause: unknown) => E): Stream.Stream<A, E> =>
  Stream.unwrapScoped(
    Effect.gen(function* () {
      const iterator = source[Symbol.asyncIterator]()
      let isOver = false
      // `return` of an iterator in plain JavaScript may throw, or return no promise.
      const leave = async () => iterator.return?.()
      yield* Effect.addFinalizer(() => Effect.sync(() => isOver || void leave().catch(() => {})))
      const next = Effect.tryPromise({ try: () => iterator.next(), catch: (cause) => Option.some(failed(cause)) }).pipe(
        Effect.tapError(() => Effect.sync(() => (isOver = true)))
      )
      return Stream.repeatEffectOption(
        Effect.flatMap(next, (result) => {
          if (result.done !== true) return Effect.succeed(result.value)
          isOver = true
          return Effect.fail(Option.none())
        })
      )
    })
  )
