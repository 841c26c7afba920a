/** Threads that agents create: their rights and the bounds of a tree. */
import { assert, describe, it } from "@effect/vitest"
import * as Client from "@millrace/contracts/Command"
import { CommandId, type ThreadId } from "@millrace/contracts/Ids"
import { type PermissionMode, permissionModes, settingNames } from "@millrace/contracts/Settings"
import * as Kit from "@millrace/testing/Orchestration"
import * as ScriptedProvider from "@millrace/testing/ScriptedProvider"
import { Effect, TestClock } from "effect"
import { Engine } from "../engine/Engine.ts"
import { maxDepth, maxMembers } from "../readmodel/Family.ts"
import * as Verify from "../readmodel/Verify.ts"
import { Views } from "../readmodel/Views.ts"

const all = { settings: new Set(settingNames), permissionModes: new Set(permissionModes) }
const strict = { settings: new Set(settingNames), permissionModes: new Set<PermissionMode>(["plan", "full-access"]) }
const none = { settings: new Set(settingNames), permissionModes: new Set<PermissionMode>() }
const providers = [
  ScriptedProvider.make({ settable: all }),
  ScriptedProvider.make({ name: "strict", settable: strict }),
  ScriptedProvider.make({ name: "none", settable: none })
]

let ids = 0
/** What the agent of `parent` sends. */
const sent = (parent: ThreadId, body: Partial<Client.BodyOf<"thread.create">> = {}) =>
  Effect.flatMap(Engine, (engine) =>
    engine.dispatch(
      Client.make(CommandId.make(`child-${ids++}`), "thread.create", { provider: "scripted", cwd: "/work", ...body }),
      "agent",
      { parent }
    )
  )
const child = (parent: ThreadId, body: Partial<Client.BodyOf<"thread.create">> = {}) =>
  Effect.map(sent(parent, body), ({ threadId }) => threadId as ThreadId)
const rule = (parent: ThreadId, body: Partial<Client.BodyOf<"thread.create">> = {}) =>
  Effect.map(Effect.flip(sent(parent, body)), (error) => ("rule" in error ? error.rule : error._tag))
const root = (body: object = {}) =>
  Effect.map(
    Kit.dispatch("thread.create", { provider: "scripted", cwd: "/work", ...body }),
    ({ threadId }) => threadId as ThreadId
  )
const view = (threadId: ThreadId) => Effect.flatMap(Views, (views) => views.thread(threadId))
const sound = Effect.map(Verify.run, ({ problems }) => assert.deepStrictEqual(problems, []))

describe("children", () => {
  it.effect("M2 for each pair of modes: a child is created only if its mode is not wider than its parent's", () =>
    Effect.gen(function* () {
      for (const [at, mode] of permissionModes.entries()) {
        const parent = yield* root({ permissionMode: mode })
        for (const [wanted, permissionMode] of permissionModes.entries()) {
          if (wanted <= at)
            assert.strictEqual((yield* view(yield* child(parent, { permissionMode }))).permissionMode, permissionMode)
          else assert.strictEqual(yield* rule(parent, { permissionMode }), "WiderThanParent")
        }
        assert.strictEqual((yield* view(yield* child(parent))).permissionMode, mode)
        yield* TestClock.adjust("2 minutes")
      }
      const unset = yield* root()
      assert.isUndefined((yield* view(yield* child(unset))).permissionMode)
      assert.strictEqual(yield* rule(unset, { permissionMode: "accept-edits" }), "WiderThanParent")
      // Another agent gets the widest mode that it has and that is not wider.
      assert.strictEqual((yield* view(yield* child(unset, { provider: "strict" }))).permissionMode, "plan")
      assert.strictEqual(yield* rule(unset, { provider: "none" }), "WiderThanParent")
      yield* sound
    }).pipe(Effect.provide(Kit.layer({ providers })))
  )

  it.effect("M2 a child has the project, the rules and at most the MCP servers and directories of its parent", () =>
    Effect.gen(function* () {
      const tools = { tools: { command: "tools" }, more: { command: "more" } }
      const approve = [{ match: { kind: "command" as const, command: "ls" }, decision: "accept" as const }]
      const parent = yield* root({ mcpServers: tools, approve })
      const made = yield* view(yield* child(parent, { mcpServers: { more: { command: "more" } } }))
      assert.deepStrictEqual(
        [made.parentThreadId, made.approve?.length, made.mcpServers],
        [parent, 1, { more: { command: "more" } }]
      )
      assert.isUndefined((yield* view(yield* child(parent))).mcpServers)
      for (const wider of [
        { mcpServers: { tools: { command: "other" } } },
        { mcpServers: { third: { command: "tools" } } },
        { cwd: "/other" },
        { directories: ["/other"] },
        { approve: [{ match: { kind: "command" as const, command: "rm" }, decision: "accept" as const }] }
      ])
        assert.deepStrictEqual([wider, yield* rule(parent, wider)], [wider, "WiderThanParent"])
      yield* sound
    }).pipe(Effect.provide(Kit.layer({ providers })))
  )

  it.effect("M2 depth, number and rate are bounded; a deleted child makes room", () =>
    Effect.gen(function* () {
      const top = yield* root()
      let parent = top
      const line: Array<ThreadId> = []
      for (let depth = 0; depth < maxDepth; depth++) line.push((parent = yield* child(parent)))
      assert.strictEqual(yield* rule(parent), "ChildLimit")
      // At the same time, so that some are decided in one batch.
      const outcomes = yield* Effect.forEach(Array.from({ length: 10 }), () => Effect.either(sent(top)), { concurrency: 10 })
      assert.strictEqual(outcomes.filter(({ _tag }) => _tag === "Right").length, 10 - maxDepth, "ten in a minute")
      let members = 10
      while (members < maxMembers) {
        yield* TestClock.adjust("2 minutes")
        for (let n = 0; n < 10 && members < maxMembers; n++, members++) yield* child(top)
      }
      yield* TestClock.adjust("2 minutes")
      assert.strictEqual(yield* rule(top), "ChildLimit")
      assert.strictEqual(yield* rule(line[0] as ThreadId), "ChildLimit", "the whole tree counts")
      yield* Kit.dispatch("thread.delete", { threadId: parent })
      yield* child(top)
      yield* sound
    }).pipe(Effect.provide(Kit.layer({ providers })))
  )
})
