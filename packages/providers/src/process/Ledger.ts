/**
 * The ledger records the child processes that may be alive, one small file for each. A child is recorded before its program runs. Its entry is removed
 * when the child and all processes that it started are proven dead. Entries that exist at the server's start were left by a server that was killed (P1).
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Context, Effect, Layer, Option, Schema } from "effect"
import * as Environment from "./Environment.ts"
import * as Proc from "./Proc.ts"

/** One child. `group` equals `pid`: each child leads its own process group. */
export const Entry = Schema.Struct({
  /** Random; the child carries it in its environment as `MILLRACE_CHILD`. */
  id: Schema.String,
  pid: Schema.Int,
  group: Schema.Int,
  /** Together with `bootId` it distinguishes this process from a later process with the same pid. Absent on systems without /proc. */
  startTime: Schema.optional(Schema.String),
  bootId: Schema.optional(Schema.String),
  command: Schema.String,
  threadId: Schema.String,
  epoch: Schema.Int
})
export type Entry = typeof Entry.Type

/** The result of `reap`. Each ledger entry is in exactly one list. */
export interface ReapReport {
  /** The child, or a process it had started, was alive and has been killed. */
  readonly killed: ReadonlyArray<Entry>
  /** The child was dead already. */
  readonly gone: ReadonlyArray<Entry>
  /** The pid now belongs to another process, which was not signalled. */
  readonly reused: ReadonlyArray<Entry>
  /** The process may be alive: it cannot be proven to be the recorded child, or it survived SIGKILL. The entry stays. */
  readonly left: ReadonlyArray<Entry>
  /** Files that do not parse as entries; they stay. */
  readonly unreadable: ReadonlyArray<string>
}

/** The ledger's directory cannot be read or written. No child is started without an entry. */
export class LedgerError extends Schema.TaggedError<LedgerError>()("LedgerError", {
  directory: Schema.String,
  message: Schema.String
}) {}

export class Ledger extends Context.Tag("@millrace/providers/Ledger")<
  Ledger,
  {
    /** Returns when the complete entry is in its file (write, then rename). */
    readonly record: (entry: Entry) => Effect.Effect<void, LedgerError>
    /** Removes an entry. Call only when the child is proven dead. Unknown ids are a no-op. */
    readonly strike: (id: string) => Effect.Effect<void, LedgerError>
    readonly entries: Effect.Effect<
      { readonly entries: ReadonlyArray<Entry>; readonly unreadable: ReadonlyArray<string> },
      LedgerError
    >
    /** Ends the processes that a killed server left behind. Call once, at start, before anything is spawned. */
    readonly reap: Effect.Effect<ReapReport, LedgerError>
  }
>() {}

const decode = Schema.decodeUnknownOption(Schema.parseJson(Entry))

/** The server that recorded an entry; in the entry's file, not in `Entry`. */
const Recorder = Schema.Struct({ server: Schema.Struct({ pid: Schema.Int, startTime: Schema.String }) })
const decodeRecorder = Schema.decodeUnknownOption(Schema.parseJson(Recorder))

const recorder = (): Partial<typeof Recorder.Type> => {
  const startTime = Proc.facts(process.pid)?.startTime
  return startTime === undefined ? {} : { server: { pid: process.pid, startTime } }
}

/** Whether another living server recorded this entry. Then this directory is a copy of that server's, and its child must not be ended. */
const isOfLiving = (bootId: string | undefined, text: string): boolean =>
  Option.exists(decodeRecorder(text), ({ server: { pid, startTime } }) => {
    const now = Proc.facts(pid)
    return pid !== process.pid && bootId === Proc.bootId() && now?.startTime === startTime && !now.zombie
  })

type Verdict = Exclude<keyof ReapReport, "unreadable">

/** What is known of the recorded child; `undefined`: it does not exist any more. */
const factsOf = ({ group, pid, startTime }: Entry) => {
  const now = Proc.facts(pid)
  return now?.startTime === startTime && now?.group === group ? now : undefined
}

/** git removes its lock files on SIGTERM. After SIGKILL they would stay, and no git could change anything in that repository any more. */
const endGit = (entry: Entry) =>
  Effect.gen(function* () {
    Proc.signalGroup(entry.group, "SIGTERM")
    // Not our child, so its exit causes no event. We poll, for at most two seconds.
    for (let tries = 0; tries < 40 && factsOf(entry)?.zombie === false; tries++) yield* Effect.sleep(50)
  })

