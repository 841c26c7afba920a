/** Values of commands are stored while something names them. */
import { assert, describe, it } from "@effect/vitest"
import { StorageUnavailable } from "@millrace/contracts/Errors"
import type { ProjectId, ThreadId } from "@millrace/contracts/Ids"
import { type McpServers, permissionModes, settingNames } from "@millrace/contracts/Settings"
import type { EventLog } from "@millrace/log/EventLog"
import { layerMemory, Secrets } from "@millrace/log/Secrets"
import * as Kit from "@millrace/testing/Orchestration"
import * as ScriptedProvider from "@millrace/testing/ScriptedProvider"
import { Deferred, Effect, Layer } from "effect"
import { Views } from "../readmodel/Views.ts"
import { SecretReferences } from "./SecretReferences.ts"

const scripted = ScriptedProvider.make({
  settable: { settings: new Set(settingNames), permissionModes: new Set(permissionModes) }
})
const servers = (value: string): McpServers => ({ local: { command: "node", env: { KEY: value, NAMED: { secret: "NAMED" } } } })
const create = (value: string) =>
  Effect.map(
    Kit.dispatch("thread.create", { provider: "scripted", cwd: "/work", mcpServers: servers(value) }),
    ({ threadId }) => threadId as ThreadId
  )
const given = Effect.flatMap(Secrets, (secrets) => secrets.given)

