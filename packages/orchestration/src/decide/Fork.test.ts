/** Forks: a new thread whose agent begins with a copy of another thread's conversation. */
import { assert, it } from "@effect/vitest"
import type { OpenInput } from "@millrace/contracts/ProviderAdapter"
import type { ThreadId } from "@millrace/contracts/Ids"
import * as Kit from "@millrace/testing/Orchestration"
import * as ScriptedProvider from "@millrace/testing/ScriptedProvider"
import * as Verify from "../readmodel/Verify.ts"
import { Views } from "../readmodel/Views.ts"
import { Effect } from "effect"

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
    // There is no conversation to copy yet.
    assert.deepInclude(yield* Effect.flip(Kit.dispatch("thread.fork", { threadId: forked })), { rule: "Unsupported" })

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

it.effect("C1 a fork is rejected while a turn runs, and if the agent does not support it", () => {
  const busy = begun(["interrupt", "fork"], (turn) => Effect.zipRight(turn.start, turn.interrupted))
  const cannot = begun(["interrupt", "resume"])
  return Effect.gen(function* () {
    yield* Effect.gen(function* () {
      const { refused } = yield* busy.first
      yield* Kit.eventually(Kit.ofType("turn.started"))
      assert.deepInclude(yield* refused, { rule: "TurnActive" })
    }).pipe(Effect.provide(busy.layer))
    yield* Effect.gen(function* () {
      const { refused } = yield* cannot.first
      yield* ends(1)
      assert.deepInclude(yield* refused, { rule: "Unsupported" })
    }).pipe(Effect.provide(cannot.layer))
  })
})
