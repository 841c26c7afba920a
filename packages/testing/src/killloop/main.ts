/**
 * `pnpm killloop [--rounds N] [--seed S] [--only K]`: servers killed at random and at named points, at work and in recovery. A failing round
 * is printed with the command that plays it again, after the round before it. Exit 1 when something did not hold.
 */
import { parseArgs } from "node:util"
import { points } from "@millrace/host/Steps"
import { Effect, Scheduler } from "effect"
import * as Run from "./Run.ts"

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "25" },
    seed: { type: "string", default: "1" },
    only: { type: "string" }
  }
})
const say = (line: string) => void process.stdout.write(`${line}\n`)
const [rounds, seed, only] = [Number(values.rounds), Number(values.seed), Number(values.only)]

const began = performance.now()
const report = await Effect.runPromise(
  Run.run({ rounds, seed, onRound: say, ...(Number.isNaN(only) ? {} : { only: [Math.max(1, only - 1), only] }) }).pipe(
    Effect.scoped,
    Effect.withScheduler(Scheduler.makeBatched((drain) => setImmediate(drain)))
  )
)
const { commands, events, orphans, reached, starts, unanswered, violations } = report
for (const violation of violations) {
  say(violation)
  const round = /^round (\d+)/.exec(violation)?.[1]
  if (round !== undefined) say(`  again: pnpm killloop --seed ${seed} --rounds ${rounds} --only ${round}`)
}
const sorted = starts.toSorted((a, b) => a - b)
say(
  `seed ${seed}: ${report.rounds} rounds in ${((performance.now() - began) / 1000).toFixed(1)} s, ${violations.length} violations, ` +
    `${reached.size} of ${points.length} points. ${events} events, ${commands} commands (${unanswered} unanswered), ` +
    `${orphans} processes outlived their server, start to ready median ${Math.round(sorted[sorted.length >> 1] ?? Number.NaN)} ms.`
)
process.exitCode = violations.length > 0 ? 1 : 0
