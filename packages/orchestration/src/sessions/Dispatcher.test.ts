import { describe, expect, it } from "@effect/vitest"
import type { RequestId, ThreadId, TurnId } from "@millrace/contracts/Ids"
import type { OpenInput } from "@millrace/contracts/ProviderAdapter"
import * as Kit from "@millrace/testing/Orchestration"
import * as ScriptedProvider from "@millrace/testing/ScriptedProvider"
import { seeds, simulate } from "@millrace/testing/SeededScheduler"
import { EventLog } from "@millrace/log/EventLog"
import { Deferred, type Duration, Effect, Exit, Fiber, FiberId, Layer, Random, Stream, TestClock } from "effect"
import { Dispatcher } from "./Dispatcher.ts"
import { Engine } from "../engine/Engine.ts"
import * as Verify from "../readmodel/Verify.ts"
import * as Views from "../readmodel/Views.ts"

const create = (text: string, provider = "scripted") =>
  Effect.map(Kit.dispatch("thread.create", { provider, cwd: "/work", turn: { text } }), ({ threadId, turnId }) => ({
    threadId: threadId as ThreadId,
    turnId: turnId as TurnId
  }))
const say = (threadId: ThreadId, text: string, strategy?: "steer" | "interrupt") =>
  Kit.dispatch("turn.start", { threadId, text, ...(strategy === undefined ? {} : { strategy }) })
const sound = Effect.map(Verify.run, (report) => expect(report.problems).toEqual([]))
const data = (event: { readonly data: unknown }) => event.data as Record<string, unknown>

/** Starts a turn and then does nothing until it is stopped. */
const hangs = (turn: ScriptedProvider.Turn) => Effect.zipRight(turn.start, Effect.never)
const started = Kit.eventually(Kit.ofType("turn.started"))
const until = (type: string) => Kit.eventually(Kit.ofType(type))

