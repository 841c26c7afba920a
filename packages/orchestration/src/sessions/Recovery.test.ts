import { describe, expect, it } from "@effect/vitest"
import type { LogEvent } from "@millrace/contracts/Event"
import { isTerminal } from "@millrace/contracts/Event"
import type { ThreadId } from "@millrace/contracts/Ids"
import { EventLog } from "@millrace/log/EventLog"
import * as Kit from "@millrace/testing/Orchestration"
import * as ScriptedProvider from "@millrace/testing/ScriptedProvider"
import { seeds, simulate } from "@millrace/testing/SeededScheduler"
import { Effect, Exit } from "effect"
import { Engine } from "../engine/Engine.ts"
import * as Verify from "../readmodel/Verify.ts"
import * as Views from "../readmodel/Views.ts"

const create = (text: string) => Kit.dispatch("thread.create", { provider: "scripted", cwd: "/work", turn: { text } })
const data = (event: LogEvent) => event.data as Record<string, unknown>

/** A turn in the middle of a message, with an open request. */
const busy = (turn: ScriptedProvider.Turn) =>
  Effect.gen(function* () {
    yield* turn.start
    const itemId = yield* turn.newItem
    const item = { turnId: turn.turnId, itemId, kind: "agent-message" }
    yield* turn.emit({ _tag: "ItemStarted", ...item, content: {} }, { _tag: "ItemDelta", ...item, text: "half an " })
    yield* turn.emit({ _tag: "ItemDelta", ...item, text: "answer" })
    yield* turn.ask({ kind: "approval", title: "Run: ls", choices: ["accept"] })
    yield* turn.complete
  })
const polite = (turn: ScriptedProvider.Turn) => Effect.all([turn.start, turn.say("done"), turn.complete], { discard: true })

const left = (events: ReadonlyArray<LogEvent>) => {
  const open = new Set<unknown>()
  for (const event of events) {
    const { turnId, itemId, requestId } = data(event)
    if (event.type === "turn.requested") open.add(turnId)
    if (isTerminal(event.type) && !open.delete(turnId)) throw new Error(`${String(turnId)} ended twice`)
    if (event.type === "item.started") open.add(itemId)
    if (event.type === "item.completed" && !open.delete(itemId)) throw new Error(`${String(itemId)} closed twice`)
    if (event.type === "request.opened") open.add(requestId)
    if (["request.answered", "request.expired", "request.cancelled"].includes(event.type) && !open.delete(requestId))
      throw new Error(`${String(requestId)} settled twice`)
  }
  return [...open]
}

