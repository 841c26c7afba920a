/** Lookups of paths on a file system that does not answer. */
import { assert, it } from "@effect/vitest"
import { Effect, Fiber, TestClock } from "effect"
import * as FileLookups from "./FileLookups.ts"

it.effect("X11 lookups that hang end at their deadline, hold at most two threads, and others run when they answer", () =>
  Effect.gen(function* () {
    const lookUp = FileLookups.make()
    const answers: Array<() => void> = []
    let ran = 0
    const hanging = () =>
      new Promise<string>((resolve) => {
        ran += 1
        answers.push(() => resolve("late"))
      })
    assert.strictEqual(yield* lookUp(() => Promise.resolve("at once")), "at once")
    const fibers = yield* Effect.forEach([1, 2, 3], () => Effect.fork(Effect.flip(lookUp(hanging))))
    yield* TestClock.adjust("5 seconds")
    for (const fiber of fibers) assert.strictEqual((yield* Fiber.join(fiber))._tag, "LookupTimedOut")
    assert.strictEqual(ran, 2)
    for (const answer of answers) answer()
    assert.strictEqual(yield* lookUp(() => Promise.resolve("again")), "again")
    assert.strictEqual(ran, 2)
  })
)
