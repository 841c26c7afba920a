/** L14 (the log's part): forgotten streams. Positions stay, contents are deleted. */
import { expect } from "@effect/vitest"
import { Chunk, Effect, FastCheck, Stream } from "effect"
import type { Envelope } from "../EventLog.ts"
import * as Query from "../Query.ts"
import { at, bytesOf, envelope, event, events, type Log, range, type Test, wire } from "./subject.ts"

const collection = Query.collection<string>("c")

const forget = (stream: string): Envelope => ({
  ...envelope([event(stream, {}, "last.words"), event(stream, {}, "deleted")]),
  forget: [stream]
})

const all = (log: Log) => Effect.map(log.read({ after: 0, maxBytes: 100_000_000, limit: 100_000 }), (page) => page)
const followed = (log: Log, stream?: string) =>
  Effect.flatMap(log.head, (head) =>
    log.follow({ after: 0, ...(stream === undefined ? {} : { stream }) }).pipe(
      Stream.takeUntil((page) => page.upTo >= head),
      Stream.runCollect,
      Effect.map(Chunk.toReadonlyArray)
    )
  )

export const forgets = (test: Test): void => {
  test("L14 every reader gets a forgotten event with its position and time, and nothing of its content", (log) =>
    Effect.gen(function* () {
      yield* log.append([...events("thread/a", 3, { text: "secret" }), ...events("thread/b", 2, { text: "kept" })])
      const before = yield* all(log)
      yield* log.append([...events("thread/a", 1, { text: "secret too" }), forget("thread/a")])
      const forgotten = (offset: number, version: number) =>
        `{"offset":${offset},"stream":"thread/a","version":${version},"type":"log.forgotten","at":"${at}","epoch":0,"data":{}}`
      const expected = [
        forgotten(1, 1),
        forgotten(2, 2),
        forgotten(3, 3),
        ...bytesOf([before]).slice(3),
        forgotten(6, 4),
        forgotten(7, 5)
      ]
      const check = Effect.gen(function* () {
        const page = yield* all(log)
        expect(bytesOf([page]).slice(0, 7)).toEqual(expected)
        expect(page.events.map(({ type }) => type)).toEqual(wire([page]).map(({ type }) => type))
        expect(wire([page])[7]).toMatchObject({ offset: 8, version: 6, type: "deleted" })
        expect(bytesOf(yield* followed(log))).toEqual(bytesOf([page]))
        const own = bytesOf([page]).filter((json) => json.includes("thread/a"))
        expect(bytesOf(yield* followed(log, "thread/a"))).toEqual(own)
        expect(bytesOf([yield* log.read({ after: 0, stream: "thread/a" })])).toEqual(own)
      })
      yield* check
      yield* log.awaitErased
      yield* check
      // The stream continues after its deletion, as it would for any other event.
      yield* log.append(events("thread/a", 1))
      expect(wire([yield* log.read({ after: 8 })])).toMatchObject([{ offset: 9, version: 7, type: "item.delta" }])
    }))

  test("L14 each commit that forgets raises the generation of the pages; others do not", (log) =>
    Effect.gen(function* () {
      yield* log.append([...events("thread/a", 3), ...events("thread/b", 3)])
      expect((yield* all(log)).generation).toBe(0)
      yield* log.append([forget("thread/a"), forget("thread/b")])
      expect([yield* log.generation, (yield* all(log)).generation]).toEqual([1, 1])
      expect(yield* Effect.map(log.query({ page: Query.events({ after: 0 }) }), ({ page }) => page.generation)).toBe(1)
      yield* log.append(events("thread/c", 1))
      for (const page of yield* followed(log)) expect(page.generation).toBe(1)
    }))

  test("L14 the rows of a parent are deleted with the commit, those that it puts afterwards stay", (log) =>
    Effect.gen(function* () {
      const put = (key: string, parent: string) =>
        ({ op: "put", collection: "c", key, parent, event: 0, rank: "keep", value: key }) as const
      yield* log.append([envelope([event("thread/a")], [put("1", "a"), put("2", "a"), put("3", "b")])])
      const deletes = { op: "delete-children", collection: "c", parent: "a" } as const
      yield* log.append([envelope([event("thread/a")], [put("4", "a"), put("5", "b"), deletes, put("6", "a")])])
      const { a, b } = yield* log.query({
        a: Query.rows(collection, { parent: "a", limit: 10 }),
        b: Query.rows(collection, { parent: "b", limit: 10 })
      })
      expect([a, b].map(({ rows }) => rows.map(({ key }) => key).toSorted())).toEqual([["6"], ["3", "5"]])
    }))

  test("L14 any history reads the same from memory, from the table and after the erasure", (log) =>
    Effect.gen(function* () {
      const stream = FastCheck.constantFrom("thread/a", "thread/b", "thread/c", 'thread/"odd"\\"at":"x"')
      const step = FastCheck.oneof(
        { weight: 5, arbitrary: FastCheck.tuple(stream, FastCheck.string({ unit: "grapheme", maxLength: 40 })) },
        { weight: 1, arbitrary: FastCheck.tuple(stream) }
      )
      const histories = FastCheck.array(FastCheck.array(step, { minLength: 1, maxLength: 12 }), { minLength: 1 })
      for (const steps of FastCheck.sample(histories, { numRuns: 20, seed: 1 })) {
        for (const batch of steps) {
          const start = yield* log.head
          yield* log.append(batch.map(([name, text]) => (text === undefined ? forget(name) : envelope([event(name, { text })]))))
          const recent = yield* log.read({ after: start })
          const { stored } = yield* log.query({ stored: Query.events({ after: start }) })
          expect(bytesOf([stored])).toEqual(bytesOf([recent]))
        }
        yield* log.awaitErased
        const pages = yield* followed(log)
        const { stored } = yield* log.query({ stored: Query.events({ after: 0, limit: 100_000, maxBytes: 100_000_000 }) })
        expect(bytesOf([stored])).toEqual(bytesOf(pages))
        const seen = wire(pages)
        expect(seen.map(({ offset }) => offset)).toEqual(range(1, yield* log.head))
        // After the last deletion of a stream, no event before it is readable.
        for (const [i, one] of seen.entries())
          if (seen.slice(i + 1).some(({ stream, type }) => stream === one.stream && type === "deleted"))
            expect(one).toMatchObject({ type: "log.forgotten", data: {} })
      }
    }))
}
