import { describe, expect, it } from "@effect/vitest"
import type { ItemId } from "@millrace/contracts/Ids"
import { EventLog, LogUnavailable } from "@millrace/log/EventLog"
import * as EventLogMemory from "@millrace/log/EventLogMemory"
import * as EventLogSqlite from "@millrace/log/EventLogSqlite"
import * as Kit from "@millrace/testing/Orchestration"
import * as ScriptedProvider from "@millrace/testing/ScriptedProvider"
import { seeds, simulate } from "@millrace/testing/SeededScheduler"
import { Deferred, Effect, Either, Exit, Fiber, Layer, TestClock } from "effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Engine } from "./Engine.ts"
import { Worktrees } from "./Worktrees.ts"
import * as Verify from "../readmodel/Verify.ts"
import * as Views from "../readmodel/Views.ts"

const create = (id?: string) => Kit.dispatch("thread.create", { provider: "scripted", cwd: "/work" }, id)
const sound = Effect.map(Verify.run, (report) => expect(report.problems).toEqual([]))

/** A log in a separate file. */
const sqlite = Layer.unwrapScoped(
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => mkdtempSync(join(tmpdir(), "millrace-engine-"))),
      (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
    ),
    (path) => EventLogSqlite.layer({ file: join(path, "log.db") })
  )
)

describe.each([
  ["memory", EventLogMemory.layer()],
  ["sqlite", sqlite]
] as const)("over %s", (_, log) => {
  it.effect("C5 a thread with its first turn is one command, and the turn runs to its end", () =>
    Effect.gen(function* () {
      const accepted = yield* Kit.dispatch("thread.create", { provider: "scripted", cwd: "/work", turn: { text: "hello" } })
      const { offset } = yield* Kit.eventually(Kit.ofType("turn.completed"))
      yield* Kit.eventually((event) => event.type === "session.state.changed" && event.offset > offset)
      const events = yield* Kit.history
      expect(Kit.types(events)).toEqual([
        "project.created",
        "thread.created",
        "turn.requested",
        "session.started",
        "turn.dispatched",
        "item.started",
        "item.completed",
        "session.state.changed",
        "turn.started",
        "item.started",
        "item.delta",
        "item.completed",
        "turn.completed",
        "session.state.changed"
      ])
      expect(accepted.offset).toBe(7)
      const views = yield* Views.Views
      const threadId = accepted.threadId!
      expect((yield* views.thread(threadId)).status).toBe("idle")
      const items = yield* views.items(threadId, {})
      expect(items.items.map((item) => item.text)).toEqual(["you said: hello", "hello"])
      yield* sound
    }).pipe(Effect.provide(Kit.layerOver(log)))
  )

  it.effect("C1 the cursor of an answer is the offset of the command's last event", () =>
    Effect.gen(function* () {
      const { epoch } = yield* EventLog
      const accepted = yield* create()
      expect(accepted.cursor).toBe(`${epoch}-${accepted.offset}`)
      expect((yield* Kit.history).at(-1)).toMatchObject({
        offset: accepted.offset,
        type: "thread.created",
        commandId: accepted.commandId
      })
      const idle = yield* Kit.dispatch("turn.interrupt", { threadId: accepted.threadId! })
      expect(idle).toMatchObject({ outcome: "not-running", offset: accepted.offset })
    }).pipe(Effect.provide(Kit.layerOver(log)))
  )

  it.effect("C2 the same id and body gives the same answer, another body a conflict, five at once run once", () =>
    Effect.gen(function* () {
      const five = yield* Effect.all(
        Array.from({ length: 5 }, () => create("same")),
        { concurrency: "unbounded" }
      )
      expect(new Set(five.map(({ threadId }) => threadId)).size).toBe(1)
      expect(five.filter(({ replayed }) => replayed === true)).toHaveLength(4)
      const { replayed: _, ...again } = yield* create("same")
      expect(again).toEqual(five.find(({ replayed }) => replayed === undefined))
      const other = yield* Effect.either(Kit.dispatch("thread.create", { provider: "scripted", cwd: "/other" }, "same"))
      expect(Either.getLeft(other)).toMatchObject({ value: { _tag: "CommandIdConflict" } })
      const engine = yield* Engine
      expect(yield* engine.commandStatus("same")).toEqual(again)
      const refused = () => Effect.flip(Kit.dispatch("thread.create", { provider: "nobody", cwd: "/work" }, "refused"))
      expect(yield* refused()).toEqual(yield* refused())
      expect(yield* engine.commandStatus("refused")).toMatchObject({ status: "rejected", rule: "ProviderUnknown" })
      expect(yield* Effect.flip(engine.commandStatus("never"))).toMatchObject({ _tag: "NotFound" })
      expect((yield* Kit.history).filter(Kit.ofType("thread.created"))).toHaveLength(1)
    }).pipe(Effect.provide(Kit.layerOver(log)))
  )

  it.effect("C3 5,000 commands at once: each is accepted or Overloaded, none is left waiting", () =>
    Effect.gen(function* () {
      const answers = yield* Effect.forEach(Array.from({ length: 5000 }), () => Effect.either(create()), {
        concurrency: "unbounded"
      })
      const accepted = answers.filter(Either.isRight)
      const tags = new Set(answers.flatMap((one) => (Either.isLeft(one) ? [one.left._tag] : [])))
      expect(accepted.length).toBeGreaterThanOrEqual(1000)
      expect([...tags]).toEqual(["Overloaded"])
      expect((yield* Kit.history).filter(Kit.ofType("thread.created"))).toHaveLength(accepted.length)
      const views = yield* Views.Views
      const { threads, more } = yield* views.state
      expect([threads.length, more]).toEqual([500, true])
      const seen = new Set<string>()
      let before: number | undefined
      do {
        const page = yield* views.threads({ limit: 400, ...(before === undefined ? {} : { before }) })
        for (const { threadId } of page.items) seen.add(threadId)
        before = page.before
      } while (before !== undefined)
      expect(seen.size).toBe(accepted.length)
    }).pipe(Effect.provide(Kit.layerOver(log)))
  )
})

