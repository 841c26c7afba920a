import type { SubscriptionFrame } from "@millrace/contracts/Frame"
import type { Ask } from "@millrace/contracts/Item"
import { EventLog, LogUnavailable } from "@millrace/log/EventLog"
import { command } from "@millrace/testing/Orchestration"
import * as ScriptedProvider from "@millrace/testing/ScriptedProvider"
import { seeds, simulate } from "@millrace/testing/SeededScheduler"
import * as TestHost from "@millrace/testing/TestHost"
import { describe, expect, it } from "@effect/vitest"
import {
  Chunk,
  Clock,
  Context,
  Deferred,
  Duration,
  Effect,
  Exit,
  Fiber,
  Layer,
  Random,
  Ref,
  Scope,
  Stream,
  TestClock
} from "effect"
import * as Host from "./Host.ts"

type Service = typeof Host.Host.Service
const terminals = ["turn.completed", "turn.interrupted", "turn.failed"]
const lossless = { delivery: "lossless", capacity: 1 } as const
const patience = { deadline: "10 seconds", mode: "drain" } as const

const thread = (text: string, id?: string) => command("thread.create", { provider: "scripted", cwd: "/work", turn: { text } }, id)
const rename = (threadId: Parameters<Service["thread"]>[0], title: string, id?: string) =>
  command("thread.rename", { threadId, title }, id)

/** All frames until the stream ends. */
const toTheEnd = <E>(frames: Stream.Stream<SubscriptionFrame, E>) => Effect.map(Stream.runCollect(frames), Chunk.toReadonlyArray)
const shut = (host: Service, options: Parameters<Service["beginShutdown"]>[0] = patience) =>
  Effect.flatMap(host.beginShutdown(options), host.finishShutdown)
const history = (host: Service) => Effect.map(toTheEnd(host.follow({})), TestHost.events)
const typesOf = (events: ReadonlyArray<{ readonly type: string }>) => events.map(({ type }) => type)

/** An agent that runs this effect in every turn. */
const agent = (
  turn: (turn: ScriptedProvider.Turn) => Effect.Effect<void>,
  options: Omit<ScriptedProvider.Options, "turn"> = {}
) => ScriptedProvider.make({ turn, ...options })
const forever = agent((turn) => Effect.zipRight(turn.start, Effect.never))
const approval: Ask = { kind: "approval", title: "Run: ls", choices: ["accept", "cancel"] }

