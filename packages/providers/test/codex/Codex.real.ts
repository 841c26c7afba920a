/** The adapter with the real Codex binary against the scripted model endpoint. Run by `pnpm test:real`. */
import { assert, describe, it } from "@effect/vitest"
import { ThreadId, TurnId } from "@millrace/contracts/Ids"
import type { OpenInput } from "@millrace/contracts/ProviderAdapter"
import type { ReviewTarget, TurnAction } from "@millrace/contracts/State"
import { codexBin, codexPid, makeCodexHome, type CodexHome, type CodexSettings } from "@millrace/testing/CodexHome"
import * as McpServer from "@millrace/testing/McpServer"
import * as ModelEndpoint from "@millrace/testing/ModelEndpoint"
import * as Shot from "@millrace/testing/Shot"
import { Effect, Exit, Fiber, Scope } from "effect"
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import * as Codex from "../../src/codex/Codex.ts"
import * as Ledger from "../../src/process/Ledger.ts"
import { faults, finish, record, type Recording } from "@millrace/adapter-kit/Recording"

const threadId = ThreadId.make("thr_real")
const turn = (n: number) => TurnId.make(`trn_${n}`)

/** A home, an endpoint and the adapter. */
const worldWith = Effect.fnUntraced(function* (settings: CodexSettings) {
  const endpoint = yield* ModelEndpoint.make
  const home = yield* makeCodexHome(endpoint, settings)
  const adapter = yield* Codex.make({ binary: yield* codexBin, home: home.home, codexHome: home.codexHome })
  const open = (epoch: number, more: Partial<OpenInput> = {}) =>
    Effect.flatMap(adapter.open({ threadId, epoch, cwd: home.workspace, ...more }), (session) =>
      Effect.map(record(session), (recording) => ({ session, recording }))
    )
  return { adapter, endpoint, home, open }
})

const world = worldWith({})

const texts = (recording: Recording, kind: string) =>
  recording.events.flatMap((event) => (event._tag === "ItemCompleted" && event.kind === kind ? [event.content.text] : []))
const deltas = (recording: Recording, kind: string) =>
  recording.events.flatMap((event) => (event._tag === "ItemDelta" && event.kind === kind ? [event.text] : [])).join("")
const inWorkspace = (home: CodexHome, file: string) => join(home.workspace, file)

const live = <E>(name: string, run: Effect.Effect<void, E, Scope.Scope | Ledger.Ledger>) =>
  it.live(name, () => run.pipe(Effect.scoped, Effect.provide(Ledger.layerMemory)))

