/**
 * The agents' processes of a data directory, as its ledger has them (`processes/`, one file each, written by `@millrace/providers`), and what this
 * machine knows of them. Reads only: it never stands in the way of the server that owns the ledger.
 */
import { readdirSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import { Effect, Option, Schema } from "effect"
import { isAlive } from "@millrace/log/Pid"

const Entry = Schema.parseJson(
  Schema.Struct({
    pid: Schema.Int.pipe(Schema.positive()),
    group: Schema.Int,
    startTime: Schema.optional(Schema.String),
    command: Schema.String,
    threadId: Schema.String,
    epoch: Schema.Int
  })
)

export interface Child extends Schema.Schema.Type<typeof Entry> {
  /** When it was recorded, which is just before it ran: milliseconds since 1970. */
  readonly startedAt: number
  readonly alive: boolean
  /** Its whole process group: how many, and the memory they hold; absent where the system has no /proc. */
  readonly processes?: number
  readonly memoryBytes?: number
}

const text = (file: string): string | undefined => {
  try {
    return readFileSync(file, "utf8")
  } catch {
    // Gone between two looks, or not ours to read: nothing is known of it.
    return undefined
  }
}

/** Field 5 (group) and 22 (start time) of /proc/PID/stat; the name before them may hold anything. */
const statOf = (pid: string | number) => {
  const stat = text(`/proc/${pid}/stat`)
  const fields = stat?.slice(stat.lastIndexOf(")") + 2).split(" ")
  return fields === undefined || fields[0] === "Z" ? undefined : { group: Number(fields[2]), startTime: fields[19] }
}

const residentBytes = (pid: string): number =>
  Number(/^VmRSS:\s+(\d+) kB$/m.exec(text(`/proc/${pid}/status`) ?? "")?.[1] ?? 0) * 1024

/** Processes and memory by group, from one walk; nothing without /proc. */
const groups = (): ReadonlyMap<number, { processes: number; memoryBytes: number }> | undefined => {
  let names: ReadonlyArray<string>
  try {
    names = readdirSync("/proc").filter((name) => /^\d+$/.test(name))
  } catch {
    return undefined
  }
  const found = new Map<number, { processes: number; memoryBytes: number }>()
  for (const pid of names) {
    const stat = statOf(pid)
    if (stat === undefined) continue
    const group = found.get(stat.group) ?? { processes: 0, memoryBytes: 0 }
    group.processes++
    group.memoryBytes += residentBytes(pid)
    found.set(stat.group, group)
  }
  return found
}

const read = (directory: string): ReadonlyArray<Child> => {
  let names: ReadonlyArray<string>
  try {
    names = readdirSync(directory).filter((name) => name.endsWith(".json"))
  } catch {
    // No agent ever ran here.
    return []
  }
  const byGroup = names.length === 0 ? undefined : groups()
  return names.flatMap((name) => {
    const entry = Schema.decodeOption(Entry)(text(join(directory, name)) ?? "")
    const file = statSync(join(directory, name), { throwIfNoEntry: false })
    if (Option.isNone(entry) || file === undefined) return []
    const { value } = entry
    // A pid that another process has by now is not ours.
    const same = byGroup === undefined || value.startTime === undefined || statOf(value.pid)?.startTime === value.startTime
    const alive = same && isAlive(value.pid)
    const held = alive ? byGroup?.get(value.group) : undefined
    const child: Child = Object.assign({ startedAt: file.mtimeMs, alive }, value, held)
    return [child]
  })
}

/** Oldest first. Never fails: what cannot be read is not there. */
export const list = (dataDir: string): Effect.Effect<ReadonlyArray<Child>> =>
  Effect.sync(() => read(join(dataDir, "processes")).toSorted((a, b) => a.startedAt - b.startedAt))
