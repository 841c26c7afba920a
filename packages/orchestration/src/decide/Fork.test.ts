/** Forks: a new thread whose agent begins with a copy of another thread's conversation. */
import { assert, it } from "@effect/vitest"
import type { OpenInput } from "@millrace/contracts/ProviderAdapter"
import type { ThreadId, TurnId } from "@millrace/contracts/Ids"
import * as Kit from "@millrace/testing/Orchestration"
import * as ScriptedProvider from "@millrace/testing/ScriptedProvider"
import * as Verify from "../readmodel/Verify.ts"
import { Views } from "../readmodel/Views.ts"
import { Effect, TestClock } from "effect"

/** A thread after its first turn, with the inputs that its agents were opened with. */
const begun = (capabilities: NonNullable<ScriptedProvider.Options["capabilities"]>, turn?: ScriptedProvider.Options["turn"]) => {
  const opened: Array<OpenInput> = []
  const open = (input: OpenInput) => Effect.sync(() => void opened.push(input))
  const agent = ScriptedProvider.make({ capabilities, open, ...(turn === undefined ? {} : { turn }) })
  const first = Effect.gen(function* () {
    const accepted = yield* Kit.dispatch("thread.create", {
      provider: "scripted",
      cwd: "/work",
      title: "apples",
      turn: { text: "one" }
    })
    const threadId = accepted.threadId as ThreadId
    const refused = Effect.flip(Kit.dispatch("thread.fork", { threadId }))
    return { threadId, refused }
  })
  return { layer: Kit.layer({ providers: [agent] }), first, opened }
}
const ends = (count: number) => Kit.eventually(Kit.ofType("turn.completed"), count)

it.effect("P7 C1 a fork is a separate thread; its agent is opened with a copy once, and then has its own key", () => {
  const { first, layer, opened } = begun(["interrupt", "resume", "fork"])
  return Effect.gen(function* () {
    const { threadId } = yield* first
    yield* ends(1)
    const { projectId, threadId: made } = yield* Kit.dispatch("thread.fork", { threadId, title: "pears" })
    const forked = made as ThreadId
    const views = yield* Views
    assert.deepInclude(yield* views.thread(forked), { forkedFrom: threadId, title: "pears", status: "idle" })
    assert.strictEqual((yield* views.thread(forked)).projectId, projectId)

    yield* Kit.dispatch("turn.start", { threadId: forked, text: "two" })
    yield* ends(2)
    assert.deepInclude(opened[1], { threadId: forked, epoch: 1, fork: true, resumeKey: `key-${threadId}` })
    yield* Kit.dispatch("session.stop", { threadId: forked })
    yield* Kit.eventually(Kit.ofType("session.stopped"))
    yield* Kit.dispatch("turn.start", { threadId: forked, text: "three" })
    yield* ends(3)
    assert.deepInclude(opened[2], { threadId: forked, epoch: 2, resumeKey: `key-${forked}` })
    assert.isUndefined(opened[2]?.fork)
    assert.isUndefined((yield* views.thread(threadId)).forkedFrom)
    assert.deepStrictEqual((yield* Verify.run).problems, [])
  }).pipe(Effect.provide(layer))
})

it.effect(
  "C1 a fork without a turn is rejected while a turn runs; so is one at a turn that has not ended or is not the thread's",
  () => {
    const busy = begun(["interrupt", "fork"], (turn) => Effect.zipRight(turn.start, turn.interrupted))
    return Effect.gen(function* () {
      const { refused, threadId } = yield* busy.first
      const started = yield* Kit.eventually(Kit.ofType("turn.started"))
      assert.deepInclude(yield* refused, { rule: "TurnActive" })
      const turnId = (started.data as { readonly turnId: TurnId }).turnId
      assert.deepInclude(yield* Effect.flip(Kit.dispatch("thread.fork", { threadId, turnId })), { rule: "TurnActive" })
      assert.deepInclude(yield* Effect.flip(Kit.dispatch("turn.retry", { threadId, turnId })), { rule: "TurnActive" })
      const other = "trn_other" as TurnId
      assert.deepInclude(yield* Effect.flip(Kit.dispatch("thread.fork", { threadId, turnId: other })), { rule: "TurnNotFound" })
      assert.deepInclude(yield* Effect.flip(Kit.dispatch("turn.retry", { threadId, turnId: other })), { rule: "TurnNotFound" })
    }).pipe(Effect.provide(busy.layer))
  }
)

