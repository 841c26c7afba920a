/** Requests that were open when the server died: they stay open as themselves, and each answer is delivered at most once (T13). */
import { describe, expect, it } from "@effect/vitest"
import type { LogEvent } from "@millrace/contracts/Event"
import type { RequestId, ThreadId } from "@millrace/contracts/Ids"
import type { Answer, Ask } from "@millrace/contracts/Item"
import type { RecoveryPolicy } from "@millrace/contracts/State"
import type { EventLog } from "@millrace/log/EventLog"
import * as Kit from "@millrace/testing/Orchestration"
import * as ScriptedProvider from "@millrace/testing/ScriptedProvider"
import { seeds, simulate } from "@millrace/testing/SeededScheduler"
import { Cause, Effect, Exit, type Scope } from "effect"
import { Engine } from "../engine/Engine.ts"
import * as Verify from "../readmodel/Verify.ts"
import * as Views from "../readmodel/Views.ts"

const run = <A>(effect: Effect.Effect<A, unknown, Scope.Scope>, seed = 1): A => {
  const { exit } = simulate(seed, Effect.scoped(effect), { preempt: 0.02 })
  if (typeof exit === "string" || Exit.isFailure(exit))
    throw new Error(`seed ${seed}: ${typeof exit === "string" ? exit : Cause.pretty(exit.cause)}`)
  return exit.value
}
const data = (event: LogEvent | undefined) => event?.data as Record<string, unknown>
const until = (type: string, count = 1) => Kit.eventually(Kit.ofType(type), count)
const answer = (requestId: RequestId, given: Answer) => Kit.dispatch("request.answer", { requestId, ...given })
const alive = <A>(value: A | undefined): A => {
  if (value === undefined) throw new Error("the process died")
  return value
}
const sound = Effect.gen(function* () {
  yield* Effect.sleep("1 second")
  yield* (yield* Engine).drain
  expect((yield* Verify.run).problems).toEqual([])
})

const list: Ask = {
  kind: "approval",
  title: "Run: ls",
  command: "ls",
  choices: ["accept", "accept-for-session", "decline", "cancel"]
}
const remove: Ask = { ...list, title: "Run: rm x", command: "rm x" }
const secret: Ask = { kind: "question", title: "Token?", questions: [{ id: "token", text: "Token?", secret: true }] }

/** Asks each question of a list in turn, at the n-th session those of the n-th list, and says what was answered. */
const asking = (...lives: ReadonlyArray<ReadonlyArray<Ask>>) =>
  ScriptedProvider.make({
    turn: (turn) =>
      Effect.gen(function* () {
        yield* turn.start
        for (const ask of lives[turn.epoch - 1] ?? []) yield* turn.say(JSON.stringify(yield* turn.ask(ask)))
        yield* turn.complete
      })
  })

interface World {
  readonly log: typeof EventLog.Service
  readonly threadId: ThreadId
  readonly requestId: RequestId
}
/** A server that died while the first question was open. */
const died = (recovery: RecoveryPolicy, agent: ScriptedProvider.Scripted): Effect.Effect<World, unknown, Scope.Scope> =>
  Effect.gen(function* () {
    const log: typeof EventLog.Service = yield* Kit.memory
    const first = yield* Kit.start(log, { providers: [agent] })
    const found = alive(
      yield* first.run(
        Effect.gen(function* () {
          const made = yield* Kit.dispatch("thread.create", {
            provider: "scripted",
            cwd: "/work",
            recovery,
            turn: { text: "go" }
          })
          const opened = yield* until("request.opened")
          return { threadId: made.threadId as ThreadId, requestId: data(opened)["requestId"] as RequestId }
        })
      )
    )
    yield* first.kill
    return { log, ...found }
  })
/** Runs in the next server. */
const next = <A>({ log }: World, agent: ScriptedProvider.Scripted, effect: Effect.Effect<A, unknown, Kit.Services>) =>
  Effect.gen(function* () {
    const server = yield* Kit.start(log, { providers: [agent] })
    const { value } = alive(yield* server.run(Effect.map(effect, (value) => ({ value }))))
    yield* server.kill
    return value
  })
const open = Effect.flatMap(Views.Views, (views) => views.requests)
const said = Effect.map(Kit.history, (events) =>
  events
    .filter((event) => event.type === "item.completed" && data(event)["kind"] === "agent-message")
    .map((event) => data(event)["text"])
)

