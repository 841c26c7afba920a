import { expect, it } from "@effect/vitest"
import { Clock, Duration, Effect, Layer } from "effect"
import { EventLog } from "@millrace/log/EventLog"
import * as EventLogMemory from "@millrace/log/EventLogMemory"
import * as Signals from "@millrace/orchestration/streams/Signals"
import * as FixedTokens from "@millrace/testing/FixedTokens"
import { event } from "../../test/support/Fixture.ts"
import * as SubscriberScheduler from "./SubscriberScheduler.ts"

/** A clock that moves only when the test reports that work took time, or that time passes. */
const handClock = () => {
  let now = 0
  const sleepers = new Set<{ readonly at: number; readonly resume: () => void }>()
  const clock: Clock.Clock = {
    ...Clock.make(),
    unsafeCurrentTimeNanos: () => BigInt(Math.round(now * 1e6)),
    currentTimeNanos: Effect.sync(() => BigInt(Math.round(now * 1e6))),
    sleep: (time) =>
      Effect.async((resume) => {
        const sleeper = { at: now + Duration.toMillis(time), resume: () => resume(Effect.void) }
        sleepers.add(sleeper)
        return Effect.sync(() => sleepers.delete(sleeper))
      })
  }
  const pass = (millis: number) => {
    now += millis
    for (const sleeper of sleepers)
      if (sleeper.at <= now) {
        sleepers.delete(sleeper)
        sleeper.resume()
      }
  }
  return { clock, pass }
}

const layer = (committed: () => void) =>
  SubscriberScheduler.layer.pipe(
    Layer.provideMerge(Signals.layer()),
    Layer.provideMerge(FixedTokens.layer()),
    Layer.provideMerge(EventLogMemory.layer({ onStep: (step) => void (step === "committed" && committed()) }))
  )

/** A writer that commits in every turn of the event loop; each commit takes one millisecond. */
const busyWriter = (pass: (ms: number) => void, turns: number) =>
  Effect.gen(function* () {
    for (let turn = 0; turn < turns; turn++) {
      yield* append
      pass(1)
      yield* Effect.yieldNow()
    }
  })

/** Returns when every runnable fiber has run. */
const rest = Effect.repeatN(Effect.yieldNow(), 50)

const append = Effect.flatMap(EventLog, (log) => Effect.orDie(log.append([{ events: [event(1)], rows: [] }])))

/** A subscriber whose every read takes `cost` milliseconds, its number of reads, and a writer whose commits take time. */
const scenario = (
  cost: number,
  body: (given: {
    readonly looks: () => number
    readonly pass: (ms: number) => void
  }) => Effect.Effect<void, never, EventLog | SubscriberScheduler.SubscriberScheduler>,
  commitMillis = 0
) => {
  const { clock, pass } = handClock()
  let looks = 0
  return Effect.gen(function* () {
    const scheduler = yield* SubscriberScheduler.SubscriberScheduler
    const log = yield* EventLog
    let seen = 0
    yield* Effect.gen(function* () {
      yield* scheduler.awaitBeyond(seen)
      seen = yield* log.head
      looks++
      pass(cost)
    }).pipe(Effect.repeat({ until: scheduler.closing }), Effect.forkScoped)
    yield* rest
    yield* body({ looks: () => looks, pass })
  }).pipe(Effect.provide(layer(() => pass(commitMillis))), Effect.scoped, Effect.withClock(clock))
}

it.effect(
  "D7 after a batch of wake-ups that takes 4 ms the next one waits 8 ms, and carries the events committed meanwhile",
  () =>
    scenario(4, ({ looks, pass }) =>
      Effect.gen(function* () {
        yield* append
        yield* rest
        expect(looks()).toBe(1)
        yield* append
        yield* append
        yield* rest
        pass(7)
        yield* rest
        expect(looks()).toBe(1)
        pass(1)
        yield* rest
        expect(looks()).toBe(2)
      })
    )
)

