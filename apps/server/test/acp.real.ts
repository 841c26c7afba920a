/** An editor drives the real Codex through `millrace acp`, against a scripted model. Run by `pnpm test:real`. */
import { methods } from "@agentclientprotocol/sdk"
import { expect, it } from "@effect/vitest"
import * as Client from "@millrace/client/Client"
import * as HttpTransport from "@millrace/client/HttpTransport"
import { ThreadId } from "@millrace/contracts/Ids"
import { codexBin, makeCodexHome } from "@millrace/testing/CodexHome"
import * as ModelEndpoint from "@millrace/testing/ModelEndpoint"
import { serve } from "@millrace/testing/ServerProcess"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import { Effect, Fiber } from "effect"
import build from "./bundle.ts"
import * as Editor from "./support/Editor.ts"

build()

it.live(
  "M4 the SDK's client drives Codex, is killed in mid-turn, and loads again: nothing is lost",
  () =>
    Effect.gen(function* () {
      const endpoint = yield* ModelEndpoint.make
      const home = yield* makeCodexHome(endpoint)
      const dataDir = yield* temporaryDirectory
      const env = { MILLRACE_CODEX_BIN: yield* codexBin, CODEX_HOME: home.codexHome, HOME: home.home }
      const server = yield* serve({ dataDir, env })
      const millrace = Client.make(HttpTransport.make(server))
      const prompt = (editor: Editor.Editor, sessionId: string, text: string) =>
        Effect.promise(() => editor.agent.request(methods.agent.session.prompt, { sessionId, prompt: [{ type: "text", text }] }))
      const message = (editor: Editor.Editor) => Editor.textOf(editor.updates, "agent_message_chunk")

      const first = yield* Editor.open(dataDir, ["--provider", "codex"])
      const cwd = home.workspace
      const { sessionId } = yield* Effect.promise(() => first.agent.request(methods.agent.session.new, { cwd, mcpServers: [] }))
      const asking = yield* Effect.fork(prompt(first, sessionId, "[[escalate echo accepted]] [[say after it]]"))
      yield* first.until(() => first.asked.length === 1)
      const option = first.asked[0]?.request.options.find(({ kind }) => kind === "allow_once")
      first.asked[0]?.answer({ outcome: { outcome: "selected", optionId: option?.optionId ?? "" } })
      expect((yield* Fiber.join(asking)).stopReason).toBe("end_turn")
      expect(message(first)).toBe("after it")

      const cut = yield* Effect.fork(prompt(first, sessionId, "[[deltas 300 5]]"))
      yield* first.until(() => message(first).includes("d20 "))
      yield* first.kill
      yield* Fiber.interrupt(cut)

      const second = yield* Editor.open(dataDir)
      yield* Effect.promise(() => second.agent.request(methods.agent.session.load, { sessionId, cwd, mcpServers: [] }))
      expect((yield* prompt(second, sessionId, "[[say end]]")).stopReason).toBe("end_turn")
      const { items } = yield* millrace.items(ThreadId.make(sessionId), { limit: 100 })
      const log = items.toReversed().filter(({ kind }) => kind === "agent-message")
      expect(message(second)).toBe(log.map(({ text }) => text).join(""))
      expect(message(second)).toMatch(/^after itd1 .*d300 ?end$/)
      const call = second.updates.findLast((update) => "toolCallId" in update)
      expect(call).toMatchObject({
        status: "completed",
        content: [{ content: { text: expect.stringContaining("accepted") as string } }]
      })
    }).pipe(Effect.scoped),
  120_000
)
