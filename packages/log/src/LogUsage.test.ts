import { describe, expect, it } from "@effect/vitest"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import { Clock, Effect, Fiber, Option } from "effect"
import { statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as DataDirectory from "./DataDirectory.ts"
import * as LogUsage from "./LogUsage.ts"
import * as EventLogSqlite from "./EventLogSqlite.ts"
import * as Sqlite from "./Sqlite.ts"
import { range } from "./suite/subject.ts"
import { UsageTally } from "./UsageTally.ts"

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

  const later = { now }
  it.scopedLive("L10 a later measurement reads only what changed, and equals a first one after any work on the log", () =>
    Effect.gen(function* () {
      const dataDir = yield* temporaryDirectory
      const { logFile: file } = yield* DataDirectory.make(dataDir)
      const log = yield* EventLogSqlite.make({ file, ringBytes: 1 })
      const disk = yield* LogUsage.make({ dataDir })
      const measured = Effect.suspend(() => {
        later.now += 60_000
        return disk.current
      })
      const thread = (n: number) => `thread/thr_${n}`
      const append = (count: number, seed: number) =>
        log.append(range(1, count).map((n) => note(thread((n * seed) % 7), (n * seed) % 900, now - (n % 2) * 20 * day)))
      const pack = Effect.gen(function* () {
        const options = { below: (yield* log.head) + 1, before: "9999" }
        while ((yield* log.pack(options)).more);
      })
      const forget = (stream: string) => ({ ...note(stream, 0, now), forget: [stream] })
      const steps: ReadonlyArray<readonly [string, Effect.Effect<unknown, unknown>]> = [
        ["first events", append(2_500, 3)],
        ["more events", append(700, 5)],
        ["packed", pack],
        ["nothing", Effect.void],
        ["a block and a part of one", append(1_300, 11)],
        ["removed", log.trim(1_400)],
        ["packed again", pack],
        ["a deletion", Effect.zipRight(log.append([forget(thread(2))]), log.awaitErased)],
        ["events after it", append(10, 1)],
        ["all removed", Effect.flatMap(log.head, log.trim)],
        ["events again", append(10, 1)]
      ]
      for (const [name, step] of steps) {
        yield* step
        const incremental = yield* measured
        // Reads the index of the segments, not the segments.
        const fresh = yield* LogUsage.measure({ dataDir }, new UsageTally(0))
        const { coldBytes, fileBytes, freeBytes, head, retainedFrom } = fresh
        expect(incremental, name).toMatchObject({ coldBytes, fileBytes, freeBytes, head, retainedFrom })
        expect(incremental.threads.length, name).toBe(fresh.threads.length)
        const sizes = new Map(fresh.threads.map(({ bytes, threadId }) => [threadId, bytes]))
        const differences = incremental.threads.map(({ bytes, threadId }) => Math.abs(bytes - (sizes.get(threadId) ?? 0)))
        // Sums are rounded.
        expect(Math.max(0, Math.abs(incremental.bytesPerDay - fresh.bytesPerDay), ...differences), name).toBeLessThanOrEqual(1)
      }
      yield* append(2_000, 1)
      const before = (yield* measured).threads.find(({ threadId }) => threadId === "thr_1")!.bytes
      const db = Sqlite.openWriter(file, "NORMAL")
      const oldest = "SELECT min(offset) FROM events WHERE stream = (SELECT id FROM streams WHERE name = 'thread/thr_1')"
      db.exec(`UPDATE events SET json = json || printf('%1000000s', ' ') WHERE offset = (${oldest})`)
      Sqlite.close(db)
      yield* log.append([note(thread(1), 500, now)])
      const after = (yield* measured).threads.find(({ threadId }) => threadId === "thr_1")!.bytes
      // The event of the new row, and nothing of the row that was read before.
      expect(after - before).toBeGreaterThan(500)
      expect(after - before).toBeLessThan(1_000)
    }).pipe(withTime(later))
  )

  it.scopedLive("a directory without a log has an empty one", () =>
    Effect.gen(function* () {
      const usage = yield* LogUsage.measure({ dataDir: yield* temporaryDirectory })
      expect(usage).toMatchObject({ head: 0, fileBytes: 0, bytesPerDay: 0, threads: [] })
      expect(usage.daysUntilFull).toBeUndefined()
    })
  )
})
