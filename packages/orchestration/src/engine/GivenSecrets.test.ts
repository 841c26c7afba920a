/** Secrets in the settings of a thread: plain in a command and for the agent, a name everywhere else. */
import { assert, describe, it } from "@effect/vitest"
import { defined } from "@millrace/contracts/Defined"
import type { ProjectId, ThreadId } from "@millrace/contracts/Ids"
import type { OpenInput } from "@millrace/contracts/ProviderAdapter"
import { type McpServers, permissionModes, settingNames } from "@millrace/contracts/Settings"
import { Secrets } from "@millrace/log/Secrets"
import * as Kit from "@millrace/testing/Orchestration"
import * as ScriptedProvider from "@millrace/testing/ScriptedProvider"
import { Effect } from "effect"
import { Engine } from "./Engine.ts"
import * as Verify from "../readmodel/Verify.ts"
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

  it.effect("X4 the agents of a project get its variables; the log has plain values of those that are no secrets", () => {
    const opened: Array<Pick<OpenInput, "env" | "secrets">> = []
    const scripted = ScriptedProvider.make({
      open: ({ env, secrets }) => Effect.sync(() => void opened.push({ ...defined({ env, secrets }) }))
    })
    return Effect.gen(function* () {
      yield* Effect.flatMap(Secrets, (secrets) => secrets.set("NAMED", "named value"))
      const { projectId } = yield* Kit.dispatch("project.create", { cwd: "/work" })
      const env = { NODE_ENV: "test", API_KEY: value, NAMED: { secret: "NAMED" } }
      const update = { projectId: projectId as ProjectId, env }
      yield* Kit.dispatch("project.update", update)
      // The same variables again are no change.
      yield* Kit.dispatch("project.update", update)
      yield* Kit.dispatch("thread.create", { provider: "scripted", projectId: projectId as ProjectId, turn: { text: "one" } })
      yield* Kit.eventually(Kit.ofType("turn.completed"))
      assert.deepStrictEqual(opened, [
        {
          env: {
            NODE_ENV: "test",
            API_KEY: value,
            NAMED: "named value",
            MILLRACE_WORKSPACE: "/work",
            MILLRACE_PROJECT_ROOT: "/work"
          },
          secrets: [value, "named value"]
        }
      ])
      const history = yield* Kit.history
      assert.notInclude(JSON.stringify(history), value)
      assert.strictEqual(history.filter(Kit.ofType("project.updated")).length, 1)
      const { projects } = yield* Effect.flatMap(Views, ({ state }) => state)
      assert.deepInclude(projects[0]?.env, { NODE_ENV: "test", NAMED: { secret: "NAMED" } })
      assert.match(JSON.stringify(projects[0]?.env?.["API_KEY"]), /^{"secret":"API_KEY-/)
      assert.deepStrictEqual((yield* Verify.run).problems, [])
      const unknown = { projectId: projectId as ProjectId, env: { X: { secret: "NONE" } } }
      assert.deepInclude(yield* Effect.flip(Kit.dispatch("project.update", unknown)), { rule: "SecretNotFound", id: "NONE" })
    }).pipe(Effect.provide(Kit.layer({ providers: [scripted] })))
  })
})
