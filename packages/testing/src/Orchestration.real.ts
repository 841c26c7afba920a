/** The real Codex with the whole orchestration, over a log in memory. Run by `pnpm test:real`. */
import { assert, describe, it } from "@effect/vitest"
import type { LogEvent } from "@millrace/contracts/Event"
import type { RequestId, ThreadId } from "@millrace/contracts/Ids"
import * as Verify from "@millrace/orchestration/readmodel/Verify"
import * as Codex from "@millrace/providers/internal/codex/Codex"
import * as Ledger from "@millrace/providers/process/Ledger"
import { Effect } from "effect"
import { codexBin, codexPid, makeCodexHome } from "./CodexHome.ts"
import * as ModelEndpoint from "./ModelEndpoint.ts"
import * as Kit from "./Orchestration.ts"

const data = (event: LogEvent) => event.data as Readonly<Record<string, unknown>>

/** Runs a test with the whole orchestration. Afterwards the log must pass `verify`. */
const withCodex = <E, R>(test: (home: { readonly workspace: string; readonly codexHome: string }) => Effect.Effect<void, E, R>) =>
  Effect.gen(function* () {
    const endpoint = yield* ModelEndpoint.make
    const home = yield* makeCodexHome(endpoint)
    const codex = yield* Codex.make({ binary: yield* codexBin, home: home.home, codexHome: home.codexHome })
    // Threads of the kit use the directory /work. Codex needs an existing one.
    const adapter = { ...codex, open: (input: Parameters<typeof codex.open>[0]) => codex.open({ ...input, cwd: home.workspace }) }
    const layer = Kit.layer({ providers: [{ adapter, calls: [], live: () => 0 }] })
    yield* test(home).pipe(
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
