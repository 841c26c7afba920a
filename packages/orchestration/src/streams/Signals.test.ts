import { describe, expect, it } from "@effect/vitest"
import type { ItemId, ThreadId, TurnId } from "@millrace/contracts/Ids"
import type { ProviderSignal } from "@millrace/contracts/ProviderEvent"
import { seeds, simulate } from "@millrace/testing/SeededScheduler"
import { Effect, Exit, Fiber, Random, TestClock } from "effect"
import * as Signals from "./Signals.ts"

const thread = (name: string) => `thr_${name}` as ThreadId
const turn = (name: string) => `trn_${name}` as TurnId
const item = (name: string) => `itm_${name}` as ItemId
const usage = (name: string, outputTokens: number): ProviderSignal => ({
  _tag: "Signal",
  turnId: turn(name),
  kind: "usage",
  data: { outputTokens }
})
const progress = (name: string, text: string): ProviderSignal => ({
  _tag: "Signal",
  turnId: turn("a"),
  itemId: item(name),
  kind: "progress",
  data: { text }
})

/** The signals after a position. */
const found = (signals: typeof Signals.Signals.Service, position = 0, options = {}) =>
  signals.since(position, options).signals.map(({ data, key }) => [key, data])

/** Lets the batch that is due now become visible. */
const now = TestClock.adjust("0 millis")