describe("a request that is open when the server dies", () => {
  it("T13 resume: the repeated question is the same request, and its answer reaches the agent's new one", () => {
    run(
      Effect.gen(function* () {
        const agent = asking([list], [list])
        const world = yield* died("resume", agent)
        yield* next(
          world,
          agent,
          Effect.gen(function* () {
            const repeated = data(yield* until("request.repeated"))
            expect(repeated).toMatchObject({ requestId: world.requestId })
            expect(repeated["repeatedAs"]).not.toBe(world.requestId)
            expect(yield* open).toMatchObject([{ requestId: world.requestId, turnId: repeated["turnId"] }])
            yield* answer(world.requestId, { decision: "accept" })
            yield* until("turn.completed")
            expect(agent.calls.filter((call) => call.startsWith("answer"))).toEqual([
              `answer ${String(repeated["repeatedAs"])} {"decision":"accept"}`
            ])
            expect((yield* Kit.history).filter(Kit.ofType("request.opened"))).toHaveLength(1)
            yield* sound
          })
        )
      })
    )
  })

  it("T13 ask: the held request is the one card; an answer is kept, continues the work, and is delivered once", () => {
    run(
      Effect.gen(function* () {
        const agent = asking([list], [list, remove])
        const world = yield* died("ask", agent)
        yield* next(
          world,
          agent,
          Effect.gen(function* () {
            yield* Effect.sleep("1 hour")
            const [held, ...others] = yield* open
            expect(others).toEqual([])
            expect(held).toMatchObject({ requestId: world.requestId, held: true })
            const views = yield* Views.Views
            expect(yield* views.thread(world.threadId)).toMatchObject({
              status: "needs-you",
              continuation: { requestId: world.requestId, nextTurnId: held?.turnId }
            })
            expect(yield* answer(world.requestId, { decision: "accept" })).toMatchObject({
              outcome: "answered",
              turnId: held?.turnId
            })
            expect((yield* answer(world.requestId, { decision: "decline" })).outcome).toBe("already-settled")
            const repeated = data(yield* until("request.repeated"))
            expect(repeated).toMatchObject({ requestId: world.requestId, turnId: held?.turnId, answer: { decision: "accept" } })
            const other = data(yield* until("request.opened", 2))
            yield* answer(other["requestId"] as RequestId, { decision: "decline" })
            yield* until("turn.completed")
            expect(yield* said).toEqual(['{"decision":"accept"}', '{"decision":"decline"}'])
            yield* sound
          })
        )
      })
    )
  })

  it.each([
    ["cancel leaves the work", (world: World) => answer(world.requestId, { decision: "cancel" }), "declined by tester"],
    [
      "a message replaces it",
      (world: World) => Kit.dispatch("turn.start", { threadId: world.threadId, text: "else" }),
      "replaced by a message from tester"
    ]
  ] as const)("T13 ask: %s, and nothing stays open or kept", (_, how, reason) => {
    run(
      Effect.gen(function* () {
        const agent = asking([list], [])
        const world = yield* died("ask", agent)
        yield* next(
          world,
          agent,
          Effect.gen(function* () {
            yield* how(world)
            expect(data(yield* until("continuation.cancelled"))["reason"]).toBe(reason)
            expect(yield* open).toEqual([])
            yield* sound
          })
        )
      })
    )
  })

  it("T13 the agent does not ask again: the request expires with the reason, and an answer is reported as unused", () => {
    const went = (recovery: RecoveryPolicy, decision: "accept" | undefined) =>
      run(
        Effect.gen(function* () {
          const agent = asking([list], [])
          const world = yield* died(recovery, agent)
          return yield* next(
            world,
            agent,
            Effect.gen(function* () {
              if (decision !== undefined) yield* answer(world.requestId, { decision })
              yield* until("turn.completed")
              yield* sound
              expect(yield* open).toEqual([])
              const end = (yield* Kit.history).find(({ type }) => type === "request.expired" || type === "request.answer.unused")
              return [end?.type, data(end)["reason"]]
            })
          )
        })
      )
    const reason = "the agent did not ask again: the turn completed"
    expect(went("resume", undefined)).toEqual(["request.expired", reason])
    expect(went("ask", "accept")).toEqual(["request.answer.unused", reason])
  })

  it("T13 a request that differs in its words, or its questions' ids, is another request", () => {
    const asked = (again: Ask) =>
      run(
        Effect.gen(function* () {
          const question: Ask = { kind: "question", title: "Which?", questions: [{ id: "a", text: "Which?" }] }
          const agent = asking([question], [again])
          const world = yield* died("resume", agent)
          return yield* next(
            world,
            agent,
            Effect.gen(function* () {
              yield* Kit.eventually(
                (event) =>
                  event.type === "request.repeated" ||
                  (event.type === "request.opened" && data(event)["requestId"] !== world.requestId)
              )
              return (yield* open).length
            })
          )
        })
      )
    expect(asked({ kind: "question", title: "Which?", questions: [{ id: "a", text: "Which?" }] })).toBe(1)
    expect(asked({ kind: "question", title: "Which?", questions: [{ id: "b", text: "Which?" }] })).toBe(2)
    expect(asked({ kind: "question", title: "Which?", questions: [{ id: "a", text: "Which one?" }] })).toBe(2)
  })

  it("T13 X4 a secret that was answered meanwhile reaches the agent; after another death it is asked for again", () => {
    run(
      Effect.gen(function* () {
        const agent = asking([secret], [secret])
        const world = yield* died("ask", agent)
        yield* next(
          world,
          agent,
          Effect.gen(function* () {
            yield* answer(world.requestId, { answers: { token: ["s3cret"] } })
            yield* until("turn.completed")
            expect(agent.calls.filter((call) => call.startsWith("answer"))).toHaveLength(1)
            expect(agent.calls.findLast((call) => call.startsWith("answer"))).toContain("s3cret")
          })
        )
      })
    )
    run(
      Effect.gen(function* () {
        const agent = asking([secret], [], [secret])
        const slow = ScriptedProvider.make({ turn: (turn) => Effect.zipRight(turn.start, Effect.never) })
        const world = yield* died("resume", agent)
        yield* next(
          world,
          slow,
          Effect.zipRight(until("turn.started", 2), answer(world.requestId, { answers: { token: ["s3cret"] } }))
        )
        yield* next(
          world,
          agent,
          Effect.gen(function* () {
            expect(data(yield* until("request.answer.unused"))).toMatchObject({ requestId: world.requestId })
            yield* until("request.opened", 2)
            expect(JSON.stringify(yield* Kit.history)).not.toContain("s3cret")
          })
        )
      })
    )
  })

  it("T13 killed instead of any append: one request, at most one delivery of its answer (100 seeds)", async () => {
    let delivered = 0
    let kept = 0
    for await (const seed of seeds(100)) {
      const recovery = seed % 2 === 0 ? "ask" : "resume"
      const agent = asking([list], [list], [list], [list])
      const { events, problems } = run(
        Effect.gen(function* () {
          const world = yield* died(recovery, agent)
          const given = answer(world.requestId, { decision: "accept" })
          for (let at = 0; at < 2; at++) {
            const server = yield* Kit.start(world.log, { providers: [agent], dieAfter: 1 + ((seed * 7 + at * 5) % 19) })
            yield* server.run(Effect.zipRight(Effect.ignore(given), Effect.sleep("1 minute")))
            yield* server.kill
          }
          const last = yield* Kit.start(world.log, { providers: [agent] })
          return alive(
            yield* last.run(
              Effect.gen(function* () {
                yield* Effect.ignore(given)
                yield* Effect.sleep("1 minute")
                // Killed before the question was repeated: a person is asked whether to continue.
                for (const { ask, requestId } of yield* open)
                  yield* answer(
                    requestId,
                    ask.kind === "question" ? { answers: { continue: ["continue"] } } : { decision: "accept" }
                  )
                yield* Effect.sleep("1 minute")
                for (const { requestId } of yield* open) yield* answer(requestId, { decision: "accept" })
                yield* Effect.sleep("1 minute")
                expect(yield* open).toEqual([])
                return { events: yield* Kit.history, problems: (yield* Verify.run).problems }
              })
            )
          )
        }),
        seed
      )
      expect(problems, `seed ${seed}`).toEqual([])
      const opened = events.find(Kit.ofType("request.opened"))
      const mine = events.filter((event) => data(event)["requestId"] === data(opened)["requestId"])
      const answers = mine.filter(Kit.ofType("request.answered"))
      const repeats = mine.filter((event) => event.type === "request.repeated" && data(event)["answer"] !== undefined)
      expect(answers.length, `seed ${seed}`).toBeLessThanOrEqual(1)
      expect(repeats.length, `seed ${seed}`).toBeLessThanOrEqual(1)
      if (answers.some((event) => data(event)["held"] === true)) kept++
      delivered += repeats.length
      expect(events.filter(Kit.ofType("turn.completed")), `seed ${seed}`).toHaveLength(1)
    }
    expect(kept).toBeGreaterThan(10)
    expect(delivered).toBeGreaterThan(10)
  })
})
