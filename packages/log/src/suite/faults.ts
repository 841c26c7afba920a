/** L9: faults of the storage. */
import { expect } from "@effect/vitest"
import { Effect, Fiber, TestClock } from "effect"
import type { Envelope, LogUnavailable } from "../EventLog.ts"
import * as Query from "../Query.ts"
import { type Step, StorageFailure } from "../Storage.ts"
import { envelope, event, events, type Log, type Open, range, type Test, wire } from "./subject.ts"

/** An envelope with every kind of row. */
const full = (n: number): Envelope => ({
  events: [event("thread/thr_a", { n }), event(`thread/thr_${n}`, { n })],
  rows: [
    { op: "put", collection: "turns", key: `t${n}`, parent: "thr_a", event: 0, rank: "keep", value: { n } },
    { op: "put", collection: "turns", key: "last", parent: "thr_a", event: 1, rank: "bump", value: { n } },
    { op: "delete", collection: "turns", key: `t${n - 1}` }
  ],
  receipt: { commandId: `cmd${n}`, digest: `digest${n}`, answer: { n } }
})

const everything = (log: Log) =>
  Effect.all({
    head: log.head,
    page: log.read({ after: 0 }),
    rows: Effect.map(log.query({ page: Query.rows(Query.collection("turns"), { limit: 100 }) }), ({ page }) => page.rows),
    receipts: log.receipts(range(0, 20).map((n) => `cmd${n}`))
  })

const reasons: ReadonlyArray<LogUnavailable["reason"]> = ["busy", "full", "io"]
const steps: ReadonlyArray<Step> = ["begin", "streams", "events", "rows", "deletes", "receipts", "commit"]

export const faults = (test: Test, open: Open): void => {
  test("L9 a fault at any step is typed and writes nothing, and the log works again after it", () =>
    Effect.gen(function* () {
      let failing: { readonly step: Step; readonly reason: LogUnavailable["reason"] } | undefined
      const log = yield* open({
        busyMillis: 0,
        onStep: (step) => {
          if (failing?.step === step) throw new StorageFailure(failing.reason, "injected")
        }
      })
      let n = 0
      yield* log.append([full(n)])
      for (const step of steps)
        for (const reason of reasons) {
          const before = yield* everything(log)
          failing = { step, reason }
          const error = yield* Effect.flip(log.append([full(n + 1), full(n + 2)]))
          expect(error).toMatchObject({ _tag: "LogUnavailable", operation: "append", reason })
          expect(yield* everything(log)).toEqual(before)
          failing = undefined
          n++
          expect(yield* log.append([full(n)])).toEqual([{ first: before.head + 1, last: before.head + 2 }])
        }
      const all = yield* everything(log)
      expect(wire([all.page]).map(({ offset }) => offset)).toEqual(range(1, all.head))
      expect(all.rows.map(({ key }) => key)).toEqual(["last", `t${n}`])
    }))

  test("L9 the log works again after a fault at ROLLBACK", () =>
    Effect.gen(function* () {
      let failing: ReadonlySet<Step> = new Set<Step>(["events", "rollback"])
      const log = yield* open({
        onStep: (step) => {
          if (failing.has(step)) throw new StorageFailure("io", "injected")
        }
      })
      expect(yield* Effect.flip(log.append([full(1)]))).toMatchObject({ _tag: "LogUnavailable", reason: "io" })
      failing = new Set()
      expect((yield* everything(log)).page.events).toEqual([])
      expect(yield* log.append([full(1)])).toEqual([{ first: 1, last: 2 }])
    }))

  test("L9 an unknown outcome of COMMIT is resolved: a batch that is in the log is an accepted append", () =>
    Effect.gen(function* () {
      let failing = true
      const log = yield* open({
        onStep: (step) => {
          if (failing && step === "committed") throw new StorageFailure("io", "the answer of COMMIT was lost")
        }
      })
      expect(yield* log.append([full(1), envelope([])])).toEqual([
        { first: 1, last: 2 },
        { first: 3, last: 2 }
      ])
      expect(yield* log.append([{ events: [], rows: [], receipt: { commandId: "only", digest: "d", answer: 1 } }])).toEqual([
        { first: 3, last: 2 }
      ])
      failing = false
      expect(yield* log.append(events("thread/thr_a", 1))).toEqual([{ first: 3, last: 3 }])
      expect(wire([yield* log.read({ after: 0 })]).map(({ stream, version }) => [stream, version])).toEqual([
        ["thread/thr_a", 1],
        ["thread/thr_1", 1],
        ["thread/thr_a", 2]
      ])
    }))

  test("L9 C2 a failed COMMIT of receipts alone, or of rows alone, is not taken for a success", () =>
    Effect.gen(function* () {
      let failing = false
      const log = yield* open({
        busyMillis: 0,
        onStep: (step) => {
          if (failing && step === "commit") throw new StorageFailure("io", "injected")
        }
      })
      yield* log.append([full(1)])
      const receipt = { events: [], rows: [], receipt: { commandId: "refused", digest: "d", answer: { n: 1 } } }
      const row = envelope([], [{ op: "put", collection: "turns", key: "alone", parent: "", event: 0, rank: "keep", value: 1 }])
      for (const batch of [[receipt], [receipt, { ...receipt, receipt: { ...receipt.receipt, commandId: "other" } }], [row]]) {
        const before = yield* everything(log)
        failing = true
        expect(yield* Effect.flip(log.append(batch))).toMatchObject({ _tag: "LogUnavailable", reason: "io" })
        failing = false
        expect(yield* everything(log)).toEqual(before)
        expect((yield* log.receipts(["refused", "other"])).size).toBe(0)
      }
      // The id is free: the same command is decided anew.
      yield* log.append([receipt])
      expect((yield* log.receipts(["refused"])).get("refused")).toMatchObject({ offset: 2, answer: { n: 1 } })
    }))

  test("L9 an append waits for a busy storage, then fails with reason busy", () =>
    Effect.gen(function* () {
      let busy = 3
      const log = yield* open({
        busyMillis: 500,
        onStep: (step) => {
          if (step === "begin" && busy-- > 0) throw new StorageFailure("busy", "injected")
        }
      })
      const waiting = yield* Effect.fork(log.append(events("thread/thr_a", 1)))
      yield* TestClock.adjust("200 millis")
      expect(yield* Fiber.join(waiting)).toEqual([{ first: 1, last: 1 }])
      busy = Number.POSITIVE_INFINITY
      const refused = yield* Effect.fork(Effect.flip(log.append(events("thread/thr_a", 1))))
      yield* TestClock.adjust("600 millis")
      expect(yield* Fiber.join(refused)).toMatchObject({ _tag: "LogUnavailable", reason: "busy" })
    }))

  test("L9 a caller's violation of the rules is a defect and writes nothing", (log) =>
    Effect.gen(function* () {
      yield* log.append([full(1)])
      const before = yield* everything(log)
      const exit = yield* Effect.exit(log.append([full(2), full(1)]))
      expect(exit._tag === "Failure" && exit.cause._tag).toBe("Die")
      expect(yield* everything(log)).toEqual(before)
      yield* log.append([full(2)])
    }))
}
