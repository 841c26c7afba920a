/** The next start detects a lost, damaged, restored or copied history and begins a new epoch. */
import { describe, expect, it } from "@effect/vitest"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import { Effect, Stream } from "effect"
import { execFileSync } from "node:child_process"
import { compare, hashOf, type Opened } from "./Anchor.ts"
import { forgotten } from "./Forgotten.ts"
import { cpSync, existsSync, readFileSync, readdirSync, renameSync, rmSync, truncateSync, writeFileSync } from "node:fs"
import { bundled, start } from "../test/child.ts"
import * as EventLogSqlite from "./EventLogSqlite.ts"
import { envelope, event, events, type Log, wire } from "./suite/subject.ts"
import { verify } from "./Verify.ts"
import { EventLog } from "./EventLog.ts"

const open = (directory: string) =>
  EventLogSqlite.make({ file: `${directory}/log.db`, anchor: `${directory}/anchor`, synchronous: "NORMAL" })

/** Opens the log, appends `count` events, closes it in order. */
const run = (directory: string, count: number, data: unknown = {}) =>
  Effect.scoped(
    Effect.gen(function* () {
      const log = yield* open(directory)
      for (let n = 0; n < count; n++) yield* log.append(events("thread/thr_a", 1, data))
      return { epoch: log.epoch, head: yield* log.head }
    })
  )

const rewinds = (log: Log) =>
  Effect.map(Effect.orDie(log.read({ after: 0, stream: "server" })), (page) =>
    wire([page]).map(({ data }) => data as { from: number; to: number; reason: string })
  )

/** Starts on the directory. Returns the epoch, the head and the last `log.rewound`. */
const found = (directory: string) =>
  Effect.scoped(
    Effect.gen(function* () {
      const log = yield* open(directory)
      expect((yield* Effect.provideService(verify(), EventLog, log)).problems).toEqual([])
      return { epoch: log.epoch, head: yield* log.head, rewound: (yield* rewinds(log)).at(-1) }
    })
  )

/** A directory whose server was killed with 16 acknowledged events, most of them in the WAL only. */
const killed = (program: string) =>
  Effect.gen(function* () {
    const directory = yield* temporaryDirectory
    const before = yield* run(directory, 1)
    const child = yield* start(program, [`${directory}/log.db`, "acknowledged", "5", `${directory}/anchor`])
    expect((yield* child.end).signal).toBe("SIGKILL")
    return { directory, epoch: before.epoch, head: 16 }
  })

const flip = (path: string, share: number) => {
  const bytes = readFileSync(path)
  const middle = Math.floor(bytes.length * share)
  for (let at = middle; at < middle + 64; at++) bytes[at] = bytes[at]! ^ 0xff
  writeFileSync(path, bytes)
}