describe("Shutdown: consumers", () => {
  it.scoped(
    "S3 S4 capacity one: lossless gets everything through begin and finish, best effort all requests and ends; both get bye at the head (case 3)",
    () =>
      Effect.gen(function* () {
        const host = yield* TestHost.make()
        const all = yield* Effect.fork(toTheEnd(host.subscribe(lossless)))
        const some = yield* Effect.fork(toTheEnd(host.subscribe({ delivery: "best-effort", capacity: 1 })))
        yield* Effect.yieldNow()
        yield* TestHost.begin(host, "hello")
        const report = yield* shut(host)
        const [lossy, exact] = [yield* Fiber.join(some), yield* Fiber.join(all)]
        const { logEpoch } = yield* host.state
        expect(TestHost.events(exact).map(({ offset }) => offset)).toEqual(Array.from({ length: report.head }, (_, at) => at + 1))
        expect(exact.at(-1)).toMatchObject({ _tag: "bye", resumeAfter: `${logEpoch}-${report.head}` })
        expect(lossy.at(-1)).toEqual(exact.at(-1))
        expect(typesOf(TestHost.events(lossy)).filter((type) => terminals.includes(type))).toEqual(["turn.completed"])
        expect(report.consumers.map(({ outcome, delivered, undelivered }) => ({ outcome, delivered, undelivered }))).toEqual([
          { outcome: "drained", delivered: report.head, undelivered: 0 },
          { outcome: "drained", delivered: report.head, undelivered: 0 }
        ])
      })
  )

  const slow = (deadline: string, outcome: string) =>
    Effect.gen(function* () {
      const host = yield* TestHost.make()
      const { threadId } = yield* TestHost.begin(host, "hello")
      yield* TestHost.until(host, ...terminals)
      for (let at = 0; at < 200; at++) yield* host.dispatch(rename(threadId, `title ${at}`))
      const seen: Array<SubscriptionFrame> = []
      const reader = yield* Effect.fork(
        Stream.runForEach(host.subscribe({ ...lossless, name: "slow" }), (frame) => {
          seen.push(frame)
          return Effect.sleep("10 millis")
        })
      )
      const start = yield* Clock.currentTimeMillis
      const token = yield* host.beginShutdown({ deadline: Duration.decode(deadline as Duration.DurationInput), mode: "now" })
      const finish = yield* Effect.fork(Effect.either(host.finishShutdown(token)))
      while ((yield* Fiber.poll(finish))._tag === "None") yield* TestClock.adjust("100 millis")
      const result = yield* Fiber.join(finish)
      const report = result._tag === "Right" ? result.right : result.left
      expect(report.consumers).toMatchObject([{ name: "slow", outcome }])
      return {
        host,
        seen,
        reader,
        result,
        report,
        delivered: report.consumers[0]!.delivered,
        took: (yield* Clock.currentTimeMillis) - start
      }
    })

  it.scoped(
    "S4 a slow lossless consumer that finishes before the deadline has everything, in order, and the shutdown succeeds (case 19)",
    () =>
      Effect.gen(function* () {
        const { seen, result, delivered, report } = yield* slow("5 seconds", "drained")
        expect(result._tag).toBe("Right")
        expect(delivered).toBe(report.head)
        expect(TestHost.events(seen).map(({ offset }) => offset)).toEqual(Array.from({ length: report.head }, (_, at) => at + 1))
      })
  )

  it.scoped(
    "S4 S5 S6 a consumer that is too slow ends at the deadline with a typed error and the exact cursor to resume from (case 19)",
    () =>
      Effect.gen(function* () {
        const { host, seen, reader, result, delivered, report, took } = yield* slow("1 seconds", "timedOut")
        expect(result).toMatchObject({ _tag: "Left", left: { _tag: "ShutdownIncomplete", drained: true } })
        expect(report.millis).toBe(1000)
        expect(took).toBeLessThanOrEqual(1100)
        yield* Fiber.interrupt(reader)
        const got = TestHost.events(seen).map(({ offset }) => offset)
        expect(got.slice(0, delivered)).toEqual(Array.from({ length: delivered }, (_, at) => at + 1))
        const { logEpoch } = yield* host.state
        const rest = TestHost.events(yield* toTheEnd(host.follow({ after: `${logEpoch}-${delivered}` }))).map(
          ({ offset }) => offset
        )
        expect([...got.slice(0, delivered), ...rest]).toEqual(Array.from({ length: report.head }, (_, at) => at + 1))
      })
  )

  it.scoped(
    "S5 the shutdown does not wait for consumers that die: interrupted, failed, their scope closed; the others drain (case 20)",
    () =>
      Effect.gen(function* () {
        const host = yield* TestHost.make()
        yield* TestHost.begin(host, "hello")
        yield* TestHost.until(host, ...terminals)
        const stuck = (name: string) => Stream.runForEach(host.subscribe({ ...lossless, name }), () => Effect.never)
        const interrupted = yield* Effect.fork(stuck("interrupted"))
        const failing = yield* Deferred.make<void>()
        yield* Effect.fork(
          Effect.exit(
            Stream.runForEach(host.subscribe({ ...lossless, name: "failed" }), () =>
              Effect.zipRight(Deferred.await(failing), Effect.fail("boom"))
            )
          )
        )
        const scope = yield* Scope.make()
        const pull = yield* Scope.extend(Stream.toPull(host.subscribe({ ...lossless, name: "closed" })), scope)
        yield* pull
        const good = yield* Effect.fork(toTheEnd(host.subscribe({ ...lossless, name: "good" })))
        yield* Effect.yieldNow()
        const token = yield* host.beginShutdown(patience)
        const finish = yield* Effect.fork(host.finishShutdown(token))
        yield* Effect.yieldNow()
        yield* Fiber.interrupt(interrupted)
        yield* Deferred.succeed(failing, undefined)
        yield* Scope.close(scope, Exit.void)
        const report = yield* Fiber.join(finish)
        expect(Object.fromEntries(report.consumers.map(({ name, outcome }) => [name, outcome]))).toEqual({
          interrupted: "died",
          failed: "died",
          closed: "died",
          good: "drained"
        })
        expect((yield* Fiber.join(good)).at(-1)?._tag).toBe("bye")
      })
  )

  it.scoped(
    "S5 S6 with a consumer that never reads the shutdown ends at the deadline, reports failure and names it; the log is whole (cases 21, 26)",
    () =>
      Effect.gen(function* () {
        const host = yield* TestHost.make()
        yield* TestHost.begin(host, "hello")
        yield* TestHost.until(host, ...terminals)
        yield* Effect.forkScoped(Stream.runForEach(host.subscribe({ ...lossless, name: "sleeper" }), () => Effect.never))
        yield* Effect.forkScoped(Stream.runForEach(host.subscribe({ delivery: "best-effort", capacity: 1 }), () => Effect.never))
        yield* Effect.yieldNow()
        const finish = yield* Effect.fork(Effect.flip(shut(host, { deadline: "3 seconds", mode: "now" })))
        yield* TestClock.adjust("2999 millis")
        expect((yield* Fiber.poll(finish))._tag).toBe("None")
        yield* TestClock.adjust("1 millis")
        const incomplete = yield* Fiber.join(finish)
        expect(incomplete).toMatchObject({ _tag: "ShutdownIncomplete", millis: 3000, drained: true, forced: 0 })
        expect(incomplete.message).toContain("sleeper")
        expect(incomplete.consumers.map(({ outcome }) => outcome)).toEqual(["abandoned", "abandoned"])
        expect(typesOf(yield* history(host)).at(-1)).toBe("session.stopped")
      })
  )

  it.scoped("S5 shutdown in one step waits for no consumer and reports what each did not get (case 26)", () =>
    Effect.gen(function* () {
      const host = yield* TestHost.make()
      const pull = yield* Stream.toPull(host.subscribe(lossless))
      yield* pull
      yield* TestHost.begin(host, "hello")
      yield* TestHost.until(host, ...terminals)
      const report = yield* host.shutdown(patience)
      expect(report.consumers).toMatchObject([{ outcome: "abandoned", delivered: 0, undelivered: report.head }])
    })
  )
})

