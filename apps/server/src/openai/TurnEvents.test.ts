import { describe, expect, it } from "@effect/vitest"
import type { ThreadId, TurnId } from "@millrace/contracts/Ids"
import { EventLog, type NewEvent, type RowChange } from "@millrace/log/EventLog"
import * as EventLogMemory from "@millrace/log/EventLogMemory"
import * as Signals from "@millrace/orchestration/streams/Signals"
import * as StreamReconciler from "@millrace/orchestration/streams/StreamReconciler"
import * as FixedTokens from "@millrace/testing/FixedTokens"
import { seeds, simulate } from "@millrace/testing/SeededScheduler"
import { Chunk, Effect, Fiber, Layer, Random, Stream, TestClock } from "effect"
import { Session } from "../auth/Session.ts"
import * as SubscriberScheduler from "../subscriptions/SubscriberScheduler.ts"
import * as TurnEvents from "./TurnEvents.ts"

const turn = { threadId: "thr_a" as ThreadId, turnId: "trn_a" as TurnId, offset: 1 }

const said: NewEvent = {
  stream: `thread/${turn.threadId}`,
  type: "item.delta",
  at: "2026-11-20T09:00:00.000Z",
  epoch: 1,
  data: { ...turn, itemId: "itm_a", kind: "agent-message", text: "x" }
}
const row = (collection: string, key: string, value: unknown): RowChange => ({
  op: "put",
  collection,
  key,
  parent: turn.threadId,
  event: 0,
  rank: "keep",
  value
})
const append = (status?: string) =>
  Effect.flatMap(EventLog, (log) =>
    log.append([
      {
        events: [said],
        rows:
          status === undefined
            ? []
            : [row("turn", turn.turnId, { status }), row("thread-state", turn.threadId, { deleted: false })]
      }
    ])
  )

const live = { now: true, revision: 0 }
const layer = SubscriberScheduler.layer.pipe(
  Layer.provideMerge(Signals.layer()),
  Layer.provideMerge(FixedTokens.layer({ revision: Effect.sync(() => live.revision) })),
  Layer.provideMerge(
    Layer.succeed(Session, { actor: "test", scope: "operate", ended: () => (live.now ? undefined : "revoked") })
  ),
  Layer.provideMerge(StreamReconciler.layer({ reconcile: "1 hour" })),
  Layer.provideMerge(EventLogMemory.layer())
)

const collected = Effect.map(Stream.runCollect(TurnEvents.of(turn)), Chunk.toReadonlyArray)
const tags = (moments: ReadonlyArray<TurnEvents.TurnEvent>) => moments.map(({ _tag }) => _tag)
const offsets = (moments: ReadonlyArray<TurnEvents.TurnEvent>) =>
  moments.flatMap((event) => (event._tag === "events" ? event.events.map(({ offset }) => offset) : []))

describe("the turn events of a call", () => {
  it.scoped("D6 a silent stream has a heartbeat every 15 seconds", () =>
    Effect.gen(function* () {
      yield* append("running")
      const reading = yield* Effect.fork(collected)
      yield* TestClock.adjust("14 seconds")
      yield* append()
      yield* TestClock.adjust("32 seconds")
      yield* append("completed")
      expect(tags(yield* Fiber.join(reading))).toEqual(["events", "heartbeat", "heartbeat", "heartbeat", "events", "end"])
    }).pipe(Effect.provide(layer))
  )

  it.scoped("S3 a closing server delivers the available events, then cuts the stream, or ends it if the turn has ended", () =>
    Effect.gen(function* () {
      yield* append("running")
      yield* append()
      yield* (yield* SubscriberScheduler.SubscriberScheduler).close
      const cut = yield* collected
      expect(tags(cut)).toEqual(["events", "cut"])
      expect(offsets(cut)).toEqual([2])
      yield* append("completed")
      expect(tags(yield* collected)).toEqual(["events", "end"])
    }).pipe(Effect.provide(layer))
  )

  it.scoped("X3 revoking a token cuts its streams within a second", () =>
    Effect.gen(function* () {
      yield* append("running")
      const reading = yield* Effect.fork(collected)
      yield* TestClock.adjust("2 seconds")
      live.now = false
      live.revision++
      yield* TestClock.adjust("1 second")
      expect((yield* Fiber.join(reading)).at(-1)).toMatchObject({
        _tag: "cut",
        message: expect.stringContaining("revoked") as string
      })
      live.now = true
    }).pipe(Effect.provide(layer))
  )

  it("D1 D13 racing waits lose and repeat no event, 200 seeds", async () => {
    for await (const seed of seeds(200)) {
      const { exit } = simulate(
        seed,
        Effect.gen(function* () {
          yield* append("running")
          const readings = yield* Effect.replicateEffect(Effect.fork(collected), 3)
          for (let n = 2; n <= 20; n++) {
            // Around the heartbeat, so that heartbeats and events coincide.
            yield* Effect.sleep(yield* Random.nextIntBetween(0, 1500))
            yield* append()
          }
          yield* append("completed")
          for (const reading of readings) {
            const moments = yield* Fiber.join(reading)
            expect(offsets(moments)).toEqual(Array.from({ length: 20 }, (_, i) => i + 2))
            expect(moments.at(-1)).toMatchObject({ _tag: "end", end: { outcome: "completed" } })
          }
          expect((yield* StreamReconciler.StreamReconciler).waiting()).toBe(0)
          expect((yield* SubscriberScheduler.SubscriberScheduler).waiting()).toBe(0)
        }).pipe(Effect.provide(layer), Effect.scoped)
      )
      expect([seed, exit]).toMatchObject([seed, { _tag: "Success" }])
    }
  })
})
