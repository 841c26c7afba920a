/**
 * The agent processes of a data directory: the entries of its ledger (`processes/`, one file each, written by `@millrace/providers`) with the state of
 * each process on this machine. Read-only, so that it never disturbs the server that owns the ledger.
 */
import { readdirSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import { Effect, Option, Schema } from "effect"
import { Processes as Proc } from "@millrace/host/AgentMemory"
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

export interface AgentProcess extends Schema.Schema.Type<typeof Entry> {
  /** When it was recorded, just before it started: milliseconds since 1970. */
  readonly startedAt: number
  readonly alive: boolean
  /** Number and memory of the processes of the agent's group. Absent if the system has no /proc. */
  readonly processes?: number
  readonly memoryBytes?: number
}

const text = (file: string): string | undefined => {
  try {
    return readFileSync(file, "utf8")
  } catch {
    // Deleted since it was listed, or not readable for this user.
    return undefined
  }
}

const namesIn = (directory: string): ReadonlyArray<string> => {
  try {
    return readdirSync(directory).filter((name) => name.endsWith(".json"))
  } catch {
    // No agent ever ran here.
    return []
  }
}

const read = (
  directory: string,
  names: ReadonlyArray<string>,
  byGroup: Effect.Effect.Success<typeof Proc.groups>
): ReadonlyArray<AgentProcess> =>
  names.flatMap((name) => {
    const entry = Schema.decodeOption(Entry)(text(join(directory, name)) ?? "")
    const file = statSync(join(directory, name), { throwIfNoEntry: false })
    if (Option.isNone(entry) || file === undefined) return []
    const { value } = entry
    // Another start time means that the pid was reused by another process.
    const same = byGroup === undefined || value.startTime === undefined || Proc.facts(value.pid)?.startTime === value.startTime
    const alive = same && isAlive(value.pid)
    const held = alive ? byGroup?.get(value.group) : undefined
    const child: AgentProcess = Object.assign({ startedAt: file.mtimeMs, alive }, value, held)
    return [child]
  })

/** All entries, oldest first. Never fails: an entry that cannot be read is skipped. */
export const list = (dataDir: string): Effect.Effect<ReadonlyArray<AgentProcess>> =>
  Effect.gen(function* () {
    const directory = join(dataDir, "processes")
    const names = namesIn(directory)
    const byGroup = names.length === 0 ? undefined : yield* Proc.groups
    return read(directory, names, byGroup).toSorted((a, b) => a.startedAt - b.startedAt)
  })