it.effect("D7 with few subscribers every commit is announced at once", () =>
  scenario(0.1, ({ looks }) =>
    Effect.gen(function* () {
      for (let n = 1; n <= 5; n++) {
        yield* append
        yield* rest
        expect(looks()).toBe(n)
      }
    })
  )
)

it.effect(
  "D7 while every event-loop turn commits, subscribers get a twentieth of the time; when the writer is idle, they continue at once",
  () =>
    scenario(4, ({ looks, pass }) =>
      Effect.gen(function* () {
        yield* busyWriter(pass, 400)
        // 4 ms of a batch and 80 ms of the writer.
        expect(looks()).toBeGreaterThanOrEqual(4)
        expect(looks()).toBeLessThanOrEqual(400 / 80 + 1)
        const before = looks()
        yield* rest
        expect(looks()).toBe(before + 1)
      })
    )
)

it.effect("D7 a lagging subscriber waits for the end of the pause too, except when nothing is written", () =>
  scenario(4, ({ pass }) =>
    Effect.gen(function* () {
      const scheduler = yield* SubscriberScheduler.SubscriberScheduler
      let pages = 0
      yield* Effect.fork(
        Effect.forever(
          Effect.gen(function* () {
            yield* scheduler.pauseEnd
            pages++
            yield* Effect.yieldNow()
          })
        )
      )
      yield* rest
      expect(pages).toBeGreaterThan(40)
      pages = 0
      yield* busyWriter(pass, 400)
      expect(pages).toBeGreaterThan(4)
      expect(pages).toBeLessThan(60)
      // The last batch has ended, and so has the one with later events.
      for (let pause = 0; pause < 2; pause++) {
        pass(8)
        yield* rest
      }
      pages = 0
      yield* rest
      expect(pages).toBeGreaterThan(40)
    })
  )
)

it.effect("S3 a draining server delays no subscriber, whatever the writer does", () =>
  scenario(4, ({ pass }) =>
    Effect.gen(function* () {
      const scheduler = yield* SubscriberScheduler.SubscriberScheduler
      yield* busyWriter(pass, 20)
      const waits = yield* Effect.fork(scheduler.pauseEnd)
      yield* busyWriter(pass, 3)
      expect(waits.unsafePoll()).toBeNull()
      yield* scheduler.close
      const comes = yield* Effect.fork(scheduler.pauseEnd)
      yield* busyWriter(pass, 3)
      expect([waits, comes].map((fiber) => fiber.unsafePoll() !== null)).toEqual([true, true])
    })
  )
)

it.effect("D7 the next batch of wake-ups begins within 600 ms, however long the last one took", () =>
  scenario(100, ({ looks, pass }) =>
    Effect.gen(function* () {
      yield* busyWriter(pass, 1)
      const before = looks()
      // One of these reads is for the check of the token file.
      yield* busyWriter(pass, 1_300)
      expect(looks() - before).toBeGreaterThanOrEqual(3)
    })
  )
)

it.effect("D7 the time of commits does not count as time of the readers", () =>
  scenario(
    0,
    ({ looks }) =>
      Effect.gen(function* () {
        yield* busyWriter(() => {}, 60)
        expect(looks()).toBeGreaterThan(10)
      }),
    4
  )
)

it.effect("D7 the time of writes at the end of the event loop's turn counts for the batch that caused them", () =>
  scenario(0, ({ pass }) =>
    Effect.gen(function* () {
      const scheduler = yield* SubscriberScheduler.SubscriberScheduler
      let sent = 0
      yield* Effect.fork(
        Effect.forever(
          Effect.gen(function* () {
            yield* scheduler.awaitBeyond(sent)
            sent = scheduler.head()
            // Like Node's sockets, which write after the turn in which `write` is called.
            yield* Effect.yieldNow()
            pass(4)
          })
        )
      )
      yield* rest
      yield* append
      yield* rest
      expect(sent).toBe(1)
      yield* append
      yield* rest
      expect(sent).toBe(1)
      pass(8)
      yield* rest
      expect(sent).toBe(2)
    })
  )
)
