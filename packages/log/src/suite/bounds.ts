/** L4, L6, L10, D3, D4, D10: bounds, budgets, cursors, and bytes that are read as they were written. */
import { expect } from "@effect/vitest"
import { Effect, FastCheck, Fiber, Stream } from "effect"
import { maxEventBytes, type Page } from "../EventLog.ts"
import * as Query from "../Query.ts"
import { bytesOf, envelope, event, events, type Log, type Open, range, type Test, wire } from "./subject.ts"

/** Arbitrary JSON: lone surrogates, NUL, every kind of number, deep objects, odd keys. */
const anyJson = FastCheck.object({
  key: FastCheck.oneof(FastCheck.string16bits(), FastCheck.constantFrom("__proto__", "", "offset", "data")),
  values: [
    FastCheck.string16bits(),
    FastCheck.fullUnicodeString(),
    FastCheck.constantFrom("\u0000", "\u2028", '"', "\\", "\ud800", "\udfff\ud800", "\r\n", "\u007f"),
    FastCheck.double(),
    FastCheck.maxSafeInteger(),
    FastCheck.boolean(),
    FastCheck.constant(null)
  ],
  maxDepth: 4
})

/** All pages from an offset to the head, by chained reads. */
const chain = (log: Log, options: { readonly limit?: number; readonly maxBytes?: number; readonly stream?: string }) =>
  Effect.gen(function* () {
    const pages: Array<Page> = []
    for (let after = 0; ;) {
      const page = yield* log.read({ ...options, after })
      expect(page.upTo).toBeGreaterThanOrEqual(after)
      pages.push(page)
      if (page.upTo >= page.head) return pages
      after = page.upTo
    }
  })

