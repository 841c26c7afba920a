import { describe, expect, it } from "@effect/vitest"
import { seeds, simulate } from "@millrace/testing/SeededScheduler"
import { Effect, Fiber, Random, Stream } from "effect"
import * as EventLogMemory from "./EventLogMemory.ts"
import { bytesOf, envelope, event, events, type Log, range, wire } from "./suite/subject.ts"

/** Runs the program once per seed; a failing seed is named. */
const underSeeds = async (program: Effect.Effect<void, unknown>) => {
  for await (const seed of seeds(200)) {
    const { exit } = simulate(seed, program)
    if (exit === "deadlock" || exit === "step-limit") throw new Error(`seed ${seed}: ${exit}`)
    if (exit._tag === "Failure") throw new Error(`seed ${seed}: ${String(exit.cause)}`)
  }
}

const followTo = (log: Log, upTo: number, after = 0, stream?: string) =>
  log.follow({ after, ...(stream === undefined ? {} : { stream }) }).pipe(
    Stream.takeUntil((page) => page.upTo >= upTo),
    Stream.runCollect
  )

/** Yields a number of times that the seed chooses. */
const pause = Effect.flatMap(Random.nextIntBetween(0, 4), (n) => Effect.repeatN(Effect.yieldNow(), n))

describe("EventLogMemory under a seeded scheduler", () => {
  it("L1 8 writers and followers that attach at any time see one list, 200 seeds", async () => {
    await underSeeds(
      Effect.gen(function* () {
        const log = yield* EventLogMemory.make({ ringBytes: 3_000, pageBytes: 700 })
        const total = 8 * 6
        const readers = yield* Effect.forEach(range(1, 4), () =>
          Effect.zipRight(pause, Effect.fork(Effect.zipRight(pause, followTo(log, total))))
        )
        const one = yield* Effect.fork(
          Effect.zipRight(pause, followTo(log, total, 0, "thread/thr_1").pipe(Effect.timeoutOption("1 minute")))
        )
        yield* Effect.forEach(
          range(1, 8),
          (writer) =>
            Effect.forEach(range(1, 3), (n) =>
              Effect.zipRight(
                pause,
                log.append([
                  envelope([event(`thread/thr_${n % 2}`, { writer, n }), event(`thread/thr_${writer % 3}`, { writer, n })])
                ])
              )
            ),
          { concurrency: "unbounded", discard: true }
        )
        const all = bytesOf([yield* log.read({ after: 0 })])
        expect(all).toHaveLength(total)
        for (const reader of readers) expect(bytesOf(yield* Fiber.join(reader))).toEqual(all)
        expect(wire([yield* log.read({ after: 0 })]).map(({ offset }) => offset)).toEqual(range(1, total))
        // The filtered follower ends only if the last event is of its stream; then it has the subsequence.
        const filtered = yield* Fiber.join(one)
        if (filtered._tag === "Some")
          expect(bytesOf(filtered.value)).toEqual(all.filter((json) => json.includes('"thread/thr_1"')))
      })
    )
  })

  it("L3 writers interrupted at any point: a follower receives exactly the events of the log, 200 seeds", async () => {
    await underSeeds(
      Effect.gen(function* () {
        const log = yield* EventLogMemory.make()
        const seen: Array<string> = []
        const follower = yield* Effect.fork(
          log.follow({ after: 0 }).pipe(Stream.runForEach((page) => Effect.sync(() => seen.push(...bytesOf([page])))))
        )
        const writers = yield* Effect.forEach(range(1, 12), (writer) =>
          Effect.fork(Effect.zipRight(pause, log.append(events(`thread/thr_${writer % 3}`, 3, { writer }))))
        )
        yield* Effect.forEach(writers, (writer) => Effect.zipRight(pause, Fiber.interrupt(writer)), { discard: true })
        // All fibers settle: none is ready when the virtual clock moves.
        yield* Effect.sleep("1 second")
        const page = yield* log.read({ after: 0 })
        expect(seen).toEqual(bytesOf([page]))
        expect(page.head % 3).toBe(0)
        yield* Fiber.interrupt(follower)
      })
    )
  })

  it("D1 wake-ups lost, doubled and delayed at random change nothing, 200 seeds", async () => {
    await underSeeds(
      Effect.gen(function* () {
        const plan = yield* Effect.replicateEffect(Random.nextIntBetween(0, 4), 30)
        const late: Array<() => void> = []
        let faithful = false
        const log = yield* EventLogMemory.make({
          onWake: (wake) => {
            if (faithful) return wake()
            const dice = plan.pop() ?? 2
            if (dice === 0) return
            if (dice === 1) return void late.push(wake)
            wake()
            if (dice === 3) wake()
          }
        })
        const readers = yield* Effect.forEach(range(1, 3), () => Effect.fork(followTo(log, 31)))
        for (const n of range(1, 30)) {
          yield* log.append(events("thread/thr_a", 1, { n }))
          yield* pause
          if (n % 7 === 0) for (const wake of late.splice(0)) wake()
        }
        faithful = true
        yield* log.append(events("thread/thr_a", 1))
        const all = bytesOf([yield* log.read({ after: 0 })])
        for (const reader of readers) expect(bytesOf(yield* Fiber.join(reader))).toEqual(all)
      })
    )
  })
})