describe("the losing branch of a race", () => {
  it.effect("T12 a steer to a session that has ended becomes a turn", () =>
    Effect.gen(function* () {
      const log = yield* Kit.memory
      const gate = Effect.unsafeMakeLatch(true)
      /** Holds the dispatcher's reads of the log. */
      const slow: typeof EventLog.Service = { ...log, follow: (from) => Stream.tap(log.follow(from), () => gate.await) }
      const leave = yield* Deferred.make<void>()
      const agent = ScriptedProvider.make({
        capabilities: ["steer"],
        turn: (turn) =>
          turn.text === "one"
            ? Effect.zipRight(turn.start, Effect.zipRight(Deferred.await(leave), turn.exit))
            : Effect.zipRight(turn.start, turn.complete)
      })
      const see = (type: string) => Effect.provideService(until(type), EventLog, log)
      yield* Effect.gen(function* () {
        const { threadId } = yield* create("one")
        yield* see("turn.started")
        yield* gate.close
        expect(yield* say(threadId, "more", "steer")).toMatchObject({ outcome: "steering" })
        yield* Deferred.succeed(leave, undefined)
        yield* see("session.stopped")
        // The session's fiber ends after its last commit.
        yield* Effect.repeatN(Effect.yieldNow(), 100)
        yield* gate.open
        yield* see("turn.completed")
        const asked = (yield* Kit.history).filter(Kit.ofType("turn.requested")).map((event) => data(event)["text"])
        expect(asked).toEqual(["one", "more"])
      }).pipe(Effect.provide(Kit.layerOver(Layer.succeed(EventLog, slow), { providers: [agent] })))
    }).pipe(Effect.scoped)
  )

  it("T12 a steer that the agent has not accepted when its session ends becomes a turn: no text is lost (60 seeds)", async () => {
    let unanswered = 0
    for await (const seed of seeds(60)) {
      const accepted: Array<string> = []
      const scripted = ScriptedProvider.make({
        capabilities: ["steer"],
        turn: (turn) =>
          turn.text === "one"
            ? Effect.zipRight(turn.start, Effect.delay(seed % 2 === 0 ? turn.exit : turn.die, "3 seconds"))
            : Effect.zipRight(turn.start, turn.complete)
      })
      const { adapter } = scripted
      const agent: ScriptedProvider.Scripted = {
        ...scripted,
        adapter: {
          ...adapter,
          open: (input) =>
            Effect.map(adapter.open(input), (session) => ({
              ...session,
              /** The agent answers after some seconds, or never. */
              steer: ({ text }) =>
                Effect.flatMap(Random.nextIntBetween(0, 5), (seconds) =>
                  seconds === 4
                    ? Effect.never
                    : Effect.delay(
                        Effect.sync(() => void accepted.push(text)),
                        seconds * 1000
                      )
                )
            }))
        }
      }
      const { exit } = simulate(
        seed,
        Effect.gen(function* () {
          const { threadId } = yield* create("one")
          yield* started
          const texts = ["a", "b", "c", "d", "e"]
          yield* Effect.forEach(
            texts,
            (text) =>
              Effect.flatMap(Random.nextIntBetween(0, 4_000), (millis) => Effect.delay(say(threadId, text, "steer"), millis)),
            { concurrency: "unbounded" }
          )
          yield* Effect.sleep("5 minutes")
          const asked = (yield* Kit.history).filter(Kit.ofType("turn.requested")).map((event) => data(event)["text"] as string)
          expect([...new Set([...accepted, ...asked])].toSorted(), `seed ${seed}`).toEqual([...texts, "one"])
          unanswered += asked.length - 1
          yield* sound
        }).pipe(Effect.provide(Kit.layer({ providers: [agent] })))
      )
      if (typeof exit === "string" || Exit.isFailure(exit)) throw new Error(`seed ${seed}: ${String(exit)}`)
    }
    expect(unanswered).toBeGreaterThan(0)
  })

  it.effect("T7 L9 an agent is stopped even while the log cannot be written", () =>
    Effect.gen(function* () {
      const log = yield* Kit.memory
      let broken = false
      const faulty = Kit.failing(log, () => (broken ? Kit.unwritable : undefined))
      const agent = ScriptedProvider.make({ turn: hangs, onInterrupt: "ignore" })
      yield* Effect.gen(function* () {
        const { threadId } = yield* create("one")
        yield* started
        yield* Kit.dispatch("turn.interrupt", { threadId })
        yield* (yield* Dispatcher).awaitActed(yield* log.head)
        broken = true
        yield* TestClock.adjust("10 seconds")
        expect(agent.calls.filter((call) => call.startsWith("stop"))).toHaveLength(1)
        broken = false
        yield* TestClock.adjust("10 seconds")
        yield* until("session.stopped")
      }).pipe(Effect.provide(Kit.layerOver(Layer.succeed(EventLog, faulty), { providers: [agent] })))
    }).pipe(Effect.scoped)
  )
})

