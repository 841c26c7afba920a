import { type ChildProcess, spawn } from "node:child_process"
import { readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { it } from "@effect/vitest"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import { Effect, Schedule } from "effect"
import { describe, expect } from "vitest"
import * as Ledger from "./Ledger.ts"
import * as Proc from "./Proc.ts"

const use = <A>(directory: string, body: (ledger: typeof Ledger.Ledger.Service) => Effect.Effect<A, Ledger.LedgerError>) =>
  Effect.flatMap(Ledger.Ledger, body).pipe(Effect.provide(Ledger.layer(directory)))
/** Runs the test with a ledger in a separate directory. */
const fresh = <A>(body: (ledger: typeof Ledger.Ledger.Service) => Effect.Effect<A, Ledger.LedgerError>) =>
  Effect.flatMap(temporaryDirectory, (directory) => use(directory, body))

/** A process that leads its own group and carries the entry's id, as `Spawn` makes them. */
const start = (id: string, script = "exec sleep 60"): ChildProcess & { readonly pid: number } => {
  const child = spawn("/bin/sh", ["-c", script], {
    detached: true,
    stdio: ["ignore", "pipe", "ignore"],
    env: { ...process.env, MILLRACE_CHILD: id }
  })
  if (child.pid === undefined) throw new Error("no process")
  return child as ChildProcess & { readonly pid: number }
}
const exited = (child: ChildProcess) =>
  Effect.async<NodeJS.Signals | null>((resume) => {
    if (child.exitCode !== null || child.signalCode !== null) return resume(Effect.succeed(child.signalCode))
    child.once("exit", (_, signal) => resume(Effect.succeed(signal)))
  })
/** The first line of its output. */
const line = (child: ChildProcess) =>
  Effect.async<string>((resume) => {
    if (child.stdout !== null) createInterface(child.stdout).once("line", (text) => resume(Effect.succeed(text)))
  })
const entry = (id: string, pid: number, overrides: Partial<Ledger.Entry> = {}): Ledger.Entry => ({
  id,
  pid,
  group: pid,
  startTime: Proc.facts(pid)?.startTime ?? "none",
  bootId: Proc.bootId() ?? "none",
  command: "sh",
  threadId: "thr_1",
  epoch: 1,
  ...overrides
})
const ids = (report: Ledger.ReapReport) => ({
  killed: report.killed.map((each) => each.id),
  gone: report.gone.map((each) => each.id),
  reused: report.reused.map((each) => each.id),
  left: report.left.map((each) => each.id)
})
const none = { killed: [], gone: [], reused: [], left: [] }

describe.runIf(Proc.bootId() !== undefined)("Ledger", () => {
  it.scopedLive("P1 a living child of an earlier server is killed and its entry removed; reaping again finds nothing", () =>
    fresh((ledger) =>
      Effect.gen(function* () {
        const child = start("one")
        yield* ledger.record(entry("one", child.pid))
        expect(ids(yield* ledger.reap)).toEqual({ ...none, killed: ["one"] })
        expect(yield* exited(child)).toBe("SIGKILL")
        expect(ids(yield* ledger.reap)).toEqual(none)
      })
    )
  )

  it.scopedLive(
    "P1 L12 in a copy of the directory of a living server its children are left alone; when that server is dead they are ended",
    () =>
      Effect.flatMap(temporaryDirectory, (directory) =>
        use(directory, (ledger) =>
          Effect.gen(function* () {
            const server = start("server")
            const child = start("one")
            yield* ledger.record(entry("one", child.pid))
            // The entry as that server would have written it.
            const file = join(directory, "one.json")
            const written = JSON.parse(readFileSync(file, "utf8")) as object
            expect(written).toMatchObject({ server: { pid: process.pid } })
            const recorder = { pid: server.pid, startTime: Proc.facts(server.pid)?.startTime }
            writeFileSync(file, JSON.stringify({ ...written, server: recorder }))
            expect(ids(yield* ledger.reap)).toEqual({ ...none, left: ["one"] })
            expect(child.signalCode).toBeNull()
            server.kill("SIGKILL")
            yield* exited(server)
            expect(ids(yield* ledger.reap)).toEqual({ ...none, killed: ["one"] })
            expect(yield* exited(child)).toBe("SIGKILL")
          })
        )
      )
  )

  it.scopedLive("P1 W9 git of an earlier server gets SIGTERM first, so that it removes its lock files", () =>
    fresh((ledger) =>
      Effect.gen(function* () {
        const child = start("git", "trap 'exit 0' TERM; echo locked; while :; do sleep 0.02; done")
        expect(yield* line(child)).toBe("locked")
        yield* ledger.record(entry("git", child.pid, { command: "git" }))
        expect(ids(yield* ledger.reap)).toEqual({ ...none, killed: ["git"] })
        expect(yield* exited(child)).toBeNull()
      })
    )
  )

  it.scopedLive("P1 a reused pid is not killed: another start time, or another boot", () =>
    fresh((ledger) =>
      Effect.gen(function* () {
        const stranger = start("somebody-else")
        yield* ledger.record(entry("reused", stranger.pid, { startTime: "1" }))
        yield* ledger.record(entry("rebooted", stranger.pid, { bootId: "another" }))
        expect(ids(yield* ledger.reap)).toEqual({ ...none, reused: ["reused"], gone: ["rebooted"] })
        expect(Proc.facts(stranger.pid)?.zombie).toBe(false)
        stranger.kill("SIGKILL")
        yield* exited(stranger)
      })
    )
  )

  it.scopedLive("P1 processes that a dead child started are killed, in its group or not", () =>
    fresh((ledger) =>
      Effect.gen(function* () {
        const child = start("parent", "setsid sleep 60 & sleep 60 & echo $!; sleep 0.05")
        yield* ledger.record(entry("parent", child.pid))
        const grandchild = Number(yield* line(child))
        yield* exited(child)
        expect(Proc.facts(grandchild)?.zombie).toBe(false)
        expect(ids(yield* ledger.reap)).toEqual({ ...none, killed: ["parent"] })
        expect(Proc.facts(grandchild)?.zombie ?? true).toBe(true)
      })
    )
  )

  it.scopedLive("P1 without a start time nothing is proven: no process is killed, and the entry stays while one lives", () =>
    fresh((ledger) =>
      Effect.gen(function* () {
        const child = start("old")
        const { bootId: _, startTime: __, ...unproven } = entry("old", child.pid)
        yield* ledger.record(unproven)
        expect(ids(yield* ledger.reap)).toEqual({ ...none, left: ["old"] })
        child.kill("SIGKILL")
        yield* exited(child)
        expect(ids(yield* ledger.reap)).toEqual({ ...none, gone: ["old"] })
      })
    )
  )

  it.scopedLive("P1 an entry is whole or absent; a malformed file is reported and stays", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      writeFileSync(join(directory, "half.json.tmp"), '{"id":')
      writeFileSync(join(directory, "broken.json"), '{"id":')
      expect((yield* use(directory, (ledger) => ledger.reap)).unreadable).toEqual(["broken.json"])
      expect(readdirSync(directory)).toEqual(["broken.json"])
    })
  )
})

