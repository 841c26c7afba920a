/** Runs a subject under seeds. One seed is one reproducible run. */
import { Cause } from "effect"
import { simulate } from "../SeededScheduler.ts"
import type * as Faults from "./Faults.ts"
import * as Scenario from "./Scenario.ts"
import type * as World from "./World.ts"

export interface Result {
  readonly seed: number
  /** Empty if all invariants held. */
  readonly violations: ReadonlyArray<string>
  /** Hash of the interleaving: two runs of one seed have the same. */
  readonly hash: string
  readonly steps: number
  readonly outcome: Scenario.Outcome | undefined
}

/** Chance of a preemption before each operation. At 0.1 a run takes three times the steps; 0.04 already makes readers and writers interleave. */
const preempt = 0.04

export const run = (subject: World.Subject, seed: number): Result => {
  const { exit, hash, trace } = simulate(seed, Scenario.run(subject), { preempt })
  const base = { seed, hash, steps: trace.length }
  if (exit === "deadlock" || exit === "step-limit")
    return { ...base, violations: [`the run ended by ${exit}`], outcome: undefined }
  if (exit._tag === "Failure") return { ...base, violations: [Cause.pretty(exit.cause)], outcome: undefined }
  return { ...base, violations: exit.value.violations, outcome: exit.value }
}

/** The first seed that shows a violation. */
export const firstCaught = (subject: World.Subject, seeds: Iterable<number>): Result | undefined => {
  for (const seed of seeds) {
    const result = run(subject, seed)
    if (result.violations.length > 0) return result
  }
  return undefined
}

export const seeds = (from: number, count: number): ReadonlyArray<number> => Array.from({ length: count }, (_, n) => from + n)

/** Sums of the injected faults, to check that the schedules inject any. */
export const total = (results: ReadonlyArray<Result>): Readonly<Record<keyof Faults.Counts | "events" | "steps", number>> => {
  const sum = {
    appends: 0,
    failedAppends: 0,
    crashes: 0,
    restarts: 0,
    drains: 0,
    lostWakes: 0,
    doubledWakes: 0,
    lateWakes: 0,
    cuts: 0,
    attaches: 0,
    lagged: 0,
    events: 0,
    steps: 0
  }
  for (const { outcome, steps } of results) {
    sum.steps += steps
    if (outcome === undefined) continue
    sum.events += outcome.log.length
    for (const key of Object.keys(outcome.counts) as ReadonlyArray<keyof Faults.Counts>) sum[key] += outcome.counts[key]
  }
  return sum
}
