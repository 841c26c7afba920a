/** L1, L2, L3, D1: one order; nothing is delivered before its commit; no wake-up is lost. */
import { expect } from "@effect/vitest"
import { Chunk, Deferred, Effect, Fiber, Runtime, Stream } from "effect"
import { StorageFailure } from "../Storage.ts"
import { bytesOf, envelope, event, events, type Log, type Open, range, type Test, wire } from "./subject.ts"

/** Follows until the offset is reached. */
const followTo = (log: Log, upTo: number, options: { readonly after?: number; readonly stream?: string } = {}) =>
  log.follow({ after: 0, ...options }).pipe(
    Stream.takeUntil((page) => page.upTo >= upTo),
    Stream.runCollect
  )

export const order = (test: Test, open: Open): void => {
  test("L1 offsets and versions are contiguous, and every follower sees the same list", (log) =>
    Effect.gen(function* () {
      const total = 10_000
      const early = yield* Effect.forkAll(
        range(1, 3).map(() => followTo(log, total)),
        {}
      )
      yield* Effect.forEach(
        range(0, 7),
        (writer) =>
          Effect.forEach(
            range(1, 125),
            (n) =>
              Effect.zipRight(
                Effect.yieldNow(),
                log.append(range(1, 10).map((i) => envelope([event(`thread/thr_${(writer + i) % 5}`, { writer, n, i })])))
              ),
            { discard: true }
          ),
        { concurrency: "unbounded", discard: true }
      )
      const late = yield* followTo(log, total)
      const seen = bytesOf(late)
      for (const pages of yield* Fiber.join(early)) expect(bytesOf(pages)).toEqual(seen)
      const list = wire(late)
      expect(list.map(({ offset }) => offset)).toEqual(range(1, total))
      const versions = new Map<string, number>()
      for (const { stream, version } of list) {
        expect(version).toBe((versions.get(stream) ?? 0) + 1)
        versions.set(stream, version)
      }
      for (const [stream, last] of versions) {
        const own = wire(yield* followTo(log, total, { stream }))
        expect(own.map(({ version }) => version)).toEqual(range(1, last))
        expect(own.every((one) => one.stream === stream)).toBe(true)
      }
    }))

  test("L1 an append returns the positions of each envelope, also of one without events", (log) =>
    Effect.gen(function* () {
      expect(yield* log.append([envelope([])])).toEqual([{ first: 1, last: 0 }])
      const a = event("thread/thr_a")
      expect(yield* log.append([envelope([a, a]), envelope([]), envelope([a])])).toEqual([
        { first: 1, last: 2 },
        { first: 3, last: 2 },
        { first: 3, last: 3 }
      ])
      expect(yield* log.head).toBe(3)
      expect(yield* log.append([])).toEqual([])
    }))

  test("L1 the wire JSON has its keys in the order of the interface", (log) =>
    Effect.gen(function* () {
      yield* log.append([
        envelope([event("thread/thr_a"), { ...event("thread/thr_a", { b: 1 }), commandId: "cmd", actor: "anna" }])
      ])
      expect(bytesOf([yield* log.read({ after: 0 })])).toEqual([
        `{"offset":1,"stream":"thread/thr_a","version":1,"type":"item.delta","at":"2026-11-20T09:00:00.000Z","epoch":1,"data":{}}`,
        `{"offset":2,"stream":"thread/thr_a","version":2,"type":"item.delta","at":"2026-11-20T09:00:00.000Z","epoch":1,"commandId":"cmd","actor":"anna","data":{"b":1}}`
      ])
    }))

  test("L2 nothing is delivered before its commit, and nothing of a commit that failed", () =>
    Effect.gen(function* () {
      const runtime = yield* Effect.runtime()
      const heads: Array<number> = []
      let fail = true
      const log = yield* open({
        onStep: (step) => {
          if (step !== "commit") return
          heads.push(Runtime.runSync(runtime)(log.head))
          if (fail) throw new StorageFailure("io", "injected")
        }
      })
      const seen: Array<number> = []
      yield* log.follow({ after: 0 }).pipe(
        Stream.runForEach((page) => Effect.sync(() => seen.push(...page.events.map(({ offset }) => offset)))),
        Effect.forkScoped
      )
      yield* Effect.yieldNow()
      yield* Effect.flip(log.append(events("thread/thr_a", 3)))
      yield* Effect.yieldNow()
      expect({ heads, seen }).toEqual({ heads: [0], seen: [] })
      fail = false
      yield* log.append(events("thread/thr_a", 2))
      yield* Effect.yieldNow()
      yield* Effect.yieldNow()
      expect({ heads, seen }).toEqual({ heads: [0, 0], seen: [1, 2] })
    }))

  test("L3 an interrupted append is either absent or delivered to every follower", (log) =>
    Effect.gen(function* () {
      for (const yields of range(0, 40)) {
        const before = yield* log.head
        const follower = yield* Effect.fork(followTo(log, before + 1, { after: before }))
        const writer = yield* Effect.fork(log.append(events("thread/thr_a", 2)))
        yield* Effect.yieldNow().pipe(Effect.repeatN(yields % 4))
        yield* Fiber.interrupt(writer)
        const after = yield* log.head
        expect([before, before + 2]).toContain(after)
        if (after === before) yield* log.append(events("thread/thr_a", 2))
        expect(wire(yield* Fiber.join(follower)).map(({ offset }) => offset)).toEqual([before + 1, before + 2])
      }
    }))

  test("D1 the next wake-up makes up for lost ones, and doubled ones change nothing", () =>
    Effect.gen(function* () {
      const plan: ReadonlyArray<number> = [0, 2, 0, 0, 1, 3, 0, 1]
      let commit = 0
      const log = yield* open({
        onWake: (wake) => {
          for (let i = 0; i < plan[commit++ % plan.length]!; i++) wake()
        }
      })
      const total = plan.length * 10
      const followers = yield* Effect.forkAll(range(1, 4).map(() => followTo(log, total)))
      for (const _ of range(1, total)) {
        yield* log.append(events("thread/thr_a", 1))
        yield* Effect.yieldNow()
      }
      for (const pages of yield* Fiber.join(followers)) expect(wire(pages).map(({ offset }) => offset)).toEqual(range(1, total))
    }))

  test("D1 a wake-up without new events delivers no page", () =>
    Effect.gen(function* () {
      const wakes: Array<() => void> = []
      const log = yield* open({
        onWake: (wake) => {
          wakes.push(wake)
          wake()
        }
      })
      const pages: Array<number> = []
      yield* log.follow({ after: 0 }).pipe(
        Stream.runForEach((page) => Effect.sync(() => pages.push(page.upTo))),
        Effect.forkScoped
      )
      yield* log.append(events("thread/thr_a", 1))
      for (const _ of range(1, 5)) {
        yield* Effect.yieldNow()
        for (const wake of wakes) wake()
      }
      expect(pages).toEqual([1])
    }))

  test("D1 awaitBeyond returns when the head is beyond the offset, at once if it already is", (log) =>
    Effect.gen(function* () {
      const done = yield* Deferred.make<void>()
      yield* log.awaitBeyond(1).pipe(Effect.zipRight(Deferred.succeed(done, undefined)), Effect.fork)
      yield* log.append(events("thread/thr_a", 1))
      yield* Effect.yieldNow()
      expect(yield* Deferred.isDone(done)).toBe(false)
      yield* log.append(events("thread/thr_a", 1))
      yield* Deferred.await(done)
      yield* log.awaitBeyond(0)
    }))

  test("D1 a follower of one stream receives only its events, and one page without events at catch-up", (log) =>
    Effect.gen(function* () {
      yield* log.append(events("thread/thr_other", 10))
      const pages: Array<ReadonlyArray<number>> = []
      yield* log.follow({ after: 0, stream: "thread/thr_a" }).pipe(
        Stream.runForEach((page) => Effect.sync(() => pages.push([page.upTo, ...page.events.map(({ offset }) => offset)]))),
        Effect.forkScoped
      )
      const settle = Effect.repeatN(Effect.yieldNow(), 3)
      yield* settle
      expect(pages).toEqual([[10]])
      yield* log.append(events("thread/thr_other", 5))
      yield* settle
      yield* log.append([...events("thread/thr_other", 1), ...events("thread/thr_a", 2), ...events("thread/thr_other", 1)])
      yield* settle
      expect(pages).toEqual([[10], [19, 17, 18]])
    }))

  test("D1 followers at the head share the page that was committed", (log) =>
    Effect.gen(function* () {
      const followers = yield* Effect.forkAll(range(1, 2).map(() => followTo(log, 3)))
      yield* Effect.repeatN(Effect.yieldNow(), 10)
      yield* log.append(events("thread/thr_a", 3))
      const [one, two] = yield* Fiber.join(followers)
      expect(Chunk.unsafeGet(one!, 0)).toBe(Chunk.unsafeGet(two!, 0))
    }))
}