describe("turns", () => {
  it.effect("T12 two quick sends reach the agent in order, in one session", () => {
    const agent = ScriptedProvider.make()
    return Effect.gen(function* () {
      const { threadId } = yield* create("one")
      yield* say(threadId, "two")
      yield* say(threadId, "three")
      yield* Kit.eventually(Kit.ofType("turn.completed"), 3)
      expect(agent.calls.map((call) => call.replace(/trn_\w+ /, ""))).toEqual(["open 1", "start one", "start two", "start three"])
      yield* (yield* Engine).drain
      yield* sound
    }).pipe(Effect.provide(Kit.layer({ providers: [agent] })))
  })

  it.effect("T12 a steer reaches the running turn; refused, it becomes the next one", () => {
    const agent = ScriptedProvider.make({ turn: hangs, capabilities: ["steer", "interrupt"] })
    return Effect.gen(function* () {
      const { threadId, turnId } = yield* create("one")
      yield* started
      const steered = yield* say(threadId, "more", "steer")
      expect(steered).toMatchObject({ turnId, outcome: "steering" })
      yield* Kit.dispatch("turn.interrupt", { threadId })
      yield* until("turn.interrupted")
      expect(agent.calls.filter((call) => call.startsWith("steer"))).toEqual([`steer ${turnId} more`])
    }).pipe(Effect.provide(Kit.layer({ providers: [agent] })))
  })

  it.effect(
    "T12 steers that an agent does not accept do not block the next turn; each of them becomes a turn, those beyond the bound at once",
    () => {
      const go = Deferred.unsafeMake<void>(FiberId.none)
      const takes = Deferred.unsafeMake<void>(FiberId.none)
      const scripted = ScriptedProvider.make({
        turn: (turn) =>
          Effect.all([turn.start, turn.text === "one" ? Deferred.await(go) : Effect.void, turn.complete], { discard: true }),
        capabilities: ["steer"]
      })
      const { adapter, calls } = scripted
      const slow: ScriptedProvider.Scripted = {
        ...scripted,
        adapter: {
          ...adapter,
          open: (input) =>
            Effect.map(adapter.open(input), (session) => ({
              ...session,
              steer: (more) => Effect.zipRight(Deferred.await(takes), session.steer(more))
            }))
        }
      }
      return Effect.gen(function* () {
        const { threadId } = yield* create("one")
        yield* started
        yield* Effect.forEach(Array.from({ length: 70 }), (_, n) => say(threadId, `more ${n}`, "steer"), { discard: true })
        yield* Kit.eventually(Kit.ofType("turn.requested"), 6)
        yield* Deferred.succeed(go, undefined)
        yield* until("turn.completed")
        yield* Deferred.succeed(takes, undefined)
        yield* Kit.eventually(Kit.ofType("turn.completed"), 71)
        expect(calls.filter((call) => call.startsWith("steer"))).toHaveLength(65)
        expect(calls.filter((call) => call.startsWith("start"))).toHaveLength(71)
        yield* sound
      }).pipe(Effect.provide(Kit.layer({ providers: [slow] })))
    }
  )

  it.effect("T12 changes of the queue by clients reach the agent and the read models", () => {
    const go = Deferred.unsafeMake<void>(FiberId.none)
    const agent = ScriptedProvider.make({
      turn: (turn) => Effect.all([turn.start, Deferred.await(go), turn.complete], { discard: true })
    })
    return Effect.gen(function* () {
      const { threadId } = yield* create("one")
      yield* started
      const send = (text: string) => Effect.map(say(threadId, text), ({ turnId }) => turnId as TurnId)
      const two = yield* send("two")
      const three = yield* send("three")
      const four = yield* send("four")
      yield* Kit.dispatch("turn.edit", { threadId, turnId: two, text: "two, better" })
      yield* Kit.dispatch("turn.reorder", { threadId, turnIds: [three, two] })
      yield* Kit.dispatch("turn.promote", { threadId, turnId: four })
      const removed = yield* Kit.dispatch("turn.remove", { threadId, turnId: three })
      expect(removed.outcome).toBe("dequeued")
      const views = yield* Views.Views
      expect((yield* views.thread(threadId)).queuedTurnIds).toEqual([four, two])
      expect((yield* views.turns(threadId, {})).items.find(({ turnId }) => turnId === two)?.text).toBe("two, better")
      yield* Deferred.succeed(go, undefined)
      yield* Kit.eventually(Kit.ofType("turn.completed"), 3)
      const given = agent.calls.map((call) => call.replace(/trn_\w+ /, ""))
      expect(given).toEqual(["open 1", "start one", "start four", "start two, better"])
      yield* (yield* Engine).drain
      yield* sound
    }).pipe(Effect.provide(Kit.layer({ providers: [agent] })))
  })

  it.effect("D11 losing every client in mid-turn leaves the turn: it completes and is readable", () => {
    const go = Deferred.unsafeMake<void>(FiberId.none)
    const agent = ScriptedProvider.make({
      turn: (turn) => Effect.all([turn.start, Deferred.await(go), turn.say("done"), turn.complete], { discard: true })
    })
    return Effect.gen(function* () {
      const client = yield* Effect.fork(Effect.zipRight(create("one"), Effect.never))
      yield* started
      yield* Fiber.interrupt(client)
      yield* Deferred.succeed(go, undefined)
      const { data: ended } = yield* until("turn.completed")
      const views = yield* Views.Views
      const { items } = yield* views.items((ended as { threadId: ThreadId }).threadId, {})
      expect(items.map((item) => item.text)).toEqual(["done", "one"])
    }).pipe(Effect.provide(Kit.layer({ providers: [agent] })))
  })

  it.effect("P8 an agent that does not start delays no other thread, and fails its turn with what to do", () => {
    const stuck = ScriptedProvider.make({ name: "stuck", open: () => Effect.never })
    const agent = ScriptedProvider.make()
    return Effect.gen(function* () {
      const slow = yield* create("slow", "stuck")
      yield* create("fast")
      yield* until("turn.completed")
      yield* TestClock.adjust("60 seconds")
      const failed = yield* until("turn.failed")
      expect(data(failed)).toMatchObject({
        turnId: slow.turnId,
        error: { kind: "process", message: expect.stringContaining("did not start") }
      })
      expect(data(yield* Kit.eventually((event) => event.type === "session.stopped"))).toMatchObject({ status: "error" })
      yield* sound
    }).pipe(Effect.provide(Kit.layer({ providers: [stuck, agent] })))
  })

  it.effect("T2 an agent that cannot be opened fails each waiting turn with the reason", () => {
    const missing = { kind: "not-installed", message: "Install it with: npm i -g scripted" } as const
    const agent = ScriptedProvider.make({ open: () => Effect.fail(ScriptedProvider.failure("open", missing)) })
    return Effect.gen(function* () {
      const { threadId } = yield* create("one")
      yield* say(threadId, "two")
      const last = yield* Kit.eventually(Kit.ofType("turn.failed"), 2)
      expect(data(last)).toMatchObject({ error: missing })
      yield* (yield* Engine).drain
      expect((yield* (yield* Views.Views).thread(threadId)).status).toBe("failed")
      yield* sound
    }).pipe(Effect.provide(Kit.layer({ providers: [agent] })))
  })

  it.effect("T2 a turn that the agent refuses fails, and the session takes the next one", () => {
    let refused = false
    const no = ScriptedProvider.failure("startTurn", { kind: "refused", message: "not now" })
    const agent = ScriptedProvider.make({
      startTurn: () => (refused ? Effect.void : Effect.suspend(() => ((refused = true), Effect.fail(no))))
    })
    return Effect.gen(function* () {
      const { threadId } = yield* create("one")
      yield* say(threadId, "two")
      yield* until("turn.completed")
      expect(Kit.types(yield* Kit.history).filter((type) => type === "turn.failed")).toHaveLength(1)
      expect(agent.calls.filter((call) => call.startsWith("open"))).toEqual(["open 1"])
    }).pipe(Effect.provide(Kit.layer({ providers: [agent] })))
  })

  it.effect("T2 if the outcome of a start is unknown, the agent is stopped, and the next turn gets a new one", () => {
    let first = true
    const unknown = ScriptedProvider.failure("startTurn", { kind: "protocol", message: "no answer in 30 s" }, "unknown")
    const agent = ScriptedProvider.make({
      startTurn: () => Effect.suspend(() => (first ? ((first = false), Effect.fail(unknown)) : Effect.void))
    })
    return Effect.gen(function* () {
      const { threadId, turnId } = yield* create("one")
      yield* say(threadId, "two")
      yield* until("turn.completed")
      expect(data(yield* until("turn.failed"))).toMatchObject({ turnId, error: { message: "no answer in 30 s" } })
      expect(agent.calls.filter((call) => call.startsWith("open"))).toEqual(["open 1", "open 2"])
      yield* (yield* Engine).drain
      yield* sound
    }).pipe(Effect.provide(Kit.layer({ providers: [agent] })))
  })

  it.effect.each([
    ["hangs", Effect.never],
    ["breaks", Effect.die(new Error("a bug of the adapter"))]
  ] as const)("T4 an adapter that %s in startTurn does not leave the turn without a deadline", ([, startTurn]) => {
    const agent = ScriptedProvider.make({ startTurn: () => startTurn })
    return Effect.gen(function* () {
      const { turnId } = yield* create("one")
      yield* Kit.eventually((event) => event.type === "session.state.changed")
      for (let n = 0; n < 50; n++) yield* Effect.yieldNow()
      yield* TestClock.adjust("60 seconds")
      expect(data(yield* until("turn.failed"))["turnId"]).toBe(turnId)
      expect(data(yield* until("session.stopped"))).toMatchObject({ status: "error" })
    }).pipe(Effect.provide(Kit.layer({ providers: [agent] })))
  })

  it.effect("T2 a death in mid-turn fails the turn with the evidence, and the queue continues with a new session", () => {
    const agent = ScriptedProvider.make({
      turn: (turn) =>
        turn.epoch === 1
          ? Effect.all([turn.start, turn.say("half"), turn.die], { discard: true })
          : Effect.all([turn.start, turn.complete], { discard: true })
    })
    return Effect.gen(function* () {
      const { threadId, turnId } = yield* create("one")
      yield* say(threadId, "two")
      yield* until("turn.completed")
      expect(data(yield* until("turn.failed"))).toMatchObject({ turnId, error: { kind: "process", detail: "scripted death" } })
      expect(data(yield* Kit.eventually(Kit.ofType("session.started"), 2))).toMatchObject({ epoch: 2, status: "starting" })
      const resumed = yield* Kit.eventually((event) => event.epoch === 2 && event.type === "session.state.changed")
      expect(data(resumed)).toMatchObject({ continuity: "resumed" })
    }).pipe(Effect.provide(Kit.layer({ providers: [agent] })))
  })
})

