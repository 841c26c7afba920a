/** L11 (the log's part), C2: rows and receipts, in the transaction of the events. L4: blobs. */
import { expect } from "@effect/vitest"
import { Effect, FastCheck } from "effect"
import type { Row, RowChange } from "../EventLog.ts"
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
    for (const collection of collections) {
      const all = parts.filter((row) => row.collection === collection).toSorted(newest)
      expect(yield* log.view((view) => view.rows({ collection, limit: 100 }))).toEqual(all.map(strip))
      expect(yield* log.view((view) => view.rows({ collection, limit: 100, order: "oldest" }))).toEqual(
        all.map(strip).toReversed()
      )
      expect(yield* log.view((view) => view.rows({ collection, parent: "p", limit: 100 }))).toEqual(
        all.filter(({ parent }) => parent === "p").map(strip)
      )
      expect(yield* log.view((view) => [view.count(collection), view.count(collection, "p")])).toEqual([
        all.length,
        all.filter(({ parent }) => parent === "p").length
      ])
    }
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
      const all = yield* log.view((view) => view.rows({ collection: "items", limit: 1_000 }))
      expect(all).toHaveLength(50)
      for (const budget of [{ limit: 3 }, { limit: 1_000, maxBytes: 200 }, { limit: 1, maxBytes: 1 }]) {
        const keys: Array<string> = []
        for (let before: number | undefined; ;) {
          const at = before
          const page = yield* log.view((view) =>
            view.rows({ collection: "items", parent: "thr_a", ...budget, ...(at === undefined ? {} : { before: at }) })
          )
          if (page.length === 0) break
          expect(page.length).toBeLessThanOrEqual(Math.min(budget.limit, 4) + 4)
          keys.push(...page.map(({ key }) => key))
          before = page.at(-1)!.rank
        }
        expect(keys).toEqual(all.map(({ key }) => key))
      }
    }))

  test("L11 a row without an event of its envelope ranks at the head", (log) =>
    Effect.gen(function* () {
      yield* log.append([envelope([event("thread/thr_a"), event("thread/thr_a")])])
      const put = { op: "put", collection: "c", key: "k", parent: "", event: 0, rank: "bump", value: null } as const
      yield* log.append([envelope([], [put])])
      expect(yield* log.view((view) => view.row("c", "k"))).toEqual({ key: "k", parent: "", rank: 2, value: null })
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

  test("L4 a blob is read by the hash of its content; the same content twice is one blob", (log) =>
    Effect.gen(function* () {
      const bytes = Uint8Array.from(range(0, 255))
      const hash = yield* log.putBlob(bytes)
      expect(hash).toBe("40aff2e9d2d8922e47afd4648e6967497158785fbd1da870e7110266bf944880")
      expect(yield* log.putBlob(bytes)).toBe(hash)
      expect(Array.from((yield* log.getBlob(hash)) ?? [])).toEqual(range(0, 255))
      expect(yield* log.getBlob("0".repeat(64))).toBeUndefined()
    }))
}
