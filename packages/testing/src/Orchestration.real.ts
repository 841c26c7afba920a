/** The real Codex with the whole orchestration, over a log in memory. Run by `pnpm test:real`. */
import { assert, describe, it } from "@effect/vitest"
import type { LogEvent } from "@millrace/contracts/Event"
import type { RequestId, ThreadId, TurnId } from "@millrace/contracts/Ids"
import * as Verify from "@millrace/orchestration/readmodel/Verify"
import * as Codex from "@millrace/providers/internal/codex/Codex"
import * as Ledger from "@millrace/providers/process/Ledger"
import { Effect } from "effect"
import { codexBin, codexPid, makeCodexHome } from "./CodexHome.ts"
import * as ModelEndpoint from "./ModelEndpoint.ts"
import * as Kit from "./Orchestration.ts"

const data = (event: LogEvent) => event.data as Readonly<Record<string, unknown>>

/** Runs a test with the whole orchestration. Afterwards the log must pass `verify`. */
const withCodex = <E, R>(
  test: (home: {
    readonly workspace: string
    readonly codexHome: string
    readonly endpoint: ModelEndpoint.ModelEndpoint
  }) => Effect.Effect<void, E, R>
) =>
  Effect.gen(function* () {
    const endpoint = yield* ModelEndpoint.make
    const home = yield* makeCodexHome(endpoint)
    const codex = yield* Codex.make({ binary: yield* codexBin, home: home.home, codexHome: home.codexHome })
    // Threads of the kit use the directory /work. Codex needs an existing one.
    const adapter = { ...codex, open: (input: Parameters<typeof codex.open>[0]) => codex.open({ ...input, cwd: home.workspace }) }
    const layer = Kit.layer({ providers: [{ adapter, calls: [], live: () => 0 }] })
    yield* test({ ...home, endpoint }).pipe(
      Effect.zipRight(Effect.flatMap(Verify.run, ({ problems }) => Effect.sync(() => assert.deepStrictEqual(problems, [])))),
      Effect.provide(layer)
    )
  }).pipe(Effect.scoped, Effect.provide(Ledger.layerMemory))

const create = (text: string) =>
  Effect.map(Kit.dispatch("thread.create", { provider: "codex", cwd: "/work", turn: { text } }), ({ threadId, turnId }) => ({
    threadId: threadId as ThreadId,
    turnId
  }))
const is =
  (type: string, fields: Readonly<Record<string, unknown>> = {}) =>
  (event: LogEvent) =>
    event.type === type && Object.entries(fields).every(([key, value]) => data(event)[key] === value)

