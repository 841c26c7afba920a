/** The adapter with the real `claude` program against a scripted model endpoint, offline. Run by `pnpm test:real`, which installs it. */
import { spawn } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { assert, describe, it } from "@effect/vitest"
import { ThreadId, TurnId } from "@millrace/contracts/Ids"
import { Effect, Exit, Fiber, Scope } from "effect"
import * as Claude from "../../src/claude/Claude.ts"
import * as Ledger from "../../src/process/Ledger.ts"
import { faults, finish, record } from "@millrace/testing/kit/Recording"
import { completed, deltas, opaque, story } from "@millrace/testing/kit/Story"

const binary = process.env["MILLRACE_CLAUDE_BIN"] ?? ""
const threadId = ThreadId.make("thr_real")
const turn = (n: number) => TurnId.make(`trn_${n}`)

/** The model, in a process of its own: it says what the prompt's directives say. */
const endpoint = Effect.acquireRelease(
  Effect.async<{ readonly port: number; readonly kill: () => void }>((resume) => {
    const child = spawn(process.execPath, [join(import.meta.dirname, "endpoint.mjs")], { stdio: ["ignore", "pipe", "inherit"] })
    createInterface({ input: child.stdout }).once("line", (line) => {
      const { port } = JSON.parse(line) as { readonly port: number }
      resume(Effect.succeed({ port, kill: () => void child.kill() }))
    })
  }),
  ({ kill }) => Effect.sync(kill)
)

/** A home of its own and an empty project; the key and the endpoint are what the server's environment would say. */
const world = Effect.gen(function* () {
  const { port } = yield* endpoint
  const root = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "millrace-claude-"))),
    (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
  )
  const cwd = join(root, "project")
  mkdirSync(cwd)
  process.env["ANTHROPIC_BASE_URL"] = `http://127.0.0.1:${port}`
  process.env["ANTHROPIC_API_KEY"] = "not-a-real-key"
  process.env["ANTHROPIC_MODEL"] = "claude-sonnet-4-5"
  process.env["IS_SANDBOX"] = "1"
  const options = { binary, home: root, configDir: join(root, ".claude"), settingSources: [], inherit: ["IS_SANDBOX"] }
  const adapter = yield* Claude.make(options)
  const open = (epoch: number, resumeKey?: string) =>
    Effect.gen(function* () {
      const session = yield* adapter.open({ threadId, epoch, cwd, ...(resumeKey === undefined ? {} : { resumeKey }) })
      return { session, recording: yield* record(session) }
    })
  return { adapter, cwd, open }
})

const live = <E>(name: string, run: Effect.Effect<void, E, Scope.Scope | Ledger.Ledger>) =>
  it.live(name, () => run.pipe(Effect.scoped, Effect.provide(Ledger.layerMemory)))

