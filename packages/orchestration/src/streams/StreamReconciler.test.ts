import { isTerminal } from "@millrace/contracts/Event"
import type { ThreadId, TurnId } from "@millrace/contracts/Ids"
import { EventLog, type NewEvent, type RowChange } from "@millrace/log/EventLog"
import * as EventLogMemory from "@millrace/log/EventLogMemory"
import * as Kit from "@millrace/testing/Orchestration"
import * as ScriptedProvider from "@millrace/testing/ScriptedProvider"
import { seeds, simulate } from "@millrace/testing/SeededScheduler"
import { describe, expect, it } from "@effect/vitest"
import { Chunk, Context, Effect, Exit, Fiber, Layer, Option, Random, Scope, Stream } from "effect"
import { Dispatcher } from "../sessions/Dispatcher.ts"
import * as Engine from "../engine/Engine.ts"
import { type AcceptedTurn, type Step, StreamReconciler } from "./StreamReconciler.ts"
import * as Reconciler from "./StreamReconciler.ts"
import { answerOf as textOf } from "@millrace/model/Item"
import * as Query from "@millrace/log/Query"
import * as Collections from "../readmodel/Collections.ts"
import { outcomeParts, type TurnEnd } from "../readmodel/TurnEnd.ts"

const threadId = "thr_a" as ThreadId
const turnId = "trn_a" as TurnId
const hour = 3_600_000

/** Runs the program once per seed, and returns how many seeds it tried; the error names the seed that failed. */
const underSeeds = async <E>(program: Effect.Effect<void, E>): Promise<number> => {
  let tried = 0
  for await (const seed of seeds(200)) {
    tried++
    const { exit } = simulate(seed, program)
    if (exit === "deadlock" || exit === "step-limit") throw new Error(`seed ${seed}: ${exit}`)
    if (exit._tag === "Failure") throw new Error(`seed ${seed}: ${String(exit.cause)}`)
  }
  return tried
}

const within = (low: number, high: number) => Random.nextIntBetween(low, high + 1)
/** Does nothing, yields a few times, or waits some virtual time. */
const pause = Effect.flatMap(within(0, 6), (n) => (n < 4 ? Effect.repeatN(Effect.yieldNow(), n) : Effect.sleep(n * 20)))
const chance = (percent: number) => Effect.map(within(1, 100), (dice) => dice <= percent)

/** An agent that sends some pieces with pauses and then ends in any possible way. */
const agent = ScriptedProvider.make({
  turn: (turn) =>
    Effect.gen(function* () {
      yield* turn.start
      for (let message = yield* within(0, 2); message > 0; message--) {
        yield* pause
        yield* turn.say(...Array.from({ length: yield* within(1, 3) }, (_, i) => `${message}.${i} `))
      }
      yield* pause
      const end = yield* within(0, 9)
      if (end === 0) yield* turn.fail({ kind: "unknown", message: "scripted" })
      else if (end === 1) yield* turn.die
      else if (end === 2) return yield* Effect.never
      else yield* turn.complete
    })
})

interface Watched {
  readonly steps: ReadonlyArray<Step>
  readonly end: TurnEnd
}

const watch = (turn: AcceptedTurn) =>
  Effect.gen(function* () {
    yield* pause
    const steps = Chunk.toReadonlyArray(yield* Stream.runCollect((yield* StreamReconciler).follow(turn)))
    const last = steps.at(-1)
    if (last?._tag !== "end") throw new Error(`the stream ended with ${last?._tag ?? "nothing"}`)
    return { steps, end: last.end } satisfies Watched
  })

const isOver = (status: unknown): boolean => status === "completed" || status === "interrupted" || status === "failed"

/** The turn's status and its thread's deletion in the state at the head. */
const truth = ({ threadId, turnId }: AcceptedTurn) =>
  Effect.flatMap(EventLog, (log) =>
    Effect.map(log.query({ ...outcomeParts({ turnId }), thread: Query.row(Collections.threadState, threadId) }), (found) => ({
      status: found.turn?.value.status,
      deleted: found.thread?.value.deleted
    }))
  )

