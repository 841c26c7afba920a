import { expect, it } from "@effect/vitest"
import { Chunk, Effect, Fiber, Layer, Option, Stream, TestClock } from "effect"
import * as Client from "@millrace/client/Client"
import * as HttpTransport from "@millrace/client/HttpTransport"
import * as NodeWebSocket from "@millrace/client/NodeWebSocket"
import * as RpcTransport from "@millrace/client/RpcTransport"
import type { Frame } from "@millrace/contracts/Frame"
import type { ThreadId, TurnId } from "@millrace/contracts/Ids"
import type { ProviderSignal } from "@millrace/contracts/ProviderEvent"
import { EventLog } from "@millrace/log/EventLog"
import * as EventLogMemory from "@millrace/log/EventLogMemory"
import * as Signals from "@millrace/orchestration/streams/Signals"
import * as FixedTokens from "@millrace/testing/FixedTokens"
import { knownThreads } from "@millrace/testing/KnownThreads"
import { event, follower, start } from "../../test/support/Fixture.ts"
import * as Subscription from "../subscriptions/Subscription.ts"
import * as SubscriberScheduler from "../subscriptions/SubscriberScheduler.ts"

const threadId = "thr_a" as ThreadId
const usage = (outputTokens: number): ProviderSignal => ({
  _tag: "Signal",
  turnId: "trn_a" as TurnId,
  kind: "usage",
  data: { outputTokens }
})
const frame = (outputTokens: number) => ({
  _tag: "signal",
  signal: { key: "usage/trn_a", threadId, turnId: "trn_a", kind: "usage", data: { outputTokens } }
})
const isSignal = (one: Frame) => one._tag === "signal"

it.scopedLive(
  "D9 D5 SSE, RPC and the client deliver the same signal, after caught-up; it has no id, and no event is skipped",
  () =>
    Effect.gen(function* () {
      const fixture = yield* start()
      const { append, signals, token, url } = fixture
      yield* append(event(1))
      const session = yield* signals.session(threadId)
      session.publish(usage(5))
      const sse = HttpTransport.make({ url, token })
      const rpc = yield* RpcTransport.make({ url: `${url.replace("http", "ws")}/rpc`, webSocket: NodeWebSocket.open(token) })
      for (const reader of [sse, rpc, Client.make(sse)]) {
        const frames = yield* reader.follow({}).pipe(Stream.takeUntil(isSignal), Stream.runCollect)
        expect(Chunk.toReadonlyArray(frames).map(({ _tag }) => _tag)).toEqual(["event", "caught-up", "signal"])
        expect(Option.getOrUndefined(Chunk.last(frames))).toEqual(frame(5))
      }
      const threadReader = yield* follower(fixture, "?stream=thread/thr_a")
      const other = yield* follower(fixture, "?stream=thread/thr_b")
      yield* threadReader.until("event: signal")
      yield* append(event(2), event(3, "thread/thr_b"))
      yield* threadReader.until('"offset":2')
      yield* other.until('"offset":3')
      const shown = threadReader
        .text()
        .split("\n\n")
        .find((part) => part.includes("event: signal"))
      expect(shown).toBe(`event: signal\ndata: ${JSON.stringify({ signal: frame(5).signal })}`)
      expect(other.text()).not.toContain("event: signal")
    })
)

const layer = SubscriberScheduler.layer.pipe(
  Layer.provideMerge(Signals.layer({ every: "100 millis" })),
  Layer.provideMerge(FixedTokens.layer()),
  Layer.provideMerge(
    Layer.effect(
      EventLog,
      Effect.map(EventLogMemory.make(), (log) => knownThreads(log))
    )
  )
)

it.scoped("D12 a subscriber that does not read delays no other, and gets only the latest signal, after all events", () =>
  Effect.gen(function* () {
    const log = yield* EventLog
    const session = yield* (yield* Signals.Signals).session(threadId)
    const { next: slow } = yield* Subscription.attach({ after: 0, session: { actor: "test", scope: "read" } })
    const { next: fast } = yield* Subscription.attach({ after: 0, session: { actor: "test", scope: "read" } })
    expect((yield* slow)._tag).toBe("caught-up")
    expect((yield* fast)._tag).toBe("caught-up")
    const received: Array<unknown> = []
    const reading = yield* fast.pipe(
      Effect.tap((step) => (step._tag === "signals" ? received.push(...step.signals.map(({ data }) => data)) : undefined)),
      Effect.forever,
      Effect.fork
    )
    for (let at = 1; at <= 200; at++) {
      session.publish(usage(at))
      if (at % 10 === 0) yield* Effect.orDie(log.append([{ events: [event(at)], rows: [] }]))
      yield* TestClock.adjust("10 millis")
    }
    // Two seconds: one batch at 0, then one every 100 ms; the last batch has the last signals.
    yield* TestClock.adjust("100 millis")
    expect(received).toHaveLength(21)
    expect(received.at(-1)).toEqual({ outputTokens: 200 })
    const page = yield* slow
    expect(page._tag === "page" ? page.page.events.length : 0).toBe(20)
    expect(yield* slow).toEqual({ _tag: "signals", signals: [frame(200).signal] })
    yield* Fiber.interrupt(reading)
  }).pipe(Effect.provide(layer))
)

it.scoped("D12 a new subscriber gets no signals of an ended turn", () =>
  Effect.gen(function* () {
    const session = yield* (yield* Signals.Signals).session(threadId)
    session.publish(usage(1))
    yield* TestClock.adjust("1 second")
    session.dropEnded({ _tag: "TurnCompleted", turnId: "trn_a" as TurnId })
    const { next } = yield* Subscription.attach({ after: 0, session: { actor: "test", scope: "read" } })
    expect((yield* next)._tag).toBe("caught-up")
    const waiting = yield* Effect.fork(next)
    yield* TestClock.adjust("15 seconds")
    expect((yield* Fiber.join(waiting))._tag).toBe("heartbeat")
  }).pipe(Effect.provide(layer))
)
