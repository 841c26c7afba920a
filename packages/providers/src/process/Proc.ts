/** Reads and signals processes that may not be our children, through /proc where it exists (Linux). */
import { readdirSync, readFileSync } from "node:fs"
import { Effect } from "effect"

const read = (path: string): string | undefined => {
  try {
    return readFileSync(path, "utf8")
  } catch {
    // Exited, or owned by another user: nothing is known in both cases.
    return undefined
  }
}

/** Id of the current boot; `undefined` without /proc. Start times of different boots are not comparable. */
export const bootId = (): string | undefined => read("/proc/sys/kernel/random/boot_id")?.trim()

export interface Facts {
  /** Ticks since boot, field 22 of /proc/PID/stat. With the pid and the boot id it identifies a process uniquely. */
  readonly startTime: string
  readonly group: number
  /** Dead, waiting to be collected by its parent. */
  readonly zombie: boolean
}

/** `undefined`: no such process, or no /proc. */
export const facts = (pid: number): Facts | undefined => {
  const stat = read(`/proc/${pid}/stat`)
  if (stat === undefined) return undefined
  // The name is in parentheses and may contain ")" and spaces: count fields after the last ")".
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
  const [state, startTime] = [fields[0], fields[19]]
  if (state === undefined || startTime === undefined) return undefined
  return { startTime, group: Number(fields[2]), zombie: state === "Z" || state === "X" }
}

/** Signals a whole group; `false`: no such group, or none of its members is ours. Never signals groups 0 and 1. */
export const signalGroup = (group: number, signal: NodeJS.Signals | 0): boolean => {
  if (!Number.isSafeInteger(group) || group <= 1) return false
  try {
    process.kill(-group, signal)
    return true
  } catch {
    // ESRCH: no such group. EPERM: all remaining members belong to another user, so they are not ours.
    return false
  }
}

const signal = (pid: number, name: NodeJS.Signals): void => {
  try {
    process.kill(pid, name)
  } catch {
    // The process exited before the signal, which is the wanted result.
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

/** One synchronous scan: kills the processes whose environment has one of the entries. For an exit that cannot wait; `sweep` repeats until none is left. */
export const killCarriers = (entries: ReadonlySet<string>): void => {
  for (const pid of pids()) if (environment(pid).some((entry) => entries.has(entry))) signal(pid, "SIGKILL")
}

/** Living processes whose environment has `entry` (NAME=VALUE): an agent and all processes it started, in any group. */
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
 * Kills the processes whose environment has `entry` until none is left. Returns how many were seen alive, as a negative number when some survived
 * for two seconds. On a system without /proc it returns 0.
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
      // They are not our children, so their exit causes no event: poll.
      yield* Effect.sleep(round < 5 ? 5 : 60)
    }
    return -seen.size
  })

const residentBytes = (pid: number): number =>
  Number(/^VmRSS:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/status`) ?? "")?.[1] ?? 0) * 1024

/** Process count and resident bytes by process group. One scan that yields every 64 processes; `undefined` on a system without /proc. */
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
