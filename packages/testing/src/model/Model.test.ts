/** The product against the reference, and the same with one mistake planted at a time. `pnpm model` plays more; docs/testing.md tells how to replay. */
import { afterEach, describe, expect, it, vi } from "@effect/vitest"
import { mutants } from "./Mutants.ts"
import * as Search from "./Search.ts"

const seed = 20261120

describe("model", () => {
  it("T1 T2 T3 T4 T6 T7 T9 T11 T12 T13 C1 C2 L1 L11 D2 R1 any script of commands, misbehaving agents, crashes and time: 1,000 runs, checked after every step", () => {
    const { failure, figures } = Search.search({ runs: 1000, seed })
    expect(failure === undefined ? "" : Search.report(failure)).toBe("")
    // Scripts in which nothing happens prove nothing.
    for (const [what, times] of Object.entries(figures)) expect(times, what).toBeGreaterThan(500)
  }, 300_000)
})

describe("the model bites", () => {
  afterEach(() => {
    for (const { module } of mutants) vi.doUnmock(module)
    vi.resetModules()
  })

  for (const { change, module, name, promise } of mutants)
    it(`${promise} planted: ${name}`, { timeout: 120_000 }, async () => {
      vi.resetModules()
      vi.doMock(module, async (original: () => Promise<object>) => {
        const right = await original()
        return { ...right, ...(change(right) as object) }
      })
      const planted = (await import("./Search.ts")) as typeof Search
      const { failure } = planted.search({ runs: 600, seed, shrink: 0 })
      expect(failure?.violations ?? []).not.toEqual([])
    })
})
