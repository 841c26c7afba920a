/** The conversations that Claude Code stores, from files that 2.1.197 and 2.1.332 wrote. */
import { appendFileSync, copyFileSync, mkdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import type { NativeTurn } from "@millrace/contracts/ProviderAdapter"
import { Chunk, Effect, Stream } from "effect"
import * as History from "../../src/claude/History.ts"
import * as TranscriptFile from "../../src/claude/TranscriptFile.ts"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"

const fixture = (name: string) => join(import.meta.dirname, "fixtures", "history", `${name}.jsonl`)
const idOf = (n: number) => `00000000-0000-4000-8000-00000000000${n}`

/** Claude's directory with these files as conversations 1, 2, ... */
const stored = (...files: ReadonlyArray<string>) =>
  Effect.map(temporaryDirectory, (configDir) => {
    const project = join(configDir, "projects", "-workspace")
    mkdirSync(project, { recursive: true })
    const paths = files.map((name, n) => {
      const path = join(project, `${idOf(n + 1)}.jsonl`)
      copyFileSync(fixture(name), path)
      utimesSync(path, 1000 + n, 1000 + n)
      return path
    })
    return { history: History.make({ configDir }), project, paths }
  })
const whole = (history: ReturnType<typeof History.make>, id = idOf(1)) =>
  Effect.scoped(
    Effect.gen(function* () {
      const { omitted, thread, turns } = yield* history.read(id)
      const all = Chunk.toReadonlyArray(yield* Stream.runCollect(turns))
      return { thread, turns: all, omitted: omitted === undefined ? undefined : yield* omitted }
    })
  )
const shape = ({ items, status }: NativeTurn) => [
  status,
  ...items.map(({ content, kind, status }) => `${kind} ${status} ${content.command ?? content.tool ?? content.text ?? ""}`)
]

describe("claude history", () => {
  it.scoped("D10 its conversations are listed newest first, with title, directory, model and times", () =>
    Effect.gen(function* () {
      const { history, project } = yield* stored("2.1.197", "2.1.332")
      writeFileSync(join(project, `${idOf(3)}.jsonl`), '{"type":"summary","summary":"no conversation"}\n')
      writeFileSync(join(project, "not-an-id.jsonl"), "")
      const listed = yield* history.list({ limit: 10 })
      assert.deepStrictEqual(
        listed.map(({ nativeThreadId }) => nativeThreadId),
        [idOf(2), idOf(1)]
      )
      assert.deepInclude(listed[0], { cwd: "/workspace", model: "claude-sonnet-4-5", updatedAt: "1970-01-01T00:16:41.000Z" })
      assert.match(listed[0]?.title ?? "", /^\[\[tool name=Write/)
      assert.match(listed[0]?.createdAt ?? "", /^2026-11-30T/)
      assert.strictEqual((yield* history.list({ limit: 1 })).length, 1)
      assert.deepStrictEqual(yield* history.list({ cwd: "/elsewhere", limit: 10 }), [])
      appendFileSync(join(project, `${idOf(1)}.jsonl`), '{"type":"custom-title","customTitle":"A  new\\ntitle"}\n')
      assert.strictEqual((yield* history.list({ limit: 10 }))[0]?.title, "A new title")
    })
  )

  it.scoped("D10 turns have their tool work: commands with output, changes with diffs, declined and failed calls", () =>
    Effect.gen(function* () {
      for (const version of ["2.1.197", "2.1.332"]) {
        const { turns } = yield* whole((yield* stored(version)).history)
        const shapes = turns.map(shape)
        assert.deepStrictEqual(
          shapes[3],
          ["completed", '[[shell cmd="touch x1"]]', "Bash", "The tool finished; all done."].map((text, n) =>
            n === 0
              ? text
              : `${n === 2 ? "command" : n === 1 ? "user-message" : "agent-message"} completed ${n === 2 ? "touch x1" : text}`
          ),
          version
        )
        assert.deepStrictEqual(shapes[1]?.slice(2), [
          "tool-call completed Read",
          "agent-message completed The tool finished; all done."
        ])
        const [, written] = turns[0]?.items ?? []
        assert.deepInclude(written?.content.changes?.[0], { path: "/workspace/new.txt", change: "add" })
        const [, edited] = turns[2]?.items ?? []
        assert.deepStrictEqual(edited?.content.changes, [
          { path: "/workspace/old.txt", change: "update", diff: "@@ -1,3 +1,3 @@\n one\n-two\n+TWO\n three\n" }
        ])
        const [, ran] = turns[3]?.items ?? []
        assert.deepInclude(ran?.content, { command: "touch x1", exitCode: 0, output: "(Bash completed with no output)" })
        assert.isTrue(turns.flatMap(({ items }) => items).some(({ kind, status }) => kind === "plan" && status === "failed"))
        for (const { endedAt, startedAt } of turns) assert.match(`${startedAt} ${endedAt}`, /^2026-11-30T\S+Z 2026-11-30T\S+Z$/)
      }
    })
  )

  it.scoped("T12 T7 a message in mid-turn is an item of its turn; an interrupted turn is interrupted", () =>
    Effect.gen(function* () {
      const steered = yield* whole((yield* stored("2.1.332-steer")).history)
      assert.deepStrictEqual(steered.turns.map(shape)[0]?.slice(1), [
        'user-message completed [[shell cmd="sleep 3; touch b; echo hi"]]',
        "command completed sleep 3; touch b; echo hi",
        'user-message completed [[say text="STEERED"]]',
        "agent-message completed The tool finished; all done."
      ])
      const { turns } = yield* whole((yield* stored("2.1.197-interrupt")).history)
      assert.deepStrictEqual(
        turns.map(({ status }) => status),
        ["interrupted", "completed", "interrupted"]
      )
    })
  )

  it.scoped("D10 the same file gives the same ids, and a longer one adds to them", () =>
    Effect.gen(function* () {
      const { history, paths } = yield* stored("2.1.332")
      const [path = ""] = paths
      const lines = readFileSync(path, "utf8").trim().split("\n")
      const ids = (turns: ReadonlyArray<NativeTurn>) =>
        turns.flatMap(({ items, nativeTurnId }) => items.map(({ nativeItemId }) => `${nativeTurnId} ${nativeItemId}`))
      const all = ids((yield* whole(history)).turns)
      assert.strictEqual(new Set(all).size, all.length)
      assert.isAbove(all.length, 20)
      writeFileSync(path, `${lines.slice(0, 40).join("\n")}\n`)
      const first = ids((yield* whole(history)).turns)
      assert.isAbove(first.length, 2)
      assert.deepStrictEqual(first, all.slice(0, first.length))
    })
  )

  it.scoped("D10 a damaged or torn line is left out and reported; the rest of the conversation is read", () =>
    Effect.gen(function* () {
      const { history, paths } = yield* stored("2.1.332")
      const [path = ""] = paths
      const lines = readFileSync(path, "utf8").trim().split("\n")
      const before = (yield* whole(history)).turns
      // The prompt of the second turn is damaged, so its work belongs to the first turn.
      const second = lines.findIndex((line) => line.includes(`"uuid":"${before[1]?.nativeTurnId}"`))
      writeFileSync(path, `${lines.map((line, n) => (n === second ? "{ damaged" : line)).join("\n")}\n{"type":"assist`)
      const { omitted, turns } = yield* whole(history)
      assert.strictEqual(turns.length, before.length - 1)
      assert.deepStrictEqual(turns.slice(1).map(shape), before.slice(2).map(shape))
      assert.strictEqual(turns[0]?.items.length, (before[0]?.items.length ?? 0) + (before[1]?.items.length ?? 0) - 1)
      assert.include(omitted, "2 lines of the conversation's file could not be read")
    })
  )

  it.scoped("D10 a branch that was rewound is left out; results of parallel calls are kept", () =>
    Effect.gen(function* () {
      const { history, paths } = yield* stored("2.1.332")
      const base = { isSidechain: false, timestamp: "2026-11-30T00:00:00.000Z", cwd: "/workspace" }
      const user = (uuid: string, parentUuid: string | null, content: unknown, more: object = {}) =>
        JSON.stringify({ ...base, type: "user", uuid, parentUuid, message: { role: "user", content }, ...more })
      const said = (uuid: string, parentUuid: string, content: unknown) =>
        JSON.stringify({ ...base, type: "assistant", uuid, parentUuid, message: { id: `m-${uuid}`, content } })
      const call = (id: string) => [{ type: "tool_use", id, name: "Bash", input: { command: id } }]
      const result = (id: string) => [{ type: "tool_result", tool_use_id: id, content: `${id} out` }]
      const lines = [
        user("a", null, "first"),
        said("b", "a", "rewound answer"),
        user("c", "b", "rewound prompt"),
        said("d", "a", call("one")),
        said("e", "d", call("two")),
        user("f", "d", result("one")),
        user("g", "e", result("two")),
        JSON.stringify({
          ...base,
          type: "assistant",
          isSidechain: true,
          uuid: "s",
          parentUuid: "d",
          message: { id: "s", content: "SIDE" }
        }),
        said("h", "g", "kept answer"),
        JSON.stringify({
          ...base,
          type: "system",
          subtype: "compact_boundary",
          uuid: "i",
          parentUuid: null,
          logicalParentUuid: "h"
        }),
        user("j", "i", "summary", { isCompactSummary: true }),
        user("k", "j", "after"),
        said("l", "k", call("three"))
      ]
      writeFileSync(paths[0] ?? "", lines.join("\n"))
      const { turns } = yield* whole(history)
      assert.deepStrictEqual(turns.map(shape), [
        [
          "completed",
          "user-message completed first",
          "command completed one",
          "command completed two",
          "agent-message completed kept answer",
          "compaction completed "
        ],
        ["completed", "user-message completed after", "command aborted three"]
      ])
      assert.strictEqual(turns[0]?.items[1]?.content.output, "one out")
    })
  )

  it.scoped("D10 an unknown id, and one that is a path, is an error that says what to do", () =>
    Effect.gen(function* () {
      const { history } = yield* stored("2.1.197")
      for (const id of [idOf(9), "../projects/-workspace/x", ""]) {
        const error = yield* Effect.flip(whole(history, id))
        assert.include(error.message, "Claude has no conversation")
      }
      const nowhere = History.make({ configDir: "/nowhere" })
      assert.deepStrictEqual(yield* nowhere.list({ limit: 10 }), [])
    })
  )

  it.scoped("R7 a line over the limit is skipped and not kept; lines do not depend on the chunks", () =>
    Effect.gen(function* () {
      const path = join(yield* temporaryDirectory, "long.jsonl")
      const long = "x".repeat(600 * 1024)
      writeFileSync(path, `{"a":1}\n${long}\n\n{"b":"${"y".repeat(300 * 1024)}"}`)
      const read = yield* Effect.promise(async () => {
        const lengths: Array<number | undefined> = []
        for await (const line of TranscriptFile.linesOf(path, 400 * 1024)) lengths.push(line?.length)
        return lengths
      })
      assert.deepStrictEqual(read, [7, undefined, 0, 300 * 1024 + 8])
    })
  )

  it.scoped(
    "R7 of a line over 8 MiB the long texts are cut and the images left out, which is reported; one of short texts is damaged",
    () =>
      Effect.gen(function* () {
        const { history, paths } = yield* stored("2.1.332")
        const [path = ""] = paths
        const first = JSON.parse(
          readFileSync(path, "utf8")
            .split("\n")
            .find((line) => line.includes('"parentUuid":null')) ?? "{}"
        ) as object
        const prompt = (n: number, content: unknown) =>
          JSON.stringify({
            ...first,
            type: "user",
            uuid: `00000000-0000-4000-9000-00000000000${n}`,
            parentUuid: n === 1 ? null : `00000000-0000-4000-9000-00000000000${n - 1}`,
            isMeta: undefined,
            message: { role: "user", content }
          })
        const image = { type: "image", source: { type: "base64", media_type: "image/png", data: "A".repeat(5 * 1024 * 1024) } }
        // Cut at any place, it must neither split a character nor an escape.
        const text = 'a 😀 \\ "q" \u0001'.repeat(300_000)
        const long = [{ type: "text", text: "begin" }, image, { type: "text", text }]
        const small = Array.from({ length: 300_000 }, (_, n) => ({ type: "text", text: `short text ${n}` }))
        writeFileSync(path, [prompt(1, "before"), prompt(2, long), prompt(3, small), prompt(4, "after")].join("\n"))
        const { omitted, turns } = yield* whole(history)
        const texts = turns.map(({ items }) => String(items[0]?.content.text ?? ""))
        assert.deepStrictEqual(
          texts.map((one) => one.slice(0, 6).trim()),
          ["before", "begin", "after"]
        )
        assert.isAbove(texts[1]?.length ?? 0, 10_000)
        assert.isBelow(texts[1]?.length ?? 0, 65 * 1024)
        const told = `${omitted}`
        assert.include(told, "1 line of the conversation's file could not be read")
        assert.include(told, "the long texts and the images of 1 line over 8 MiB were cut")
      })
  )
})
