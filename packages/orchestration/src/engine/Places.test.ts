import { assert, describe, it } from "@effect/vitest"
import { RequestId, ThreadId } from "@millrace/contracts/Ids"
import type { LogEvent } from "@millrace/contracts/Event"
import * as Kit from "@millrace/testing/Orchestration"
import * as ScriptedProvider from "@millrace/testing/ScriptedProvider"
import { Deferred, Effect, TestClock } from "effect"
import { overlap } from "@millrace/model/Directory"
import { Engine } from "./Engine.ts"
import { type Bounds, Places, unbounded } from "./Places.ts"
import * as Verify from "../readmodel/Verify.ts"

const data = (event: LogEvent) => event.data as Readonly<Record<string, unknown>>
const is =
  (type: string, fields: Readonly<Record<string, unknown>> = {}) =>
  (event: LogEvent) =>
    event.type === type && Object.entries(fields).every(([key, value]) => data(event)[key] === value)

/** A provider whose turns begin at once, and end when the test resolves the deferred of their prompt; without one they complete at once. */
const held = (name: string, ends: Map<string, Deferred.Deferred<"complete" | "limit">>, resetAt = "1970-01-01T01:00:00.000Z") =>
  ScriptedProvider.make({
    name,
    turn: (turn) =>
      Effect.gen(function* () {
        yield* turn.start
        const end = ends.get(turn.text)
        const how = end === undefined ? "complete" : yield* Deferred.await(end)
        if (how === "complete") return yield* turn.complete
        return yield* turn.fail({ kind: "limit", message: "limit reached", resetAt })
      })
  })

const setup = (bounds: Partial<Bounds>, names = ["scripted"]) => {
  const ends = new Map<string, Deferred.Deferred<"complete" | "limit">>()
  const providers = names.map((name) => held(name, ends))
  const hold = (text: string) => Effect.map(Deferred.make<"complete" | "limit">(), (end) => void ends.set(text, end))
  const create = (text: string, options: { provider?: string; actor?: string; cwd?: string; exclusive?: true } = {}) =>
    Effect.gen(function* () {
      yield* hold(text)
      const engine = yield* Engine
      const command = Kit.command("thread.create", {
        provider: options.provider ?? "scripted",
        cwd: options.cwd ?? "/work",
        ...(options.exclusive ? { workspace: { kind: "directory", exclusive: true } } : {}),
        turn: { text }
      })
      const accepted = yield* engine.dispatch(command, options.actor ?? "tester")
      return ThreadId.make(accepted.threadId ?? "")
    })
  const end = (text: string, how: "complete" | "limit" = "complete") =>
    Effect.suspend(() => {
      const found = ends.get(text)
      return found === undefined ? Effect.dieMessage(text) : Deferred.succeed(found, how)
    })
  return {
    hold,
    layer: Kit.layer({ providers, engine: { places: bounds } }),
    providers,
    create,
    end,
    options: { providers, engine: { places: bounds } }
  }
}

const started = (threadId: ThreadId, count = 1) => Kit.eventually(is("turn.started", { threadId }), count)
const reasonOf = (threadId: ThreadId) =>
  Effect.map(
    Effect.flatMap(Engine, (engine) => engine.waiting([threadId])),
    (found) => found.get(threadId)?.reason
  )
const order = Effect.map(Kit.history, (events) => events.filter(is("turn.dispatched")).map((event) => data(event)["threadId"]))
const sound = Effect.flatMap(Verify.run, ({ problems }) => Effect.sync(() => assert.deepStrictEqual(problems, [])))

/** The other threads whose turn runs in the directory. */
const alongside = (threadId: ThreadId, cwd: string) => Effect.flatMap(Engine, (engine) => engine.alongside({ threadId, cwd }))

