import { expect, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { Lane } from "./Lane.ts"

const settle = Effect.yieldNow().pipe(Effect.repeatN(5))

it.effect("C3 a lane refuses an entry that does not fit, and waiting producers are served in order", () =>
  Effect.gen(function* () {
    let woken = 0
    const lane = new Lane<number>({ count: 3, weight: 100 }, () => woken++)
    expect([lane.tryOffer(1, 10), lane.tryOffer(2, 80), lane.tryOffer(3, 30)]).toEqual([true, true, false])
    const fibers = yield* Effect.forEach([3, 4, 5], (n) => Effect.fork(lane.offer(n, 30)))
    yield* settle
    expect([lane.size, woken]).toEqual([2, 2])
    yield* Fiber.interrupt(fibers[1]!)
    expect(lane.take(10, 50)).toEqual([1])
    expect(lane.size).toBe(1)
    expect(lane.take(10, 50)).toEqual([2])
    yield* Effect.all([Fiber.join(fibers[0]!), Fiber.join(fibers[2]!)])
    lane.putBack([1, 2], () => 10)
    expect(lane.take(10, 1000)).toEqual([1, 2, 3, 5])
    expect(lane.isEmpty).toBe(true)
  })
)

it.effect("C3 an entry heavier than the lane is taken alone", () =>
  Effect.gen(function* () {
    const lane = new Lane<string>({ count: 3, weight: 10 }, () => {})
    expect(lane.tryOffer("heavy", 1000)).toBe(true)
    expect(lane.tryOffer("light", 1)).toBe(false)
    const waiting = yield* Effect.fork(lane.offer("light", 1))
    yield* settle
    expect(lane.take(5, 5)).toEqual(["heavy"])
    yield* Fiber.join(waiting)
    expect(lane.take(5, 5)).toEqual(["light"])
  })
)
