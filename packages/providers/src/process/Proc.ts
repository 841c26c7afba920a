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

/** PF_KTHREAD of the kernel's include/linux/sched.h, in field 9 of /proc/PID/stat. */
const kernelThread = 0x00200000

export interface Facts {
  /** Ticks since boot, field 22 of /proc/PID/stat. With the pid and the boot id it identifies a process uniquely. */
  readonly startTime: string
  readonly group: number
  /** Dead, waiting to be collected by its parent. */
  readonly zombie: boolean
  /** Whether the environment is empty and stays so until the next `exec`: a thread of the kernel has none, and `env -i` starts a program without any. */
  readonly bare: boolean
}

/** The facts of a process. `undefined`: there is no such process, or no /proc. */
export const facts = (pid: number): Facts | undefined => {
  const stat = read(`/proc/${pid}/stat`)
  if (stat === undefined) return undefined
  // The name is in parentheses and may contain ")" and spaces: count fields after the last ")".
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
  const [state, startTime] = [fields[0], fields[19]]
  if (state === undefined || startTime === undefined) return undefined
  return {
    startTime,
    group: Number(fields[2]),
    zombie: state === "Z" || state === "X",
    // Fields 50 and 51: where the environment starts and ends. Both are 0 in the middle of an `exec`.
    bare: (Number(fields[6]) & kernelThread) !== 0 || (fields[47] === fields[48] && fields[47] !== "0")
  }
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

/** Whether the process has exited. A process of another user counts as alive. */
const hasExited = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return false
  } catch (error) {
    return !(error instanceof Error && "code" in error && error.code === "EPERM")
  }
}

interface Scan {
  readonly carriers: ReadonlyArray<number>
  /** Whether no process can have escaped the scan. */
  readonly certain: boolean
}

/**
 * Scans all processes except those in `others`. Adds each process whose environment has none of the entries to `others`. The scan is not certain in two
 * cases: a process ended before it was read, because it may have started another process after the list was made; a process was in the middle of an
 * `exec`, because Linux shows no environment then. Yields every 64 processes.
 */
function* scan(entries: ReadonlySet<string>, others: Set<number>): Generator<void, Scan> {
  const carriers: Array<number> = []
  let certain = true
  let looked = 0
  for (const pid of pids()) {
    if (others.has(pid)) continue
    if (++looked % 64 === 0) yield
    const environment = read(`/proc/${pid}/environ`)
    if (environment?.split("\0").some((entry) => entries.has(entry))) {
      carriers.push(pid)
      continue
    }
    const now = facts(pid)
    // With the mount option `hidepid`, processes of another user are unreadable.
    const judged = now === undefined ? !hasExited(pid) : environment !== "" || now.zombie || now.bare
    if (judged) others.add(pid)
    if (!judged || now?.zombie) certain = false
  }
  return { carriers, certain }
}

/** Minimum duration, in milliseconds, and minimum number of the scans at an exit. Both, because a busy machine makes few scans in that time. */
const exitMillis = 1000
const exitScans = 100
const exitPauseMillis = 5

/**
 * Kills the processes whose environment has one of the entries. Returns when a certain scan finds none, or after a second and at least 100 scans.
 * Blocks the event loop: use it only at an exit, which cannot wait for a fiber.
 */
export const killCarriers = (entries: ReadonlySet<string>): void => {
  const others = new Set<number>()
  const until = performance.now() + exitMillis
  for (let scans = 0; scans < exitScans || performance.now() < until; scans++) {
    const round = scan(entries, others)
    let step = round.next()
    while (step.done !== true) step = round.next()
    for (const pid of step.value.carriers) signal(pid, "SIGKILL")
    if (step.value.carriers.length === 0 && step.value.certain) return
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, exitPauseMillis)
  }
}

/**
 * Kills the processes whose environment has `entry` (NAME=VALUE), an agent and all processes it started in any group, until none is left.
 * Returns how many processes were seen alive, as a negative number if some survived for two seconds. It also ends after two seconds if no scan was certain.
 * On a system without /proc it returns 0.
 */
export const sweep = (entry: string): Effect.Effect<number> =>
  Effect.gen(function* () {
    const entries = new Set([entry])
    const others = new Set<number>()
    const seen = new Set<number>()
    let alive = false
    for (let tries = 0; tries < 40; tries++) {
      const round = scan(entries, others)
      let step = round.next()
      while (step.done !== true) {
        yield* Effect.yieldNow()
        step = round.next()
      }
      alive = step.value.carriers.length > 0
      if (!alive && step.value.certain) break
      for (const pid of step.value.carriers) {
        seen.add(pid)
        signal(pid, "SIGKILL")
      }
      // These processes are not our children, so their exit causes no event. We poll.
      yield* Effect.sleep(tries < 5 ? 5 : 60)
    }
    return alive ? -seen.size : seen.size
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