describe("interrupts", () => {
  const interrupted = (agent: ScriptedProvider.Scripted, wait: Duration.DurationInput) =>
    Effect.gen(function* () {
      const { threadId, turnId } = yield* create("one")
      yield* started
      yield* Kit.dispatch("turn.interrupt", { threadId })
      const asked = yield* until("turn.interrupt.requested")
      yield* Kit.eventually((event) => event.offset >= asked.offset)
      for (let n = 0; n < 50; n++) yield* Effect.yieldNow()
      yield* TestClock.adjust(wait)
      const ended = yield* until("turn.interrupted")
      expect(data(ended)).toMatchObject({ turnId })
      yield* (yield* Engine).drain
      yield* sound
      return { ended: data(ended), stops: agent.calls.filter((call) => call.startsWith("stop")) }
    }).pipe(Effect.provide(Kit.layer({ providers: [agent] })))

  it.effect("T7 obeyed: the agent is not stopped", () =>
    Effect.gen(function* () {
      const { stops } = yield* interrupted(ScriptedProvider.make({ turn: hangs }), "0 seconds")
      expect(stops).toEqual([])
    })
  )

  it.effect.each(["ignore", "refuse"] as const)(
    "T7 %s: after the deadline the agent is stopped, and the turn is interrupted",
    (onInterrupt) =>
      Effect.gen(function* () {
        const { stops, ended } = yield* interrupted(ScriptedProvider.make({ turn: hangs, onInterrupt }), "5 seconds")
        expect(stops).toHaveLength(1)
        expect(ended["reason"]).toContain("did not end the turn within 5s")
      })
  )

  it.effect("T7 an agent that ignores even the stop is abandoned: its scope closes, and the turn is interrupted", () =>
    Effect.gen(function* () {
      const agent = ScriptedProvider.make({ turn: hangs, onInterrupt: "ignore", onStop: "ignore" })
      yield* interrupted(agent, "16 seconds")
      expect(agent.live()).toBe(0)
    })
  )

  it.effect("T7 an interrupt while the agent still starts ends the start", () => {
    const agent = ScriptedProvider.make({ open: () => Effect.never })
    return Effect.gen(function* () {
      const { threadId, turnId } = yield* create("one")
      yield* Kit.eventually(Kit.ofType("session.started"))
      yield* Kit.dispatch("turn.interrupt", { threadId })
      for (let n = 0; n < 50; n++) yield* Effect.yieldNow()
      yield* TestClock.adjust("5 seconds")
      expect(data(yield* until("turn.interrupted"))).toMatchObject({ turnId })
    }).pipe(Effect.provide(Kit.layer({ providers: [agent] })))
  })

  it.effect("T7 the strategy interrupt interrupts the running turn and runs first", () => {
    const agent = ScriptedProvider.make({
      turn: (turn) => (turn.text === "one" ? hangs(turn) : Effect.zipRight(turn.start, turn.complete))
    })
    return Effect.gen(function* () {
      const { threadId } = yield* create("one")
      yield* started
      yield* say(threadId, "later")
      yield* say(threadId, "now", "interrupt")
      yield* Kit.eventually(Kit.ofType("turn.completed"), 2)
      expect(agent.calls.filter((call) => call.startsWith("start")).map((call) => call.split(" ").at(-1))).toEqual([
        "one",
        "now",
        "later"
      ])
    }).pipe(Effect.provide(Kit.layer({ providers: [agent] })))
  })
})