describe("exclusive threads", () => {
  it("R7 a directory contains itself and those below it; the root contains all", () => {
    assert.isTrue(overlap("/work", "/work") && overlap("/work/sub", "/work") && overlap("/", "/work"))
    assert.isFalse(overlap("/work", "/workshop") || overlap("/work/a", "/work/b"))
  })

  it.effect("R7 no other turn runs in the directory, above it or below it; turns start in the order of their requests", () => {
    const { create, end, layer } = setup({})
    return Effect.gen(function* () {
      const a = yield* create("a", { cwd: "/work/sub" })
      yield* started(a)
      const x = yield* create("x", { exclusive: true })
      yield* TestClock.adjust("1 second")
      const later = yield* create("later", { cwd: "/work/sub" })
      const elsewhere = yield* create("elsewhere", { cwd: "/workshop" })
      yield* started(elsewhere)
      assert.deepStrictEqual([yield* reasonOf(x), yield* reasonOf(later)], ["workspace", "workspace"])
      assert.deepStrictEqual(yield* alongside(x, "/work"), [a])
      // A turn that was requested after the exclusive one does not go first.
      yield* end("a")
      yield* started(x)
      assert.deepStrictEqual([yield* alongside(later, "/work/sub"), yield* alongside(x, "/work")], [[x], []])
      const other = yield* create("other", { exclusive: true })
      assert.deepStrictEqual([yield* reasonOf(later), yield* reasonOf(other)], ["workspace", "workspace"])
      yield* end("x")
      yield* started(later)
      yield* end("later")
      yield* started(other)
      assert.deepStrictEqual(yield* order, [a, elsewhere, x, later, other])
      yield* sound
    }).pipe(Effect.provide(layer))
  })

  it.scoped("R7 T2 a restart and a fork keep it; threads that are not exclusive share their directory", () => {
    const { create, end, options } = setup({})
    return Effect.gen(function* () {
      const log = yield* Kit.memory
      const first = yield* Kit.start(log, options)
      const fork = yield* first.run(
        Effect.gen(function* () {
          const x = yield* create("x", { exclusive: true })
          yield* started(x)
          yield* end("x")
          yield* Kit.eventually(is("turn.completed", { threadId: x }))
          const engine = yield* Engine
          const forked = yield* engine.dispatch(Kit.command("thread.fork", { threadId: x }), "tester")
          return ThreadId.make(forked.threadId ?? "")
        })
      )
      yield* first.close
      const second = yield* Kit.start(log, options)
      yield* second.run(
        Effect.gen(function* () {
          const a = yield* create("a")
          const b = yield* create("b")
          yield* started(a)
          yield* started(b)
          const engine = yield* Engine
          yield* engine.dispatch(Kit.command("turn.start", { threadId: fork ?? ThreadId.make(""), text: "next" }), "tester")
          assert.strictEqual(yield* reasonOf(fork ?? ThreadId.make("")), "workspace")
          yield* end("a")
          yield* end("b")
          yield* Kit.eventually(is("turn.started", { threadId: fork }))
          yield* sound
        })
      )
      yield* second.close
    })
  })
})