describe("Signals", () => {
  it.scoped("D12 the report of an agent is joined from its parts, is bounded as a signal, and ends with the session", () =>
    Effect.gen(function* () {
      const signals = yield* Signals.make()
      const session = yield* signals.session(thread("a"))
      const commands = Array.from({ length: 1000 }, (_, n) => ({ name: `command-${n}`, description: "does it".repeat(50) }))
      session.publish({ _tag: "Signal", kind: "agent", data: { commands, mode: "plan" } })
      session.publish({ _tag: "Signal", kind: "agent", data: { mode: "default", context: { tokens: 5, window: 9 } } })
      yield* now
      const [only, ...others] = signals.since(0).signals
      expect(others).toEqual([])
      expect(only).toMatchObject({
        key: "agent/thr_a",
        kind: "agent",
        data: { mode: "default", context: { tokens: 5, window: 9 } }
      })
      expect(JSON.stringify(only?.data)).toContain('command-9"')
      expect(JSON.stringify(only).length).toBeLessThan(10_000)
      expect(signals.reportOf(thread("a"))).toEqual({ commands, mode: "default", context: { tokens: 5, window: 9 } })
      // A newer session's report stays when the older session closes.
      const newer = yield* signals.session(thread("a"))
      newer.publish({ _tag: "Signal", kind: "agent", data: { mode: "new" } })
      session.close()
      expect(signals.reportOf(thread("a"))?.mode).toBe("new")
      newer.close()
      expect(signals.reportOf(thread("a"))).toBeUndefined()
    })
  )

  it.scoped("D12 only the latest of each key; D5 none has an id, an offset or a cursor", () =>
    Effect.gen(function* () {
      const signals = yield* Signals.make()
      const session = yield* signals.session(thread("a"))
      for (let at = 1; at <= 1000; at++) session.publish(usage("a", at))
      session.publish(progress("1", "half"))
      yield* now
      expect(signals.since(0).signals).toEqual([
        { key: "usage/trn_a", threadId: thread("a"), turnId: turn("a"), kind: "usage", data: { outputTokens: 1000 } },
        {
          key: "progress/itm_1",
          threadId: thread("a"),
          turnId: turn("a"),
          itemId: item("1"),
          kind: "progress",
          data: { text: "half" }
        }
      ])
    })
  )

  it.scoped("D12 a busy agent wakes a reader once per batch, and no signal is later than one batch", () =>
    Effect.gen(function* () {
      const signals = yield* Signals.make({ every: "100 millis" })
      const session = yield* signals.session(thread("a"))
      const received: Array<unknown> = []
      let position = 0
      const reader = yield* Effect.suspend(() => signals.awaitBeyond(position)).pipe(
        Effect.zipRight(
          Effect.sync(() => {
            const seen = signals.since(position)
            position = seen.position
            received.push(seen.signals.map(({ data }) => data))
          })
        ),
        Effect.forever,
        Effect.fork
      )
      // 10,000 in a second of virtual time.
      for (let at = 0; at < 100; at++) {
        for (let each = 1; each <= 100; each++) session.publish(usage("a", at * 100 + each))
        yield* TestClock.adjust("10 millis")
      }
      // At 0 (after a pause), 100, ... 1000 ms.
      expect(received).toHaveLength(11)
      yield* TestClock.adjust("100 millis")
      expect(received.at(-1)).toEqual([{ outputTokens: 10_000 }])
      expect(received).toHaveLength(11)
      yield* Fiber.interrupt(reader)
    })
  )

  it.scoped(
    "D12 bounded: beyond the number of keys the least recently changed one is dropped; large data is replaced by its size",
    () =>
      Effect.gen(function* () {
        const signals = yield* Signals.make({ keys: 3 })
        const session = yield* signals.session(thread("a"))
        for (const name of ["1", "2", "3"]) session.publish(progress(name, name))
        yield* now
        session.publish(progress("1", "again"))
        session.publish(progress("4", "4"))
        yield* TestClock.adjust("1 second")
        expect(found(signals).map(([key]) => key)).toEqual(["progress/itm_3", "progress/itm_1", "progress/itm_4"])
        // The bound holds over all sessions together.
        const sessions = yield* Effect.forEach(["b", "c", "d"], (name) => signals.session(thread(name)))
        for (let at = 0; at < 100; at++) sessions[at % 3]?.publish(progress(`n${at}`, "x"))
        session.publish(progress("large", "x".repeat(1_000_000)))
        yield* TestClock.adjust("1 second")
        expect(found(signals)).toHaveLength(3)
        const large = found(signals).at(-1)
        expect(large).toMatchObject(["progress/itm_large", { truncatedBytes: 1_000_011 }])
        expect(JSON.stringify(large).length).toBeLessThan(4096)
      })
  )

  it.scoped(
    "D12 signals are dropped at the end: of an item with its completion, of a turn with its terminal, of a session with its end",
    () =>
      Effect.gen(function* () {
        const signals = yield* Signals.make()
        const a = yield* signals.session(thread("a"))
        const b = yield* signals.session(thread("b"))
        a.publish(progress("1", "x"))
        a.publish(progress("2", "x"))
        a.publish(usage("a", 1))
        b.publish(usage("b", 1))
        yield* now
        const keys = () => found(signals).map(([key]) => key)
        const message = { turnId: turn("a"), itemId: item("1"), kind: "command", content: {} }
        a.dropEnded({ _tag: "ItemCompleted", ...message, status: "completed" })
        expect(keys()).toEqual(["progress/itm_2", "usage/trn_a", "usage/trn_b"])
        a.dropEnded({ _tag: "TurnCompleted", turnId: turn("a") })
        expect(keys()).toEqual(["usage/trn_b"])
        // Holds also before the batch becomes visible.
        a.publish(usage("c", 1))
        a.dropEnded({ _tag: "TurnFailed", turnId: turn("c"), error: { kind: "unknown", message: "" } })
        b.close()
        b.publish(usage("d", 1))
        yield* TestClock.adjust("1 second")
        expect(keys()).toEqual([])
      })
  )

  it.scoped("D12 a reader of one thread gets no signals of others, and at most its limit at a time", () =>
    Effect.gen(function* () {
      const signals = yield* Signals.make()
      const a = yield* signals.session(thread("a"))
      const b = yield* signals.session(thread("b"))
      b.publish(usage("b", 1))
      for (const name of ["1", "2", "3"]) a.publish(progress(name, name))
      yield* now
      expect(signals.since(0, { stream: "thread/thr_b" }).signals.map(({ threadId }) => threadId)).toEqual([thread("b")])
      const first = signals.since(0, { stream: "thread/thr_a", limit: 2 })
      expect(first.signals.map(({ itemId }) => itemId)).toEqual(["itm_1", "itm_2"])
      const rest = signals.since(first.position, { stream: "thread/thr_a", limit: 2 })
      expect(rest.signals.map(({ itemId }) => itemId)).toEqual(["itm_3"])
      expect(signals.since(rest.position)).toEqual({ position: rest.position, signals: [] })
    })
  )

  it("D12 whatever the schedule: each reader ends with the latest of each key, in order of publishing, 200 seeds", async () => {
    const run = Effect.gen(function* () {
      const signals = yield* Signals.make({ every: "5 millis", keys: 8 })
      const session = yield* signals.session(thread("a"))
      const last = new Map<string, number>()
      const readers = [1, 2, 3].map((nth) => {
        const seen = new Map<string, Array<number>>()
        let position = 0
        const read = Effect.gen(function* () {
          for (;;) {
            yield* signals.awaitBeyond(position)
            yield* Effect.sleep(yield* Random.nextIntBetween(0, nth * 4))
            const next = signals.since(position, { limit: nth })
            position = next.position
            for (const { data, key } of next.signals)
              seen.set(key, [...(seen.get(key) ?? []), (data as { outputTokens: number }).outputTokens])
          }
        })
        return { read, seen }
      })
      for (const { read } of readers) yield* Effect.fork(read)
      for (let at = 1; at <= 60; at++) {
        const name = `t${yield* Random.nextIntBetween(0, 5)}`
        session.publish(usage(name, at))
        last.set(`usage/trn_${name}`, at)
        if (yield* Random.nextBoolean) yield* Effect.sleep(yield* Random.nextIntBetween(0, 6))
      }
      yield* Effect.sleep("1 second")
      for (const { seen } of readers)
        for (const [key, at] of last) {
          const told = seen.get(key) ?? []
          expect(told).toEqual(told.toSorted((a, b) => a - b))
          expect(new Set(told).size).toBe(told.length)
          expect(told.at(-1)).toBe(at)
        }
    }).pipe(Effect.scoped)
    for await (const seed of seeds(200)) expect(simulate(seed, run, { preempt: 0.05 }).exit, `seed ${seed}`).toEqual(Exit.void)
  })
})