/** An agent that answers each prompt with `re: ` and its last line, and the prompts that it got, by thread. */
const remembering = (capabilities: NonNullable<ScriptedProvider.Options["capabilities"]>) => {
  const prompts: Array<readonly [threadId: string, text: string]> = []
  const opened: Array<OpenInput> = []
  let current = ""
  const agent = ScriptedProvider.make({
    capabilities,
    open: (input) =>
      Effect.sync(() => {
        current = input.threadId
        opened.push(input)
      }),
    turn: (turn) =>
      Effect.gen(function* () {
        prompts.push([current, turn.text])
        yield* turn.start
        yield* turn.say(`re: ${turn.text.split("\n").at(-1) ?? ""}`)
        yield* turn.complete
      })
  })
  const start = (threadId: ThreadId, text: string, done: number) =>
    Effect.gen(function* () {
      const { turnId } = yield* Kit.dispatch("turn.start", { threadId, text })
      yield* ends(done)
      return turnId as TurnId
    })
  /** The prompt of the thread's first turn: with the transcript before it. */
  const firstOf = (threadId: string | undefined) => prompts.find(([id]) => id === threadId)?.[1] ?? ""
  return { layer: Kit.layer({ providers: [agent] }), start, firstOf, opened }
}

it.effect("T18 a fork at a turn gives the agent the transcript up to that turn, and a fork of the fork both parts", () => {
  const { firstOf, layer, opened, start } = remembering(["interrupt", "resume", "fork"])
  return Effect.gen(function* () {
    const rule = { match: { kind: "command", command: "git status" }, decision: "accept" } as const
    const made = yield* Kit.dispatch("thread.create", { provider: "scripted", cwd: "/work", approve: [rule], labels: ["a"] })
    const threadId = made.threadId as ThreadId
    yield* start(threadId, "one", 1)
    const second = yield* start(threadId, "two", 2)
    const third = yield* start(threadId, "three", 3)

    const forked = (yield* Kit.dispatch("thread.fork", { threadId, turnId: second })).threadId as ThreadId
    const views = yield* Views
    assert.deepInclude(yield* views.thread(forked), { forkedFrom: threadId, approve: [rule], labels: ["a"] })
    const four = yield* start(forked, "four", 4)
    const given = firstOf(forked)
    for (const word of ["one", "re: one", "two", "re: two", "four"]) assert.include(given, word)
    assert.notInclude(given, "three")
    assert.strictEqual(opened.at(-1)?.resumeKey, undefined)

    const again = (yield* Kit.dispatch("thread.fork", { threadId: forked, turnId: four })).threadId as ThreadId
    assert.strictEqual((yield* views.thread(again)).forkedFrom, forked)
    // Its last turn is the fork's last one: the agent copies its own conversation.
    yield* start(again, "five", 5)
    assert.deepInclude(opened.at(-1), { fork: true, resumeKey: `key-${forked}` })

    const whole = (yield* Kit.dispatch("thread.fork", { threadId, turnId: third })).threadId as ThreadId
    yield* start(whole, "six", 6)
    assert.deepInclude(opened.at(-1), { fork: true, resumeKey: `key-${threadId}` })

    const { threadId: retried } = yield* Kit.dispatch("turn.retry", { threadId: forked, turnId: four })
    yield* ends(7)
    const chain = firstOf(retried)
    for (const word of ["one", "two", "re: two", "four"]) assert.include(chain, word)
    for (const word of ["three", "re: four"]) assert.notInclude(chain, word)
    assert.deepStrictEqual((yield* Verify.run).problems, [])
  }).pipe(Effect.provide(layer))
})

it.effect("T18 an agent that cannot fork gets the transcript of all turns that had ended at the fork", () => {
  const { firstOf, layer, start } = remembering(["interrupt", "resume"])
  return Effect.gen(function* () {
    const threadId = (yield* Kit.dispatch("thread.create", { provider: "scripted", cwd: "/work" })).threadId as ThreadId
    yield* start(threadId, "one", 1)
    const forked = (yield* Kit.dispatch("thread.fork", { threadId })).threadId as ThreadId
    yield* Effect.sleep("1 second").pipe(Effect.fork, Effect.zipRight(TestClock.adjust("1 second")))
    yield* start(threadId, "later", 2)
    yield* start(forked, "two", 3)
    assert.include(firstOf(forked), "re: one")
    assert.notInclude(firstOf(forked), "later")
  }).pipe(Effect.provide(layer))
})

it.effect("T18 a retry sends the prompt again in a fork without it, as it was or changed; the source is unchanged", () => {
  const { firstOf, layer, start } = remembering(["interrupt", "resume"])
  return Effect.gen(function* () {
    const threadId = (yield* Kit.dispatch("thread.create", { provider: "scripted", cwd: "/work", title: "apples" }))
      .threadId as ThreadId
    const first = yield* start(threadId, "one", 1)
    const second = yield* start(threadId, "two", 2)
    const same = yield* Kit.dispatch("turn.retry", { threadId, turnId: second })
    yield* ends(3)
    assert.include(firstOf(same.threadId), "re: one")
    assert.match(firstOf(same.threadId), /two$/)
    assert.notInclude(firstOf(same.threadId), "re: two")
    const changed = yield* Kit.dispatch("turn.retry", { threadId, turnId: first, text: "other" })
    yield* ends(4)
    assert.strictEqual(firstOf(changed.threadId), "other")
    const views = yield* Views
    const turns = yield* views.turns(same.threadId as ThreadId, {})
    assert.deepStrictEqual(
      turns.items.map(({ text, turnId }) => [turnId, text]),
      [[same.turnId, "two"]]
    )
    assert.strictEqual((yield* views.turns(threadId, {})).items.length, 2)
    assert.deepStrictEqual((yield* Verify.run).problems, [])
  }).pipe(Effect.provide(layer))
})

