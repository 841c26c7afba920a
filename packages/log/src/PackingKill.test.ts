import { describe, expect, it } from "@effect/vitest"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import { Effect } from "effect"
import { copyFileSync } from "node:fs"
import { bundled, start } from "../test/child.ts"
import { EventLog } from "./EventLog.ts"
import * as EventLogSqlite from "./EventLogSqlite.ts"
import * as SqliteCheck from "./SqliteCheck.ts"
import { maintenanceSteps } from "./Storage.ts"
import { bytesOf, events, type Log, packAll, range } from "./suite/subject.ts"
import { verify } from "./Verify.ts"

const total = 200

/** A log of events of two threads, large enough that deletes take several slices and free pages are given back. */
const fill = (file: string) =>
  Effect.scoped(
    Effect.gen(function* () {
      const log = yield* EventLogSqlite.make({ file })
      for (const n of range(1, total / 10))
        yield* log.append([...events("thread/thr_a", 5, { n, text: "é😀".repeat(600) }), ...events("thread/thr_b", 5, { n })])
      return yield* history(log)
    })
  )

const history = (log: Log) =>
  Effect.map(log.read({ after: 0, limit: total, maxBytes: 1e9 }), (page) => bytesOf([page])).pipe(
    Effect.catchTag("CursorExpired", () =>
      Effect.flatMap(log.retainedFrom, (after) =>
        Effect.map(log.read({ after, limit: total, maxBytes: 1e9 }), (page) => bytesOf([page]))
      )
    )
  )

/** Each step at its first and at a later time. For the steps of a transaction, those of the first segment. */
const points: ReadonlyArray<readonly [step: string, at: number]> = [
  ...maintenanceSteps.flatMap((step) => [1, 2].map((at) => [step, at] as const)),
  ...["begin", "commit", "committed"].flatMap((step) => [1, 2, 3, 4].map((at) => [step, at] as const))
]

describe("SIGKILL while packing", () => {
  it.live(
    "L13 L17 at every step of packing and trimming: nothing is lost, nothing is doubled, and the next run completes it",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const program = yield* bundled("pack-child")
          const source = `${yield* temporaryDirectory}/log.db`
          const expected = yield* fill(source)
          const killed = yield* Effect.forEach(
            points,
            ([step, at]) =>
              Effect.scoped(
                Effect.gen(function* () {
                  const label = `${step} ${at}`
                  const file = `${yield* temporaryDirectory}/log.db`
                  copyFileSync(source, file)
                  const child = yield* start(program, [file, step, String(at)])
                  const { signal } = yield* child.end
                  const log = yield* EventLogSqlite.make({ file, ringBytes: 1 })
                  const retained = yield* log.retainedFrom
                  expect([label, yield* log.head]).toEqual([label, total])
                  expect([label, yield* history(log)]).toEqual([label, expected.slice(retained)])
                  const checked = verify({ checks: [SqliteCheck.check(file)] })
                  expect([label, (yield* Effect.provideService(checked, EventLog, log)).problems]).toEqual([label, []])
                  yield* packAll(log)
                  yield* log.trim(90)
                  expect([label, yield* history(log)]).toEqual([label, expected.slice(90)])
                  expect([label, (yield* Effect.provideService(checked, EventLog, log)).problems]).toEqual([label, []])
                  return signal === "SIGKILL" ? [label] : []
                })
              ),
            { concurrency: 3 }
          )
          // Every step was passed at least once.
          for (const step of maintenanceSteps) expect(killed.flat()).toContain(`${step} 1`)
        })
      )
  )
})
