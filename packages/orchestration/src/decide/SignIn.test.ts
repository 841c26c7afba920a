/** An agent that is not signed in: its turn fails, and a request asks a person to sign in. */
import { assert, it } from "@effect/vitest"
import type { RequestId, ThreadId, TurnId } from "@millrace/contracts/Ids"
import type { OpenInput } from "@millrace/contracts/ProviderAdapter"
import type { RecoveryPolicy } from "@millrace/contracts/State"
import * as Kit from "@millrace/testing/Orchestration"
import * as ScriptedProvider from "@millrace/testing/ScriptedProvider"
import { Effect } from "effect"
import * as Verify from "../readmodel/Verify.ts"
import { Views } from "../readmodel/Views.ts"

/** An agent that is signed in while `state.isSignedIn`. `when`: where it reports that it is not. */
const agent = (when: "open" | "accept" | "turn" = "turn") => {
  const state = { isSignedIn: false }
  const opened: Array<OpenInput> = []
  const prompts: Array<string> = []
  const error = { kind: "auth", message: "Not signed in." } as const
  const scripted = ScriptedProvider.make({
    capabilities: ["interrupt", "resume"],
    open: (input) => {
      opened.push(input)
      return when === "open" && !state.isSignedIn ? Effect.fail(ScriptedProvider.failure("open", error)) : Effect.void
    },
    startTurn: () =>
      when === "accept" && !state.isSignedIn ? Effect.fail(ScriptedProvider.failure("startTurn", error)) : Effect.void,
    turn: (turn) =>
      Effect.gen(function* () {
        yield* turn.start
        if (!state.isSignedIn) return yield* turn.fail(error)
        prompts.push(turn.text)
        yield* turn.complete
      })
  })
  return { adapter: { ...scripted, adapter: { ...scripted.adapter, signIn: "scripted login" } }, opened, prompts, state }
}

const create = (recovery?: RecoveryPolicy) =>
  Effect.map(
    Kit.dispatch("thread.create", {
      provider: "scripted",
      cwd: "/work",
      turn: { text: "one" },
      ...(recovery === undefined ? {} : { recovery })
    }),
    ({ threadId, turnId }) => ({ threadId: threadId as ThreadId, turnId: turnId as TurnId })
  )
const asked = Effect.map(
  Kit.eventually(Kit.ofType("request.opened")),
  ({ data }) => data as Readonly<Record<string, unknown>> & { readonly requestId: RequestId }
)
const view = (threadId: ThreadId) => Effect.flatMap(Views, (views) => views.thread(threadId))
const sound = Effect.map(Verify.run, ({ problems }) => assert.deepStrictEqual(problems, []))

for (const when of ["open", "accept", "turn"] as const)
  it.effect(`T19 the turn fails, and after the sign-in the same prompt is sent once, to a new session (at ${when})`, () => {
    const { adapter, opened, prompts, state } = agent(when)
    return Effect.gen(function* () {
      const { threadId, turnId } = yield* create()
      const request = yield* asked
      assert.deepInclude(request, {
        kind: "sign-in",
        title: "Sign in to scripted",
        command: "scripted login",
        choices: ["accept", "decline"]
      })
      const failed = yield* Kit.eventually(Kit.ofType("turn.failed"))
      assert.deepInclude(failed.data, { turnId, error: { kind: "auth", message: "Not signed in." } })
      assert.include(JSON.stringify(failed.data), '"reason":"Not signed in. Run `scripted login`')
      assert.deepInclude(yield* view(threadId), { status: "needs-you" })
      // The queue waits for the answer, which is a decision.
      const answers = { requestId: request.requestId, answers: { a: ["b"] } }
      const refused = yield* Effect.flip(Kit.dispatch("request.answer", answers))
      assert.strictEqual(refused._tag === "CommandRejected" ? refused.rule : refused._tag, "DecisionNotOffered")
      state.isSignedIn = true
      const answer = () => Kit.dispatch("request.answer", { requestId: request.requestId, decision: "accept" })
      assert.strictEqual((yield* answer()).outcome, "answered")
      assert.strictEqual((yield* answer()).outcome, "already-settled")
      yield* Kit.eventually(Kit.ofType("turn.completed"))
      assert.deepStrictEqual(prompts, ["one"])
      assert.deepStrictEqual(
        opened.map(({ epoch }) => epoch),
        [1, 2]
      )
      const [last] = (yield* (yield* Views).turns(threadId, {})).items
      assert.deepInclude(last, { status: "completed", text: "one" })
      assert.deepInclude(last?.continues, { turnId, because: "sign-in" })
      yield* sound
    }).pipe(Effect.provide(Kit.layer({ providers: [adapter] })))
  })

