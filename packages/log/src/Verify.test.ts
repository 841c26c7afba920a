import { describe, expect, it } from "@effect/vitest"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import { Effect, Stream } from "effect"
import { readFileSync, writeFileSync } from "node:fs"
import { corruptType, EventLog } from "./EventLog.ts"
import * as EventLogMemory from "./EventLogMemory.ts"
import * as EventLogSqlite from "./EventLogSqlite.ts"
import * as Sqlite from "./Sqlite.ts"
import * as SqliteCheck from "./SqliteCheck.ts"
import { events, type Log, range, wire } from "./suite/subject.ts"
import { verify } from "./Verify.ts"

const verified = (log: Log) => Effect.provideService(verify(), EventLog, log)

/** A log of 2,000 events over two threads, closed, damaged, and opened again. */
const damaged = (damage: (file: string) => void) =>
  Effect.gen(function* () {
    const file = `${yield* temporaryDirectory}/log.db`
    yield* Effect.scoped(
      Effect.flatMap(EventLogSqlite.make({ file }), (log) =>
        Effect.forEach(range(1, 10), (n) => log.append(events(`thread/thr_${n % 2}`, 200, { text: `words ${n}` })), {
          discard: true
        })
      )
    )
    damage(file)
    return yield* EventLogSqlite.make({ file })
  })

const execute = (sql: string) => (file: string) => {
  const db = Sqlite.openWriter(file, "NORMAL")
  db.exec(sql)
  Sqlite.close(db)
}

const all = (log: Log, stream?: string) =>
  log.follow({ after: 0, maxBytes: 20_000, ...(stream === undefined ? {} : { stream }) }).pipe(
    Stream.takeUntil((page) => page.upTo >= 2_000),
    Stream.runCollect
  )

