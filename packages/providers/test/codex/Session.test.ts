/** The whole adapter against a process that plays Codex' side of the transcripts: the default lane needs no binary. */
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { ThreadId, TurnId } from "@millrace/contracts/Ids"
import { Effect, Fiber, type Scope } from "effect"
import * as Codex from "../../src/codex/Codex.ts"
import * as Ledger from "../../src/process/Ledger.ts"
import { faults, finish, record } from "../Recording.ts"

const binary = join(import.meta.dirname, "player.mjs")
const threadId = ThreadId.make("thr_played")
const turn = (n: number) => TurnId.make(`trn_${n}`)

const open = (transcript: string, process = 1, resumeKey?: string) =>
  Effect.gen(function* () {
    const codexHome = `${join(import.meta.dirname, "fixtures", `${transcript}.jsonl`)}#${process}`
    const adapter = yield* Codex.make({ binary, codexHome })
    const input = { threadId, epoch: process, cwd: import.meta.dirname }
    const session = yield* adapter.open(resumeKey === undefined ? input : { ...input, resumeKey })
    return { session, recording: yield* record(session) }
  })

const played = <E>(name: string, run: Effect.Effect<void, E, Scope.Scope | Ledger.Ledger>) =>
  it.live(name, () => run.pipe(Effect.scoped, Effect.provide(Ledger.layerMemory)))

describe("codex session", () => {
  played(
    "T2 a turn, from handshake to stop",
    Effect.gen(function* () {
      const { recording, session } = yield* open("basic-turn")
      assert.strictEqual(session.continuity, "fresh")
      assert.match(session.resumeKey ?? "", /^[0-9a-f]{8}-[0-9a-f]{4}-7/)
      yield* session.startTurn({ turnId: turn(1), text: "hello" })
      const started = yield* recording.until("TurnStarted")
      assert.deepInclude(started, { turnId: turn(1), origin: "user" })
      yield* recording.until("TurnCompleted")
      assert.deepStrictEqual(yield* finish(session, recording), ["TurnCompleted"])
    })
  )

  played(
    "T13 an approval is answered once; the second answer is a no-op",
    Effect.gen(function* () {
      const { recording, session } = yield* open("approval-decline")
      yield* session.startTurn({ turnId: turn(1), text: "run it" })
      const { requestId } = yield* recording.until("RequestOpened")
      yield* session.answer(requestId, { decision: "decline" })
      yield* session.answer(requestId, { decision: "accept" })
      yield* recording.until("TurnCompleted")
      const command = yield* recording.until("ItemCompleted", (event) => event.kind === "command")
      assert.strictEqual(command.status, "declined")
      assert.deepStrictEqual(yield* finish(session, recording, [requestId]), ["TurnCompleted"])
    })
  )

  played(
    "T13 a question is answered",
    Effect.gen(function* () {
      const { recording, session } = yield* open("request-user-input")
      yield* session.startTurn({ turnId: turn(1), text: "ask me" })
      const { requestId } = yield* recording.until("RequestOpened", (event) => event.ask.kind === "question")
      yield* session.answer(requestId, { answers: { color: ["Blue"] } })
      yield* recording.until("TurnCompleted")
      yield* finish(session, recording, [requestId])
    })
  )

  played(
    "P6 a request that is not known is refused, and the turn goes on",
    Effect.gen(function* () {
      const { recording, session } = yield* open("dynamic-tool")
      yield* session.startTurn({ turnId: turn(1), text: "call a tool" })
      yield* recording.until("TurnCompleted")
      yield* recording.until("Opaque", (event) => event.method === "item/tool/call")
      yield* finish(session, recording)
    })
  )

  played(
    "T7 an interrupt, one of an ended turn, and the next turn",
    Effect.gen(function* () {
      const { recording, session } = yield* open("interrupt")
      yield* session.startTurn({ turnId: turn(1), text: "go on for ever" })
      yield* recording.until("ItemDelta", (event) => event.text.startsWith("d2@"))
      yield* session.interrupt(turn(1))
      yield* recording.until("TurnInterrupted", (event) => event.turnId === turn(1))
      yield* session.interrupt(turn(1))
      yield* session.startTurn({ turnId: turn(2), text: "again" })
      yield* recording.until("TurnCompleted", (event) => event.turnId === turn(2))
      assert.deepStrictEqual(yield* finish(session, recording), ["TurnInterrupted", "TurnCompleted"])
    })
  )

  played(
    "T12 a steer goes to the running turn; to another it is refused",
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
    "P5 a kill in mid-turn fails the turn and ends the stream; the next session resumes the conversation",
    Effect.gen(function* () {
      const { recording, session } = yield* open("kill-resume")
      yield* session.startTurn({ turnId: turn(1), text: "first" })
      yield* recording.until("TurnCompleted")
      yield* session.startTurn({ turnId: turn(2), text: "second" })
      yield* Fiber.join(recording.done)
      const failed = yield* recording.until("TurnFailed")
      assert.deepInclude(failed, { turnId: turn(2) })
      assert.strictEqual(failed.error.kind, "process")
      assert.deepStrictEqual(faults(recording.events), [])
      const late = yield* Effect.flip(session.startTurn({ turnId: turn(3), text: "too late" }))
      assert.strictEqual(late.failure.kind, "process")

      const again = yield* open("kill-resume", 2, session.resumeKey)
      assert.strictEqual(again.session.continuity, "resumed")
      assert.strictEqual(again.session.resumeKey, session.resumeKey)
      yield* again.session.startTurn({ turnId: turn(4), text: "go on" })
      yield* again.recording.until("TurnCompleted")
      assert.deepStrictEqual(yield* finish(again.session, again.recording), ["TurnCompleted"])
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
    "P5 a start that fails says with which words, and leaves no process",
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
      assert.include(error.message, "/nowhere/codex is no program that can be run")
      assert.deepInclude(yield* adapter.probe, { installed: false, signedIn: "unknown" })
    })
  )
})