describe("dying sessions", () => {
  it.effect("T12 a turn that was dispatched to a dying agent is requeued, not failed", () => {
    // The agent ends its turn as interrupted and exits right after: the engine cannot know in time.
    const agent = ScriptedProvider.make({
      onInterrupt: "ignore",
      startTurn: (turnId) =>
        agent.calls.some((call) => call.startsWith("open 2")) || turnId === first ? Effect.void : Effect.never,
      turn: (turn) =>
        turn.epoch === 1
          ? Effect.all([turn.start, Deferred.await(go), turn.emit({ _tag: "TurnInterrupted", turnId: turn.turnId }), turn.exit], {
              discard: true
            })
          : Effect.zipRight(turn.start, turn.complete)
    })
    let first: string | undefined
    const go = Deferred.unsafeMake<void>(FiberId.none)
    return Effect.gen(function* () {
      const { threadId, turnId } = yield* Effect.tap(create("one"), (made) => Effect.sync(() => (first = made.turnId)))
      yield* started
      const second = yield* say(threadId, "two")
      yield* Deferred.succeed(go, undefined)
      expect(data(yield* until("turn.completed"))["turnId"]).toBe(second.turnId)
      const history = yield* Kit.history
      expect(data(yield* until("turn.requeued"))["turnId"]).toBe(second.turnId)
      expect(history.filter(Kit.ofType("turn.failed"))).toEqual([])
      expect(history.filter((event) => event.type === "item.started" && data(event)["turnId"] === second.turnId)).toHaveLength(1)
      expect(data(yield* until("turn.interrupted"))["turnId"]).toBe(turnId)
      yield* (yield* Engine).drain
      yield* sound
    }).pipe(Effect.provide(Kit.layer({ providers: [agent] })))
  })
})

