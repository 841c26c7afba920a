/** The ACP adapter with the real `opencode acp` against a scripted model endpoint, offline. Run by `pnpm test:real`, which installs it. */
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { ThreadId, TurnId } from "@millrace/contracts/Ids"
import type { OpenInput } from "@millrace/contracts/ProviderAdapter"
import { Effect, Exit, Fiber, Scope } from "effect"
import * as Acp from "../../src/acp/Acp.ts"
import * as Agents from "../../src/acp/Agents.ts"
import * as Ledger from "../../src/process/Ledger.ts"
import * as McpServer from "@millrace/testing/McpServer"
import * as ModelEndpoint from "@millrace/testing/ModelEndpoint"
import * as Shot from "@millrace/testing/Shot"
import { finish, record } from "@millrace/adapter-kit/Recording"
import { completed, deltas, reported, story } from "@millrace/adapter-kit/Story"

const command = process.env["MILLRACE_OPENCODE_BIN"] ?? ""
const threadId = ThreadId.make("thr_real")
const turn = (n: number) => TurnId.make(`trn_${n}`)

/** A command for which the agent requests approval. */
const shell = (command: string) => `[[call bash ${JSON.stringify({ command, description: "Runs a command" })}]]`

const config = (port: number) => ({
  autoupdate: false,
  share: "disabled",
  snapshot: false,
  lsp: false,
  formatter: false,
  model: "local/scripted",
  small_model: "local/scripted",
  enabled_providers: ["local"],
  permission: { bash: "ask", edit: "ask" },
  provider: {
    local: {
      npm: "@ai-sdk/openai-compatible",
      name: "Scripted",
      options: { baseURL: `http://127.0.0.1:${port}/v1`, apiKey: "not-a-real-key" },
      models: {
        scripted: {
          name: "Scripted",
          tool_call: true,
          attachment: true,
          modalities: { input: ["text", "image"], output: ["text"] },
          limit: { context: 100000, output: 8000 }
        },
        other: { name: "Other", tool_call: true, limit: { context: 100000, output: 8000 } }
      }
    }
  }
})

const world = Effect.gen(function* () {
  const endpoint = yield* ModelEndpoint.make
  const { port } = endpoint
  const home = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "millrace-opencode-"))),
    (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
  )
  const cwd = join(home, "project")
  mkdirSync(cwd)
  const known = Agents.known.find(({ name }) => name === "opencode")
  const adapter = yield* Acp.make({
    ...known,
    name: "opencode",
    command,
    args: ["acp", "--pure"],
    env: {
      ...known?.env,
      HOME: home,
      XDG_CONFIG_HOME: join(home, "config"),
      XDG_DATA_HOME: join(home, "data"),
      XDG_STATE_HOME: join(home, "state"),
      XDG_CACHE_HOME: join(home, "cache"),
      OPENCODE_CONFIG_CONTENT: JSON.stringify(config(port)),
      OPENCODE_DISABLE_DEFAULT_PLUGINS: "1",
      OPENCODE_PURE: "1"
    }
  })
  const open = (epoch: number, more: Partial<OpenInput> = {}) =>
    Effect.gen(function* () {
      const session = yield* adapter.open({ threadId, epoch, cwd, ...more })
      return { session, recording: yield* record(session) }
    })
  return { adapter, cwd, endpoint, open }
})

const live = <E>(name: string, run: Effect.Effect<void, E, Scope.Scope | Ledger.Ledger>, millis = 60_000) =>
  it.live(name, () => run.pipe(Effect.scoped, Effect.provide(Ledger.layerMemory)), millis)

