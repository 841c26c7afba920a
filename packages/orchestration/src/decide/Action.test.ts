/** Turns with an action (compaction, review): they are queued, run, end and are requeued like any other turn. */
import { describe, expect, it } from "@effect/vitest"
import type { CommandBody, CommandType } from "@millrace/contracts/Command"
import type { LogEvent } from "@millrace/contracts/Event"
import type { ThreadId, TurnId } from "@millrace/contracts/Ids"
import type { TurnAction } from "@millrace/contracts/State"
import { DecideModel } from "@millrace/testing/DecideModel"
import * as Kit from "@millrace/testing/Orchestration"
import * as ScriptedProvider from "@millrace/testing/ScriptedProvider"
import { simulate } from "@millrace/testing/SeededScheduler"
import { Effect, Either, Exit } from "effect"
import { Engine } from "../engine/Engine.ts"
import { epochOf } from "../state/ThreadState.ts"
import * as Verify from "../readmodel/Verify.ts"
import * as Views from "../readmodel/Views.ts"

const can = ["interrupt", "resume", "steer", "compact", "review"] as const
const target = { type: "commit", sha: "abc123", title: "add apples" } as const
const review: TurnAction = { type: "review", target }

describe("decide", () => {
  const ask = <T extends CommandType>(model: DecideModel, type: T, body: (typeof CommandBody)[T]["Type"]) =>
    model.ask(Kit.command(type, body), "/work")
  /** A thread whose first turn runs. */
  const running = (capabilities: ReadonlyArray<string>) => {
    const model = new DecideModel()
    const made = Either.getOrThrow(ask(model, "thread.create", { provider: "scripted", cwd: "/work", turn: { text: "one" } }))
    const [threadId, turnId] = [made.threadId as ThreadId, made.turnId as TurnId]
    const opened = () =>
      model.tell({
        _tag: "SessionOpened",
        threadId,
        epoch: epochOf(model.only),
        continuity: "fresh",
        resumeKey: undefined,
        capabilities
      })
    return { model, threadId, turnId, opened }
  }
  const request = (model: DecideModel, action: "compact" | "review") => {
    const { threadId } = model.only
    const asked =
      action === "compact" ? ask(model, "thread.compact", { threadId }) : ask(model, "thread.review", { threadId, target })
    return Either.getOrThrow(asked).turnId as TurnId
  }
  const complete = (model: DecideModel, turnId: TurnId) =>
    model.tell({
      _tag: "AgentEvents",
      threadId: model.only.threadId,
      epoch: epochOf(model.only),
      events: [
        { _tag: "TurnStarted", turnId, origin: "user" },
        { _tag: "TurnCompleted", turnId }
      ]
    })

  it("C1 an action is rejected if the agent does not support it, has had no session yet, or the thread is archived", () => {
    const { model, opened, threadId } = running(["compact"])
    expect(ask(model, "thread.compact", { threadId })).toEqual(Either.left("Unsupported"))
    opened()
    expect(ask(model, "thread.review", { threadId, target })).toEqual(Either.left("Unsupported"))
    expect(ask(model, "thread.compact", { threadId: "thr_none" as ThreadId })).toEqual(Either.left("ThreadNotFound"))
    ask(model, "thread.archive", { threadId })
    expect(ask(model, "thread.compact", { threadId })).toEqual(Either.left("ThreadArchived"))
    expect(model.only.queue).toEqual([])
  })

  it("T12 an action keeps its place in the queue; it is not edited, and not added to the running turn", () => {
    const { model, opened, threadId, turnId } = running(can)
    opened()
    const compact = request(model, "compact")
    const text = Either.getOrThrow(ask(model, "turn.start", { threadId, text: "two" })).turnId as TurnId
    const second = request(model, "review")
    expect(model.only.queue.map((turn) => [turn.turnId, turn.action])).toEqual([
      [compact, { type: "compact" }],
      [text, undefined],
      [second, review]
    ])
    expect(ask(model, "turn.edit", { threadId, turnId: second, text: "other" })).toEqual(Either.left("Unsupported"))
    expect(ask(model, "turn.promote", { threadId, turnId: second, strategy: "steer" })).toMatchObject(
      Either.right({ outcome: "queued" })
    )
    expect(model.events.some(({ type }) => type === "turn.steered")).toBe(false)
    complete(model, turnId)
    expect(model.only.turns[second]).toMatchObject({
      action: review,
      origin: "user",
      text: "Review the commit abc123: add apples."
    })
    // The text of an action is a notice, not a user message.
    expect(model.events.findLast(({ type }) => type === "item.completed")?.data).toMatchObject({ turnId: second, kind: "notice" })
    complete(model, second)
    expect(model.only.turns[compact]).toMatchObject({ action: { type: "compact" }, stage: "dispatched" })
  })

  it("T5 a turn that its dying session did not begin is requeued with its action", () => {
    const { model, opened, threadId, turnId } = running(can)
    opened()
    complete(model, turnId)
    const again = request(model, "review")
    model.tell({ _tag: "SessionEnded", threadId, epoch: 1, reason: "gone" })
    expect(model.events.some(({ type }) => type === "turn.requeued")).toBe(true)
    expect(model.only.turns[again]).toMatchObject({ epoch: 2, action: review })
    expect(model.rows.get(`turn/${again}`)).toMatchObject({ status: "running", action: review })
  })

  it("T5 a continuation after a restart or a limit repeats the action, by policy or by a person", () => {
    for (const how of ["resume", "ask", "limit"] as const) {
      const { model, opened, threadId, turnId } = running(can)
      ask(model, "thread.configure", { threadId, recovery: how === "limit" ? "settle" : how, afterLimit: "continue" })
      opened()
      complete(model, turnId)
      const cut = request(model, "review")
      model.tell({ _tag: "AgentEvents", threadId, epoch: 1, events: [{ _tag: "TurnStarted", turnId: cut, origin: "user" }] })
      if (how === "limit") {
        const error = { kind: "limit", message: "too much" } as const
        model.tell({ _tag: "AgentEvents", threadId, epoch: 1, events: [{ _tag: "TurnFailed", turnId: cut, error }] })
        model.passTo(model.only.continuation?.at ?? "")
        model.tell({ _tag: "ContinuationDue", threadId, turnId: cut })
      } else {
        model.tell({ _tag: "OwnerLost", threadId, reason: "the server stopped" })
        const requestId = model.only.continuation?.requestId
        if (requestId !== undefined) ask(model, "request.answer", { requestId, answers: { continue: ["continue"] } })
      }
      const [next] = Object.values(model.only.turns)
      expect(next, how).toMatchObject({
        action: review,
        continues: { turnId: cut },
        text: "Review the commit abc123: add apples."
      })
    }
  })
})