describe("requests", () => {
  it.effect("T13 an answer overtakes queued calls, reaches the agent once, and the turn continues", () => {
    const agent = ScriptedProvider.make({
      turn: (turn) =>
        Effect.gen(function* () {
          yield* turn.start
          const answer = yield* turn.ask({ kind: "approval", title: "Run: ls", choices: ["accept", "decline"] })
          yield* turn.say(JSON.stringify(answer))
          yield* turn.complete
        })
    })
    return Effect.gen(function* () {
      const { threadId } = yield* create("one")
      yield* until("request.opened")
      const views = yield* Views.Views
      const [request] = yield* views.requests
      expect((yield* views.thread(threadId)).status).toBe("needs-you")
      expect((yield* views.turns(threadId, {})).items[0]?.status).toBe("waiting")
      const both = yield* Effect.all(
        [
          Kit.dispatch("request.answer", { requestId: request!.requestId, decision: "accept" }),
          Kit.dispatch("request.answer", { requestId: request!.requestId, decision: "decline" })
        ],
        { concurrency: "unbounded" }
      )
      expect(both.map(({ outcome }) => outcome)).toEqual(["answered", "already-settled"])
      yield* until("turn.completed")
      expect(agent.calls.filter((call) => call.startsWith("answer"))).toHaveLength(1)
      expect(yield* views.requests).toEqual([])
      expect(data(yield* until("request.answered"))).toMatchObject({ by: "tester", decision: "accept" })
    }).pipe(Effect.provide(Kit.layer({ providers: [agent] })))
  })

  it.effect("X4 a secret reaches the agent but not the log", () => {
    const questions = [
      { id: "user", text: "Who?" },
      { id: "word", text: "Password?", secret: true }
    ] as const
    const agent = ScriptedProvider.make({
      turn: (turn) =>
        Effect.all([turn.start, turn.ask({ kind: "question", title: "Login", questions }), turn.complete], { discard: true })
    })
    return Effect.gen(function* () {
      yield* create("one")
      const { data: asked } = yield* until("request.opened")
      const { requestId } = asked as { requestId: RequestId }
      yield* Kit.dispatch("request.answer", { requestId, answers: { user: ["me"], word: ["hunter2"] } })
      yield* until("turn.completed")
      expect(agent.calls.find((call) => call.startsWith("answer"))).toContain("hunter2")
      const history = yield* Kit.history
      expect(JSON.stringify(history)).not.toContain("hunter2")
      expect(data(history.find(Kit.ofType("request.answered"))!)["answers"]).toEqual({ user: ["me"], word: ["(secret)"] })
    }).pipe(Effect.provide(Kit.layer({ providers: [agent] })))
  })

  it("T13 open requests, stops, interrupts and answers in any order: nothing hangs, and each request is settled once (200 seeds)", async () => {
    const approval = { kind: "approval", title: "Run: ls", choices: ["accept", "decline"] } as const
    for await (const seed of seeds(200)) {
      const agent = ScriptedProvider.make({
        turn: (turn) =>
          Effect.zipRight(
            turn.start,
            Effect.zipRight(Effect.all([turn.ask(approval), turn.ask(approval)], { concurrency: 2 }), turn.complete)
          ),
        onInterrupt: seed % 3 === 0 ? "ignore" : "obey",
        onStop: seed % 5 === 0 ? "ignore" : "obey"
      })
      const { exit } = simulate(
        seed,
        Effect.gen(function* () {
          const { threadId } = yield* create("one")
          yield* say(threadId, "two")
          const requested = yield* Kit.eventually(Kit.ofType("request.opened"))
          const requestId = data(requested)["requestId"] as RequestId
          const later = <A>(effect: Effect.Effect<A, unknown, Kit.Services>) =>
            Effect.flatMap(Random.nextIntBetween(0, 4), (seconds) => Effect.delay(Effect.option(effect), seconds * 1000))
          yield* Effect.all(
            [
              later(Kit.dispatch("request.answer", { requestId, decision: "accept" })),
              later(Kit.dispatch("session.stop", { threadId })),
              later(Kit.dispatch("turn.interrupt", { threadId })),
              later(Kit.dispatch("session.stop", { threadId }))
            ],
            { concurrency: "unbounded" }
          )
          yield* Effect.sleep("5 minutes")
          // A turn that still runs waits for an answer; then it ends too.
          yield* Kit.dispatch("session.stop", { threadId })
          yield* Effect.sleep("5 minutes")
          const events = yield* Kit.history
          const ids = (...types: ReadonlyArray<string>) =>
            events.filter(Kit.ofType(...types)).map((event) => data(event)["requestId"] as string)
          const settled = ids("request.answered", "request.expired", "request.cancelled")
          expect(settled.toSorted(), `seed ${seed}`).toEqual(ids("request.opened").toSorted())
          expect(yield* (yield* Views.Views).thread(threadId), `seed ${seed}`).toMatchObject({
            openRequestIds: [],
            queuedTurnIds: []
          })
          expect((yield* (yield* Views.Views).thread(threadId)).activeTurnId, `seed ${seed}`).toBeUndefined()
          yield* sound
        }).pipe(Effect.provide(Kit.layer({ providers: [agent] })))
      )
      if (typeof exit === "string" || Exit.isFailure(exit)) throw new Error(`seed ${seed}: ${String(exit)}`)
    }
  })

  it.effect("T13 an open request and a stop never deadlock", () => {
    const agent = ScriptedProvider.make({
      turn: (turn) =>
        Effect.zipRight(
          turn.start,
          Effect.zipRight(turn.ask({ kind: "approval", title: "?", choices: ["accept"] }), turn.complete)
        )
    })
    return Effect.gen(function* () {
      const { threadId } = yield* create("one")
      yield* until("request.opened")
      yield* Kit.dispatch("session.stop", { threadId })
      yield* until("session.stopped")
      expect((yield* (yield* Views.Views).thread(threadId)).status).toBe("idle")
      yield* sound
    }).pipe(Effect.provide(Kit.layer({ providers: [agent] })))
  })
})

