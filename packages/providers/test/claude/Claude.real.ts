/** The adapter with the real `claude` program against a scripted model endpoint, offline. Run by `pnpm test:real`, which installs it. */
import { spawn } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { assert, describe, it } from "@effect/vitest"
import { defined } from "@millrace/contracts/Defined"
import { ThreadId, TurnId } from "@millrace/contracts/Ids"
import type { OpenInput } from "@millrace/contracts/ProviderAdapter"
import type { ProviderEvent } from "@millrace/contracts/ProviderEvent"
import { Chunk, Clock, Effect, Exit, Fiber, Scope, Stream } from "effect"
import * as Claude from "../../src/claude/Claude.ts"
import * as Ledger from "../../src/process/Ledger.ts"
import * as McpServer from "@millrace/testing/McpServer"
import * as Kit from "@millrace/testing/Orchestration"
import * as Shot from "@millrace/testing/Shot"
import { faults, finish, record } from "@millrace/adapter-kit/Recording"
import { completed, deltas, opaque, reported, story } from "@millrace/adapter-kit/Story"

const binary = process.env["MILLRACE_CLAUDE_BIN"] ?? ""
const threadId = ThreadId.make("thr_real")
const fieldsOf = ({ data }: { readonly data: unknown }) => data as Readonly<Record<string, unknown>>
const turn = (n: number) => TurnId.make(`trn_${n}`)

/** The scripted model, in a separate process: it follows the prompt's directives and writes its requests to a file. */
const endpointWith = (log: string) =>
  Effect.acquireRelease(
    Effect.async<{ readonly port: number; readonly kill: () => void }>((resume) => {
      const child = spawn(process.execPath, [join(import.meta.dirname, "endpoint.mjs"), "--notice-delay", "2000", "--log", log], {
        stdio: ["ignore", "pipe", "inherit"]
      })
      createInterface({ input: child.stdout }).once("line", (line) => {
        const { port } = JSON.parse(line) as { readonly port: number }
        resume(Effect.succeed({ port, kill: () => void child.kill() }))
      })
    }),
    ({ kill }) => Effect.sync(kill)
  )

/** The sign-in of a subscription. Claude reads the limits of an account only with it. */
const subscription = { CLAUDE_CODE_OAUTH_TOKEN: "not-a-real-token" }

/** A separate home and an empty project; the key and the endpoint stand for the server's environment. */
const world = Effect.suspend(() => worldOf({ ANTHROPIC_API_KEY: "not-a-real-key" }))
const worldOf = Effect.fnUntraced(function* (signedIn: Readonly<Record<string, string>>) {
  const root = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "millrace-claude-"))),
    (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
  )
  const log = join(root, "requests.jsonl")
  const { port } = yield* endpointWith(log)
  const cwd = join(root, "project")
  mkdirSync(cwd)
  process.env["ANTHROPIC_BASE_URL"] = `http://127.0.0.1:${port}`
  for (const name of ["ANTHROPIC_API_KEY", "CLAUDE_CODE_OAUTH_TOKEN"]) {
    delete process.env[name]
    if (signedIn[name] !== undefined) process.env[name] = signedIn[name]
  }
  process.env["ANTHROPIC_MODEL"] = "claude-sonnet-4-5"
  process.env["IS_SANDBOX"] = "1"
  const options = { binary, home: root, configDir: join(root, ".claude"), settingSources: [], inherit: ["IS_SANDBOX"] }
  const adapter = yield* Claude.make(options)
  const open = (epoch: number, resumeKey?: string, more: Partial<OpenInput> = {}) =>
    Effect.gen(function* () {
      const session = yield* adapter.open({ threadId, epoch, cwd, ...defined({ resumeKey }), ...more })
      return { session, recording: yield* record(session) }
    })
  return { adapter, cwd, log, open }
})

const live = <E>(name: string, run: Effect.Effect<void, E, Scope.Scope | Ledger.Ledger>) =>
  // Claude takes 3 s to start on a quiet machine, and up to 30 s on a busy one.
  it.live(name, () => run.pipe(Effect.scoped, Effect.provide(Ledger.layerMemory)), 120_000)