describe("Verify", () => {
  it.scoped("L6 a sound log has no problems", () =>
    Effect.gen(function* () {
      const log = yield* damaged(() => {})
      expect(yield* verified(log)).toMatchObject({ head: 2_000, events: 2_000, streams: 2, problems: [], problemCount: 0 })
      const memory = yield* EventLogMemory.make()
      yield* memory.append(events("thread/thr_a", 3))
      yield* memory.trim(2)
      expect(yield* verified(memory)).toMatchObject({ head: 3, retainedFrom: 2, events: 1, problemCount: 0 })
      const empty = yield* EventLogMemory.make()
      expect(yield* verified(empty)).toMatchObject({ head: 0, events: 0, problemCount: 0 })
    })
  )

  it.scoped("L6 a row with damaged JSON keeps its place as an opaque event, start succeeds, verify names it", () =>
    Effect.gen(function* () {
      const log = yield* damaged(execute(`UPDATE events SET json = substr(json, 1, 40) WHERE offset = 700`))
      const list = wire(yield* all(log))
      expect(list.map(({ offset }) => offset)).toEqual(range(1, 2_000))
      expect(list[699]).toEqual({
        offset: 700,
        stream: "thread/thr_0",
        version: 300,
        type: corruptType,
        at: "1970-01-01T00:00:00.000Z",
        epoch: 0,
        data: { type: "item.delta", reason: "its JSON is damaged" }
      })
      expect(wire(yield* all(log, "thread/thr_0")).map(({ version }) => version)).toEqual(range(1, 1_000))
      expect((yield* log.append(events("thread/thr_0", 1)))[0]).toEqual({ first: 2_001, last: 2_001 })
      expect(yield* verified(log)).toMatchObject({ problemCount: 1, problems: [{ offset: 700, problem: "unreadable" }] })
    })
  )

  it.scoped("L6 a missing row is reported, not skipped", () =>
    Effect.gen(function* () {
      const log = yield* damaged(execute(`DELETE FROM events WHERE offset BETWEEN 10 AND 12`))
      const list = wire(yield* all(log))
      expect(list.map(({ offset }) => offset)).toEqual(range(1, 2_000))
      expect(list.filter(({ type }) => type === corruptType).map(({ offset }) => offset)).toEqual([10, 11, 12])
      const report = yield* verified(log)
      // One line, and none for the versions that are missing with them.
      expect(report.problems).toMatchObject([
        { offset: 10, problem: "unreadable", message: expect.stringContaining("events 10 to 12 (3)") as string }
      ])
    })
  )

  it.scoped("L6 no more versions of a stream are missing than events are unreadable", () =>
    Effect.gen(function* () {
      // thr_1 has the events 1 to 200, 401 to 600, …; thr_0 the others.
      const log = yield* damaged(
        execute(`DELETE FROM events WHERE offset BETWEEN 190 AND 195;
                 UPDATE events SET version = version + 7, json = replace(json, '"version":' || version || ',', '"version":' || (version + 7) || ',')
                 WHERE offset BETWEEN 401 AND 2000 AND stream = (SELECT stream FROM events WHERE offset = 1)`)
      )
      const { problems } = yield* verified(log)
      expect(problems).toMatchObject([
        { offset: 190, problem: "unreadable" },
        { offset: 401, problem: "version" }
      ])
    })
  )

  it.scoped("L18 many unreadable events do not hide another problem", () =>
    Effect.gen(function* () {
      // The last events have wrong versions; 150 single events before them cannot be read.
      const log = yield* damaged(
        execute(`UPDATE events SET json = 'x' WHERE offset <= 300 AND offset % 2 = 0;
                 UPDATE events SET version = version + 7, json = replace(json, '"version":' || version || ',', '"version":' || (version + 7) || ',')
                 WHERE offset > 1800`)
      )
      const { problemCount, problems } = yield* verified(log)
      expect(problemCount).toBe(151)
      expect(problems.filter(({ problem }) => problem === "unreadable")).toHaveLength(100)
      expect(problems.at(-1)).toMatchObject({ offset: 1801, problem: "version" })
    })
  )

  it.scoped("L6 a damaged page of the file loses only the events on it", () =>
    Effect.gen(function* () {
      const log = yield* damaged((file) => {
        const bytes = readFileSync(file)
        const place = bytes.indexOf('{"offset":1003,')
        expect(place).toBeGreaterThan(0)
        const page = Math.floor(place / 4_096) * 4_096
        bytes.fill(0xee, page, page + 100)
        writeFileSync(file, bytes)
      })
      for (const list of [wire(yield* all(log)), wire(yield* all(log))]) {
        expect(list.map(({ offset }) => offset)).toEqual(range(1, 2_000))
        const lost = list.filter(({ type }) => type === corruptType).map(({ offset }) => offset)
        expect(lost).toContain(1_003)
        expect(lost.length).toBeLessThan(60)
        expect(lost).toEqual(range(lost[0]!, lost.at(-1)!))
      }
      const own = wire(yield* all(log, "thread/thr_0"))
      expect(own.map(({ offset }) => offset).every((offset, i, list) => i === 0 || offset > list[i - 1]!)).toBe(true)
      expect(own).toHaveLength(1_000)
      expect(yield* log.append(events("thread/thr_0", 1))).toEqual([{ first: 2_001, last: 2_001 }])
      expect((yield* verified(log)).problemCount).toBeGreaterThan(0)
    })
  )

  it.scoped("L6 the file check covers the indexes and the recorded versions of the streams", () =>
    Effect.gen(function* () {
      let at = ""
      const sound = yield* damaged((file) => {
        at = file
      })
      const withFile = (log: Log) => Effect.provideService(verify({ checks: [SqliteCheck.check(at)] }), EventLog, log)
      expect((yield* withFile(sound)).problems).toEqual([])
      const behind = yield* damaged((file) => {
        at = file
        execute(`UPDATE streams SET version = version - 1 WHERE name = 'thread/thr_1'`)(file)
      })
      expect((yield* withFile(behind)).problems).toMatchObject([{ problem: "version", stream: "thread/thr_1" }])
      const unindexed = yield* damaged((file) => {
        at = file
        const db = Sqlite.openWriter(file, "NORMAL")
        // An index without its rows: a reader of one stream would miss them.
        db.unsafeMode(true)
        db.exec(
          `PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, '(stream)', '(version)') WHERE name = 'events_by_stream'`
        )
        Sqlite.close(db)
      })
      expect((yield* withFile(unindexed)).problems).toContainEqual(
        expect.objectContaining({ problem: "file", message: expect.stringContaining("events_by_stream") as string })
      )
    })
  )

  it.scoped("L1 wrong versions and columns that differ from the event are found", () =>
    Effect.gen(function* () {
      const log = yield* damaged(
        execute(`UPDATE events SET json = replace(json, '"version":5,', '"version":6,') WHERE offset = 5;
                 UPDATE events SET type = 'turn.completed' WHERE offset = 50`)
      )
      const { problems } = yield* verified(log)
      expect(problems).toMatchObject([
        { offset: 5, problem: "version" },
        { offset: 6, problem: "version" },
        { offset: 50, problem: "mismatch" }
      ])
    })
  )
})
