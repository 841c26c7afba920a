import { expect, it } from "@effect/vitest"
import { Effect, FastCheck as fc, Fiber } from "effect"
import { KeyedWaiters, Waiters } from "./Waiters.ts"
import { Watermark } from "./Watermark.ts"

const settle = Effect.yieldNow().pipe(Effect.repeatN(5))

it.effect("D1 waits end exactly when the watermark is beyond their number, whatever the order of waits and advances", () =>
  Effect.promise(() =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ how: fc.constantFrom("wait", "advance"), to: fc.integer({ min: 0, max: 9 }) }), { maxLength: 30 }),
        (steps) =>
          Effect.runPromise(
            Effect.gen(function* () {
              const mark = new Watermark(0)
              const waits: Array<{ readonly seen: number; readonly fiber: Fiber.RuntimeFiber<void> }> = []
              let highest = 0
              for (const { how, to } of steps) {
                if (how === "advance") mark.advance(to)
                else waits.push({ seen: to, fiber: yield* Effect.fork(mark.awaitBeyond(to)) })
                if (how === "advance") highest = Math.max(highest, to)
                yield* settle
                expect(mark.value).toBe(highest)
                for (const { fiber, seen } of waits) expect((yield* Fiber.poll(fiber))._tag === "Some").toBe(highest > seen)
              }
              yield* Fiber.interruptAll(waits.map(({ fiber }) => fiber))
            })
          )
      ),
      { numRuns: 50 }
    )
  )
)

it.effect("D1 a lost wake-up delays a wait until the next one; a doubled one does no harm", () =>
  Effect.gen(function* () {
    const wakes: Array<() => void> = []
    const mark = new Watermark(0, (wake) => wakes.push(wake))
    const fiber = yield* Effect.fork(mark.awaitBeyond(1))
    yield* settle
    mark.advance(1)
    mark.advance(1)
    expect(wakes).toHaveLength(1)
    for (const wake of [...wakes, ...wakes]) wake()
    yield* settle
    mark.advance(2)
    yield* settle
    expect((yield* Fiber.poll(fiber))._tag).toBe("None")
    wakes.at(-1)?.()
    yield* Fiber.join(fiber)
  })
)

it.effect("C3 waiters are woken in the order of arrival, and an interrupted one is removed", () =>
  Effect.gen(function* () {
    const waiters = new Waiters<number>()
    const woken: Array<number> = []
    const fibers = yield* Effect.forEach([1, 2, 3, 4, 5], (n) =>
      Effect.fork(
        Effect.map(
          waiters.wait(n, () => false),
          () => void woken.push(n)
        )
      )
    )
    yield* settle
    yield* Fiber.interrupt(fibers[1]!)
    expect(waiters.size).toBe(4)
    waiters.wakeWhile((n) => n < 4)
    yield* settle
    expect([woken, waiters.size]).toEqual([[1, 3], 2])
    waiters.wake((n) => n === 5)
    yield* settle
    expect(woken).toEqual([1, 3, 5])
    waiters.wake()
    yield* settle
    expect([woken, waiters.size]).toEqual([[1, 3, 5, 4], 0])
    yield* waiters.wait(6, () => true)
  })
)

it.effect("D1 a key wakes its own waiters only, and every wake-up after the registration counts", () =>
  Effect.gen(function* () {
    const waiters = new KeyedWaiters<string, number>()
    const woken: Array<string> = []
    const wait = (key: string, value: number) =>
      Effect.fork(
        Effect.map(
          waiters.wait(key, value, () => false),
          () => void woken.push(`${key}${value}`)
        )
      )
    const first = yield* wait("a", 1)
    yield* wait("a", 2)
    yield* wait("b", 3)
    yield* settle
    expect([waiters.size, waiters.hasOnly("a"), waiters.hasOnly("b")]).toEqual([3, false, false])
    yield* Fiber.interrupt(first)
    waiters.wake("c")
    waiters.wake("a")
    yield* wait("a", 4)
    yield* settle
    expect([woken, waiters.size]).toEqual([["a2"], 2])
    waiters.wakeAll((value) => value < 4)
    yield* settle
    expect([woken, waiters.hasOnly("a")]).toEqual([["a2", "b3"], true])
    waiters.wakeAll()
    yield* settle
    expect([woken, waiters.size, waiters.hasOnly("b")]).toEqual([["a2", "b3", "a4"], 0, true])
  })
)