describe("stopping", () => {
  it.effect("S8 stopAll ends every session before its deadline, whatever the agents do, and keeps the queue", () => {
    const agents = [
      ScriptedProvider.make({ name: "obeys", turn: hangs }),
      ScriptedProvider.make({ name: "ignores", turn: hangs, onInterrupt: "ignore" }),
      ScriptedProvider.make({ name: "deaf", turn: hangs, onInterrupt: "ignore", onStop: "ignore" })
    ]
    return Effect.gen(function* () {
      const threads = yield* Effect.forEach(agents, ({ adapter }) => create("one", adapter.name))
      yield* Kit.eventually(Kit.ofType("turn.started"), 3)
      const queued = yield* say(threads[0]!.threadId, "two")
      const dispatcher = yield* Dispatcher
      const stopping = yield* Effect.fork(dispatcher.stopAll({ mode: "now", within: "10 seconds" }))
      for (let n = 0; n < 20; n++) yield* TestClock.adjust("500 millis")
      expect(yield* Fiber.join(stopping)).toEqual({ sessions: 3, forced: 1 })
      yield* (yield* Engine).drain
      expect(agents.map((agent) => agent.live())).toEqual([0, 0, 0])
      const views = yield* Views.Views
      const shown = yield* Effect.forEach(threads, ({ threadId }) => views.thread(threadId))
      expect(shown.map((thread) => [thread.status, thread.session?.status])).toEqual([
        ["queued", "stopped"],
        ["idle", "stopped"],
        ["idle", "stopped"]
      ])
      expect(shown[0]?.queuedTurnIds).toEqual([queued.turnId])
      yield* sound
    }).pipe(Effect.provide(Kit.layer({ providers: agents })))
  })

  it.effect("S8 an agent that has to be killed, which takes a tenth of the time, has its end in the log by the deadline", () => {
    const scripted = ScriptedProvider.make({ turn: hangs, onInterrupt: "ignore", onStop: "ignore" })
    const { adapter } = scripted
    const slow = {
      ...scripted,
      adapter: {
        ...adapter,
        open: (input: OpenInput) =>
          Effect.zipRight(
            Effect.addFinalizer(() => Effect.sleep("1 second")),
            adapter.open(input)
          )
      }
    }
    return Effect.gen(function* () {
      const { threadId } = yield* create("one")
      yield* started
      const stopping = yield* Effect.fork(Effect.flatMap(Dispatcher, (one) => one.stopAll({ mode: "now", within: "10 seconds" })))
      for (let n = 0; n < 20; n++) yield* TestClock.adjust("500 millis")
      expect(yield* Fiber.join(stopping)).toEqual({ sessions: 1, forced: 1 })
      yield* (yield* Engine).drain
      expect((yield* (yield* Views.Views).thread(threadId)).session?.status).toBe("stopped")
    }).pipe(Effect.provide(Kit.layer({ providers: [slow] })))
  })

  it.effect("S8 drain waits for a running turn to end", () => {
    const agent = ScriptedProvider.make({
      turn: (turn) => Effect.all([turn.start, Effect.sleep("2 seconds"), turn.complete], { discard: true })
    })
    return Effect.gen(function* () {
      yield* create("one")
      yield* started
      const stopping = yield* Effect.fork(
        Effect.flatMap(Dispatcher, (one) => one.stopAll({ mode: "drain", within: "10 seconds" }))
      )
      for (let n = 0; n < 20; n++) yield* TestClock.adjust("500 millis")
      expect(yield* Fiber.join(stopping)).toEqual({ sessions: 1, forced: 0 })
      const types = Kit.types(yield* Kit.history)
      expect(types.includes("turn.completed") && !types.includes("turn.interrupted")).toBe(true)
    }).pipe(Effect.provide(Kit.layer({ providers: [agent] })))
  })

  it.effect("S8 closing the scope without stopAll stops the agents and commits their ends", () => {
    const agent = ScriptedProvider.make({ turn: hangs })
    return Effect.gen(function* () {
      const log = yield* Kit.memory
      const server = yield* Kit.start(log, { providers: [agent] })
      yield* server.run(Effect.zipRight(create("one"), started))
      yield* server.close
      expect(agent.live()).toBe(0)
      const page = yield* log.read({ after: 0 })
      expect(page.events.map(({ type }) => type).slice(-4)).toContain("turn.interrupted")
      expect(page.events.at(-1)?.type).toBe("session.stopped")
    }).pipe(Effect.scoped)
  })
})
