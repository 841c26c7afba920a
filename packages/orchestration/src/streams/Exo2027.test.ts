/**
 * exo's change 2027 (streams are closed by state, not by an observed event): the four cases of its tests and the two that it left open, each for one
 * turn of one thread.
 */
import { describe, expect, it } from "@effect/vitest"
import type { ThreadId, TurnId } from "@millrace/contracts/Ids"
import { EventLog, type NewEvent, type RowChange } from "@millrace/log/EventLog"
import * as EventLogMemory from "@millrace/log/EventLogMemory"
import { Effect, Fiber, Layer, Option, TestClock } from "effect"
import * as Reconciler from "./StreamReconciler.ts"

const threadId = "thr_a" as ThreadId
const turnId = "trn_a" as TurnId
const said = (text: string): NewEvent => ({
  stream: `thread/${threadId}`,
  type: "item.delta",
  at: "2026-11-20T09:00:00.000Z",
  epoch: 1,
  data: { threadId, turnId, itemId: "itm_a", kind: "agent-message", text }
})
const row = (collection: string, key: string, value: unknown): RowChange => ({
  op: "put",
  collection,
  key,
  parent: threadId,
  event: 0,
  rank: "keep",
  value
})
const turn = (status: string) => row("turn", turnId, { status })
const thread = (deleted: boolean) => row("thread-state", threadId, { deleted })
const write = (...rows: ReadonlyArray<RowChange>) =>
  Effect.flatMap(EventLog, (log) => log.append([{ events: [said("word")], rows }]))
const reading = (offset: number) =>
  Effect.flatMap(Reconciler.StreamReconciler, (reconciler) => Effect.fork(reconciler.ended({ threadId, turnId, offset })))
const layer = Layer.provideMerge(Reconciler.layer({ reconcile: "1 second" }), EventLogMemory.layer())
const settled = Effect.zipRight(TestClock.adjust("10 seconds"), Effect.repeatN(Effect.yieldNow(), 20))

describe("exo 2027", () => {
  it.effect("D13 1 of 6: the stream of a turn whose thread is deleted ends, with that outcome", () =>
    Effect.gen(function* () {
      yield* write(turn("running"), thread(false))
      const reader = yield* reading(1)
      yield* write({ op: "delete-children", collection: "turn", parent: threadId }, thread(true))
      expect(yield* Fiber.join(reader)).toMatchObject({ outcome: "deleted" })
    }).pipe(Effect.provide(layer))
  )

  it.effect("D13 2 of 6: the stream of a live turn stays open", () =>
    Effect.gen(function* () {
      yield* write(turn("running"), thread(false))
      const reader = yield* reading(1)
      yield* settled
      expect(Option.isNone(yield* Fiber.poll(reader))).toBe(true)
      yield* Fiber.interrupt(reader)
    }).pipe(Effect.provide(layer))
  )

  it.effect("D13 3 of 6: the stream of a command that the state has not reached does not end", () =>
    Effect.gen(function* () {
      yield* write(thread(false))
      const reader = yield* reading(3)
      yield* settled
      expect(Option.isNone(yield* Fiber.poll(reader))).toBe(true)
      yield* write()
      yield* write(turn("completed"))
      expect(yield* Fiber.join(reader)).toMatchObject({ outcome: "completed", at: 3 })
    }).pipe(Effect.provide(layer))
  )

  it.effect("D13 4 of 6: a turn that was observed and has left the state ends its stream", () =>
    Effect.gen(function* () {
      yield* write(turn("running"), thread(false))
      const reader = yield* reading(1)
      yield* settled
      yield* write({ op: "delete", collection: "turn", key: turnId } as RowChange)
      expect(yield* Fiber.join(reader)).toMatchObject({ outcome: "deleted" })
    }).pipe(Effect.provide(layer))
  )

  it.effect("D13 5 of 6, left open there: a turn that was requested and ended between two reads ends its stream", () =>
    Effect.gen(function* () {
      yield* write(turn("running"), thread(false))
      yield* write(turn("completed"))
      expect(yield* Fiber.join(yield* reading(1))).toMatchObject({ outcome: "completed", at: 2 })
    }).pipe(Effect.provide(layer))
  )

  it.effect("D13 6 of 6, left open there: every end has an outcome, even of a turn that the state never held", () =>
    Effect.gen(function* () {
      yield* write()
      expect(yield* Fiber.join(yield* reading(1))).toMatchObject({ outcome: "deleted", items: [] })
    }).pipe(Effect.provide(layer))
  )
})
