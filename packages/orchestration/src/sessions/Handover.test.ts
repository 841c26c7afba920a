/** Hand-over: another agent continues a conversation. */
import { describe, expect, it } from "@effect/vitest"
import type { LogEvent } from "@millrace/contracts/Event"
import type { ItemId, ThreadId, TurnId } from "@millrace/contracts/Ids"
import type { OpenInput } from "@millrace/contracts/ProviderAdapter"
import type { EventLog } from "@millrace/log/EventLog"
import { DecideModel } from "@millrace/testing/DecideModel"
import * as Kit from "@millrace/testing/Orchestration"
import * as ScriptedProvider from "@millrace/testing/ScriptedProvider"
import { simulate } from "@millrace/testing/SeededScheduler"
import { Effect, Either, Exit, type Scope } from "effect"
import { Engine } from "../engine/Engine.ts"
import * as Handover from "./Handover.ts"
import * as Verify from "../readmodel/Verify.ts"
import * as Views from "../readmodel/Views.ts"

const run = <A>(effect: Effect.Effect<A, unknown, Scope.Scope>, seed = 1): A => {
  const { exit } = simulate(seed, Effect.scoped(effect))
  if (typeof exit === "string" || Exit.isFailure(exit)) throw new Error(`seed ${seed}: ${String(exit)}`)
  return exit.value
}
const data = (event: LogEvent | undefined) => event?.data as Record<string, unknown>
const until = (type: string, count = 1) => Kit.eventually(Kit.ofType(type), count)
const view = (threadId: ThreadId) => Effect.flatMap(Views.Views, (views) => views.thread(threadId))
const sound = Effect.gen(function* () {
  yield* (yield* Engine).drain
  expect((yield* Verify.run).problems).toEqual([])
})

interface Agent {
  readonly scripted: ScriptedProvider.Scripted
  readonly opened: Array<OpenInput>
  readonly prompts: Array<string>
}
const agent = (name: string, more: Partial<ScriptedProvider.Options> = {}): Agent => {
  const opened: Array<OpenInput> = []
  const prompts: Array<string> = []
  const scripted = ScriptedProvider.make({
    name,
    turn: (turn) =>
      Effect.gen(function* () {
        prompts.push(turn.text)
        yield* turn.start
        if (turn.text.endsWith("wait")) return yield* Effect.never
        yield* turn.say(`${name} did it`)
        yield* turn.complete
      }),
    ...more,
    open: (input) =>
      Effect.zipRight(
        more.open?.(input) ?? Effect.void,
        Effect.sync(() => void opened.push(input))
      )
  })
  return { scripted, opened, prompts }
}
const create = (text: string) =>
  Effect.map(
    Kit.dispatch("thread.create", { provider: "one", model: "big", cwd: "/work", turn: { text } }),
    ({ threadId }) => threadId as ThreadId
  )
const handover = (threadId: ThreadId, provider: string, model?: string) =>
  Kit.dispatch("thread.handover", { threadId, provider, ...(model === undefined ? {} : { model }) })
const ready = (epoch: number) =>
  Kit.eventually(
    (event) => event.type === "session.state.changed" && event.epoch === epoch && "capabilities" in (event.data as object)
  )

const between = <A>(agents: ReadonlyArray<Agent>, effect: Effect.Effect<A, unknown, Kit.Services>, seed = 1): A =>
  run(Effect.provide(effect, Kit.layer({ providers: agents.map(({ scripted }) => scripted) })), seed)

describe("a conversation that is lost", () => {
  it("T3 an agent that lost its own record gets the transcript from the log, with its next prompt only, and the session reports what was lost", () => {
    const one = agent("one")
    const { adapter } = one.scripted
    const forgets = {
      ...one.scripted,
      adapter: {
        ...adapter,
        open: (input: OpenInput) =>
          Effect.map(adapter.open(input), (session) =>
            input.epoch === 2 ? { ...session, continuity: "fresh" as const, resumeKey: "again" } : session
          )
      }
    }
    between(
      [{ ...one, scripted: forgets }],
      Effect.gen(function* () {
        const threadId = yield* create("paint it blue")
        yield* until("turn.completed")
        yield* Kit.dispatch("session.stop", { threadId })
        yield* until("session.stopped")
        yield* Kit.dispatch("turn.start", { threadId, text: "now green" })
        yield* until("turn.completed", 2)
        yield* Kit.dispatch("turn.start", { threadId, text: "now red" })
        yield* until("turn.completed", 3)
        expect(one.prompts[1]).toMatch(
          /^Your own record[^]*\[user\] paint it blue[^]*\[agent\] one did it[^]*The request now:\n\nnow green$/
        )
        expect(one.prompts[2]).toBe("now red")
        expect(data(yield* ready(2))).toMatchObject({ continuity: "replayed", lost: expect.stringContaining("reasoning") })
        // If it dies before it got the transcript, the next session gets it: until then the thread keeps the lost key.
        expect(data(yield* ready(2))).not.toHaveProperty("resumeKey")
        expect((yield* view(threadId)).session).toMatchObject({ continuity: "replayed", lost: expect.any(String) })
        yield* Kit.dispatch("session.stop", { threadId })
        yield* until("session.stopped", 2)
        yield* Kit.dispatch("turn.start", { threadId, text: "more" })
        yield* until("turn.completed", 4)
        expect(one.opened.map(({ resumeKey }) => resumeKey)).toEqual([undefined, `key-${threadId}`, "again"])
        expect(one.prompts[3]).toBe("more")
        yield* sound
      })
    )
  })
})