describe.skipIf(binary === "")("the real claude", () => {
  live(
    "an image in a prompt arrives at the model as an image, and an image that a tool reads is a file of its item",
    Effect.gen(function* () {
      const { cwd, open } = yield* world
      const { recording, session } = yield* open(1)
      const shot = Shot.attachment(cwd)
      assert.isTrue(session.takes?.(shot))
      assert.isFalse(session.takes?.({ ...shot, bytes: 6_000_000 }))
      yield* session.startTurn({ turnId: turn(1), text: "[[seen]]", attachments: [shot] })
      yield* recording.until("TurnCompleted")
      assert.strictEqual(deltas(recording.events, "agent-message"), "base64 image/png")
      const args = JSON.stringify(JSON.stringify({ file_path: shot.path }))
      yield* session.startTurn({ turnId: turn(2), text: `[[tool name=Read args=${args}]]` })
      const read = yield* recording.until("ItemCompleted", ({ kind }) => kind === "tool-call")
      assert.strictEqual(read.content.result, "[image: image-1.png]")
      assert.deepInclude(read.files?.[0], { name: "image-1.png", mediaType: "image/png" })
      yield* recording.until("TurnCompleted", ({ turnId }) => turnId === turn(2))
      assert.deepStrictEqual(yield* finish(session, recording), ["TurnCompleted", "TurnCompleted"])
    })
  )

  live(
    "T17 a model, an effort, a permission mode and instructions that change between two turns arrive at the model",
    Effect.gen(function* () {
      const { cwd, log, open } = yield* world
      const run = (epoch: number, more: Partial<OpenInput>, resumeKey?: string) =>
        Effect.gen(function* () {
          const { recording, session } = yield* open(epoch, resumeKey, more)
          yield* session.startTurn({ turnId: turn(epoch), text: `[[say text="answer ${epoch}"]]` })
          yield* recording.until("TurnCompleted")
          const key = session.resumeKey ?? ""
          yield* finish(session, recording)
          const lines = readFileSync(log, "utf8").trim().split("\n")
          return {
            key,
            request: lines.findLast((line) => line.includes(`answer ${epoch}`) && line.includes('"stream":true')) ?? ""
          }
        })
      const settings = { effort: "low", permissionMode: "ask", instructions: "-be brief", directories: [tmpdir()] } as const
      const one = yield* run(1, { model: "claude-opus-4-5", settings })
      assert.include(one.request, '"model":"claude-opus-4-5')
      assert.include(one.request, '"effort":"low"')
      assert.include(one.request, "-be brief")
      const two = yield* run(2, { model: "claude-sonnet-4-6", settings: { effort: "high", permissionMode: "plan" } }, one.key)
      assert.include(two.request, '"model":"claude-sonnet-4-6')
      assert.include(two.request, '"effort":"high"')
      assert.include(two.request, "Plan mode is active")
      assert.include(two.request, "answer 1")
      const { recording, session } = yield* open(3, one.key, { settings: { permissionMode: "full-access" } })
      yield* session.startTurn({ turnId: turn(3), text: '[[shell cmd="touch made.txt"]]' })
      yield* recording.until("TurnCompleted")
      assert.isTrue(existsSync(join(cwd, "made.txt")))
      assert.isFalse(recording.events.some((event) => event._tag === "RequestOpened"))
    })
  )

  live(
    "X4 a tool of an MCP server of the thread runs, with the value of its secret",
    Effect.gen(function* () {
      const { open } = yield* world
      const settings = { permissionMode: "full-access", mcpServers: McpServer.servers() } as const
      const { recording, session } = yield* open(1, undefined, { settings })
      const args = JSON.stringify(JSON.stringify({ name: "Ada" }))
      yield* session.startTurn({ turnId: turn(1), text: `[[tool name=mcp__greeter__greet args=${args}]]` })
      const { content } = yield* recording.until("ItemCompleted", ({ kind }) => kind === "tool-call")
      assert.deepInclude(content, { tool: "greeter/greet", result: McpServer.greeting("Ada") })
      yield* recording.until("TurnCompleted")
      yield* finish(session, recording)
      assert.notInclude(JSON.stringify(recording.events), McpServer.key)
    })
  )

  live(
    "T17 a running session takes a model, an effort and a permission mode, and their defaults; it cannot get full access",
    Effect.gen(function* () {
      const { log, open } = yield* world
      const { recording, session } = yield* open(1, undefined, { settings: { permissionMode: "ask" } })
      const run = (n: number) =>
        Effect.gen(function* () {
          yield* session.startTurn({ turnId: turn(n), text: `[[say text="answer ${n}"]]` })
          yield* recording.until("TurnCompleted", ({ turnId }) => turnId === turn(n))
          const lines = readFileSync(log, "utf8").trim().split("\n")
          return lines.findLast((line) => line.includes(`answer ${n}`) && line.includes('"stream":true')) ?? ""
        })
      yield* run(1)
      yield* session.configure?.({ model: "claude-opus-4-5", effort: "low", permissionMode: "plan" }) ?? Effect.void
      const two = yield* run(2)
      assert.include(two, '"model":"claude-opus-4-5')
      assert.include(two, '"effort":"low"')
      assert.include(two, "Plan mode is active")
      yield* session.configure?.({ effort: undefined, permissionMode: "accept-edits" }) ?? Effect.void
      assert.notInclude(yield* run(3), '"effort":"low"')
      yield* session.configure?.({ model: undefined }) ?? Effect.void
      assert.include(yield* run(4), '"model":"claude-sonnet-4-5')
      const refused = yield* Effect.flip(session.configure?.({ permissionMode: "full-access" }) ?? Effect.void)
      assert.include(refused.message, "bypassPermissions")
      yield* finish(session, recording)
    })
  )

  live(
    "T2 a probe, and turns with streamed text and usage",
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
    "T13 accept runs it, decline does not, cancel ends the turn; accept-for-session is not asked again",
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
    "T7 an interrupt in mid-text, one right after the start, a stop during an open question",
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
    "P5 killed and resumed: the conversation continues; one that was never written begins anew, which is reported",
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
    "T12 a steer joins the turn at a tool's result; one during the last text is answered in the same turn; an interrupt withdraws it",
    Effect.gen(function* () {
      const { open } = yield* world
      const { recording, session } = yield* open(1)
      // The tool waits for an answer, so the steer is there before its result.
      yield* session.startTurn({ turnId: turn(1), text: '[[shell cmd="touch steered.txt"]]' })
      const { requestId } = yield* recording.until("RequestOpened")
      yield* session.steer({ turnId: turn(1), text: "BETA" })
      yield* session.answer(requestId, { decision: "accept" })
      yield* recording.until("TurnCompleted", (event) => event.turnId === turn(1))
      yield* session.startTurn({ turnId: turn(2), text: "[[echo]]" })
      yield* recording.until("TurnCompleted", (event) => event.turnId === turn(2))
      assert.deepStrictEqual(answers(recording.events, turn(2)), ["BETA"])

      yield* session.startTurn({ turnId: turn(3), text: "[[deltas n=20 every=100]]" })
      yield* recording.until("ItemDelta", (event) => event.turnId === turn(3))
      yield* session.steer({ turnId: turn(3), text: '[[say text="STEERED"]]' })
      const end = yield* recording.until("TurnCompleted", (event) => event.turnId === turn(3))
      assert.strictEqual(answers(recording.events, turn(3)).at(-1), "STEERED")
      assert.strictEqual(answers(recording.events, turn(3)).length, 2)
      assert.strictEqual(end.usage?.inputTokens, 200)

      yield* session.startTurn({ turnId: turn(4), text: "[[hang after=3]]" })
      yield* recording.until("ItemDelta", (event) => event.turnId === turn(4))
      yield* session.steer({ turnId: turn(4), text: '[[say text="NEVER"]]' })
      yield* session.interrupt(turn(4))
      yield* recording.until("TurnInterrupted", (event) => event.turnId === turn(4))
      yield* session.startTurn({ turnId: turn(5), text: '[[say text="after"]]' })
      yield* recording.until("TurnCompleted", (event) => event.turnId === turn(5))
      assert.deepStrictEqual(answers(recording.events, turn(5)), ["after"])
      const late = yield* Effect.flip(session.steer({ turnId: turn(5), text: "too late" }))
      assert.strictEqual(late.failure.kind, "refused")
      yield* finish(session, recording, [requestId])
      assert.deepStrictEqual(faults(recording.events), [])
      assert.deepStrictEqual(answers(recording.events, "provider"), [])
      assert.notInclude(JSON.stringify(recording.events), "NEVER")
    })
  )

  live(
    "P7 a fork has the conversation under a separate key, while the source continues without its new turns",
    Effect.gen(function* () {
      const { open } = yield* world
      const source = yield* open(1)
      yield* source.session.startTurn({ turnId: turn(1), text: 'ALPHA [[say text="a"]]' })
      yield* source.recording.until("TurnCompleted")
      const key = source.session.resumeKey
      const copy = yield* open(2, key, { fork: true })
      assert.strictEqual(copy.session.continuity, "resumed")
      // Claude writes the copy with its first turn: until then there is nothing to resume.
      assert.isUndefined(copy.session.resumeKey)
      yield* copy.session.startTurn({ turnId: turn(2), text: "BETA [[echo]]" })
      yield* copy.recording.until("TurnCompleted", (event) => event.turnId === turn(2))
      assert.include(answers(copy.recording.events, turn(2))[0], "ALPHA")
      assert.isDefined(copy.session.resumeKey)
      assert.notStrictEqual(copy.session.resumeKey, key)
      yield* source.session.startTurn({ turnId: turn(3), text: "[[echo]]" })
      yield* source.recording.until("TurnCompleted", (event) => event.turnId === turn(3))
      assert.notInclude(answers(source.recording.events, turn(3))[0], "BETA")
      const kept = copy.session.resumeKey
      yield* finish(copy.session, copy.recording)
      yield* finish(source.session, source.recording)
      const again = yield* open(3, kept)
      assert.strictEqual(again.session.continuity, "resumed")
      yield* again.session.startTurn({ turnId: turn(4), text: "[[echo]]" })
      yield* again.recording.until("TurnCompleted", (event) => event.turnId === turn(4))
      assert.include(answers(again.recording.events, turn(4))[0], "BETA")
      yield* finish(again.session, again.recording)
    })
  )

  live(
    "P7 a fork at a turn has the conversation up to that turn; one at an unknown turn is a new conversation, which is reported",
    Effect.gen(function* () {
      const { open } = yield* world
      const source = yield* open(1)
      for (const [n, text] of ['ALPHA [[shell cmd="touch a.txt"]]', 'BETA [[say text="b"]]'].entries()) {
        yield* source.session.startTurn({ turnId: turn(n + 1), text })
        if (n === 0) {
          const { requestId } = yield* source.recording.until("RequestOpened")
          yield* source.session.answer(requestId, { decision: "accept" })
        }
        yield* source.recording.until("TurnCompleted", ({ turnId }) => turnId === turn(n + 1))
      }
      const { nativeTurnId: forkAt = "" } = yield* source.recording.until("TurnStarted")
      const resumeKey = source.session.resumeKey ?? ""
      yield* source.session.stop("done")
      const copy = yield* open(2, resumeKey, { fork: true, forkAt })
      assert.strictEqual(copy.session.continuity, "resumed")
      yield* copy.session.startTurn({ turnId: turn(3), text: "[[echo]]" })
      yield* copy.recording.until("TurnCompleted")
      assert.deepStrictEqual(answers(copy.recording.events, turn(3)), ["ALPHA"])
      assert.notStrictEqual(copy.session.resumeKey, resumeKey)
      yield* finish(copy.session, copy.recording)
      const lost = yield* open(3, resumeKey, { fork: true, forkAt: "00000000-0000-4000-8000-000000000000" })
      assert.strictEqual(lost.session.continuity, "fresh")
      yield* lost.recording.until("Opaque", ({ method }) => method === "millrace/conversation-lost")
      yield* finish(lost.session, lost.recording)
    })
  )

  live(
    "T18 a fork at a turn, and a retry, are copies of Claude: the model gets the turns up to there and no later ones",
    Effect.gen(function* () {
      const { adapter, cwd, log } = yield* world
      const agent = { ...adapter, open: (input: OpenInput) => adapter.open({ ...input, cwd }) }
      const run = Effect.gen(function* () {
        const ended = (turnId: string | undefined) =>
          Kit.eventually((event) => event.type === "turn.completed" && fieldsOf(event)["turnId"] === turnId)
        const say = (thread: ThreadId, word: string) =>
          Effect.gen(function* () {
            const { turnId } = yield* Kit.dispatch("turn.start", { threadId: thread, text: `[[say text="${word}"]]` })
            yield* ended(turnId)
            return turnId as TurnId
          })
        /** What the model got with the prompt of this word, after the agent's own copy. */
        const sent = (thread: string | undefined, word: string) =>
          Effect.map(
            Kit.eventually(
              (event) =>
                event.type === "session.state.changed" &&
                fieldsOf(event)["threadId"] === thread &&
                fieldsOf(event)["fork"] === "agent"
            ),
            () => {
              const lines = readFileSync(log, "utf8").trim().split("\n")
              return lines.findLast((line) => line.includes(word) && line.includes('"stream":true')) ?? ""
            }
          )
        const { threadId: made } = yield* Kit.dispatch("thread.create", { provider: "claude", cwd: "/work" })
        const threadId = made as ThreadId
        yield* say(threadId, "apple")
        const second = yield* say(threadId, "banana")
        const third = yield* say(threadId, "cherry")

        const forked = (yield* Kit.dispatch("thread.fork", { threadId, turnId: second })).threadId as ThreadId
        yield* say(forked, "dragonfruit")
        const atSecond = yield* sent(forked, "dragonfruit")
        for (const word of ["apple", "banana"]) assert.include(atSecond, word)
        for (const word of ["cherry", "<transcript>"]) assert.notInclude(atSecond, word)

        const retried = yield* Kit.dispatch("turn.retry", { threadId, turnId: third, text: '[[say text="elderberry"]]' })
        yield* ended(retried.turnId)
        const again = yield* sent(retried.threadId, "elderberry")
        for (const word of ["apple", "banana"]) assert.include(again, word)
        for (const word of ["cherry", "dragonfruit", "<transcript>"]) assert.notInclude(again, word)
      })
      yield* Effect.provide(run, Kit.layer({ providers: [{ adapter: agent, calls: [], live: () => 0 }] }))
    })
  )

  live(
    "T10 a review is a turn in which the model gets Claude's instructions for reviews, with the target",
    Effect.gen(function* () {
      const { log, open } = yield* world
      const { recording, session } = yield* open(1)
      const action = { type: "review", target: { type: "custom", instructions: 'TARGET [[say text="one finding"]]' } } as const
      yield* session.startTurn({ turnId: turn(1), text: "", action })
      yield* recording.until("TurnCompleted")
      assert.include(answers(recording.events, turn(1)).join(), "one finding")
      const request =
        readFileSync(log, "utf8")
          .trim()
          .split("\n")
          .findLast((line) => line.includes("TARGET")) ?? ""
      assert.match(request, /review/i)
      assert.include(request, "git diff")
      yield* session.startTurn({ turnId: turn(2), text: '[[say text="after"]]' })
      yield* recording.until("TurnCompleted", ({ turnId }) => turnId === turn(2))
      assert.deepStrictEqual(yield* finish(session, recording), ["TurnCompleted", "TurnCompleted"])
    })
  )

  live(
    "T13 a plan is an item and a request; a turn has the diff of its edits; a compaction is a turn",
    Effect.gen(function* () {
      const { cwd, open } = yield* world
      const { recording, session } = yield* open(1)
      const file = join(cwd, "new.txt")
      yield* session.startTurn({ turnId: turn(2), text: tool("Write", { file_path: file, content: "a\nb\n" }) })
      const write = yield* recording.until("RequestOpened", (event) => event.turnId === turn(2))
      yield* session.answer(write.requestId, { decision: "accept" })
      yield* recording.until("TurnCompleted", (event) => event.turnId === turn(2))
      const { diff } = yield* recording.until("TurnUpdated", (event) => event.turnId === turn(2))
      assert.strictEqual(diff, `--- /dev/null\n+++ b${file}\n@@ -0,0 +1,2 @@\n+a\n+b\n`)
      yield* session.startTurn({ turnId: turn(3), text: tool("EnterPlanMode", {}) })
      yield* recording.until("TurnCompleted", (event) => event.turnId === turn(3))
      yield* session.startTurn({ turnId: turn(4), text: tool("ExitPlanMode", { plan: "1. do it" }) })
      const plan = yield* recording.until("RequestOpened", (event) => event.turnId === turn(4))
      assert.deepInclude(plan.ask, { kind: "approval", title: "Go on with this plan?", reason: "1. do it" })
      const item = yield* recording.until("ItemStarted", (event) => event.kind === "plan")
      assert.deepStrictEqual([item.content.text, item.itemId], ["1. do it", plan.ask.itemId])
      yield* session.answer(plan.requestId, { decision: "accept" })
      yield* recording.until("TurnCompleted", (event) => event.turnId === turn(4))
      yield* session.startTurn({ turnId: turn(5), text: "", action: { type: "compact" } })
      yield* recording.until("TurnCompleted", (event) => event.turnId === turn(5))
      assert.isDefined(
        recording.events.find(
          (event) => event._tag === "ItemCompleted" && event.turnId === turn(5) && event.kind === "compaction"
        )
      )
      yield* finish(session, recording, [write.requestId, plan.requestId])
      assert.deepStrictEqual(faults(recording.events), [])
    })
  )

  live(
    "D10 a stored conversation is listed and read with its tool work, and continues under its id",
    Effect.gen(function* () {
      const { adapter, cwd, open } = yield* world
      const { recording, session } = yield* open(1)
      yield* session.startTurn({ turnId: turn(1), text: 'ALPHA [[shell cmd="touch made.txt; echo made"]]' })
      const run = yield* recording.until("RequestOpened")
      yield* session.answer(run.requestId, { decision: "accept" })
      yield* recording.until("TurnCompleted", (event) => event.turnId === turn(1))
      yield* session.startTurn({ turnId: turn(2), text: tool("Write", { file_path: join(cwd, "new.txt"), content: "a\n" }) })
      const write = yield* recording.until("RequestOpened", (event) => event.turnId === turn(2))
      yield* session.answer(write.requestId, { decision: "decline" })
      yield* recording.until("TurnCompleted", (event) => event.turnId === turn(2))
      yield* finish(session, recording, [run.requestId, write.requestId])
      const history = yield* Effect.fromNullable(adapter.history)
      const [listed] = yield* history.list({ cwd, limit: 10 })
      assert.deepStrictEqual([listed?.nativeThreadId, listed?.cwd], [session.resumeKey, cwd])
      assert.match(listed?.title ?? "", /^ALPHA/)
      const { turns } = yield* history.read(listed?.nativeThreadId ?? "")
      const read = Chunk.toReadonlyArray(yield* Stream.runCollect(turns))
      // An import into the thread that ran these turns skips them by their native ids.
      assert.deepStrictEqual(
        read.map(({ nativeTurnId }) => nativeTurnId),
        recording.events.flatMap((event) => (event._tag === "TurnStarted" ? [event.nativeTurnId] : []))
      )
      const items = read.map((one) => one.items)
      assert.deepStrictEqual(
        // 2.1.197 does not store that a person declined.
        items.map((of) => of.map(({ kind, status }) => `${kind} ${status.replace("declined", "failed")}`)),
        [
          ["user-message completed", "command completed", "agent-message completed"],
          ["user-message completed", "file-change failed", "agent-message completed"]
        ]
      )
      assert.deepInclude(items[0]?.[1]?.content, { command: "touch made.txt; echo made", output: "made", exitCode: 0 })
      const next = yield* open(2, listed?.nativeThreadId)
      assert.strictEqual(next.session.continuity, "resumed")
      yield* next.session.startTurn({ turnId: turn(3), text: "[[echo]]" })
      yield* next.recording.until("TurnCompleted", (event) => event.turnId === turn(3))
      assert.deepStrictEqual(answers(next.recording.events, turn(3)), ["ALPHA"])
      yield* finish(next.session, next.recording)
    })
  )

  const tool = (name: string, input: object) => `[[tool name=${name} args=${JSON.stringify(JSON.stringify(input))}]]`
  const inBackground = (command: string) => tool("Bash", { command, description: "Run a command", run_in_background: true })
  /** The messages of a turn, or of all turns with origin "provider". */
  const answers = (events: ReadonlyArray<ProviderEvent>, of: TurnId | "provider") => {
    const own = new Set(
      events.flatMap((event) => (event._tag === "TurnStarted" && event.origin === "provider" ? [event.turnId] : []))
    )
    return events.flatMap((event) =>
      event._tag === "ItemCompleted" &&
      event.kind === "agent-message" &&
      (of === "provider" ? own.has(event.turnId) : event.turnId === of)
        ? [event.content.text]
        : []
    )
  }

  live(
    "T16 a message while Claude answers its own notice gets a separate answer",
    Effect.gen(function* () {
      const { open } = yield* world
      const { recording, session } = yield* open(1)
      yield* session.startTurn({ turnId: turn(1), text: inBackground("sleep 2; echo built") })
      yield* recording.until("TurnCompleted")
      // The shell has ended, and the model has not answered the notice yet.
      yield* recording.until("Opaque", ({ payload }) => JSON.stringify(payload).includes('"task_notification"'))
      yield* session.startTurn({ turnId: turn(2), text: '[[say text="REAL ANSWER"]]' })
      yield* recording.until("TurnCompleted", (event) => event.turnId === turn(2))
      assert.deepStrictEqual(answers(recording.events, turn(2)), ["REAL ANSWER"])
      assert.deepStrictEqual(answers(recording.events, "provider"), ["NOTIFICATION ANSWER"])
      yield* finish(session, recording)
      assert.deepStrictEqual(faults(recording.events), [])
    })
  )

  live(
    "T16 a message after a resume that lost background work gets a separate answer",
    Effect.gen(function* () {
      const { open } = yield* world
      const own = yield* Scope.make()
      const first = yield* Scope.extend(open(1), own)
      yield* first.session.startTurn({ turnId: turn(1), text: inBackground("sleep 60") })
      yield* first.recording.until("TurnCompleted")
      yield* finish(first.session, first.recording)
      yield* Scope.close(own, Exit.void)
      const second = yield* open(2, first.session.resumeKey)
      assert.strictEqual(second.session.continuity, "resumed")
      yield* second.session.startTurn({ turnId: turn(2), text: '[[say text="REAL ANSWER"]]' })
      yield* second.recording.until("TurnCompleted", (event) => event.turnId === turn(2))
      assert.deepStrictEqual(answers(second.recording.events, turn(2)), ["REAL ANSWER"])
      yield* finish(second.session, second.recording)
    })
  )

  live(
    "T13 a question of a background agent outlives the turn that started the agent, and its answer continues it",
    Effect.gen(function* () {
      const { cwd, open } = yield* world
      const { recording, session } = yield* open(1)
      const prompt = '[[shell cmd="touch by-agent.txt"]]'
      const input = { description: "sub", prompt, subagent_type: "general-purpose", run_in_background: true }
      yield* session.startTurn({ turnId: turn(1), text: tool("Task", input) })
      yield* recording.until("TurnCompleted", (event) => event.turnId === turn(1))
      const { requestId } = yield* recording.until("RequestOpened")
      assert.isUndefined(recording.events.find((event) => event._tag === "RequestCancelled"))
      yield* session.answer(requestId, { decision: "accept" })
      // The subagent's end causes a notice, which Claude answers.
      yield* recording.until("TurnCompleted", ({ turnId }) =>
        recording.events.some(
          (event) => event._tag === "ItemCompleted" && event.turnId === turnId && event.content.text === "NOTIFICATION ANSWER"
        )
      )
      assert.isTrue(existsSync(join(cwd, "by-agent.txt")))
      yield* finish(session, recording, [requestId])
    })
  )

  live(
    "what a sub-agent says and does is under the call that started it, also when the turn has ended",
    Effect.gen(function* () {
      const { open } = yield* world
      const { recording, session } = yield* open(1)
      const input = { description: "sub", prompt: '[[shell cmd="echo by-agent"]]', subagent_type: "general-purpose" }
      const outer = { description: "outer", prompt: tool("Task", input), subagent_type: "general-purpose" }
      yield* session.startTurn({ turnId: turn(1), text: tool("Task", input) })
      yield* recording.until("TurnCompleted", (event) => event.turnId === turn(1))
      const task = yield* recording.until("ItemStarted", ({ kind }) => kind === "tool-call")
      // 2.1.197 waits for a sub-agent; 2.1.332 runs it in the background.
      const items = (of: TurnId) =>
        recording.events.flatMap((event) =>
          (event._tag === "ItemCompleted" || event._tag === "ItemAmended") && event.turnId === of ? [event] : []
        )
      const waits = items(turn(1)).some(({ kind, status }) => kind === "command" && status === "completed")
      if (!waits) yield* recording.until("ItemAmended", ({ content }) => content.text === "The tool finished; all done.")
      const nested = items(turn(1)).filter(({ content }) => content.parentItemId !== undefined)
      assert.deepInclude(nested.findLast(({ kind }) => kind === "command")?.content, {
        command: "echo by-agent",
        output: "by-agent",
        parentItemId: task.itemId
      })
      if (!waits) assert.isTrue(nested.some(({ kind }) => kind === "agent-message"))
      yield* session.startTurn({ turnId: turn(2), text: tool("Task", outer) })
      yield* recording.until("TurnCompleted", (event) => event.turnId === turn(2))
      const isInner = ({
        content,
        kind
      }: {
        readonly content: { readonly parentItemId?: string | undefined }
        readonly kind: string
      }) => kind === "tool-call" && content.parentItemId !== undefined
      if (!waits) yield* recording.until("ItemAmended", (event) => event.turnId === turn(2) && isInner(event))
      assert.isTrue(items(turn(2)).some(isInner))
      yield* finish(session, recording)
    })
  )

  live(
    "after /clear the next session has the conversation from that point",
    Effect.gen(function* () {
      const { open } = yield* world
      const own = yield* Scope.make()
      const first = yield* Scope.extend(open(1), own)
      const before = first.session.resumeKey
      for (const [n, text] of ['ALPHA [[say text="a"]]', "/clear", 'BETA [[say text="b"]]'].entries()) {
        yield* first.session.startTurn({ turnId: turn(n + 1), text })
        yield* first.recording.until("TurnCompleted", (event) => event.turnId === turn(n + 1))
      }
      assert.notStrictEqual(first.session.resumeKey, before)
      yield* finish(first.session, first.recording)
      yield* Scope.close(own, Exit.void)
      const second = yield* open(2, first.session.resumeKey)
      assert.strictEqual(second.session.continuity, "resumed")
      yield* second.session.startTurn({ turnId: turn(4), text: "[[echo]]" })
      yield* second.recording.until("TurnCompleted", (event) => event.turnId === turn(4))
      const [seen = ""] = answers(second.recording.events, turn(4))
      assert.include(seen, "BETA")
      assert.notInclude(seen, "ALPHA")
      yield* finish(second.session, second.recording)
    })
  )

  live(
    "T11 an account's limit is a failure with the reset time",
    Effect.gen(function* () {
      const { open } = yield* worldOf(subscription)
      const { recording, session } = yield* open(1)
      // In two hours, to the second: the time in Claude's message has whole minutes only.
      const reset = Math.floor((yield* Clock.currentTimeMillis) / 1000) + 7213
      yield* session.startTurn({ turnId: turn(1), text: `[[limit reset=${reset}]]` })
      const { error } = yield* recording.until("TurnFailed")
      assert.deepInclude(error, { kind: "limit", resetAt: new Date(reset * 1000).toISOString() })
      assert.deepInclude(reported(recording.events).limits?.[0], { status: "rejected" })
      assert.isAbove(reported(recording.events).commands?.length ?? 0, 0)
      yield* finish(session, recording)
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