describe("the real codex, orchestrated", () => {
  it.live("T2 a turn is streamed into the log, in order and whole", () =>
    withCodex(() =>
      Effect.gen(function* () {
        const { turnId } = yield* create("[[think hm]] [[deltas 500 0]]")
        yield* Kit.eventually(is("turn.completed", { turnId }))
        const events = yield* Kit.history
        const expected = Array.from({ length: 500 }, (_, n) => `d${n + 1} `).join("")
        const message = is("item.delta", { kind: "agent-message" })
        assert.strictEqual(
          events
            .filter(message)
            .map((event) => data(event)["text"])
            .join(""),
          expected
        )
        const whole = events.find(is("item.completed", { kind: "agent-message" }))
        assert.strictEqual(whole === undefined ? undefined : data(whole)["text"], expected)
        // The log has far fewer rows than there were deltas (L5).
        assert.isBelow(events.filter(message).length, 100)
      })
    )
  )

  it.live("T18 a fork at a turn, and a retry, are copies of Codex: the model gets the turns up to there and no later ones", () =>
    withCodex(({ endpoint }) =>
      Effect.gen(function* () {
        const { threadId, turnId: first } = yield* create("[[say apple]]")
        yield* Kit.eventually(is("turn.completed", { turnId: first }))
        const say = (thread: ThreadId, word: string) =>
          Effect.gen(function* () {
            const { turnId } = yield* Kit.dispatch("turn.start", { threadId: thread, text: `[[say ${word}]]` })
            yield* Kit.eventually(is("turn.completed", { turnId }))
            return turnId as TurnId
          })
        const second = yield* say(threadId, "banana")
        const third = yield* say(threadId, "cherry")
        const sent = Effect.map(endpoint.requests, (requests) => JSON.stringify(requests.at(-1)?.input))
        const copied = (thread: string) => is("session.state.changed", { threadId: thread, continuity: "resumed", fork: "agent" })

        const forked = (yield* Kit.dispatch("thread.fork", { threadId, turnId: second })).threadId as ThreadId
        yield* say(forked, "dragonfruit")
        yield* Kit.eventually(copied(forked))
        const atSecond = yield* sent
        for (const word of ["apple", "banana", "dragonfruit"]) assert.include(atSecond, word)
        for (const word of ["cherry", "<transcript>"]) assert.notInclude(atSecond, word)

        const retried = yield* Kit.dispatch("turn.retry", { threadId, turnId: third, text: "[[say elderberry]]" })
        yield* Kit.eventually(is("turn.completed", { turnId: retried.turnId }))
        yield* Kit.eventually(copied(retried.threadId ?? ""))
        const again = yield* sent
        for (const word of ["apple", "banana", "elderberry"]) assert.include(again, word)
        for (const word of ["cherry", "dragonfruit", "<transcript>"]) assert.notInclude(again, word)
      })
    )
  )

  it.live("T13 an approval and a question wait in the log until they are answered", () =>
    withCodex(() =>
      Effect.gen(function* () {
        const { turnId } = yield* create("[[escalate echo yes]] [[ask Which? | A | B]] [[say done]]")
        const approval = yield* Kit.eventually(is("request.opened", { kind: "approval" }))
        yield* Kit.dispatch("request.answer", { requestId: data(approval)["requestId"] as RequestId, decision: "accept" })
        const question = yield* Kit.eventually(is("request.opened", { kind: "question" }))
        yield* Kit.dispatch("request.answer", {
          requestId: data(question)["requestId"] as RequestId,
          answers: { q1: ["B"] }
        })
        yield* Kit.eventually(is("turn.completed", { turnId }))
      })
    )
  )

  it.live("T7 an interrupt ends the turn, and the queue continues", () =>
    withCodex(() =>
      Effect.gen(function* () {
        const { threadId, turnId } = yield* create("[[say partial]] [[hang]]")
        yield* Kit.eventually(is("item.delta", { turnId }))
        const next = yield* Kit.dispatch("turn.start", { threadId, text: "[[say next]]" })
        yield* Kit.dispatch("turn.interrupt", { threadId, turnId })
        yield* Kit.eventually(is("turn.interrupted", { turnId }))
        yield* Kit.eventually(is("turn.completed", { turnId: next.turnId }))
      })
    )
  )

  it.live(
    "P5 after kill -9 of Codex in mid-turn the turn has failed with its text, and the next turn resumes the conversation",
    () =>
      withCodex((home) =>
        Effect.gen(function* () {
          const { threadId, turnId } = yield* create("[[say the first answer]]")
          yield* Kit.eventually(is("turn.completed", { turnId }))
          const second = yield* Kit.dispatch("turn.start", { threadId, text: "[[say half an answer]] [[hang]]" })
          yield* Kit.eventually(is("item.delta", { turnId: second.turnId }))
          process.kill(yield* codexPid(home), "SIGKILL")
          const failed = yield* Kit.eventually(is("turn.failed", { turnId: second.turnId }))
          assert.deepInclude(data(failed)["error"], { kind: "process" })
          const half = yield* Kit.eventually(is("item.completed", { turnId: second.turnId, kind: "agent-message" }))
          assert.deepInclude(data(half), { status: "aborted", text: "half an answer" })
          yield* Kit.eventually(is("session.stopped"))
          const third = yield* Kit.dispatch("turn.start", { threadId, text: "[[say third]]" })
          yield* Kit.eventually(is("turn.completed", { turnId: third.turnId }))
          const resumed = yield* Kit.eventually(is("session.state.changed", { epoch: 2, continuity: "resumed" }))
          assert.strictEqual(resumed.epoch, 2)
          assert.strictEqual((yield* Kit.history).filter(is("turn.failed")).length, 1)
        })
      )
  )
})
