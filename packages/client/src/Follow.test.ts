import { describe, expect, it } from "@effect/vitest"
import { Chunk, Clock, Deferred, Effect, Exit, Fiber, Random, Ref, Schedule, Stream, TestClock } from "effect"
import { CursorForeign } from "@millrace/contracts/Errors"
import type { Frame } from "@millrace/contracts/Frame"
import * as Cursor from "@millrace/contracts/Cursor"
import { seeds, simulate } from "@millrace/testing/SeededScheduler"
import * as Follow from "./Follow.ts"
import type { Transport } from "./Transport.ts"
import { Disconnected, Unauthorized, type TransportError } from "./TransportError.ts"

const epoch = "01HXYZ00000000000000000000"
const cursor = (offset: number) => Cursor.format(epoch, offset)
const event = (offset: number, stream = "thread/thr_1", version = offset): Frame => ({
  _tag: "event",
  cursor: cursor(offset),
  event: { offset, stream, version, type: "item.delta", at: "2026-11-20T09:00:00.000Z", epoch: 1, data: {} }
})
const caughtUp = (head: number): Frame => ({ _tag: "caught-up", head, replayed: 0, requests: 0 })
const lost = new Disconnected({ message: "cut" })

type Script = (after: string | undefined) => Stream.Stream<Frame, Follow.FollowError>
/** Each attach delivers the next part. The last part repeats. */
const scripted = (...parts: ReadonlyArray<Script>) => {
  const seen: Array<string | undefined> = []
  const transport: Pick<Transport, "follow"> = {
    follow: ({ after }) => {
      const part = parts[Math.min(seen.length, parts.length - 1)]
      seen.push(after)
      return part === undefined ? Stream.die("no script") : part(after)
    }
  }
  return { transport, seen }
}
const plays =
  (frames: ReadonlyArray<Frame>, then: "hang" | "end" | Follow.FollowError = "hang"): Script =>
  () =>
    Stream.concat(Stream.fromIterable(frames), then === "hang" ? Stream.never : then === "end" ? Stream.empty : Stream.fail(then))

const offsets = (frames: Iterable<Frame>) =>
  Array.from(frames).flatMap((frame) => (frame._tag === "event" ? [frame.event.offset] : []))
/** Collects until this many events have arrived. */
const collect = (frames: Stream.Stream<Frame, Follow.FollowError>, events: number) =>
  Effect.suspend(() => {
    let count = 0
    return frames.pipe(
      Stream.takeUntil((frame) => frame._tag === "event" && ++count >= events),
      Stream.runCollect,
      Effect.map(Chunk.toReadonlyArray)
    )
  })
/** Runs the effect and advances the clock whenever it waits. */
const hurried = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.fork(effect)
    yield* Effect.forkDaemon(Effect.forever(Effect.zipRight(TestClock.adjust("10 seconds"), Effect.yieldNow())))
    return yield* Fiber.join(fiber)
  })