const check = (turn: AcceptedTurn, { steps, end }: Watched, history: ReadonlyArray<{ readonly offset: number }> | undefined) =>
  Effect.gen(function* () {
    const { deleted, status } = yield* truth(turn)
    expect(end.at).toBeGreaterThanOrEqual(turn.offset)
    // A deletion after the end was read does not change the end.
    if (deleted === true) expect([status, isOver(end.outcome) || end.outcome === "deleted"]).toEqual([undefined, true])
    else expect([isOver(status), end.outcome]).toEqual([true, status])
    expect(steps.filter((step) => step._tag === "end")).toHaveLength(1)
    const seen = steps.flatMap((step) => (step._tag === "events" ? step.events : []))
    if (history !== undefined && deleted !== true) {
      expect(steps.some((step) => step._tag === "gap")).toBe(false)
      expect(seen).toEqual(history)
    } else expect(seen.map(({ offset }) => offset)).toEqual(seen.map(({ offset }) => offset).toSorted((a, b) => a - b))
    const said = seen.flatMap((event) =>
      event.type === "item.completed" ? [event.data as { readonly kind: string; readonly text?: string }] : []
    )
    const answer = said.flatMap(({ kind, text }) => (kind === "agent-message" && text !== undefined && text !== "" ? [text] : []))
    if (end.outcome === "deleted") return expect(end.items).toEqual([])
    // A late completion changes its item, but is no event of this stream (T9).
    const text = textOf(end.items)
    expect(text).toContain(answer.join("\n\n"))
    if (history !== undefined) expect(text.startsWith(answer.join("\n\n"))).toBe(true)
  })

const upToTerminal = <A extends { readonly type: string }>(events: ReadonlyArray<A>): ReadonlyArray<A> =>
  events.slice(0, events.findIndex((event) => isTerminal(event.type)) + 1)

const eventsAfter = (turn: AcceptedTurn) =>
  Effect.map(Kit.history, (events) =>
    upToTerminal(
      events.filter((event) => event.offset > turn.offset && (event.data as { readonly turnId?: string }).turnId === turn.turnId)
    )
  )

/** One server process over a log that outlives it. */
const boot = (log: typeof EventLog.Service, scope: Scope.Scope) =>
  Layer.buildWithScope(
    Layer.provideMerge(
      Reconciler.layer({ reconcile: "1 hour" }),
      Kit.layerOver(Layer.succeed(EventLog, log), { providers: [agent] })
    ),
    scope
  )

const begin = Effect.gen(function* () {
  const accepted = yield* Kit.dispatch("thread.create", { provider: "scripted", cwd: "/work", turn: { text: "go" } })
  return { threadId: accepted.threadId!, turnId: accepted.turnId!, offset: accepted.offset } satisfies AcceptedTurn
})

/** Runs the effect with the given probability, after a pause. */
const perhaps = <A, E, R>(percent: number, effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    // Rejected if another change came first.
    if (yield* chance(percent)) yield* Effect.zipRight(pause, Effect.ignore(effect))
  })