describe("Shutdown: bye", () => {
  it.scoped("S5 a consumer that got bye is not waited for, whatever it does then; nor is one that subscribes after the end", () =>
    Effect.gen(function* () {
      const host = yield* TestHost.make()
      yield* Effect.forkScoped(
        Stream.runForEach(host.subscribe(lossless), (frame) => (frame._tag === "bye" ? Effect.never : Effect.void))
      )
      yield* TestHost.begin(host, "hello")
      const report = yield* shut(host)
      expect(report.consumers).toMatchObject([{ outcome: "drained", undelivered: 0 }])
      expect((yield* history(host)).at(-1)?.offset).toBe(report.head)
      expect((yield* host.shutdown(patience)).consumers).toHaveLength(1)
    })
  )
})

describe("Shutdown: restart", () => {
  it.scoped("D2 S3 the cursor of bye resumes in the next host over the same log: no gap, no repeat; queued turns run there", () =>
    Effect.gen(function* () {
      const store = Layer.succeed(EventLog, yield* TestHost.memoryLog)
      const seen: Array<number> = []
      let after: string | undefined
      const read = (frames: ReadonlyArray<SubscriptionFrame>) => {
        for (const frame of frames) {
          if (frame._tag === "event") seen.push(frame.event.offset)
          if (frame._tag === "bye") after = frame.resumeAfter
        }
      }
      const life = (text: string) =>
        Effect.gen(function* () {
          const host = yield* TestHost.make({ store })
          const reader = yield* Effect.fork(toTheEnd(host.subscribe({ ...lossless, ...(after === undefined ? {} : { after }) })))
          const { threadId } = yield* TestHost.begin(host, text)
          yield* host.dispatch(command("turn.start", { threadId, text: "and more" }))
          const report = yield* shut(host, { deadline: "5 seconds", mode: "now" })
          read(yield* Fiber.join(reader))
          expect(seen).toEqual(Array.from({ length: report.head }, (_, at) => at + 1))
        }).pipe(Effect.scoped)
      yield* Effect.forEach(["one", "two", "three"], life)
      const last = yield* TestHost.make({ store })
      yield* last.follow({}).pipe(
        Stream.filter((frame) => frame._tag === "event" && terminals.includes(frame.event.type)),
        Stream.take(6),
        Stream.runDrain
      )
      const turns = (yield* last.state).threads.map(({ status, queuedTurnIds }) => ({ status, queued: queuedTurnIds.length }))
      expect(turns).toEqual([1, 2, 3].map(() => ({ status: "idle", queued: 0 })))
    })
  )
})

