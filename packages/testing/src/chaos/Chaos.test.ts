/** The product under 200 seeded schedules of faults, and the same schedules with one planted mistake at a time. `pnpm chaos` runs more seeds. */
import { setImmediate } from "node:timers/promises"
import { describe, expect, it } from "@effect/vitest"
import { findsEach } from "../MutantRunner.ts"
import { mutants } from "./Mutants.ts"
import * as Run from "./Run.ts"
import * as World from "./World.ts"

const seeds = Run.seeds(1, 200)
const again = (seed: number, mutant = "") => `pnpm chaos --from ${seed} --seeds 1 --trace${mutant}`

describe("chaos", () => {
  it("D1 D2 D4 D5 D6 D7 D13 L2 cuts at any byte, crashes, restarts, drains, lost and doubled wake-ups, slow readers: every reader gets each event that its filter selects, once and in order, or the exact range that was skipped, 200 seeds", async () => {
    const results: Array<Run.Result> = []
    for (const seed of seeds) {
      const result = Run.run(World.real, seed)
      expect(result.violations, again(seed)).toEqual([])
      results.push(result)
      // Lets the test runner's timers run.
      await setImmediate()
    }
    // Each kind of fault must occur often.
    for (const [what, times] of Object.entries(Run.total(results))) expect(times, what).toBeGreaterThan(20)
  })

  it("D2 a seed is one run: the same interleaving and the same histories each time", () => {
    for (const seed of [7, 99]) {
      const [one, two] = [Run.run(World.real, seed), Run.run(World.real, seed)]
      expect(two.hash).toBe(one.hash)
      expect(two.outcome?.histories).toEqual(one.outcome?.histories)
    }
  })

  findsEach(mutants, (mutant) => Run.firstCaught(mutant, seeds)?.violations ?? [])
})
