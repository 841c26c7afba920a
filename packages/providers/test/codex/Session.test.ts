/** Codex behaviour that the kit (../Conformance.test.ts) does not cover, with a process that plays Codex's side of the recordings. */
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { ThreadId, TurnId } from "@millrace/contracts/Ids"
import type { OpenInput } from "@millrace/contracts/ProviderAdapter"
import type { ReviewTarget, TurnAction } from "@millrace/contracts/State"
import { Effect, type Scope } from "effect"
import * as Codex from "../../src/codex/Codex.ts"
import * as Ledger from "../../src/process/Ledger.ts"
import { finish, record } from "@millrace/adapter-kit/Recording"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import { player } from "../Drivers.ts"

const threadId = ThreadId.make("thr_played")
const turn = (n: number) => TurnId.make(`trn_${n}`)

const open = (transcript: string, more: Partial<OpenInput> = {}) =>
  Effect.gen(function* () {
    const codexHome = join(import.meta.dirname, "fixtures", transcript.includes("#") ? transcript : `${transcript}.jsonl`)
    const adapter = yield* Codex.make({ binary: player, codexHome })
    const session = yield* adapter.open({ threadId, epoch: 1, cwd: import.meta.dirname, ...more })
    return { session, recording: yield* record(session) }
  })

const played = <E>(name: string, run: Effect.Effect<void, E, Scope.Scope | Ledger.Ledger>) =>
  it.live(name, () => run.pipe(Effect.scoped, Effect.provide(Ledger.layerMemory)))

