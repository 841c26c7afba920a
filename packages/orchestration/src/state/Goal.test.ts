/** Durable goals: an idle thread starts its next turn itself, within its budget, across crashes. */
import { describe, expect, it } from "@effect/vitest"
import type { LogEvent } from "@millrace/contracts/Event"
import { isTerminal } from "@millrace/contracts/Event"
import type { ThreadId, TurnId } from "@millrace/contracts/Ids"
import type { BodyOf, CommandBody, CommandType } from "@millrace/contracts/Command"
import type { Usage } from "@millrace/contracts/Item"
import type { EventLog } from "@millrace/log/EventLog"
import { DecideModel } from "@millrace/testing/DecideModel"
import * as Kit from "@millrace/testing/Orchestration"
import * as ScriptedProvider from "@millrace/testing/ScriptedProvider"
import { seeds, simulate } from "@millrace/testing/SeededScheduler"
import { Duration, Effect, Either, Exit, type Scope } from "effect"
import { defaults } from "./Continuation.ts"
import { Engine } from "../engine/Engine.ts"
import * as Goal from "./Goal.ts"
import { epochOf } from "./ThreadState.ts"
import * as Verify from "../readmodel/Verify.ts"
import * as Views from "../readmodel/Views.ts"

const run = <A>(effect: Effect.Effect<A, unknown, Scope.Scope>, seed = 1): A => {
  const { exit } = simulate(seed, Effect.scoped(effect))
  if (typeof exit === "string" || Exit.isFailure(exit)) throw new Error(`seed ${seed}: ${String(exit)}`)
  return exit.value
}
/** Many seeds in one test: yields to the test runner between two of them. */
const breath = () => new Promise((go) => setImmediate(go))
const data = (event: LogEvent | undefined) => event?.data as Record<string, unknown>
const until = (type: string, count = 1) => Kit.eventually(Kit.ofType(type), count)
const view = (threadId: ThreadId) => Effect.flatMap(Views.Views, (views) => views.thread(threadId))
const sound = Effect.gen(function* () {
  yield* (yield* Engine).drain
  expect((yield* Verify.run).problems).toEqual([])
})
const aim = (more: Omit<BodyOf<"goal.set">, "threadId" | "objective"> = {}) =>
  Effect.gen(function* () {
    const made = yield* Kit.dispatch("thread.create", { provider: "scripted", cwd: "/work" })
    const threadId = made.threadId as ThreadId
    const { goalId } = yield* Kit.dispatch("goal.set", { threadId, objective: "count to three", ...more })
    return { threadId, goalId }
  })
const turnsOf = (threadId: ThreadId) =>
  Effect.flatMap(Views.Views, (views) => views.turns(threadId, { limit: 100 })).pipe(
    Effect.map(({ items }) => items.toReversed())
  )

/** The agent's message in its n-th turn, after a minute of work. */
const working = (
  say: (n: number, text: string) => string,
  { usage, minutes = 1 }: { readonly usage?: Usage; readonly minutes?: number } = {}
) => {
  let n = 0
  return (turn: ScriptedProvider.Turn) =>
    Effect.gen(function* () {
      yield* turn.start
      if (turn.text === "hello") {
        yield* turn.say("hi")
        return yield* turn.complete
      }
      yield* Effect.sleep(Duration.minutes(minutes))
      const words = say(++n, turn.text)
      if (words === "fail") return yield* turn.fail({ kind: "refused", message: "no more" })
      yield* turn.say(words)
      if (usage === undefined) return yield* turn.complete
      yield* turn.emit({ _tag: "TurnCompleted", turnId: turn.turnId, usage })
    })
}
const kit = (
  turn: ReturnType<typeof working>,
  more: Kit.Options = {}
): Kit.Options & { readonly agent: ScriptedProvider.Scripted } => {
  const agent = ScriptedProvider.make({ turn })
  return { agent, providers: [agent], timers: { interval: Duration.seconds(15) }, ...more }
}
const within = <A>(options: Kit.Options, effect: Effect.Effect<A, unknown, Kit.Services>, seed = 1): A =>
  run(Effect.provide(effect, Kit.layer(options)), seed)

const going = (n: number): string => `did step ${n}`
const thrice = (n: number): string => (n < 3 ? going(n) : "all three are counted\n\n**GOAL COMPLETE**\n")

