/** Secrets in the settings of a thread: plain in a command and for the agent, a name everywhere else. */
import { assert, describe, it } from "@effect/vitest"
import type { ThreadId } from "@millrace/contracts/Ids"
import type { OpenInput } from "@millrace/contracts/ProviderAdapter"
import { type McpServers, permissionModes, settingNames } from "@millrace/contracts/Settings"
import { Secrets } from "@millrace/log/Secrets"
import * as Kit from "@millrace/testing/Orchestration"
import * as ScriptedProvider from "@millrace/testing/ScriptedProvider"
import { Effect } from "effect"
import { Engine } from "./Engine.ts"
import { Views } from "../readmodel/Views.ts"

const value = "hunter22"
const servers: McpServers = {
  local: { command: "node", args: ["server.mjs"], env: { API_KEY: value, NAMED: { secret: "NAMED" } } },
  remote: { url: "https://example.org/mcp", headers: { authorization: `Bearer ${value}` } }
}
const agent = () => {
  const opened: Array<OpenInput["settings"]> = []
  const scripted = ScriptedProvider.make({
    settable: { settings: new Set(settingNames), permissionModes: new Set(permissionModes) },
    open: ({ settings }) => Effect.sync(() => void opened.push(settings))
  })
  return { scripted, opened }
}
const create = { provider: "scripted", cwd: "/work", turn: { text: "one" }, mcpServers: servers } as const

describe("secrets of a thread", () => {
  it.effect("X4 the agent gets the values; log, views and receipts have names", () => {
    const { opened, scripted } = agent()
    return Effect.gen(function* () {
      const secrets = yield* Secrets
      yield* secrets.set("NAMED", "named value")
      const { threadId } = yield* Kit.dispatch("thread.create", create, "cmd-secret")
      yield* Kit.eventually(Kit.ofType("turn.completed"))
      assert.deepStrictEqual(opened, [
        {
          mcpServers: {
            local: { command: "node", args: ["server.mjs"], env: { API_KEY: value, NAMED: "named value" } },
            remote: { url: "https://example.org/mcp", headers: { authorization: `Bearer ${value}` } }
          }
        }
      ])
      const history = JSON.stringify(yield* Kit.history)
      const view = JSON.stringify(yield* Effect.flatMap(Views, (views) => views.thread(threadId as ThreadId)))
      for (const text of [history, view]) {
        assert.include(text, `"NAMED":{"secret":"NAMED"}`)
        assert.notInclude(text, value)
        assert.notInclude(text, "named value")
      }
      // C2: a repeated command has the same names, so it is the same command.
      assert.strictEqual((yield* Kit.dispatch("thread.create", create, "cmd-secret")).replayed, true)
      assert.strictEqual((yield* secrets.list).length, 3)
    }).pipe(Effect.provide(Kit.layer({ providers: [scripted] })))
  })

  it.effect("X4 an unknown name is refused; a removed secret fails the turn, and the turn after it is set again runs", () => {
    const { scripted } = agent()
    return Effect.gen(function* () {
      const refused = yield* Effect.flip(Kit.dispatch("thread.create", create))
      assert.deepInclude(refused, { _tag: "CommandRejected", rule: "SecretNotFound", id: "NAMED" })
      assert.notInclude(refused.message, value)
      const secrets = yield* Secrets
      yield* secrets.set("NAMED", "named value")
      const { threadId } = yield* Kit.dispatch("thread.create", { ...create, turn: undefined })
      yield* secrets.remove("NAMED")
      const send = Kit.dispatch("turn.start", { threadId: threadId as ThreadId, text: "two" })
      yield* send
      const failed = yield* Kit.eventually(Kit.ofType("turn.failed"))
      assert.include(JSON.stringify(failed), "millrace secret set NAMED")
      yield* secrets.set("NAMED", "named value")
      yield* send
      yield* Kit.eventually(Kit.ofType("turn.completed"))
      assert.notInclude(JSON.stringify(yield* Effect.flatMap(Engine, ({ stats }) => stats)), value)
    }).pipe(Effect.provide(Kit.layer({ providers: [scripted] })))
  })
})