describe("codex session", () => {
  played(
    "T13 P6 a second request under the id of an open one does not get its answer, and is kept as opaque",
    Effect.gen(function* () {
      const lines = readFileSync(join(import.meta.dirname, "fixtures", "approval-accept.jsonl"), "utf8").split("\n")
      const asks = lines.findIndex((line) => line.includes("requestApproval"))
      const second = lines[asks]?.replace(/"command":"[^"]*"/, '"command":"rm -rf /"') ?? ""
      const codexHome = join(yield* temporaryDirectory, "twice.jsonl")
      writeFileSync(codexHome, lines.toSpliced(asks + 1, 0, second).join("\n"))
      const adapter = yield* Codex.make({ binary: player, codexHome })
      const session = yield* adapter.open({ threadId, epoch: 1, cwd: import.meta.dirname })
      const recording = yield* record(session)
      yield* session.startTurn({ turnId: turn(1), text: "write it" })
      const { ask, requestId } = yield* recording.until("RequestOpened")
      yield* recording.until("Opaque", ({ payload }) => JSON.stringify(payload).includes("rm -rf /"))
      assert.notInclude(JSON.stringify(ask), "rm -rf /")
      yield* session.answer(requestId, { decision: "accept" })
      yield* recording.until("TurnCompleted")
      yield* finish(session, recording, [requestId])
    })
  )

  played(
    "T12 a steer reaches the running turn; a steer to another turn is rejected",
    Effect.gen(function* () {
      const { recording, session } = yield* open("steer")
      yield* session.startTurn({ turnId: turn(1), text: "count" })
      yield* recording.until("ItemDelta")
      const error = yield* Effect.flip(session.steer({ turnId: turn(2), text: "not this one" }))
      assert.deepInclude(error, { outcome: "failed" })
      yield* session.steer({ turnId: turn(1), text: "this one" })
      // The transcript's second steer is one that Codex itself refused.
      const refused = yield* Effect.flip(session.steer({ turnId: turn(1), text: "refused by Codex" }))
      assert.include(refused.failure.message, "expected active turn id")
      yield* recording.until("TurnCompleted")
      yield* finish(session, recording)
    })
  )

  played(
    "T10 a compaction and reviews are our own turns, with one end each; one that Codex rejects fails with its message",
    Effect.gen(function* () {
      const { recording, session } = yield* open("actions/compact-review")
      const begin = (n: number, action: TurnAction) => session.startTurn({ turnId: turn(n), text: "in words", action })
      const review = (target: ReviewTarget): TurnAction => ({ type: "review", target })
      const said = (n: number, kind: string) =>
        recording.events.flatMap((event) =>
          event._tag === "ItemCompleted" && event.turnId === turn(n) && event.kind === kind ? [event.content.text] : []
        )
      yield* session.startTurn({ turnId: turn(1), text: "hello" })
      yield* recording.until("TurnCompleted")
      yield* begin(2, { type: "compact" })
      yield* recording.until("TurnCompleted", ({ turnId }) => turnId === turn(2))
      assert.deepStrictEqual(said(2, "compaction"), ["The conversation was compacted."])

      yield* begin(3, review({ type: "uncommittedChanges" }))
      yield* recording.until("TurnCompleted", ({ turnId }) => turnId === turn(3))
      assert.deepStrictEqual(said(3, "notice"), ["current changes", "answer 3"])
      // Codex's text of the review request is not a user message.
      assert.deepStrictEqual(said(3, "user-message"), [])

      yield* begin(4, review({ type: "custom", instructions: "look" }))
      yield* recording.until("ItemCompleted", ({ kind, turnId }) => kind === "notice" && turnId === turn(4))
      yield* session.interrupt(turn(4))
      yield* recording.until("TurnInterrupted", ({ turnId }) => turnId === turn(4))

      yield* begin(5, review({ type: "baseBranch", branch: "main" }))
      const failed = yield* recording.until("TurnFailed", ({ turnId }) => turnId === turn(5))
      assert.include(failed.error.message, "is not a git repository")

      const refused = yield* Effect.flip(begin(6, { type: "compact" }))
      assert.deepInclude(refused, { outcome: "failed", operation: "thread/compact/start" })
      assert.include(refused.failure.message, "invalid thread id")
      assert.deepStrictEqual(yield* finish(session, recording), [
        "TurnCompleted",
        "TurnCompleted",
        "TurnCompleted",
        "TurnInterrupted",
        "TurnFailed"
      ])
      assert.isFalse(recording.events.some((event) => event._tag === "TurnStarted" && event.origin === "provider"))
    })
  )

  played(
    "P7 a fork is a copy with a separate key; a fork of a lost conversation is a new one, which is reported",
    Effect.gen(function* () {
      const source = "01a1f832-b815-7ef3-bbf0-ef0bbbbcc018"
      const { recording, session } = yield* open("thread-store", { resumeKey: source, fork: true })
      assert.strictEqual(session.continuity, "resumed")
      assert.strictEqual(session.resumeKey, "01a1f832-b996-7281-8b2e-f37377ebda79")
      yield* finish(session, recording)
      const gone = yield* open("two-turns.jsonl#1#lost", { resumeKey: source, fork: true })
      assert.strictEqual(gone.session.continuity, "fresh")
      yield* gone.recording.until("Opaque", ({ method }) => method === "millrace/conversation-lost")
    })
  )

  played(
    "T10 a turn that Codex began by itself is not ours",
    Effect.gen(function* () {
      const { recording, session } = yield* open("goal")
      yield* session.startTurn({ turnId: turn(1), text: "before the goal" })
      yield* recording.until("TurnCompleted", (event) => event.turnId === turn(1))
      assert.deepStrictEqual(yield* finish(session, recording), ["TurnCompleted"])
    })
  )

  played(
    "P5 a failed start gives the agent's message, and leaves no process",
    Effect.gen(function* () {
      const error = yield* Effect.flip(open("bad-config-exit"))
      assert.strictEqual(error.failure.kind, "process")
      assert.include(error.failure.detail ?? "", "no longer supported")
      const ledger = yield* Ledger.Ledger
      assert.deepStrictEqual((yield* ledger.entries).entries, [])
    })
  )

  played(
    "no binary: open and probe say what to do",
    Effect.gen(function* () {
      const adapter = yield* Codex.make({ binary: "/nowhere/codex" })
      const error = yield* Effect.flip(adapter.open({ threadId, epoch: 1, cwd: import.meta.dirname }))
      assert.strictEqual(error.failure.kind, "not-installed")
      assert.include(error.message, "/nowhere/codex is not an executable file")
      assert.deepInclude(yield* adapter.probe, { installed: false, signedIn: "unknown" })
    })
  )
})
