/** Checks on a real log which events packing and retention may not touch. Each check returns the violations, so a test can run it with a planted mistake. */
import type { EventLog, RowChange } from "@millrace/log/EventLog"
import * as EventLogSqlite from "@millrace/log/EventLogSqlite"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import { Effect } from "effect"
import { join } from "node:path"
import * as Retention from "../src/Retention.ts"

type Log = typeof EventLog.Service

const put = (collection: string, key: string, value: unknown): RowChange => ({
  op: "put",
  collection,
  key,
  parent: "",
  event: 0,
  rank: "keep",
  value
})
const append = (log: Log, rows: ReadonlyArray<RowChange> = []) =>
  log.append([
    { events: [{ stream: "thread/thr_a", type: "item.delta", at: "2026-11-20T09:00:00.000Z", epoch: 0, data: {} }], rows }
  ])
const open = Effect.flatMap(temporaryDirectory, (directory) =>
  EventLogSqlite.make({ file: join(directory, "log.db"), synchronous: "NORMAL" })
)
const between = Effect.yieldNow()

/** An open turn begins at event 31: from there on nothing is packed. */
const openTurn = (): Promise<ReadonlyArray<string>> =>
  Effect.gen(function* () {
    const log = yield* open
    for (let n = 0; n < 30; n++) yield* append(log)
    yield* append(log, [
      put("live", "thr_a", true),
      put("turn", "t1", {}),
      put("thread-state", "thr_a", { turns: [{ turnId: "t1" }], queue: [] })
    ])
    for (let n = 0; n < 30; n++) yield* append(log)
    yield* Retention.pack(log, { before: "9999", partial: true, between })
    const { coldUpTo } = yield* log.disk
    return coldUpTo === 30 ? [] : [`packed up to ${coldUpTo}, and a turn is open since 31`]
  }).pipe(Effect.scoped, Effect.runPromise)

/** Segments of 20 events and a subscriber that has received 45 of 100: events from 41 on stay. */
const liveReader = (): Promise<ReadonlyArray<string>> =>
  Effect.gen(function* () {
    const log = yield* open
    for (let n = 1; n <= 100; n++) {
      yield* append(log)
      if (n % 20 === 0) yield* Retention.pack(log, { before: "9999", partial: true, between })
    }
    yield* Retention.retain(log, { bytes: 1 }, { readers: () => [45], named: Effect.succeed([]), between })
    const retained = yield* log.retainedFrom
    return retained === 40 ? [] : [`removed up to ${retained}; the subscriber has received 45`]
  }).pipe(Effect.scoped, Effect.runPromise)

export const checks = { openTurn, liveReader }
