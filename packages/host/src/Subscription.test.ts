import type { SubscriptionFrame } from "@millrace/contracts/Frame"
import type { ThreadId, TurnId } from "@millrace/contracts/Ids"
import type { ProviderSignal } from "@millrace/contracts/ProviderEvent"
import { EventLog, type NewEvent } from "@millrace/log/EventLog"
import * as EventLogMemory from "@millrace/log/EventLogMemory"
import { knownThreads } from "@millrace/testing/KnownThreads"
import { seeds, simulate } from "@millrace/testing/SeededScheduler"
import { describe, expect, it } from "@effect/vitest"
import { Chunk, Context, Effect, Exit, Fiber, Layer, Option, Random, Ref, Scope, Stream, TestClock } from "effect"
import * as Signals from "@millrace/orchestration/streams/Signals"
import * as Consumers from "./Consumers.ts"
import * as Subscription from "./Subscription.ts"

const stream = "thread/thr_a"
const event = (type: string, own: string = stream): NewEvent => ({
  stream: own,
  type,
  at: "2026-11-20T09:00:00.000Z",
  epoch: 1,
  data: {}
})
const deltas = (count: number) => Array.from({ length: count }, () => event("item.delta"))

/** A log with subscriptions. */
const setup = Effect.gen(function* () {
  const log = knownThreads(Context.get(yield* Layer.build(EventLogMemory.layer()), EventLog))
  const signals = yield* Signals.make()
  const consumers = yield* Consumers.make(log, signals)
  const append = (...events: ReadonlyArray<NewEvent>) => log.append([{ events, rows: [] }])
  const subscribe = (options: Partial<Subscription.Options> = {}) =>
    Subscription.frames(log, consumers, { delivery: "lossless", capacity: 1, ...options })
  /** Pulls one frame at the test's request. */
  const open = (options: Partial<Subscription.Options> = {}) =>
    Effect.map(Stream.toPull(subscribe(options)), (pull) => Effect.map(pull, Chunk.unsafeHead))
  return { log, signals, consumers, append, subscribe, open }
})

const offsets = (frames: Iterable<SubscriptionFrame>) =>
  Array.from(frames).flatMap((frame) => (frame._tag === "event" ? [frame.event.offset] : []))
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, at) => from + at)
const isOffset = (offset: number) => (frame: SubscriptionFrame) => frame._tag === "event" && frame.event.offset === offset
const upTo = <E>(frames: Stream.Stream<SubscriptionFrame, E>, offset: number) =>
  Effect.map(Stream.runCollect(Stream.takeUntil(frames, isOffset(offset))), Chunk.toReadonlyArray)