it.effect("C2 the same answer after a restart", () =>
  Effect.gen(function* () {
    const log = yield* Kit.memory
    const first = yield* Kit.start(log)
    const before = yield* first.run(create("once"))
    yield* first.kill
    const second = yield* Kit.start(log)
    expect(yield* second.run(create("once"))).toEqual({ ...before, replayed: true })
    yield* second.close
  }).pipe(Effect.scoped)
)

it.effect("C1 interrupting the caller undoes nothing: its command is decided, and its answer stored", () =>
  Effect.gen(function* () {
    const engine = yield* Engine
    const caller = yield* Effect.fork(create("lost"))
    yield* Effect.yieldNow()
    yield* Effect.yieldNow()
    yield* Fiber.interrupt(caller)
    yield* engine.drain
    const status = yield* Effect.either(engine.commandStatus("lost"))
    const created = (yield* Kit.history).filter(Kit.ofType("thread.created"))
    expect(created).toHaveLength(Either.isRight(status) ? 1 : 0)
    expect(Either.isRight(status)).toBe(true)
  }).pipe(Effect.provide(Kit.layer()))
)

it("S1 admission closes at one point: each command is completed or refused, whatever the interleaving (200 seeds)", async () => {
  const outcomes = new Set<string>()
  for await (const seed of seeds(200)) {
    const { exit } = simulate(
      seed,
      Effect.gen(function* () {
        const engine = yield* Engine
        const asking = yield* Effect.fork(
          Effect.forEach(Array.from({ length: 8 }), () => Effect.either(create()), { concurrency: "unbounded" })
        )
        yield* Effect.sleep("1 millis").pipe(Effect.when(() => seed % 2 === 0))
        yield* engine.closeAdmission
        const late = yield* Effect.either(create())
        const answers = yield* Fiber.join(asking)
        yield* engine.drain
        const created = (yield* Kit.history).filter(Kit.ofType("thread.created")).length
        return {
          late: Either.isLeft(late) ? late.left._tag : "accepted",
          accepted: answers.filter(Either.isRight).length,
          created
        }
      }).pipe(Effect.provide(Kit.layer()))
    )
    if (typeof exit === "string" || Exit.isFailure(exit)) throw new Error(`seed ${seed}: ${String(exit)}`)
    const { late, accepted, created } = exit.value
    expect(late, `seed ${seed}`).toBe("ShuttingDown")
    expect(created, `seed ${seed}`).toBe(accepted)
    outcomes.add(accepted === 0 ? "none" : accepted === 8 ? "all" : "some")
  }
  expect(outcomes.size).toBeGreaterThan(1)
})