it.effect("T19 a decline leaves the turn failed; a further message replaces the request; a second failure asks again", () => {
  const { adapter, prompts, state } = agent()
  return Effect.gen(function* () {
    const { threadId } = yield* create()
    yield* Kit.dispatch("request.answer", { requestId: (yield* asked).requestId, decision: "decline" })
    assert.deepInclude(yield* view(threadId), { status: "failed" })
    assert.deepStrictEqual((yield* view(threadId)).openRequestIds, [])
    yield* Kit.dispatch("turn.start", { threadId, text: "two" })
    const again = yield* Kit.eventually(Kit.ofType("request.opened"), 2)
    assert.deepInclude(again.data, { kind: "sign-in" })
    state.isSignedIn = true
    yield* Kit.dispatch("turn.start", { threadId, text: "three" })
    yield* Kit.eventually(Kit.ofType("request.cancelled"))
    yield* Kit.eventually(Kit.ofType("turn.completed"))
    assert.deepStrictEqual(prompts, ["three"])
    yield* sound
  }).pipe(Effect.provide(Kit.layer({ providers: [adapter] })))
})

for (const recovery of ["settle", "resume", "ask"] as const)
  it.scoped(`T19 T5 a server that dies at any append keeps the request and sends the prompt once (recovery: ${recovery})`, () =>
    Effect.gen(function* () {
      let whole = false
      for (let dieAfter = 1; !whole; dieAfter++) {
        const { adapter, prompts, state } = agent()
        const log = yield* Kit.memory
        const first = yield* Kit.start(log, { providers: [adapter], dieAfter })
        const work = Effect.gen(function* () {
          yield* create(recovery)
          const { requestId } = yield* asked
          state.isSignedIn = true
          yield* Kit.dispatch("request.answer", { requestId, decision: "accept" }, "cmd-accept")
          yield* Kit.eventually(Kit.ofType("turn.completed"))
          return true
        })
        whole = (yield* first.run(work)) ?? false
        yield* first.kill
        const second = yield* Kit.start(log, { providers: [adapter] })
        yield* second.run(
          Effect.gen(function* () {
            state.isSignedIn = true
            const [thread] = (yield* (yield* Views).state).threads
            const [open] = (yield* (yield* Views).state).requests
            if (open?.ask.kind === "sign-in") {
              assert.notStrictEqual(recovery, "settle", "an open request of a thread that settles")
              assert.deepInclude(
                yield* Kit.dispatch("request.answer", { requestId: open.requestId, decision: "accept" }, "cmd-accept"),
                { outcome: "answered" }
              )
              yield* Kit.eventually(Kit.ofType("turn.completed"))
            }
            const history = yield* Kit.history
            const ids = history.filter(Kit.ofType("request.opened")).map(({ data }) => (data as { requestId: string }).requestId)
            assert.strictEqual(new Set(ids).size, ids.length, "one request per question")
            if (thread !== undefined) yield* sound
          })
        )
        assert.isAtMost(prompts.filter((text) => text === "one").length, 1, `after ${dieAfter} appends`)
        yield* second.close
        assert.isBelow(dieAfter, 60)
      }
    })
  )