export const bounds = (test: Test, open: Open): void => {
  test("L4 an event over 256 KiB is refused and nothing of its batch is written", (log) =>
    Effect.gen(function* () {
      const large = event("thread/thr_a", { text: "x".repeat(maxEventBytes) }, "item.completed")
      const error = yield* Effect.flip(log.append([...events("thread/thr_a", 2), envelope([large])]))
      expect(error).toMatchObject({ _tag: "EventTooLarge", type: "item.completed", limitBytes: maxEventBytes })
      expect(yield* log.head).toBe(0)
      // Bytes count, not characters: three times 100,000.
      const wide = yield* Effect.flip(log.append([envelope([event("thread/thr_a", { text: "€".repeat(100_000) })])]))
      expect(wide._tag).toBe("EventTooLarge")
      yield* log.append([envelope([event("thread/thr_a", { text: "x".repeat(maxEventBytes - 400) })])])
      expect(yield* log.head).toBe(1)
      expect((yield* log.stats).bytes).toBeLessThanOrEqual(maxEventBytes)
    }))

  test("L4 10,000 deltas to one message cost bytes linear in its text", (log) =>
    Effect.gen(function* () {
      const text = "0123456789"
      for (const _ of range(1, 20)) yield* log.append(events("thread/thr_a", 500, { text }))
      expect((yield* log.stats).bytes).toBeLessThan(10_000 * (text.length + 150))
    }))

  test("L6 the bytes of the table are the bytes that were published, for any JSON", (log) =>
    Effect.gen(function* () {
      const values = FastCheck.sample(anyJson, { numRuns: 300, seed: 7 })
      const live = yield* Effect.fork(
        log.follow({ after: 0 }).pipe(
          Stream.takeUntil((page) => page.upTo >= values.length),
          Stream.runCollect
        )
      )
      yield* Effect.yieldNow()
      for (const [i, value] of values.entries())
        yield* log.append([envelope([event("thread/thr_a", value, i % 2 === 0 ? "item.delta" : "never.heard.of")])])
      const published = yield* Fiber.join(live)
      const stored = yield* chain(log, {})
      expect(bytesOf(stored)).toEqual(bytesOf(published))
      for (const [i, one] of wire(stored).entries()) expect(one.data).toEqual(JSON.parse(JSON.stringify(values[i])))
      expect(
        stored.flatMap((page) => page.events.map(({ type }) => type)).filter((type) => type === "never.heard.of")
      ).toHaveLength(150)
    }))

  test("L10 an append costs the same statements whatever the batch and the history", (log) =>
    Effect.gen(function* () {
      const cost = (size: number) =>
        Effect.gen(function* () {
          const before = (yield* log.stats).statements
          yield* log.append(events("thread/thr_a", size))
          return (yield* log.stats).statements - before
        })
      const first = yield* cost(1)
      expect(yield* cost(9)).toBe(first)
      for (const _ of range(1, 20)) yield* log.append(events("thread/thr_a", 500))
      expect(yield* cost(1)).toBe(first)
      expect(yield* cost(512)).toBe(first)
    }))

  test("D3 a cursor beyond the head or below retention is an error, never an empty page", (log) =>
    Effect.gen(function* () {
      yield* log.append(events("thread/thr_a", 10))
      expect(yield* Effect.flip(log.read({ after: 11 }))).toMatchObject({ _tag: "CursorAhead", head: 10, logEpoch: log.epoch })
      expect(yield* Effect.flip(Stream.runDrain(log.follow({ after: 11 })))).toMatchObject({ _tag: "CursorAhead" })
      expect(yield* log.read({ after: 10 })).toEqual({ after: 10, upTo: 10, head: 10, events: [], generation: 0 })
      yield* log.trim(4)
      expect(yield* log.retainedFrom).toBe(4)
      expect(yield* Effect.flip(log.read({ after: 3 }))).toMatchObject({ _tag: "CursorExpired", head: 10, logEpoch: log.epoch })
      expect(yield* Effect.flip(Stream.runDrain(log.follow({ after: 3 })))).toMatchObject({ _tag: "CursorExpired" })
      expect(wire([yield* log.read({ after: 4 })]).map(({ offset }) => offset)).toEqual(range(5, 10))
      // Offsets continue, even after every event was trimmed.
      yield* log.trim(10)
      yield* log.append(events("thread/thr_a", 1))
      expect(wire([yield* log.read({ after: 10 })])).toMatchObject([{ offset: 11, version: 11 }])
    }))

  test("D4 chained reads under appends have no gap and no overlap, and each header matches its body", (log) =>
    Effect.gen(function* () {
      const writer = yield* Effect.fork(
        Effect.forEach(range(1, 100), (n) => Effect.zipRight(Effect.yieldNow(), log.append(events(`thread/thr_${n % 3}`, 7))))
      )
      const offsets: Array<number> = []
      for (let after = 0; offsets.length < 700;) {
        const page = yield* log.read({ after, limit: 10 })
        expect(page.after).toBe(after)
        expect(page.head).toBeGreaterThanOrEqual(page.upTo)
        if (page.events.length > 0) expect(page.upTo).toBe(page.events.at(-1)!.offset)
        offsets.push(...page.events.map(({ offset }) => offset))
        after = page.upTo
        yield* Effect.yieldNow()
      }
      yield* Fiber.join(writer)
      expect(offsets).toEqual(range(1, 700))
    }))

  test("D4 a view belongs to one head", (log) =>
    Effect.gen(function* () {
      yield* log.append([
        envelope(
          [event("thread/thr_a")],
          [{ op: "put", collection: "c", key: "k", parent: "", event: 0, rank: "bump", value: 1 }]
        )
      ])
      const collection = Query.collection<number>("c")
      const { page, ...seen } = yield* log.query({
        row: Query.row(collection, "k"),
        none: Query.row(collection, "nothing"),
        byKey: Query.rowsByKey(collection, ["nothing", "k"]),
        page: Query.events({ after: 0 }),
        ahead: Query.events({ after: 99 })
      })
      const row = { key: "k", parent: "", rank: 1, value: 1 }
      expect(page.upTo).toBe(1)
      expect(seen).toEqual({
        head: 1,
        retainedFrom: 0,
        row,
        none: undefined,
        byKey: new Map([["k", row]]),
        ahead: { after: 99, upTo: 99, head: 1, events: [], generation: 0 }
      })
    }))

  test("D10 pages end at their budget of rows and of bytes, with one event at least", (log) =>
    Effect.gen(function* () {
      yield* log.append([...events("thread/thr_a", 30), ...events("thread/thr_b", 30, { text: "x".repeat(5_000) })])
      const rows = yield* chain(log, { limit: 7 })
      expect(rows.map((page) => page.events.length)).toEqual([...range(1, 8).map(() => 7), 4])
      const bytes = yield* chain(log, { maxBytes: 11_000 })
      for (const page of bytes) expect(page.events.reduce((sum, { json }) => sum + json.length, 0)).toBeLessThanOrEqual(11_000)
      const single = yield* chain(log, { maxBytes: 1 })
      expect(single.map((page) => page.events.length)).toEqual(range(1, 60).map(() => 1))
      for (const pages of [rows, bytes, single]) expect(wire(pages).map(({ offset }) => offset)).toEqual(range(1, 60))
      const own = yield* chain(log, { stream: "thread/thr_b", limit: 4 })
      expect(wire(own).map(({ offset }) => offset)).toEqual(range(31, 60))
      expect(own.at(-1)?.upTo).toBe(60)
      expect(yield* log.read({ after: 0, stream: "thread/thr_unknown" })).toMatchObject({ upTo: 60, events: [] })
    }))

  test("D10 the ring stays in its bound and a slow follower still gets everything", () =>
    Effect.gen(function* () {
      const log = yield* open({ ringBytes: 20_000, pageBytes: 4_000 })
      const total = 2_000
      const slow = yield* Effect.fork(
        log.follow({ after: 0, maxBytes: 3_000 }).pipe(
          Stream.tap(() => Effect.repeatN(Effect.yieldNow(), 3)),
          Stream.takeUntil((page) => page.upTo >= total),
          Stream.runCollect
        )
      )
      for (const _ of range(1, total / 50)) {
        yield* log.append(events("thread/thr_a", 50))
        expect((yield* log.stats).ringBytes).toBeLessThanOrEqual(20_000)
        yield* Effect.yieldNow()
      }
      const pages = Array.from(yield* Fiber.join(slow))
      expect(wire(pages).map(({ offset }) => offset)).toEqual(range(1, total))
      for (const page of pages) expect(page.events.reduce((sum, { json }) => sum + json.length, 0)).toBeLessThanOrEqual(3_000)
    }))
}
