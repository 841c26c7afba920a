/** Work interrupted by the death of a server or by a usage limit, and its continuation. */
import { describe, expect, it } from "@effect/vitest"
import { type LogEvent, isTerminal } from "@millrace/contracts/Event"
import type { RequestId, ThreadId, TurnId } from "@millrace/contracts/Ids"
import type { Ask } from "@millrace/contracts/Item"
import type { OpenInput } from "@millrace/contracts/ProviderAdapter"
import type { AfterLimit, RecoveryPolicy } from "@millrace/contracts/State"
import { EventLog } from "@millrace/log/EventLog"
import * as Query from "@millrace/log/Query"
import * as Kit from "@millrace/testing/Orchestration"
import * as ScriptedProvider from "@millrace/testing/ScriptedProvider"
import { seeds, simulate } from "@millrace/testing/SeededScheduler"
import { Clock, Duration, Effect, Exit } from "effect"
import type * as Continuation from "../state/Continuation.ts"
import { Engine } from "../engine/Engine.ts"
import * as Collections from "../readmodel/Collections.ts"
import * as Verify from "../readmodel/Verify.ts"
import * as Views from "../readmodel/Views.ts"

const run = <A>(effect: Effect.Effect<A, unknown>, seed = 1): A => {
  // The seed selects the process that dies, when it dies, and its successor; starts are most of the work and are preempted less often.
  const { exit } = simulate(seed, effect, { preempt: 0.02 })
  if (typeof exit === "string" || Exit.isFailure(exit)) throw new Error(`seed ${seed}: ${String(exit)}`)
  return exit.value
}
const data = (event: LogEvent | undefined) => event?.data as Record<string, unknown>
const create = (text: string, more: { readonly recovery?: RecoveryPolicy; readonly afterLimit?: AfterLimit } = {}) =>
  Effect.map(Kit.dispatch("thread.create", { provider: "scripted", cwd: "/work", turn: { text }, ...more }), (made) => ({
    threadId: made.threadId as ThreadId,
    turnId: made.turnId as TurnId
  }))
const until = (type: string, count = 1) => Kit.eventually(Kit.ofType(type), count)
const view = (threadId: ThreadId) => Effect.flatMap(Views.Views, (views) => views.thread(threadId))
/** Verifies the log once nothing runs: the rows of a running turn would be newer than the fold. */
const sound = Effect.gen(function* () {
  yield* Effect.sleep("1 second")
  yield* (yield* Engine).drain
  expect((yield* Verify.run).problems).toEqual([])
})
/** The result of a process that must not have died. */
const alive = <A>(value: A | undefined): A => {
  if (value === undefined) throw new Error("the process died")
  return value
}

const approval: Ask = { kind: "approval", title: "Run: ls", command: "ls", choices: ["accept", "decline"] }
/** Asks an approval before it completes, unless the prompt says otherwise. */
const asking = (turn: ScriptedProvider.Turn): Effect.Effect<void> =>
  Effect.gen(function* () {
    yield* turn.start
    if (turn.text === "silent") return yield* Effect.never
    if (turn.text !== "quick") yield* turn.ask(approval)
    yield* turn.complete
  })

interface Life {
  readonly kit: Kit.Options
  readonly opened: ReadonlyArray<OpenInput>
  readonly agent: ScriptedProvider.Scripted
}
const life = (continuation: Continuation.Options = {}, turn = asking, interval = 10): Life => {
  const opened: Array<OpenInput> = []
  const agent = ScriptedProvider.make({ turn, open: (input) => Effect.sync(() => void opened.push(input)) })
  return {
    opened,
    agent,
    kit: { providers: [agent], engine: { continuation }, timers: { interval: Duration.minutes(interval) } }
  }
}

