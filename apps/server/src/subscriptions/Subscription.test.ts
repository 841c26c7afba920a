import { HttpServerRequest } from "@effect/platform"
import { expect, it } from "@effect/vitest"
import { Chunk, Clock, Duration, Effect, Fiber, Layer, Option, Random, Ref, Stream, TestClock } from "effect"
import type { StreamName } from "@millrace/contracts/Ids"
import { EventLog } from "@millrace/log/EventLog"
import * as EventLogMemory from "@millrace/log/EventLogMemory"
import * as Signals from "@millrace/orchestration/streams/Signals"
import * as FixedTokens from "@millrace/testing/FixedTokens"
import { knownThreads } from "@millrace/testing/KnownThreads"
import { seeds, simulate } from "@millrace/testing/SeededScheduler"
import { event } from "../../test/support/Fixture.ts"
import { Session } from "../auth/Session.ts"
import { EncodedPageCache } from "./EncodedPageCache.ts"
import * as Events from "../http/Events.ts"
import * as Subscription from "./Subscription.ts"
import * as SubscriberScheduler from "./SubscriberScheduler.ts"

const session = { actor: "test", scope: "read" } as const

/** A log whose wake-ups can be lost or doubled. */
const layer = (onWake?: (wake: () => void) => void) =>
  SubscriberScheduler.layer.pipe(
    Layer.provideMerge(Layer.merge(FixedTokens.layer(), Signals.layer())),
    Layer.provideMerge(
      Layer.effect(
        EventLog,
        Effect.map(EventLogMemory.make(onWake === undefined ? {} : { onWake }), (log) => knownThreads(log))
      )
    )
  )

const offsets = (steps: Iterable<Subscription.FollowFrame>) =>
  [...steps].flatMap((step) => (step._tag === "page" ? step.page.events.map(({ offset }) => offset) : []))

const threads = ["thread/thr_a", "thread/thr_b"] as const
const total = 30

/** Follows up to the last event, cut at seeded points and resumed from the last page that it received. */
const reader = (stream: StreamName | undefined, last: number) =>
  Effect.gen(function* () {
    const seen: Array<number> = []
    const caughtUps: Array<number> = []
    const at = { offset: 0 }
    while (at.offset < last) {
      const cut = yield* Random.nextIntBetween(1, 9)
      let emitted = 0
      yield* Subscription.steps({ after: at.offset, session, limit: 3, ...(stream !== undefined && { stream }) }).pipe(
        Stream.take(cut),
        Stream.takeUntil((step) => step._tag === "page" && step.page.upTo >= last),
        Stream.runForEach((step) =>
          Effect.sync(() => {
            if (step._tag === "caught-up") emitted++
            if (step._tag !== "page") return
            seen.push(...step.page.events.map(({ offset }) => offset))
            at.offset = step.page.upTo
          })
        )
      )
      caughtUps.push(emitted)
    }
    return { seen, most: Math.max(...caughtUps) }
  })

const scenario = (onWake: (wake: () => void) => void) =>
  Effect.gen(function* () {
    const log = yield* EventLog
    const written: Array<string> = []
    const writer = Effect.gen(function* () {
      while (written.length < total) {
        const stream = threads[yield* Random.nextIntBetween(0, 2)] ?? threads[0]
        // The last event belongs to both kinds of subscriber.
        const of = written.length >= total - 2 ? threads[written.length - total + 2] : stream
        written.push(of ?? stream)
        yield* Effect.orDie(log.append([{ events: [event(written.length, of)], rows: [] }]))
        if (yield* Random.nextBoolean) yield* Effect.sleep(yield* Random.nextIntBetween(0, 500))
      }
    })
    const [all, a, b] = yield* Effect.all(
      [reader(undefined, total), reader(threads[0], total - 1), reader(threads[1], total), writer],
      {
        concurrency: "unbounded"
      }
    )
    const of = (stream: string) => written.flatMap((name, index) => (name === stream ? [index + 1] : []))
    expect(all.seen).toEqual(Array.from({ length: total }, (_, index) => index + 1))
    expect(a.seen).toEqual(of(threads[0]))
    expect(b.seen).toEqual(of(threads[1]))
    expect(Math.max(all.most, a.most, b.most)).toBeLessThanOrEqual(1)
  }).pipe(Effect.provide(layer(onWake)))

