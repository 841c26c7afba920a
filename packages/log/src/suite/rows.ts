/** L11 (the log's part), C2: rows and receipts, in the transaction of the events. */
import { expect } from "@effect/vitest"
import { Effect, FastCheck } from "effect"
import type { RowChange } from "../EventLog.ts"
import * as Query from "../Query.ts"
import type { Row } from "../Query.ts"
import { envelope, event, type Log, range, type Test } from "./subject.ts"

const change: FastCheck.Arbitrary<RowChange> = FastCheck.oneof(
  FastCheck.record({
    op: FastCheck.constant("put" as const),
    collection: FastCheck.constantFrom("a", "b"),
    key: FastCheck.constantFrom("k1", "k2", "k3", "k4"),
    parent: FastCheck.constantFrom("p", "q"),
    event: FastCheck.nat(2),
    rank: FastCheck.constantFrom("keep" as const, "bump" as const),
    value: FastCheck.nat(1_000)
  }),
  FastCheck.record({
    op: FastCheck.constant("delete" as const),
    collection: FastCheck.constantFrom("a", "b"),
    key: FastCheck.constantFrom("k1", "k2", "k3", "k4")
  }),
  FastCheck.record({
    op: FastCheck.constant("delete-children" as const),
    collection: FastCheck.constantFrom("a", "b"),
    parent: FastCheck.constantFrom("p", "q")
  })
)

/** Batches of envelopes of three events and some row changes. */
const history = FastCheck.array(FastCheck.array(FastCheck.array(change, { maxLength: 6 }), { minLength: 1, maxLength: 4 }), {
  minLength: 1,
  maxLength: 8
})

/** The expected rows: the changes applied one by one. */
const reference = (changes: ReadonlyArray<readonly [RowChange, first: number]>) => {
  const rows = new Map<string, Row & { readonly collection: string }>()
  for (const [one, first] of changes) {
    if (one.op === "delete-children") {
      for (const [id, row] of rows) if (row.collection === one.collection && row.parent === one.parent) rows.delete(id)
      continue
    }
    const id = `${one.collection}/${one.key}`
    if (one.op === "delete") rows.delete(id)
    else {
      const before = rows.get(id)
      const rank = one.rank === "keep" && before !== undefined ? before.rank : first + one.event
      rows.set(id, { collection: one.collection, key: one.key, parent: one.parent, rank, value: one.value })
    }
  }
  return [...rows.values()]
}

const newest = (a: Row, b: Row) => b.rank - a.rank || (a.key < b.key ? 1 : -1)
const strip = ({ key, parent, rank, value }: Row): Row => ({ key, parent, rank, value })

const queries = (log: Log, parts: ReturnType<typeof reference>, collections: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    for (const name of collections) {
      const collection = Query.collection(name)
      const all = parts.filter((row) => row.collection === name).toSorted(newest)
      const found = yield* log.query({
        newest: Query.rows(collection, { limit: 100 }),
        keys: Query.keys(collection, { limit: 100 }),
        oldest: Query.rows(collection, { limit: 100, order: "oldest" }),
        ofParent: Query.rows(collection, { parent: "p", limit: 100 }),
        byKey: Query.rowsByKey(collection, ["k1", "k2"]),
        count: Query.count(collection),
        countOfParent: Query.count(collection, ["p"]),
        countOfParents: Query.count(collection, ["p", "q"])
      })
      const ofParent = all.filter(({ parent }) => parent === "p")
      expect(found.newest).toEqual({ rows: all.map(strip) })
      expect(found.keys).toEqual({ rows: all.map((row) => ({ ...strip(row), value: undefined })) })
      expect(found.oldest).toEqual({ rows: all.map(strip).toReversed() })
      expect(found.ofParent).toEqual({ rows: ofParent.map(strip) })
      expect(found.byKey).toEqual(
        new Map(all.filter(({ key }) => key === "k1" || key === "k2").map((row) => [row.key, strip(row)]))
      )
      expect([found.count, found.countOfParent, found.countOfParents]).toEqual([all.length, ofParent.length, all.length])
    }
  })

/** All pages of a query, newest first. */
const all = <A>(log: Log, collection: Query.Collection<A>, query: Omit<Query.RowQuery<Extract<keyof A, string>>, "before">) =>
  Effect.gen(function* () {
    const pages: Array<ReadonlyArray<Row<A>>> = []
    let before: number | undefined
    do {
      const request = { page: Query.rows(collection, { ...query, before }) }
      const { page }: { readonly page: Query.RowPage<A> } = yield* log.query(request)
      pages.push(page.rows)
      before = page.next
    } while (before !== undefined)
    return pages
  })

