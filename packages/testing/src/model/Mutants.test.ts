/** Runs the same scripts with one planted mistake at a time. The model must find each. */
import { describe } from "@effect/vitest"
import { findsEach, plant } from "../MutantRunner.ts"
import { mutants } from "./Mutants.ts"
import type * as Search from "./Search.ts"

describe("the model finds planted mistakes", () => {
  findsEach(mutants, async (mutant) => {
    const planted = await plant<typeof Search>(mutant, () => import("./Search.ts"))
    const { failure } = await planted.search({ runs: 600, seed: 20261120, shrink: 0 })
    return failure?.violations ?? []
  })
})
