import { expect, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { mkdtempSync } from "node:fs"
import { EventLog } from "./EventLog.ts"
import * as EventLogSqlite from "./EventLogSqlite.ts"

it.effect("L1 smoke", () =>
  Effect.gen(function* () {
    const log = yield* EventLog
    const e = (n: number) => ({ stream: "thread/thr_a", type: "t", at: "2026-01-01T00:00:00.000Z", epoch: 0, data: { n } })
    const c = yield* log.append([
      {
        events: [e(1), e(2)],
        rows: [
          { op: "put", collection: "c", key: "k", parent: "p", event: 0, rank: "keep", value: { a: 1 } },
          { op: "put", collection: "c", key: "k2", parent: "p", event: 1, rank: "bump", value: { a: 2 } }
        ],
        receipt: { commandId: "x", digest: "d", answer: { ok: true } }
      },
      { events: [e(3)], rows: [] }
    ])
    expect(c).toEqual([
      { first: 1, last: 2 },
      { first: 3, last: 3 }
    ])
    const pages = yield* log.follow({ after: 0 }).pipe(Stream.take(1), Stream.runCollect)
    expect(Array.from(pages)[0]?.events.map((x) => x.json)).toEqual(
      [1, 2, 3].map(
        (n) =>
          `{"offset":${n},"stream":"thread/thr_a","version":${n},"type":"t","at":"2026-01-01T00:00:00.000Z","epoch":0,"data":{"n":${n}}}`
      )
    )
    const page = yield* log.read({ after: 1 })
    expect(page.events.map((x) => x.offset)).toEqual([2, 3])
    expect(yield* log.view((v) => v.rows({ collection: "c", parent: "p", limit: 10 }))).toEqual([
      { key: "k2", parent: "p", rank: 2, value: { a: 2 } },
      { key: "k", parent: "p", rank: 1, value: { a: 1 } }
    ])
    expect((yield* log.receipts(["x", "y"])).get("x")).toEqual({ commandId: "x", digest: "d", offset: 2, answer: { ok: true } })
    expect(yield* log.stats).toMatchObject({ statements: 8, batches: 1 })
  }).pipe(Effect.provide(EventLogSqlite.layer({ file: mkdtempSync("/tmp/mlog-") + "/log.db" })))
)