describe("the real codex", () => {
  live(
    "T2 a turn with streamed text, reasoning, usage and its own conversation key",
    Effect.gen(function* () {
      const { open } = yield* world
      const { recording, session } = yield* open(1)
      assert.strictEqual(session.continuity, "fresh")
      assert.isString(session.resumeKey)
      yield* session.startTurn({
        turnId: turn(1),
        text: "[[think let me see]] [[say Hello from the scripted model.]] [[deltas 300 0]]"
      })
      yield* recording.until("TurnCompleted")
      const said = `Hello from the scripted model.${Array.from({ length: 300 }, (_, n) => `d${n + 1} `).join("")}`
      assert.strictEqual(deltas(recording, "agent-message"), said)
      assert.deepStrictEqual(texts(recording, "agent-message"), [said])
      assert.deepStrictEqual(texts(recording, "reasoning"), ["let me see"])
      const usage = yield* recording.until("Signal", (event) => event.kind === "usage")
      assert.strictEqual(usage.kind === "usage" ? usage.data.totalTokens : undefined, 110)
      assert.deepStrictEqual(yield* finish(session, recording), ["TurnCompleted"])
    })
  )

  live(
    "an image in a prompt arrives at the model as an image",
    Effect.gen(function* () {
      const { endpoint, home, open } = yield* world
      const { recording, session } = yield* open(1)
      const shot = Shot.attachment(home.workspace)
      assert.isTrue(session.takes?.(shot))
      assert.isFalse(session.takes?.({ ...shot, mediaType: "application/pdf" }))
      yield* session.startTurn({ turnId: turn(1), text: "[[say seen]]", attachments: [shot] })
      yield* recording.until("TurnCompleted")
      const sent = JSON.stringify((yield* endpoint.requests).at(-1)?.input)
      assert.match(sent, /"type":"input_image","image_url":"data:image\/png;base64,/)
      assert.deepStrictEqual(yield* finish(session, recording), ["TurnCompleted"])
    })
  )

  live(
    "T17 a model, an effort, a permission mode and instructions that change between two turns arrive at the model",
    Effect.gen(function* () {
      const { endpoint, home, open } = yield* world
      const last = Effect.map(endpoint.requests, (requests) => requests.at(-1) as Readonly<Record<string, unknown>>)
      const run = (epoch: number, more: Partial<OpenInput>) =>
        Effect.gen(function* () {
          const { recording, session } = yield* open(epoch, more)
          yield* session.startTurn({ turnId: turn(epoch), text: `[[say answer ${epoch}]]` })
          yield* recording.until("TurnCompleted")
          yield* finish(session, recording)
          return { resumeKey: session.resumeKey ?? "", continuity: session.continuity, request: yield* last }
        })
      const one = yield* run(1, {
        model: "model-one",
        settings: { effort: "low", permissionMode: "ask", instructions: "be brief", directories: ["/tmp"] }
      })
      const { resumeKey } = one
      assert.deepInclude(one.request, { model: "model-one" })
      assert.deepInclude(one.request["reasoning"], { effort: "low" })
      assert.include(JSON.stringify(one.request["input"]), "be brief")
      const two = yield* run(2, { resumeKey, model: "model-two", settings: { effort: "high", permissionMode: "plan" } })
      assert.strictEqual(two.continuity, "resumed")
      assert.deepInclude(two.request, { model: "model-two" })
      assert.deepInclude(two.request["reasoning"], { effort: "high" })
      assert.include(JSON.stringify(two.request["input"]), "Plan Mode")
      assert.include(JSON.stringify(two.request["input"]), "answer 1")
      // Unset again, it is as Codex' own settings say, not as in the last session.
      const three = yield* run(3, { resumeKey, settings: { permissionMode: "full-access" } })
      assert.notInclude(["model-one", "model-two"], three.request["model"])
      const file = join(home.workspace, "..", "outside.txt")
      const { recording, session } = yield* open(4, { resumeKey, settings: { permissionMode: "full-access" } })
      yield* session.startTurn({ turnId: turn(4), text: `[[shell echo free > ${file}]]` })
      yield* recording.until("TurnCompleted")
      assert.isTrue(existsSync(file))
      assert.isFalse(recording.events.some((event) => event._tag === "RequestOpened"))
    })
  )

  live(
    "T17 a running session takes a model, an effort and a permission mode, and the defaults of model and effort",
    Effect.gen(function* () {
      const { endpoint, home, open } = yield* world
      const { recording, session } = yield* open(1, { settings: { permissionMode: "ask" } })
      const run = (n: number, text: string) =>
        Effect.gen(function* () {
          yield* session.startTurn({ turnId: turn(n), text })
          yield* recording.until("TurnCompleted", ({ turnId }) => turnId === turn(n))
          return (yield* endpoint.requests).at(-1) as Readonly<Record<string, unknown>>
        })
      const set = (changed: Parameters<NonNullable<typeof session.configure>>[0]) => session.configure?.(changed) ?? Effect.void
      const made = (file: string) => existsSync(inWorkspace(home, file))
      const one = yield* run(1, "[[say one]]")
      yield* set({ model: "model-two", effort: "low", permissionMode: "plan" })
      const two = yield* run(2, "[[say two]]")
      assert.deepInclude(two, { model: "model-two" })
      assert.deepInclude(two["reasoning"], { effort: "low" })
      assert.include(JSON.stringify(two["input"]), "Plan Mode")
      assert.include(JSON.stringify(two["input"]), "[[say one]]")
      yield* set({ permissionMode: "read-only" })
      yield* run(3, "[[shell touch read-only.txt]] [[say three]]")
      assert.isFalse(made("read-only.txt"))
      yield* set({ model: undefined, effort: undefined, permissionMode: "accept-edits" })
      const four = yield* run(4, "[[shell touch edits.txt]] [[say four]]")
      assert.isTrue(made("edits.txt"))
      assert.strictEqual(four["model"], one["model"])
      assert.deepStrictEqual(four["reasoning"], one["reasoning"])
      yield* set({ permissionMode: "ask" })
      yield* session.startTurn({ turnId: turn(5), text: "[[shell touch asked.txt]] [[say five]]" })
      const { requestId } = yield* recording.until("RequestOpened", ({ turnId }) => turnId === turn(5))
      yield* session.answer(requestId, { decision: "decline" })
      yield* recording.until("TurnCompleted", ({ turnId }) => turnId === turn(5))
      assert.isFalse(made("asked.txt"))
      assert.strictEqual((yield* finish(session, recording, [requestId])).length, 5)
    })
  )

  live(
    "P7 a fork at a turn has the conversation up to that turn; one at an unknown turn is a new conversation, which is reported",
    Effect.gen(function* () {
      const { endpoint, open } = yield* world
      const source = yield* open(1)
      for (const [n, word] of ["apple", "banana", "cherry"].entries()) {
        yield* source.session.startTurn({ turnId: turn(n + 1), text: `[[say ${word}]]` })
        yield* source.recording.until("TurnCompleted", ({ turnId }) => turnId === turn(n + 1))
      }
      const { nativeTurnId } = yield* source.recording.until("TurnStarted", ({ turnId }) => turnId === turn(2))
      const resumeKey = source.session.resumeKey ?? ""
      const copy = yield* open(2, { resumeKey, fork: true, forkAt: nativeTurnId ?? "" })
      assert.strictEqual(copy.session.continuity, "resumed")
      yield* copy.session.startTurn({ turnId: turn(4), text: "[[say date]]" })
      yield* copy.recording.until("TurnCompleted")
      const sent = JSON.stringify((yield* endpoint.requests).at(-1)?.input)
      assert.include(sent, "banana")
      assert.notInclude(sent, "cherry")
      const lost = yield* open(3, { resumeKey, fork: true, forkAt: "019a0000-0000-7000-8000-000000000000" })
      assert.strictEqual(lost.session.continuity, "fresh")
      yield* lost.recording.until("Opaque", ({ method }) => method === "millrace/conversation-lost")
      yield* finish(lost.session, lost.recording)
      yield* finish(copy.session, copy.recording)
      yield* finish(source.session, source.recording)
    })
  )

  live(
    "X4 a tool of an MCP server of the thread runs, with the value of its secret",
    Effect.gen(function* () {
      const { endpoint, open } = yield* world
      const settings = { permissionMode: "ask", mcpServers: McpServer.servers() } as const
      const { recording, session } = yield* open(1, { settings })
      yield* session.startTurn({ turnId: turn(1), text: `[[call mcp__greeter/greet {"name":"Ada"}]]` })
      const { content } = yield* recording.until("ItemCompleted", ({ kind }) => kind === "tool-call")
      assert.strictEqual(content.tool, "greeter/greet")
      assert.include(JSON.stringify(content.result), McpServer.greeting("Ada"))
      yield* recording.until("TurnCompleted")
      assert.include(JSON.stringify((yield* endpoint.requests).at(-1)?.input), McpServer.greeting("Ada"))
      yield* finish(session, recording)
      assert.notInclude(JSON.stringify(recording.events), McpServer.key)
    })
  )

  live(
    "P7 a fork has the conversation under a separate key, while the source continues without its new turns",
    Effect.gen(function* () {
      const { endpoint, open } = yield* world
      const asked = Effect.map(endpoint.requests, (requests) => JSON.stringify(requests.at(-1)?.input))
      const first = yield* open(1)
      yield* first.session.startTurn({ turnId: turn(1), text: "[[say apple]]" })
      yield* first.recording.until("TurnCompleted")
      const copy = yield* open(2, { resumeKey: first.session.resumeKey ?? "", fork: true })
      assert.strictEqual(copy.session.continuity, "resumed")
      assert.notStrictEqual(copy.session.resumeKey, first.session.resumeKey)
      yield* copy.session.startTurn({ turnId: turn(2), text: "[[say banana]]" })
      yield* copy.recording.until("TurnCompleted", ({ turnId }) => turnId === turn(2))
      assert.include(yield* asked, "apple")
      yield* first.session.startTurn({ turnId: turn(3), text: "[[say cherry]]" })
      yield* first.recording.until("TurnCompleted", ({ turnId }) => turnId === turn(3))
      assert.notInclude(yield* asked, "banana")
      assert.deepStrictEqual(yield* finish(first.session, first.recording), ["TurnCompleted", "TurnCompleted"])
      assert.deepStrictEqual(yield* finish(copy.session, copy.recording), ["TurnCompleted"])
    })
  )

  live(
    "T10 a compaction and reviews are our own turns, with one end each; an interrupt ends a review, and the next turn runs",
    Effect.gen(function* () {
      const { endpoint, open } = yield* world
      const { recording, session } = yield* open(1)
      const begin = (n: number, action: TurnAction) => session.startTurn({ turnId: turn(n), text: "", action })
      const review = (target: ReviewTarget): TurnAction => ({ type: "review", target })
      yield* session.startTurn({ turnId: turn(1), text: "[[say apple]]" })
      yield* recording.until("TurnCompleted")

      yield* begin(2, { type: "compact" })
      yield* recording.until("TurnCompleted", ({ turnId }) => turnId === turn(2))
      const compacted = yield* recording.until("ItemCompleted", ({ kind }) => kind === "compaction")
      assert.deepInclude(compacted, { turnId: turn(2), status: "completed" })

      yield* begin(3, review({ type: "custom", instructions: "[[say one finding]]" }))
      yield* recording.until("TurnCompleted", ({ turnId }) => turnId === turn(3))
      assert.include(texts(recording, "notice"), "one finding")
      assert.include(texts(recording, "agent-message"), "one finding")

      // Interrupts between the answer and the start of the inner turn, and during streaming.
      yield* begin(4, review({ type: "custom", instructions: "[[hang]]" }))
      yield* session.interrupt(turn(4))
      yield* recording.until("TurnInterrupted", ({ turnId }) => turnId === turn(4))
      const asked = (yield* endpoint.requests).length
      yield* begin(5, review({ type: "custom", instructions: "[[think what now]] [[hang]]" }))
      yield* recording.until("ItemDelta", ({ turnId }) => turnId === turn(5))
      assert.strictEqual((yield* endpoint.requests).length, asked + 1)
      const steer = yield* Effect.flip(session.steer({ turnId: turn(5), text: "faster" }))
      assert.include(steer.failure.message, "cannot steer a review turn")
      yield* session.interrupt(turn(5))
      yield* recording.until("TurnInterrupted", ({ turnId }) => turnId === turn(5))

      // Codex reports an error for this review, and never its end.
      yield* begin(6, review({ type: "baseBranch", branch: "main" }))
      const failed = yield* recording.until("TurnFailed", ({ turnId }) => turnId === turn(6))
      assert.include(failed.error.message, "is not a git repository")

      yield* session.startTurn({ turnId: turn(7), text: "[[say after]]" })
      yield* recording.until("TurnCompleted", ({ turnId }) => turnId === turn(7))
      assert.strictEqual(
        recording.events.filter((event) => event._tag === "TurnStarted" && event.origin === "provider").length,
        0
      )
      assert.deepStrictEqual(yield* finish(session, recording), [
        "TurnCompleted",
        "TurnCompleted",
        "TurnCompleted",
        "TurnInterrupted",
        "TurnInterrupted",
        "TurnFailed",
        "TurnCompleted"
      ])
    })
  )

  live(
    "T11 a review whose model fails is a failed turn; a stop interrupts a review by a message",
    Effect.gen(function* () {
      const { open } = yield* world
      const { recording, session } = yield* open(1)
      // The scripted model follows the newest prompt with a directive.
      const action = { type: "review", target: { type: "custom", instructions: "[[status 500]]" } } as const
      yield* session.startTurn({ turnId: turn(1), text: "", action })
      const end = yield* Effect.raceFirst(recording.until("TurnFailed"), recording.until("TurnCompleted"))
      assert.strictEqual(end._tag, "TurnFailed")
      yield* session.startTurn({
        turnId: turn(2),
        text: "",
        action: { ...action, target: { type: "custom", instructions: "[[think a]] [[hang]]" } }
      })
      yield* recording.until("ItemDelta", ({ turnId }) => turnId === turn(2))
      assert.deepStrictEqual(yield* finish(session, recording), ["TurnFailed", "TurnInterrupted"])
    })
  )

  live(
    "T13 an accepted approval runs its command, a declined one does not, and the turn continues",
    Effect.gen(function* () {
      const { home, open } = yield* world
      const { recording, session } = yield* open(1)
      yield* session.startTurn({ turnId: turn(1), text: "[[escalate echo yes > yes.txt; cat yes.txt]] [[say done]]" })
      const first = yield* recording.until("RequestOpened")
      assert.deepInclude(first.ask, { kind: "approval", reason: "The script says so." })
      yield* session.answer(first.requestId, { decision: "accept" })
      yield* recording.until("TurnCompleted", (event) => event.turnId === turn(1))
      const ran = yield* recording.until("ItemCompleted", (event) => event.kind === "command")
      assert.deepInclude(ran, { status: "completed" })
      assert.deepInclude(ran.content, { output: "yes\n", exitCode: 0 })
      assert.strictEqual(readFileSync(inWorkspace(home, "yes.txt"), "utf8"), "yes\n")

      yield* session.startTurn({ turnId: turn(2), text: "[[escalate echo no > no.txt]] [[say went on]]" })
      const second = yield* recording.until("RequestOpened", (event) => event.turnId === turn(2))
      yield* session.answer(second.requestId, { decision: "decline" })
      // A second answer is a no-op.
      yield* session.answer(second.requestId, { decision: "accept" })
      yield* recording.until("TurnCompleted", (event) => event.turnId === turn(2))
      assert.isFalse(existsSync(inWorkspace(home, "no.txt")))
      const declined = yield* recording.until("ItemCompleted", (event) => event.kind === "command" && event.turnId === turn(2))
      assert.strictEqual(declined.status, "declined")
      yield* finish(session, recording, [first.requestId, second.requestId])
      assert.deepStrictEqual(texts(recording, "agent-message"), ["done", "went on"])
    })
  )

  live(
    "T13 after accept-for-session Codex does not ask again; cancel interrupts the turn",
    Effect.gen(function* () {
      const { open } = yield* world
      const { recording, session } = yield* open(1)
      yield* session.startTurn({ turnId: turn(1), text: "[[escalate echo a]] [[escalate echo a]] [[say done]]" })
      const first = yield* recording.until("RequestOpened")
      yield* session.answer(first.requestId, { decision: "accept-for-session" })
      yield* recording.until("TurnCompleted")
      assert.strictEqual(recording.events.filter((event) => event._tag === "RequestOpened").length, 1)
      yield* session.startTurn({ turnId: turn(2), text: "[[escalate echo b]] [[say never]]" })
      const second = yield* recording.until("RequestOpened", (event) => event.turnId === turn(2))
      yield* session.answer(second.requestId, { decision: "cancel" })
      yield* recording.until("TurnInterrupted", (event) => event.turnId === turn(2))
      yield* finish(session, recording, [first.requestId, second.requestId])
    })
  )

  live(
    "T13 the approval of a file change contains its diff",
    Effect.gen(function* () {
      const { home, open } = yield* world
      const { recording, session } = yield* open(1)
      yield* session.startTurn({ turnId: turn(1), text: "[[patch notes.txt one\ntwo]] [[say written]]" })
      const asked = yield* recording.until("RequestOpened")
      assert.deepInclude(asked.ask, {
        changes: [{ path: inWorkspace(home, "notes.txt"), change: "add", diff: "@@ -0,0 +1,2 @@\n+one\n+two\n" }]
      })
      yield* session.answer(asked.requestId, { decision: "accept" })
      yield* recording.until("TurnCompleted")
      assert.strictEqual(readFileSync(inWorkspace(home, "notes.txt"), "utf8"), "one\ntwo\n")
      const updated = yield* recording.until("TurnUpdated", (event) => event.diff !== undefined)
      assert.include(updated.diff ?? "", "+two")
      yield* finish(session, recording, [asked.requestId])
    })
  )

  live(
    "T13 a question has its options, and the answer reaches the model",
    Effect.gen(function* () {
      const { endpoint, open } = yield* world
      const { recording, session } = yield* open(1)
      yield* session.startTurn({ turnId: turn(1), text: "[[ask Which colour? | Blue | Red]] [[say thank you]]" })
      const asked = yield* recording.until("RequestOpened")
      assert.deepInclude(asked.ask, { kind: "question", title: "Which colour?" })
      yield* session.answer(asked.requestId, { answers: { q1: ["Red"] } })
      yield* recording.until("TurnCompleted")
      assert.include(JSON.stringify((yield* endpoint.requests).at(-1)), String.raw`\"answers\":[\"Red\"]`)
      yield* finish(session, recording, [asked.requestId])
    })
  )

  live(
    "T7 an interrupt stops the turn and no other, closes its items, and the next turn runs",
    Effect.gen(function* () {
      const { open } = yield* world
      const { recording, session } = yield* open(1)
      yield* session.startTurn({ turnId: turn(1), text: "[[deltas 3 0]] [[hang]]" })
      yield* recording.until("ItemDelta", (event) => event.text === "d3 ")
      yield* session.interrupt(turn(1))
      yield* recording.until("TurnInterrupted")
      const cut = yield* recording.until("ItemCompleted", (event) => event.kind === "agent-message")
      assert.deepInclude(cut, { status: "aborted" })
      assert.strictEqual(cut.content.text, "d1 d2 d3 ")
      // The turn has ended: the interrupt is a no-op.
      yield* session.interrupt(turn(1))
      yield* session.startTurn({ turnId: turn(2), text: "[[say after]]" })
      yield* recording.until("TurnCompleted", (event) => event.turnId === turn(2))
      // An interrupt between the answer and the start of the turn.
      yield* session.startTurn({ turnId: turn(3), text: "[[hang]]" })
      yield* session.interrupt(turn(3))
      yield* recording.until("TurnInterrupted", (event) => event.turnId === turn(3))
      // An interrupt before the answer.
      const starting = yield* Effect.fork(session.startTurn({ turnId: turn(4), text: "[[hang]]" }))
      yield* Effect.yieldNow()
      yield* session.interrupt(turn(4))
      yield* recording.until("TurnInterrupted", (event) => event.turnId === turn(4))
      yield* Fiber.join(starting)
      assert.deepStrictEqual(yield* finish(session, recording), [
        "TurnInterrupted",
        "TurnCompleted",
        "TurnInterrupted",
        "TurnInterrupted"
      ])
    })
  )

  live(
    "T7 an interrupt ends the running command too, and keeps its output",
    Effect.gen(function* () {
      const { home, open } = yield* worldWith({ sandbox: "danger-full-access", approvalPolicy: "never" })
      const { recording, session } = yield* open(1)
      yield* session.startTurn({ turnId: turn(1), text: "[[shell echo begin; sleep 30; echo late > late.txt]]" })
      const command = yield* recording.until("ItemStarted", (event) => event.kind === "command")
      yield* session.interrupt(turn(1))
      yield* recording.until("TurnInterrupted")
      const amended = yield* recording.until("ItemAmended")
      assert.deepInclude(amended, { itemId: command.itemId, status: "failed" })
      assert.strictEqual(amended.content.output, "begin\n")
      assert.isFalse(existsSync(inWorkspace(home, "late.txt")))
      yield* finish(session, recording)
    })
  )

  live(
    "a steer reaches the running turn; without one it is rejected",
    Effect.gen(function* () {
      const { open } = yield* world
      const { recording, session } = yield* open(1)
      yield* session.startTurn({ turnId: turn(1), text: "[[deltas 20 25]]" })
      yield* recording.until("ItemDelta")
      yield* session.steer({ turnId: turn(1), text: "[[say steered]]" })
      yield* recording.until("TurnCompleted")
      assert.include(texts(recording, "agent-message"), "steered")
      const error = yield* Effect.flip(session.steer({ turnId: turn(1), text: "too late" }))
      assert.strictEqual(error.failure.kind, "refused")
      yield* finish(session, recording)
    })
  )

  live(
    "P5 kill -9 in mid-turn fails the turn with the exit; streamed text stays; the next session resumes the conversation",
    Effect.gen(function* () {
      const { endpoint, home, open } = yield* world
      const { recording, session } = yield* open(1)
      yield* session.startTurn({ turnId: turn(1), text: "[[say The first answer.]]" })
      yield* recording.until("TurnCompleted")
      yield* session.startTurn({ turnId: turn(2), text: "[[say half of]] [[hang]]" })
      yield* recording.until("ItemDelta", (event) => event.turnId === turn(2) && event.text === "of")
      process.kill(yield* codexPid(home), "SIGKILL")
      yield* Fiber.join(recording.done)
      const failed = yield* recording.until("TurnFailed")
      assert.deepInclude(failed, { turnId: turn(2) })
      assert.strictEqual(failed.error.kind, "process")
      const half = yield* recording.until("ItemCompleted", (event) => event.turnId === turn(2))
      assert.deepInclude(half, { status: "aborted" })
      assert.strictEqual(half.content.text, "half of")
      assert.deepStrictEqual(faults(recording.events), [])

      const again = yield* open(2, { resumeKey: session.resumeKey ?? "" })
      assert.strictEqual(again.session.continuity, "resumed")
      assert.strictEqual(again.session.resumeKey, session.resumeKey)
      yield* again.session.startTurn({ turnId: turn(3), text: "[[say third]]" })
      yield* again.recording.until("TurnCompleted")
      const model = JSON.stringify((yield* endpoint.requests).at(-1))
      assert.include(model, "The first answer.")
      assert.deepStrictEqual(yield* finish(again.session, again.recording), ["TurnCompleted"])
    })
  )

  live(
    "an unknown conversation begins anew, which is reported",
    Effect.gen(function* () {
      const { open } = yield* world
      for (const [epoch, resumeKey] of [
        [1, "01900000-0000-7000-8000-000000000000"],
        [2, "not a key of codex"]
      ] as const) {
        const { recording, session } = yield* open(epoch, { resumeKey })
        assert.strictEqual(session.continuity, "fresh")
        assert.notStrictEqual(session.resumeKey, resumeKey)
        yield* recording.until("Opaque", (event) => event.method === "millrace/conversation-lost")
        yield* finish(session, recording)
      }
    })
  )

  live(
    "T11 a model failure fails the turn with its kind, and the session continues",
    Effect.gen(function* () {
      const { open } = yield* world
      const { recording, session } = yield* open(1)
      const fails = (n: number, text: string) =>
        Effect.zipRight(
          session.startTurn({ turnId: turn(n), text }),
          recording.until("TurnFailed", (event) => event.turnId === turn(n))
        )
      assert.strictEqual((yield* fails(1, "[[failed context_length_exceeded]]")).error.kind, "context")
      assert.strictEqual((yield* fails(2, "[[say a]] [[cut]]")).error.kind, "transport")
      assert.strictEqual((yield* fails(3, "[[status 500]]")).error.kind, "transport")
      yield* session.startTurn({ turnId: turn(4), text: "[[say fine]]" })
      yield* recording.until("TurnCompleted", (event) => event.turnId === turn(4))
      yield* finish(session, recording)
    })
  )

  live(
    "S8 a stop in mid-turn first interrupts by a message, and closing the scope leaves no process",
    Effect.gen(function* () {
      const { home, open } = yield* world
      const { recording, session } = yield* open(1)
      yield* session.startTurn({ turnId: turn(1), text: "[[say partial]] [[hang]]" })
      yield* recording.until("ItemDelta")
      assert.deepStrictEqual(yield* finish(session, recording), ["TurnInterrupted"])
      yield* session.stop("again")

      const scope = yield* Scope.make()
      yield* Scope.extend(open(2), scope)
      const pid = yield* codexPid(home)
      yield* Scope.close(scope, Exit.void)
      assert.isFalse(existsSync(`/proc/${pid}`))
    })
  )

  live(
    "a failed start gives its reason: settings that Codex rejects, or no binary",
    Effect.gen(function* () {
      const { adapter, home } = yield* world
      const { writeFile } = yield* Effect.promise(() => import("node:fs/promises"))
      yield* Effect.promise(() => writeFile(join(home.codexHome, "config.toml"), 'approval_policy = "untrusted"\n'))
      const error = yield* Effect.flip(adapter.open({ threadId, epoch: 1, cwd: home.workspace }))
      assert.strictEqual(error.failure.kind, "process")
      assert.include(error.failure.detail ?? "", "no longer supported")
      const status = yield* adapter.probe
      assert.deepInclude(status, { installed: true, signedIn: "unknown" })
      assert.include(status.fix ?? "", "no longer supported")

      const none = yield* Codex.make({ binary: "/nowhere/codex" })
      const missing = yield* Effect.flip(none.open({ threadId, epoch: 1, cwd: home.workspace }))
      assert.strictEqual(missing.failure.kind, "not-installed")
      assert.deepInclude(yield* none.probe, { installed: false })
    })
  )

  live(
    "the probe returns version and sign-in",
    Effect.gen(function* () {
      const { adapter } = yield* world
      const probed = yield* adapter.probe
      assert.deepInclude(probed, { provider: "codex", installed: true, signedIn: "not-needed" })
      assert.match(probed.version ?? "", /^\d+\.\d+/)
    })
  )
})