describe.skipIf(command === "")("the real opencode", () => {
  live(
    "T2 a probe, and a turn with its text and the chosen model",
    Effect.gen(function* () {
      const { adapter, open } = yield* world
      const probed = yield* adapter.probe
      assert.isTrue(probed.installed)
      assert.match(probed.version ?? "", /^\d+\.\d+/)
      const { recording, session } = yield* open(1, { model: "local/scripted" })
      yield* session.startTurn({ turnId: turn(1), text: "[[say Hello from the scripted model.]]" })
      yield* recording.until("TurnCompleted")
      assert.strictEqual(deltas(recording.events, "agent-message"), "Hello from the scripted model.")
      assert.deepStrictEqual(yield* finish(session, recording), ["TurnCompleted"])
    })
  )

  live(
    "an image in a prompt arrives at the model as an image",
    Effect.gen(function* () {
      const { cwd, endpoint, open } = yield* world
      const { recording, session } = yield* open(1)
      const shot = Shot.attachment(cwd)
      assert.isTrue(session.takes?.(shot))
      assert.include(session.capabilities, "images")
      yield* session.startTurn({ turnId: turn(1), text: "[[say seen]]", attachments: [shot] })
      yield* recording.until("TurnCompleted")
      const sent = JSON.stringify(yield* endpoint.chats)
      assert.match(sent, /"type":"image_url","image_url":\{"url":"data:image\/png;base64,/)
      assert.deepStrictEqual(yield* finish(session, recording), ["TurnCompleted"])
    })
  )

  live(
    "P7 a fork has the conversation under a separate key, while the source continues without its new turns",
    Effect.gen(function* () {
      const { endpoint, open } = yield* world
      const run = ({ recording, session }: Effect.Effect.Success<ReturnType<typeof open>>, n: number, word: string) =>
        Effect.gen(function* () {
          yield* session.startTurn({ turnId: turn(n), text: `[[say ${word}]]` })
          yield* recording.until("TurnCompleted", ({ turnId }) => turnId === turn(n))
          return JSON.stringify((yield* endpoint.chats).findLast((body) => JSON.stringify(body).includes(`[[say ${word}]]`)))
        })
      const source = yield* open(1)
      assert.include(source.session.capabilities, "fork")
      yield* run(source, 1, "apple")
      assert.include(reported(source.recording.events).model ?? "", "scripted")
      const resumeKey = source.session.resumeKey ?? ""
      const copy = yield* open(2, { resumeKey, fork: true })
      assert.strictEqual(copy.session.continuity, "resumed")
      assert.notStrictEqual(copy.session.resumeKey, resumeKey)
      assert.include(yield* run(copy, 2, "banana"), "apple")
      assert.notInclude(yield* run(source, 3, "cherry"), "banana")
      yield* finish(copy.session, copy.recording)
      yield* finish(source.session, source.recording)
    }),
    120_000
  )

  live(
    "X4 a tool of an MCP server of the thread runs, with the value of its secret",
    Effect.gen(function* () {
      const { endpoint, open } = yield* world
      const { recording, session } = yield* open(1, { settings: { mcpServers: McpServer.servers() } })
      yield* session.startTurn({ turnId: turn(1), text: `[[call greeter_greet {"name":"Ada"}]]` })
      yield* recording.until("TurnCompleted")
      assert.include(JSON.stringify(recording.events), McpServer.greeting("Ada"))
      assert.include(JSON.stringify((yield* endpoint.chats).at(-1)), McpServer.greeting("Ada"))
      yield* finish(session, recording)
      assert.notInclude(JSON.stringify(recording.events), McpServer.key)
    })
  )

  live(
    "T17 a model and a permission mode that change between two turns arrive at the model; what it does not have is refused",
    Effect.gen(function* () {
      const { endpoint, open } = yield* world
      const run = (epoch: number, more: Partial<OpenInput>) =>
        Effect.gen(function* () {
          const { recording, session } = yield* open(epoch, more)
          yield* session.startTurn({ turnId: turn(epoch), text: `[[say answer ${epoch}]]` })
          yield* recording.until("TurnCompleted")
          yield* finish(session, recording)
          const request = (yield* endpoint.chats).findLast((body) => JSON.stringify(body).includes(`[[say answer ${epoch}]]`))
          return { resumeKey: session.resumeKey ?? "", text: JSON.stringify(request) }
        })
      const { resumeKey, text } = yield* run(1, { model: "local/scripted" })
      assert.include(text, '"model":"scripted"')
      assert.notInclude(text.toLowerCase(), "plan mode")
      const two = yield* run(2, { resumeKey, model: "local/other", settings: { permissionMode: "plan" } })
      assert.include(two.text, '"model":"other"')
      assert.include(two.text.toLowerCase(), "plan mode")
      const mode = yield* Effect.flip(open(3, { resumeKey, settings: { permissionMode: "accept-edits" } }))
      assert.include(mode.failure.message, "opencode has no permission mode accept-edits. Its modes: build, plan")
      const effort = yield* Effect.flip(open(4, { resumeKey, settings: { effort: "high" } }))
      assert.include(effort.failure.message, "does not let clients choose the effort")
    }),
    // The test starts the agent four times.
    240_000
  )

  live(
    "T17 a running session takes a model and a permission mode; its commands are listed, and what it does not have is known",
    Effect.gen(function* () {
      const { adapter, cwd, endpoint, open } = yield* world
      const { recording, session } = yield* open(1)
      assert.includeMembers([...session.capabilities], ["set-model", "set-permission-mode"])
      const run = (n: number) =>
        Effect.gen(function* () {
          yield* session.startTurn({ turnId: turn(n), text: `[[say answer ${n}]]` })
          yield* recording.until("TurnCompleted", ({ turnId }) => turnId === turn(n))
          const chats = yield* endpoint.chats
          return JSON.stringify(chats.findLast((body) => JSON.stringify(body).includes(`[[say answer ${n}]]`)))
        })
      assert.include(yield* run(1), '"model":"scripted"')
      yield* session.configure?.({ model: "local/other", permissionMode: "plan" }) ?? Effect.void
      const two = yield* run(2)
      assert.include(two, '"model":"other"')
      assert.include(two.toLowerCase(), "plan mode")
      assert.include(two, "[[say answer 1]]")
      yield* session.configure?.({ model: undefined }) ?? Effect.void
      assert.include(yield* run(3), '"model":"scripted"')
      assert.isTrue((yield* adapter.probe).commands?.some(({ name }) => name === "init"))
      const known = adapter.settableIn?.(cwd)
      assert.isTrue(known?.settings.has("model"))
      assert.isFalse(known?.settings.has("effort"))
      assert.deepStrictEqual([...(known?.permissionModes ?? [])], ["plan"])
      yield* finish(session, recording)
    }),
    120_000
  )

  live(
    "T13 accept runs it, decline does not; T7 an interrupt and a stop end their turns by a message",
    Effect.gen(function* () {
      const { cwd, open } = yield* world
      const { recording, session } = yield* open(1)
      yield* session.startTurn({ turnId: turn(1), text: shell("touch yes.txt && echo made") })
      const first = yield* recording.until("RequestOpened")
      yield* session.answer(first.requestId, { decision: "accept" })
      yield* recording.until("TurnCompleted", (event) => event.turnId === turn(1))
      assert.isTrue(existsSync(join(cwd, "yes.txt")))
      assert.deepInclude(completed(recording.events, "command")[0], { output: "made\n", exitCode: 0 })
      yield* session.startTurn({ turnId: turn(2), text: shell("touch no.txt") })
      const second = yield* recording.until("RequestOpened", (event) => event.turnId === turn(2))
      yield* session.answer(second.requestId, { decision: "decline" })
      yield* recording.until("TurnCompleted", (event) => event.turnId === turn(2))
      assert.isFalse(existsSync(join(cwd, "no.txt")))
      yield* session.startTurn({ turnId: turn(3), text: "[[say one two three]] [[hang]]" })
      yield* recording.until("ItemDelta", (event) => event.text.includes("three"))
      yield* session.interrupt(turn(3))
      yield* recording.until("TurnInterrupted", (event) => event.turnId === turn(3))
      yield* session.startTurn({ turnId: turn(4), text: shell("touch never.txt") })
      yield* recording.until("RequestOpened", (event) => event.turnId === turn(4))
      const ends = yield* finish(session, recording, [first.requestId, second.requestId])
      assert.deepStrictEqual(ends.slice(2), ["TurnInterrupted", "TurnInterrupted"])
    })
  )

  live(
    "P5 killed and loaded: the conversation continues without replaying its history; a lost one begins anew, which is reported",
    Effect.gen(function* () {
      const { open } = yield* world
      const own = yield* Scope.make()
      const first = yield* Scope.extend(open(1), own)
      yield* first.session.startTurn({ turnId: turn(1), text: "[[say a finished turn]]" })
      yield* first.recording.until("TurnCompleted")
      const ledger = yield* Ledger.Ledger
      for (const { group } of (yield* ledger.entries).entries) process.kill(-group, "SIGKILL")
      yield* Fiber.join(first.recording.done)
      yield* Scope.close(own, Exit.void)

      const { resumeKey } = first.session
      const second = yield* open(2, resumeKey === undefined ? {} : { resumeKey })
      assert.strictEqual(second.session.continuity, "resumed")
      yield* second.session.startTurn({ turnId: turn(2), text: "[[say after the crash]]" })
      yield* second.recording.until("TurnCompleted")
      yield* finish(second.session, second.recording)
      assert.deepStrictEqual(story(second.recording.events), ["start", "+agent-message", "-agent-message completed", "completed"])

      const lost = yield* open(3, { resumeKey: "ses_nothing" })
      assert.strictEqual(lost.session.continuity, "fresh")
      yield* lost.recording.until("Opaque", (event) => event.method === "millrace/conversation-lost")
      yield* finish(lost.session, lost.recording)
    })
  )
})
