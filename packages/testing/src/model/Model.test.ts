/** The product compared with the reference. `pnpm model` runs more scripts; docs/testing.md describes how to replay one. */
import { describe, expect, it } from "@effect/vitest"
import { slower } from "../Slower.ts"
import * as Search from "./Search.ts"

describe("model", () => {
  it(
    "T1 T2 T3 T4 T5 T6 T7 T8 T9 T11 T12 T13 C1 C2 L1 L11 D2 R1 any script of commands, misbehaving agents, crashes and time: 500 runs, checked after every step",
    async () => {
      const { failure, figures } = await Search.search({ runs: 500, seed: 1 })
      expect(failure === undefined ? "" : Search.report(failure)).toBe("")
      // Each kind of event must occur often.
      for (const [what, times] of Object.entries(figures)) expect(times, what).toBeGreaterThan(250)
    },
    900_000 * slower
  )
})