it("D1 D2 each reader has its events once and in order, for 200 seeds of cuts and lost or doubled wake-ups", async () => {
  for await (const seed of seeds(200)) {
    let count = 0
    const result = simulate(
      seed,
      scenario((wake) => {
        count++
        // The seed chooses: lost, once or twice. A lost wake-up costs a heartbeat, never an event.
        const times = (count * 7 + seed) % 4
        if (times === 0) return
        wake()
        if (times === 1) wake()
      })
    )
    expect([seed, result.exit]).toMatchObject([seed, { _tag: "Success" }])
  }
})

it.scoped("D6 a heartbeat with the head every 15 seconds, to subscribers at the head only", () =>
  Effect.gen(function* () {
    const log = yield* EventLog
    yield* log.append([{ events: [event(1)], rows: [] }])
    const steps = yield* Ref.make<ReadonlyArray<Subscription.FollowFrame>>([])
    const fiber = yield* Subscription.steps({ after: 0, session }).pipe(
      Stream.runForEach((step) => Ref.update(steps, (all) => [...all, step])),
      Effect.fork
    )
    yield* TestClock.adjust("14 seconds")
    expect((yield* Ref.get(steps)).map(({ _tag }) => _tag)).toEqual(["open", "page", "caught-up"])
    yield* TestClock.adjust("31 seconds")
    expect((yield* Ref.get(steps)).slice(3)).toEqual([
      { _tag: "heartbeat", head: 1 },
      { _tag: "heartbeat", head: 1 },
      { _tag: "heartbeat", head: 1 }
    ])
    yield* Fiber.interrupt(fiber)
  }).pipe(Effect.provide(layer()))
)

it.scoped("S3 closing delivers to the head first, then bye at the head, then the end", () =>
  Effect.gen(function* () {
    const log = yield* EventLog
    const scheduler = yield* SubscriberScheduler.SubscriberScheduler
    for (let n = 1; n <= 10; n++) yield* log.append([{ events: [event(n)], rows: [] }])
    yield* scheduler.close
    const steps = Chunk.toReadonlyArray(yield* Stream.runCollect(Subscription.steps({ after: 2, session, limit: 3 })))
    expect(offsets(steps)).toEqual([3, 4, 5, 6, 7, 8, 9, 10])
    expect(steps.at(-1)).toMatchObject({ _tag: "bye", resumeAfter: 10 })
    expect(steps.filter(({ _tag }) => _tag === "bye").length).toBe(1)
  }).pipe(Effect.provide(layer()))
)

it.scoped(
  "D2 leases of a hundred simultaneous subscribers end at different times, up to a quarter early or late, each with its cursor",
  () =>
    Effect.gen(function* () {
      const log = yield* EventLog
      yield* log.append([{ events: [event(1), event(2)], rows: [] }])
      const lease = Duration.minutes(1)
      const ends: Array<number> = []
      const one = Subscription.steps({ after: 0, session, lease }).pipe(
        Stream.runLast,
        Effect.zip(Clock.currentTimeMillis),
        Effect.map(([step, now]) => {
          expect(Option.getOrUndefined(step)).toEqual({ _tag: "bye", reason: "lease", resumeAfter: 2 })
          ends.push(now)
        })
      )
      const all = yield* Effect.fork(Effect.all(Effect.replicate(one, 100), { concurrency: "unbounded" }))
      yield* TestClock.adjust("44 seconds")
      expect(ends.length).toBe(0)
      yield* TestClock.adjust("32 seconds")
      yield* Fiber.join(all)
      // Few per step, whatever wakes the subscriber.
      const times = new Map<number, number>()
      for (const end of ends) times.set(end, (times.get(end) ?? 0) + 1)
      expect(Math.max(...times.values())).toBeLessThan(10)
      expect([ends.length, Math.min(...ends) >= 45_000, Math.max(...ends) <= 75_400]).toEqual([100, true, true])
    }).pipe(Effect.withRandom(Random.make("leases")), Effect.provide(layer()))
)