describe("the marker", () => {
  it("T11 only the last line of a message claims the goal, whatever its markup; the prompt itself makes no claim", () => {
    expect(Goal.claimOf("done\nGOAL COMPLETE")).toEqual({ says: "complete", why: "" })
    expect(Goal.claimOf("done\n\n  **GOAL COMPLETE.**  \n\n")).toEqual({ says: "complete", why: "" })
    expect(Goal.claimOf("GOAL COMPLETE\nnot yet")).toBeUndefined()
    expect(Goal.claimOf("I will say GOAL COMPLETE")).toBeUndefined()
    expect(Goal.claimOf("GOAL COMPLETE when the tests pass")).toBeUndefined()
    expect(Goal.claimOf("GOAL COMPLETED")).toBeUndefined()
    expect(Goal.claimOf("hm\nGOAL BLOCKED: no password")).toEqual({ says: "blocked", why: "no password" })
    const text = Goal.textOf(
      {
        goalId: "goal_1" as Goal.GoalState["goalId"],
        objective: "x",
        status: "active",
        budget: { turns: 2 },
        used: { turns: 0, tokens: 0, millis: 0 },
        pauseOnUserMessage: false
      },
      "2026-11-20T09:00:00.000Z"
    )
    for (const line of text.split("\n")) expect(Goal.claimOf(line)).toBeUndefined()
  })
})

