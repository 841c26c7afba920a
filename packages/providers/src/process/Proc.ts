/** Facts about processes that are not our children any more, from /proc where there is one (Linux). Reads only. */
import { readdirSync, readFileSync } from "node:fs"
import { Effect } from "effect"

const read = (path: string): string | undefined => {
  try {
    return readFileSync(path, "utf8")
  } catch {
    // Gone, or another user's: both mean "nothing known".
    return undefined
  }
}

/** The boot this is; start times of two boots cannot be compared. */
export const bootId = (): string | undefined => read("/proc/sys/kernel/random/boot_id")?.trim()

export interface Facts {
  /** Ticks since boot, field 22 of /proc/PID/stat. With the pid and the boot id it names a process for ever. */
  readonly startTime: string
  readonly group: number
  /** Dead, waiting to be collected by its parent. */
  readonly zombie: boolean
}

/** `undefined`: no such process, or no /proc. */
export const facts = (pid: number): Facts | undefined => {
  const stat = read(`/proc/${pid}/stat`)
  if (stat === undefined) return undefined
  // The name is in parentheses and may hold anything, also ")" and spaces: fields are counted from the last one.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
  const [state, startTime] = [fields[0], fields[19]]
  if (state === undefined || startTime === undefined) return undefined
  return { startTime, group: Number(fields[2]), zombie: state === "Z" || state === "X" }
}

/** Signals a whole group; `false` = there is none (any more). Refuses groups 0 and 1. */
export const signalGroup = (group: number, signal: NodeJS.Signals | 0): boolean => {
  if (!Number.isSafeInteger(group) || group <= 1) return false
  try {
    process.kill(-group, signal)
    return true
  } catch {
    // ESRCH: nobody there. EPERM: only members of another user are left, which are not ours.
    return false
  }
}

const signal = (pid: number, name: NodeJS.Signals): void => {
  try {
    process.kill(pid, name)
  } catch {
    // Died between look and signal: what was wanted.
  }
}

const pids = (): ReadonlyArray<number> => {
  try {
    return readdirSync("/proc")
      .map(Number)
      .filter((pid) => Number.isSafeInteger(pid) && pid > 1)
  } catch {
    return []
  }
}
const environment = (pid: number): ReadonlyArray<string> => read(`/proc/${pid}/environ`)?.split("\0") ?? []

/** One look, at once: kills what carries one of the entries. For an exit that cannot wait; `sweep` makes sure. */
export const killCarriers = (entries: ReadonlySet<string>): void => {
  for (const pid of pids()) if (environment(pid).some((entry) => entries.has(entry))) signal(pid, "SIGKILL")
}

/** Living processes whose environment carries `entry` (NAME=VALUE): an agent and all that it started, in whatever group. */
const carriers = (entry: string): Effect.Effect<ReadonlyArray<number>> =>
  Effect.gen(function* () {
    const found: Array<number> = []
    let looked = 0
    for (const pid of yield* Effect.sync(pids)) {
      if (++looked % 64 === 0) yield* Effect.yieldNow()
      if (!environment(pid).includes(entry)) continue
      if (facts(pid)?.zombie === false) found.push(pid)
    }
    return found
  })

/**
 * Kills what still carries `entry` until nothing does. Returns how many processes were seen alive; a number below zero: they would not die
 * within two seconds. On a system without /proc it finds nothing.
 */
export const sweep = (entry: string): Effect.Effect<number> =>
  Effect.gen(function* () {
    const seen = new Set<number>()
    for (let round = 0; round < 40; round++) {
      const alive = yield* carriers(entry)
      if (alive.length === 0) return seen.size
      for (const pid of alive) {
        seen.add(pid)
        signal(pid, "SIGKILL")
      }
      // Not our children, so no event tells of their death.
      yield* Effect.sleep(round < 5 ? 5 : 60)
    }
    return -seen.size
  })

const residentBytes = (pid: number): number =>
  Number(/^VmRSS:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/status`) ?? "")?.[1] ?? 0) * 1024

/** Processes and resident bytes by process group, from one walk in slices; `undefined` on a system without /proc. */
export const groups: Effect.Effect<
  ReadonlyMap<number, { readonly processes: number; readonly memoryBytes: number }> | undefined
> = Effect.gen(function* () {
  if (bootId() === undefined) return undefined
  const found = new Map<number, { readonly processes: number; readonly memoryBytes: number }>()
  let looked = 0
  for (const pid of yield* Effect.sync(pids)) {
    if (++looked % 64 === 0) yield* Effect.yieldNow()
    const known = facts(pid)
    if (known === undefined || known.zombie) continue
    const { memoryBytes, processes } = found.get(known.group) ?? { processes: 0, memoryBytes: 0 }
    found.set(known.group, { processes: processes + 1, memoryBytes: memoryBytes + residentBytes(pid) })
  }
  return found
})