it.scoped(
  "D2 D7 pages of the log end at multiples of a number of offsets, so that readers with different starts share them; pages of a stream do not",
  () =>
    Effect.gen(function* () {
      const log = yield* EventLog
      for (let n = 1; n <= 10; n++) yield* log.append([{ events: [event(n, threads[n % 2])], rows: [] }])
      const pages = new EncodedPageCache()
      const read = (after: number, stream?: StreamName) =>
        Subscription.steps({ after, session, pages, ...(stream !== undefined && { stream }) }).pipe(
          Stream.takeUntil((step) => step._tag === "caught-up"),
          Stream.drop(1),
          Stream.map((step) => {
            if (step._tag === "encoded") return `encoded ${step.bytes.toString()}`
            if (step._tag === "caught-up") return `caught-up, ${step.replayed} replayed`
            if (step._tag !== "page") return step._tag
            const pageOffsets = step.page.events.map(({ offset }) => offset).join(" ")
            return `page ${pages.of(step.page, stream, () => Buffer.from(pageOffsets)).toString()}`
          }),
          Stream.runCollect,
          Effect.map(Chunk.toReadonlyArray)
        )
      expect(yield* read(1)).toEqual(["page 2 3 4", "page 5 6 7 8", "page 9 10", "caught-up, 9 replayed"])
      expect(yield* read(2)).toEqual(["page 3 4", "encoded 5 6 7 8", "page 9 10", "caught-up, 8 replayed"])
      expect(yield* read(4)).toEqual(["encoded 5 6 7 8", "page 9 10", "caught-up, 6 replayed"])
      expect(yield* read(3, threads[0])).toEqual(["page 4 6 8 10", "caught-up, 4 replayed"])
    }).pipe(Effect.provideService(Subscription.PageAlignment, 4), Effect.provide(layer()))
)

it.scoped("S3 bye after a page that another subscriber encoded names the position after that page", () =>
  Effect.gen(function* () {
    const log = yield* EventLog
    const lease = Duration.seconds(20)
    const pages = new EncodedPageCache()
    const late = yield* Subscription.attach({ after: 0, session, lease, pages })
    expect(yield* late.next).toMatchObject({ _tag: "caught-up", head: 0 })
    yield* log.append([{ events: [1, 2, 3, 4, 5].map((n) => event(n)), rows: [] }])
    yield* TestClock.adjust(1)
    pages.of(yield* log.read({ after: 0, limit: 4 }), undefined, () => Buffer.from("1 2 3 4"))
    expect(yield* late.next).toMatchObject({ _tag: "encoded" })
    yield* TestClock.adjust("26 seconds")
    expect(yield* late.next).toMatchObject({ _tag: "bye", reason: "lease", resumeAfter: 4 })
  }).pipe(Effect.provideService(Subscription.PageAlignment, 4), Effect.provide(layer()))
)

