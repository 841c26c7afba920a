/** The whole adapter against a process that plays Claude's side of the transcripts: the default lane needs no program. */
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { ThreadId, TurnId } from "@millrace/contracts/Ids"
import { Effect, Fiber, type Scope } from "effect"
import * as Claude from "../../src/claude/Claude.ts"
import * as Ledger from "../../src/process/Ledger.ts"
import { faults, finish, record } from "../Recording.ts"

const binary = join(import.meta.dirname, "player.mjs")
const threadId = ThreadId.make("thr_played")
const turn = (n: number) => TurnId.make(`trn_${n}`)

const open = (transcript: string, process = 1, resumeKey?: string) =>
  Effect.gen(function* () {
    const configDir = `${join(import.meta.dirname, "fixtures", `${transcript}.jsonl`)}#${process}`
    const adapter = yield* Claude.make({ binary, configDir })
    const input = { threadId, epoch: process, cwd: import.meta.dirname }
    const session = yield* adapter.open(resumeKey === undefined ? input : { ...input, resumeKey })
    return { session, recording: yield* record(session) }
  })

const played = <E>(name: string, run: Effect.Effect<void, E, Scope.Scope | Ledger.Ledger>) =>
  it.live(name, () => run.pipe(Effect.scoped, Effect.provide(Ledger.layerMemory)))

describe("claude session", () => {
  played(
    "T2 two turns, from handshake to stop",
    Effect.gen(function* () {
      const { recording, session } = yield* open("two-turns")
      assert.strictEqual(session.continuity, "fresh")
      assert.match(session.resumeKey ?? "", /^[0-9a-f-]{36}$/)
      yield* session.startTurn({ turnId: turn(1), text: "hello" })
      assert.deepInclude(yield* recording.until("TurnStarted"), { turnId: turn(1), origin: "user" })
      yield* recording.until("TurnCompleted", (event) => event.turnId === turn(1))
      yield* session.startTurn({ turnId: turn(2), text: "again" })
      yield* recording.until("TurnCompleted", (event) => event.turnId === turn(2))
      assert.deepStrictEqual(yield* finish(session, recording), ["TurnCompleted", "TurnCompleted"])
    })
  )

  played(
    "T13 an approval is answered once; the second answer is a no-op",
    Effect.gen(function* () {
      const { recording, session } = yield* open("tool-approval-deny")
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
    "T13 accept runs it, cancel ends the turn",
    Effect.gen(function* () {
      const yes = yield* open("tool-approval-allow")
      yield* yes.session.startTurn({ turnId: turn(1), text: "run it" })
      const first = yield* yes.recording.until("RequestOpened")
      yield* yes.session.answer(first.requestId, { decision: "accept" })
      yield* yes.recording.until("TurnCompleted")
      yield* finish(yes.session, yes.recording, [first.requestId])

      const no = yield* open("tool-approval-deny-interrupt")
      yield* no.session.startTurn({ turnId: turn(2), text: "run it" })
      const second = yield* no.recording.until("RequestOpened")
      yield* no.session.answer(second.requestId, { decision: "cancel" })
      yield* no.recording.until("TurnInterrupted")
      yield* finish(no.session, no.recording, [second.requestId])
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
    "T7 a stop in mid-turn interrupts it first, so that the end is in words",
    Effect.gen(function* () {
      const { recording, session } = yield* open("interrupt")
      yield* session.startTurn({ turnId: turn(1), text: "go on for ever" })
      yield* recording.until("ItemDelta", (event) => event.text.startsWith("d2@"))
      assert.deepStrictEqual(yield* finish(session, recording), ["TurnInterrupted"])
      const said = yield* recording.until("ItemCompleted")
      assert.strictEqual(said.status, "completed")
    })
  )

  played(
    "T13 an open request and a stop: the request is cancelled with its turn",
    Effect.gen(function* () {
      const { recording, session } = yield* open("tool-approval-allow")
      yield* session.startTurn({ turnId: turn(1), text: "run it" })
      const { requestId } = yield* recording.until("RequestOpened")
      assert.deepStrictEqual(yield* finish(session, recording), ["TurnInterrupted"])
      yield* session.answer(requestId, { decision: "accept" })
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
    "P7 a conversation that Claude has lost: a new one in a second process, and a notice",
    Effect.gen(function* () {
      const { recording, session } = yield* open("kill-resume-early", 2, "cee5cbb6-e7a1-4448-91aa-e383b7174302")
      assert.strictEqual(session.continuity, "fresh")
      assert.notStrictEqual(session.resumeKey, "cee5cbb6-e7a1-4448-91aa-e383b7174302")
      const notice = yield* recording.until("Opaque")
      assert.strictEqual(notice.method, "millrace/conversation-lost")
      const ledger = yield* Ledger.Ledger
      assert.strictEqual((yield* ledger.entries).entries.length, 1)
      yield* session.startTurn({ turnId: turn(1), text: "hello again" })
      yield* recording.until("TurnCompleted")
      yield* finish(session, recording)
    })
  )

  played(
    "a look gives the version; without a program open and probe say what to do",
    Effect.gen(function* () {
      const adapter = yield* Claude.make({ binary })
      assert.deepInclude(yield* adapter.probe, { provider: "claude", installed: true, version: "2.1.197" })
      const nowhere = yield* Claude.make({ binary: "/nowhere/claude" })
      const error = yield* Effect.flip(nowhere.open({ threadId, epoch: 1, cwd: import.meta.dirname }))
      assert.strictEqual(error.failure.kind, "not-installed")
      assert.include(error.message, "npm install -g @anthropic-ai/claude-code")
      assert.deepInclude(yield* nowhere.probe, { installed: false, signedIn: "unknown" })
    })
  )
})