/** A server that died while a turn waited for a person, or ran if its text is `silent`, with another turn queued; and the next server. */
const crashed = (
  continuation: Continuation.Options,
  more: { readonly recovery?: RecoveryPolicy; readonly text?: string } = {},
  meanwhile: (threadId: ThreadId) => Effect.Effect<unknown, unknown, Kit.Services> = () => Effect.void
) =>
  Effect.gen(function* () {
    const log: typeof EventLog.Service = yield* Kit.memory
    const first = yield* Kit.start(log, life().kit)
    const { threadId, turnId, requestId } = alive(
      yield* first.run(
        Effect.gen(function* () {
          const { text = "list the files", ...policy } = more
          const made = yield* create(text, policy)
          const opened = yield* until(text === "silent" ? "turn.started" : "request.opened")
          yield* Kit.dispatch("turn.start", { threadId: made.threadId, text: "quick" })
          yield* meanwhile(made.threadId)
          return { ...made, requestId: data(opened)["requestId"] as RequestId }
        })
      )
    )
    yield* first.kill
    const died = yield* log.head
    const next = life(continuation)
    const server = yield* Kit.start(log, next.kit)
    const since = Effect.map(Kit.history, (events) => events.filter(({ offset }) => offset > died))
    return { log, threadId, turnId, requestId, server, since, ...next }
  })

const answer = (requestId: unknown, word: string) =>
  Kit.dispatch("request.answer", { requestId: requestId as RequestId, answers: { continue: [word] } })
const choice = Effect.map(
  Kit.eventually((event) => event.type === "request.opened" && data(event)["kind"] === "question"),
  (event) => data(event)["requestId"]
)

