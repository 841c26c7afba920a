/** Claude behaviour that the kit (../Conformance.test.ts) does not cover, with a process that plays Claude's side of the recordings. */
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { ThreadId, TurnId } from "@millrace/contracts/Ids"
import { Effect, type Scope } from "effect"
import * as Claude from "../../src/claude/Claude.ts"
import * as Ledger from "../../src/process/Ledger.ts"
import { finish, record } from "@millrace/adapter-kit/Recording"
import { player } from "../Drivers.ts"

const threadId = ThreadId.make("thr_played")
const turn = (n: number) => TurnId.make(`trn_${n}`)

const open = (transcript: string) =>
  Effect.gen(function* () {
    const configDir = join(import.meta.dirname, "fixtures", `${transcript}.jsonl`)
    const adapter = yield* Claude.make({ binary: player, configDir })
    const session = yield* adapter.open({ threadId, epoch: 1, cwd: import.meta.dirname })
    return { session, recording: yield* record(session) }
  })

const played = <E>(name: string, run: Effect.Effect<void, E, Scope.Scope | Ledger.Ledger>) =>
  it.live(name, () => run.pipe(Effect.scoped, Effect.provide(Ledger.layerMemory)))

describe("claude session", () => {
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
    "T13 P6 a second request under the id of an open one does not get its answer, and is kept as opaque",
    Effect.gen(function* () {
      const adapter = yield* Claude.make({ binary: join(import.meta.dirname, "twice.mjs") })
      const session = yield* adapter.open({ threadId, epoch: 1, cwd: import.meta.dirname })
      const recording = yield* record(session)
      yield* session.startTurn({ turnId: turn(1), text: "go" })
      const { ask, requestId } = yield* recording.until("RequestOpened")
      assert.include(ask.title, "ls")
      yield* recording.until("ItemCompleted")
      yield* session.answer(requestId, { decision: "accept" })
      yield* recording.until("TurnCompleted")
      yield* finish(session, recording, [requestId])
      assert.deepStrictEqual(
        recording.events.flatMap((event) => (event._tag === "ItemCompleted" ? [event.content.text] : [])),
        ["asked", "ls"]
      )
      assert.include(JSON.stringify(recording.events.filter(({ _tag }) => _tag === "Opaque")), "rm -rf /")
    })
  )

  played(
    "T7 an interrupt is sent although Claude rejects the withdrawal of a message, or does not answer it",
    Effect.gen(function* () {
      const adapter = yield* Claude.make({ binary: join(import.meta.dirname, "steered.mjs") })
      const session = yield* adapter.open({ threadId, epoch: 1, cwd: import.meta.dirname })
      const recording = yield* record(session)
      yield* session.startTurn({ turnId: turn(1), text: "go" })
      yield* recording.until("TurnStarted")
      for (const text of ["two", "three", "four"]) yield* session.steer({ turnId: turn(1), text })
      yield* session.interrupt(turn(1))
      yield* recording.until("TurnInterrupted")
      yield* finish(session, recording)
    })
  )

  played(
    "a probe returns the version; without a program open and probe say what to do",
    Effect.gen(function* () {
      const adapter = yield* Claude.make({ binary: player })
      assert.deepInclude(yield* adapter.probe, { provider: "claude", installed: true, version: "2.1.197" })
      const nowhere = yield* Claude.make({ binary: "/nowhere/claude" })
      const error = yield* Effect.flip(nowhere.open({ threadId, epoch: 1, cwd: import.meta.dirname }))
      assert.strictEqual(error.failure.kind, "not-installed")
      assert.include(error.message, "npm install -g @anthropic-ai/claude-code")
      assert.deepInclude(yield* nowhere.probe, { installed: false, signedIn: "unknown" })
    })
  )
})
