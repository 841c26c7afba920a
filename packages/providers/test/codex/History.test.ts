/** Codex' own conversations, by a process that plays its side of what was recorded with 0.169. */
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import type { NativeHistory } from "@millrace/contracts/ProviderAdapter"
import { Chunk, Effect, type Scope, Stream } from "effect"
import * as Codex from "../../src/codex/Codex.ts"
import * as Ledger from "../../src/process/Ledger.ts"
import { player as binary } from "../Drivers.ts"

/** The process of that number of the transcript. */
const history = (process: number) =>
  Effect.flatMap(
    Codex.make({ binary, codexHome: `${join(import.meta.dirname, "fixtures", "history", "threads.jsonl")}#${process}` }),
    ({ history }) => Effect.fromNullable(history)
  )
const played = <E>(name: string, run: Effect.Effect<void, E, Scope.Scope | Ledger.Ledger>) =>
  it.live(name, () => run.pipe(Effect.scoped, Effect.provide(Ledger.layerMemory)))

const whole = (of: NativeHistory, id: string) =>
  Effect.flatMap(of.read(id), ({ thread, turns }) =>
    Effect.map(Stream.runCollect(turns), (all) => ({ thread, turns: Chunk.toReadonlyArray(all) }))
  )

describe("codex history", () => {
  played(
    "D10 its conversations are listed with what a person knows them by",
    Effect.gen(function* () {
      const listed = yield* (yield* history(1)).list({ limit: 10 })
      assert.strictEqual(listed.length, 1)
      assert.deepInclude(listed[0], { cwd: "/workspace", title: "[[say first answer]]", model: "gpt-5.5" })
      assert.match(listed[0]?.createdAt ?? "", /^2026-11-20T\d\d:\d\d:\d\d\.000Z$/)
    })
  )

  played(
    "D10 turns are read a page at a time, oldest first, with every item in our words",
    Effect.gen(function* () {
      const { thread, turns } = yield* whole(yield* history(3), "any")
      assert.strictEqual(thread.cwd, "/workspace")
      assert.deepStrictEqual(
        turns.map(({ items, status }) => [
          status,
          ...items.map(({ content, kind, status }) => [kind, status, content.text ?? content.output])
        ]),
        [
          ["completed", ["user-message", "completed", "[[say first answer]]"], ["agent-message", "completed", "first answer"]],
          [
            "completed",
            ["user-message", "completed", "[[shell echo from-the-shell]] [[say second answer]]"],
            ["command", "completed", "from-the-shell\n"],
            ["agent-message", "completed", "second answer"]
          ],
          ["completed", ["user-message", "completed", "[[say third answer]]"], ["agent-message", "completed", "third answer"]]
        ]
      )
      for (const turn of turns) assert.match(`${turn.startedAt} ${turn.endedAt}`, /^2026-11-20T\S+Z 2026-11-20T\S+Z$/)
    })
  )

  played(
    "T11 a turn that still runs is told as such",
    Effect.gen(function* () {
      const { turns } = yield* whole(yield* history(2), "any")
      assert.deepStrictEqual(
        turns.map(({ status }) => status),
        ["completed", "running"]
      )
    })
  )
})