describe("a goal", () => {
  it("T12 T4 begins the next turn in the transaction that made the thread idle, until the agent claims that it is met", () => {
    const options = kit(working(thrice))
    within(
      options,
      Effect.gen(function* () {
        const { threadId, goalId } = yield* aim()
        expect((yield* view(threadId)).goal).toMatchObject({ goalId, status: "active", budget: { turns: 25 } })
        const met = yield* until("goal.met")
        expect(data(met)).toMatchObject({ goalId, used: { turns: 3, tokens: 0, millis: 180_000 }, status: "met" })
        const events = yield* Kit.history
        const ends = events.filter(({ type }) => type === "turn.completed")
        for (const end of ends.slice(0, 2)) {
          const next = events.find(({ offset }) => offset === end.offset + 1)
          expect(next).toMatchObject({ type: "turn.requested", at: end.at, data: { goal: { goalId } } })
        }
        const turns = yield* turnsOf(threadId)
        expect(turns.map(({ origin, status }) => [origin, status])).toEqual([
          ["goal", "completed"],
          ["goal", "completed"],
          ["goal", "completed"]
        ])
        expect(turns[1]?.text).toMatch(/^Work towards this goal[^]*count to three[^]*turn 2 of at most 25/)
        // One session, and no user messages.
        expect(options.agent.calls.filter((call) => call.startsWith("open"))).toEqual(["open 1"])
        const { items } = yield* (yield* Views.Views).items(threadId, {})
        expect(items.some(({ kind }) => kind === "user-message")).toBe(false)
        expect(yield* view(threadId)).toMatchObject({
          status: "idle",
          goal: { status: "met", reason: expect.stringContaining("complete") }
        })
        expect(yield* Effect.flip(Kit.dispatch("goal.resume", { threadId }))).toMatchObject({ rule: "GoalOver" })
        yield* sound
      })
    )
  })

  it.each([
    ["turns", { turns: 2 }, { turns: 2 }, "its budget of 2 turns is used"],
    ["tokens", { tokens: 250 }, { turns: 3, tokens: 300 }, "its budget of 250 tokens is used"],
    // Two turns of a minute; the third is interrupted half way.
    ["minutes", { minutes: 2.5 }, { turns: 3 }, "its budget of 2.5 minutes is used"]
  ] as const)("T4 stops at its budget of %s, with the reason", (_, budget, used, reason) => {
    within(
      kit(working(going, { usage: { totalTokens: 100 } })),
      Effect.gen(function* () {
        const { threadId } = yield* aim({ budget })
        const over = yield* until("goal.exhausted")
        expect(data(over)).toMatchObject({ status: "exhausted", reason, used })
        if ("minutes" in budget) {
          const last = yield* until("turn.interrupted")
          expect(data(last)).toMatchObject({ reason: expect.stringContaining("the goal has ended") })
        }
        yield* Effect.sleep("1 hour")
        expect(yield* view(threadId)).toMatchObject({ status: "idle", goal: { status: "exhausted", reason } })
        expect((yield* turnsOf(threadId)).length).toBe(used.turns)
        yield* sound
      })
    )
  })

  it("T4 an agent that answers at once is no hot loop: the next turn waits, and the log shows it", () => {
    within(
      kit(working(going, { minutes: 0 })),
      Effect.gen(function* () {
        const { threadId } = yield* aim({ budget: { turns: 4 } })
        const waiting = yield* until("goal.waiting")
        expect(Date.parse(String(data(waiting)["nextAt"])) - Date.parse(waiting.at)).toBeLessThanOrEqual(10_000)
        expect((yield* view(threadId)).status).toBe("queued")
        yield* until("goal.exhausted")
        const begins = (yield* turnsOf(threadId)).map(({ requestedAt }) => Date.parse(requestedAt))
        expect(begins.length).toBe(4)
        for (const [n, at] of begins.entries()) if (n > 0) expect(at - (begins[n - 1] ?? 0)).toBeGreaterThanOrEqual(10_000)
        yield* sound
      })
    )
  })

  it("T4 a turn that failed, was interrupted, or claims to be blocked pauses the goal with the reason; resumed, it continues", () => {
    const says = ["fail", "no way\nGOAL BLOCKED: which port?", "one", "GOAL COMPLETE"]
    within(
      kit(working((n) => says[n - 1] ?? "more")),
      Effect.gen(function* () {
        const { threadId } = yield* aim()
        expect(data(yield* until("goal.paused"))).toMatchObject({ reason: "its turn failed: no more", status: "paused" })
        yield* Effect.sleep("1 hour")
        expect((yield* turnsOf(threadId)).length).toBe(1)
        expect((yield* view(threadId)).status).toBe("failed")
        yield* Kit.dispatch("goal.resume", { threadId })
        expect(data(yield* until("goal.paused", 2))).toMatchObject({ reason: "the agent is blocked: which port?" })
        yield* Kit.dispatch("goal.resume", { threadId })
        yield* until("turn.started", 3)
        yield* Kit.dispatch("turn.interrupt", { threadId })
        expect(data(yield* until("goal.paused", 3))).toMatchObject({ reason: "tester interrupted its turn" })
        yield* until("turn.interrupted")
        yield* Effect.sleep("1 hour")
        expect((yield* turnsOf(threadId)).length).toBe(3)
        yield* Kit.dispatch("goal.resume", { threadId })
        const met = yield* until("goal.met")
        // The hours that it was paused do not count.
        expect(data(met)).toMatchObject({ used: { turns: 5, millis: expect.any(Number) } })
        expect((data(met)["used"] as { millis: number }).millis).toBeLessThan(10 * 60_000)
        yield* sound
      })
    )
  })

  it("T12 a message of a person runs first; it pauses the goal only with pauseOnUserMessage", () => {
    for (const pauseOnUserMessage of [false, true])
      within(
        kit(working(thrice)),
        Effect.gen(function* () {
          const { threadId } = yield* aim({ pauseOnUserMessage })
          yield* until("turn.started")
          yield* Kit.dispatch("turn.start", { threadId, text: "hello" })
          if (pauseOnUserMessage) {
            expect(data(yield* until("goal.paused"))).toMatchObject({ reason: "tester sent a message" })
            yield* until("turn.completed", 2)
            yield* Effect.sleep("1 hour")
            expect((yield* turnsOf(threadId)).map(({ origin }) => origin)).toEqual(["goal", "user"])
            yield* Kit.dispatch("goal.resume", { threadId })
          }
          yield* until("goal.met")
          const origins = (yield* turnsOf(threadId)).map(({ origin }) => origin)
          expect(origins).toEqual(["goal", "user", "goal", "goal"])
          yield* sound
        })
      )
  })

  it("T1 T4 paused, cleared, replaced, archived and deleted: one goal at a time, and an ended goal stays ended", () => {
    within(
      kit(working(going)),
      Effect.gen(function* () {
        const { goalId, threadId } = yield* aim()
        yield* Kit.dispatch("goal.pause", { threadId })
        // The running turn of the goal continues to its end.
        yield* until("turn.completed")
        expect((yield* view(threadId)).goal).toMatchObject({ status: "paused", reason: "paused by tester" })
        const other = yield* Kit.dispatch("goal.set", { threadId, objective: "something else" })
        expect(other.goalId).not.toBe(goalId)
        expect(data(yield* until("goal.cleared"))).toMatchObject({ goalId, reason: "replaced by another goal" })
        yield* Kit.dispatch("thread.archive", { threadId })
        expect((yield* view(threadId)).goal).toMatchObject({ status: "paused", reason: "the thread was archived" })
        expect(yield* Effect.flip(Kit.dispatch("goal.resume", { threadId }))).toMatchObject({ rule: "ThreadArchived" })
        expect(yield* Effect.flip(Kit.dispatch("goal.set", { threadId, objective: "x" }))).toMatchObject({
          rule: "ThreadArchived"
        })
        yield* Kit.dispatch("thread.unarchive", { threadId })
        yield* Kit.dispatch("goal.resume", { threadId })
        yield* Kit.dispatch("session.stop", { threadId })
        expect((yield* view(threadId)).goal).toMatchObject({ status: "paused", reason: "the session was stopped by tester" })
        yield* Kit.dispatch("goal.clear", { threadId })
        yield* Kit.dispatch("goal.clear", { threadId })
        expect(yield* Effect.flip(Kit.dispatch("goal.pause", { threadId }))).toMatchObject({ rule: "GoalOver" })
        yield* Kit.dispatch("goal.set", { threadId, objective: "a last one" })
        yield* Kit.dispatch("thread.delete", { threadId })
        yield* Effect.sleep("1 day")
        expect((yield* Kit.history).filter(Kit.ofType("turn.requested"))).toEqual([])
        const bare = yield* Kit.dispatch("thread.create", { provider: "scripted", cwd: "/work" })
        expect(yield* Effect.flip(Kit.dispatch("goal.pause", { threadId: bare.threadId as ThreadId }))).toMatchObject({
          rule: "GoalNotFound"
        })
        yield* sound
      })
    )
  })

  it("T4 a goal whose turns are interrupted too often in a row pauses; a completed turn resets the count", () => {
    const model = new DecideModel()
    const ask = <T extends CommandType>(type: T, body: (typeof CommandBody)[T]["Type"]) =>
      Either.getOrThrow(model.ask(Kit.command(type, body), "/work"))
    const threadId = ask("thread.create", { provider: "scripted", cwd: "/work" }).threadId as ThreadId
    ask("goal.set", { threadId, objective: "x" })
    /** The next turn of the goal runs. */
    const runs = () => {
      const { goal } = model.only
      if (goal?.nextAt !== undefined) {
        model.passTo(goal.nextAt)
        model.tell({ _tag: "GoalDue", threadId, goalId: goal.goalId })
      }
      const epoch = epochOf(model.only)
      if (model.only.session?.status === "starting")
        model.tell({ _tag: "SessionOpened", threadId, epoch, continuity: "fresh", resumeKey: undefined, capabilities: [] })
      const turnId = model.only.session?.activeTurnId as TurnId
      model.tell({ _tag: "AgentEvents", threadId, epoch, events: [{ _tag: "TurnStarted", turnId, origin: "user" }] })
      return { epoch, turnId }
    }
    const cut = () => {
      runs()
      model.tell({ _tag: "OwnerLost", threadId, reason: "the server stopped" })
    }
    for (let n = 0; n < defaults.maxRestarts; n++) cut()
    expect(model.only.goal).toMatchObject({ status: "active", cuts: defaults.maxRestarts })
    const { epoch, turnId } = runs()
    model.tell({ _tag: "AgentEvents", threadId, epoch, events: [{ _tag: "TurnCompleted", turnId }] })
    expect(model.only.goal).toMatchObject({ status: "active", cuts: 0 })
    for (let n = 0; n <= defaults.maxRestarts; n++) cut()
    expect(model.only.goal).toMatchObject({ status: "paused", reason: "its last 4 turns were cut off" })
    expect(model.only.queue).toEqual([])
  })

  it("T5 an ordered shutdown leaves the goal active: the next server begins its next turn, and its minutes kept counting", () => {
    run(
      Effect.gen(function* () {
        const log: typeof EventLog.Service = yield* Kit.memory
        const first = yield* Kit.start(log, kit(working(going)))
        yield* first.run(Effect.zipRight(aim({ budget: { minutes: 30 } }), until("turn.started")))
        yield* first.close
        yield* Effect.sleep("20 minutes")
        const next = yield* Kit.start(log, kit(working(going)))
        yield* next.run(
          Effect.gen(function* () {
            yield* until("turn.interrupted")
            const over = yield* until("goal.exhausted")
            expect(data(over)).toMatchObject({ reason: "its budget of 30 minutes is used" })
            const set = yield* until("goal.set")
            expect(Date.parse(over.at) - Date.parse(set.at)).toBeGreaterThanOrEqual(30 * 60_000)
            expect(Date.parse(over.at) - Date.parse(set.at)).toBeLessThanOrEqual(31 * 60_000)
            expect((yield* Kit.history).filter(({ type }) => type === "goal.paused")).toEqual([])
            yield* sound
          })
        )
        yield* next.close
      })
    )
  })

  it("T5 T2 killed instead of any append, under every policy: the goal continues where it was, no turn twice, and pauses after too many deaths (200 seeds)", async () => {
    const ends = new Map<unknown, number>()
    for await (const seed of seeds(200)) {
      run(
        Effect.gen(function* () {
          const log: typeof EventLog.Service = yield* Kit.memory
          const recovery = (["settle", "resume", "ask"] as const)[seed % 3] ?? "settle"
          const options = () =>
            kit(working(seed % 5 === 0 ? going : thrice), {
              engine: { continuation: { recovery, maxRestarts: 2 } },
              timers: { interval: Duration.minutes(1) }
            })
          const ended = Kit.eventually(
            (event) => ["goal.met", "goal.exhausted", "goal.paused"].includes(event.type) || data(event)?.["kind"] === "question"
          )
          for (let life = 0; life < 3; life++) {
            const server = yield* Kit.start(log, { ...options(), dieAfter: 1 + ((seed * 7 + life * 13) % 29) })
            yield* server.run(
              Effect.gen(function* () {
                const known = (yield* (yield* Views.Views).threads({})).items
                if (known.length === 0) yield* aim({ budget: { turns: 6 } }).pipe(Effect.ignore)
                yield* Effect.sleep("15 minutes")
              })
            )
            yield* server.kill
          }
          const last = yield* Kit.start(log, options())
          yield* last.run(
            Effect.gen(function* () {
              if ((yield* Kit.history).every(({ type }) => type !== "goal.set")) {
                const [made] = (yield* (yield* Views.Views).threads({})).items
                const body = { objective: "again", budget: { turns: 6 } }
                if (made === undefined) yield* aim({ budget: { turns: 6 } })
                else yield* Kit.dispatch("goal.set", { threadId: made.threadId, ...body })
              }
              yield* ended
              yield* Effect.sleep("15 minutes")
              const events = yield* Kit.history
              const [thread] = (yield* (yield* Views.Views).threads({})).items
              const requested = events
                .filter(({ type }) => type === "turn.requested")
                .map((event) => data(event)["turnId"] as TurnId)
              expect(new Set(requested).size).toBe(requested.length)
              const over = events.filter(({ type }) => isTerminal(type)).map((event) => data(event)["turnId"])
              expect(over.toSorted()).toEqual(requested.toSorted())
              // Each turn is counted once, and none begins beyond the budget; an interrupted one may be continued once more.
              expect(thread?.goal?.used.turns).toBe(requested.length)
              const begun = events.filter(({ type, data: of }) => type === "turn.requested" && !("continues" in (of as object)))
              expect(begun.length).toBeLessThanOrEqual(6)
              if (thread?.status === "needs-you") expect(recovery).toBe("ask")
              else expect(thread?.goal?.status).not.toBe("active")
              const end = thread?.status === "needs-you" ? "asked" : thread?.goal?.status
              expect(["asked", seed % 5 === 0 ? "exhausted" : "met"]).toContain(end)
              ends.set(end, seed)
              yield* sound
            })
          )
          yield* last.close
        }),
        seed
      )
      if (seed % 10 === 0) await breath()
    }
    // The first 20 seeds reach every end; fewer need not.
    if (Math.max(...ends.values()) >= 20) expect([...ends.keys()].toSorted()).toEqual(["asked", "exhausted", "met"])
  })
})
