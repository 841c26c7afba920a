/** The kill loop with the real Codex binary and a scripted model: a few servers killed while their agents work, ask and hang. Run by `pnpm test:real`. */
import { expect, it } from "@effect/vitest"
import { codexBin, makeCodexHome } from "@millrace/testing/CodexHome"
import * as Run from "@millrace/testing/killloop/Run"
import * as ModelEndpoint from "@millrace/testing/ModelEndpoint"
import { Effect } from "effect"
import build from "./bundle.ts"

build()

const seed = 4

it.scopedLive(
  "L2 D2 C2 T2 T5 P1 four kills with Codex at work: the log is whole, each turn has ended once, no Codex process survives",
  () =>
    Effect.gen(function* () {
      const home = yield* makeCodexHome(yield* ModelEndpoint.make)
      const report = yield* Run.run({
        rounds: 4,
        seed,
        random: 3,
        cwd: home.workspace,
        env: { MILLRACE_CODEX_BIN: yield* codexBin, CODEX_HOME: home.codexHome, HOME: home.home },
        work: [300, 2000],
        agent: {
          provider: "codex",
          prompts: {
            deltas: "[[think why not]] [[deltas 100 10]]",
            command: "[[escalate echo begun; sleep 1; echo done]] [[say done]]",
            hang: "[[say begun]] [[hang]]"
          },
          endless: ["hang"]
        }
      })
      expect(report.violations, `seed ${seed}`).toEqual([])
      expect(report.events).toBeGreaterThan(50)
    }),
  180_000
)
