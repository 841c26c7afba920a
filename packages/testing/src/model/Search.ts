/** Runs many scripts of one seed. Shrinks the first one that violates an invariant. */
import { setImmediate } from "node:timers/promises"
import { FastCheck as fc } from "effect"
import { runModel } from "./Run.ts"
import { Broken, type Figures } from "./RunResult.ts"
import { print, type Script, script } from "./Steps.ts"

export interface Failure {
  readonly script: Script
  readonly violations: ReadonlyArray<string>
  /** The events of the shortest run, one line each. */
  readonly log: ReadonlyArray<string>
}

export interface Result {
  readonly failure: Failure | undefined
  readonly figures: Figures & { readonly runs: number }
}

const brokenBy = (one: Script): Broken | undefined => {
  try {
    runModel(one)
    return undefined
  } catch (error) {
    return error instanceof Broken
      ? error
      : new Broken(0, [error instanceof Error ? (error.stack ?? error.message) : String(error)], [])
  }
}

/** `shrink`: milliseconds for making the script shorter; 0: do not shrink. */
export const search = async ({
  runs,
  seed,
  shrink = 20_000
}: {
  readonly runs: number
  readonly seed: number
  readonly shrink?: number
}): Promise<Result> => {
  const sum = { runs: 0, events: 0, steps: 0, commands: 0, crashes: 0, turns: 0, requests: 0, held: 0, repeated: 0 }
  let deadline: number | undefined
  const found = await fc.check(
    fc.asyncProperty(script, async (one) => {
      // A run is one turn of the event loop; other tasks run between two runs.
      await setImmediate()
      // After the time limit every shorter script counts as passing, so the shortest known script stays.
      if (deadline !== undefined && performance.now() > deadline) return true
      try {
        const figures = runModel(one)
        sum.runs++
        for (const key of Object.keys(figures) as ReadonlyArray<keyof Figures>) sum[key] += figures[key]
        return true
      } catch {
        deadline ??= performance.now() + shrink
        return false
      }
    }),
    { numRuns: runs, seed, ...(shrink === 0 ? { endOnFailure: true } : {}) }
  )
  if (!found.failed || found.counterexample === null) return { failure: undefined, figures: sum }
  const [shortest] = found.counterexample
  const broken = brokenBy(shortest)
  const failure = { script: shortest, violations: broken?.violations ?? ["it did not happen again"], log: broken?.log ?? [] }
  return { failure, figures: sum }
}

/** The violations, and the script as a test. */
export const report = ({ script, violations }: Failure): string =>
  [...violations.map((text) => `// ${text}`), print(script)].join("\n")
