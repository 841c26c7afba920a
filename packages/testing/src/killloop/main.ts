/**
 * `pnpm killloop [--rounds N] [--seed S] [--only K]`: servers killed at random times and at named points, at work and in recovery. Prints the command
 * that replays a failing round, after the round before it.
 * `pnpm killloop --held N [--seed S]`: servers killed while a request is open.
 * `pnpm killloop --readers N [--restarts M] [--seed S]`: readers over restarts. Exits with 1 if an invariant was violated.
 */
import { parseArgs } from "node:util"
import { points } from "@millrace/host/FailPoints"
import { Effect, Scheduler, type Scope } from "effect"
import * as Held from "./Held.ts"
import * as Restarts from "./Restarts.ts"
import * as Run from "./Run.ts"

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "25" },
    seed: { type: "string", default: "1" },
    only: { type: "string" },
    readers: { type: "string" },
    held: { type: "string" },
    restarts: { type: "string", default: "20" }
  }
})
const say = (line: string) => void process.stdout.write(`${line}\n`)
const [rounds, seed, only] = [Number(values.rounds), Number(values.seed), Number(values.only)]
const began = performance.now()
const seconds = () => ((performance.now() - began) / 1000).toFixed(1)
const ran = <A>(effect: Effect.Effect<A, never, Scope.Scope>): Promise<A> =>
  Effect.runPromise(effect.pipe(Effect.scoped, Effect.withScheduler(Scheduler.makeBatched((drain) => setImmediate(drain)))))

const killed = async (): Promise<number> => {
  const report = await ran(
    Run.run({ rounds, seed, onRound: say, ...(Number.isNaN(only) ? {} : { only: [Math.max(1, only - 1), only] }) })
  )
  const { commands, events, orphans, reached, starts, unanswered, violations } = report
  for (const violation of violations) {
    say(violation)
    const round = /^round (\d+)/.exec(violation)?.[1]
    if (round !== undefined) say(`  again: pnpm killloop --seed ${seed} --rounds ${rounds} --only ${round}`)
  }
  const sorted = starts.toSorted((a, b) => a - b)
  say(
    `seed ${seed}: ${report.rounds} rounds in ${seconds()} s, ${violations.length} violations, ` +
      `${reached.size} of ${points.length} points. ${events} events, ${commands} commands (${unanswered} unanswered), ` +
      `${orphans} processes outlived their server, start to ready median ${Math.round(sorted[sorted.length >> 1] ?? Number.NaN)} ms.`
  )
  return violations.length
}

const restarted = async (readers: number): Promise<number> => {
  const report = await ran(Restarts.run({ readers, restarts: Number(values.restarts), seed, onLife: say }))
  report.violations.forEach(say)
  say(
    `seed ${seed}: ${readers} readers over ${values.restarts} servers (${report.kills} killed, ${report.stops} stopped, ${report.late} of them at the deadline) in ${seconds()} s, ` +
      `${report.violations.length} violations. ${report.atHead} of ${readers} readers at the head, ${report.head}; ` +
      `${report.asked} connections, ${report.answered} answers.`
  )
  return report.violations.length
}

const held = async (rounds: number): Promise<number> => {
  const { kept, violations } = await ran(Held.run({ rounds, seed, onRound: say }))
  violations.forEach(say)
  say(
    `seed ${seed}: ${rounds} rounds in ${seconds()} s, ${violations.length} violations, ${kept} answers given before the agent asked again.`
  )
  return violations.length
}

const violations = await (values.held !== undefined
  ? held(Number(values.held))
  : values.readers === undefined
    ? killed()
    : restarted(Number(values.readers)))
process.exitCode = violations > 0 ? 1 : 0
