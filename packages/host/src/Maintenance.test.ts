import { mkdirSync, utimesSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import { EventLog, type PackOptions, type RowChange, type SegmentUsage } from "@millrace/log/EventLog"
import * as EventLogMemory from "@millrace/log/EventLogMemory"
import { unavailable, StorageFailure } from "@millrace/log/Storage"
import * as Cursor from "@millrace/contracts/Cursor"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import { type Duration, Effect, Fiber, Logger, TestClock } from "effect"
import type { Consumers } from "./Consumers.ts"
import type * as ArchivedThreads from "./ArchivedThreads.ts"
import * as Maintenance from "./Maintenance.ts"

const put = (collection: string, key: string, value: unknown): RowChange => ({
  op: "put",
  collection,
  key,
  parent: "",
  event: 0,
  rank: "keep",
  value
})

type Reader = ReturnType<Consumers["live"]> extends Iterable<infer One> ? One : never
const reader = (delivered: number): Reader => ({ name: "one", stream: undefined, delivery: "lossless", delivered })

/** A log in memory with 100 events that claims to have segments of 10 events, the oldest of them two days old. */
const start = (options: Maintenance.Options, readers: ReadonlyArray<Reader> = [], stepTakes: Duration.DurationInput = 0) =>
  Effect.gen(function* () {
    const memory = yield* EventLogMemory.make()
    const work = { steps: 0, most: 0, now: 0 }
    const packs: Array<Pick<PackOptions, "below" | "before">> = []
    const messages: Array<string> = []
    let sweeps = 0
    let steps = 0
    let fails = false
    const log: typeof EventLog.Service = {
      ...memory,
      pack: ({ below, before }) =>
        Effect.suspend(() => {
          packs.push({ below, before })
          if (fails) return Effect.fail(unavailable("pack", new StorageFailure("full", "scripted")))
          steps++
          work.most = Math.max(work.most, ++work.now)
          const step = Effect.succeed({ events: 0, bytes: 0, rows: 0, pages: 0, more: steps % 3 !== 0 })
          return Effect.zipRight(Effect.sleep(stepTakes), step).pipe(Effect.ensuring(Effect.sync(() => work.now--)))
        }),
      sweepBlobs: (before) =>
        Effect.suspend(() => {
          sweeps++
          return memory.sweepBlobs(before)
        }),
      disk: Effect.zipWith(memory.disk, memory.retainedFrom, (disk, removed) => ({
        ...disk,
        fileBytes: 5_000,
        coldBytes: 1_000 - removed,
        coldUpTo: 100
      })),
      segmentAfter: (offset) =>
        Effect.sync((): SegmentUsage | undefined => ({
          last: offset + 10,
          bytes: 10,
          at: new Date(offset < 50 ? 0 : 86_400_000 * 2).toISOString()
        }))
    }
    const append = (rows: ReadonlyArray<RowChange> = []) =>
      log.append([{ events: [{ stream: "thread/thr_a", type: "a", at: "", epoch: 0, data: {} }], rows }])
    for (let n = 0; n < 100; n++) yield* append()
    yield* TestClock.setTime(86_400_000 * 2)
    const deleted: Array<string> = []
    let isFull = false
    const expire: ArchivedThreads.Expire = ({ before, threadId }) =>
      Effect.suspend(() => {
        if (isFull) return Effect.never
        deleted.push(`${threadId} ${before.slice(0, 10)}`)
        return log
          .append([{ events: [], rows: [{ op: "delete", collection: "thread-archived", key: threadId }] }])
          .pipe(Effect.as(true), Effect.orDie)
      })
    const requested = yield* Maintenance.make({ live: () => readers }, expire, { interval: "1 minute", ...options }).pipe(
      Effect.provideService(EventLog, log),
      Effect.provide(
        Logger.replace(
          Logger.defaultLogger,
          Logger.make(({ message }) => void messages.push(String(message)))
        )
      )
    )
    /** One run. It may wait for 1 ms after an append. */
    const run = Effect.zipRight(TestClock.adjust("1 minute"), TestClock.adjust("10 millis"))
    return {
      log,
      append,
      requested,
      deleted,
      work,
      packs,
      sweeps: () => sweeps,
      messages,
      run,
      fail: (on: boolean) => Effect.sync(() => void (fails = on)),
      /** After this call a deletion waits, as it does while the log cannot be written. */
      fill: Effect.sync(() => void (isFull = true))
    }
  })

describe("Maintenance", () => {
  it.scoped("L13 events older than an hour are packed, step by step, and never one of a queued or open turn", () =>
    Effect.gen(function* () {
      const { append, packs, run } = yield* start({})
      yield* run
      expect(packs).toEqual(Array.from({ length: 3 }, () => ({ below: 101, before: "1970-01-02T23:01:00.000Z" })))
      const turn = (id: string) => put("turn", id, {})
      const state = (turns: ReadonlyArray<string>, queue: ReadonlyArray<string>) =>
        put("thread-state", "thr_a", { turns: turns.map((turnId) => ({ turnId })), queue: queue.map((turnId) => ({ turnId })) })
      yield* append([turn("t0")])
      yield* append([put("live", "thr_a", true), turn("t1")])
      yield* append([turn("t2"), state(["t1"], ["t2"])])
      yield* run
      expect(packs.at(-1)?.below).toBe(102)
      yield* append([state([], ["t2"])])
      yield* run
      expect(packs.at(-1)?.below).toBe(103)
      // A live session without a turn holds nothing back. A turn that begins during the run begins at this bound or later.
      yield* append([state([], [])])
      yield* run
      expect(packs.at(-1)?.below).toBe(106)
    })
  )

  it.scoped("L13 0 packs nothing", () =>
    Effect.gen(function* () {
      const { packs, run } = yield* start({ coldAfter: 0 })
      yield* run
      expect(packs).toEqual([])
    })
  )

  it.scoped("L17 segments older than the days are removed, the others stay", () =>
    Effect.gen(function* () {
      const { log, run } = yield* start({ retention: { days: 1 } })
      yield* run
      expect(yield* log.retainedFrom).toBe(50)
    })
  )

  it.scoped("L17 the oldest segments are removed while the log is larger than its bytes", () =>
    Effect.gen(function* () {
      const { log, run } = yield* start({ retention: { bytes: 970 } })
      yield* run
      expect(yield* log.retainedFrom).toBe(30)
    })
  )

  it.scoped("L17 bytes are those of packed events: what retention cannot change does not count", () =>
    Effect.gen(function* () {
      const { log, requested, run } = yield* start({ retention: { bytes: 1_000 } })
      yield* run
      expect(yield* log.retainedFrom).toBe(0)
      expect(yield* requested.pruneLog({ maxBytes: 1_000, dryRun: true })).toMatchObject({ removed: 0 })
    })
  )

  it.scoped(
    "L17 an idle session holds nothing back; an active goal and a scheduled continuation do, and an open turn from its start",
    () =>
      Effect.gen(function* () {
        const { append, log, run } = yield* start({ retention: { bytes: 1 } })
        yield* append([put("live", "thr_a", true), put("turn", "t1", {})])
        const state = (more: object) => put("thread-state", "thr_a", { turns: [], queue: [], ...more })
        const afterRun = (more: object) =>
          Effect.gen(function* () {
            yield* append([state(more)])
            for (let n = 0; n < 10; n++) yield* append()
            yield* run
            return yield* log.retainedFrom
          })
        expect(yield* afterRun({ goal: { status: "active" } })).toBe(100)
        expect(yield* afterRun({ continuation: { turnId: "t0" } })).toBe(100)
        expect(yield* afterRun({ turns: [{ turnId: "t1" }] })).toBe(100)
        yield* append([put("turn", "t2", {})])
        expect(yield* afterRun({ turns: [{ turnId: "t2" }], goal: { status: "paused" } })).toBe(130)
        expect(yield* afterRun({ session: {} })).toBe(150)
      })
  )

  it.scoped("L17 retention stops before an attached remote reader, until it leaves", () =>
    Effect.gen(function* () {
      const { log, requested, run } = yield* start({ retention: { bytes: 1 } })
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* requested.addReaders(() => [70, 25])
          yield* run
          expect(yield* log.retainedFrom).toBe(20)
        })
      )
      yield* run
      expect(yield* log.retainedFrom).toBe(100)
    })
  )

  it.scoped("L17 a reader that stays attached and does not read holds back retention for a day; one that reads slowly does", () =>
    Effect.gen(function* () {
      const { append, log, messages, requested } = yield* start({ retention: { bytes: 1 }, interval: "6 hours" })
      let slow = 45
      yield* requested.addReaders(() => [100, slow, 25])
      const day = Effect.forEach([1, 2, 3, 4], () => Effect.zipRight(TestClock.adjust("6 hours"), TestClock.adjust("300 millis")))
      yield* TestClock.adjust("6 hours")
      expect(yield* log.retainedFrom).toBe(20)
      yield* TestClock.adjust("18 hours")
      expect(yield* log.retainedFrom).toBe(20)
      slow = 46
      yield* TestClock.adjust("6 hours")
      expect(yield* log.retainedFrom).toBe(40)
      expect(messages.filter((message) => message.includes("up to 25 have not read"))).toHaveLength(1)
      slow = 100
      // The log is idle for two days, with readers that have everything.
      yield* day
      yield* day
      expect(yield* log.retainedFrom).toBe(100)
      for (let n = 0; n < 20; n++) yield* append()
      yield* TestClock.adjust("6 hours")
      yield* TestClock.adjust("300 millis")
      expect(yield* log.retainedFrom).toBe(100)
      yield* day
      expect(yield* log.retainedFrom).toBe(120)
      expect(messages).toHaveLength(2)
    })
  )

  it.scoped("L17 retention stops before a cursor that was saved within the last day", () =>
    Effect.gen(function* () {
      const dataDir = yield* temporaryDirectory
      const { log, requested } = yield* start({ dataDir, coldAfter: 0, interval: "2 days" })
      const prune = requested.pruneLog({ maxBytes: 1 })
      mkdirSync(join(dataDir, "cursors"))
      const file = join(dataDir, "cursors", "mail")
      writeFileSync(file, Cursor.format(log.epoch, 34))
      // Now, by the test's clock.
      utimesSync(file, 2 * 86_400, 2 * 86_400)
      writeFileSync(join(dataDir, "cursors", "other-log"), Cursor.format("01ARZ3NDEKTSV4RRFFQ69G5FAV", 5))
      writeFileSync(join(dataDir, "cursors", "no-cursor"), "5")
      expect((yield* prune).retainedFrom).toBe(30)
      yield* TestClock.adjust("24 hours")
      expect((yield* prune).retainedFrom).toBe(30)
      yield* TestClock.adjust("1 second")
      expect((yield* prune).retainedFrom).toBe(100)
    })
  )

  it.scoped("L17 a forced prune removes what readers have not received, and reports how many; never an open turn", () =>
    Effect.gen(function* () {
      const { append, log, requested } = yield* start({}, [reader(25)])
      yield* requested.addReaders(() => [5, 100])
      expect(yield* requested.pruneLog({ maxBytes: 1 })).toMatchObject({ removed: 0 })
      yield* append([
        put("live", "thr_a", true),
        put("thread-state", "thr_a", { turns: [], queue: [], goal: { status: "active" } })
      ])
      const forced = { maxBytes: 1, force: true }
      const waiting = yield* Effect.fork(requested.pruneLog({ ...forced, dryRun: true }))
      yield* TestClock.adjust("10 millis")
      expect(yield* Fiber.join(waiting)).toMatchObject({ removed: 100, readersCut: 2 })
      expect(yield* log.retainedFrom).toBe(0)
      expect(yield* requested.pruneLog(forced)).toMatchObject({ removed: 100, retainedFrom: 100, readersCut: 2 })
      expect(yield* requested.pruneLog({ maxBytes: 1 })).not.toHaveProperty("readersCut")
    })
  )

  it.scoped("L17 archived threads go some days after their last event; those with a session, and others, stay", () =>
    Effect.gen(function* () {
      const { append, deleted } = yield* start({ retention: { threads: { days: 1 } }, coldAfter: 0, interval: "1 day" })
      const archived = (key: string, day: number) =>
        append([put("thread-archived", key, { updatedAt: new Date(86_400_000 * day).toISOString() })])
      for (let n = 0; n < 60; n++) yield* archived(`thr_${n}`, 0)
      yield* archived("thr_live", 0)
      yield* append([put("live", "thr_live", true)])
      yield* archived("thr_new", 2.5)
      yield* append([put("thread", "thr_open", { updatedAt: new Date(0).toISOString() })])
      const run = Effect.zipRight(TestClock.adjust("1 day"), TestClock.adjust("1 minute"))
      yield* run
      expect(deleted).toEqual(Array.from({ length: 60 }, (_, n) => `thr_${n} 1970-01-03`))
      yield* run
      expect(deleted.slice(60)).toEqual(["thr_new 1970-01-04"])
    })
  )

  it.scoped("L17 a deletion that waits for space does not hold back the steps that make space, or a request", () =>
    Effect.gen(function* () {
      const { append, fill, log, requested, run } = yield* start({ retention: { days: 1, threads: { days: 1 } } })
      yield* append([put("thread-archived", "thr_old", { updatedAt: new Date(0).toISOString() })])
      yield* fill
      yield* run
      yield* run
      expect(yield* log.retainedFrom).toBe(50)
      expect(yield* requested.pruneLog({ maxBytes: 1 })).toMatchObject({ retainedFrom: 100 })
    })
  )

  it.scoped("L17 without retention everything stays", () =>
    Effect.gen(function* () {
      const { log, run } = yield* start({})
      yield* run
      expect(yield* log.retainedFrom).toBe(0)
    })
  )

  it.scoped("L17 retention stops before a subscriber that still reads, and before a thread with an open turn or a goal", () =>
    Effect.gen(function* () {
      const readers = [reader(25)]
      const one = yield* start({ retention: { bytes: 1 } }, readers)
      yield* one.run
      expect(yield* one.log.retainedFrom).toBe(20)
      readers[0] = reader(30)
      yield* one.run
      expect(yield* one.log.retainedFrom).toBe(30)
      readers.length = 0
      yield* one.append([put("live", "thr_a", true)])
      yield* one.run
      expect(yield* one.log.retainedFrom).toBe(100)
    })
  )

  it.scoped(
    "L13 a request packs everything before open turns, and never at the same time as another request or the fiber's own run",
    () =>
      Effect.gen(function* () {
        const { append, packs, requested, work } = yield* start({}, [], "1 second")
        const requests = yield* Effect.fork(Effect.all([requested.packLog, requested.packLog], { concurrency: 2 }))
        yield* TestClock.adjust("1 minute")
        expect((yield* Fiber.join(requests)).map(({ more }) => more)).toEqual([false, false])
        expect(packs.slice(0, 6)).toEqual(Array.from({ length: 6 }, () => ({ below: 101, before: expect.any(String) })))
        expect(packs[0]!.before).toBe("1970-01-03T00:00:00.000Z")
        yield* append([put("live", "thr_a", true), put("turn", "t1", {})])
        yield* append([put("thread-state", "thr_a", { turns: [{ turnId: "t1" }], queue: [] })])
        // The fiber's run and a request at the same time.
        const request = yield* Effect.fork(Effect.zipRight(Effect.sleep("1 minute"), requested.packLog))
        yield* TestClock.adjust("2 minutes")
        yield* Fiber.join(request)
        expect(packs.at(-1)?.below).toBe(101)
        expect(work.most).toBe(1)
      })
  )

  it.scoped(
    "L13 a request ends after 10 seconds and reports that there is more; one that is cut off leaves the next one free",
    () =>
      Effect.gen(function* () {
        const { requested, work } = yield* start({ coldAfter: 0 }, [], "4 seconds")
        const first = yield* Effect.fork(requested.packLog)
        yield* TestClock.adjust("10 seconds")
        expect((yield* Fiber.join(first)).more).toBe(true)
        const cut = yield* Effect.fork(requested.packLog)
        yield* TestClock.adjust("1 second")
        yield* Fiber.interrupt(cut)
        const next = yield* Effect.fork(requested.packLog)
        yield* TestClock.adjust("10 seconds")
        expect((yield* Fiber.join(next)).more).toBe(false)
        expect(work.most).toBe(1)
      })
  )

  it.scoped("L17 a request removes what it asks for; a dry run reports the same and changes nothing", () =>
    Effect.gen(function* () {
      const readers = [reader(25)]
      const { append, log, packs, requested } = yield* start({ coldAfter: 0 }, readers)
      const preview = requested.pruneLog({ maxBytes: 1, dryRun: true })
      expect(yield* preview).toMatchObject({ removed: 20, retainedFrom: 20, removedBytes: 20, packed: 0, more: false })
      expect(yield* requested.pruneLog({ olderThanDays: 1, dryRun: true })).toMatchObject({ removed: 20 })
      readers.length = 0
      expect(yield* requested.pruneLog({ olderThanDays: 1, dryRun: true })).toMatchObject({ removed: 50, retainedFrom: 50 })
      yield* append([put("live", "thr_a", true)])
      // A slice after an append waits for 1 ms.
      const waiting = yield* Effect.fork(preview)
      yield* TestClock.adjust("10 millis")
      expect(yield* Fiber.join(waiting)).toMatchObject({ removed: 100, retainedFrom: 100 })
      expect([yield* log.retainedFrom, packs]).toEqual([0, []])
      expect(yield* requested.pruneLog({ olderThanDays: 1 })).toMatchObject({ removed: 50, retainedFrom: 50, more: false })
      expect(yield* requested.pruneLog({ maxBytes: 1 })).toMatchObject({ removed: 50, retainedFrom: 100 })
      expect(new Set(packs.map(({ before }) => before))).toEqual(
        new Set(["1970-01-02T00:00:00.010Z", "1970-01-03T00:00:00.010Z"])
      )
    })
  )

  it.scoped("L9 a fault of one step is logged once and does not stop the others, and the next run tries again", () =>
    Effect.gen(function* () {
      const { append, fail, messages, packs, run, sweeps } = yield* start({})
      yield* fail(true)
      yield* run
      yield* run
      expect(packs).toHaveLength(2)
      expect(sweeps()).toBe(2)
      expect(messages).toHaveLength(1)
      expect(messages[0]).toContain("The disk is full")
      yield* append()
      yield* fail(false)
      yield* run
      yield* fail(true)
      yield* run
      expect(messages).toHaveLength(2)
    })
  )
})
