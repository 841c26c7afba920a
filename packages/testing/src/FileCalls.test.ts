import { expect, it } from "@effect/vitest"
import { Effect, Fiber, TestClock } from "effect"
import * as FileCalls from "@millrace/contracts/FileCalls"

/** A call that returns when the test says so. */
const hanging = () => {
  let end: (value: string) => void = () => {}
  const promise = new Promise<string>((resolve) => (end = resolve))
  return { call: () => promise, end: () => end("at last"), promise }
}

it.effect(
  "W5 X11 a directory that hangs is refused after its deadline until its call returns, and others are read meanwhile",
  () =>
    Effect.gen(function* () {
      const { run } = FileCalls.make("5 seconds")
      const stuck = hanging()
      let never = 0
      const first = yield* Effect.fork(Effect.flip(run("/dead", stuck.call)))
      const second = yield* Effect.fork(Effect.flip(run("/dead", async () => void never++)))
      yield* Effect.yieldNow()
      expect(yield* run("/alive", async () => "here")).toBe("here")
      yield* TestClock.adjust("5 seconds")
      expect((yield* Fiber.join(first)).message).toBe("The file system did not answer within 5s; check its mounts.")
      expect((yield* Fiber.join(second)).reason).toBe("late")
      // At once, without another call.
      expect((yield* Effect.flip(run("/dead", async () => "no"))).message).toMatch(/^The directory does not answer/)
      expect(yield* run("/alive", async () => "here")).toBe("here")
      stuck.end()
      // The call that waited behind it has no caller any more, so this one is next.
      yield* Effect.promise(() => stuck.promise)
      for (let turn = 0; turn < 20; turn++) yield* Effect.yieldNow()
      expect(yield* run("/dead", async () => "again")).toBe("again")
      expect(never).toBe(0)
    })
)

it.effect("W5 X11 two directories that hang take the two places: a third waits for one of them", () =>
  Effect.gen(function* () {
    const { run } = FileCalls.make("5 seconds")
    const [one, two] = [hanging(), hanging()]
    yield* Effect.fork(Effect.ignore(run("/one", one.call)))
    yield* Effect.fork(Effect.ignore(run("/two", two.call)))
    yield* Effect.yieldNow()
    const third = yield* Effect.fork(run("/three", async () => "three"))
    yield* TestClock.adjust("4 seconds")
    one.end()
    expect(yield* Fiber.join(third)).toBe("three")
    two.end()
  })
)

it.effect("W5 a call that rejects is an error with its reason", () =>
  Effect.gen(function* () {
    const { run } = FileCalls.make()
    const error = yield* Effect.flip(run("/a", () => Promise.reject(new Error("EIO: i/o error"))))
    expect(error).toMatchObject({ reason: "failed", message: "The file system failed: Error: EIO: i/o error" })
    expect(yield* run("/a", async () => 1)).toBe(1)
  })
)