describe("recovery", () => {
  it.effect("T5 every thread is settled before any queue continues", () =>
    Effect.gen(function* () {
      const log = yield* Kit.memory
      const working = ScriptedProvider.make({ turn: (turn) => Effect.zipRight(turn.start, Effect.never) })
      const first = yield* Kit.start(log, { providers: [working] })
      yield* first.run(
        Effect.gen(function* () {
          for (let n = 0; n < 3; n++) {
            const { threadId } = yield* create("one")
            yield* Kit.dispatch("turn.start", { threadId: threadId as ThreadId, text: "two" })
          }
          yield* Kit.eventually(Kit.ofType("turn.started"), 3)
        })
      )
      yield* first.kill
      const second = yield* Kit.start(log, { providers: [ScriptedProvider.make({ turn: polite })] })
      yield* second.run(Kit.eventually(Kit.ofType("turn.completed"), 3))
      const events = yield* Kit.history.pipe(Effect.provideService(EventLog, log))
      const settled = events.findLastIndex(({ epoch, type }) => type === "turn.interrupted" && epoch === 1)
      const released = events.findIndex(
        ({ data: of, type }) => type === "session.started" && (of as { epoch: number }).epoch === 2
      )
      expect(events.filter(({ type }) => type === "turn.interrupted")).toHaveLength(3)
      expect(released).toBeGreaterThan(settled)
    }).pipe(Effect.scoped)
  )

  it.effect("T5 R1 background work of a dead server ends with the reason, and keeps no session", () =>
    Effect.gen(function* () {
      const log = yield* Kit.memory
      const works = (turn: ScriptedProvider.Turn) =>
        Effect.all(
          [turn.start, turn.emit({ _tag: "Opaque", method: "background/started", payload: { task: "b1" } }), turn.complete],
          { discard: true }
        )
      const first = yield* Kit.start(log, { providers: [ScriptedProvider.make({ turn: works })] })
      const made = yield* first.run(create("one"))
      const threadId = made?.threadId as ThreadId
      yield* first.run(Kit.eventually(Kit.ofType("turn.completed")))
      yield* first.kill
      const second = yield* Kit.start(log, { providers: [ScriptedProvider.make({ turn: polite })] })
      yield* second.run(
        Effect.gen(function* () {
          const ended = (yield* Kit.history).filter(Kit.ofType("background.ended"))
          expect(ended.map(data)).toMatchObject([{ threadId, taskId: "b1", reason: expect.stringContaining("restarted") }])
          expect((yield* (yield* Views.Views).thread(threadId)).backgroundIds).toBeUndefined()
          expect((yield* Verify.run).problems).toEqual([])
        })
      )
    }).pipe(Effect.scoped)
  )

  it.effect(
    "T5 all that a dead server left open ends with the reason and with all text that was visible; the queue continues",
    () =>
      Effect.gen(function* () {
        const log = yield* Kit.memory
        const first = yield* Kit.start(log, { providers: [ScriptedProvider.make({ turn: busy })] })
        const made = yield* first.run(create("one"))
        const threadId = made?.threadId as ThreadId
        yield* first.run(Kit.eventually(Kit.ofType("request.opened")))
        const queued = yield* first.run(Kit.dispatch("turn.start", { threadId, text: "two" }))
        yield* first.kill
        const before = yield* log.head
        const second = yield* Kit.start(log, { providers: [ScriptedProvider.make({ turn: polite })] })
        yield* second.run(
          Effect.gen(function* () {
            const completed = yield* Kit.eventually(Kit.ofType("turn.completed"))
            expect(data(completed)["turnId"]).toBe(queued?.turnId)
            const events = (yield* Kit.history).filter((event) => event.offset > before)
            expect(Kit.types(events).slice(0, 5)).toEqual([
              "request.expired",
              "item.completed",
              "turn.interrupted",
              "session.stopped",
              "session.started"
            ])
            expect(data(events[1]!)).toMatchObject({ status: "aborted", text: "half an answer" })
            expect(data(events[2]!)).toMatchObject({ turnId: made?.turnId, reason: expect.stringContaining("server restarted") })
            expect(data(events[4]!)).toMatchObject({ epoch: 2 })
            expect(left(yield* Kit.history)).toEqual([])
            expect((yield* Verify.run).problems).toEqual([])
          })
        )
        yield* second.close
      }).pipe(Effect.scoped)
  )

  it.effect("T5 archived threads too; a thread with nothing open is not touched", () =>
    Effect.gen(function* () {
      const log = yield* Kit.memory
      const first = yield* Kit.start(log, { providers: [ScriptedProvider.make({ turn: busy })] })
      const made = yield* first.run(create("one"))
      yield* first.run(Kit.dispatch("thread.create", { provider: "scripted", cwd: "/work" }))
      yield* first.run(Kit.eventually(Kit.ofType("request.opened")))
      yield* first.run(Kit.dispatch("thread.archive", { threadId: made?.threadId as ThreadId }))
      yield* first.kill
      const second = yield* Kit.start(log)
      const page = yield* second.run(Effect.flatMap(Views.Views, (views) => views.threads({ archived: true })))
      expect(page?.items.map((thread) => [thread.status, thread.session?.status])).toEqual([["idle", "stopped"]])
      const head = yield* log.head
      yield* second.kill
      const third = yield* Kit.start(log)
      expect(yield* log.head).toBe(head)
      yield* third.close
    }).pipe(Effect.scoped)
  )

  it.effect("T5 until Recovery has finished, commands are Overloaded", () =>
    Effect.gen(function* () {
      const engine = yield* Engine
      yield* engine.closeAdmission
      expect(yield* Effect.flip(create("one"))).toMatchObject({ _tag: "ShuttingDown" })
    }).pipe(Effect.provide(Kit.layer()))
  )

  it("T2 T5 L2 killed instead of any append, again and again: every turn ends exactly once, nothing stays open (200 seeds)", async () => {
    let tried = 0
    let deaths = 0
    for await (const seed of seeds(200)) {
      tried++
      const { exit } = simulate(
        seed,
        Effect.gen(function* () {
          const log = yield* Kit.memory
          const accepted: Array<number> = []
          for (let life = 0; life < 3; life++) {
            const agent = ScriptedProvider.make({ turn: (turn) => (turn.text === "ask" ? busy(turn) : polite(turn)) })
            const server = yield* Kit.start(log, { providers: [agent], dieAfter: 1 + ((seed * 7 + life * 5) % 23) })
            const survived = yield* server.run(
              Effect.gen(function* () {
                const made = yield* create(seed % 3 === 0 ? "ask" : "one")
                accepted.push(made.offset)
                for (const text of ["two", "ask", "three"]) {
                  const sent = yield* Kit.dispatch("turn.start", { threadId: made.threadId as ThreadId, text })
                  accepted.push(sent.offset)
                }
                yield* Kit.dispatch("turn.interrupt", { threadId: made.threadId as ThreadId })
                yield* Kit.eventually(Kit.ofType("turn.completed"))
                return true
              })
            )
            if (survived === undefined) deaths++
            yield* server.kill
          }
          // The last server answers every request and lives until nothing runs.
          const server = yield* Kit.start(log, { providers: [ScriptedProvider.make({ turn: polite })] })
          yield* Effect.sleep("10 minutes")
          const events = yield* server.run(Kit.history)
          const report = yield* server.run(Verify.run)
          return { events: events ?? [], problems: report?.problems ?? ["it died"], accepted }
        }).pipe(Effect.scoped)
      )
      if (typeof exit === "string" || Exit.isFailure(exit)) throw new Error(`seed ${seed}: ${String(exit)}`)
      const { events, problems, accepted } = exit.value
      expect(problems, `seed ${seed}`).toEqual([])
      expect(left(events), `seed ${seed}`).toEqual([])
      for (const offset of accepted) expect(events[offset - 1]?.offset, `seed ${seed}`).toBe(offset)
    }
    expect(deaths / tried).toBeGreaterThan(0.5)
  })
})