describe("the server died", () => {
  it("T5 T2 resume: the turn ends with the reason, and its work is continued in a new turn, in the native session, before the queue", () => {
    run(
      Effect.gen(function* () {
        const { server, since, threadId, turnId, requestId, opened, agent } = yield* crashed({ recovery: "resume" })
        yield* server.run(
          Effect.gen(function* () {
            const again = yield* until("request.repeated")
            expect(Kit.types(yield* since).slice(0, 10)).toEqual([
              "request.held",
              "turn.interrupted",
              "session.stopped",
              "turn.requested",
              "session.started",
              "turn.dispatched",
              "item.started",
              "item.completed",
              "session.state.changed",
              "turn.started"
            ])
            const [held, interrupted, , requested, , , notice] = yield* since
            expect(data(held)).toMatchObject({ requestId, turnId: data(requested)["turnId"] })
            expect(data(interrupted)).toMatchObject({ turnId, reason: expect.stringContaining("continued in a new turn") })
            expect(data(requested)).toMatchObject({
              continues: { turnId, because: "restart", restarts: 1, waits: 0 }
            })
            expect(data(notice)).toMatchObject({ kind: "notice", text: data(requested)["text"] })
            // The agent asks again: the same request, no longer held.
            expect(data(again)).toMatchObject({ requestId, turnId: data(requested)["turnId"] })
            expect(data(again)).not.toHaveProperty("answer")
            expect(opened).toMatchObject([{ epoch: 2, resumeKey: `key-${threadId}` }])
            expect(agent.calls.at(-1)).toMatch(/stopped while you worked[^]*The request was:\n\nlist the files$/)
            const views = yield* Views.Views
            expect(yield* views.requests).toMatchObject([{ requestId, turnId: data(requested)["turnId"] }])
            expect((yield* views.requests)[0]).not.toHaveProperty("held")
            expect((yield* Kit.dispatch("request.answer", { requestId, decision: "accept" })).outcome).toBe("answered")
            const quick = yield* until("turn.completed", 2)
            const { items } = yield* views.turns(threadId, {})
            expect(items.map((turn) => [turn.origin, turn.status, turn.continues?.turnId])).toEqual([
              ["continuation", "completed", turnId],
              ["user", "completed", undefined],
              ["user", "interrupted", undefined]
            ])
            expect(data(quick)["turnId"]).toBe(items[1]?.turnId)
            yield* sound
          })
        )
      }).pipe(Effect.scoped)
    )
  })

  it.each([
    ["continue", ["continuation completed", "user completed"]],
    ["leave", ["user completed"]]
  ] as const)("T5 T13 ask: the thread needs a person, across further restarts; %s", (word, ends) => {
    run(
      Effect.gen(function* () {
        const { log, server, since, threadId, turnId } = yield* crashed({ recovery: "ask" }, { text: "silent" })
        const asked = alive(
          yield* server.run(
            Effect.gen(function* () {
              expect(Kit.types(yield* since)).toEqual([
                "turn.interrupted",
                "session.stopped",
                "continuation.planned",
                "request.opened"
              ])
              const requestId = yield* choice
              expect(yield* view(threadId)).toMatchObject({
                status: "needs-you",
                openRequestIds: [requestId],
                continuation: { turnId, because: "restart", requestId }
              })
              // A server that shuts down in order leaves the question open for the next one.
              yield* (yield* Engine).submit({ _tag: "RequestsRefused", threadId, reason: "the server is shutting down" })
              yield* sound
              return requestId
            })
          )
        )
        yield* server.kill
        const third = yield* Kit.start(log, life({ recovery: "ask" }).kit)
        yield* third.run(
          Effect.gen(function* () {
            // A restart does not ask again, and the queue still waits.
            expect((yield* Kit.history).filter(Kit.ofType("continuation.planned"))).toHaveLength(1)
            yield* Effect.sleep("1 hour")
            expect(yield* view(threadId)).toMatchObject({ status: "needs-you", openRequestIds: [asked] })
            const wrong = yield* Effect.flip(answer(asked, "perhaps"))
            expect(wrong).toMatchObject({ rule: "AnswersIncomplete", message: "Answer continue or leave." })
            yield* answer(asked, word)
            expect((yield* answer(asked, "continue")).outcome).toBe("already-settled")
            if (word === "continue") {
              const again = yield* Kit.eventually(
                (event) => event.type === "request.opened" && data(event)["kind"] === "approval"
              )
              yield* Kit.dispatch("request.answer", { requestId: data(again)["requestId"] as RequestId, decision: "accept" })
            }
            yield* until("turn.completed", ends.length)
            const { items } = yield* (yield* Views.Views).turns(threadId, {})
            expect(items.filter(({ status }) => status === "completed").map((turn) => `${turn.origin} ${turn.status}`)).toEqual(
              ends
            )
            expect((yield* view(threadId)).continuation).toBeUndefined()
            yield* sound
          })
        )
      }).pipe(Effect.scoped)
    )
  })

  it("T5 T13 ask: a message of a person decides it too; and the question expires", () => {
    const went = (how: (threadId: ThreadId) => Effect.Effect<unknown, unknown, Kit.Services>) =>
      run(
        Effect.gen(function* () {
          const { server, threadId } = yield* crashed({ recovery: "ask" }, { text: "silent" })
          return alive(
            yield* server.run(
              Effect.gen(function* () {
                yield* choice
                yield* how(threadId)
                yield* until("turn.completed")
                yield* sound
                const events = yield* Kit.history
                const settled = events.findLast((event) => event.type === "request.cancelled" || event.type === "request.expired")
                expect(yield* view(threadId)).toMatchObject({ openRequestIds: [] })
                return [settled?.type, data(settled)["reason"], data(events.find(Kit.ofType("continuation.cancelled")))["reason"]]
              })
            )
          )
        }).pipe(Effect.scoped)
      )
    const message = "replaced by a message from tester"
    expect(went((threadId) => Kit.dispatch("turn.start", { threadId, text: "quick" }))).toEqual([
      "request.cancelled",
      message,
      message
    ])
    expect(went((threadId) => Kit.dispatch("continuation.cancel", { threadId }))).toEqual([
      "request.cancelled",
      "cancelled by tester",
      "cancelled by tester"
    ])
    expect(went(() => Effect.sleep("8 days"))).toEqual(["request.expired", "no answer for 7d", "no answer for 7d"])
  })

  it("T5 the thread's policy overrides the server's, and may change; archived or stopped, nothing is continued", () => {
    const outcome = (
      server: RecoveryPolicy | undefined,
      thread: RecoveryPolicy | undefined,
      meanwhile?: (threadId: ThreadId) => Effect.Effect<unknown, unknown, Kit.Services>
    ) =>
      run(
        Effect.gen(function* () {
          const { server: next, since } = yield* crashed(
            server === undefined ? {} : { recovery: server },
            thread === undefined ? {} : { recovery: thread },
            meanwhile
          )
          const events = alive(yield* next.run(Effect.zipRight(Effect.sleep("1 minute"), Effect.zipLeft(since, sound))))
          const planned = events.some(Kit.ofType("continuation.planned"))
          const goesOn = events.some((event) => event.type === "turn.requested" && "continues" in data(event))
          return planned ? "ask" : goesOn ? "resume" : "settle"
        }).pipe(Effect.scoped)
      )
    expect(outcome(undefined, undefined)).toBe("settle")
    expect(outcome("resume", "settle")).toBe("settle")
    expect(outcome(undefined, "ask")).toBe("ask")
    const configure = (recovery: RecoveryPolicy) => (threadId: ThreadId) =>
      Kit.dispatch("thread.configure", { threadId, recovery })
    expect(outcome("ask", undefined, configure("resume"))).toBe("resume")
    expect(outcome("resume", undefined, (threadId) => Kit.dispatch("thread.archive", { threadId }))).toBe("settle")
    const ignored = (threadId: ThreadId) =>
      Effect.flatMap(Engine, (engine) => engine.submit({ _tag: "StopWanted", threadId, epoch: 1, reason: "enough" }))
    expect(outcome("resume", undefined, ignored)).toBe("settle")
    expect(outcome("ask", undefined, (threadId) => Kit.dispatch("thread.delete", { threadId }))).toBe("settle")
  })

  it("T5 T2 killed instead of any append, under every policy, Recovery included: one terminal each, no more restarts than allowed (200 seeds)", async () => {
    let tried = 0
    let deaths = 0
    let continued = 0
    for await (const seed of seeds(200)) {
      tried++
      const recovery = seed % 3 === 0 ? "ask" : "resume"
      const { events, problems, status } = run(
        Effect.gen(function* () {
          const log = yield* Kit.memory
          for (let at = 0; at < 3; at++) {
            const { kit } = life({ recovery, asking: "1 hour" }, asking, 60)
            const server = yield* Kit.start(log, { ...kit, dieAfter: 1 + ((seed * 7 + at * 5) % 17) })
            const survived = yield* server.run(
              Effect.gen(function* () {
                const made = yield* create("work")
                yield* Kit.dispatch("turn.start", { threadId: made.threadId, text: "quick" })
                yield* Effect.sleep("1 minute")
                return true
              })
            )
            if (survived === undefined) deaths++
            yield* server.kill
          }
          const quick = (turn: ScriptedProvider.Turn) => Effect.zipRight(turn.start, turn.complete)
          const server = yield* Kit.start(log, life({ recovery, asking: "1 hour" }, quick, 60).kit)
          yield* Effect.sleep("2 hours")
          return {
            events: alive(yield* server.run(Kit.history)),
            problems: alive(yield* server.run(Verify.run)).problems,
            status: alive(yield* server.run(Effect.flatMap(Views.Views, (views) => views.threads({})))).items.map(
              (one) => one.status
            )
          }
        }).pipe(Effect.scoped),
        seed
      )
      const requested = events.filter(Kit.ofType("turn.requested"))
      const ended = events.filter(({ type }) => isTerminal(type)).map((event) => data(event)["turnId"] as string)
      expect(problems, `seed ${seed}`).toEqual([])
      expect(ended.toSorted(), `seed ${seed}`).toEqual(requested.map((event) => data(event)["turnId"] as string).toSorted())
      expect(new Set(status), `seed ${seed}`).not.toContain("running")
      const next = requested.flatMap(
        (event) => (data(event)["continues"] as { turnId: string; restarts: number } | undefined) ?? []
      )
      continued += next.length
      // No turn is continued twice.
      expect(new Set(next.map(({ turnId }) => turnId)).size, `seed ${seed}`).toBe(next.length)
      for (const { restarts } of next) expect(restarts, `seed ${seed}`).toBeLessThanOrEqual(3)
    }
    expect(deaths / tried).toBeGreaterThan(0.5)
    expect(continued / tried).toBeGreaterThan(0.25)
  })

  it("T5 a turn that crashes its server is restarted a bounded number of times, and its end gives the reason", () => {
    run(
      Effect.gen(function* () {
        const log = yield* Kit.memory
        let server = yield* Kit.start(log, life({ recovery: "resume" }).kit)
        yield* server.run(create("fatal"))
        for (let death = 1; death <= 5; death++) {
          yield* server.run(Effect.sleep("1 minute"))
          yield* server.kill
          server = yield* Kit.start(log, life({ recovery: "resume" }).kit)
        }
        yield* server.run(
          Effect.gen(function* () {
            const events = yield* Kit.history
            expect(events.filter(Kit.ofType("turn.requested"))).toHaveLength(4)
            const last = events.findLast(Kit.ofType("turn.interrupted"))
            expect(data(last)["reason"]).toMatch(/not continued: it was already restarted 3 times$/)
            // The prompt holds the request once, however long the chain.
            const text = data(events.findLast(Kit.ofType("turn.requested")))["text"] as string
            expect(text.match(/The request was/g)).toHaveLength(1)
            yield* sound
          })
        )
      }).pipe(Effect.scoped)
    )
  })
})

