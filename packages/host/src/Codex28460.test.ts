/**
 * The test cases of Codex change 28460 (lossless in-process delivery, two-phase shutdown), in the order in which an embedder uses it.
 * The first six are from the change; its review found the last three missing.
 */
import type { SubscriptionFrame } from "@millrace/contracts/Frame"
import { EventLog } from "@millrace/log/EventLog"
import { Directories } from "@millrace/orchestration/engine/Directories"
import { command } from "@millrace/testing/Orchestration"
import * as ScriptedProvider from "@millrace/testing/ScriptedProvider"
import * as TestHost from "@millrace/testing/TestHost"
import { describe, expect, it } from "@effect/vitest"
import { Chunk, Clock, Context, Deferred, Duration, Effect, Either, Fiber, Layer, Stream, TestClock } from "effect"
import { createHost } from "./createHost.ts"
import * as Host from "./Host.ts"

const lossless = { delivery: "lossless", capacity: 1 } as const
const patience = { deadline: "10 seconds", mode: "drain" } as const
const thread = (text: string) => command("thread.create", { provider: "scripted", cwd: "/work", turn: { text } })
const toTheEnd = <E>(frames: Stream.Stream<SubscriptionFrame, E>) => Effect.map(Stream.runCollect(frames), Chunk.toReadonlyArray)
const range = (to: number) => Array.from({ length: to }, (_, at) => at + 1)
const offsets = (frames: ReadonlyArray<SubscriptionFrame>) => TestHost.events(frames).map(({ offset }) => offset)
const terminalOf = (frames: ReadonlyArray<SubscriptionFrame>, turnId: string | undefined) =>
  TestHost.events(frames).filter(
    ({ type, data }) => /^turn\.(completed|failed|interrupted)$/.test(type) && (data as { turnId: string }).turnId === turnId
  )

/** A host whose directory checks wait for the latch. */
const waitingForDirectories = (latch: Deferred.Deferred<void>) =>
  Host.layerOver().pipe(
    Layer.provideMerge(
      Layer.succeed(
        Directories,
        Directories.of({ resolve: (cwd) => Effect.as(Deferred.await(latch), cwd) } as typeof Directories.Service)
      )
    ),
    Layer.provideMerge(Layer.merge(ScriptedProvider.layer(ScriptedProvider.make()), Layer.effect(EventLog, TestHost.memoryLog)))
  )

