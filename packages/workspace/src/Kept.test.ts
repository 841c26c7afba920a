import { expect, it } from "@effect/vitest"
import { Effect, Fiber, TestClock } from "effect"
import * as Kept from "./Kept.ts"

/** Values 1, 2, 3, ... of each directory in the order of the reads, each after a second. */
const counting = (options: Kept.Options<number>) =>
  Effect.gen(function* () {
    let reads = 0
    const read = () =>
      Effect.delay(
        Effect.sync(() => ++reads),
        "1 second"
      )
    const get = yield* Kept.make<number, never>(read, options)
    /** The value, and the reads until then. */
    const after = (root: string, seconds: number, changedAt?: number) =>
      Effect.gen(function* () {
        const fiber = yield* Effect.fork(get(root, changedAt))
        yield* Effect.yieldNow()
        yield* TestClock.adjust(`${seconds} seconds`)
        return yield* Fiber.join(fiber)
      })
    return { after, get, reads: () => reads }
  })

it.scoped("W5 one read serves all who want it now; an old value is returned while it is read again", () =>
  Effect.gen(function* () {
    const { after, get, reads } = yield* counting({ most: 2, fresh: "2 seconds", old: "serve" })
    const both = yield* Effect.fork(Effect.all([get("/a"), get("/a")], { concurrency: 2 }))
    yield* Effect.yieldNow()
    yield* TestClock.adjust("1 second")
    expect(yield* Fiber.join(both)).toEqual([1, 1])
    expect(yield* get("/a")).toBe(1)
    yield* TestClock.adjust("3 seconds")
    expect(yield* after("/a", 1)).toBe(1)
    expect([yield* get("/a"), reads()]).toEqual([2, 2])
    // It began to be read at 4 seconds: a change since then is waited for.
    expect(yield* after("/a", 1, 4000)).toBe(3)
    expect(yield* get("/a", 3000)).toBe(3)
  })
)

it.scoped("W5 with `wait` an old value is not returned; the least recently used directory is dropped", () =>
  Effect.gen(function* () {
    const { after, get } = yield* counting({ most: 2, fresh: "2 seconds", old: "wait" })
    expect(yield* after("/a", 1)).toBe(1)
    yield* TestClock.adjust("3 seconds")
    expect(yield* after("/a", 1)).toBe(2)
    expect(yield* after("/b", 1)).toBe(3)
    expect(yield* get("/a")).toBe(2)
    expect(yield* after("/c", 1)).toBe(4)
    expect(yield* after("/b", 1)).toBe(5)
  })
)

it.scoped("W5 beyond the size of all values the oldest is dropped, and the newest stays", () =>
  Effect.gen(function* () {
    const { after } = yield* counting({ most: 9, fresh: "1 hour", old: "wait", sizeOf: () => 3, maxSize: 5 })
    expect(yield* after("/a", 1)).toBe(1)
    expect(yield* after("/b", 1)).toBe(2)
    expect(yield* after("/b", 0)).toBe(2)
    expect(yield* after("/a", 1)).toBe(3)
  })
)
