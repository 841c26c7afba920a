import { expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { run } from "../test/DiskKill.ts"

/** `MILLRACE_TEST_ROUNDS=300` for a long run; docs/testing.md has its figures. */
const rounds = Number(process.env["MILLRACE_TEST_ROUNDS"] ?? 12)
const seed = Number(process.env["MILLRACE_TEST_SEED"] ?? 1)

it.live(
  "L2 L13 L14 L17 L18 SIGKILL while a log is written, packed, pruned, erased, backed up and restored: nothing is lost, doubled or changed, and no file has a deleted word",
  () =>
    Effect.gen(function* () {
      const began = performance.now()
      const isLong = rounds > 50
      const { steps, violations, ...sum } = yield* run({ rounds, seed, ...(isLong ? { onRound: console.info } : {}) })
      console.info(
        `seed ${seed}, ${rounds} rounds in ${((performance.now() - began) / 1000).toFixed(0)} s: ${JSON.stringify(sum)}; died at ${[...steps].toSorted().join(", ")}`
      )
      expect(violations.join("\n"), `seed ${seed}`).toBe("")
      expect(steps.size).toBeGreaterThan(rounds / 16)
      for (const count of [sum.events, sum.kinds.life, sum.kinds.backup + sum.kinds["life and backup"]])
        expect(count).toBeGreaterThan(0)
    })
)
