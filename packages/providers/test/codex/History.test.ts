/** The conversations that Codex stores, from a process that plays Codex's side of recordings made with 0.169. */
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import type { NativeHistory } from "@millrace/contracts/ProviderAdapter"
import { Chunk, Effect, type Scope, Stream } from "effect"
import * as Codex from "../../src/codex/Codex.ts"
import * as Ledger from "../../src/process/Ledger.ts"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import { player as binary } from "../Drivers.ts"

const fixture = (name: string) => join(import.meta.dirname, "fixtures", "history", name)
/** The process with that number in the transcript. */
const history = (process: number, transcript = fixture("threads.jsonl")) =>
  Effect.flatMap(Codex.make({ binary, codexHome: `${transcript}#${process}` }), ({ history }) => Effect.fromNullable(history))
/** The recording of the old conversation, with this file as Codex's rollout file. */
const legacy = (rollout: string) =>
  Effect.gen(function* () {
    const transcript = join(yield* temporaryDirectory, "legacy.jsonl")
    const recorded = readFileSync(fixture("legacy.jsonl"), "utf8")
    writeFileSync(transcript, recorded.replace(/"path":"[^"]*"/g, `"path":${JSON.stringify(rollout)}`))
    return yield* history(1, transcript)
  })
const played = <E>(name: string, run: Effect.Effect<void, E, Scope.Scope | Ledger.Ledger>) =>
  it.live(name, () => run.pipe(Effect.scoped, Effect.provide(Ledger.layerMemory)))

const whole = (of: NativeHistory, id: string) =>
  Effect.gen(function* () {
    const { omitted, thread, turns } = yield* of.read(id)
    const all = Chunk.toReadonlyArray(yield* Stream.runCollect(turns))
    return { thread, turns: all, omitted: omitted === undefined ? undefined : yield* omitted }
  })

describe("codex history", () => {
  played(
    "D10 its conversations are listed with their titles",
    Effect.gen(function* () {
      const listed = yield* (yield* history(1)).list({ limit: 10 })
      assert.strictEqual(listed.length, 1)
      assert.deepInclude(listed[0], { cwd: "/workspace", title: "[[say first answer]]", model: "gpt-5.5" })
      assert.match(listed[0]?.createdAt ?? "", /^2026-11-20T\d\d:\d\d:\d\d\.000Z$/)
    })
  )

  played(
    "D10 turns are read a page at a time, oldest first, with every item mapped",
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
    "T11 a running turn is reported as running",
    Effect.gen(function* () {
      const { turns } = yield* whole(yield* history(2), "any")
      assert.deepStrictEqual(
        turns.map(({ status }) => status),
        ["completed", "running"]
      )
    })
  )

  played(
    "C2 work that Codex omits from the turns of an old conversation is read from its file, in order",
    Effect.gen(function* () {
      const { omitted, turns } = yield* whole(yield* legacy(fixture("legacy-rollout.jsonl")), "any")
      assert.strictEqual(omitted, undefined)
      const told = turns.map(({ items }) =>
        items.map(({ content: { changes, command, exitCode, output, result, text, tool }, kind, status }) =>
          [
            kind,
            status,
            text ?? command ?? tool ?? changes?.map(({ change, path }) => `${change} ${path}`).join(),
            output ?? result,
            exitCode
          ]
            .filter((part) => part !== undefined)
            .join(" | ")
        )
      )
      assert.deepStrictEqual(told, [
        [
          "user-message | completed | look around and mend it",
          "reasoning | completed | Looking around",
          "agent-message | completed | I look first.",
          "command | completed | ls | a.txt\n | 0",
          "command | failed | false |  | 1",
          "file-change | completed | add b.txt,update a.txt",
          "agent-message | completed | Done."
        ],
        [
          "user-message | completed | search the web",
          "web-search | completed | millrace",
          "tool-call | completed | files/read | content of x",
          "tool-call | completed | update_plan | Plan updated",
          "command | completed | pwd | /workspace\n | 0",
          "agent-message | completed | I found it.",
          "command | aborted | sleep 100"
        ]
      ])
      assert.deepStrictEqual(turns[0]?.items[5]?.content.changes, [
        { path: "b.txt", change: "add", diff: "@@ -0,0 +1,1 @@\n+hello\n" },
        { path: "a.txt", change: "update", diff: "@@\n-old\n+new" }
      ])
      const ids = turns.flatMap(({ items }) => items.map(({ nativeItemId }) => nativeItemId))
      assert.strictEqual(new Set(ids).size, ids.length)
    })
  )

  played(
    "C2 a call of an unknown kind keeps its input, output and status",
    Effect.gen(function* () {
      const item = (payload: object) => JSON.stringify({ type: "response_item", payload })
      const image = { type: "image_generation_call", id: "ig_1", status: "completed", revised_prompt: "a mill", result: "aGk=" }
      const search = { type: "tool_search_call", call_id: "call_9", arguments: { query: "mill" } }
      const unended = { type: "odd_call", call_id: "call_10" }
      const found = { type: "tool_search_output", call_id: "call_9", output: "two tools" }
      const lines = readFileSync(fixture("legacy-rollout.jsonl"), "utf8").trimEnd().split("\n")
      const rollout = join(yield* temporaryDirectory, "unknown.jsonl")
      writeFileSync(rollout, [...lines, ...[image, search, found, unended].map(item)].join("\n"))
      const { turns } = yield* whole(yield* legacy(rollout), "any")
      assert.deepStrictEqual(
        turns[1]?.items
          .slice(-3)
          .map(({ content: { input, result, tool }, kind, status }) => ({ kind, status, tool, input, result })),
        [
          { kind: "tool-call", status: "completed", tool: image.type, input: image, result: undefined },
          { kind: "tool-call", status: "completed", tool: search.type, input: search, result: found.output },
          { kind: "tool-call", status: "aborted", tool: unended.type, input: unended, result: undefined }
        ]
      )
    })
  )

  played(
    "C2 a reused call id is a new call with its own output; arguments that are an object, or missing, are kept",
    Effect.gen(function* () {
      const item = (payload: object) => JSON.stringify({ type: "response_item", payload })
      const shell = (call_id: string, given: unknown) => item({ type: "function_call", name: "shell", call_id, arguments: given })
      const output = (call_id: string, text: unknown) => item({ type: "function_call_output", call_id, output: text })
      const lines = readFileSync(fixture("legacy-rollout.jsonl"), "utf8").trimEnd().split("\n")
      const rollout = join(yield* temporaryDirectory, "twice.jsonl")
      const added = [
        shell("c1", '{"command":"first"}'),
        output("c1", "OUT-FIRST"),
        shell("c1", { command: ["second"] }),
        output("c1", "OUT-SECOND"),
        shell("c2", null),
        output("c2", 42)
      ]
      writeFileSync(rollout, [...lines, ...added].join("\n"))
      const { turns } = yield* whole(yield* legacy(rollout), "any")
      const three = turns[1]?.items.slice(-3) ?? []
      assert.deepStrictEqual(
        three.map(({ content: { command, output: printed, result, tool }, status }) => [
          status,
          command ?? tool,
          printed ?? result
        ]),
        [
          ["completed", "first", "OUT-FIRST"],
          ["completed", "second", "OUT-SECOND"],
          ["completed", "shell", "42"]
        ]
      )
      assert.strictEqual(new Set(three.map(({ nativeItemId }) => nativeItemId)).size, 3)
    })
  )

  played(
    "C2 a deleted file, no file, or one without a turn: the messages are read, and missing parts are reported",
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const lines = readFileSync(fixture("legacy-rollout.jsonl"), "utf8").split("\n")
      const torn = join(directory, "torn.jsonl")
      const second = lines.findLastIndex((line) => line.includes('"task_started"'))
      writeFileSync(torn, [lines[0], "{torn", ...lines.slice(second)].join("\n"))
      const empty = join(directory, "empty.jsonl")
      writeFileSync(empty, "")
      for (const path of [join(directory, "gone.jsonl"), directory, empty, torn]) {
        const { omitted, turns } = yield* whole(yield* legacy(path), "any")
        assert.match(omitted ?? "", /commands, file changes, tool calls and searches/)
        assert.deepStrictEqual(
          turns.map(({ items }) => items.length),
          path === torn ? [4, 7] : [4, 2]
        )
      }
    })
  )
})