describe("StreamReconciler under a seeded scheduler", () => {
  it("D13 D11 every end is read from state: deletion, interrupts, death, late and early readers, 200 seeds", async () => {
    const outcomes = new Set<string>()
    await underSeeds(
      Effect.gen(function* () {
        const log = yield* EventLogMemory.make()
        const server = yield* boot(log, yield* Effect.scope)
        yield* Effect.gen(function* () {
          const turn = yield* begin
          const readers = yield* Effect.replicateEffect(Effect.fork(watch(turn)), 3)
          const leaver = yield* Effect.fork(watch(turn))
          yield* Effect.fork(Effect.zipRight(pause, Fiber.interrupt(leaver)))
          yield* Effect.all(
            [
              perhaps(30, Kit.dispatch("turn.interrupt", { threadId: turn.threadId, turnId: turn.turnId })),
              perhaps(30, Kit.dispatch("thread.delete", { threadId: turn.threadId })),
              perhaps(30, Kit.dispatch("turn.start", { threadId: turn.threadId, text: "next" }))
            ],
            { concurrency: "unbounded" }
          )
          // Ends a turn that hangs, at the latest now.
          yield* Effect.sleep("1 second")
          yield* perhaps(100, Kit.dispatch("turn.interrupt", { threadId: turn.threadId, turnId: turn.turnId }))
          const watched = yield* Effect.forEach(readers, Fiber.join)
          const late = yield* watch(turn)
          const history = yield* eventsAfter(turn)
          for (const one of [...watched, late]) {
            yield* check(turn, one, history)
            outcomes.add(one.end.outcome)
          }
          expect((yield* StreamReconciler).waiting()).toBe(0)
          // No wake-up was lost and replaced by the timer.
          expect(yield* Effect.clockWith((clock) => clock.currentTimeMillis)).toBeLessThan(hour)
        }).pipe(Effect.provide(server))
      }).pipe(Effect.scoped)
    )
    expect([...outcomes].toSorted()).toEqual(["completed", "deleted", "failed", "interrupted"])
  })

  it("D13 retention removes the terminal before it is read, 200 seeds", async () => {
    let gaps = 0
    const tried = await underSeeds(
      Effect.gen(function* () {
        const log = yield* EventLogMemory.make()
        const server = yield* boot(log, yield* Effect.scope)
        yield* Effect.gen(function* () {
          const dispatcher = yield* Dispatcher
          // Retention never removes events that the dispatcher has not read.
          const trim = Effect.flatMap(log.head, (head) => Effect.zipRight(dispatcher.awaitActed(head), log.trim(head)))
          const turn = yield* begin
          const readers = yield* Effect.replicateEffect(Effect.fork(watch(turn)), 3)
          const forgetting = yield* Effect.fork(Effect.forever(Effect.zipRight(pause, Effect.zipRight(trim, Effect.sleep(10)))))
          yield* Effect.sleep("1 second")
          yield* Kit.dispatch("turn.interrupt", { threadId: turn.threadId, turnId: turn.turnId })
          const watched = yield* Effect.forEach(readers, Fiber.join)
          yield* Fiber.interrupt(forgetting)
          yield* Effect.flatMap(log.head, log.trim)
          const late = yield* watch(turn)
          expect(late.steps.map((step) => step._tag)).toEqual(["gap", "end"])
          for (const one of [...watched, late]) {
            yield* check(turn, one, undefined)
            gaps += one.steps.filter((step) => step._tag === "gap").length
          }
          expect(yield* Effect.clockWith((clock) => clock.currentTimeMillis)).toBeLessThan(hour)
        }).pipe(Effect.provide(server))
      }).pipe(Effect.scoped)
    )
    expect(gaps / tried).toBeGreaterThan(1)
  })

  it("D13 T5 the server dies in mid-turn: a reader at the next one ends with the outcome that Recovery wrote, 200 seeds", async () => {
    await underSeeds(
      Effect.gen(function* () {
        const log = yield* EventLogMemory.make()
        const first = yield* Scope.make()
        const old = yield* boot(log, first)
        const turn = yield* Effect.provide(begin, old)
        const reader = yield* Effect.fork(Effect.provide(watch(turn), old))
        yield* pause
        yield* pause
        yield* Fiber.interrupt(reader)
        yield* Scope.close(first, Exit.void)
        const next = yield* boot(log, yield* Effect.scope)
        yield* Effect.gen(function* () {
          const reading = yield* Effect.fork(watch(turn))
          yield* Effect.sleep("1 second")
          yield* Kit.dispatch("turn.interrupt", { threadId: turn.threadId, turnId: turn.turnId })
          const one = yield* Fiber.join(reading)
          yield* check(turn, one, yield* eventsAfter(turn))
          expect(yield* Effect.clockWith((clock) => clock.currentTimeMillis)).toBeLessThan(hour)
        }).pipe(Effect.provide(next))
      }).pipe(Effect.scoped)
    )
  })

  it("D13 no end before the command is visible in state, whatever the turn's state, 200 seeds", async () => {
    await underSeeds(
      Effect.gen(function* () {
        const log = yield* EventLogMemory.make()
        const context = yield* Layer.build(
          Layer.provide(Reconciler.layer({ reconcile: "20 millis" }), Layer.succeed(EventLog, log))
        )
        yield* log.append([{ events: [said(0)], rows: [row("turn", turnId, { status: "completed" }), thread] }])
        const offset = yield* within(3, 12)
        const reader = yield* Effect.fork(
          Effect.map(Context.get(context, StreamReconciler).ended({ threadId, turnId, offset }), ({ at }) => at)
        )
        for (let n = 2; n <= 12; n++) {
          yield* pause
          if (n <= offset) expect(Option.isNone(yield* Fiber.poll(reader))).toBe(true)
          yield* log.append([{ events: [said(n)], rows: [] }])
        }
        expect(yield* Fiber.join(reader)).toBeGreaterThanOrEqual(offset)
      }).pipe(Effect.scoped)
    )
  })

  it("D1 D13 wake-ups lost at random delay an end by one reconcile at most, 200 seeds", async () => {
    await underSeeds(
      Effect.gen(function* () {
        const dice = yield* Effect.replicateEffect(within(0, 2), 40)
        const log = yield* EventLogMemory.make({
          onWake: (wake) => {
            if (dice.pop() === 0) wake()
          }
        })
        const context = yield* Layer.build(
          Layer.provide(Reconciler.layer({ reconcile: "5 seconds" }), Layer.succeed(EventLog, log))
        )
        yield* log.append([{ events: [said(0)], rows: [row("turn", turnId, { status: "running" }), thread] }])
        const reader = yield* Effect.fork(
          Stream.runCollect(Context.get(context, StreamReconciler).follow({ threadId, turnId, offset: 1 }))
        )
        for (let n = 2; n <= 9; n++) {
          yield* pause
          yield* log.append([{ events: [said(n)], rows: [] }])
        }
        yield* log.append([{ events: [said(10)], rows: [row("turn", turnId, { status: "completed" })] }])
        const ended = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
        const steps = Chunk.toReadonlyArray(yield* Fiber.join(reader))
        expect(steps.flatMap((step) => (step._tag === "events" ? step.events.map(({ offset }) => offset) : []))).toEqual([
          2, 3, 4, 5, 6, 7, 8, 9, 10
        ])
        expect(steps.at(-1)).toMatchObject({ _tag: "end", end: { outcome: "completed", at: 10 } })
        expect((yield* Effect.clockWith((clock) => clock.currentTimeMillis)) - ended).toBeLessThanOrEqual(5000)
      }).pipe(Effect.scoped)
    )
  })
})

