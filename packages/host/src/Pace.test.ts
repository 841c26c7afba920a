import { describe, expect, it } from "@effect/vitest"
import * as EventLogMemory from "@millrace/log/EventLogMemory"
import { Effect, Fiber, TestClock } from "effect"
import * as Pace from "./Pace.ts"

const start = (pace: typeof Pace.background) =>
  Effect.gen(function* () {
    const log = yield* EventLogMemory.make()
    const between = yield* pace(log)
    yield* between
    const append = log.append([{ events: [{ stream: "thread/thr_a", type: "a", at: "", epoch: 0, data: {} }], rows: [] }])
    /** Whether the next slice begins within these milliseconds. */
    const beginsWithin = (millis: number) =>
      Effect.gen(function* () {
        const slice = yield* Effect.fork(between)
        yield* TestClock.adjust(millis)
        const done = (yield* Fiber.poll(slice))._tag === "Some"
        yield* Fiber.interrupt(slice)
        return done
      })
    return { append, beginsWithin }
  })

describe("Pace", () => {
  it.effect("without an append since the last slice, the next one begins at once", () =>
    Effect.gen(function* () {
      const { append, beginsWithin } = yield* start(Pace.background)
      expect(yield* beginsWithin(0)).toBe(true)
      yield* append
      expect(yield* beginsWithin(0)).toBe(false)
      expect(yield* beginsWithin(0)).toBe(true)
    })
  )

  it.effect("after an append it waits, at first for 250 ms; the longer the run lasts, the shorter", () =>
    Effect.gen(function* () {
      const { append, beginsWithin } = yield* start(Pace.background)
      yield* append
      expect(yield* beginsWithin(249)).toBe(false)
      yield* append
      expect(yield* beginsWithin(251)).toBe(true)
      yield* TestClock.adjust("40 seconds")
      yield* append
      expect(yield* beginsWithin(1)).toBe(true)
      expect([0, 5_000, 20_000, 60_000].map(Pace.waitAfter)).toEqual([250, 125, 16, 1])
    })
  )

  it.effect("work on request waits for 1 ms", () =>
    Effect.gen(function* () {
      const { append, beginsWithin } = yield* start((log) => Effect.succeed(Pace.requested(log)))
      yield* append
      expect(yield* beginsWithin(1)).toBe(true)
    })
  )
})