it.scoped("D6 D13 a page of another subscriber is not used beyond the head at attach, nor for a subscriber of one stream", () =>
  Effect.gen(function* () {
    const log = yield* EventLog
    const append = (...ns: ReadonlyArray<number>) => log.append([{ events: ns.map((n) => event(n, threads[n % 2])), rows: [] }])
    const pages = new EncodedPageCache()
    yield* append(1, 2)
    const whole = yield* Subscription.attach({ after: 0, session, pages })
    yield* append(3, 4, 5)
    yield* TestClock.adjust(1)
    pages.of(yield* log.read({ after: 0, limit: 4 }), undefined, () => Buffer.from("1 2 3 4"))
    const one = yield* Subscription.attach({ after: 0, session, pages, stream: threads[0] })
    const took = ({ next }: Subscription.Subscription, count: number) =>
      Effect.map(Effect.replicateEffect(next, count), (steps) => [offsets(steps), steps[1]])
    expect(yield* took(whole, 3)).toMatchObject([[1, 2, 3, 4], { _tag: "caught-up", head: 2, replayed: 2 }])
    expect(yield* took(one, 2)).toMatchObject([[2, 4], { _tag: "caught-up", head: 5, replayed: 2 }])
  }).pipe(Effect.provideService(Subscription.PageAlignment, 4), Effect.provide(layer()))
)

it.scoped("D7 a page cut at the head of an attach leaves the full page in the cache for other subscribers", () =>
  Effect.gen(function* () {
    const log = yield* EventLog
    const pages = new EncodedPageCache()
    yield* log.append([{ events: [event(1), event(2)], rows: [] }])
    const early = yield* Subscription.attach({ after: 0, session, pages })
    yield* log.append([{ events: [event(3), event(4), event(5)], rows: [] }])
    yield* TestClock.adjust(1)
    const whole = pages.of(yield* log.read({ after: 0, limit: 4 }), undefined, () => Buffer.from("1 2 3 4"))
    const cut = yield* early.next
    expect(offsets([cut])).toEqual([1, 2])
    if (cut._tag === "page") pages.of(cut.page, undefined, () => Buffer.from("1 2"))
    const late = yield* Subscription.attach({ after: 0, session, pages })
    expect(yield* late.next).toEqual({ _tag: "encoded", bytes: whole })
  }).pipe(Effect.provideService(Subscription.PageAlignment, 4), Effect.provide(layer()))
)

it.scoped("D7 lagging subscribers and those at the head wait for the end of the pause before every page", () =>
  Effect.gen(function* () {
    const log = yield* EventLog
    const scheduler = yield* SubscriberScheduler.SubscriberScheduler
    let turns = 0
    const counted = { ...scheduler, pauseEnd: Effect.sync(() => void turns++) }
    const append = log.append([{ events: [event(1)], rows: [] }])
    yield* append
    const { next } = yield* Effect.provideService(
      Subscription.attach({ after: 0, session }),
      SubscriberScheduler.SubscriberScheduler,
      counted
    )
    expect([(yield* next)._tag, turns]).toEqual(["page", 1])
    expect([(yield* next)._tag, turns]).toEqual(["caught-up", 1])
    yield* append
    yield* TestClock.adjust(1)
    expect([(yield* next)._tag, turns]).toEqual(["page", 2])
  }).pipe(Effect.provide(layer()))
)

it.scoped("D7 a dump of the whole log waits for the end of the pause before every page", () =>
  Effect.gen(function* () {
    const log = yield* EventLog
    for (let n = 0; n < 3; n++) yield* log.append(Array.from({ length: 700 }, () => ({ events: [event(1)], rows: [] })))
    const scheduler = yield* SubscriberScheduler.SubscriberScheduler
    let turns = 0
    const counted = { ...scheduler, pauseEnd: Effect.sync(() => void turns++) }
    const handle = yield* Effect.provideService(Events.make, SubscriberScheduler.SubscriberScheduler, counted)
    const request = HttpServerRequest.fromWeb(
      new Request("http://localhost/api/events", { headers: { accept: "application/x-ndjson" } })
    )
    const { body } = yield* Effect.provideService(handle(request), Session, session)
    if (body._tag !== "Stream") return yield* Effect.dieMessage("a dump is a stream")
    const pages = yield* Stream.runCount(body.stream)
    expect(pages).toBeGreaterThanOrEqual(3)
    expect(turns).toBe(pages)
  }).pipe(Effect.provide(layer()))
)