describe.skipIf(binary === "")("the real claude", () => {
  live(
    "T2 a look, and turns with streamed text and usage",
    Effect.gen(function* () {
      const { adapter, open } = yield* world
      assert.deepInclude(yield* adapter.probe, { installed: true, signedIn: "yes" })
      const { recording, session } = yield* open(1)
      yield* session.startTurn({ turnId: turn(1), text: '[[think n=2]] [[say text="Hello from the scripted model."]]' })
      const end = yield* recording.until("TurnCompleted")
      assert.strictEqual(end.usage?.inputTokens, 100)
      assert.strictEqual(deltas(recording.events, "agent-message"), "Hello from the scripted model.")
      assert.deepStrictEqual(completed(recording.events, "reasoning"), [{ text: "thought0 thought1 " }])
      yield* session.startTurn({ turnId: turn(2), text: "[[deltas n=500]]" })
      yield* recording.until("TurnCompleted", (event) => event.turnId === turn(2))
      const [, second] = completed(recording.events, "agent-message")
      assert.strictEqual((second?.text ?? "").match(/d\d+@/g)?.length, 500)
      assert.deepStrictEqual(yield* finish(session, recording), ["TurnCompleted", "TurnCompleted"])
    })
  )

  live(
    "T13 accept runs it, decline does not, cancel ends the turn; for the session it is not asked again",
    Effect.gen(function* () {
      const { cwd, open } = yield* world
      const { recording, session } = yield* open(1)
      const asked: Array<string> = []
      const run = (n: number, file: string, decision: "accept" | "accept-for-session" | "decline" | "cancel") =>
        Effect.gen(function* () {
          yield* session.startTurn({ turnId: turn(n), text: `[[shell cmd="touch ${file}"]]` })
          const { requestId } = yield* recording.until("RequestOpened", (event) => event.turnId === turn(n))
          asked.push(requestId)
          yield* session.answer(requestId, { decision })
        })
      yield* run(1, "yes.txt", "accept")
      yield* recording.until("TurnCompleted", (event) => event.turnId === turn(1))
      assert.isTrue(existsSync(join(cwd, "yes.txt")))
      yield* run(2, "no.txt", "decline")
      yield* recording.until("TurnCompleted", (event) => event.turnId === turn(2))
      yield* run(3, "cancelled.txt", "cancel")
      yield* recording.until("TurnInterrupted", (event) => event.turnId === turn(3))
      assert.isFalse(existsSync(join(cwd, "no.txt")) || existsSync(join(cwd, "cancelled.txt")))
      yield* run(4, "always.txt", "accept-for-session")
      yield* recording.until("TurnCompleted", (event) => event.turnId === turn(4))
      yield* session.startTurn({ turnId: turn(5), text: '[[shell cmd="touch always.txt"]]' })
      yield* recording.until("TurnCompleted", (event) => event.turnId === turn(5))
      yield* finish(session, recording, asked)
      assert.strictEqual(asked.length, recording.events.filter((event) => event._tag === "RequestOpened").length)
      assert.isFalse(existsSync(join(cwd, ".claude")))
    })
  )

  live(
    "T7 an interrupt in mid-text, one right after the start, a stop over an open question",
    Effect.gen(function* () {
      const { open } = yield* world
      const { recording, session } = yield* open(1)
      yield* session.startTurn({ turnId: turn(1), text: "[[hang after=3]]" })
      yield* recording.until("ItemDelta", (event) => event.text.startsWith("d2@"))
      yield* session.interrupt(turn(1))
      yield* recording.until("TurnInterrupted", (event) => event.turnId === turn(1))
      yield* session.startTurn({ turnId: turn(2), text: "[[hang after=3]]" })
      yield* session.interrupt(turn(2))
      yield* recording.until("TurnInterrupted", (event) => event.turnId === turn(2))
      yield* session.startTurn({ turnId: turn(3), text: '[[shell cmd="touch never.txt"]]' })
      yield* recording.until("RequestOpened")
      assert.deepStrictEqual(yield* finish(session, recording), ["TurnInterrupted", "TurnInterrupted", "TurnInterrupted"])
    })
  )

  live(
    "P5 killed and resumed: the conversation goes on; one that was never written begins anew, and says so",
    Effect.gen(function* () {
      const { open } = yield* world
      const first = yield* open(1)
      yield* first.session.startTurn({ turnId: turn(1), text: '[[say text="a finished turn"]]' })
      yield* first.recording.until("TurnCompleted")
      yield* finish(first.session, first.recording)

      const own = yield* Scope.make()
      const second = yield* Scope.extend(open(2, first.session.resumeKey), own)
      assert.strictEqual(second.session.continuity, "resumed")
      yield* second.session.startTurn({ turnId: turn(2), text: "[[hang after=3]]" })
      yield* second.recording.until("ItemDelta", (event) => event.text.startsWith("d2@"))
      const ledger = yield* Ledger.Ledger
      for (const { group } of (yield* ledger.entries).entries) process.kill(-group, "SIGKILL")
      yield* Fiber.join(second.recording.done)
      assert.strictEqual(story(second.recording.events).at(-1), "failed process")
      yield* Scope.close(own, Exit.void)

      const third = yield* open(3, first.session.resumeKey)
      assert.strictEqual(third.session.continuity, "resumed")
      yield* third.session.startTurn({ turnId: turn(3), text: '[[say text="after the crash"]]' })
      yield* third.recording.until("TurnCompleted")
      yield* finish(third.session, third.recording)
      assert.deepStrictEqual(faults(third.recording.events), [])

      const lost = yield* open(4, "00000000-0000-4000-8000-000000000000")
      assert.strictEqual(lost.session.continuity, "fresh")
      yield* lost.recording.until("Opaque")
      assert.deepStrictEqual(opaque(lost.recording.events), ["millrace/conversation-lost"])
      yield* finish(lost.session, lost.recording)
    })
  )

  live(
    "T11 a model that answers 400 is a failure",
    Effect.gen(function* () {
      const { open } = yield* world
      const { recording, session } = yield* open(1)
      yield* session.startTurn({ turnId: turn(1), text: "[[status code=400]]" })
      const failed = yield* recording.until("TurnFailed")
      assert.strictEqual(failed.error.kind, "protocol")
      yield* finish(session, recording)
    })
  )
})