const said = (n: number, text = `${n}`): NewEvent => ({
  stream: `thread/${threadId}`,
  type: "item.delta",
  at: "2026-11-20T09:00:00.000Z",
  epoch: 1,
  data: { threadId, turnId, itemId: "itm_a", kind: "agent-message", text }
})
const row = (collection: string, key: string, value: unknown): RowChange => ({
  op: "put",
  collection,
  key,
  parent: threadId,
  event: 0,
  rank: "keep",
  value
})
const thread = row("thread-state", threadId, { deleted: false })

describe("StreamReconciler", () => {
  it.effect("D13 a turn that is not in the state at that position has ended: the stream ends at once", () =>
    Effect.gen(function* () {
      const log = yield* EventLog
      yield* log.append([{ events: [said(1)], rows: [] }])
      const end = yield* (yield* StreamReconciler).ended({ threadId, turnId, offset: 1 })
      expect(end).toEqual({ outcome: "deleted", at: 1, turn: undefined, items: [], truncated: false })
    }).pipe(Effect.provide(Layer.provideMerge(Reconciler.layer(), EventLogMemory.layer())))
  )

  it.effect("D13 D10 an end never overtakes the events before it, however many pages they are", () =>
    Effect.gen(function* () {
      const log = yield* EventLog
      yield* log.append([{ events: [said(1)], rows: [row("turn", turnId, { status: "running" }), thread] }])
      const long = "x".repeat(20_000)
      for (let n = 2; n <= 60; n++)
        yield* log.append([{ events: [said(n, long), { ...said(n), stream: "thread/thr_b" }], rows: [] }])
      yield* log.append([{ events: [said(0)], rows: [row("turn", turnId, { status: "completed" })] }])
      const follower = (yield* StreamReconciler).open({ threadId, turnId, offset: 1 })
      const looks: Array<ReadonlyArray<Step>> = []
      do looks.push(yield* follower.query)
      while (looks.at(-1)?.at(-1)?._tag !== "end")
      const offsets = looks.flat().flatMap((step) => (step._tag === "events" ? step.events.map(({ offset }) => offset) : []))
      expect(offsets).toEqual([...Array.from({ length: 59 }, (_, i) => 2 + 2 * i), 120])
      for (const look of looks) expect(JSON.stringify(look).length).toBeLessThan(300_000)
      expect(looks.length).toBeGreaterThan(4)
      expect(yield* follower.query).toEqual([])
    }).pipe(Effect.provide(Layer.provideMerge(Reconciler.layer(), EventLogMemory.layer())))
  )

  it.effect("D11 a reader that leaves costs nothing and changes nothing", () =>
    Effect.gen(function* () {
      const turn = yield* begin
      const reconciler = yield* StreamReconciler
      const reader = yield* Effect.fork(reconciler.ended(turn))
      yield* Fiber.interrupt(reader)
      expect(reconciler.waiting()).toBe(0)
      yield* (yield* Engine.Engine).drain
    }).pipe(Effect.provide(Layer.provideMerge(Reconciler.layer(), Kit.layer({ providers: [agent] }))))
  )
})