it.effect("T18 an agent that can fork gets the transcript, not a copy, if the source had another turn since the fork", () => {
  const { firstOf, layer, opened, start } = remembering(["interrupt", "resume", "fork"])
  return Effect.gen(function* () {
    const threadId = (yield* Kit.dispatch("thread.create", { provider: "scripted", cwd: "/work" })).threadId as ThreadId
    const first = yield* start(threadId, "one", 1)
    const whole = (yield* Kit.dispatch("thread.fork", { threadId })).threadId as ThreadId
    const atLast = (yield* Kit.dispatch("thread.fork", { threadId, turnId: first })).threadId as ThreadId
    yield* start(threadId, "later", 2)
    for (const [n, forked] of [whole, atLast].entries()) {
      yield* start(forked, "two", 3 + n)
      assert.deepInclude(opened.at(-1), { threadId: forked })
      assert.isUndefined(opened.at(-1)?.fork)
      assert.isUndefined(opened.at(-1)?.resumeKey)
      assert.include(firstOf(forked), "re: one")
      assert.notInclude(firstOf(forked), "later")
    }
    // The fork's own conversation continues.
    yield* Kit.dispatch("session.stop", { threadId: whole })
    yield* Kit.eventually(Kit.ofType("session.stopped"))
    yield* start(whole, "three", 5)
    assert.deepInclude(opened.at(-1), { epoch: 2, resumeKey: `key-${whole}` })
    assert.isUndefined(opened.at(-1)?.fork)
  }).pipe(Effect.provide(layer))
})

it.effect("T18 a copy is dropped if the source begins a turn while the fork's agent opens", () => {
  let hook: Effect.Effect<unknown> = Effect.void
  const opened: Array<OpenInput> = []
  const prompts: Array<string> = []
  let ended = 0
  const agent = ScriptedProvider.make({
    capabilities: ["interrupt", "resume", "fork"],
    open: (input) =>
      Effect.gen(function* () {
        opened.push(input)
        if (input.fork !== true) return
        yield* hook
      }),
    turn: (turn) =>
      Effect.gen(function* () {
        prompts.push(turn.text)
        yield* turn.start
        yield* turn.say(`re: ${turn.text}`)
        yield* turn.complete
      })
  })
  return Effect.gen(function* () {
    const made = yield* Kit.dispatch("thread.create", { provider: "scripted", cwd: "/work", turn: { text: "one" } })
    const threadId = made.threadId as ThreadId
    yield* ends(++ended)
    const forked = (yield* Kit.dispatch("thread.fork", { threadId })).threadId as ThreadId
    const services = yield* Effect.context<Kit.Services>()
    const meanwhile = Effect.zipRight(Kit.dispatch("turn.start", { threadId, text: "meanwhile" }), ends(++ended))
    hook = Effect.orDie(Effect.provide(meanwhile, services))
    yield* Kit.dispatch("turn.start", { threadId: forked, text: "two" })
    yield* ends(++ended)
    assert.deepStrictEqual(
      opened.filter((input) => input.threadId === forked).map(({ fork }) => fork),
      [true, undefined]
    )
    assert.include(prompts.at(-1), "re: one")
    assert.notInclude(prompts.at(-1), "meanwhile")
  }).pipe(Effect.provide(Kit.layer({ providers: [agent] })))
})

