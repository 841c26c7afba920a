/**
 * The faults of a run, decided by its seed: lost, doubled and late wake-ups, a storage that fails at any step of an append, and a
 * process that dies before or after its commit. There are no faults while the run is at rest.
 */
import { StorageFailure, type StepHook } from "@millrace/log/Storage"

/** Thrown where the process dies. The log sees a defect; the run restarts the server. */
export class Crash extends Error {
  override readonly name = "Crash"
}

export interface Counts {
  appends: number
  failedAppends: number
  crashes: number
  restarts: number
  drains: number
  lostWakes: number
  doubledWakes: number
  lateWakes: number
  cuts: number
  attaches: number
  /** Number of `lagged` frames that best-effort readers received. */
  lagged: number
}

export interface Faults {
  /** False: the run has no further faults. */
  active: boolean
  readonly counts: Counts
  /** Runs between a commit and the wake-up of the subscribers. */
  readonly onWake: (wake: () => void) => void
  readonly onStep: StepHook
  /** Delivers the delayed wake-ups. */
  readonly release: () => void
}

const xorshift = (seed: number) => {
  let state = seed | 0 || 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32
  }
}

export const make = (seed: number): Faults => {
  const dice = xorshift(seed)
  const late: Array<() => void> = []
  const counts: Counts = {
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
    lagged: 0
  }
  const faults: Faults = {
    active: true,
    counts,
    onWake: (wake) => {
      const chance = faults.active ? dice() : 1
      if (chance < 0.2) counts.lostWakes++
      else if (chance < 0.35) {
        counts.lateWakes++
        late.push(wake)
      } else {
        wake()
        if (chance < 0.5) {
          counts.doubledWakes++
          wake()
        }
      }
    },
    onStep: (step) => {
      if (!faults.active) return
      const chance = dice()
      if (chance < 0.02) throw new StorageFailure(chance < 0.005 ? "busy" : "io", `at ${step}`)
      if (chance < 0.035 && (step === "commit" || step === "committed")) throw new Crash(`at ${step}`)
    },
    release: () => {
      for (const wake of late.splice(0)) wake()
    }
  }
  return faults
}
