/** The cases hold for the product under any interleaving, and each planted mistake is found by its case. */
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { findsEach, plant } from "../MutantRunner.ts"
import { simulate } from "../SeededScheduler.ts"
import * as Cases from "./Cases.ts"
import { mutants } from "./Mutants.ts"

const seeds = [1, 2, 3, 4, 5]

/** The findings of a case. A case that breaks is no finding: it throws. */
const run = ({ cases }: typeof Cases, name: Cases.Name, seed: number): ReadonlyArray<string> => {
  const one: Cases.Case = cases[name]
  const { exit } = simulate(seed, Effect.scoped(one), { preempt: 0 })
  if (typeof exit === "string") return [exit]
  if (exit._tag === "Success") return exit.value
  throw new Error(`seed ${seed}: ${String(exit.cause)}`)
}

describe("the cases of a host", () => {
  for (const name of Object.keys(Cases.cases) as ReadonlyArray<Cases.Name>)
    it(name, () => {
      for (const seed of seeds) expect(run(Cases, name, seed), `seed ${seed}`).toEqual([])
    })
})

describe("the cases find planted mistakes", () => {
  findsEach(mutants, async (mutant) => {
    const planted = await plant<typeof Cases>(mutant, () => import("./Cases.ts"))
    return seeds.flatMap((seed) => run(planted, mutant.by, seed))
  })
})