it.effect("T18 a turn that failed before it began can be retried, and no fork can end with it", () => {
  const prompts: Array<string> = []
  let refuses = true
  const agent = ScriptedProvider.make({
    capabilities: ["interrupt", "resume"],
    turn: (turn) =>
      Effect.gen(function* () {
        prompts.push(turn.text)
        if (turn.text.endsWith("two") && refuses) return yield* turn.fail({ kind: "auth", message: "not signed in" })
        yield* turn.start
        yield* turn.say(`re: ${turn.text}`)
        yield* turn.complete
      })
  })
  return Effect.gen(function* () {
    const made = yield* Kit.dispatch("thread.create", { provider: "scripted", cwd: "/work", turn: { text: "one" } })
    const threadId = made.threadId as ThreadId
    yield* ends(1)
    const failed = (yield* Kit.dispatch("turn.start", { threadId, text: "two" })).turnId as TurnId
    yield* Kit.eventually(Kit.ofType("turn.failed"))
    const views = yield* Views
    const [turn] = (yield* views.turns(threadId, {})).items
    assert.deepInclude(turn, { turnId: failed, status: "failed" })
    assert.isUndefined(turn?.startedAt)
    refuses = false
    yield* Kit.dispatch("turn.start", { threadId, text: "three" })
    yield* ends(2)
    assert.deepInclude(yield* Effect.flip(Kit.dispatch("thread.fork", { threadId, turnId: failed })), { rule: "TurnNotFound" })
    yield* Kit.dispatch("turn.retry", { threadId, turnId: failed })
    yield* ends(3)
    assert.include(prompts.at(-1), "re: one")
    assert.match(prompts.at(-1) ?? "", /two$/)
    assert.notInclude(prompts.at(-1), "three")
    assert.deepStrictEqual((yield* Verify.run).problems, [])
  }).pipe(Effect.provide(Kit.layer({ providers: [agent] })))
})

it.effect(
  "T18 an agent that can copy up to a turn does so at a fork or a retry, and the session says which way was taken",
  () => {
    const opened: Array<OpenInput> = []
    const agent = ScriptedProvider.make({
      capabilities: ["interrupt", "resume", "fork", "fork-at"],
      open: (input) => Effect.sync(() => void opened.push(input)),
      turn: (turn) =>
        Effect.zipRight(
          turn.emit({
            _tag: "TurnStarted",
            turnId: turn.turnId,
            origin: "user",
            // An agent that gives a turn no id.
            ...(turn.text.endsWith("nameless") ? {} : { nativeTurnId: `native ${turn.text.split("\n").at(-1)}` })
          }),
          turn.complete
        )
    })
    return Effect.gen(function* () {
      const views = yield* Views
      let done = 0
      const start = (threadId: ThreadId, text: string) =>
        Effect.gen(function* () {
          const { turnId } = yield* Kit.dispatch("turn.start", { threadId, text })
          yield* ends(++done)
          return turnId as TurnId
        })
      const wayOf = (threadId: ThreadId) => Effect.map(views.thread(threadId), ({ session }) => session?.fork)
      const threadId = (yield* Kit.dispatch("thread.create", { provider: "scripted", cwd: "/work" })).threadId as ThreadId
      const first = yield* start(threadId, "one")
      const second = yield* start(threadId, "two")
      const nameless = yield* start(threadId, "nameless")
      const last = yield* start(threadId, "four")
      const source = { fork: true, resumeKey: `key-${threadId}` } as const
      const forkAt = (turnId: TurnId) =>
        Effect.map(Kit.dispatch("thread.fork", { threadId, turnId }), (made) => made.threadId as ThreadId)

      const atSecond = yield* forkAt(second)
      yield* start(atSecond, "a")
      assert.deepInclude(opened.at(-1), { threadId: atSecond, ...source, forkAt: "native two" })
      assert.strictEqual(yield* wayOf(atSecond), "agent")
      assert.isUndefined(yield* wayOf(threadId))

      const atNameless = yield* forkAt(nameless)
      yield* start(atNameless, "b")
      assert.isUndefined(opened.at(-1)?.fork)
      assert.strictEqual(yield* wayOf(atNameless), "transcript")

      // The last turn: a copy of all turns, until the source has another one.
      const whole = yield* forkAt(last)
      const later = yield* forkAt(last)
      yield* start(whole, "c")
      assert.deepInclude(opened.at(-1), source)
      assert.isUndefined(opened.at(-1)?.forkAt)
      yield* start(threadId, "five")
      yield* start(later, "d")
      assert.deepInclude(opened.at(-1), { ...source, forkAt: "native four" })

      const retried = (yield* Kit.dispatch("turn.retry", { threadId, turnId: second })).threadId as ThreadId
      yield* ends(++done)
      assert.deepInclude(opened.at(-1), { threadId: retried, ...source, forkAt: "native one" })
      assert.strictEqual(yield* wayOf(retried), "agent")
      const anew = (yield* Kit.dispatch("turn.retry", { threadId, turnId: first })).threadId as ThreadId
      yield* ends(++done)
      assert.isUndefined(opened.at(-1)?.resumeKey)
      assert.isUndefined(yield* wayOf(anew))

      // A copy needs no log of its source.
      const orphan = yield* forkAt(second)
      yield* Kit.dispatch("thread.delete", { threadId })
      // The log no longer delivers the five turns of the source.
      done -= 5
      yield* start(orphan, "e")
      assert.deepInclude(opened.at(-1), { threadId: orphan, ...source, forkAt: "native two" })
      assert.deepStrictEqual((yield* Verify.run).problems, [])
    }).pipe(Effect.provide(Kit.layer({ providers: [agent] })))
  }
)