export const rows = (test: Test): void => {
  test("L11 rows equal the changes applied one by one, however these are grouped into batches", (log) =>
    Effect.forEach(
      FastCheck.sample(history, { numRuns: 100, seed: 11 }),
      (batches, run) =>
        Effect.gen(function* () {
          const applied: Array<readonly [RowChange, number]> = []
          for (const batch of batches) {
            const own = batch.map((changes) => changes.map((one) => ({ ...one, collection: `${run}${one.collection}` })))
            const committed = yield* log.append(
              own.map((changes) =>
                envelope(
                  range(0, 2).map(() => event("thread/thr_a")),
                  changes
                )
              )
            )
            own.forEach((changes, i) => applied.push(...changes.map((one) => [one, committed[i]!.first] as const)))
          }
          yield* queries(log, reference(applied), [`${run}a`, `${run}b`])
        }),
      { discard: true }
    ))

  test("L11 paging rows by rank skips none, also when several rows share a rank", (log) =>
    Effect.gen(function* () {
      for (const n of range(1, 20))
        yield* log.append([
          envelope(
            [event("thread/thr_a")],
            range(1, (n % 4) + 1).map((i) => ({
              op: "put" as const,
              collection: "items",
              key: `${n}-${i}`,
              parent: "thr_a",
              event: 0,
              rank: "keep" as const,
              value: "x".repeat(50)
            }))
          )
        ])
      const items = Query.collection<string>("items")
      const { stored } = yield* log.query({ stored: Query.rows(items, { limit: 1_000 }) })
      expect(stored.rows).toHaveLength(50)
      for (const budget of [{ limit: 3 }, { limit: 1_000, maxBytes: 200 }, { limit: 1, maxBytes: 1 }]) {
        const pages = yield* all(log, items, { parent: "thr_a", ...budget })
        for (const page of pages) {
          expect(page.length).toBeGreaterThan(0)
          expect(page.length).toBeLessThanOrEqual(Math.min(budget.limit, 4) + 4)
        }
        expect(pages.flat()).toEqual(stored.rows)
      }
    }))

  test("L11 a page holds only rows that meet its conditions, and its pages together hold all of them, once", (log) =>
    Effect.gen(function* () {
      type Value = { readonly n: number; readonly kind: string; readonly title: string; readonly labels: ReadonlyArray<string> }
      const values = range(1, 40).map((n): Value => ({
        n,
        kind: n % 3 === 0 ? "third" : "other",
        title: `Row ${n}`,
        labels: n % 2 === 0 ? ["even"] : []
      }))
      // Two rows of each rank.
      for (const n of range(0, 19))
        yield* log.append([
          envelope(
            [event("thread/thr_a")],
            values.slice(n * 2, n * 2 + 2).map((value) => ({
              op: "put" as const,
              collection: "v",
              key: `k${String(value.n).padStart(2, "0")}`,
              parent: "p",
              event: 0,
              rank: "keep" as const,
              value
            }))
          )
        ])
      const rows = Query.collection<Value>("v")
      const cases: ReadonlyArray<readonly [ReadonlyArray<Query.Condition<keyof Value>>, (value: Value) => boolean]> = [
        [[{ field: "kind", is: "third" }], ({ kind }) => kind === "third"],
        [[{ field: "labels", has: "even" }], ({ n }) => n % 2 === 0],
        [[{ field: "title", startsWith: "Row 3" }], ({ title }) => title.startsWith("Row 3")],
        [[{ field: "title", contains: "ROW 1" }], ({ title }) => title.includes("Row 1")],
        [
          [
            { field: "kind", is: "third" },
            { field: "labels", has: "even" }
          ],
          ({ n }) => n % 6 === 0
        ],
        [[{ field: "n", is: "1" }], () => false]
      ]
      for (const [where, meets] of cases) {
        const expected = values.filter(meets).map(({ n }) => n)
        const { oldest } = yield* log.query({ oldest: Query.rows(rows, { where, limit: 1_000, order: "oldest" }) })
        expect(oldest).toEqual({ rows: oldest.rows })
        expect(oldest.rows.map(({ value }) => value.n)).toEqual(expected)
        for (const limits of [{ limit: 1_000 }, { limit: 1 }, { limit: 3, maxScanned: 5 }, { limit: 1_000, maxBytes: 150 }]) {
          const pages = yield* all(log, rows, { where, ...limits })
          expect(pages.flat().map(({ value }) => value.n)).toEqual(expected.toReversed())
        }
      }
    }))

  test("L11 a page may begin before a row and end with it; a row that does not exist counts as the newest", (log) =>
    Effect.gen(function* () {
      for (const n of range(1, 5))
        yield* log.append([
          envelope(
            [event("thread/thr_a")],
            [{ op: "put", collection: "r", key: `k${n}`, parent: "", event: 0, rank: "keep", value: n }]
          )
        ])
      const rows = Query.collection<number>("r")
      const key = (n: number) => Query.rowKey(rows, `k${n}`)
      const found = yield* log.query({
        before: Query.rows(rows, { limit: 10, before: key(3) }),
        since: Query.rows(rows, { limit: 10, since: key(3) }),
        between: Query.rows(rows, { limit: 1, before: key(5), since: key(3) }),
        beforeNone: Query.rows(rows, { limit: 10, before: key(9) }),
        sinceNone: Query.rows(rows, { limit: 10, since: key(9) })
      })
      const numbers = ({ rows }: Query.RowPage<number>) => rows.map(({ value }) => value)
      expect(numbers(found.before)).toEqual([2, 1])
      expect(numbers(found.since)).toEqual([5, 4, 3])
      expect([numbers(found.between), found.between.next]).toEqual([[4], 4])
      expect(numbers(found.beforeNone)).toEqual([5, 4, 3, 2, 1])
      expect(found.sinceNone).toEqual({ rows: [] })
    }))

  test("L11 a row without an event of its envelope ranks at the head", (log) =>
    Effect.gen(function* () {
      yield* log.append([envelope([event("thread/thr_a"), event("thread/thr_a")])])
      const put = { op: "put", collection: "c", key: "k", parent: "", event: 0, rank: "bump", value: null } as const
      yield* log.append([envelope([], [put])])
      const { row } = yield* log.query({ row: Query.row(Query.collection("c"), "k") })
      expect(row).toEqual({ key: "k", parent: "", rank: 2, value: null })
    }))

  test("L11 values of every size are the same in every query, and a page's bytes are those of their JSON", (log) =>
    Effect.gen(function* () {
      const text = FastCheck.oneof(
        FastCheck.fullUnicodeString({ maxLength: 600 }),
        FastCheck.integer({ min: 480, max: 530 }).map((length) => "x".repeat(length)),
        FastCheck.constantFrom("some words ", '"\\\n\u0000', "é😀", "\ud800").chain((word) =>
          FastCheck.integer({ min: 1, max: 20_000 }).map((times) => word.repeat(times))
        )
      )
      const texts = FastCheck.sample(text, { numRuns: 200, seed: 12 })
      const large = Query.collection<{ readonly n: number; readonly text: string; readonly kind: string }>("large")
      const puts = texts.map((text, n) => ({ n, text, kind: n % 2 === 0 ? "even" : "odd" }))
      for (const value of puts)
        yield* log.append([
          envelope(
            [event("thread/thr_a")],
            [{ op: "put", collection: "large", key: `k${value.n}`, parent: `p${value.n % 3}`, event: 0, rank: "keep", value }]
          )
        ])
      const { byKey, even, oldest, ofParent } = yield* log.query({
        oldest: Query.rows(large, { limit: 1_000, order: "oldest" }),
        ofParent: Query.rows(large, { limit: 1_000, parent: "p1" }),
        even: Query.rows(large, { limit: 1_000, where: [{ field: "kind", is: "even" }] }),
        byKey: Query.rowsByKey(large, ["k7", "k8"])
      })
      expect(oldest.rows.map(({ value }) => value)).toEqual(puts)
      expect(ofParent.rows.map(({ value }) => value)).toEqual(puts.filter(({ n }) => n % 3 === 1).toReversed())
      expect(even.rows.map(({ value }) => value)).toEqual(puts.filter(({ n }) => n % 2 === 0).toReversed())
      expect([byKey.get("k7")?.value, byKey.get("k8")?.value]).toEqual([puts[7], puts[8]])
      const maxBytes = 30_000
      const pages = yield* all(log, large, { limit: 1_000, maxBytes })
      expect(pages.flat().map(({ value }) => value)).toEqual(puts.toReversed())
      for (const page of pages.filter((one) => one.length > 1)) {
        const bytes = page.map(({ value }) => Buffer.byteLength(JSON.stringify(value)))
        expect(bytes.reduce((sum, one) => sum + one, 0)).toBeLessThanOrEqual(maxBytes)
      }
    }))

  test("C2 receipts are found by command id, with the position of their envelope", (log) =>
    Effect.gen(function* () {
      yield* log.append([
        { ...envelope([event("thread/thr_a")]), receipt: { commandId: "one", digest: "d1", answer: { threadId: "thr_a" } } },
        { ...envelope([]), receipt: { commandId: "two", digest: "d2", answer: null } }
      ])
      expect([...(yield* log.receipts(["two", "three", "one"])).entries()].toSorted()).toEqual([
        ["one", { commandId: "one", digest: "d1", answer: { threadId: "thr_a" }, offset: 1 }],
        ["two", { commandId: "two", digest: "d2", answer: null, offset: 1 }]
      ])
      expect((yield* log.receipts([])).size).toBe(0)
    }))
}