describe("Subscription, lossless", () => {
  it.scoped(
    "S4 D7 saturation: the log accepts 1,001 events while the consumer reads none; then it gets them in order (case 1)",
    () =>
      Effect.gen(function* () {
        const { log, append, open } = yield* setup
        const next = yield* open()
        expect(yield* next).toEqual({ _tag: "caught-up", head: 0, replayed: 0, requests: 0 })
        for (const delta of deltas(1000)) yield* append(delta)
        yield* append(event("turn.completed"))
        expect(yield* log.head).toBe(1001)
        const got = yield* Effect.replicateEffect(next, 1001)
        expect(offsets(got)).toEqual(range(1, 1001))
      })
  )

  it.scoped(
    "D7 slow and fast: a fast consumer does not wait for one that reads an event per 100 ms; both get everything (case 6)",
    () =>
      Effect.gen(function* () {
        const { append, subscribe } = yield* setup
        const slow = yield* upTo(
          Stream.tap(subscribe({ capacity: 16 }), () => Effect.sleep("100 millis")),
          200
        ).pipe(Effect.fork)
        const fast = yield* Effect.fork(upTo(subscribe(), 200))
        for (let at = 0; at < 10; at++) yield* append(...deltas(20))
        expect(offsets(yield* Fiber.join(fast))).toEqual(range(1, 200))
        expect(yield* Fiber.poll(slow)).toEqual(Option.none())
        yield* TestClock.adjust("21 seconds")
        expect(offsets(yield* Fiber.join(slow))).toEqual(range(1, 200))
      })
  )

  it("D2 cut after any number of events and resumed while others write: the concatenation is the log, 200 seeds (case 7)", async () => {
    const reader = Effect.gen(function* () {
      const { append, subscribe } = yield* setup
      const total = 30
      yield* Effect.fork(
        Effect.gen(function* () {
          for (let written = 0; written < total;) {
            const count = Math.min(total - written, yield* Random.nextIntBetween(1, 6))
            yield* append(...deltas(count))
            written += count
            yield* Effect.sleep(yield* Random.nextIntBetween(0, 3))
          }
        })
      )
      const seen: Array<number> = []
      let after: string | undefined
      while (seen.at(-1) !== total) {
        const k = yield* Random.nextIntBetween(1, 8)
        const frames = yield* subscribe({
          capacity: yield* Random.nextIntBetween(0, 4),
          ...(after === undefined ? {} : { after })
        }).pipe(
          Stream.filter((frame) => frame._tag === "event"),
          Stream.take(Math.min(k, total - seen.length)),
          Stream.runCollect
        )
        for (const frame of frames) {
          seen.push(frame.event.offset)
          after = frame.cursor
        }
      }
      return seen
    }).pipe(Effect.scoped, Effect.orDie)
    for await (const seed of seeds(200)) {
      const { exit } = simulate(seed, reader, { preempt: 0.03 })
      expect(exit, `seed ${seed}`).toEqual(Exit.succeed(range(1, 30)))
    }
  })

  it.scoped("D14 a subscriber that joins in the middle of an item gets all of it before the next delta (case 8)", () =>
    Effect.gen(function* () {
      const { append, open } = yield* setup
      yield* append(event("item.started"), ...deltas(4))
      const next = yield* open({ capacity: 2 })
      expect(offsets(yield* Effect.replicateEffect(next, 5))).toEqual(range(1, 5))
      expect(yield* next).toEqual({ _tag: "caught-up", head: 5, replayed: 5, requests: 0 })
      yield* append(...deltas(1))
      expect(offsets([yield* next])).toEqual([6])
    })
  )

  it.scoped(
    "D2 interrupted while it waits, and with events read ahead: a subscriber that resumes with its cursor misses nothing (case 9)",
    () =>
      Effect.gen(function* () {
        const { append, subscribe } = yield* setup
        const seen = yield* Ref.make<ReadonlyArray<SubscriptionFrame>>([])
        const note = (frame: SubscriptionFrame) => Ref.update(seen, (all) => [...all, frame])
        const waiting = yield* Effect.fork(Stream.runForEach(subscribe({ capacity: 8 }), note))
        yield* Effect.yieldNow()
        yield* Fiber.interrupt(waiting)
        yield* append(...deltas(10))
        const ahead = yield* Effect.fork(
          Stream.runForEach(subscribe({ capacity: 8 }), (frame) =>
            Effect.zipRight(note(frame), isOffset(3)(frame) ? Effect.never : Effect.void)
          )
        )
        yield* TestClock.adjust("1 millis")
        yield* Fiber.interrupt(ahead)
        const last = (yield* Ref.get(seen)).at(-1)
        if (last?._tag !== "event") throw new Error("the last frame is an event")
        expect(offsets(yield* Ref.get(seen))).toEqual([1, 2, 3])
        expect(offsets(yield* upTo(subscribe({ after: last.cursor }), 10))).toEqual(range(4, 10))
      })
  )

  it.scoped("S4 capacity 0, 1, 2, 128 and NaN: at least one, and the same frames (case 10)", () =>
    Effect.gen(function* () {
      const { append, subscribe } = yield* setup
      yield* append(...deltas(300), event("turn.completed"))
      const all = yield* Effect.forEach([0, 1, 2, 128, -5, Number.NaN, 1e9], (capacity) => upTo(subscribe({ capacity }), 301))
      expect(offsets(all[0]!)).toEqual(range(1, 301))
      for (const frames of all) expect(frames).toEqual(all[0])
    })
  )

  it.scoped("D3 D6 one stream; caught-up once; the end when its thread is deleted; foreign cursors are rejected", () =>
    Effect.gen(function* () {
      const { log, append, open, subscribe } = yield* setup
      yield* append(event("turn.started"), event("turn.started", "thread/thr_b"), event("turn.completed"))
      const next = yield* open({ stream, capacity: 8 })
      expect(offsets([yield* next, yield* next])).toEqual([1, 3])
      expect(yield* next).toEqual({ _tag: "caught-up", head: 3, replayed: 2, requests: 0 })
      yield* append(event("turn.started", "thread/thr_b"), event("thread.deleted"))
      expect(offsets([yield* next])).toEqual([5])
      expect((yield* next)._tag).toBe("end")
      expect(yield* Effect.flip(next)).toEqual(Option.none())
      const refused = (after: string) => Effect.map(Effect.flip(Stream.runDrain(subscribe({ after }))), ({ _tag }) => _tag)
      expect(yield* refused("nonsense")).toBe("CursorMalformed")
      expect(yield* refused(`${"0".repeat(26)}-1`)).toBe("CursorForeign")
      expect(yield* refused(`${log.epoch}-99`)).toBe("CursorAhead")
      yield* log.trim(2)
      expect(yield* refused(`${log.epoch}-1`)).toBe("CursorExpired")
    })
  )
})

