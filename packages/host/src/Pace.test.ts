import { describe, expect, it } from "@effect/vitest"
import * as EventLogMemory from "@millrace/log/EventLogMemory"
import { Effect, Fiber, TestClock } from "effect"
import * as Pace from "./Pace.ts"

const start = Effect.gen(function* () {
  const log = yield* EventLogMemory.make()
  const append = log.append([{ events: [{ stream: "thread/thr_a", type: "a", at: "", epoch: 0, data: {} }], rows: [] }])
  /** Whether the slice after an append begins within these milliseconds. */
  const beginsWithin = (between: Effect.Effect<void>, millis: number) =>
    Effect.gen(function* () {
      yield* between
      yield* append
      const slice = yield* Effect.fork(between)
      yield* TestClock.adjust(millis)
      const done = (yield* Fiber.poll(slice))._tag === "Some"
      yield* Fiber.interrupt(slice)
      return done
    })
  return { append, beginsWithin, log }
})

describe("Pace", () => {
  it.effect("without an append since the last slice, the next one begins at once", () =>
    Effect.gen(function* () {
      const { append, log } = yield* start
      yield* Pace.background(log)((between) =>
        Effect.gen(function* () {
          yield* between
          yield* append
          const waiting = yield* Effect.fork(between)
          yield* TestClock.adjust(0)
          expect((yield* Fiber.poll(waiting))._tag).toBe("None")
          yield* Fiber.interrupt(waiting)
          yield* between
        })
      )
    })
  )

  it.effect("after an append it waits, at first for 250 ms; the longer the run lasts, the shorter, then not at all", () =>
    Effect.gen(function* () {
      const { beginsWithin, log } = yield* start
      yield* Pace.background(log)((between) =>
        Effect.gen(function* () {
          expect(yield* beginsWithin(between, 249)).toBe(false)
          expect(yield* beginsWithin(between, 251)).toBe(true)
          yield* TestClock.adjust("40 seconds")
          expect(yield* beginsWithin(between, 0)).toBe(false)
          yield* TestClock.adjust("5 seconds")
          expect(yield* beginsWithin(between, 0)).toBe(true)
        })
      )
      expect([0, 5_000, 20_000, 40_000, 60_000].map(Pace.waitAfter)).toEqual([250, 125, 16, 1, 0])
    })
  )

  it.effect("the next run begins at the pace of the last one, less half of the pause", () =>
    Effect.gen(function* () {
      const { beginsWithin, log } = yield* start
      const paced = Pace.background(log)
      yield* paced(() => TestClock.adjust("10 minutes"))
      // 60 seconds, less 15.
      yield* TestClock.adjust("30 seconds")
      yield* paced((between) => Effect.map(beginsWithin(between, 0), (begins) => expect(begins).toBe(true)))
      yield* TestClock.adjust("90 seconds")
      yield* paced((between) => Effect.map(beginsWithin(between, 249), (begins) => expect(begins).toBe(false)))
    })
  )

  it.effect("work on request waits for 1 ms", () =>
    Effect.gen(function* () {
      const { beginsWithin, log } = yield* start
      const between = Pace.requested(log)
      expect(yield* beginsWithin(between, 0)).toBe(false)
      expect(yield* beginsWithin(between, 1)).toBe(true)
    })
  )
})
