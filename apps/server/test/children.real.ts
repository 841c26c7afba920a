/** The real Codex with the built-in MCP server starts threads of the real Codex, against a scripted model. Run by `pnpm test:real`. */
import { describe, expect, it } from "@effect/vitest"
import * as Client from "@millrace/client/Client"
import * as HttpTransport from "@millrace/client/HttpTransport"
import type { ThreadId } from "@millrace/contracts/Ids"
import { codexBin, makeCodexHome } from "@millrace/testing/CodexHome"
import * as ModelEndpoint from "@millrace/testing/ModelEndpoint"
import { serve } from "@millrace/testing/ServerProcess"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import { Effect } from "effect"
import build from "./bundle.ts"

build()

interface Found {
  readonly threadId?: string
  readonly turnId?: string
  readonly answer?: string
  readonly turn?: { readonly status: string }
  readonly error?: object
}

/** Codex' result of a tool call has the content of the MCP server. */
const resultOf = (result: unknown): Found => {
  const content = (result as { readonly content?: ReadonlyArray<{ readonly text?: string }> } | undefined)?.content
  return JSON.parse(content?.[0]?.text ?? "{}") as Found
}

const nested = (directive: string) => `\\u005b\\u005b${directive}\\u005d\\u005d`
const call = (tool: string, given: string) => `[[call mcp__millrace/${tool} ${given}]]`

describe("agents that start agents", () => {
  it.live(
    "M2 Codex starts two children, waits, reads their ends, one is interrupted; a wider child is refused",
    () =>
      Effect.gen(function* () {
        const endpoint = yield* ModelEndpoint.make
        const home = yield* makeCodexHome(endpoint)
        const dataDir = yield* temporaryDirectory
        const env = { MILLRACE_CODEX_BIN: yield* codexBin, CODEX_HOME: home.codexHome, HOME: home.home }
        const server = yield* serve({ dataDir, env })
        const client = Client.make(HttpTransport.make(server))
        const created = yield* client.dispatch(
          yield* Client.command("thread.create", {
            provider: "codex",
            cwd: home.workspace,
            permissionMode: "full-access",
            mcpServers: { millrace: { builtin: true } }
          })
        )
        const threadId = created.threadId as ThreadId
        const play = (text: string) =>
          Effect.gen(function* () {
            const { turnId } = yield* client.dispatch(yield* Client.command("turn.start", { threadId, text }))
            if (turnId === undefined) return []
            yield* Effect.promise(() =>
              fetch(`${server.url}/api/turns/${turnId}?wait=60`, { headers: { authorization: `Bearer ${server.token}` } })
            )
            const { items } = yield* client.items(threadId, { limit: 500 })
            return items
              .toReversed()
              .filter((item) => item.turnId === turnId && item.kind === "tool-call")
              .map(({ result }) => resultOf(result))
          })
        const [first, second, wide] = yield* play(
          [
            call("thread_create", `{"provider":"codex","turn":{"text":"${nested("say the otter swims")}"}}`),
            call("thread_create", `{"provider":"demo","turn":{"text":"${nested("sleep 600000")}"}}`),
            call("thread_create", `{"provider":"codex","cwd":"/"}`)
          ].join(" ")
        )
        expect(wide?.error).toMatchObject({ rule: "WiderThanParent" })
        const [waited, , stopped] = yield* play(
          [
            call("turn_wait", `{"turnId":"${first?.turnId}","wait":50}`),
            call("turn_interrupt", `{"threadId":"${second?.threadId}"}`),
            call("turn_wait", `{"turnId":"${second?.turnId}","wait":50}`)
          ].join(" ")
        )
        expect(waited).toMatchObject({ turn: { status: "completed" }, answer: "the otter swims" })
        expect(stopped).toMatchObject({ turn: { status: "interrupted" } })
        expect(yield* client.thread(first?.threadId as ThreadId)).toMatchObject({ parentThreadId: threadId })
      }).pipe(Effect.scoped),
    120_000
  )
})
