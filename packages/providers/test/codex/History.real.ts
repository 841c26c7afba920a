/** The conversations of the real Codex, read from its own store after their session has ended. Run by `pnpm test:real`. */
import { assert, describe, it } from "@effect/vitest"
import { ThreadId, TurnId } from "@millrace/contracts/Ids"
import { codexBin, makeCodexHome } from "@millrace/testing/CodexHome"
import * as ModelEndpoint from "@millrace/testing/ModelEndpoint"
import { Chunk, Effect, Stream } from "effect"
import { copyFileSync, mkdirSync } from "node:fs"
import { join } from "node:path"
import * as Codex from "../../src/codex/Codex.ts"
import * as Ledger from "../../src/process/Ledger.ts"
import { record } from "@millrace/adapter-kit/Recording"

const prompts = ["[[say first answer]]", "[[shell echo from-the-shell]] [[say second answer]]", "[[say third answer]]"]

describe("the real codex", () => {
  it.live("C2 its own conversations are listed and read, with each turn and item once, in order", () =>
    Effect.gen(function* () {
      const endpoint = yield* ModelEndpoint.make
      const home = yield* makeCodexHome(endpoint, { approvalPolicy: "never", sandbox: "danger-full-access" })
      const binary = process.env["MILLRACE_CODEX_RECORD"] ?? (yield* codexBin)
      const adapter = yield* Codex.make({ binary, home: home.home, codexHome: home.codexHome })
      const native = yield* Effect.scoped(
        Effect.gen(function* () {
          const session = yield* adapter.open({ threadId: ThreadId.make("thr_real"), epoch: 1, cwd: home.workspace })
          const recording = yield* record(session)
          for (const [n, text] of prompts.entries()) {
            const turnId = TurnId.make(`trn_${n + 1}`)
            yield* session.startTurn({ turnId, text })
            yield* recording.until("TurnCompleted", (event) => event.turnId === turnId)
          }
          yield* session.stop("done")
          return session.resumeKey ?? ""
        })
      )
      const { history } = adapter
      assert.isDefined(history)
      if (history === undefined) return
      const listed = yield* history.list({ limit: 10 })
      assert.deepStrictEqual(
        listed.map(({ cwd, nativeThreadId, title }) => [nativeThreadId, cwd, title]),
        [[native, home.workspace, prompts[0]]]
      )
      assert.deepStrictEqual(yield* history.list({ limit: 10, cwd: "/nowhere" }), [])
      const { thread, turns } = yield* history.read(native)
      assert.strictEqual(thread.nativeThreadId, native)
      const all = Chunk.toReadonlyArray(yield* Stream.runCollect(turns))
      assert.deepStrictEqual(
        all.map(({ status }) => status),
        ["completed", "completed", "completed"]
      )
      const said = all.map(({ items }) =>
        items.map(({ content, kind }) => `${kind}: ${content.text ?? content.output ?? ""}`.trim())
      )
      assert.deepStrictEqual(said[0], [`user-message: ${prompts[0]}`, "agent-message: first answer"])
      assert.include(said[1] ?? [], "command: from-the-shell")
      assert.deepStrictEqual(said[2], [`user-message: ${prompts[2]}`, "agent-message: third answer"])
      const unknown = yield* Effect.flip(Effect.scoped(history.read("01a1f832-b815-7ef3-bbf0-000000000000")))
      assert.strictEqual(unknown.outcome, "failed")
    }).pipe(Effect.scoped, Effect.provide(Ledger.layerMemory))
  )

  it.live("C2 a conversation in the format of 0.104 is read with its commands, changes, searches and tool calls", () =>
    Effect.gen(function* () {
      const endpoint = yield* ModelEndpoint.make
      const home = yield* makeCodexHome(endpoint)
      const native = "019c8a53-a0dd-7130-bcd7-95445d84846a"
      const day = join(home.codexHome, "sessions/2026/02/23")
      mkdirSync(day, { recursive: true })
      const rollout = join(import.meta.dirname, "fixtures/history/legacy-rollout.jsonl")
      copyFileSync(rollout, join(day, `rollout-2026-02-23T12-47-42-${native}.jsonl`))
      const adapter = yield* Codex.make({ binary: yield* codexBin, home: home.home, codexHome: home.codexHome })
      const history = yield* Effect.fromNullable(adapter.history)
      const { omitted, turns } = yield* history.read(native)
      const all = Chunk.toReadonlyArray(yield* Stream.runCollect(turns))
      assert.deepStrictEqual(
        all.map(({ items, status }) => [status, items.map(({ kind }) => kind).join(" ")]),
        [
          ["completed", "user-message reasoning agent-message command command file-change agent-message"],
          ["interrupted", "user-message web-search tool-call tool-call command agent-message command"]
        ]
      )
      assert.strictEqual(omitted === undefined ? undefined : yield* omitted, undefined)
    }).pipe(Effect.scoped, Effect.provide(Ledger.layerMemory))
  )
})