describe("L12 history never goes back undetected", () => {
  it.scoped("L12 a kill, an orderly stop and a moved directory keep the epoch, and nothing is reported", () =>
    Effect.gen(function* () {
      const { directory, epoch, head } = yield* killed(yield* bundled("append-child"))
      expect(yield* found(directory)).toEqual({ epoch, head, rewound: undefined })
      expect(yield* found(directory)).toEqual({ epoch, head, rewound: undefined })
      const moved = `${directory}-moved`
      renameSync(directory, moved)
      yield* Effect.addFinalizer(() => Effect.sync(() => rmSync(moved, { recursive: true })))
      expect(yield* found(moved)).toEqual({ epoch, head, rewound: undefined })
    })
  )

  const damages: ReadonlyArray<readonly [what: string, damage: (directory: string) => void, to: number]> = [
    ["the WAL removed", (directory) => rmSync(`${directory}/log.db-wal`), 1],
    ["bytes flipped in the WAL", (directory) => flip(`${directory}/log.db-wal`, 0.5), -1],
    ["the database cut to 0 bytes", (directory) => truncateSync(`${directory}/log.db`, 0), 0],
    ["the database removed, its WAL left", (directory) => rmSync(`${directory}/log.db`), 0],
    [
      "database and WAL removed",
      (directory) => {
        for (const name of readdirSync(directory)) if (name.startsWith("log.db")) rmSync(`${directory}/${name}`)
      },
      0
    ]
  ]
  it.scoped("L12 a lost or damaged database or WAL after a kill: a new epoch and log.rewound, once", () =>
    Effect.gen(function* () {
      const program = yield* bundled("append-child")
      for (const [what, damage, to] of damages) {
        const { directory, epoch, head } = yield* killed(program)
        damage(directory)
        const after = yield* found(directory)
        expect(after.epoch, what).not.toBe(epoch)
        expect(after.rewound, what).toMatchObject({ from: head, previousEpoch: epoch })
        const end = after.rewound?.to ?? -1
        if (to >= 0) expect(end, what).toBe(to)
        expect(end, what).toBeLessThan(head)
        expect(after.head, what).toBe(end + 1)
        // The next start reports nothing.
        expect(yield* found(directory), what).toEqual(after)
      }
    })
  )

  /** A backup of 16 events from a log that was closed in order. The original then continues to 30. */
  const backedUp = Effect.gen(function* () {
    const directory = yield* temporaryDirectory
    const { epoch } = yield* run(directory, 16)
    const backup = `${yield* temporaryDirectory}/backup`
    cpSync(directory, backup, { recursive: true, preserveTimestamps: true })
    yield* run(directory, 14, { text: "after the backup" })
    return { directory, backup, epoch }
  })
  const replace = (directory: string, backup: string) => {
    rmSync(directory, { recursive: true })
    cpSync(backup, directory, { recursive: true, preserveTimestamps: true })
  }
  const restores: ReadonlyArray<readonly [how: string, restore: (directory: string, backup: string) => void, from: number]> = [
    ["the whole directory, removed before", replace, 16],
    [
      "the whole directory, moved to its place",
      (directory, backup) => {
        rmSync(directory, { recursive: true })
        renameSync(backup, directory)
      },
      16
    ],
    ["the whole directory, copied over it", (directory, backup) => execFileSync("cp", ["-a", `${backup}/.`, directory]), 16],
    [
      "database and anchor, copied over them",
      (directory, backup) => execFileSync("cp", [`${backup}/log.db`, `${backup}/anchor`, directory]),
      16
    ],
    ["the database alone, copied over it", (directory, backup) => execFileSync("cp", [`${backup}/log.db`, directory]), 30],
    [
      "the database alone, into an empty directory",
      (directory, backup) => {
        for (const name of readdirSync(directory)) rmSync(`${directory}/${name}`)
        cpSync(`${backup}/log.db`, `${directory}/log.db`)
      },
      16
    ]
  ]
  for (const [how, restore, from] of restores)
    it.scoped(`L12 an older backup restored (${how}): a new epoch before anything is appended`, () =>
      Effect.gen(function* () {
        const { backup, directory, epoch } = yield* backedUp
        restore(directory, backup)
        const after = yield* found(directory)
        expect(after.epoch).not.toBe(epoch)
        expect(after).toMatchObject({ head: 17, rewound: { from, to: 16, previousEpoch: epoch } })
        expect(yield* found(directory)).toEqual(after)
      })
    )

  it.scoped("L12 the hash of the last event detects another history of the same file and the same length", () =>
    Effect.gen(function* () {
      const { backup, directory, epoch } = yield* backedUp
      const anchor = readFileSync(`${directory}/anchor`)
      const marks = readdirSync(directory).filter((name) => name.startsWith("anchor-"))
      const other = yield* run(backup, 13, { text: "another" })
      expect(other.head).toBe(30)
      // The copy has a new epoch: write the first one's epoch into it, as a restore by a program without anchors would.
      const bytes = readFileSync(`${backup}/log.db`, "latin1").replaceAll(other.epoch, epoch)
      writeFileSync(`${directory}/log.db`, bytes, "latin1")
      writeFileSync(`${directory}/anchor`, anchor)
      expect(readdirSync(directory).filter((name) => name.startsWith("anchor-"))).toEqual(marks)
      const after = yield* found(directory)
      expect(after.epoch).not.toBe(epoch)
      expect(after.rewound).toMatchObject({ from: 30, to: 30 })
      expect(after.rewound?.reason).toContain("Event 30")
    })
  )

  it.scoped("L12 a copy of an open directory gets a new epoch; the original keeps its epoch", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const copy = `${yield* temporaryDirectory}/copy`
      const { epoch } = yield* run(directory, 3)
      yield* Effect.scoped(
        Effect.gen(function* () {
          const log = yield* open(directory)
          yield* log.append(events("thread/thr_a", 4))
          cpSync(directory, copy, { recursive: true, preserveTimestamps: true })
          const copied = yield* found(copy)
          expect(copied.epoch).not.toBe(epoch)
          expect(copied).toMatchObject({ head: 8, rewound: { from: 7, to: 7 } })
          yield* log.append(events("thread/thr_a", 1))
          expect(log.epoch).toBe(epoch)
        })
      )
      expect(yield* found(directory)).toEqual({ epoch, head: 8, rewound: undefined })
      // Copied over the original after its stop, when the mark has another name.
      execFileSync("cp", ["-r", `${copy}/.`, directory])
      expect((yield* found(directory)).epoch).not.toBe(epoch)
    })
  )

  it.scoped("L12 a log of an older version gets its anchor without a report; a removed or damaged anchor is reported", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const { epoch } = yield* Effect.scoped(
        Effect.tap(EventLogSqlite.make({ file: `${directory}/log.db` }), (log) => log.append(events("thread/thr_a", 3)))
      )
      expect(existsSync(`${directory}/anchor`)).toBe(false)
      expect(yield* found(directory)).toEqual({ epoch, head: 3, rewound: undefined })
      writeFileSync(`${directory}/anchor`, "not an anchor")
      const damaged = yield* found(directory)
      expect(damaged).toMatchObject({ head: 4, rewound: { from: 3, to: 3, previousEpoch: epoch } })
      rmSync(`${directory}/anchor`)
      const missing = yield* found(directory)
      expect(missing).toMatchObject({ head: 5, rewound: { from: 4, to: 4, previousEpoch: damaged.epoch } })
    })
  )

  it.scoped("L12 the anchor holds the last acknowledged event after each append, in one sector", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const log = yield* open(directory)
      for (const size of [1, 9]) {
        yield* log.append([envelope(Array.from({ length: size }, () => event("thread/thr_a", { text: "é" })))])
        const bytes = readFileSync(`${directory}/anchor`)
        expect(bytes.length).toBe(512)
        expect(JSON.parse(bytes.toString())).toMatchObject({ epoch: log.epoch, head: yield* log.head })
      }
      // Only events move the head.
      yield* log.append([{ events: [], rows: [], receipt: { commandId: "c", digest: "d", answer: 1 } }])
      expect(JSON.parse(readFileSync(`${directory}/anchor`, "utf8"))).toMatchObject({ head: 10 })
      yield* log.trim(10)
      yield* log.follow({ after: 10 }).pipe(Stream.take(0), Stream.runDrain)
    })
  )

  it("L12 L14 an anchor that a power loss left behind a deletion is no contradiction: its event was forgotten since", () => {
    const database = { inode: "1", born: "" }
    const json =
      '{"offset":5,"stream":"thread/a","version":5,"type":"note","at":"2026-11-20T09:00:00.000Z","epoch":1,"data":"words"}'
    const anchor = { epoch: "e", head: 5, hash: hashOf(json), database, marks: [] }
    const opened = (found: string): Opened => ({
      epoch: "e",
      head: 9,
      retainedFrom: 0,
      anchored: true,
      database,
      marks: [],
      event: () => found
    })
    expect(compare(anchor, opened(json))).toBeUndefined()
    expect(compare(anchor, opened(forgotten({ offset: 5, stream: "thread/a", version: 5, json }).json))).toBeUndefined()
    const nested = json.replace('"words"', '{"a":1,"type":"log.forgotten","at":1}')
    expect(compare(anchor, opened(nested))).toMatchObject({ from: 5, to: 9 })
    expect(compare(anchor, opened(json.replace("words", '{\\"type\\":\\"log.forgotten\\",\\"at\\":1}')))).toMatchObject({
      from: 5,
      to: 9
    })
  })
})
