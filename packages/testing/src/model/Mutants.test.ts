/** The same scripts with one planted mistake at a time: the model finds each. */
import { afterEach, describe, expect, it, vi } from "@effect/vitest"
import { mutants } from "./Mutants.ts"
import type * as Search from "./Search.ts"

const seed = 20261120

describe("the model finds planted mistakes", () => {
  afterEach(() => {
    for (const { module } of mutants) vi.doUnmock(module)
    vi.resetModules()
  })

  for (const { change, module, name, promise } of mutants)
    it(`${promise} planted: ${name}`, async () => {
      vi.resetModules()
      vi.doMock(module, async (original: () => Promise<object>) => {
        const right = await original()
        return { ...right, ...(change(right) as object) }
      })
      const planted = (await import("./Search.ts")) as typeof Search
      const { failure } = await planted.search({ runs: 600, seed, shrink: 0 })
      expect(failure?.violations ?? []).not.toEqual([])
    })
})