it.effect("L9 while the log cannot be written commands fail with that error and facts wait; afterwards nothing is lost", () => {
  let error: LogUnavailable | undefined
  return Effect.gen(function* () {
    const begun = yield* Deferred.make<ScriptedProvider.Turn>()
    const agent = ScriptedProvider.make({
      turn: (turn) => Effect.zipRight(turn.start, Effect.zipRight(Deferred.succeed(begun, turn), Effect.never))
    })
    yield* Effect.gen(function* () {
      const engine = yield* Engine
      yield* Kit.dispatch("thread.create", { provider: "scripted", cwd: "/work", turn: { text: "hello" } })
      const turn = yield* Deferred.await(begun)
      yield* Kit.eventually(Kit.ofType("turn.started"))
      error = new LogUnavailable({ operation: "append", reason: "full", message: "disk full" })
      expect(yield* Effect.flip(create())).toMatchObject({ _tag: "StorageUnavailable" })
      yield* turn.say("kept")
      yield* turn.complete
      yield* TestClock.adjust("1 seconds")
      expect(yield* Effect.flip(create())).toMatchObject({ _tag: "StorageUnavailable" })
      error = undefined
      yield* TestClock.adjust("10 seconds")
      yield* engine.drain
      yield* create()
      const events = Kit.types(yield* Kit.history)
      expect(events.filter((type) => type === "turn.completed")).toHaveLength(1)
      expect(events.filter((type) => type === "thread.created")).toHaveLength(2)
      yield* sound
    }).pipe(
      Effect.provide(
        Kit.layerOver(
          Kit.failingLayer(() => error),
          { providers: [agent] }
        )
      )
    )
  })
})

it.effect("W6 the worktree of a rejected thread is removed; after an error that may follow the commit it stays", () => {
  let error: LogUnavailable | undefined
  const removed: Array<string> = []
  const worktrees = Layer.succeed(
    Worktrees,
    Worktrees.of({
      create: ({ threadId }) => Effect.succeed(Either.right({ cwd: `/work/${threadId}`, branch: "b", commit: "c" })),
      discard: (threadId) => Effect.sync(() => void removed.push(threadId)),
      release: () => Effect.void,
      list: Effect.succeed([]),
      remove: () => Effect.succeed(Either.left("no")),
      rootOf: () => Effect.succeed("/worktree"),
      earlier: Effect.succeed([])
    })
  )
  return Effect.gen(function* () {
    const inWorktree = (provider: string, id: string) =>
      Kit.dispatch("thread.create", { provider, cwd: "/work", workspace: { kind: "worktree" } }, id)
    const { threadId } = yield* inWorktree("scripted", "one")
    expect(yield* Effect.flip(inWorktree("nobody", "two"))).toMatchObject({ _tag: "CommandRejected" })
    expect(yield* Effect.flip(inWorktree("nobody", "one"))).toMatchObject({ _tag: "CommandIdConflict" })
    expect((yield* inWorktree("scripted", "one")).threadId).toBe(threadId)
    expect([new Set(removed).size, removed.includes(threadId!)]).toEqual([3, false])
    error = Kit.unwritable
    expect(yield* Effect.flip(inWorktree("scripted", "three"))).toMatchObject({ _tag: "StorageUnavailable" })
    expect(removed).toHaveLength(3)
  }).pipe(Effect.provide(Layer.provide(Kit.layerOver(Kit.failingLayer(() => error)), worktrees)))
})

