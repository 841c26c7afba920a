import { expect, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { EventLog } from "./EventLog.ts"
import * as EventLogMemory from "./EventLogMemory.ts"

it.effect("L1 smoke", () =>
  Effect.gen(function* () {
    const log = yield* EventLog
    const e = (n: number) => ({ stream: "thread/thr_a", type: "t", at: "2026-01-01T00:00:00.000Z", epoch: 0, data: { n } })
    const c = yield* log.append([
      { events: [e(1), e(2)], rows: [] },
      { events: [e(3)], rows: [] }
    ])
    expect(c).toEqual([
      { first: 1, last: 2 },
      { first: 3, last: 3 }
    ])
    const pages = yield* log.follow({ after: 0 }).pipe(Stream.take(1), Stream.runCollect)
    expect(Array.from(pages)[0]?.events.map((x) => x.json)).toEqual([
      `{"offset":1,"stream":"thread/thr_a","version":1,"type":"t","at":"2026-01-01T00:00:00.000Z","epoch":0,"data":{"n":1}}`,
      `{"offset":2,"stream":"thread/thr_a","version":2,"type":"t","at":"2026-01-01T00:00:00.000Z","epoch":0,"data":{"n":2}}`,
      `{"offset":3,"stream":"thread/thr_a","version":3,"type":"t","at":"2026-01-01T00:00:00.000Z","epoch":0,"data":{"n":3}}`
    ])
  }).pipe(Effect.provide(EventLogMemory.layer()))
)