const until = (type: string, count = 1) => Kit.eventually(Kit.ofType(type), count)
const data = (event: LogEvent) => event.data as Record<string, unknown>
const run = <A>(effect: Effect.Effect<A, unknown>, seed = 1): A => {
  const { exit } = simulate(seed, effect)
  if (typeof exit === "string" || Exit.isFailure(exit)) throw new Error(`seed ${seed}: ${String(exit)}`)
  return exit.value
}
/** Records the action or prompt of each turn, in order. Waits if the prompt says so. */
const agent = (name: string, capabilities: NonNullable<ScriptedProvider.Options["capabilities"]> = can) => {
  const asked: Array<TurnAction | string> = []
  const scripted = ScriptedProvider.make({
    name,
    capabilities,
    turn: (turn) =>
      Effect.gen(function* () {
        asked.push(turn.action ?? turn.text)
        yield* turn.start
        if (turn.text === "wait") return yield* Effect.never
        yield* turn.say("done")
        yield* turn.complete
      })
  })
  return { asked, scripted }
}
const create = (text: string) =>
  Effect.map(
    Kit.dispatch("thread.create", { provider: "one", cwd: "/work", turn: { text } }),
    ({ threadId }) => threadId as ThreadId
  )
const sound = Effect.gen(function* () {
  yield* (yield* Engine).drain
  expect((yield* Verify.run).problems).toEqual([])
})

