/** `@millrace/contracts/Permits` under every kind of interruption. The test is here because it needs the seeded scheduler. */
import { describe, expect, it } from "@effect/vitest"
import * as Permits from "@millrace/contracts/Permits"
import { Effect, Exit, Fiber, Random } from "effect"
import { seeds, simulate } from "./SeededScheduler.ts"

const users = 6

/** Users wait for one of two permits, and half of them are interrupted at a random time. Then `count` effects need all permits at once. */
const scene = (limit: Permits.Permits, count: number, most: { now: number; seen: number }) =>
  Effect.gen(function* () {
    const use = Effect.gen(function* () {
      most.seen = Math.max(most.seen, ++most.now)
      yield* Effect.yieldNow()
    }).pipe(Effect.ensuring(Effect.sync(() => most.now--)))
    const fibers = yield* Effect.forEach(Array.from({ length: users }), () => Effect.fork(limit(use)))
    yield* Effect.forEach(fibers, (fiber, n) =>
      n % 2 === 0
        ? Effect.void
        : Effect.flatMap(Random.nextIntBetween(0, 8), (times) =>
            Effect.repeatN(Effect.yieldNow(), times).pipe(Effect.zipRight(Fiber.interruptFork(fiber)))
          )
    )
    yield* Effect.forEach(fibers, Fiber.await)
    // Never ends if a permit was lost.
    yield* Effect.forEach(Array.from({ length: count }), () => limit(Effect.yieldNow()), { concurrency: "unbounded" })
  })

describe("Permits", () => {
  it("P6 an interruption at any moment loses no permit; no more effects run at once than there are permits (500 seeds)", async () => {
    for await (const seed of seeds(500)) {
      const most = { now: 0, seen: 0 }
      const run = Effect.gen(function* () {
        const limit = Permits.make(2)
        yield* scene(limit, 2, most)
        // Two effects that wait for each other can run only if both permits are free.
        let inside = 0
        const both = Effect.sync(() => inside++).pipe(
          Effect.zipRight(Effect.yieldNow()),
          Effect.repeat({ until: () => inside >= 2 })
        )
        yield* Effect.all([limit(both), limit(both)], { concurrency: 2 })
      })
      const { exit } = simulate(seed, run, { preempt: 0.05, maxSteps: 100_000 })
      expect([seed, exit !== "deadlock" && exit !== "step-limit" && Exit.isSuccess(exit), most.seen <= 2]).toEqual([
        seed,
        true,
        true
      ])
    }
  })

  it("P6 waiters run in the order of arrival", () => {
    const arrived: Array<number> = []
    const ran: Array<number> = []
    const run = Effect.suspend(() => {
      const limit = Permits.make(1)
      const use = (n: number) =>
        limit(
          Effect.zipRight(
            Effect.yieldNow(),
            Effect.sync(() => ran.push(n))
          )
        )
      const arrive = (n: number) =>
        Effect.zipRight(
          Effect.sync(() => arrived.push(n)),
          use(n)
        )
      return Effect.forEach([1, 2, 3, 4], arrive, { concurrency: "unbounded" })
    })
    expect(simulate(1, run, { preempt: 0 }).exit).toMatchObject({ _tag: "Success" })
    expect(ran).toEqual(arrived)
  })
})
