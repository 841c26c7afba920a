/** A stream as an async iterable that pulls only on `next()`: a consumer receives an element only after it has asked for one. */
import { Cause, Chunk, Effect, Exit, Fiber, Option, Runtime, Scope, Stream } from "effect"

type Pull<A, E> = Effect.Effect<Chunk.Chunk<A>, Option.Option<E>>

/** Each iterator runs the stream anew. `next` rejects with the stream's error; leaving the loop, or `return`, ends the stream. */
export const make = <A, E>(stream: Stream.Stream<A, E>, runtime: Runtime.Runtime<never>): AsyncIterable<A> => ({
  [Symbol.asyncIterator]: () => {
    const scope = Effect.runSync(Scope.make())
    const done: IteratorResult<A> = { done: true, value: undefined }
    let pull: Pull<A, E> | undefined
    let ahead: ReadonlyArray<A> = []
    let asking: Fiber.RuntimeFiber<IteratorResult<A>, E> | undefined
    let last: Promise<unknown> = Promise.resolve()
    let closed = false

    const close = Effect.suspend(() => {
      closed = true
      return Scope.close(scope, Exit.void)
    })
    const step: Effect.Effect<IteratorResult<A>, E> = Effect.gen(function* () {
      if (closed) return done
      pull ??= yield* Scope.extend(Stream.toPull(stream), scope)
      while (ahead.length === 0) {
        const more = yield* Effect.either(pull)
        if (more._tag === "Right") ahead = Chunk.toReadonlyArray(more.right)
        else {
          yield* close
          return Option.isNone(more.left) ? done : yield* Effect.fail(more.left.value)
        }
      }
      const [value, ...rest] = ahead as readonly [A, ...Array<A>]
      ahead = rest
      return { done: false, value }
    })
    const ask = async (): Promise<IteratorResult<A>> => {
      asking = Runtime.runFork(runtime)(step)
      const exit = await Effect.runPromise(Fiber.await(asking))
      if (Exit.isSuccess(exit)) return exit.value
      if (closed && Exit.isInterrupted(exit)) return done
      throw Cause.squash(exit.cause)
    }
    return {
      /** Concurrent calls are served one at a time, in call order. */
      next: () => {
        const next = last.then(ask, ask)
        last = next
        return next
      },
      return: async () => {
        closed = true
        const interrupt = asking === undefined ? Effect.void : Fiber.interrupt(asking)
        await Effect.runPromise(Effect.zipRight(interrupt, close))
        return done
      }
    }
  }
})
