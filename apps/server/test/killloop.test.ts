/** The kill loop with the demo agent: 25 servers, each killed at work or in recovery, at random and at every named point. `pnpm killloop` runs more. */
import { expect, it } from "@effect/vitest"
import { points } from "@millrace/host/FailPoints"
import * as Restarts from "@millrace/testing/killloop/Restarts"
import * as Run from "@millrace/testing/killloop/Run"
import { run } from "@millrace/testing/Program"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import { Effect } from "effect"

const seed = 20261120

it.scopedLive(
  "L1 L2 D2 C1 C2 T2 T5 P1 25 kills: the log is whole, each turn has ended once, every delivered event and accepted command is in the log, no agent survives, no other process dies",
  () =>
    Effect.gen(function* () {
      const report = yield* Run.run({ rounds: 25, seed })
      expect(report.violations.join("\n"), `pnpm killloop --seed ${seed}`).toBe("")
      expect([...report.reached].toSorted()).toEqual([...points].toSorted())
      // The loop must have had work.
      expect(report.events).toBeGreaterThan(500)
      expect(report.commands).toBeGreaterThan(100)
      expect(report.unanswered).toBeGreaterThan(10)
      expect(report.orphans).toBeGreaterThan(0)
    })
  // About 40 seconds on two cores.
)

it.scopedLive(
  "D2 D16 S9 8 readers without a time limit over 3 servers on one port, two of which end when they have answered every reader: each has the whole log, once, in order",
  () =>
    Effect.gen(function* () {
      // The plan: killed at a random time, ended in order when every reader was answered, killed when every reader was answered.
      const report = yield* Restarts.run({ readers: 8, restarts: 3, seed: 11 })
      expect(report.violations.join("\n"), "pnpm killloop --readers 8 --restarts 3 --seed 11").toBe("")
      expect(report.atHead).toBe(8)
      // The run must include both kinds of end, and work.
      expect(report.kills).toBeGreaterThan(0)
      expect(report.stops).toBeGreaterThan(0)
      expect(report.head).toBeGreaterThan(50)
      expect(report.awaited).toBe(2)
      expect(report.answered).toBeGreaterThanOrEqual(8 * report.awaited)
    })
)

it.scopedLive("P1 an unknown failpoint is rejected before the server opens anything", () =>
  Effect.gen(function* () {
    const dataDir = yield* temporaryDirectory
    const env = { MILLRACE_FAILPOINT: "before-lunch" }
    const ended = yield* run(["serve", "--port", "0", "--data", `${dataDir}/x`], { env })
    expect(ended).toMatchObject({ code: 2, stdout: "" })
    expect(ended.stderr).toContain("after-commit-before-answer")
  })
)
