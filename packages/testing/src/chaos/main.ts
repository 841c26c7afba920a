/**
 * `pnpm chaos [--seeds N] [--from S] [--mutant NAME] [--trace]`: the chaos test with as many seeds as you want. Prints the command that replays
 * a failing seed. Exits with 1 if an invariant was violated.
 */
import { parseArgs } from "node:util"
import { mutants } from "./Mutants.ts"
import * as Run from "./Run.ts"
import * as World from "./World.ts"

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "1000" },
    from: { type: "string", default: "1" },
    mutant: { type: "string" },
    trace: { type: "boolean", default: false }
  }
})

const say = (line: string) => process.stdout.write(`${line}\n`)

const subject = values.mutant === undefined ? World.real : mutants.find(({ name }) => name === values.mutant)
if (subject === undefined) {
  say(`There is no mutant ${values.mutant}. The mutants are: ${mutants.map(({ name }) => name).join(", ")}.`)
  process.exit(2)
}

const trace = ({ outcome }: Run.Result) => {
  if (outcome === undefined) return
  for (const row of outcome.log) say(`  log ${row.json}`)
  for (const history of outcome.histories) {
    say(`  ${history.reader}, from ${history.start}`)
    for (const [n, attach] of history.attaches.entries())
      say(
        `    ${n + 1} after ${attach.after}: ${attach.seen
          .map((seen) => {
            switch (seen._tag) {
              case "event":
                return seen.offset
              case "page":
                return `since ${seen.since} → ${seen.upTo} (${seen.jsons.length})`
              case "bye":
                return `bye ${seen.resumeAfter}`
              case "end":
                return "end"
              case "lagged":
                return `lagged ${seen.from}..${seen.to} (${seen.skipped})`
              default:
                return `${seen._tag} ${seen.head}`
            }
          })
          .join(", ")}`
      )
  }
}

const started = performance.now()
const results: Array<Run.Result> = []
let failed = 0
const count = Number(values.seeds)
for (const seed of Run.seeds(Number(values.from), count)) {
  const result = Run.run(subject, seed)
  results.push(result)
  if (result.violations.length > 0) {
    failed++
    say(`seed ${seed}: ${result.violations.length} violations`)
    for (const violation of result.violations.slice(0, 10)) say(`  ${violation}`)
    say(`  again: pnpm chaos --from ${seed} --seeds 1 --trace${values.mutant === undefined ? "" : ` --mutant ${values.mutant}`}`)
  }
  if (values.trace) trace(result)
  if (results.length % 500 === 0) say(`${results.length} of ${count} seeds, ${failed} failed`)
}
const seconds = (performance.now() - started) / 1000
const sum = Object.entries(Run.total(results))
  .map(([key, value]) => `${value} ${key}`)
  .join(", ")
say(`${subject.name}: ${results.length} seeds in ${seconds.toFixed(1)} s, ${failed} failed. In them: ${sum}.`)
process.exitCode = failed > 0 ? 1 : 0