describe("Codex 28460", () => {
  it.scoped("S4 1 of 9: lossless at capacity one delivers everything through both phases", () =>
    Effect.gen(function* () {
      const host = yield* TestHost.make()
      const all = yield* Effect.fork(toTheEnd(host.subscribe(lossless)))
      yield* Effect.yieldNow()
      yield* TestHost.begin(host, "hello")
      const report = yield* Effect.flatMap(host.beginShutdown(patience), host.finishShutdown)
      expect(offsets(yield* Fiber.join(all))).toEqual(range(report.head))
    })
  )

  it.scoped("S4 2 of 9: best effort at capacity one never blocks, and names the skipped range", () =>
    Effect.gen(function* () {
      const host = yield* TestHost.make()
      const some = yield* Effect.fork(toTheEnd(host.subscribe({ delivery: "best-effort", capacity: 1 })))
      yield* Effect.yieldNow()
      yield* TestHost.begin(host, "hello")
      const report = yield* Effect.flatMap(host.beginShutdown(patience), host.finishShutdown)
      const frames = yield* Fiber.join(some)
      const skipped = frames.reduce((sum, frame) => sum + (frame._tag === "lagged" ? frame.skipped : 0), 0)
      expect(offsets(frames).length + skipped).toBe(report.head)
    })
  )

  it.scoped("S2 3 of 9: a command accepted before begin, while a subscriber is full, gets its real result", () =>
    Effect.gen(function* () {
      const host = yield* TestHost.make()
      yield* Effect.forkScoped(Stream.runForEach(host.subscribe(lossless), () => Effect.never))
      const sent = yield* Effect.fork(host.dispatch(thread("work")))
      yield* Effect.yieldNow()
      const token = yield* host.beginShutdown(patience)
      const finish = yield* Effect.fork(Effect.either(host.finishShutdown(token)))
      const { turnId, status } = yield* Fiber.join(sent)
      expect(status).toBe("accepted")
      yield* TestClock.adjust("10 seconds")
      yield* Fiber.join(finish)
      const frames = yield* toTheEnd(host.follow({}))
      expect(terminalOf(frames, turnId).map(({ type }) => type)).toEqual(["turn.completed"])
    })
  )

  it.scoped("S1 4 of 9: begin returns in the same tick, with full subscribers and a busy agent", () =>
    Effect.gen(function* () {
      const busy = ScriptedProvider.make({ turn: (turn) => Effect.zipRight(turn.start, Effect.never) })
      const host = yield* TestHost.make({ providers: [busy] })
      yield* Effect.forkScoped(Stream.runForEach(host.subscribe(lossless), () => Effect.never))
      yield* TestHost.begin(host, "work")
      const begun = Effect.runSyncExit(host.beginShutdown({ deadline: "10 seconds", mode: "now" }))
      expect(begun).toMatchObject({ _tag: "Success", value: { mode: "now" } })
    })
  )

  it.scoped("S4 5 of 9: an injected store is used", () =>
    Effect.gen(function* () {
      const log = yield* TestHost.memoryLog
      const host = yield* TestHost.make({ store: Layer.succeed(EventLog, log) })
      yield* TestHost.begin(host, "hello")
      yield* host.shutdown(patience)
      expect(yield* log.head).toBe((yield* host.state).offset)
      expect(yield* log.head).toBeGreaterThan(0)
    })
  )

  it.scoped("D7 6 of 9: capacity 0 means 1", () =>
    Effect.gen(function* () {
      const host = yield* TestHost.make()
      const all = yield* Effect.fork(toTheEnd(host.subscribe({ delivery: "lossless", capacity: 0 })))
      yield* Effect.yieldNow()
      yield* TestHost.begin(host, "hello")
      const report = yield* Effect.flatMap(host.beginShutdown(patience), host.finishShutdown)
      expect(offsets(yield* Fiber.join(all))).toEqual(range(report.head))
    })
  )

  it.scoped("S3 7 of 9: begin, read to the end, then finish: the stream ends with the work, long before the deadline", () =>
    Effect.gen(function* () {
      const host = yield* TestHost.make()
      const reader = yield* Effect.fork(toTheEnd(host.subscribe(lossless)))
      yield* Effect.yieldNow()
      const { turnId } = yield* TestHost.begin(host, "hello")
      const began = yield* Clock.currentTimeMillis
      const token = yield* host.beginShutdown(patience)
      const frames = yield* Fiber.join(reader)
      expect(terminalOf(frames, turnId)).toHaveLength(1)
      expect(frames.at(-1)?._tag).toBe("bye")
      const report = yield* host.finishShutdown(token)
      expect(offsets(frames)).toEqual(range(report.head))
      expect((yield* Clock.currentTimeMillis) - began).toBe(0)
    })
  )

  it.scoped("S1 S2 8 of 9: a command dispatched before begin is completed, though its directory is still looked up", () =>
    Effect.gen(function* () {
      const latch = yield* Deferred.make<void>()
      const host = Context.get(yield* Layer.build(waitingForDirectories(latch)), Host.Host)
      const sent = yield* Effect.fork(host.dispatch(thread("work")))
      yield* Effect.yieldNow()
      const token = yield* host.beginShutdown(patience)
      expect((yield* Effect.flip(host.dispatch(thread("late"))))._tag).toBe("ShuttingDown")
      yield* Deferred.succeed(latch, undefined)
      const { turnId } = yield* Fiber.join(sent)
      yield* host.finishShutdown(token)
      expect(terminalOf(yield* toTheEnd(host.follow({})), turnId).map(({ type }) => type)).toEqual(["turn.completed"])
    })
  )

  it.scoped("S1 an uninterruptible caller is answered like any other", () =>
    Effect.gen(function* () {
      const latch = yield* Deferred.make<void>()
      const host = Context.get(yield* Layer.build(waitingForDirectories(latch)), Host.Host)
      const sent = yield* Effect.fork(Effect.uninterruptible(host.dispatch(thread("work"))))
      yield* Effect.yieldNow()
      yield* Deferred.succeed(latch, undefined)
      expect((yield* Fiber.join(sent)).status).toBe("accepted")
    })
  )

  it.scoped("S1 S6 a hanging directory check is rejected in time, and leaves no event", () =>
    Effect.gen(function* () {
      const latch = yield* Deferred.make<void>()
      const host = Context.get(yield* Layer.build(waitingForDirectories(latch)), Host.Host)
      const sent = yield* Effect.fork(Effect.either(host.dispatch(thread("work"))))
      yield* Effect.yieldNow()
      const finish = yield* Effect.fork(Effect.flatMap(host.beginShutdown(patience), host.finishShutdown))
      yield* TestClock.adjust(Duration.seconds(10))
      expect(yield* Fiber.join(finish)).toMatchObject({ head: 0, drained: true })
      yield* Deferred.succeed(latch, undefined)
      const refused = yield* Fiber.join(sent)
      expect(Either.isLeft(refused) && refused.left._tag).toBe("ShuttingDown")
      expect((yield* host.state).offset).toBe(0)
    })
  )

  it("S2 S3 9 of 9: with promises, dispatch and begin in one tick: accepted, read to its end, finished", async () => {
    const host = await createHost({ adapters: [ScriptedProvider.make().adapter], directories: ["/work"] })
    const reading = (async () => {
      const frames: Array<SubscriptionFrame> = []
      for await (const frame of host.subscribe(lossless)) frames.push(frame)
      return frames
    })()
    const sent = host.dispatch(thread("hello"))
    const begun = host.beginShutdown({ deadline: "1 minute", mode: "drain" })
    const { turnId } = await sent
    const frames = await reading
    const report = await host.finishShutdown(await begun)
    expect(terminalOf(frames, turnId)).toHaveLength(1)
    expect(offsets(frames)).toEqual(range(report.head))
    await host.close()
  })
})