/** Processes that inherited this TMPDIR: all that the agent of a crashed server had started, and the agent. */
const survivors = (mark: string) =>
  readdirSync("/proc").filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/environ`, "utf8").split("\0").includes(`TMPDIR=${mark}`)
    } catch {
      return false
    }
  })

const crash = (step: string, directory: string, mark: string) =>
  spawn(process.execPath, ["--import", "tsx", join(import.meta.dirname, "../../test/process/crash.ts"), step, directory, mark], {
    stdio: ["ignore", "ignore", "inherit"]
  })
/**
 * Polls the survivors: they are not our children, so their exit causes no event. Ends before the processes that would survive end by themselves,
 * which takes a minute.
 */
const atMost = (mark: string, most: number) =>
  Effect.sync(() => survivors(mark).length).pipe(
    Effect.repeat({ until: (count) => count <= most, schedule: Schedule.upTo(Schedule.spaced("10 millis"), "30 seconds") })
  )

for (const [step, what] of [
  ["exit", "an agent that ignores everything"],
  ["exit-command", "the command of an agent, and what that started in a group of its own,"]
] as const)
  it.scopedLive.runIf(Proc.bootId() !== undefined)(
    `S8 a server that exits by process.exit, such as at a second signal, kills ${what} too`,
    () =>
      Effect.gen(function* () {
        const directory = yield* temporaryDirectory
        const mark = yield* temporaryDirectory
        expect(yield* exited(crash(step, directory, mark))).toBeNull()
        yield* atMost(mark, 0)
        expect(survivors(mark)).toEqual([])
        expect((yield* use(directory, (ledger) => ledger.reap)).gone).toHaveLength(1)
      })
  )

/** Processes that replace themselves by `exec` without end: each has no environment for a part of its time. */
const restless = (id: string) =>
  Effect.acquireRelease(
    Effect.sync(() => Array.from({ length: 8 }, () => start(id, `export LOOP='exec sh -c "$LOOP"'; exec sh -c "$LOOP"`))),
    (children) => Effect.sync(() => children.forEach((child) => Proc.signalGroup(child.pid, "SIGKILL")))
  )

for (const [who, kill] of [
  ["at an exit", (entry: string) => Effect.sync(() => Proc.killCarriers(new Set([entry])))],
  ["at the end of an agent", Proc.sweep]
] as const)
  it.scopedLive.runIf(Proc.bootId() !== undefined)(`P1 ${who}, a process in the middle of an exec does not escape`, () =>
    Effect.gen(function* () {
      for (let round = 0; round < 6; round++) {
        const id = `restless-${round}`
        const children = yield* restless(id)
        yield* kill(`MILLRACE_CHILD=${id}`)
        expect(yield* Effect.forEach(children, exited)).toEqual(children.map(() => "SIGKILL"))
      }
    })
  )

describe.runIf(Proc.bootId() !== undefined)("Ledger after kill -9 of the server", { concurrent: true }, () => {
  for (const [step, expected] of [
    ["before-record", none],
    ["after-record", { ...none, gone: ["agent"] }],
    ["running", { ...none, killed: ["agent"] }],
    ["command", { ...none, killed: ["agent"] }]
  ] as const)
    it.scopedLive(`P1 kill -9 of the server (${step}): after the next start there is no survivor`, () =>
      Effect.gen(function* () {
        const directory = yield* temporaryDirectory
        const mark = yield* temporaryDirectory
        const server = crash(step, directory, mark)
        expect(yield* exited(server)).toBe("SIGKILL")
        // An `sh` at the gate and an agent that reads end of file exit by themselves.
        if (step !== "running") yield* atMost(mark, step === "command" ? 1 : 0)
        const report = yield* use(directory, (ledger) => ledger.reap)
        const named = { ...report, killed: report.killed.map(() => "agent"), gone: report.gone.map(() => "agent") }
        expect(named).toEqual({ ...expected, unreadable: [] })
        expect(survivors(mark)).toEqual([])
        expect(readdirSync(directory)).toEqual([])
      })
    )
})
