/**
 * `pnpm model [--runs N] [--seed S] [--verbose]`: plays random scripts. Shrinks a failing script and prints it as a test, with the
 * command that finds it again. Exits with 1 if an invariant was violated.
 */
import { parseArgs } from "node:util"
import * as Search from "./Search.ts"

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "1000" },
    seed: { type: "string", default: "20261120" },
    verbose: { type: "boolean", default: false }
  }
})

const say = (line: string) => process.stdout.write(`${line}\n`)
const started = performance.now()
const { failure, figures } = await Search.search({ runs: Number(values.runs), seed: Number(values.seed) })
const seconds = (performance.now() - started) / 1000
if (failure !== undefined) {
  say(Search.report(failure))
  if (values.verbose) for (const line of failure.log) say(`  ${line}`)
  say(`again: pnpm model --runs ${values.runs} --seed ${values.seed}`)
  process.exitCode = 1
}
say(
  `${seconds.toFixed(1)} s. In them: ${Object.entries(figures)
    .map(([what, times]) => `${times} ${what}`)
    .join(", ")}.`
)
