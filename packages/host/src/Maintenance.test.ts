import { describe, expect, it } from "@effect/vitest"
import { EventLog, type OldestSegment, type PackOptions, type RowChange } from "@millrace/log/EventLog"
import * as EventLogMemory from "@millrace/log/EventLogMemory"
import { unavailable, StorageFailure } from "@millrace/log/Storage"
import { Effect, Logger, TestClock } from "effect"
import type { Consumers } from "./Consumers.ts"
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
const start = (options: Maintenance.Options, readers: ReadonlyArray<Reader> = []) =>
  Effect.gen(function* () {
    const memory = yield* EventLogMemory.make()
    const packs: Array<Pick<PackOptions, "below" | "before">> = []
    const messages: Array<string> = []
    let steps = 0
    let fails = false
    const log: typeof EventLog.Service = {
      ...memory,
      pack: ({ below, before }) =>
        Effect.suspend(() => {
          packs.push({ below, before })
          if (fails) return Effect.fail(unavailable("pack", new StorageFailure("full", "scripted")))
          steps++
          return Effect.succeed({ events: 0, bytes: 0, rows: 0, pages: 0, more: steps % 3 !== 0 })
        }),
      oldestSegment: Effect.map(memory.retainedFrom, (retained): OldestSegment | undefined => ({
        last: retained + 10,
        at: new Date(retained < 50 ? 0 : 86_400_000 * 2).toISOString(),
        usedBytes: 1_000 - retained
      }))
    }
    const append = (rows: ReadonlyArray<RowChange> = []) =>
      log.append([{ events: [{ stream: "thread/thr_a", type: "a", at: "", epoch: 0, data: {} }], rows }])
    for (let n = 0; n < 100; n++) yield* append()
    yield* TestClock.setTime(86_400_000 * 2)
    yield* Maintenance.make({ live: () => readers }, { interval: "1 minute", ...options }).pipe(
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
    return { log, append, packs, messages, run, fail: (on: boolean) => Effect.sync(() => void (fails = on)) }
  })

describe("Maintenance", () => {
  it.scoped("L13 events older than an hour are packed, step by step, and never one of a queued or open turn", () =>
    Effect.gen(function* () {
      const { append, packs, run } = yield* start({})
      yield* run
      expect(packs).toEqual(Array.from({ length: 3 }, () => ({ below: Infinity, before: "1970-01-02T23:01:00.000Z" })))
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
      // A live session without a turn holds nothing back.
      yield* append([state([], [])])
      yield* run
      expect(packs.at(-1)?.below).toBe(Infinity)
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

  it.scoped("L9 a fault is logged once, and the next run tries again", () =>
    Effect.gen(function* () {
      const { append, fail, messages, packs, run } = yield* start({})
      yield* fail(true)
      yield* run
      yield* run
      expect(packs).toHaveLength(2)
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
