/** Settings of a thread: what is refused, and when a change takes effect. */
import { assert, describe, it } from "@effect/vitest"
import type { LogEvent } from "@millrace/contracts/Event"
import type { ThreadId } from "@millrace/contracts/Ids"
import type { OpenInput } from "@millrace/contracts/ProviderAdapter"
import { permissionModes, settingNames } from "@millrace/contracts/Settings"
import * as Kit from "@millrace/testing/Orchestration"
import * as ScriptedProvider from "@millrace/testing/ScriptedProvider"
import { Effect } from "effect"
import * as Verify from "../readmodel/Verify.ts"
import { Views } from "../readmodel/Views.ts"

const all = { settings: new Set(settingNames), permissionModes: new Set(permissionModes) }

/** An agent that records what it is opened and configured with, in order. */
const agent = (options: Partial<ScriptedProvider.Options> = {}) => {
  const seen: Array<unknown> = []
  const scripted = ScriptedProvider.make({
    settable: all,
    ...options,
    open: (input: OpenInput) => Effect.sync(() => void seen.push({ open: { model: input.model, ...input.settings } })),
    turn: (turn) =>
      Effect.sync(() => seen.push(turn.text)).pipe(
        Effect.zipRight(options.turn?.(turn) ?? Effect.all([turn.start, turn.say("done"), turn.complete], { discard: true }))
      ),
    configure: (changed) =>
      Effect.zipRight(
        options.configure?.(changed) ?? Effect.void,
        Effect.sync(() => void seen.push(changed))
      )
  })
  return { scripted, seen }
}
const live = ["interrupt", "resume", "set-model", "set-effort", "set-permission-mode"] as const
const create = (body: object = {}) =>
  Effect.map(
    Kit.dispatch("thread.create", { provider: "scripted", cwd: "/work", turn: { text: "one" }, ...body }),
    ({ threadId }) => threadId as ThreadId
  )
const ends = (count: number) => Kit.eventually(Kit.ofType("turn.completed"), count)
const data = (event: LogEvent | undefined) => event?.data as Record<string, unknown>
const events = (type: string) => Effect.map(Kit.history, (history) => history.filter((event) => event.type === type).map(data))
const send = (threadId: ThreadId, text: string) => Kit.dispatch("turn.start", { threadId, text })
const view = (threadId: ThreadId) => Effect.flatMap(Views, (views) => views.thread(threadId))
const sound = Effect.map(Verify.run, ({ problems }) => assert.deepStrictEqual(problems, []))

