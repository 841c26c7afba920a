/** The model kills a server without finalizers. Fibers and timers that such a server left in the real process would grow with each run and keep `pnpm model` from ending. */
import { expect, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { vi } from "vitest"
import { runModel } from "./Run.ts"

it("the runs of a model leave no fiber and no timer of a killed server", () => {
  const timers = vi.spyOn(globalThis, "setInterval")
  const fibers = () => Array.from(Effect.runSync(Fiber.roots)).length
  const before = fibers()
  for (let seed = 1; seed <= 5; seed++) {
    const { crashes } = runModel({
      seed,
      steps: [
        { do: "create", turn: true },
        { do: "crash", after: 12 },
        { do: "create", turn: true },
        { do: "crash", after: 90 }
      ]
    })
    expect(crashes).toBe(2)
  }
  expect([fibers() - before, timers.mock.calls.length]).toEqual([0, 0])
  timers.mockRestore()
})