describe("a usage limit", () => {
  /** Fails with a usage limit until this minute, then completes. */
  const limited =
    (minutes: number, told = true) =>
    (turn: ScriptedProvider.Turn) =>
      Effect.gen(function* () {
        yield* turn.start
        const now = yield* Clock.currentTimeMillis
        if (now >= minutes * 60_000 || turn.text === "other") return yield* turn.complete
        const resetAt = new Date(minutes * 60_000).toISOString()
        return yield* turn.fail({ kind: "limit", message: "usage limit", ...(told ? { resetAt } : {}) })
      })
  const minute = Effect.map(Clock.currentTimeMillis, (now) => Math.floor(now / 60_000))

  const inOne = <A>(
    effect: Effect.Effect<A, unknown, Kit.Services>,
    turn: (turn: ScriptedProvider.Turn) => Effect.Effect<void>,
    continuation: Continuation.Options = {}
  ) => run(effect.pipe(Effect.provide(Kit.layer(life(continuation, turn).kit))))

  it("T4 opted in, the work is continued when the limit ends; until then the queue waits, and the views show why", () => {
    inOne(
      Effect.gen(function* () {
        const { threadId, turnId } = yield* create("work", { afterLimit: "continue" })
        yield* Kit.dispatch("turn.start", { threadId, text: "next" })
        const planned = yield* until("continuation.planned")
        expect(data(planned)).toMatchObject({ turnId, because: "limit", waits: 1, at: "1970-01-01T02:00:00.000Z" })
        expect(yield* view(threadId)).toMatchObject({
          status: "queued",
          continuation: { turnId, at: "1970-01-01T02:00:00.000Z" }
        })
        yield* until("turn.completed")
        expect(yield* minute).toBe(120)
        yield* until("turn.completed", 2)
        const { items } = yield* (yield* Views.Views).turns(threadId, {})
        expect(items.map((turn) => [turn.origin, turn.status])).toEqual([
          ["continuation", "completed"],
          ["user", "completed"],
          ["user", "failed"]
        ])
        expect(yield* view(threadId)).not.toHaveProperty("continuation")
        yield* sound
      }),
      limited(120)
    )
  })

  it("T4 not opted in, or another failure: nothing is continued", () => {
    inOne(
      Effect.gen(function* () {
        const { threadId } = yield* create("work")
        yield* until("turn.failed")
        yield* Effect.sleep("1 day")
        expect((yield* view(threadId)).status).toBe("failed")
        yield* sound
      }),
      limited(120)
    )
    inOne(
      Effect.gen(function* () {
        yield* create("work", { afterLimit: "continue" })
        yield* until("turn.failed")
        yield* Effect.sleep("1 day")
        expect((yield* Kit.history).filter(Kit.ofType("turn.requested"))).toHaveLength(1)
      }),
      (turn) => Effect.zipRight(turn.start, turn.fail({ kind: "overloaded", message: "no" }))
    )
  })

  it("T4 the bounds on waits and on their total time; the end of the turn gives the reason", () => {
    const reasons = (turn: (turn: ScriptedProvider.Turn) => Effect.Effect<void>, continuation: Continuation.Options) =>
      inOne(
        Effect.gen(function* () {
          yield* create("work", { afterLimit: "continue" })
          yield* Effect.sleep("10 days")
          yield* sound
          return (yield* Kit.history).filter(Kit.ofType("turn.failed")).map((event) => data(event)["reason"])
        }),
        turn,
        continuation
      )
    const never = limited(1e6, false)
    expect(reasons(never, { maxWaits: 2, fallback: "30 minutes" })).toEqual([
      undefined,
      undefined,
      "usage limit; not continued: it waited 2 times already"
    ])
    expect(reasons(limited(60 * 48), {})).toEqual(["usage limit; not continued: the limit ends later than this server waits"])
    // A row of short waits is bounded by their sum.
    expect(reasons(never, { maxWaits: 100, fallback: "1 hour", maxTotal: "150 minutes" }).length).toBe(3)
  })

  it.each([
    [
      "a message",
      (threadId: ThreadId) => Kit.dispatch("turn.start", { threadId, text: "other" }),
      "replaced by a message from tester"
    ],
    ["a command", (threadId: ThreadId) => Kit.dispatch("continuation.cancel", { threadId }), "cancelled by tester"],
    ["a stop", (threadId: ThreadId) => Kit.dispatch("session.stop", { threadId }), "the session was stopped by tester"],
    ["archiving", (threadId: ThreadId) => Kit.dispatch("thread.archive", { threadId }), "the thread was archived"],
    ["deleting", (threadId: ThreadId) => Kit.dispatch("thread.delete", { threadId }), undefined]
  ] as const)("T4 cancelled by %s: no turn begins when it would be due", (_, how, reason) => {
    inOne(
      Effect.gen(function* () {
        const { threadId } = yield* create("work", { afterLimit: "continue" })
        yield* until("continuation.planned")
        yield* how(threadId)
        if (reason !== undefined) expect(data(yield* until("continuation.cancelled"))["reason"]).toBe(reason)
        yield* Kit.dispatch("thread.configure", { threadId, afterLimit: "stop" }).pipe(Effect.ignore)
        yield* Effect.sleep("1 day")
        expect((yield* Kit.history).filter((event) => event.type === "turn.requested" && "continues" in data(event))).toEqual([])
        const { due } = yield* Effect.flatMap(EventLog, (log) => log.query({ due: Query.count(Collections.timer) }))
        expect(due).toBe(0)
        yield* sound
      }),
      limited(120)
    )
  })

  it("T5 the timer survives restarts: killed instead of any append, it fires once (200 seeds)", async () => {
    for await (const seed of seeds(200)) {
      const { began, completed, problems } = run(
        Effect.gen(function* () {
          const log = yield* Kit.memory
          const kit = () => life({ recovery: "resume" }, limited(120), 60).kit
          const first = yield* Kit.start(log, kit())
          yield* first.run(Effect.zipRight(create("work", { afterLimit: "continue" }), until("continuation.planned")))
          yield* first.kill
          // These processes die around the time that the timer fires.
          for (let at = 0; at < 2; at++) {
            const server = yield* Kit.start(log, { ...kit(), dieAfter: (seed + at) % 7 })
            yield* server.run(Effect.sleep("3 hours"))
            yield* server.kill
          }
          const last = yield* Kit.start(log, kit())
          yield* Effect.sleep("3 hours")
          const events = alive(yield* last.run(Kit.history))
          const began = events.filter((event) => data(event)["continues"] !== undefined)
          return {
            began: began.filter((event) => (data(event)["continues"] as { because: string }).because === "limit").length,
            completed: events.filter(Kit.ofType("turn.completed")).length,
            problems: alive(yield* last.run(Verify.run)).problems
          }
        }).pipe(Effect.scoped),
        seed
      )
      expect({ began, completed, problems }, `seed ${seed}`).toEqual({ began: 1, completed: 1, problems: [] })
    }
  })
})