describe("hand-over", () => {
  it("T3 P7 the next session runs on the other agent, with the transcript before its first prompt only, and reports what was lost", () => {
    const [one, two] = [agent("one"), agent("two")]
    between(
      [one, two],
      Effect.gen(function* () {
        const threadId = yield* create("paint it blue")
        yield* until("turn.completed")
        yield* handover(threadId, "two", "small")
        expect(yield* view(threadId)).toMatchObject({ provider: "two", model: "small" })
        expect(data(yield* until("session.stopped"))).toMatchObject({ reason: "handed over to two by tester" })
        yield* Kit.dispatch("turn.start", { threadId, text: "now green" })
        yield* until("turn.completed", 2)
        yield* Kit.dispatch("turn.start", { threadId, text: "now red" })
        yield* until("turn.completed", 3)
        expect(two.opened).toMatchObject([{ epoch: 2, model: "small" }])
        expect(two.opened[0]).not.toHaveProperty("resumeKey")
        expect(two.prompts[0]).toMatch(
          /another agent \(one\)[^]*\[user\] paint it blue[^]*\[agent\] one did it[^]*The request now:\n\nnow green$/
        )
        expect(two.prompts[1]).toBe("now red")
        expect(data(yield* ready(2))).toMatchObject({ continuity: "handed-off", lost: expect.stringContaining("reasoning") })
        expect((yield* view(threadId)).session).toMatchObject({ continuity: "handed-off", lost: expect.any(String) })
        // The read models show the messages without the transcript.
        const { items } = yield* (yield* Views.Views).items(threadId, {})
        expect(
          items
            .filter(({ kind }) => kind === "user-message")
            .map(({ text }) => text)
            .toReversed()
        ).toEqual(["paint it blue", "now green", "now red"])
        // A later session resumes the new agent's own conversation.
        yield* Kit.dispatch("session.stop", { threadId })
        yield* until("session.stopped", 2)
        yield* Kit.dispatch("turn.start", { threadId, text: "more" })
        yield* until("turn.completed", 4)
        expect(two.opened[1]).toMatchObject({ resumeKey: `key-${threadId}` })
        expect(two.prompts[2]).toBe("more")
        expect((yield* view(threadId)).session).toMatchObject({ continuity: "resumed" })
        yield* sound
      })
    )
  })

  it("T3 handed back before the other agent began a turn, the native session is resumed; after one, the agent gets the transcript", () => {
    const [one, two] = [agent("one"), agent("two")]
    between(
      [one, two],
      Effect.gen(function* () {
        const threadId = yield* create("first")
        yield* until("turn.completed")
        yield* handover(threadId, "two")
        yield* handover(threadId, "one")
        expect(yield* view(threadId)).toMatchObject({ provider: "one", model: "big" })
        yield* Kit.dispatch("turn.start", { threadId, text: "second" })
        yield* until("turn.completed", 2)
        expect(one.opened.at(-1)).toMatchObject({ resumeKey: `key-${threadId}`, model: "big" })
        expect(one.prompts.at(-1)).toBe("second")
        yield* handover(threadId, "two")
        yield* Kit.dispatch("turn.start", { threadId, text: "third" })
        yield* until("turn.completed", 3)
        yield* handover(threadId, "one")
        yield* Kit.dispatch("turn.start", { threadId, text: "fourth" })
        yield* until("turn.completed", 4)
        expect(one.opened.at(-1)).not.toHaveProperty("resumeKey")
        expect(one.prompts.at(-1)).toMatch(/\[agent\] two did it[^]*fourth$/)
        yield* sound
      })
    )
  })

  it("T1 rejected while a turn runs, to an unknown provider, to itself, and in an archived thread", () => {
    between(
      [agent("one"), agent("two")],
      Effect.gen(function* () {
        const threadId = yield* create("wait")
        yield* until("turn.started")
        const refused = (provider: string) => Effect.flip(handover(threadId, provider))
        expect(yield* refused("two")).toMatchObject({ rule: "TurnActive", message: expect.stringContaining("interrupt it") })
        yield* Kit.dispatch("turn.interrupt", { threadId })
        yield* until("turn.interrupted")
        expect(yield* refused("three")).toMatchObject({ rule: "ProviderUnknown" })
        expect(yield* refused("one")).toMatchObject({ rule: "Unsupported" })
        yield* Kit.dispatch("thread.archive", { threadId })
        expect(yield* refused("two")).toMatchObject({ rule: "ThreadArchived" })
        expect((yield* Kit.history).some(({ type }) => type === "thread.handed-over")).toBe(false)
        yield* sound
      })
    )
  })

  it("T5 the transcript is kept until a session takes it: neither a failed open nor a crash loses it", () => {
    run(
      Effect.gen(function* () {
        const log: typeof EventLog.Service = yield* Kit.memory
        const broken = agent("two", { open: () => Effect.die("no such program") })
        const first = yield* Kit.start(log, { providers: [agent("one").scripted, broken.scripted] })
        const threadId = yield* first.run(
          Effect.gen(function* () {
            const threadId = yield* create("first")
            yield* until("turn.completed")
            yield* handover(threadId, "two")
            yield* Kit.dispatch("turn.start", { threadId, text: "second" })
            yield* until("turn.failed")
            return threadId
          })
        )
        if (threadId === undefined) throw new Error("the process died")
        yield* first.kill
        const two = agent("two")
        const next = yield* Kit.start(log, { providers: [agent("one").scripted, two.scripted] })
        yield* next.run(
          Effect.gen(function* () {
            yield* Kit.dispatch("turn.start", { threadId, text: "third" })
            yield* until("turn.completed", 2)
            expect(two.prompts).toEqual([expect.stringMatching(/\[user\] first[^]*third$/)])
            expect((yield* view(threadId)).session).toMatchObject({ continuity: "handed-off" })
            yield* sound
          })
        )
        yield* next.close
      })
    )
  })

  it("T3 an agent that reads the conversation from the log itself does not get the transcript too", () => {
    const one = agent("one")
    const two = agent("two", { open: (input) => Effect.asVoid(input.history?.({ turns: 10, bytes: 1000 }) ?? Effect.void) })
    between(
      [one, two],
      Effect.gen(function* () {
        const threadId = yield* create("first")
        yield* until("turn.completed")
        yield* handover(threadId, "two")
        yield* Kit.dispatch("turn.start", { threadId, text: "second" })
        yield* until("turn.completed", 2)
        expect(two.prompts).toEqual(["second"])
        expect((yield* view(threadId)).session).toMatchObject({ continuity: "handed-off" })
        yield* sound
      })
    )
  })

  it("T3 the loss is reported: older messages, cut text, long outputs", () => {
    const turn = {
      turnId: "trn_1" as Parameters<typeof Handover.brief>[1]["turns"][number]["turnId"],
      outcome: "interrupted" as const,
      messages: [
        { role: "user" as const, text: "go" },
        { role: "tool" as const, itemId: "itm_1" as ItemId, tool: "command", input: { command: "ls" }, result: "x".repeat(5000) }
      ]
    }
    const given = Handover.brief("one", { turns: [turn], earlier: true, cutBytes: 12 })
    expect(given?.lost).toMatch(/earlier messages; 12 bytes of text; the rest of 1 long/)
    expect(given?.text).toMatch(/\[tool command\] \{"command":"ls"\}\n\[result\] x{2000} \[cut\][^]*\[this turn interrupted\]/)
    expect(Handover.brief("one", { turns: [], earlier: false, cutBytes: 0 })).toBeUndefined()
  })

  it("T6 a resume key that the stopping agent still reports does not reach the next agent", () => {
    const model = new DecideModel()
    const created = model.ask(
      Kit.command("thread.create", { provider: "scripted", cwd: "/work", turn: { text: "one" } }),
      "/work"
    )
    const threadId = Either.getOrThrow(created).threadId as ThreadId
    const turnId = model.only.session?.activeTurnId as TurnId
    model.tell({ _tag: "SessionOpened", threadId, epoch: 1, continuity: "fresh", resumeKey: "first", capabilities: [] })
    const ended = { _tag: "TurnCompleted", turnId } as const
    model.tell({ _tag: "AgentEvents", threadId, epoch: 1, events: [{ _tag: "TurnStarted", turnId, origin: "user" }, ended] })
    Either.getOrThrow(model.ask(Kit.command("thread.handover", { threadId, provider: "other" })))
    model.tell({ _tag: "ResumeKeyLearned", threadId, epoch: 1, resumeKey: "second" })
    expect(model.only).toMatchObject({ provider: "other", resumeKey: undefined, parked: { resumeKey: "first" } })
  })
})