describe("places", () => {
  it.effect("R7 beyond the bound a turn stays queued with the reason; an idle session frees its place for the oldest", () => {
    const { create, end, layer, providers } = setup({ agents: 2 })
    return Effect.gen(function* () {
      const a = yield* create("a")
      const b = yield* create("b")
      yield* started(a)
      yield* started(b)
      const c = yield* create("c")
      const d = yield* create("d")
      assert.deepStrictEqual([yield* reasonOf(a), yield* reasonOf(c), yield* reasonOf(d)], [undefined, "agents", "agents"])
      assert.strictEqual(providers[0]?.live(), 2)
      // The turn of b has ended: its session is idle, and is stopped for the turn that has waited longest.
      yield* end("b")
      yield* started(c)
      assert.deepStrictEqual([yield* reasonOf(c), yield* reasonOf(d)], [undefined, "agents"])
      yield* Kit.eventually(is("session.stopped", { threadId: b }))
      yield* end("a")
      yield* started(d)
      assert.deepStrictEqual(yield* order, [a, b, c, d])
      assert.strictEqual(providers[0]?.live(), 2)
      yield* sound
    }).pipe(Effect.provide(layer))
  })

  it.effect("R7 a thread with further turns does not overtake an older turn of another one", () => {
    const { create, end, layer } = setup({ agents: 1 })
    return Effect.gen(function* () {
      const a = yield* create("a")
      yield* started(a)
      yield* TestClock.adjust("1 second")
      const b = yield* create("b")
      yield* TestClock.adjust("1 second")
      yield* Kit.dispatch("session.stop", { threadId: a })
      yield* Kit.dispatch("turn.start", { threadId: a, text: "again" })
      yield* started(b)
      assert.deepStrictEqual(yield* order, [a, b])
      assert.strictEqual(yield* reasonOf(a), "agents")
      yield* end("b")
      yield* started(a, 2)
      yield* sound
    }).pipe(Effect.provide(layer))
  })

  it.effect("R7 bounds per token and per provider do not block others", () => {
    const { create, end, layer } = setup({ agentsPerToken: 1, agentsPerProvider: 2 }, ["one", "two"])
    return Effect.gen(function* () {
      const a = yield* create("a", { provider: "one", actor: "ann" })
      const b = yield* create("b", { provider: "one", actor: "ann" })
      const c = yield* create("c", { provider: "one", actor: "bob" })
      const d = yield* create("d", { provider: "one", actor: "eve" })
      const e = yield* create("e", { provider: "two", actor: "eve" })
      yield* started(a)
      yield* started(c)
      yield* started(e)
      assert.deepStrictEqual([yield* reasonOf(b), yield* reasonOf(d)], ["agents", "agents"])
      // The place that c frees helps neither b nor d: their tokens have an agent already.
      yield* end("c")
      yield* end("e")
      yield* started(d)
      yield* end("a")
      yield* started(b)
      yield* sound
    }).pipe(Effect.provide(layer))
  })

  it("L9 R7 a usage limit is undone with its batch; an earlier one stands again", () => {
    const places = new Places(unbounded)
    const undoFirst = places.limit("one", 1_000)
    const undoSecond = places.limit("one", 2_000)
    assert.strictEqual(places.nextLimit, 2_000)
    undoSecond()
    assert.strictEqual(places.nextLimit, 1_000)
    undoFirst()
    assert.isUndefined(places.nextLimit)
  })

  it.effect("R7 a usage limit of one thread holds the turns of its provider until it ends, and no others", () => {
    const { create, end, layer } = setup({}, ["one", "two"])
    return Effect.gen(function* () {
      const a = yield* create("a", { provider: "one" })
      yield* started(a)
      const before = yield* create("before", { provider: "one" })
      yield* started(before)
      yield* end("a", "limit")
      yield* Kit.eventually(is("turn.failed", { threadId: a }))
      // A turn that began before the limit lifts nothing when it completes.
      yield* end("before")
      yield* Kit.eventually(is("turn.completed", { threadId: before }))
      const b = yield* create("b", { provider: "one" })
      const c = yield* create("c", { provider: "two" })
      yield* started(c)
      assert.deepStrictEqual([yield* reasonOf(b), yield* reasonOf(c)], ["limit", undefined])
      yield* TestClock.adjust("59 minutes")
      assert.strictEqual(yield* reasonOf(b), "limit")
      yield* TestClock.adjust("2 minutes")
      yield* started(b)
      assert.strictEqual(yield* reasonOf(b), undefined)
      yield* end("b")
      yield* sound
    }).pipe(Effect.provide(layer))
  })

  it.effect("R7 without keepSession a session ends with its turn, and not while the turn waits for a person", () => {
    const asks = ScriptedProvider.make({
      turn: (turn) =>
        Effect.gen(function* () {
          yield* turn.start
          yield* turn.ask({ kind: "approval", title: "Run: x", choices: ["accept"] })
          yield* turn.complete
        })
    })
    return Effect.gen(function* () {
      const { threadId } = yield* Kit.dispatch("thread.create", {
        provider: "scripted",
        cwd: "/work",
        keepSession: false,
        turn: { text: "once" }
      })
      const opened = yield* Kit.eventually(is("request.opened", { threadId }))
      yield* TestClock.adjust("10 minutes")
      assert.strictEqual(asks.live(), 1)
      const requestId = RequestId.make(String(data(opened)["requestId"]))
      yield* Kit.dispatch("request.answer", { requestId, decision: "accept" })
      yield* Kit.eventually(is("session.stopped", { threadId }))
      assert.strictEqual(asks.live(), 0)
      const ends = (yield* Kit.history).map(({ type }) => type).slice(-4)
      assert.deepStrictEqual(ends, ["turn.completed", "session.state.changed", "session.stop.requested", "session.stopped"])
      yield* sound
    }).pipe(Effect.provide(Kit.layer({ providers: [asks] })))
  })

  it.scoped("R7 a waiting turn still waits after a restart, within the same bounds, and starts when a place is free", () =>
    Effect.gen(function* () {
      const log = yield* Kit.memory
      const { create, options } = setup({ agentsPerToken: 1 })
      const first = yield* Kit.start(log, options)
      const threads = yield* first.run(
        Effect.gen(function* () {
          const a = yield* create("a", { actor: "ann" })
          yield* started(a)
          const b = yield* create("b", { actor: "ann" })
          yield* TestClock.adjust("1 second")
          return [a, b, yield* create("c", { actor: "ann" })]
        })
      )
      yield* first.kill
      const [, b, c] = threads ?? []
      if (b === undefined || c === undefined) return assert.fail("no threads")
      const again = setup({ agentsPerToken: 1 })
      yield* again.hold("b")
      const second = yield* Kit.start(log, again.options)
      yield* second.run(
        Effect.gen(function* () {
          yield* started(b)
          assert.deepStrictEqual([yield* reasonOf(b), yield* reasonOf(c)], [undefined, "agents"])
          yield* again.end("b")
          yield* started(c)
          yield* sound
        })
      )
      yield* second.close
    })
  )
})
