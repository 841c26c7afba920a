/** `kill -9` of the server while a request is open. `pnpm killloop --held 50` runs more rounds. */
import { describe, expect, it } from "@effect/vitest"
import * as Held from "@millrace/testing/killloop/Held"
import { slower } from "@millrace/testing/Slower"
import { Effect } from "effect"

describe("kill -9 while a request is open", () => {
  it.scopedLive(
    "T13 T5 twice: the same request is open after the restart, its answer reaches the agent once, and the command runs once",
    () =>
      Effect.gen(function* () {
        const { kept, violations } = yield* Held.run({ rounds: 2, seed: 5 })
        expect(violations).toEqual([])
        expect(kept).toBeGreaterThan(0)
      }),
    300_000 * slower
  )
})