/**
 * A group is killed only when its leader has the recorded pid, start time and boot (P1). Processes that the leader had started are found by the
 * entry's id in their environment, also when the leader is dead.
 */
const judge = Effect.fn("Ledger.judge")(function* (entry: Entry) {
  const boot = Proc.bootId()
  if (entry.bootId !== undefined && boot !== entry.bootId) return "gone" satisfies Verdict
  if (entry.startTime === undefined) return Proc.signalGroup(entry.group, 0) ? ("left" as const) : ("gone" as const)
  const now = Proc.facts(entry.pid)
  const ours = factsOf(entry) !== undefined
  const lived = factsOf(entry)?.zombie === false
  if (lived && entry.command === "git") yield* endGit(entry)
  if (factsOf(entry) !== undefined) Proc.signalGroup(entry.group, "SIGKILL")
  const swept = yield* Proc.sweep(`${Environment.marker}=${entry.id}`)
  if (swept < 0) return "left" satisfies Verdict
  if (lived || swept > 0) return "killed" satisfies Verdict
  return now === undefined || ours ? ("gone" as const) : ("reused" as const)
})

const make = (directory: string): Context.Tag.Service<Ledger> => {
  const attempt = <A>(run: () => A) =>
    Effect.try({
      try: run,
      catch: (cause) =>
        new LedgerError({ directory, message: `The process ledger is not accessible. Check ${directory}: ${String(cause)}` })
    })
  const file = (id: string) => join(directory, `${id}.json`)
  const strike = (id: string) => attempt(() => rmSync(file(id), { force: true }))
  const entries = attempt(() => {
    const found: Array<Entry> = []
    const unreadable: Array<string> = []
    const foreign = new Set<string>()
    for (const name of readdirSync(directory)) {
      // A partly written file is not an entry: its child still waited at the gate, and exited with its server.
      if (name.endsWith(".tmp")) rmSync(join(directory, name), { force: true })
      if (!name.endsWith(".json")) continue
      const text = readFileSync(join(directory, name), "utf8")
      const entry = decode(text)
      if (entry._tag === "Some") found.push(entry.value)
      else unreadable.push(name)
      if (entry._tag === "Some" && isOfLiving(entry.value.bootId, text)) foreign.add(entry.value.id)
    }
    return { entries: found, unreadable, foreign }
  })
  return {
    record: (entry) =>
      attempt(() => {
        writeFileSync(`${file(entry.id)}.tmp`, JSON.stringify({ ...entry, ...recorder() }), { mode: 0o600 })
        renameSync(`${file(entry.id)}.tmp`, file(entry.id))
      }),
    strike,
    entries: Effect.map(entries, ({ entries, unreadable }) => ({ entries, unreadable })),
    reap: Effect.gen(function* () {
      const { entries: found, foreign, unreadable } = yield* entries
      const report = { killed: [], gone: [], reused: [], left: [] } as { [V in Verdict]: Array<Entry> }
      for (const entry of found) {
        const verdict = foreign.has(entry.id) ? ("left" as const) : yield* judge(entry)
        report[verdict].push(entry)
        if (verdict !== "left") yield* strike(entry.id)
      }
      return { ...report, unreadable }
    }).pipe(Effect.withSpan("Ledger.reap"))
  }
}

/** Creates the directory, readable by this user only. */
export const layer = (directory: string): Layer.Layer<Ledger, LedgerError> =>
  Layer.effect(
    Ledger,
    Effect.try({
      try: () => {
        mkdirSync(directory, { recursive: true, mode: 0o700 })
        return make(directory)
      },
      catch: (cause) =>
        new LedgerError({ directory, message: `Cannot create the process ledger in ${directory}: ${String(cause)}` })
    })
  )

/** In memory, for embedders without a data directory. Its entries are lost with the process, so `reap` does nothing after a `kill -9`. */
export const layerMemory: Layer.Layer<Ledger> = Layer.sync(Ledger, () => {
  const held = new Map<string, Entry>()
  return {
    record: (entry) => Effect.sync(() => void held.set(entry.id, entry)),
    strike: (id) => Effect.sync(() => void held.delete(id)),
    entries: Effect.sync(() => ({ entries: [...held.values()], unreadable: [] })),
    reap: Effect.succeed({ killed: [], gone: [], reused: [], left: [], unreadable: [] })
  }
})