describe("Follow", () => {
  it("D2 a connection drops, ends, repeats or falls silent at any frame, and every event is delivered once, in order (200 seeds)", async () => {
    const total = 24
    /** A server that delivers a log and misbehaves according to the seed. */
    const server = (filtered: boolean): Pick<Transport, "follow"> => ({
      follow: ({ after }) =>
        Stream.unwrap(
          Effect.gen(function* () {
            const from = after === undefined ? 0 : Number(after.split("-")[1])
            const back = yield* Random.nextIntBetween(0, 3)
            const first = Math.max(1, from + 1 - (from === 0 ? 0 : back))
            const last = Math.min(total, first + (yield* Random.nextIntBetween(0, 7)))
            const all = Array.from({ length: Math.max(0, last - first + 1) }, (_, n) => first + n)
            // The filtered stream has every third event, with its own versions.
            const frames = all.flatMap((offset) =>
              !filtered ? [event(offset)] : offset % 3 === 0 ? [event(offset, "thread/thr_1", offset / 3)] : []
            )
            const size = yield* Random.nextIntBetween(1, 5)
            const how = yield* Random.nextIntBetween(0, 5)
            const bye: Frame = { _tag: "bye", reason: "restart", resumeAfter: cursor(Math.max(from, last)) }
            const tail: Stream.Stream<Frame, TransportError> =
              last === total
                ? Stream.concat(Stream.make(caughtUp(total)), Stream.make<[Frame]>({ _tag: "end", reason: "deleted" }))
                : how === 0
                  ? Stream.never
                  : how === 1
                    ? Stream.empty
                    : how === 2
                      ? Stream.make(bye)
                      : Stream.fail(lost)
            return Stream.concat(Stream.rechunk(Stream.fromIterable(frames), size), tail)
          })
        )
    })
    for (const filtered of [false, true])
      for await (const seed of seeds(100, 0)) {
        const result = simulate(
          seed,
          Stream.runCollect(Follow.follow(server(filtered), filtered ? { stream: "thread/thr_1" } : {})),
          { preempt: 0.02 }
        )
        const name = `seed ${seed} ${filtered ? "filtered" : "whole"}`
        if (typeof result.exit === "string" || Exit.isFailure(result.exit)) return expect.fail(`${name}: ${String(result.exit)}`)
        const wanted = Array.from({ length: total }, (_, n) => n + 1).filter((offset) => !filtered || offset % 3 === 0)
        expect(offsets(result.exit.value), name).toEqual(wanted)
        expect(Array.from(result.exit.value).at(-1)?._tag, name).toBe("end")
      }
  })

  it.effect("D2 reconnects with the cursor of the last event; the delay grows each time and is reset by a frame", () =>
    Effect.gen(function* () {
      const times: Array<number> = []
      const noted =
        (script: Script): Script =>
        (after) =>
          Stream.unwrap(Effect.map(Clock.currentTimeMillis, (now) => (times.push(now), script(after))))
      const { seen, transport } = scripted(
        noted(plays([event(1), event(2)], lost)),
        noted(plays([], lost)),
        noted(plays([], lost)),
        noted(plays([event(3)], lost)),
        noted(plays([event(4)]))
      )
      const schedule = Schedule.exponential("1 second", 2)
      const fiber = yield* Effect.fork(collect(Follow.follow(transport, {}, { schedule }), 4))
      yield* TestClock.adjust("1 minute")
      expect(offsets(yield* Fiber.join(fiber))).toEqual([1, 2, 3, 4])
      expect(seen).toEqual([undefined, cursor(2), cursor(2), cursor(2), cursor(3)])
      expect(times).toEqual([0, 1_000, 3_000, 7_000, 8_000])
    })
  )

  it.effect("D2 a gap is an error that names the missing number, after the events before the gap", () =>
    Effect.gen(function* () {
      const got: Array<Frame> = []
      const { transport } = scripted(plays([event(1), event(3)]))
      const error = yield* Follow.follow(transport, {}).pipe(
        Stream.runForEach((frame) => Effect.sync(() => got.push(frame))),
        Effect.flip
      )
      expect(offsets(got)).toEqual([1])
      expect(error._tag).toBe("ProtocolError")
      expect(error.message).toContain("expected offset 2, got 3")
    })
  )

  it.effect("D2 a filtered stream may skip offsets, but no version", () =>
    Effect.gen(function* () {
      const stream = "thread/thr_1"
      const { transport } = scripted(plays([event(5, stream, 1), event(9, stream, 2), event(12, stream, 4)]))
      const got: Array<Frame> = []
      const error = yield* Follow.follow(transport, { stream }).pipe(
        Stream.runForEach((frame) => Effect.sync(() => got.push(frame))),
        Effect.flip
      )
      expect(offsets(got)).toEqual([5, 9])
      expect(error.message).toContain("expected version of thread/thr_1 3, got 4")
    })
  )

  it.effect("D6 caught-up is delivered once per connection", () =>
    Effect.gen(function* () {
      const { transport } = scripted(
        plays([event(1), caughtUp(1), caughtUp(1)], lost),
        plays([caughtUp(1), event(2), caughtUp(2), event(3)])
      )
      const frames = yield* hurried(collect(Follow.follow(transport, {}), 3))
      expect(frames.map((frame) => frame._tag)).toEqual(["event", "caught-up", "caught-up", "event", "event"])
    })
  )

  it.effect("S9 bye is delivered, and the next connection begins at its cursor", () =>
    Effect.gen(function* () {
      const stream = "thread/thr_1"
      const bye: Frame = { _tag: "bye", reason: "shutdown", resumeAfter: cursor(40) }
      const filtered = scripted(plays([event(7, stream, 1), bye]), plays([event(41, stream, 2)]))
      const frames = yield* hurried(collect(Follow.follow(filtered.transport, { stream }), 2))
      expect(frames.map((frame) => frame._tag)).toEqual(["event", "bye", "event"])
      expect(filtered.seen).toEqual([undefined, cursor(40)])
      // Without a filter no event is hidden, so a `bye` ahead of the last event would skip events.
      const whole = scripted(plays([event(1), bye]), plays([event(2)]))
      yield* hurried(collect(Follow.follow(whole.transport, {}), 2))
      expect(whole.seen).toEqual([undefined, cursor(1)])
    })
  )

  it.effect(
    "D2 an expired lease is renewed at once without a status change; after a lease that delivered nothing the client waits",
    () =>
      Effect.gen(function* () {
        const stream = "thread/thr_1"
        const lease: Frame = { _tag: "bye", reason: "lease", resumeAfter: cursor(40) }
        const statuses: Array<string> = []
        const onStatus = (status: Follow.Status) => Effect.sync(() => void statuses.push(status._tag))
        const { seen, transport } = scripted(
          plays([event(7, stream, 1), caughtUp(30), lease, event(99, stream, 99)]),
          plays([caughtUp(41), lease], "end"),
          plays([lease]),
          plays([event(41, stream, 2)])
        )
        const frames = yield* Effect.fork(collect(Follow.follow(transport, { stream }, { onStatus }), 2))
        yield* Effect.yieldNow()
        yield* TestClock.adjust(0)
        expect(seen).toEqual([undefined, cursor(40), cursor(40)])
        yield* TestClock.adjust("1 second")
        expect((yield* Fiber.join(frames)).map((frame) => frame._tag)).toEqual([
          "event",
          "caught-up",
          "caught-up",
          "bye",
          "event"
        ])
        expect(statuses).toEqual(["attached", "attached", "attached", "reconnecting", "attached"])
      })
  )

  it.effect("D3 an invalid cursor and a rejected token are reported to the caller at once", () =>
    Effect.gen(function* () {
      for (const error of [
        new CursorForeign({ message: "another log", logEpoch: epoch, head: 3 }),
        new Unauthorized({ message: "no token" })
      ]) {
        const { seen, transport } = scripted(plays([], error))
        expect(yield* Effect.flip(Stream.runDrain(Follow.follow(transport, { after: cursor(9) })))).toBe(error)
        expect(seen.length).toBe(1)
      }
    })
  )

  it.effect("D2 a silent connection is abandoned, and heartbeats keep it alive", () =>
    Effect.gen(function* () {
      const beats = Stream.repeatValue<Frame>({ _tag: "heartbeat", head: 0 }).pipe(
        Stream.schedule(Schedule.spaced("15 seconds")),
        Stream.take(8)
      )
      const { seen, transport } = scripted(() => Stream.concat(beats, Stream.never), plays([event(1)]))
      const fiber = yield* Effect.fork(collect(Follow.follow(transport, {}), 1))
      yield* TestClock.adjust("160 seconds")
      expect(seen.length).toBe(1)
      yield* TestClock.adjust("20 seconds")
      expect(offsets(yield* Fiber.join(fiber))).toEqual([1])
      expect(seen.length).toBe(2)
    })
  )

  it.effect("D2 follow fails with the last failure when its retry schedule ends, and waits as long as the server asks", () =>
    Effect.gen(function* () {
      const busy = new Disconnected({ message: "busy", retryAfterMillis: 5_000 })
      const { seen, transport } = scripted(plays([], busy))
      const done = yield* Deferred.make<void, Follow.FollowError>()
      const attempts = yield* Ref.make(0)
      yield* Stream.runDrain(
        Follow.follow(
          transport,
          {},
          {
            schedule: Schedule.recurs(2),
            onStatus: (status) => (status._tag === "reconnecting" ? Ref.set(attempts, status.attempt) : Effect.void)
          }
        )
      ).pipe(Effect.intoDeferred(done), Effect.fork)
      yield* TestClock.adjust("9 seconds")
      expect(seen.length).toBe(2)
      yield* TestClock.adjust("6 seconds")
      expect(yield* Effect.flip(Deferred.await(done))).toBe(busy)
      expect(seen.length).toBe(3)
      expect(yield* Ref.get(attempts)).toBe(3)
    })
  )

  it.effect(
    "R7 a bye at a limit counts as a failed attach: follow reports a status, does not deliver the bye, and waits longer each time and at least as long as the server asks",
    () =>
      Effect.gen(function* () {
        const bye: Frame = { _tag: "bye", reason: "limit", resumeAfter: cursor(0), retryAfterMillis: 2_000 }
        const times: Array<number> = []
        const { seen, transport } = scripted(plays([bye]), plays([bye]), plays([bye]), plays([event(1)]))
        const timed: Pick<Transport, "follow"> = {
          follow: (request) =>
            Stream.unwrap(
              Effect.map(Clock.currentTimeMillis, (now) => {
                times.push(now)
                return transport.follow(request)
              })
            )
        }
        const statuses: Array<string> = []
        const frames = yield* hurried(
          collect(
            Follow.follow(
              timed,
              {},
              {
                schedule: Schedule.exponential("10 seconds", 2),
                onStatus: (status) =>
                  Effect.sync(() =>
                    statuses.push(status._tag === "attached" ? status._tag : `${status.attempt} ${status.cause.message}`)
                  )
              }
            ),
            1
          )
        )
        expect(frames.map(({ _tag }) => _tag)).toEqual(["event"])
        expect(seen).toHaveLength(4)
        const refused =
          "The token has reached its limit of streams or requests. End another stream, or raise the limits of the server."
        expect(statuses).toEqual([`1 ${refused}`, `2 ${refused}`, `3 ${refused}`, "attached"])
        const waits = times.slice(1).map((time, n) => time - (times[n] ?? 0))
        expect(waits.map((wait, n) => wait >= 2_000 + 10_000 * 2 ** n)).toEqual([true, true, true])
      })
  )
})
