/** ACP behaviour that the kit (../Conformance.test.ts) does not cover, with a small agent for cases that no recording has. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { ThreadId, TurnId } from "@millrace/contracts/Ids"
import type { OpenInput, ProviderSession } from "@millrace/contracts/ProviderAdapter"
import { Effect, type Scope } from "effect"
import * as Acp from "../../src/acp/Acp.ts"
import * as Agents from "../../src/acp/Agents.ts"
import * as Ledger from "../../src/process/Ledger.ts"
import { finish, record } from "@millrace/adapter-kit/Recording"
import { completed, deltas, opaque, reported, story } from "@millrace/adapter-kit/Story"

const threadId = ThreadId.make("thr_played")
const turn = (n: number) => TurnId.make(`trn_${n}`)
const small = join(import.meta.dirname, "agent.mjs")

const opened = (agent: Acp.AcpAgent, more: Partial<OpenInput> = {}) =>
  Effect.gen(function* () {
    const adapter = yield* Acp.make(agent)
    const session = yield* adapter.open({ threadId, epoch: 1, cwd: import.meta.dirname, ...more })
    return { session, recording: yield* record(session) }
  })
const openSmall = (lacks = "", more: Parameters<typeof opened>[1] = {}) =>
  opened({ name: "small", command: small, env: { AGENT: lacks } }, more)

const played = <E>(name: string, run: Effect.Effect<void, E, Scope.Scope | Ledger.Ledger>) =>
  it.live(name, () => run.pipe(Effect.scoped, Effect.provide(Ledger.layerMemory)))

const project = Effect.acquireRelease(
  Effect.sync(() => {
    const outer = mkdtempSync(join(tmpdir(), "millrace-acp-"))
    mkdirSync(join(outer, "project"))
    writeFileSync(join(outer, "secret"), "canary")
    writeFileSync(join(outer, "project", "in.txt"), "1\n2\n3\n")
    symlinkSync(join(outer, "secret"), join(outer, "project", "link"))
    symlinkSync(outer, join(outer, "project", "up"))
    symlinkSync(join(outer, "made"), join(outer, "project", "dangling"))
    return { outer, inside: join(outer, "project") }
  }),
  ({ outer }) => Effect.sync(() => rmSync(outer, { recursive: true, force: true }))
)

describe("acp session", () => {
  played(
    "T17 a server with a url is refused by an agent that starts servers only by a command",
    Effect.gen(function* () {
      const settings = { mcpServers: { remote: { url: "https://example.org/mcp" } } }
      const error = yield* Effect.flip(openSmall("", { settings }))
      assert.deepInclude(error.failure, { kind: "refused" })
      assert.include(error.failure.message, "remote has a url")
    })
  )

  const chosen = (ability: string, ...changes: ReadonlyArray<Parameters<NonNullable<ProviderSession["configure"]>>[0]>) =>
    Effect.gen(function* () {
      const adapter = yield* Acp.make({ name: "small", command: small, env: { AGENT: ability } })
      const session = yield* adapter.open({ threadId, epoch: 1, cwd: import.meta.dirname })
      const recording = yield* record(session)
      for (const change of changes) yield* session.configure?.(change) ?? Effect.void
      yield* session.startTurn({ turnId: turn(1), text: "chosen" })
      yield* recording.until("TurnCompleted")
      yield* finish(session, recording)
      const changed = session.capabilities.filter((one) => one.startsWith("set-"))
      return { adapter, changed, recording, chosen: JSON.parse(deltas(recording.events, "agent-message")) as unknown }
    })

  played(
    "T17 a running session takes a model, an effort and a mode by config options; its commands and choices are known afterwards",
    Effect.gen(function* () {
      const changes = [
        { model: "m2", effort: "max", permissionMode: "plan" },
        { model: undefined, effort: undefined }
      ] as const
      const { adapter, changed, chosen: made, recording } = yield* chosen("options", ...changes)
      assert.deepStrictEqual(changed, ["set-model", "set-effort", "set-permission-mode"])
      assert.deepStrictEqual(made, [
        { configId: "mode", value: "plan" },
        { configId: "model", value: "m2" },
        { configId: "thought_level", value: "max" },
        { configId: "model", value: "m1" },
        { configId: "thought_level", value: "low" }
      ])
      const commands = [{ name: "init", description: "Begins." }]
      assert.deepStrictEqual(reported(recording.events).commands, commands)
      assert.deepInclude(yield* adapter.probe, { commands, permissionModes: ["plan", "ask"] })
      const known = adapter.settableIn?.(import.meta.dirname)
      assert.deepStrictEqual([...(known?.settings ?? [])], ["model", "effort", "permissionMode", "mcpServers"])
      assert.deepStrictEqual([...(known?.permissionModes ?? [])], ["plan", "ask"])
      assert.isUndefined(adapter.settableIn?.(tmpdir()))
    })
  )

  played(
    "T17 an agent with the older requests takes a model and a mode, and no effort; one without choices takes no change",
    Effect.gen(function* () {
      const older = yield* chosen("older", { model: "m2", permissionMode: "plan" }, { model: undefined })
      assert.deepStrictEqual(older.changed, ["set-model", "set-permission-mode"])
      assert.deepStrictEqual(older.chosen, [{ modeId: "plan" }, { modelId: "m2" }, { modelId: "m1" }])
      assert.isFalse(older.adapter.settableIn?.(import.meta.dirname)?.settings.has("effort"))
      const none = yield* chosen("")
      assert.deepStrictEqual(none.changed, [])
      assert.deepStrictEqual(
        [...(none.adapter.settableIn?.(import.meta.dirname)?.settings ?? [])],
        ["permissionMode", "mcpServers"]
      )
    })
  )

  played(
    "T13 P6 a second request under the id of an open one does not get its answer, and is kept as opaque",
    Effect.gen(function* () {
      const { recording, session } = yield* openSmall()
      yield* session.startTurn({ turnId: turn(1), text: "twice" })
      const { ask, requestId } = yield* recording.until("RequestOpened")
      assert.strictEqual(ask.title, "harmless")
      yield* recording.until("ItemDelta")
      yield* session.answer(requestId, { decision: "accept", optionId: "harmless" })
      yield* recording.until("TurnCompleted")
      yield* finish(session, recording, [requestId])
      assert.strictEqual(deltas(recording.events, "agent-message"), "asked harmless")
      assert.include(JSON.stringify(opaque(recording.events)), "session/request_permission")
    })
  )

  played(
    "P3 a history longer than every buffer is read while it loads",
    Effect.gen(function* () {
      const { recording, session } = yield* openSmall("", { resumeKey: "ses" })
      assert.strictEqual(session.continuity, "resumed")
      yield* session.startTurn({ turnId: turn(1), text: `ask [["brand/new",{}]]` })
      yield* recording.until("TurnCompleted")
      yield* finish(session, recording)
      assert.deepStrictEqual(story(recording.events), ["start", "+agent-message", "-agent-message completed", "completed"])
    })
  )

  played(
    "a lost conversation, or one that cannot be continued: a new one and a notice; resume without replay is used if load is not supported",
    Effect.gen(function* () {
      const lost = yield* openSmall("", { resumeKey: "gone" })
      assert.strictEqual(lost.session.continuity, "fresh")
      assert.strictEqual((yield* lost.recording.until("Opaque")).method, "millrace/conversation-lost")
      const cannot = yield* openSmall("load", { resumeKey: "ses", model: "big" })
      assert.strictEqual(cannot.session.continuity, "fresh")
      yield* finish(cannot.session, cannot.recording)
      assert.deepStrictEqual(opaque(cannot.recording.events), ["millrace/conversation-lost", "millrace/model-not-set"])
      const resumed = yield* openSmall("resume", { resumeKey: "ses" })
      assert.strictEqual(resumed.session.continuity, "resumed")
    })
  )

  played(
    "X5 files are read and written inside the project only; terminals and unknown methods are rejected",
    Effect.gen(function* () {
      const { inside, outer } = yield* project
      const { recording, session } = yield* openSmall("", { cwd: inside })
      const list = [
        ["fs/read_text_file", { path: join(inside, "in.txt") }],
        ["fs/read_text_file", { path: join(inside, "in.txt"), line: 2, limit: 1 }],
        ["fs/read_text_file", { path: join(inside, "none.txt") }],
        ["fs/read_text_file", { path: join(inside, "..", "secret") }],
        ["fs/read_text_file", { path: join(inside, "link") }],
        ["fs/read_text_file", { path: join(inside, "up", "secret") }],
        ["fs/read_text_file", { path: "in.txt" }],
        ["fs/read_text_file", { path: inside }],
        ["fs/write_text_file", { path: join(inside, "new", "out.txt"), content: "made" }],
        ["fs/write_text_file", { path: join(inside, "link"), content: "broken" }],
        ["fs/write_text_file", { path: join(inside, "dangling"), content: "broken" }],
        ["fs/write_text_file", { path: join(inside, "up", "made"), content: "broken" }],
        ["fs/write_text_file", { path: join(inside, "up", "new", "made"), content: "broken" }],
        ["terminal/create", { command: "ls" }],
        ["brand/new", {}]
      ]
      yield* session.startTurn({ turnId: turn(1), text: `ask ${JSON.stringify(list)}` })
      yield* recording.until("TurnCompleted")
      assert.strictEqual(
        deltas(recording.events, "agent-message"),
        `{"content":"1\\n2\\n3\\n"} {"content":"2"} -32002 -32602 -32602 -32602 -32602 -32602 {} -32602 -32602 -32602 -32602 -32601 -32601 `
      )
      assert.strictEqual(readFileSync(join(inside, "new", "out.txt"), "utf8"), "made")
      assert.strictEqual(readFileSync(join(outer, "secret"), "utf8"), "canary")
      assert.isFalse(existsSync(join(outer, "made")))
      assert.isFalse(existsSync(join(outer, "new")))
      yield* finish(session, recording)
      assert.notInclude(JSON.stringify(recording.events), "canary")
      assert.include(opaque(recording.events), "fs/write_text_file")
    })
  )

  played(
    "X5 attachments can be read and not written, links out of them are refused; their directory may not exist yet",
    Effect.gen(function* () {
      const { inside, outer } = yield* project
      const attachments = join(outer, "attachments")
      const { recording, session } = yield* openSmall("", { cwd: inside, attachments })
      const ask = (n: number, list: ReadonlyArray<unknown>) =>
        Effect.zipRight(
          session.startTurn({ turnId: turn(n), text: `ask ${JSON.stringify(list)}` }),
          recording.until("TurnCompleted", ({ turnId }) => turnId === turn(n))
        )
      yield* ask(1, [
        ["fs/read_text_file", { path: join(inside, "in.txt") }],
        ["fs/read_text_file", { path: join(attachments, "notes.txt") }]
      ])
      mkdirSync(attachments)
      writeFileSync(join(attachments, "notes.txt"), "mine")
      symlinkSync(join(outer, "secret"), join(attachments, "link"))
      symlinkSync(outer, join(attachments, "up"))
      yield* ask(2, [
        ["fs/read_text_file", { path: join(attachments, "notes.txt") }],
        ["fs/read_text_file", { path: join(attachments, "link") }],
        ["fs/read_text_file", { path: join(attachments, "up", "secret") }],
        ["fs/write_text_file", { path: join(attachments, "notes.txt"), content: "broken" }]
      ])
      assert.strictEqual(
        deltas(recording.events, "agent-message"),
        `{"content":"1\\n2\\n3\\n"} -32602 {"content":"mine"} -32602 -32602 -32602 `
      )
      assert.strictEqual(readFileSync(join(attachments, "notes.txt"), "utf8"), "mine")
      yield* finish(session, recording)
      assert.notInclude(JSON.stringify(recording.events), "canary")
    })
  )

  played(
    "T7 T13 an interrupt during an open question: the agent gets cancelled, and its error counts as the requested end",
    Effect.gen(function* () {
      const { recording, session } = yield* openSmall()
      yield* session.startTurn({ turnId: turn(1), text: "cancel" })
      const { requestId, ask } = yield* recording.until("RequestOpened")
      assert.deepInclude(ask, { title: "do it", choices: ["accept", "decline", "cancel"] })
      const second = yield* Effect.flip(session.startTurn({ turnId: turn(2), text: "ask []" }))
      assert.strictEqual(second.failure.kind, "refused")
      yield* session.interrupt(turn(1))
      yield* recording.until("TurnInterrupted")
      yield* session.answer(requestId, { decision: "accept" })
      assert.deepStrictEqual(yield* finish(session, recording), ["TurnInterrupted"])
    })
  )

  played(
    "T13 a stop during an open question ends the turn by a message",
    Effect.gen(function* () {
      const { recording, session } = yield* openSmall()
      yield* session.startTurn({ turnId: turn(1), text: "cancel" })
      yield* recording.until("RequestOpened")
      assert.deepStrictEqual(yield* finish(session, recording), ["TurnInterrupted"])
      assert.strictEqual(deltas(recording.events, "agent-message"), '{"outcome":"cancelled"} ')
    })
  )

  played(
    "T11 plans and reasoning map to our items, modes and unknown messages are kept, a limit is a failure",
    Effect.gen(function* () {
      const { recording, session } = yield* openSmall()
      yield* session.startTurn({ turnId: turn(1), text: "plan" })
      const failed = yield* recording.until("TurnFailed")
      assert.strictEqual(failed.error.kind, "limit")
      const updated = yield* recording.until("TurnUpdated")
      assert.deepStrictEqual(updated.plan, [{ text: "a", status: "in-progress" }])
      assert.deepStrictEqual(completed(recording.events, "reasoning"), [{ text: "hm" }])
      assert.deepStrictEqual(opaque(recording.events), ["session/update"])
      assert.isString(reported(recording.events).mode)
      yield* finish(session, recording)
    })
  )

  played(
    "a failed start gives its reason and leaves no process: no sign-in, another version",
    Effect.gen(function* () {
      const auth = yield* Effect.flip(openSmall("auth"))
      assert.strictEqual(auth.failure.kind, "auth")
      assert.include(auth.failure.message, "run x login")
      const version = yield* Effect.flip(openSmall("version"))
      assert.strictEqual(version.failure.kind, "protocol")
      const ledger = yield* Ledger.Ledger
      assert.deepStrictEqual((yield* ledger.entries).entries, [])
    })
  )

  played(
    "a probe returns the version; without a program open and probe say what to do",
    Effect.gen(function* () {
      const adapter = yield* Acp.make({ name: "small", command: small })
      assert.deepInclude(yield* adapter.probe, { provider: "small", installed: true, version: "1.2.3", signedIn: "unknown" })
      const nowhere = yield* Acp.make({ name: "x", command: "/nowhere/x", install: "Build it." })
      assert.deepInclude(yield* nowhere.probe, { installed: false })
      const error = yield* Effect.flip(nowhere.open({ threadId, epoch: 1, cwd: import.meta.dirname }))
      assert.strictEqual(error.failure.kind, "not-installed")
      assert.include(error.message, "Build it.")
    })
  )

  it("known agents are offered when they are installed, and a configured one replaces the one of the same name", () => {
    assert.deepStrictEqual(Agents.offered([], { PATH: "/nowhere" }), [])
    const mine = { name: "opencode", command: "/opt/opencode" }
    assert.deepStrictEqual(Agents.offered([mine], { PATH: "/nowhere" }), [mine])
    assert.deepStrictEqual(
      Agents.known.map(({ name }) => name),
      ["opencode", "gemini", "goose", "codex-acp", "claude-agent-acp"]
    )
  })
})