describe("Shutdown: admission", () => {
  it.scoped(
    "S1 begin returns in one turn of the scheduler, with every consumer stuck, a turn running and commands waiting (case 14)",
    () =>
      Effect.gen(function* () {
        const host = yield* TestHost.make({ providers: [forever] })
        yield* Effect.forkScoped(Stream.runForEach(host.subscribe(lossless), () => Effect.never))
        yield* TestHost.begin(host, "hello")
        const waiting = yield* Effect.forEach(Array.from({ length: 500 }), () =>
          Effect.fork(Effect.exit(host.dispatch(thread("more"))))
        )
        const exit = Effect.runSyncExit(host.beginShutdown({ deadline: "10 seconds", mode: "now" }))
        expect(exit._tag).toBe("Success")
        yield* Fiber.interruptAll(waiting)
      })
  )

  it.scoped("S1 S2 a command accepted just before completes with its real result, before the end (case 15)", () =>
    Effect.gen(function* () {
      const host = yield* TestHost.make()
      const reader = yield* Effect.fork(toTheEnd(host.subscribe(lossless)))
      const sent = yield* Effect.forEach(
        Array.from({ length: 50 }, (_, at) => at),
        (at) => Effect.fork(host.dispatch(thread(`turn ${at}`)))
      )
      yield* Effect.yieldNow()
      const report = yield* shut(host)
      const accepted = yield* Effect.forEach(sent, Fiber.join)
      const events = TestHost.events(yield* Fiber.join(reader))
      expect(events.at(-1)?.offset).toBe(report.head)
      for (const { turnId, offset } of accepted) {
        expect(offset).toBeLessThanOrEqual(report.head)
        const ends = events.filter(({ type, data }) => terminals.includes(type) && (data as { turnId: string }).turnId === turnId)
        expect(typesOf(ends)).toEqual(["turn.completed"])
      }
      expect(report.exits.map(({ outcome }) => outcome)).toEqual(accepted.map(() => "stopped"))
    })
  )

  it("S1 begin against commands, 1,000 races: each is completed or rejected, never both; one terminal for each turn; one report (cases 15, 25)", async () => {
    const race = Effect.gen(function* () {
      const host = yield* TestHost.make()
      const sends = yield* Effect.forEach([1, 2], (id) =>
        Effect.fork(
          Effect.zipRight(
            Effect.flatMap(Random.nextIntBetween(0, 3), (millis) => Effect.sleep(millis)),
            Effect.either(host.dispatch(thread("hello", `race-${id}`)))
          )
        )
      )
      yield* Effect.sleep(yield* Random.nextIntBetween(0, 3))
      const tokens = yield* Effect.forEach([1, 2], () => host.beginShutdown({ deadline: "1 minute", mode: "now" }), {
        concurrency: 2
      })
      const reports = yield* Effect.forEach(tokens, host.finishShutdown, { concurrency: 2 })
      const results = yield* Effect.forEach(sends, Fiber.join)
      const events = yield* history(host)
      const problems: Array<string> = []
      if (tokens[0] !== tokens[1] || reports[0] !== reports[1]) problems.push("two shutdowns")
      // No step takes virtual time: a wait here would be for something that has already ended.
      if ((reports[0]?.millis ?? 0) > 1000) problems.push(`it took ${reports[0]?.millis} ms`)
      for (const [at, result] of results.entries()) {
        const created = events.filter(({ commandId, type }) => commandId === `race-${at + 1}` && type === "thread.created").length
        const requested = events.filter(
          ({ commandId, type }) => commandId === `race-${at + 1}` && type === "turn.requested"
        ).length
        if (result._tag === "Left" ? created !== 0 || result.left._tag !== "ShuttingDown" : created !== 1 || requested !== 1)
          problems.push(`command ${at + 1}: ${result._tag}, ${created} threads`)
        if (result._tag === "Left") continue
        const ofTurn = events.filter(({ data }) => (data as { turnId?: string }).turnId === result.right.turnId)
        const dispatched = ofTurn.filter(({ type }) => type === "turn.dispatched").length
        const requeued = ofTurn.filter(({ type }) => type === "turn.requeued").length
        const ends = ofTurn.filter(({ type }) => terminals.includes(type)).length
        // Ended once, or still in the queue, which the next start continues.
        if (ends + requeued !== dispatched) problems.push(`turn ${result.right.turnId}: ${typesOf(ofTurn).join(" ")}`)
      }
      return problems
    }).pipe(Effect.scoped, Effect.orDie)
    for await (const seed of seeds(1000)) {
      const { exit } = simulate(seed, race, { preempt: seed % 5 === 0 ? 0.01 : 0 })
      expect(exit, `seed ${seed}`).toEqual(Exit.succeed([]))
    }
  })

  it.scoped("S1 a late command is rejected on every handle, and leaves no event (case 16)", () =>
    Effect.gen(function* () {
      const context = yield* Layer.build(TestHost.layer())
      const host = Context.get(context, Host.Host)
      const retained = host.dispatch
      const log = Context.get(context, EventLog)
      yield* host.beginShutdown(patience)
      const scheduled = yield* Effect.fork(Effect.delay(Effect.flip(host.dispatch(thread("by a job"))), "1 seconds"))
      const head = yield* log.head
      expect((yield* Effect.flip(host.dispatch(thread("late"))))._tag).toBe("ShuttingDown")
      expect((yield* Effect.flip(retained(thread("retained"))))._tag).toBe("ShuttingDown")
      yield* TestClock.adjust("1 seconds")
      expect((yield* Fiber.join(scheduled))._tag).toBe("ShuttingDown")
      expect(yield* log.head).toBe(head)
      expect(yield* host.draining).toBe(true)
    })
  )

  it.scoped("S7 begin from ten fibers and again after the end: one token, one deadline, one report (case 25)", () =>
    Effect.gen(function* () {
      const host = yield* TestHost.make()
      yield* TestHost.begin(host, "hello")
      const tokens = yield* Effect.forEach(
        Array.from({ length: 10 }, (_, at) => at),
        (at) => host.beginShutdown({ deadline: `${at + 1} seconds`, mode: at % 2 === 0 ? "now" : "drain" }),
        { concurrency: "unbounded" }
      )
      const reports = yield* Effect.forEach(tokens, host.finishShutdown, { concurrency: "unbounded" })
      const again = yield* host.beginShutdown(patience)
      expect(new Set([...tokens, again]).size).toBe(1)
      expect(new Set([...reports, yield* host.finishShutdown(again), yield* host.shutdown(patience)]).size).toBe(1)
    })
  )

  it.effect(
    "C1 C3 5,000 at once: each is accepted or Overloaded, none is left waiting; the same id again gets the same answer (cases 11, 12)",
    () =>
      Effect.gen(function* () {
        const host = yield* TestHost.make({ engine: { commands: { count: 100, weight: 1 << 20 } } })
        const { threadId } = yield* TestHost.begin(host, "hello")
        const results = yield* Effect.forEach(
          Array.from({ length: 5000 }, (_, at) => at),
          (at) => Effect.either(host.dispatch(rename(threadId, `title ${at}`, `many-${at}`))),
          { concurrency: "unbounded" }
        )
        const refused = results.filter((result) => result._tag === "Left")
        expect(new Set(refused.map((result) => result._tag === "Left" && result.left._tag))).toEqual(new Set(["Overloaded"]))
        expect(results.length - refused.length).toBeGreaterThanOrEqual(100)
        const again = rename(threadId, "title 0", "many-0")
        expect(yield* host.dispatch(again)).toMatchObject({ status: "accepted", replayed: true })
        expect((yield* Effect.flip(host.dispatch(rename(threadId, "other", "many-0"))))._tag).toBe("CommandIdConflict")
      }).pipe(Effect.scoped)
  )
})