describe("agents", () => {
  it("T12 the agent gets the action with its turn, and the turn shows it; an interrupt ends it", () => {
    const one = agent("one")
    run(
      Effect.gen(function* () {
        const threadId = yield* create("first")
        yield* until("turn.completed")
        const { outcome, turnId } = yield* Kit.dispatch("thread.review", { threadId, target })
        expect(outcome).toBe("started")
        yield* until("turn.completed", 2)
        const views = yield* Views.Views
        const { items: turns } = yield* views.turns(threadId, {})
        expect(turns.find((turn) => turn.turnId === turnId)).toMatchObject({
          status: "completed",
          origin: "user",
          action: review
        })
        yield* Kit.dispatch("turn.start", { threadId, text: "wait" })
        yield* Kit.dispatch("thread.compact", { threadId })
        yield* Kit.dispatch("turn.interrupt", { threadId })
        yield* until("turn.completed", 3)
        expect(one.asked).toEqual(["first", review, "wait", { type: "compact" }])
        yield* sound
      }).pipe(Effect.provide(Kit.layer({ providers: [one.scripted] })))
    )
  })

  it("T5 a queued action is in the log: the next server runs it", () => {
    const [before, after] = [agent("one"), agent("one")]
    run(
      Effect.scoped(
        Effect.gen(function* () {
          const log = yield* Kit.memory
          const first = yield* Kit.start(log, { providers: [before.scripted] })
          yield* first.run(
            Effect.gen(function* () {
              const threadId = yield* create("wait")
              yield* until("turn.started")
              yield* Kit.dispatch("thread.compact", { threadId })
              yield* (yield* Engine).drain
            })
          )
          yield* first.kill
          const second = yield* Kit.start(log, { providers: [after.scripted] })
          yield* second.run(Effect.zipRight(until("turn.completed"), sound))
          yield* second.close
        })
      )
    )
    expect(before.asked).toEqual(["wait"])
    expect(after.asked).toEqual([{ type: "compact" }])
  })

  it("T3 after a hand-over an action fails if the next agent does not support it; else the transcript goes with the next prompt", () => {
    for (const capabilities of [["interrupt", "resume"], can] as const) {
      const [one, two] = [agent("one"), agent("two", capabilities)]
      run(
        Effect.gen(function* () {
          const threadId = yield* create("paint it blue")
          yield* until("turn.completed")
          yield* Kit.dispatch("thread.handover", { threadId, provider: "two" })
          yield* Kit.dispatch("thread.compact", { threadId })
          if (capabilities === can) yield* until("turn.completed", 2)
          else {
            const failed = yield* until("turn.failed")
            expect(data(failed)).toMatchObject({
              error: { kind: "refused", message: "two does not support this action (compact)." }
            })
          }
          yield* Kit.dispatch("turn.start", { threadId, text: "now green" })
          yield* until("turn.completed", capabilities === can ? 3 : 2)
          const prompt = expect.stringMatching(/another agent \(one\)[^]*paint it blue[^]*now green$/)
          expect(two.asked).toEqual(capabilities === can ? [{ type: "compact" }, prompt] : [prompt])
          yield* sound
        }).pipe(Effect.provide(Kit.layer({ providers: [one.scripted, two.scripted] })))
      )
    }
  })

  it("T3 an agent that has only run an action still needs the transcript in its next session", () => {
    const [one, two] = [agent("one"), agent("two")]
    run(
      Effect.gen(function* () {
        const threadId = yield* create("paint it blue")
        yield* until("turn.completed")
        yield* Kit.dispatch("thread.handover", { threadId, provider: "two" })
        yield* Kit.dispatch("thread.compact", { threadId })
        yield* until("turn.completed", 2)
        yield* Kit.dispatch("session.stop", { threadId })
        yield* until("session.stopped", 2)
        yield* Kit.dispatch("turn.start", { threadId, text: "now green" })
        yield* until("turn.completed", 3)
        expect(two.asked[1]).toMatch(/another agent \(one\)[^]*paint it blue[^]*now green$/)
        yield* sound
      }).pipe(Effect.provide(Kit.layer({ providers: [one.scripted, two.scripted] })))
    )
  })
})