it.effect("W6 while a worktree is removed no turn starts in it; while a turn runs in it, it is not removed", () =>
  Effect.gen(function* () {
    const [removing, removed] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
    const begun = yield* Deferred.make<ScriptedProvider.Turn>()
    const worktrees = Layer.succeed(
      Worktrees,
      Worktrees.of({
        create: () => Effect.succeed(Either.left("no")),
        discard: () => Effect.void,
        release: () => Effect.void,
        list: Effect.succeed([]),
        remove: () =>
          Deferred.succeed(removing, undefined).pipe(
            Effect.zipRight(Deferred.await(removed)),
            Effect.as(Either.right({ cwd: "/work", branch: "b", commit: "c" }))
          ),
        rootOf: () => Effect.succeed("/work"),
        earlier: Effect.succeed([])
      })
    )
    const agent = ScriptedProvider.make({ turn: (turn) => Deferred.succeed(begun, turn) })
    yield* Effect.gen(function* () {
      const threadId = (yield* create()).threadId!
      const removal = yield* Effect.fork(Kit.dispatch("workspace.remove", { threadId }))
      yield* Deferred.await(removing)
      yield* Kit.dispatch("turn.start", { threadId, text: "hello" })
      expect((yield* (yield* Views.Views).thread(threadId)).status).toBe("queued")
      yield* Deferred.succeed(removed, undefined)
      expect((yield* Fiber.join(removal)).status).toBe("accepted")
      const turn = yield* Deferred.await(begun)
      expect(yield* Effect.flip(Kit.dispatch("workspace.remove", { threadId }))).toMatchObject({
        rule: "WorktreeRefused",
        message: expect.stringContaining(`${threadId} runs in the worktree`)
      })
      yield* turn.complete
    }).pipe(Effect.provide(Layer.provide(Kit.layer({ providers: [agent] }), worktrees)))
  })
)

it.effect("L4 a command too large for the log does not fail the others of its batch", () =>
  Effect.gen(function* () {
    const { threadId } = yield* create()
    const text = "\u0001".repeat(131_072)
    const asked = [create(), Kit.dispatch("turn.start", { threadId: threadId!, text }), create()]
    const answers = yield* Effect.forEach(asked, Effect.either, { concurrency: "unbounded" })
    expect(answers.map((one) => (Either.isRight(one) ? "accepted" : one.left._tag))).toEqual([
      "accepted",
      "CommandRejected",
      "accepted"
    ])
    expect((yield* (yield* Views.Views).thread(threadId!)).status).toBe("idle")
    yield* sound
  }).pipe(Effect.provide(Kit.layer()))
)

it.effect("L10 a delta costs the same number of statements whatever came before it", () =>
  Effect.gen(function* () {
    const begun = yield* Deferred.make<{ readonly turn: ScriptedProvider.Turn; readonly itemId: ItemId }>()
    const agent = ScriptedProvider.make({
      turn: (turn) =>
        Effect.gen(function* () {
          const itemId = yield* turn.newItem
          yield* turn.start
          yield* turn.emit({ _tag: "ItemStarted", turnId: turn.turnId, itemId, kind: "agent-message", content: {} })
          yield* Deferred.succeed(begun, { turn, itemId })
          return yield* Effect.never
        })
    })
    yield* Effect.gen(function* () {
      const engine = yield* Engine
      const log = yield* EventLog
      yield* Kit.dispatch("thread.create", { provider: "scripted", cwd: "/work", turn: { text: "go" } })
      const { turn, itemId } = yield* Deferred.await(begun)
      yield* Kit.eventually((event) => event.type === "item.started" && (event.data as { itemId: ItemId }).itemId === itemId)
      const delta = { _tag: "ItemDelta", turnId: turn.turnId, itemId, kind: "agent-message", text: "some words " } as const
      const cost = Effect.gen(function* () {
        yield* engine.drain
        const before = yield* log.stats
        yield* engine.ingest({
          fact: { _tag: "AgentEvents", threadId: turn.threadId, epoch: 1, events: Array.from({ length: 64 }, () => delta) },
          weight: 1
        })
        yield* engine.drain
        const after = yield* log.stats
        return {
          statements: after.statements - before.statements,
          batches: after.batches - before.batches,
          events: after.head - before.head
        }
      })
      const first = yield* cost
      for (let n = 0; n < 150; n++) yield* cost
      expect(yield* cost).toEqual(first)
      expect(first).toMatchObject({ batches: 1, events: 64 })
      yield* sound
    }).pipe(Effect.provide(Kit.layerOver(sqlite, { providers: [agent] })))
  })
)
