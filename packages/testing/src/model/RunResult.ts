/** The results of a model run: its counts, or the violations that ended it. */

/** A violated invariant, and the step after which it was found. */
export class Broken extends Error {
  override readonly name = "Broken"
  readonly step: number
  readonly violations: ReadonlyArray<string>
  readonly log: ReadonlyArray<string>
  constructor(step: number, violations: ReadonlyArray<string>, log: ReadonlyArray<string>) {
    super(`after step ${step}: ${violations.join("\n")}`)
    this.step = step
    this.violations = violations
    this.log = log
  }
}

/** Counts of a run, to check that the scripts have an effect. */
export interface Figures {
  readonly events: number
  readonly steps: number
  readonly commands: number
  readonly crashes: number
  readonly turns: number
  readonly requests: number
  readonly held: number
  readonly repeated: number
}