describe("values of commands", () => {
  it.effect("X4 go with the last thread or project that names them; secrets that a person set stay", () =>
    Effect.gen(function* () {
      const secrets = yield* Secrets
      yield* secrets.set("NAMED", "named value")
      const first = yield* create("one")
      const second = yield* create("one")
      const forked = (yield* Kit.dispatch("thread.fork", { threadId: second })).threadId as ThreadId
      assert.strictEqual((yield* given).length, 1)
      yield* Kit.dispatch("thread.delete", { threadId: first })
      yield* Kit.dispatch("thread.delete", { threadId: second })
      assert.strictEqual((yield* given).length, 1)
      yield* Kit.dispatch("thread.configure", { threadId: forked, mcpServers: servers("two") })
      const [two = ""] = yield* given
      assert.deepStrictEqual([yield* given, yield* secrets.get(two)], [[two], "two"])
      yield* Kit.dispatch("thread.configure", { threadId: forked, mcpServers: null })
      assert.deepStrictEqual(yield* given, [])

      const projectId = (yield* Kit.dispatch("project.create", { cwd: "/other" })).projectId as ProjectId
      yield* Kit.dispatch("project.update", { projectId, env: { API_KEY: "a", NAMED: { secret: "NAMED" } } })
      yield* Kit.dispatch("project.update", { projectId, env: { API_KEY: "b" } })
      assert.strictEqual((yield* given).length, 1)
      yield* Kit.dispatch("project.delete", { projectId })
      assert.deepStrictEqual(yield* given, [])
      assert.strictEqual(yield* secrets.get("NAMED"), "named value")
    }).pipe(Effect.provide(Kit.layer({ providers: [scripted] })))
  )

  it.effect("X4 the value of a live session stays until the session has ended", () =>
    Effect.gen(function* () {
      yield* Effect.flatMap(Secrets, (secrets) => secrets.set("NAMED", "named value"))
      const threadId = yield* create("one")
      yield* Kit.dispatch("turn.start", { threadId, text: "go" })
      yield* Kit.eventually(Kit.ofType("turn.completed"))
      yield* Kit.dispatch("thread.configure", { threadId, mcpServers: null })
      assert.strictEqual((yield* given).length, 1)
      yield* Kit.dispatch("turn.start", { threadId, text: "again" })
      yield* Kit.eventually(Kit.ofType("turn.completed"), 2)
      assert.deepStrictEqual(yield* given, [])
    }).pipe(Effect.provide(Kit.layer({ providers: [scripted] })))
  )

  it.effect(
    "X4 C1 a rejected command stores nothing, and one whose value cannot be stored is answered with a typed error",
    () => {
      let full = false
      const bounded = Layer.effect(
        Secrets,
        Effect.map(Effect.provide(Secrets, layerMemory), (secrets) => ({
          ...secrets,
          give: (name: string, value: string) =>
            full ? Effect.fail(new StorageUnavailable({ message: "full", retryAfterMillis: 1000 })) : secrets.give(name, value)
        }))
      )
      return Effect.gen(function* () {
        const unknown = { provider: "none", cwd: "/work", mcpServers: { a: { command: "x", env: { KEY: "one" } } } }
        assert.deepInclude(yield* Effect.flip(Kit.dispatch("thread.create", unknown)), { rule: "ProviderUnknown" })
        assert.deepStrictEqual(yield* given, [])
        full = true
        const refused = yield* Effect.flip(Kit.dispatch("thread.create", { ...unknown, provider: "scripted" }))
        assert.strictEqual(refused._tag, "StorageUnavailable")
        full = false
        yield* Kit.dispatch("thread.create", { ...unknown, provider: "scripted" })
        assert.strictEqual((yield* given).length, 1)
      }).pipe(Effect.provide(Kit.layer({ providers: [scripted], secrets: bounded })))
    }
  )

  it.scoped("X4 nothing is removed if the stored values cannot be listed: their users are not known", () =>
    Effect.gen(function* () {
      const secrets = yield* Effect.provide(Secrets, layerMemory)
      const options = { providers: [scripted], secrets: Layer.succeed(Secrets, secrets) }
      const log = yield* Kit.memory
      const first = yield* Kit.start(log, options)
      yield* first.run(Effect.zipRight(secrets.set("NAMED", "named value"), create("one")))
      yield* first.close
      const failing = Effect.fail(new StorageUnavailable({ message: "cannot be read", retryAfterMillis: 1000 }))
      const references = new SecretReferences({ ...secrets, given: failing })
      assert.strictEqual((yield* Effect.flip(references.collect(log))).message, "cannot be read")
      const [name = ""] = yield* secrets.given
      const pin = references.pin()
      pin.add(name)
      pin.release()
      yield* references.removeDropped
      assert.deepStrictEqual(yield* secrets.given, [name])
    })
  )

  it.scoped(
    "X4 L3 a server that dies before or after any append leaves no value without a user after the next start, and no user without its value",
    () =>
      Effect.gen(function* () {
        for (const when of ["before", "after"] as const) {
          let whole = false
          for (let at = 0; !whole; at++) {
            const log = yield* Kit.memory
            const secrets = yield* Effect.provide(Secrets, layerMemory)
            yield* secrets.set("NAMED", "named value")
            const died = yield* Deferred.make<undefined>()
            let appends = 0
            const die = Effect.zipRight(Deferred.succeed(died, undefined), Effect.never)
            const dying: typeof EventLog.Service = {
              ...log,
              append: (envelopes) =>
                Effect.suspend(() => {
                  if (appends++ !== at) return log.append(envelopes)
                  return when === "before" ? die : Effect.zipRight(log.append(envelopes), die)
                })
            }
            const options = { providers: [scripted], secrets: Layer.succeed(Secrets, secrets) }
            const first = yield* Kit.start(dying, options)
            const use = Effect.gen(function* () {
              const threadId = yield* create("one")
              const other = yield* create("two")
              yield* Kit.dispatch("thread.configure", { threadId, mcpServers: servers("three") })
              yield* Kit.dispatch("thread.delete", { threadId: other })
              return true
            })
            whole = (yield* Effect.raceFirst(Effect.disconnect(first.run(use)), Deferred.await(died))) ?? false
            yield* first.kill
            yield* new SecretReferences(secrets).collect(log)
            const names = yield* secrets.given
            const second = yield* Kit.start(log, options)
            const threads = yield* second.run(
              Effect.map(
                Effect.flatMap(Views, ({ state }) => state),
                (state) => state.threads
              )
            )
            const used = new Set(JSON.stringify(threads).match(/KEY-[\w-]+/g) ?? [])
            assert.deepStrictEqual([...names].sort(), [...used].sort(), `${when} append ${at}`)
            yield* second.close
          }
        }
      })
  )

  it.scoped("X4 a value that a command names again while values are removed stays", () =>
    Effect.gen(function* () {
      const secrets = yield* Secrets
      const names = [yield* secrets.keep("A", "one"), yield* secrets.keep("B", "two")]
      const removed: Array<string> = []
      const references: SecretReferences = new SecretReferences({
        ...secrets,
        removeGiven: (name) =>
          Effect.suspend(() => {
            removed.push(name)
            for (const other of names) if (other !== name) references.pin().add(other)
            return secrets.removeGiven(name)
          })
      })
      yield* references.collect(yield* Kit.memory)
      assert.strictEqual(removed.length, 1)
      assert.strictEqual((yield* secrets.given).length, 1)
    }).pipe(Effect.provide(layerMemory))
  )
})
