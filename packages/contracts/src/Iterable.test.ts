import { getEventListeners } from "node:events"
import { Chunk, Deferred, Effect, Exit, Fiber, Runtime, Scope, Stream } from "effect"
import { describe, expect, it } from "vitest"
import * as Iterable from "./Iterable.ts"

/** An iterable that counts how often it was ended. `last`: the result of its third `next`. */
const source = (last: () => Promise<IteratorResult<number>>, onEnd: () => Promise<IteratorResult<number>>) => {
  let at = 0
  return {
    [Symbol.asyncIterator]: () => ({
      next: () => (at < 2 ? Promise.resolve({ done: false as const, value: ++at }) : last()),
      return: onEnd
    })
  }
}
const done: IteratorResult<number> = { done: true, value: undefined }
const never = () => new Promise<never>(() => {})
const failed = (cause: unknown) => ({ _tag: "failed", cause }) as const

describe("a stream from an async iterable", () => {
  it("D8 ends its iterator at an early end only, and does not wait for an iterator that waits", () =>
    Effect.runPromise(
      Effect.gen(function* () {
        let ends = 0
        const end = () => {
          ends++
          return never()
        }
        const whole = source(() => Promise.resolve(done), end)
        expect(Chunk.toReadonlyArray(yield* Stream.runCollect(Iterable.toStream(whole, failed)))).toEqual([1, 2])
        expect(ends).toBe(0)
        const breaking = source(() => Promise.reject("torn"), end)
        expect(yield* Effect.flip(Stream.runDrain(Iterable.toStream(breaking, failed)))).toEqual(failed("torn"))
        expect(ends).toBe(0)
        yield* Stream.runDrain(Stream.take(Iterable.toStream(source(never, end), failed), 1))
        expect(ends).toBe(1)
        const asked = yield* Deferred.make<void>()
        const waiting = source(() => {
          Deferred.unsafeDone(asked, Effect.void)
          return never()
        }, end)
        const reading = yield* Effect.fork(Stream.runDrain(Iterable.toStream(waiting, failed)))
        yield* Deferred.await(asked)
        yield* Fiber.interrupt(reading)
        expect(ends).toBe(2)
      })
    ))
})

describe("an async iterable from a stream", () => {
  it("D8 an abort between two elements ends the stream; the next call rejects, and later ones are done", async () => {
    let end = () => {}
    const ended = new Promise<void>((resolve) => (end = resolve))
    const stream = Stream.ensuring(Stream.make(1, 2, 3), Effect.sync(end))
    const abort = new AbortController()
    const iterator = Iterable.make(stream, Runtime.defaultRuntime, { signal: abort.signal })[Symbol.asyncIterator]()
    expect(await iterator.next()).toEqual({ done: false, value: 1 })
    abort.abort("enough")
    await ended
    await expect(iterator.next()).rejects.toBe("enough")
    expect(await iterator.next()).toEqual(done)
  })

  it("D8 an abort after the end changes nothing", async () => {
    const abort = new AbortController()
    const iterator = Iterable.make(Stream.make(1), Runtime.defaultRuntime, { signal: abort.signal })[Symbol.asyncIterator]()
    expect(await iterator.next()).toEqual({ done: false, value: 1 })
    expect(await iterator.next()).toEqual(done)
    abort.abort("late")
    expect(await iterator.next()).toEqual(done)
  })

  it("D8 the scope ends its iterators: they throw `closedWith` once, if it is given, and leave no listener", async () => {
    const open = (scope: Scope.Scope, options: Iterable.Options) =>
      Iterable.make(Stream.make(1, 2), Runtime.defaultRuntime, { scope, ...options })[Symbol.asyncIterator]()
    const abort = new AbortController()
    const scope = Effect.runSync(Scope.make())
    const quiet = open(scope, { signal: abort.signal })
    const loud = open(scope, { closedWith: () => "cut" })
    const left = open(scope, { closedWith: () => "cut" })
    const ended = open(scope, { closedWith: () => "cut" })
    for (const iterator of [quiet, loud, left, ended, ended]) await iterator.next()
    expect(await ended.next()).toEqual(done)
    await left.return?.()
    expect(getEventListeners(abort.signal, "abort")).toHaveLength(1)
    await Effect.runPromise(Scope.close(scope, Exit.void))
    for (const iterator of [quiet, left, ended]) expect(await iterator.next()).toEqual(done)
    const late = open(scope, { signal: abort.signal, closedWith: () => "cut" })
    expect(getEventListeners(abort.signal, "abort")).toEqual([])
    for (const iterator of [loud, late]) {
      await expect(iterator.next()).rejects.toBe("cut")
      expect(await iterator.next()).toEqual(done)
    }
  })

  it("D8 after a defect the stream has ended, and later calls are done", async () => {
    let pulls = 0
    let ends = 0
    const abort = new AbortController()
    const defect = new Error("defect")
    const stream = Stream.ensuring(
      Stream.repeatEffect(Effect.suspend(() => (pulls++ === 0 ? Effect.succeed(1) : Effect.die(defect)))),
      Effect.sync(() => ends++)
    )
    const iterator = Iterable.make(stream, Runtime.defaultRuntime, { signal: abort.signal })[Symbol.asyncIterator]()
    expect(await iterator.next()).toEqual({ done: false, value: 1 })
    await expect(iterator.next()).rejects.toBe(defect)
    expect(ends).toBe(1)
    expect(getEventListeners(abort.signal, "abort")).toEqual([])
    expect(await iterator.next()).toEqual(done)
    expect(pulls).toBe(2)
  })
})