describe("Subscription, signals", () => {
  const threadId = "thr_a" as ThreadId
  const usage = (outputTokens: number): ProviderSignal => ({
    _tag: "Signal",
    turnId: "trn_a" as TurnId,
    kind: "usage",
    data: { outputTokens }
  })
  const shownAs = (frame: SubscriptionFrame) => (frame._tag === "signal" ? frame.signal.data : frame._tag)

  it.scoped("D12 a suspended lossless reader delays no other, and gets all events, then the latest signal", () =>
    Effect.gen(function* () {
      const { append, open, signals } = yield* setup
      const session = yield* signals.session(threadId)
      const [slow, fast] = [yield* open(), yield* open({ stream })]
      session.publish(usage(1))
      for (const next of [slow, fast]) expect(shownAs(yield* next)).toBe("caught-up")
      expect(shownAs(yield* slow)).toEqual({ outputTokens: 1 })
      for (let at = 2; at <= 100; at++) {
        session.publish(usage(at))
        yield* append(event("item.delta"))
        yield* TestClock.adjust("100 millis")
        if (at === 2) expect(shownAs(yield* fast)).toBe("event")
        if (at === 2) expect(shownAs(yield* fast)).toEqual({ outputTokens: 2 })
      }
      const got = yield* Effect.replicateEffect(slow, 100)
      expect(offsets(got)).toEqual(range(1, 99))
      expect(shownAs(got.at(-1)!)).toEqual({ outputTokens: 100 })
    })
  )

  it.scoped(
    "D12 a waiting reader is woken by a signal of its thread, and not by one of another; best effort gets signals too",
    () =>
      Effect.gen(function* () {
        const { open, signals } = yield* setup
        const session = yield* signals.session(threadId)
        const [own, other, all] = [
          yield* open({ stream }),
          yield* open({ stream: "thread/thr_b" }),
          yield* open({ delivery: "best-effort", capacity: 8 })
        ]
        for (const next of [own, other, all]) yield* next
        const waiting = yield* Effect.forEach([own, other, all], Effect.fork)
        yield* TestClock.adjust("1 second")
        session.publish(usage(7))
        yield* TestClock.adjust("0 millis")
        const polled = yield* Effect.forEach(waiting, Fiber.poll)
        expect(polled.map(Option.map(Exit.map(shownAs)))).toEqual([
          Option.some(Exit.succeed({ outputTokens: 7 })),
          Option.none(),
          Option.some(Exit.succeed({ outputTokens: 7 }))
        ])
      })
  )

  it.scoped("D5 a signal has no cursor and moves none: a reader that resumes after any frame has the log once", () =>
    Effect.gen(function* () {
      const { append, open, signals } = yield* setup
      const session = yield* signals.session(threadId)
      yield* append(...deltas(3))
      const next = yield* open()
      const first = yield* Effect.replicateEffect(next, 4)
      session.publish(usage(1))
      yield* TestClock.adjust("0 millis")
      const signal = yield* next
      expect(Object.keys(signal).toSorted()).toEqual(["_tag", "signal"])
      yield* append(...deltas(2))
      const cursor = first.flatMap((frame) => (frame._tag === "event" ? [frame.cursor] : [])).at(-1)!
      const again = yield* open({ after: cursor })
      const came = yield* Effect.replicateEffect(again, 3)
      expect(offsets(came)).toEqual([4, 5])
    })
  )
})