it.effect("L11 a row that differs from a fresh fold of the events is found", () =>
  Effect.gen(function* () {
    const log = yield* EventLog
    yield* create("one")
    yield* Kit.eventually(Kit.ofType("turn.completed"))
    yield* (yield* Engine).drain
    expect((yield* Verify.run).problems).toEqual([])
    const at = "2026-11-20T09:00:00.000Z"
    const row = (collection: string, key: string) =>
      ({ op: "put", collection, key, parent: "", event: 0, rank: "keep", value: { title: "other" } }) as const
    const event = { stream: "thread/thr_x", type: "thread.archived", at, epoch: 0, data: { threadId: "thr_x" } }
    yield* log.append([{ events: [event], rows: [row("thread", "thr_x")] }])
    expect((yield* Verify.run).problems).toEqual(["thread thr_x: a row that no event made"])
  }).pipe(Effect.provide(Kit.layer()))
)

it.effect("L11 a log that retention has cut is checked for the events that it keeps", () =>
  Effect.gen(function* () {
    const log = yield* EventLog
    yield* create("one")
    yield* Kit.eventually(Kit.ofType("turn.completed"))
    yield* (yield* Engine).drain
    yield* log.trim(5)
    expect(yield* Verify.run).toMatchObject({ complete: false, problems: [], events: (yield* log.head) - 5 })
  }).pipe(Effect.provide(Kit.layer()))
)
