import { describe, expect, it } from "@effect/vitest"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import { Clock, Effect, Fiber, Option } from "effect"
import { statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as DataDirectory from "./DataDirectory.ts"
import * as LogUsage from "./LogUsage.ts"
import * as EventLogSqlite from "./EventLogSqlite.ts"
import { range } from "./suite/subject.ts"

const day = 86_400_000
/** Short enough to stay in the event. */
const pieces = (bytes: number) =>
  range(1, Math.ceil(bytes / 4_000)).map((n) => "x".repeat(Math.min(4_000, bytes - (n - 1) * 4_000)))
const note = (stream: string, bytes: number, at: number) => ({
  events: [{ stream, type: "note", at: new Date(at).toISOString(), epoch: 0, data: { text: pieces(bytes) } }],
  rows: []
})

const now = Date.UTC(2026, 10, 20, 9)

/** Runs with a clock that shows the time of `at`. Sleeps are real: the slices of a measurement end by themselves. */
const withTime = (at: { now: number }) => {
  const live = Clock.make()
  return Effect.withClock({
    [Clock.ClockTypeId]: Clock.ClockTypeId,
    unsafeCurrentTimeMillis: () => at.now,
    unsafeCurrentTimeNanos: () => live.unsafeCurrentTimeNanos(),
    currentTimeMillis: Effect.sync(() => at.now),
    currentTimeNanos: live.currentTimeNanos,
    sleep: (duration) => live.sleep(duration)
  })
}

describe("log usage", () => {
  it.scopedLive(
    "L10 counts the log, its threads and the other files, whatever the slices; a young log's growth is that of its age",
    () =>
      Effect.gen(function* () {
        const dataDir = yield* temporaryDirectory
        const directory = yield* DataDirectory.make(dataDir)
        const log = yield* EventLogSqlite.make({ file: directory.logFile, anchor: directory.anchorFile })
        // Old events count for the size, not for the growth; more than two slices of rows.
        yield* log.append(range(1, 1_200).map(() => note("thread/thr_old", 100, now - 30 * day)))
        yield* log.append(range(1, 1_200).map((n) => note(`thread/thr_${n % 30}`, n % 30, now - 3.5 * day)))
        yield* log.append([note("thread/thr_big", 200_000, now), note("project/prj_1", 150_000, now)])
        writeFileSync(join(dataDir, "tokens.jsonl"), "x".repeat(70))
        writeFileSync(join(dataDir, "log.db.v1.backup"), "x".repeat(50))
        const usage = yield* LogUsage.measure({ dataDir, maxFileBytes: 100_000_000 })
        expect(usage).toMatchObject({ head: 2402, retainedFrom: 0, coldBytes: 0, blobBytes: 0, maxFileBytes: 100_000_000 })
        expect(usage.otherBytes).toMatchObject({ access: 70, migrations: 50, live: expect.any(Number) })
        // The WAL holds the pages that are not in the file yet.
        expect(usage.fileBytes).toBeGreaterThanOrEqual(statSync(directory.logFile).size)
        expect(usage.threads.length).toBe(20)
        expect(usage.threads.slice(0, 2).map(({ threadId }) => threadId)).toEqual(["thr_old", "thr_big"])
        expect(usage.threads[1]!.bytes).toBeGreaterThan(200_000)
        expect(usage.threads[1]!.bytes).toBeLessThan(200_300)
        const sizes = usage.threads.map(({ bytes }) => bytes)
        expect(sizes).toEqual(sizes.toSorted((a, b) => b - a))
        // About 560 KB of 800 KB are of the last 3.5 days.
        expect(usage.bytesPerDay * 3.5).toBeGreaterThan(usage.fileBytes * 0.5)
        expect(usage.bytesPerDay * 3.5).toBeLessThan(usage.fileBytes * 0.9)
        expect(usage.daysUntilFull).toBe(Math.floor((100_000_000 - usage.fileBytes + usage.freeBytes) / usage.bytesPerDay))
      }).pipe(withTime({ now }))
  )

  const time = { now }
  it.scopedLive("L10 one measurement serves all that ask within a minute, and continues when the first one leaves", () =>
    Effect.gen(function* () {
      const dataDir = yield* temporaryDirectory
      const directory = yield* DataDirectory.make(dataDir)
      const log = yield* EventLogSqlite.make({ file: directory.logFile })
      yield* log.append([note("thread/thr_1", 100, now)])
      const disk = yield* LogUsage.make({ dataDir })
      expect(yield* disk.latest).toEqual(Option.none())
      const first = yield* Effect.fork(disk.current)
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(first)
      const usage = yield* disk.current
      yield* log.append([note("thread/thr_1", 100, now)])
      time.now += 59_999
      expect(yield* disk.current).toBe(usage)
      expect(yield* disk.latest).toEqual(Option.some(usage))
      time.now += 1
      expect(yield* disk.current).toMatchObject({ head: 2 })
    }).pipe(withTime(time))
  )

  it.scopedLive("a directory without a log has an empty one", () =>
    Effect.gen(function* () {
      const usage = yield* LogUsage.measure({ dataDir: yield* temporaryDirectory })
      expect(usage).toMatchObject({ head: 0, fileBytes: 0, bytesPerDay: 0, threads: [] })
      expect(usage.daysUntilFull).toBeUndefined()
    })
  )
})