describe("Shutdown: stages", () => {
  it.scoped("S3 in order, as the events show: requests, turns, sessions, then the head, then bye (case 17)", () =>
    Effect.gen(function* () {
      const order: Array<string> = []
      const asking = agent((turn) =>
        Effect.gen(function* () {
          yield* turn.start
          order.push("asked")
          yield* turn.ask(approval)
          order.push("refused")
          yield* Effect.sleep("1 seconds")
          yield* turn.complete
        })
      )
      const host = yield* TestHost.make({ providers: [asking] })
      yield* TestHost.begin(host, "hello")
      yield* TestHost.until(host, "request.opened")
      const reader = yield* Effect.fork(
        Stream.runForEach(host.subscribe(lossless), (frame) =>
          Effect.flatMap(host.state, ({ offset }) =>
            Effect.sync(() => {
              if (frame._tag === "bye") order.push(`bye at ${frame.resumeAfter.split("-")[1]}, projections at ${offset}`)
              else if (frame._tag === "event" && /^(request\.expired|turn\.completed|session\.stop)/.test(frame.event.type))
                order.push(frame.event.type)
            })
          )
        )
      )
      const finish = yield* Effect.fork(shut(host))
      yield* TestClock.adjust("1 seconds")
      const report = yield* Fiber.join(finish)
      yield* Fiber.join(reader)
      expect(order.filter((step) => step !== "refused")).toEqual([
        "asked",
        "request.expired",
        "turn.completed",
        "session.stop.requested",
        "session.stopped",
        `bye at ${report.head}, projections at ${report.head}`
      ])
      expect(order).toContain("refused")
      expect(report.millis).toBe(1000)
    })
  )

  it.scoped(
    "S2 an open approval, and one requested during the shutdown, are declined at once and recorded; the agents get the answer and end (case 24)",
    () =>
      Effect.gen(function* () {
        const answers: Array<unknown> = []
        const asking = agent((turn) =>
          Effect.gen(function* () {
            yield* turn.start
            if (turn.text === "late") yield* Effect.sleep("100 millis")
            answers.push(yield* turn.ask(approval))
            answers.push(yield* turn.ask(approval))
            yield* turn.complete
          })
        )
        const host = yield* TestHost.make({ providers: [asking] })
        yield* TestHost.begin(host, "early")
        yield* TestHost.until(host, "request.opened")
        yield* TestHost.begin(host, "late")
        const finish = yield* Effect.fork(shut(host))
        yield* TestClock.adjust("100 millis")
        const report = yield* Fiber.join(finish)
        expect(report.millis).toBe(100)
        expect(answers).toEqual(Array.from({ length: 4 }, () => ({ decision: "cancel" })))
        const types = typesOf(yield* history(host))
        expect(types.filter((type) => type === "request.opened")).toHaveLength(4)
        expect(types.filter((type) => type === "request.expired")).toHaveLength(4)
        expect(types.filter((type) => type === "turn.completed")).toHaveLength(2)
        expect(yield* host.requests).toEqual([])
      })
  )

  it.scoped(
    "D15 with a consumer that never reads, 50 commands and an approval are answered and the turn continues (cases 4, 5)",
    () =>
      Effect.gen(function* () {
        const asking = agent((turn) => Effect.all([turn.start, turn.ask(approval), turn.complete], { discard: true }))
        const host = yield* TestHost.make({ providers: [asking] })
        yield* Effect.forkScoped(Stream.runForEach(host.subscribe(lossless), () => Effect.never))
        const { threadId } = yield* TestHost.begin(host, "hello")
        yield* TestHost.until(host, "request.opened")
        const [{ requestId } = yield* Effect.dieMessage("a request is open")] = yield* host.requests
        yield* Effect.forEach(
          Array.from({ length: 50 }, (_, at) => at),
          (at) => host.dispatch(rename(threadId, `t ${at}`)),
          {
            concurrency: "unbounded"
          }
        )
        const { outcome } = yield* host.dispatch(command("request.answer", { requestId, decision: "accept" }))
        expect(outcome).toBe("answered")
        yield* TestHost.until(host, "turn.completed")
      })
  )

  it.scoped(
    "S6 S8 an agent that ignores everything is abandoned at the deadline and named; its earlier output is in the log (cases 22, 27)",
    () =>
      Effect.gen(function* () {
        const deaf = agent((turn) => Effect.zipRight(Effect.zipRight(turn.start, turn.say("last words")), Effect.never), {
          onInterrupt: "ignore",
          onStop: "ignore"
        })
        const host = yield* TestHost.make({ providers: [deaf] })
        const { threadId } = yield* TestHost.begin(host, "hello")
        yield* TestHost.until(host, "item.completed")
        const finish = yield* Effect.fork(Effect.flip(shut(host, { deadline: "4 seconds", mode: "now" })))
        yield* TestClock.adjust("4 seconds")
        const incomplete = yield* Fiber.join(finish)
        expect(incomplete).toMatchObject({ sessions: 1, forced: 1, drained: true })
        expect(incomplete.millis).toBeLessThanOrEqual(4000)
        expect(incomplete.exits).toMatchObject([{ threadId, epoch: 1, outcome: "stopped" }])
        const events = yield* history(host)
        expect(typesOf(events).filter((type) => terminals.includes(type))).toEqual(["turn.interrupted"])
        expect(deaf.live()).toBe(0)
      })
  )

  it.scoped(
    "S6 S8 T2 forced: the shutdown waits for no consumer, takes two seconds at most, and every turn's end is in the log",
    () =>
      Effect.gen(function* () {
        const deaf = agent((turn) => Effect.zipRight(turn.start, Effect.never), { onInterrupt: "ignore", onStop: "ignore" })
        const host = yield* TestHost.make({ providers: [deaf] })
        yield* Effect.forkScoped(Stream.runForEach(host.subscribe({ ...lossless, name: "sleeper" }), () => Effect.never))
        yield* TestHost.begin(host, "hello")
        yield* TestHost.until(host, "turn.started")
        yield* host.forceShutdown
        expect(yield* host.draining, "of one that began only").toBe(false)
        const finish = yield* Effect.fork(Effect.flip(shut(host, { deadline: "1 minute", mode: "drain" })))
        yield* TestClock.adjust("5 seconds")
        expect((yield* Fiber.poll(finish))._tag).toBe("None")
        yield* host.forceShutdown
        yield* TestClock.adjust("2 seconds")
        const report = yield* Fiber.join(finish)
        expect(report).toMatchObject({ forced: 1, drained: true, exits: [{ outcome: "stopped" }] })
        expect(report.millis).toBeLessThanOrEqual(7000)
        expect(report.consumers).toMatchObject([{ name: "sleeper", outcome: "abandoned" }])
        expect(typesOf(yield* history(host)).filter((type) => terminals.includes(type))).toEqual(["turn.interrupted"])
        expect(deaf.live()).toBe(0)
      })
  )

  /** A hang at each stage, with the total time: never more than the deadline (S6). */
  const stalled = (
    options: TestHost.Options,
    prepare: (host: Service) => Effect.Effect<void, unknown, Scope.Scope> = () => Effect.void
  ) =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const host = yield* Scope.extend(TestHost.make(options), scope)
      yield* Effect.fork(Effect.either(host.dispatch(thread("hello"))))
      yield* Effect.yieldNow()
      yield* prepare(host)
      const start = yield* Clock.currentTimeMillis
      const ended = yield* Ref.make(-1)
      const all = yield* Effect.fork(
        shut(host, { deadline: "5 seconds", mode: "drain" }).pipe(
          Effect.either,
          Effect.zipRight(Scope.close(scope, Exit.void)),
          Effect.zipRight(Effect.flatMap(Clock.currentTimeMillis, (now) => Ref.set(ended, now - start)))
        )
      )
      for (let at = 0; at < 70; at++) yield* TestClock.adjust("100 millis")
      yield* Fiber.join(all)
      return yield* Ref.get(ended)
    })

  const over = (change: (log: typeof EventLog.Service) => Partial<typeof EventLog.Service>) =>
    Layer.effect(
      EventLog,
      Effect.map(TestHost.memoryLog, (log) => EventLog.of({ ...log, ...change(log) }))
    )
  const gone = new LogUnavailable({ operation: "append", reason: "io", message: "the disk is gone" })

  it.scoped(
    "S2 a command accepted just before completes also when the dispatcher lags: no session begins after the end (case 15)",
    () =>
      Effect.gen(function* () {
        const behind = over((log) => ({ follow: (query) => Stream.tap(log.follow(query), () => Effect.sleep("200 millis")) }))
        const host = yield* TestHost.make({ store: behind })
        const sent = yield* Effect.fork(host.dispatch(thread("hello")))
        yield* Effect.yieldNow()
        const finish = yield* Effect.fork(shut(host))
        yield* TestClock.adjust("9 seconds")
        const { turnId } = yield* Fiber.join(sent)
        const report = yield* Fiber.join(finish)
        expect(report.exits).toMatchObject([{ epoch: 1, outcome: "stopped" }])
        const ends = (yield* history(host)).filter(({ data }) => (data as { turnId?: string }).turnId === turnId)
        expect(typesOf(ends).filter((type) => terminals.includes(type))).toEqual(["turn.completed"])
      })
  )

  it.effect("S6 each stage in turn hangs, and the total stays within the deadline (cases 22, 23)", () =>
    Effect.gen(function* () {
      const never = Effect.never as Effect.Effect<void>
      const hangs: Record<string, Effect.Effect<number, unknown, Scope.Scope>> = {
        "the agent's turn": stalled({ providers: [forever] }),
        "the agent's start": stalled({ providers: [agent(() => Effect.void, { open: () => never })] }),
        "the agent's stop": stalled({
          providers: [agent((turn) => Effect.zipRight(turn.start, never), { onInterrupt: "ignore", onStop: "ignore" })]
        }),
        "the agent's finalizer": stalled({ providers: [TestHost.hangingSessions(forever)] }),
        "the log that refuses": stalled({ store: over(() => ({ append: () => Effect.fail(gone) })) }),
        "the log that never answers": stalled({ store: over(() => ({ append: () => Effect.never })) }),
        "the log's closing": stalled({ store: TestHost.hangingLog }),
        "a consumer": stalled({}, (host) =>
          Effect.asVoid(Effect.forkScoped(Stream.runForEach(host.subscribe(lossless), () => Effect.never)))
        )
      }
      const took: Record<string, number> = {}
      for (const [what, run] of Object.entries(hangs)) took[what] = yield* Effect.scoped(run)
      expect(took).toMatchObject({
        "the agent's finalizer": 5000,
        "the log that never answers": 5000,
        "the log's closing": 5000,
        "a consumer": 5000
      })
      for (const [what, millis] of Object.entries(took)) expect(millis, what).toBeLessThanOrEqual(5000)
    })
  )
})