describe("settings", () => {
  it.effect("T17 a session that can take them gets changed settings before its next turn", () => {
    const { scripted, seen } = agent({ capabilities: [...live] })
    return Effect.gen(function* () {
      const threadId = yield* create({ model: "small", permissionMode: "ask" })
      yield* ends(1)
      yield* Kit.dispatch("thread.configure", { threadId, model: "big", effort: "high", permissionMode: "plan" })
      yield* send(threadId, "two")
      yield* send(threadId, "three")
      yield* ends(3)
      assert.deepStrictEqual(seen, [
        { open: { model: "small", permissionMode: "ask" } },
        "one",
        { model: "big", effort: "high", permissionMode: "plan" },
        "two",
        "three"
      ])
      assert.deepStrictEqual(yield* events("thread.updated"), [
        { threadId, model: "big", effort: "high", permissionMode: "plan" }
      ])
      assert.deepInclude(yield* view(threadId), { model: "big", effort: "high", permissionMode: "plan" })
      yield* sound
    }).pipe(Effect.provide(Kit.layer({ providers: [scripted] })))
  })

  it.effect(
    "T17 full access and the default mode, which can be that, need a new session, also if the session takes other permission modes",
    () => {
      const { scripted, seen } = agent({ capabilities: [...live] })
      return Effect.gen(function* () {
        const threadId = yield* create({ permissionMode: "full-access" })
        yield* ends(1)
        yield* Kit.dispatch("thread.configure", { threadId, permissionMode: "ask" })
        yield* send(threadId, "two")
        yield* ends(2)
        yield* Kit.dispatch("thread.configure", { threadId, permissionMode: "full-access" })
        yield* send(threadId, "three")
        yield* ends(3)
        yield* Kit.dispatch("thread.configure", { threadId, permissionMode: "ask" })
        yield* send(threadId, "four")
        yield* ends(4)
        yield* Kit.dispatch("thread.configure", { threadId, permissionMode: null })
        yield* send(threadId, "five")
        yield* ends(5)
        assert.deepStrictEqual(seen, [
          { open: { model: undefined, permissionMode: "full-access" } },
          "one",
          { permissionMode: "ask" },
          "two",
          { open: { model: undefined, permissionMode: "full-access" } },
          "three",
          { permissionMode: "ask" },
          "four",
          { open: { model: undefined } },
          "five"
        ])
        assert.notProperty(yield* view(threadId), "permissionMode")
        yield* sound
      }).pipe(Effect.provide(Kit.layer({ providers: [scripted] })))
    }
  )

  it.effect(
    "T17 for another change the idle session stops, and the next one resumes the conversation with the new settings",
    () => {
      const { scripted, seen } = agent()
      return Effect.gen(function* () {
        const threadId = yield* create({ instructions: "be brief" })
        yield* ends(1)
        yield* Kit.dispatch("thread.configure", { threadId, instructions: "be long", directories: ["/other", "/other"] })
        // The change alone does not stop it.
        assert.deepStrictEqual(yield* events("session.stop.requested"), [])
        yield* send(threadId, "two")
        yield* ends(2)
        assert.deepStrictEqual(seen, [
          { open: { model: undefined, instructions: "be brief" } },
          "one",
          { open: { model: undefined, directories: ["/other"], instructions: "be long" } },
          "two"
        ])
        assert.deepInclude((yield* events("session.stopped"))[0], { status: "stopped", reason: "its settings changed" })
        assert.deepInclude((yield* view(threadId)).session, { epoch: 2, continuity: "resumed" })
        yield* sound
      }).pipe(Effect.provide(Kit.layer({ providers: [scripted] })))
    }
  )

  it.effect("T17 a running turn is not touched, and a change that is taken back needs no new session", () => {
    const { scripted, seen } = agent({ turn: (turn) => Effect.zipRight(turn.start, turn.interrupted) })
    return Effect.gen(function* () {
      const threadId = yield* create({ instructions: "be brief" })
      yield* Kit.eventually(Kit.ofType("turn.started"))
      yield* Kit.dispatch("thread.configure", { threadId, instructions: "be long" })
      yield* send(threadId, "two")
      assert.deepStrictEqual(yield* events("session.stop.requested"), [])
      yield* Kit.dispatch("thread.configure", { threadId, instructions: "be brief" })
      yield* Kit.dispatch("turn.interrupt", { threadId })
      yield* Kit.eventually(Kit.ofType("turn.started"), 2)
      assert.deepStrictEqual(seen, [{ open: { model: undefined, instructions: "be brief" } }, "one", "two"])
      yield* Kit.dispatch("thread.configure", { threadId, instructions: null })
      yield* send(threadId, "three")
      yield* Kit.dispatch("turn.interrupt", { threadId })
      yield* Kit.eventually(Kit.ofType("turn.started"), 3)
      assert.deepStrictEqual(seen.slice(3), [{ open: { model: undefined } }, "three"])
      yield* sound
    }).pipe(Effect.provide(Kit.layer({ providers: [scripted] })))
  })

  it.effect("T17 a change that the agent refuses fails the turn, and the next turn tries it again", () => {
    let refuse = true
    const { scripted, seen } = agent({
      capabilities: [...live],
      configure: () =>
        refuse ? Effect.fail(ScriptedProvider.failure("configure", { kind: "refused", message: "no such model" })) : Effect.void
    })
    return Effect.gen(function* () {
      const threadId = yield* create()
      yield* ends(1)
      yield* Kit.dispatch("thread.configure", { threadId, model: "nothing" })
      yield* send(threadId, "two")
      yield* Kit.eventually(Kit.ofType("turn.failed"))
      assert.deepInclude((yield* events("turn.failed"))[0], { reason: "no such model" })
      // The agent may have either model.
      yield* Kit.dispatch("thread.configure", { threadId, model: null })
      refuse = false
      yield* send(threadId, "three")
      yield* ends(2)
      assert.deepStrictEqual(seen, [{ open: { model: undefined } }, "one", { model: undefined }, "three"])
    }).pipe(Effect.provide(Kit.layer({ providers: [scripted] })))
  })

  it.scoped("T17 T5 a server that dies at any append of a change continues with the new settings", () =>
    Effect.gen(function* () {
      let whole = false
      for (let dieAfter = 1; !whole; dieAfter++) {
        const { scripted, seen } = agent()
        const log = yield* Kit.memory
        const first = yield* Kit.start(log, { providers: [scripted], dieAfter })
        const change = Effect.gen(function* () {
          const threadId = yield* create()
          yield* ends(1)
          yield* Kit.dispatch("thread.configure", { threadId, instructions: "be long" })
          yield* send(threadId, "two")
          yield* ends(2)
          return true
        })
        whole = (yield* first.run(change)) ?? false
        yield* first.kill
        const second = yield* Kit.start(log, { providers: [scripted] })
        yield* second.run(
          Effect.gen(function* () {
            const [thread] = (yield* (yield* Views).state).threads
            if (thread === undefined) return
            const { threadId } = thread
            yield* Kit.dispatch("thread.configure", { threadId, instructions: "be long" })
            const { turnId } = yield* send(threadId, "last")
            yield* Kit.eventually((event) => event.type === "turn.completed" && data(event)["turnId"] === turnId)
            const opened = seen.findLast((one) => typeof one === "object")
            assert.deepStrictEqual(opened, { open: { model: undefined, instructions: "be long" } }, `after ${dieAfter} appends`)
            yield* sound
          })
        )
        yield* second.close
        assert.isBelow(dieAfter, 100)
      }
    })
  )

  it.effect("T17 C1 what the agent cannot do is refused by name, on creation, by configure and at a hand-over", () => {
    const { scripted } = agent({
      settable: { settings: new Set(["model", "permissionMode", "mcpServers"]), permissionModes: new Set(["ask", "full-access"]) }
    })
    const other = ScriptedProvider.make({ name: "other" })
    const refused = (effect: Effect.Effect<unknown, unknown, Kit.Services>) =>
      Effect.map(Effect.flip(effect), (error) => error as { readonly rule: string; readonly message: string })
    return Effect.gen(function* () {
      const effort = yield* refused(create({ effort: "high" }))
      assert.deepInclude(effort, { rule: "Unsupported" })
      assert.strictEqual(effort.message, "scripted cannot set effort. It can set: model, permissionMode, mcpServers.")
      const threadId = yield* create({ permissionMode: "full-access", model: "big" })
      yield* ends(1)
      const plan = yield* refused(Kit.dispatch("thread.configure", { threadId, permissionMode: "plan" }))
      assert.strictEqual(plan.message, "scripted has no permission mode plan. It has: ask, full-access.")
      const builtin = yield* refused(Kit.dispatch("thread.configure", { threadId, mcpServers: { millrace: { builtin: true } } }))
      assert.deepInclude(builtin, { rule: "Unsupported" })
      const over = yield* refused(Kit.dispatch("thread.handover", { threadId, provider: "other" }))
      assert.include(over.message, "other cannot set permissionMode")
      yield* Kit.dispatch("thread.configure", { threadId, permissionMode: null, effort: null, instructions: null })
      yield* Kit.dispatch("thread.handover", { threadId, provider: "other" })
      assert.notProperty(yield* view(threadId), "model")
      yield* sound
    }).pipe(Effect.provide(Kit.layer({ providers: [scripted, other] })))
  })

  it.effect("T17 C1 what the agent reported it does not have in this directory is refused by name before a session opens", () => {
    const reported = { settings: new Set(["permissionMode"] as const), permissionModes: new Set(["plan"] as const) }
    const scripted = ScriptedProvider.make({
      settable: all,
      settableIn: (cwd) => (cwd === "/work" ? reported : undefined)
    })
    return Effect.gen(function* () {
      const made = (cwd: string, body: object) => Kit.dispatch("thread.create", { provider: "scripted", cwd, ...body })
      const effort = yield* Effect.flip(made("/work", { effort: "high" }))
      assert.deepInclude(effort, { rule: "Unsupported" })
      assert.include(effort.message, "scripted cannot set effort. It can set: permissionMode.")
      const { projectId, threadId } = yield* made("/work", { permissionMode: "plan" })
      const mode = yield* Effect.flip(Kit.dispatch("thread.configure", { threadId: threadId as ThreadId, permissionMode: "ask" }))
      assert.include(mode.message, "scripted has no permission mode ask. It has: plan.")
      // The directory is that of the project.
      const again = yield* Effect.flip(
        Kit.dispatch("thread.create", { provider: "scripted", projectId: projectId!, effort: "high" })
      )
      assert.include(again.message, "effort")
      yield* made("/other", { effort: "high", permissionMode: "ask" })
      assert.deepStrictEqual(scripted.calls, [])
      yield* sound
    }).pipe(Effect.provide(Kit.layer({ providers: [scripted] })))
  })

  it.effect("C1 further directories must exist; a fork and a hand-over keep the settings", () => {
    const { scripted } = agent({ capabilities: ["interrupt", "resume", "fork"] })
    const other = ScriptedProvider.make({ name: "other", settable: all })
    return Effect.gen(function* () {
      const missing = yield* Effect.flip(create({ directories: ["/other", "/nowhere"] }))
      assert.deepInclude(missing, { rule: "DirectoryNotFound", id: "/nowhere" })
      const settings = { effort: "low", permissionMode: "plan", directories: ["/other"], instructions: "be brief" } as const
      const threadId = yield* create({ model: "big", ...settings })
      yield* ends(1)
      const forked = yield* Kit.dispatch("thread.fork", { threadId })
      assert.deepInclude(yield* view(forked.threadId as ThreadId), { model: "big", ...settings })
      yield* Kit.dispatch("thread.handover", { threadId, provider: "other" })
      const { effort: _, ...kept } = settings
      assert.deepInclude(yield* view(threadId), kept)
      assert.notProperty(yield* view(threadId), "effort")
      // Handed back before a turn began, it has its own words again.
      yield* Kit.dispatch("thread.handover", { threadId, provider: "scripted" })
      assert.deepInclude(yield* view(threadId), { model: "big", ...settings })
      yield* sound
    }).pipe(Effect.provide(Kit.layer({ providers: [scripted, other] })))
  })
})