describe("Subscription, best effort", () => {
  const parts = (frames: ReadonlyArray<SubscriptionFrame>) => frames.filter(({ _tag }) => _tag === "event" || _tag === "lagged")

  it.scoped(
    "D7 saturation: the skipped range is reported exactly and before the next event; all requests and ends are delivered (case 2)",
    () =>
      Effect.gen(function* () {
        const { log, append, open } = yield* setup
        const next = yield* open({ delivery: "best-effort" })
        yield* next
        yield* append(event("item.started"), ...deltas(499))
        yield* append(
          event("request.opened"),
          event("request.answered"),
          ...deltas(498),
          event("item.completed"),
          event("turn.completed")
        )
        const frames: Array<SubscriptionFrame> = []
        while (!frames.some(isOffset(1002))) frames.push(yield* next)
        expect(parts(frames).map((frame) => (frame._tag === "event" ? frame.event.type : frame))).toEqual([
          { _tag: "lagged", from: 1, to: 500, skipped: 500 },
          "request.opened",
          "request.answered",
          { _tag: "lagged", from: 503, to: 1000, skipped: 498 },
          "item.completed",
          "turn.completed"
        ])
        const { events } = yield* log.read({ after: 502, limit: 498 })
        expect(events.map(({ offset }) => offset)).toEqual(range(503, 1000))
      })
  )

  it.scoped("D7 a subscriber that keeps up misses nothing, and the past is replayed whole, whatever the capacity", () =>
    Effect.gen(function* () {
      const { append, open } = yield* setup
      yield* append(...deltas(500))
      const next = yield* open({ delivery: "best-effort" })
      expect(offsets(yield* Effect.replicateEffect(next, 500))).toEqual(range(1, 500))
      expect((yield* next)._tag).toBe("caught-up")
      for (let offset = 501; offset <= 600; offset++) {
        yield* append(...deltas(1))
        expect(offsets([yield* next])).toEqual([offset])
      }
    })
  )

  it.scoped("D7 skipped events are reported before the end, also when the last stream is deleted below the head", () =>
    Effect.gen(function* () {
      const { append, open } = yield* setup
      const other = "thread/thr_b"
      const next = yield* open({ stream: [stream, other], types: ["item.delta"], delivery: "best-effort", capacity: 1 })
      expect((yield* next)._tag).toBe("caught-up")
      const later = Array.from({ length: 200 }, () => event("item.delta", "thread/thr_c"))
      yield* append(...deltas(2), event("thread.deleted"), event("thread.deleted", other), ...later)
      const frames: Array<SubscriptionFrame> = []
      while (frames.at(-1)?._tag !== "end") frames.push(yield* next)
      expect(frames).toMatchObject([{ _tag: "lagged", from: 1, to: 2, skipped: 2 }, { _tag: "end" }])
    })
  )

  it("D7 whatever the schedule: delivered and lagged together are the log, in order, nothing twice, no end missed, 200 seeds (case 2)", async () => {
    const types = [
      "item.started",
      "item.delta",
      "item.delta",
      "item.delta",
      "item.completed",
      "request.opened",
      "turn.completed",
      "turn.updated",
      "a.new.type"
    ]
    const run = Effect.gen(function* () {
      const { append, subscribe } = yield* setup
      const total = 100
      const written: Array<string> = []
      yield* Effect.fork(
        Effect.gen(function* () {
          while (written.length < total) {
            const count = Math.min(total - written.length, yield* Random.nextIntBetween(1, 40))
            const batch: Array<string> = []
            for (let at = 0; at < count; at++) batch.push(types[yield* Random.nextIntBetween(0, types.length)] as string)
            if (written.length + count === total) batch[count - 1] = "turn.completed"
            written.push(...batch)
            yield* append(...batch.map((type) => event(type)))
            yield* Effect.sleep(yield* Random.nextIntBetween(0, 3))
          }
        })
      )
      const capacity = yield* Random.nextIntBetween(0, 6)
      const frames = yield* upTo(
        Stream.tap(subscribe({ delivery: "best-effort", capacity }), () =>
          Effect.flatMap(Random.nextIntBetween(0, 3), (millis) => Effect.sleep(millis))
        ),
        total
      )
      let position = 0
      let skipped = 0
      for (const frame of frames) {
        if (frame._tag === "lagged") {
          if (frame.from !== position + 1 || frame.skipped !== frame.to - frame.from + 1) return `gap at ${position}`
          for (const offset of range(frame.from, frame.to))
            if (!["item.started", "item.delta", "turn.updated"].includes(written[offset - 1]!))
              return `${written[offset - 1]} was skipped`
          position = frame.to
          skipped += frame.skipped
        } else if (frame._tag === "event") {
          if (frame.event.offset !== position + 1) return `gap at ${position}`
          position = frame.event.offset
        }
      }
      return { position, skipped }
    }).pipe(Effect.scoped, Effect.orDie)
    let tried = 0
    let skipped = 0
    for await (const seed of seeds(200)) {
      tried++
      const { exit } = simulate(seed, run)
      expect(exit, `seed ${seed}`).toMatchObject({ _tag: "Success", value: { position: 100 } })
      if (Exit.isSuccess(exit as Exit.Exit<unknown>)) skipped += (exit as Exit.Success<{ skipped: number }, never>).value.skipped
    }
    expect(skipped / tried).toBeGreaterThan(5)
  })
})

describe("Consumers", () => {
  it.scoped("D8 a consumer that ends leaves nothing behind", () =>
    Effect.gen(function* () {
      const { consumers, open } = yield* setup
      const scope = yield* Scope.make()
      const next = yield* Scope.extend(open(), scope)
      yield* next
      yield* Scope.close(scope, Exit.void)
      yield* consumers.watch
      expect(consumers.report(0)).toEqual([])
      yield* consumers.ended
    })
  )
})
