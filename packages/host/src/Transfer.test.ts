/** Export and import: the contents of an export; an import has the same transcript, once, and starts nothing. */
import { describe, expect, it } from "@effect/vitest"
import type { LogEvent } from "@millrace/contracts/Event"
import type { RequestId, ThreadId } from "@millrace/contracts/Ids"
import type { ExportFormat } from "@millrace/contracts/Import"
import { permissionModes, settingNames } from "@millrace/contracts/Settings"
import { EventLog } from "@millrace/log/EventLog"
import { RecordSplitter } from "@millrace/orchestration/internal/transfer/RecordSplitter"
import { currentItems } from "@millrace/orchestration/readmodel/TurnEnd"
import * as Verify from "@millrace/orchestration/readmodel/Verify"
import * as Codex from "@millrace/providers/internal/codex/Codex"
import * as Ledger from "@millrace/providers/process/Ledger"
import { command } from "@millrace/testing/Orchestration"
import * as ScriptedProvider from "@millrace/testing/ScriptedProvider"
import * as TestHost from "@millrace/testing/TestHost"
import { Chunk, Effect, FastCheck, Fiber, Layer, Stream } from "effect"
import { createHash } from "node:crypto"
import { join } from "node:path"
import * as Host from "./Host.ts"

const player = join(import.meta.dirname, "../../adapter-kit/src/player.mjs")

type Service = typeof Host.Host.Service

const text = (host: Service, threadId: ThreadId, format: ExportFormat) =>
  Effect.flatMap(host.exportThread(threadId, format), (parts) =>
    Effect.map(Stream.runCollect(parts), (all) => Chunk.join(all, ""))
  )

/** Splits the text into chunks that cut lines and characters. */
const bytes = (document: string, size = 7): Stream.Stream<Uint8Array> => {
  const all = Buffer.from(document)
  return Stream.suspend(() =>
    Stream.fromIterable(Array.from({ length: Math.ceil(all.length / size) }, (_, n) => all.subarray(n * size, (n + 1) * size)))
  )
}

const settable = { settings: new Set(settingNames), permissionModes: new Set(permissionModes) }

const scripted = Effect.gen(function* () {
  const host = yield* Host.Host
  const { threadId } = yield* TestHost.begin(host, "say hello ✓ to ünïcode")
  yield* TestHost.until(host, "turn.completed")
  return { host, threadId }
})

const views = (host: Service, threadId: ThreadId) =>
  Effect.gen(function* () {
    const turns = (yield* host.turns(threadId, {})).items
    const items = (yield* host.items(threadId, {})).items
    const strip = ({ threadId: _t, turnId: _u, ...rest }: (typeof items)[number] | (typeof turns)[number]) =>
      Object.fromEntries(Object.entries(rest).filter(([key]) => key !== "itemId"))
    return { turns: turns.map(strip), items: items.map(strip) }
  })

/** An export of one turn with 1,000 messages. */
const big = (header: string, threadId: ThreadId) => {
  const turnId = "trn_big"
  const at = "2026-01-01T00:00:00.000Z"
  const line = (type: string, data: object) => JSON.stringify({ type, at, data: { threadId, turnId, ...data } })
  const items = Array.from({ length: 1000 }, (_, n) => {
    const item = { itemId: `itm_big_${n}`, kind: "agent-message", text: `message ${n} ${"x".repeat(500)}` }
    return line("item.completed", { ...item, status: "completed" })
  })
  const all = [
    line("turn.requested", { text: "big", strategy: "enqueue" }),
    line("turn.started", { origin: "user" }),
    ...items,
    line("turn.completed", {})
  ]
  return { at, document: [header, ...all, JSON.stringify({ count: all.length })].join("\n") }
}

describe("export and import", () => {
  it.effect("L11 the items of an imported turn are found, although the import writes the turn after them", () =>
    Effect.gen(function* () {
      const log = yield* TestHost.memoryLog
      const found = yield* Effect.gen(function* () {
        const { host, threadId } = yield* scripted
        const imported = yield* host.importThread({ source: bytes(yield* text(host, threadId, "ndjson")) })
        const { turnId } = (yield* host.turns(imported.threadId, {})).items[0]!
        const shown = (yield* host.items(imported.threadId, {})).items
        return { shown, ofTurn: yield* currentItems(log, { threadId: imported.threadId, turnId }) }
      }).pipe(Effect.scoped, Effect.provide(TestHost.layer({ store: Layer.succeed(EventLog, log) })))
      expect(found.shown.length).toBeGreaterThan(1)
      expect(found.ofTurn.map(({ itemId }) => itemId).toSorted()).toEqual(found.shown.map(({ itemId }) => itemId).toSorted())
    })
  )

  for (const format of ["json", "ndjson"] as const)
    it.effect(`C2 L11 an export as ${format} is imported as the same transcript, in a separate thread, once`, () =>
      Effect.gen(function* () {
        const { host, threadId } = yield* scripted
        const document = yield* text(host, threadId, format)
        if (format === "json") {
          const { count, events, millrace, thread } = JSON.parse(document) as {
            millrace: number
            count: number
            events: ReadonlyArray<LogEvent>
            thread: { threadId: string }
          }
          expect([millrace, thread.threadId, count]).toEqual([2, threadId, events.length])
        }
        const first = yield* host.importThread({ source: bytes(document) })
        expect(first).toMatchObject({ created: true, turns: 1 })
        expect(first.threadId).not.toBe(threadId)
        expect(yield* views(host, first.threadId)).toEqual(yield* views(host, threadId))
        const head = (yield* host.state).offset
        // An export reformatted by hand, imported again: the same thread, nothing written.
        const again = format === "json" ? JSON.stringify(JSON.parse(document), undefined, 2) : document
        expect(yield* host.importThread({ source: bytes(again, 1000) })).toMatchObject({
          threadId: first.threadId,
          created: false,
          turns: 1,
          written: 0
        })
        expect((yield* host.state).offset).toBe(head)
        const thread = yield* host.thread(first.threadId)
        expect(thread).toMatchObject({ status: "idle", queuedTurnIds: [], openItemIds: [] })
        expect(thread.session).toBeUndefined()
        // An export of the imported thread has the same content.
        const back = yield* host.importThread({ source: bytes(yield* text(host, first.threadId, "ndjson")) })
        expect(yield* views(host, back.threadId)).toEqual(yield* views(host, threadId))
        expect((yield* Verify.run).problems).toEqual([])
      }).pipe(Effect.scoped, Effect.provide(TestHost.layer()))
    )

  it.effect(
    "X4 X7 an export carries the settings, with the names of secrets; an import into another log keeps no servers and no rights",
    () =>
      Effect.gen(function* () {
        const { host, threadId } = yield* scripted
        const settings = {
          effort: "high",
          permissionMode: "plan" as const,
          mcpServers: { tools: { command: "server", env: { API_KEY: "hunter22" } } }
        }
        yield* host.dispatch(command("thread.configure", { threadId, ...settings }))
        const { projectId } = yield* host.thread(threadId)
        yield* host.dispatch(command("project.update", { projectId, setup: "run-setup" }))
        const document = yield* text(host, threadId, "ndjson")
        expect(document).not.toContain("hunter22")
        // The project is not in it, so an import gives no project a command.
        expect(document).not.toContain("run-setup")
        const { threadId: mine } = yield* host.importThread({ source: bytes(document) })
        const { effort, mcpServers, permissionMode } = yield* host.thread(threadId)
        expect(yield* host.thread(mine)).toMatchObject({ effort, mcpServers, permissionMode })
        expect(JSON.stringify(mcpServers)).toContain('"API_KEY":{"secret":"API_KEY-')
        const { logEpoch } = yield* host.state
        const foreign = document.replace(
          logEpoch,
          logEpoch.replace(/.$/, (last) => (last === "0" ? "1" : "0"))
        )
        const { threadId: theirs } = yield* host.importThread({ source: bytes(foreign) })
        const view = yield* host.thread(theirs)
        expect(view).toMatchObject({ effort })
        expect([view.mcpServers, view.permissionMode]).toEqual([undefined, undefined])
      }).pipe(Effect.scoped, Effect.provide(TestHost.layer({ providers: [ScriptedProvider.make({ settable })] })))
  )

  it.effect("T9 T13 open work in an export is closed with the reason imported, and nothing starts", () =>
    Effect.gen(function* () {
      const { host, threadId } = yield* scripted
      const lines = (yield* text(host, threadId, "ndjson")).trim().split("\n")
      // The history up to the middle of the turn, with an unanswered question.
      const events = lines.slice(1, -1).map((line) => JSON.parse(line) as LogEvent)
      const started = events.findIndex(({ type }) => type === "turn.started")
      const { turnId } = (events[started]?.data ?? {}) as { turnId: string }
      const opened = {
        ...events[started],
        type: "request.opened",
        data: { threadId, turnId, requestId: "req_open" as RequestId, kind: "approval", title: "Run: rm", choices: ["accept"] }
      }
      const open = [
        { ...events[started], type: "item.started", data: { threadId, turnId, itemId: "itm_open", kind: "agent-message" } },
        {
          ...events[started],
          type: "item.delta",
          data: { threadId, turnId, itemId: "itm_open", kind: "agent-message", text: "half" }
        }
      ]
      const cut = [...events.slice(0, started + 1), ...open, opened]
      const document = [lines[0], ...cut.map((event) => JSON.stringify(event)), JSON.stringify({ count: cut.length })].join("\n")
      const before = (yield* host.stats).sessions.length
      const { threadId: mine } = yield* host.importThread({ source: bytes(document) })
      const found = yield* views(host, mine)
      expect(found.turns).toMatchObject([{ status: "interrupted", reason: "imported" }])
      expect(found.items).toContainEqual({ kind: "agent-message", status: "aborted", reason: "imported", text: "half" })
      expect((yield* host.state).requests).toEqual([])
      expect(JSON.parse(yield* text(host, mine, "json"))).toMatchObject({
        events: expect.arrayContaining([
          expect.objectContaining({
            type: "request.imported",
            data: expect.objectContaining({ status: "expired", reason: "imported" })
          })
        ])
      })
      expect((yield* host.thread(mine)).status).toBe("idle")
      expect((yield* host.stats).sessions.length).toBe(before)
      // The imported thread continues like any other thread.
      yield* host.dispatch(command("turn.start", { threadId: mine, text: "and now" }), "tester")
      yield* host.follow({ stream: `thread/${mine}` }).pipe(
        Stream.filter((frame) => frame._tag === "event" && frame.event.type === "turn.completed"),
        Stream.runHead
      )
      expect((yield* Verify.run).problems).toEqual([])
    }).pipe(Effect.scoped, Effect.provide(TestHost.layer()))
  )

  it.effect("C1 an invalid export is rejected as a whole with the line of the error, and nothing is written", () =>
    Effect.gen(function* () {
      const { host, threadId } = yield* scripted
      const document = yield* text(host, threadId, "ndjson")
      const lines = document.trim().split("\n")
      const head = (yield* host.state).offset
      const refused = (wrong: ReadonlyArray<string | undefined>) =>
        Effect.map(Effect.flip(host.importThread({ source: bytes(wrong.join("\n"), 100) })), (error) =>
          error._tag === "ImportFailed" ? [error.reason, error.line] : error
        )
      expect(yield* refused([])).toEqual(["truncated", 1])
      expect(yield* refused(["hello", ...lines])).toEqual(["malformed", 1])
      expect(yield* refused([lines[0]?.replace('"millrace":2', '"millrace":3'), ...lines.slice(1)])).toEqual(["newer", 1])
      for (const version of ["0", "-1", "1.5", '"1"'])
        expect(yield* refused([lines[0]?.replace('"millrace":2', `"millrace":${version}`), ...lines.slice(1)])).toEqual([
          "malformed",
          1
        ])
      for (const at of ["", "1", "May 5", "2026-01-01", "2026-01-01T00:00:00+02:00", "2026-13-01T00:00:00Z"])
        expect(yield* refused([lines[0], lines[1]?.replace(/"at":"[^"]*"/, `"at":"${at}"`), ...lines.slice(2)])).toEqual([
          "malformed",
          2
        ])
      expect(yield* refused([...lines.slice(0, 3), "{]", ...lines.slice(3)])).toEqual(["malformed", 4])
      expect(yield* refused([...lines.slice(0, 2), lines[2]?.replace(/"data":.*/, '"data":{}}'), ...lines.slice(3)])).toEqual([
        "malformed",
        3
      ])
      expect(yield* refused(lines.slice(0, -1))).toEqual(["truncated", lines.length - 1])
      expect(yield* refused([...lines.slice(0, -2), lines.at(-1)])).toEqual(["truncated", lines.length - 1])
      expect(yield* refused([...lines.slice(0, -2), '{"type":"turn.st'])).toEqual(["truncated", lines.length - 1])
      expect(yield* refused([...lines, lines[1]])).toEqual(["malformed", lines.length + 1])
      const json = yield* text(host, threadId, "json")
      expect(yield* refused([json.trimEnd().slice(0, -20)])).toEqual(["truncated", lines.length - 1])
      expect((yield* host.state).offset).toBe(head)
    }).pipe(Effect.scoped, Effect.provide(TestHost.layer()))
  )

  it.effect(
    "L22 an export has each large value once, before its use; its import has the same values; a wrong blob is rejected with its line",
    () =>
      Effect.gen(function* () {
        const { host, threadId } = yield* scripted
        const [header = "", ...lines] = (yield* text(host, threadId, "ndjson")).trim().split("\n")
        const at = "2026-01-01T00:00:00.000Z"
        const units = FastCheck.sample(FastCheck.string({ unit: "grapheme", minLength: 1, maxLength: 9 }), {
          numRuns: 12,
          seed: 5
        })
        const large = (unit: string) => Buffer.from(unit.repeat(Math.ceil(70_000 / Buffer.byteLength(unit)))).toString()
        const turnId = JSON.parse(lines.find((line) => line.includes('"turn.requested"')) ?? "").data.turnId as string
        const added = units.map((unit, n) => {
          const item = { threadId, turnId, itemId: `itm_l${n}`, kind: "tool-call", status: "completed" }
          const values = [
            { text: large(unit) },
            { result: { [unit]: large(unit) } },
            { changes: [{ path: "a", change: "update", diff: large(unit) }], output: large(unit) }
          ][n % 3]
          return JSON.stringify({ type: "item.completed", at, data: { ...item, ...values } })
        })
        const older = [
          header.replace('"millrace":2', '"millrace":1'),
          ...lines.slice(0, -1),
          ...added,
          `{"count":${lines.length - 1 + added.length}}`
        ]
        const first = yield* host.importThread({ source: bytes(older.join("\n"), 50_000) })
        const exported = yield* text(host, first.threadId, "ndjson")
        const records = exported.trim().split("\n")
        const blobs = records.filter((record) => record.startsWith('{"blob":'))
        expect(new Set(blobs).size).toBe(blobs.length)
        expect(blobs.length).toBeGreaterThanOrEqual(units.length)
        const whole = (hash: string) =>
          Effect.flatMap(host.getBlob(hash), ({ content }) =>
            Effect.map(Stream.runCollect(content), (parts) => Buffer.concat(Chunk.toReadonlyArray(parts)).toString())
          )
        const items = (yield* host.items(first.threadId, { limit: 100 })).items
        for (const [n, unit] of units.entries()) {
          const item = items.find(({ blobs, changes }) =>
            [...Object.values(blobs ?? {}), ...(changes ?? []).flatMap(({ blob }) => blob ?? [])].some(
              ({ hash }) =>
                hash ===
                createHash("sha256")
                  .update(n % 3 === 1 ? JSON.stringify({ [unit.toWellFormed()]: large(unit) }) : large(unit))
                  .digest("hex")
            )
          )
          expect([n, item === undefined]).toEqual([n, false])
          for (const blob of Object.values(item?.blobs ?? {})) expect(Buffer.byteLength(yield* whole(blob.hash))).toBe(blob.bytes)
        }
        // The same transcript in another thread, from both formats.
        for (const format of ["ndjson", "json"] as const) {
          const document = (yield* text(host, first.threadId, format)).replace(/"logEpoch":"[^"]*"/, `"logEpoch":"${format}"`)
          const again = yield* host.importThread({ source: bytes(document, 50_000) })
          expect(again.created).toBe(true)
          expect(yield* views(host, again.threadId)).toEqual(yield* views(host, first.threadId))
          expect((yield* host.importThread({ source: bytes(document, 50_000) })).written).toBe(0)
        }
        const refused = (wrong: ReadonlyArray<string>) =>
          Effect.map(Effect.flip(host.importThread({ source: bytes(wrong.join("\n"), 50_000) })), (error) =>
            error._tag === "ImportFailed" ? [error.reason, error.line] : error
          )
        const head = (yield* host.state).offset
        const at1 = records.indexOf(blobs[0] ?? "")
        const changed = (blobs[0] ?? "").replace(
          /"base64":"./,
          (found) => `${found.slice(0, -1)}${found.endsWith("A") ? "B" : "A"}`
        )
        expect(yield* refused([...records.slice(0, at1), changed, ...records.slice(at1 + 1)])).toEqual(["malformed", at1 + 1])
        const without = records.filter((_, n) => n !== at1)
        const use = without.findIndex((record) => record.includes((blobs[0] ?? "").slice(9, 73)))
        expect(yield* refused(without)).toEqual(["malformed", use + 1])
        expect((yield* host.state).offset).toBe(head)
        expect((yield* Verify.run).problems).toEqual([])
      }).pipe(Effect.scoped, Effect.provide(TestHost.layer()))
  )

  it.effect(
    "X5 hostile exports: too deep, without a time, never closed; each is rejected with its line, and nothing is written",
    () =>
      Effect.gen(function* () {
        const { host, threadId } = yield* scripted
        const [header] = (yield* text(host, threadId, "ndjson")).split("\n")
        const head = (yield* host.state).offset
        const event = (data: string, at = "2026-01-01T00:00:00.000Z") =>
          `{"type":"item.started","at":"${at}","data":{"threadId":"thr_a","turnId":"trn_a",${data}}}`
        const item = (n: number) => event(`"itemId":"itm_${n}","kind":"tool-call"`)
        const refused = (...lines: ReadonlyArray<string | undefined>) => {
          const document = [...lines, JSON.stringify({ count: lines.length - 1 })].join("\n")
          return Effect.map(Effect.flip(host.importThread({ source: bytes(document, 4096) })), (error) =>
            error._tag === "ImportFailed" ? [error.reason, error.line] : error
          )
        }
        const deep = "[".repeat(20_000) + "]".repeat(20_000)
        expect(yield* refused(header, event(`"itemId":"itm_1","kind":"tool-call","input":${deep}`))).toEqual(["malformed", 2])
        expect(yield* refused(header?.replace("{", `{"deep":${deep},`))).toEqual(["malformed", 1])
        expect(yield* refused(header, event(`"itemId":"itm_1","kind":"notice"`, "tomorrow"))).toEqual(["malformed", 2])
        expect(yield* refused(header, ...Array.from({ length: 501 }, (_, n) => item(n)))).toEqual(["too-large", 502])
        expect((yield* host.state).offset).toBe(head)
      }).pipe(Effect.scoped, Effect.provide(TestHost.layer()))
  )

  it("X5 an export of many lists, and of many blanks, costs time linear in its length", () => {
    const filled = (filling: string) => `{"a":0,${filling}"events": [{"b":1}], "count":1}`
    // Quadratic work would take minutes here and exceed the test's time limit.
    for (const filling of [`"l":[],`.repeat(100_000), `${" ".repeat(900_000)}"z":1,`]) {
      const cut = new RecordSplitter()
      const found = (filled(filling).match(/[^]{1,65536}/g) ?? []).map((chunk) => cut.push(chunk))
      const texts = found.flatMap((records) => (records === "too-large" ? [records] : records.map(({ text }) => text)))
      expect(texts[0]?.length).toBe(filling.length + 7)
      expect(texts.slice(1)).toEqual(['{"b":1}', '{ "count":1}'])
    }
  })

  it("X5 L4 an endless record is rejected at a megabyte and is not kept in memory", () => {
    const cut = new RecordSplitter()
    expect(cut.push('{"a":"')).toEqual([])
    const piece = "x".repeat(64 * 1024)
    for (let n = 1; n < 16; n++) expect(cut.push(piece)).toEqual([])
    expect(cut.push(piece)).toBe("too-large")
  })

  it.live("L11 L22 an export has each attachment once, before its use; its import has the same turns and items", () =>
    Effect.gen(function* () {
      const host = yield* Host.Host
      const { hash } = yield* host.putBlob(Stream.make(Buffer.from("the content")), "text/plain")
      const attachments = [{ blob: hash, name: "a.txt" }]
      const turn = { text: "look", attachments }
      const made = yield* host.dispatch(command("thread.create", { provider: "scripted", cwd: process.cwd(), turn }))
      const threadId = made.threadId as ThreadId
      yield* TestHost.until(host, "turn.completed")
      const document = yield* text(host, threadId, "ndjson")
      const records = document.split("\n")
      const blobAt = records.findIndex((record) => record.startsWith(`{"blob":"${hash}","mediaType":"text/plain"`))
      expect(records.filter((record) => record.startsWith('{"blob":'))).toHaveLength(1)
      expect(blobAt).toBeLessThan(records.findIndex((record) => record.includes('"turn.requested"')))
      const before = yield* views(host, threadId)
      expect(before.turns[0]).toMatchObject({ attachments: [{ blob: hash, delivery: "path" }] })
      yield* host.dispatch(command("thread.delete", { threadId }))
      expect(yield* Effect.flip(host.getBlob(hash))).toMatchObject({ _tag: "NotFound" })
      const imported = yield* host.importThread({ source: bytes(document) })
      expect(yield* views(host, imported.threadId)).toEqual(before)
      const content = yield* Stream.runCollect((yield* host.getBlob(hash)).content)
      expect(Buffer.concat(Array.from(content)).toString()).toBe("the content")
    }).pipe(Effect.provide(Host.layerMemory({ adapters: [ScriptedProvider.make().adapter] })), Effect.scoped)
  )

  it.effect("L4 L22 a turn whose text, plan and diff are too large together is imported with the diff as a blob", () =>
    Effect.gen(function* () {
      const { host, threadId } = yield* scripted
      const [header] = (yield* text(host, threadId, "ndjson")).split("\n")
      const line = (type: string, data: object) =>
        JSON.stringify({ type, at: "2026-01-01T00:00:00.000Z", data: { threadId, turnId: "trn_big", ...data } })
      const words = "w".repeat(100 * 1024)
      const all = [
        line("turn.requested", { text: words, strategy: "enqueue" }),
        line("turn.started", { origin: "user" }),
        line("turn.updated", { diff: "d".repeat(200 * 1024), plan: [{ text: "step", status: "completed" }] }),
        line("turn.completed", {})
      ]
      const document = [header, ...all, JSON.stringify({ count: all.length })].join("\n")
      const { threadId: mine } = yield* host.importThread({ source: bytes(document, 64 * 1024) })
      const [turn] = (yield* host.turns(mine, {})).items
      expect(turn).toMatchObject({ status: "completed", text: words })
      expect(turn?.plan).toEqual([{ text: "step", status: "completed" }])
      expect(turn?.diff).toBe("d".repeat(16 * 1024))
      expect(turn?.blobs?.["diff"]).toMatchObject({ bytes: 200 * 1024, mediaType: "text/x-diff" })
    }).pipe(Effect.scoped, Effect.provide(TestHost.layer()))
  )

  it.effect("C2 an import whose thread was deleted is a new thread, and that one again the next time", () =>
    Effect.gen(function* () {
      const { host, threadId } = yield* scripted
      const source = bytes(yield* text(host, threadId, "json"))
      const first = yield* host.importThread({ source })
      yield* host.dispatch(command("thread.delete", { threadId: first.threadId }), "tester")
      const second = yield* host.importThread({ source })
      expect(second).toMatchObject({ created: true, turns: first.turns, written: first.written })
      expect(second.threadId).not.toBe(first.threadId)
      expect(yield* host.importThread({ source })).toMatchObject({ threadId: second.threadId, created: false, written: 0 })
    }).pipe(Effect.scoped, Effect.provide(TestHost.layer()))
  )

  it.effect("X4 an export contains no secret; its Markdown has the turns, commands, changes, and who answered", () => {
    const secret = "hunter2-never-leaves"
    const agent = ScriptedProvider.make({
      turn: (turn) =>
        Effect.gen(function* () {
          yield* turn.start
          const { turnId } = turn
          const item = { turnId, itemId: yield* turn.newItem }
          const command = { command: "ls", output: "a.txt\n```\nb.txt\n", exitCode: 2 }
          yield* turn.emit({ _tag: "ItemCompleted", ...item, kind: "command", status: "failed", content: command })
          const changes = [{ path: "a.txt", change: "update", diff: "-old\n+new" }] as const
          const file = { turnId, itemId: yield* turn.newItem, kind: "file-change", status: "completed" } as const
          yield* turn.emit({ _tag: "ItemCompleted", ...file, content: { changes } })
          const answer = yield* turn.ask({
            kind: "question",
            title: "Sign in",
            questions: [
              { id: "user", text: "Name?" },
              { id: "key", text: "Password?", secret: true }
            ]
          })
          expect(JSON.stringify(answer)).toContain(secret)
          yield* turn.say("done with it")
          yield* turn.complete
        })
    })
    return Effect.gen(function* () {
      const host = yield* Host.Host
      const { threadId } = yield* TestHost.begin(host, "sign me in")
      const asked = yield* TestHost.until(host, "request.opened")
      const { requestId } = (asked.at(-1)?.data ?? {}) as { requestId: RequestId }
      yield* host.dispatch(command("request.answer", { requestId, answers: { user: ["ann"], key: [secret] } }), "tester")
      yield* TestHost.until(host, "turn.completed")
      for (const format of ["json", "ndjson", "markdown"] as const)
        expect(yield* text(host, threadId, format)).not.toContain(secret)
      const { threadId: mine } = yield* host.importThread({ source: bytes(yield* text(host, threadId, "ndjson")) })
      const markdown = yield* text(host, threadId, "markdown")
      expect(markdown.replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d/g, "TIME")).toBe(`# sign me in

scripted in \`/work\`

## Turn 1 (TIME)

**You**

sign me in

**Command** exit 2 (failed)

\`\`\`\`
$ ls
a.txt
\`\`\`
b.txt
\`\`\`\`

**File** update \`a.txt\`

\`\`\`diff
-old
+new
\`\`\`

**Asked** Sign in

- user: Name?
- key: Password?

Answer: user: **ann**; key: **(secret)**, by tester

**Agent**

done with it

*Turn completed, TIME*

`)
      // The copy has other positions, so only its length is checked.
      expect((yield* text(host, mine, "markdown")).length).toBeGreaterThan(200)
    }).pipe(Effect.scoped, Effect.provide(TestHost.layer({ providers: [agent] })))
  })

  it.effect("C2 an import that was cut in the middle continues from there, and each piece is imported once", () =>
    Effect.gen(function* () {
      const { host, threadId } = yield* scripted
      const [header] = (yield* text(host, threadId, "ndjson")).split("\n")
      const { document } = big(header ?? "", threadId)
      const cut = yield* Effect.fork(host.importThread({ source: bytes(document, 64 * 1024) }))
      const head = (yield* host.state).offset
      yield* host.follow({}).pipe(
        Stream.filter((frame) => frame._tag === "event" && frame.event.offset > head + 200),
        Stream.runHead
      )
      yield* Fiber.interrupt(cut)
      const again = yield* host.importThread({ source: bytes(document, 64 * 1024) })
      expect(again).toMatchObject({ created: false, items: 1000 })
      expect(again.written).toBeGreaterThan(300)
      expect(again.written).toBeLessThan(900)
      const events = (JSON.parse(yield* text(host, again.threadId, "json")) as { events: ReadonlyArray<LogEvent> }).events
      expect(events.filter(({ type }) => type === "item.imported").length).toBe(1000)
    }).pipe(Effect.scoped, Effect.provide(TestHost.layer()))
  )

  it.effect("D15 a big import runs in parts: commands in between are answered, and events come in bounded batches", () =>
    Effect.gen(function* () {
      const { host, threadId } = yield* scripted
      const [header] = (yield* text(host, threadId, "ndjson")).split("\n")
      const { at, document } = big(header ?? "", threadId)
      const running = yield* Effect.fork(host.importThread({ source: bytes(document, 64 * 1024) }))
      const offsets: Array<number> = []
      while (running.unsafePoll() === null) {
        const accepted = yield* host.dispatch(command("thread.rename", { threadId, title: `t${offsets.length}` }), "tester")
        offsets.push(accepted.offset)
      }
      const result = yield* running
      expect(result).toMatchObject({ turns: 1, items: 1000, written: 1001 })
      // At most one part was committed between two of the commands.
      expect(offsets.length).toBeGreaterThan(10)
      for (const [n, offset] of offsets.entries()) expect(offset - (offsets[n - 1] ?? offset)).toBeLessThanOrEqual(2 * 64 + 2)
      const [turn] = (yield* host.turns(result.threadId, {})).items
      expect(turn).toMatchObject({ status: "completed", requestedAt: at, endedAt: at, text: "big" })
    }).pipe(Effect.scoped, Effect.provide(TestHost.layer()))
  )

  it.live(
    "C2 a conversation of Codex is imported once, a second import adds what is new, and it continues by its native id",
    () =>
      Effect.gen(function* () {
        const transcript = join(import.meta.dirname, "../../providers/test/codex/fixtures/history/threads.jsonl")
        const recorded = (process: number) =>
          Codex.make({ binary: player, codexHome: `${transcript}#${process}` }).pipe(Effect.provide(Ledger.layerMemory))
        const [first, second] = [yield* recorded(2), yield* recorded(3)]
        let now = first
        const opened: Array<string | undefined> = []
        const native = "01a1f959-native"
        const agent = ScriptedProvider.make({
          name: "codex",
          open: ({ resumeKey }) => Effect.sync(() => void opened.push(resumeKey)),
          turn: (turn) =>
            Effect.zipRight(
              turn.emit({ _tag: "TurnStarted", turnId: turn.turnId, origin: "user", nativeTurnId: third }),
              turn.complete
            )
        })
        // The turn that the thread's own session will run: the last one of the recording.
        const all = yield* Effect.scoped(
          Effect.flatMap(yield* Effect.fromNullable(second.history?.read(native)), ({ turns }) => Stream.runCollect(turns))
        )
        const third = Chunk.unsafeLast(all).nativeTurnId
        const adapter = {
          ...agent.adapter,
          history: {
            list: () => Effect.succeed([]),
            read: (id: string) => Effect.flatMap(Effect.orDie(Effect.fromNullable(now.history)), (history) => history.read(id))
          }
        }
        let forgets = false
        const log = yield* TestHost.memoryLog
        const store = Layer.succeed(EventLog, {
          ...log,
          read: (options) => {
            const forget = forgets && options.after === 0 ? Effect.tap(log.trim(1), () => (forgets = false)) : Effect.void
            return Effect.zipRight(forget, log.read(options))
          }
        })
        yield* Effect.gen(function* () {
          const host = yield* Host.Host
          const come = host.importNative({ provider: "codex", nativeThreadId: native, cwd: "/work" })
          const one = yield* come
          expect(one).toMatchObject({ created: true, turns: 2, items: 3, written: 5 })
          expect((yield* views(host, one.threadId)).turns).toMatchObject([
            { status: "interrupted", reason: "imported" },
            { status: "completed", text: "[[say first answer]]" }
          ])
          expect(yield* come).toMatchObject({ threadId: one.threadId, created: false, written: 0 })
          // The thread continues here: turns of its own session are not imported again.
          yield* host.dispatch(command("turn.start", { threadId: one.threadId, text: "[[say third answer]]" }), "tester")
          yield* TestHost.until(host, "turn.completed")
          expect(opened).toEqual([native])
          now = second
          const two = yield* come
          expect(two).toMatchObject({ threadId: one.threadId, created: false, turns: 2, written: 3 })
          const { turns } = yield* views(host, one.threadId)
          expect(turns.map(({ status, text }) => [status, text])).toEqual([
            ["completed", "[[say third answer]]"],
            ["completed", "[[shell echo from-the-shell]] [[say second answer]]"],
            ["completed", "[[say first answer]]"]
          ])
          expect(yield* Effect.flip(host.importNative({ provider: "demo", nativeThreadId: "x" }))).toMatchObject({
            _tag: "NotFound"
          })
          expect((yield* Verify.run).problems).toEqual([])
          // Holds also if the log is trimmed between the query of its first offset and the read.
          forgets = true
          expect(yield* come).toMatchObject({ turns: 2, written: 0 })
          expect(forgets).toBe(false)
        }).pipe(Effect.provide(Host.layerMemory({ adapters: [adapter], directories: ["/work"], store })))
      }).pipe(Effect.scoped)
  )

  it.effect(
    "T3 an imported thread continues with its transcript: the agent gets it once, from the log, and lost parts are reported",
    () => {
      const prompts: Array<string> = []
      const agent = ScriptedProvider.make({
        name: "scripted",
        turn: (turn) =>
          Effect.all([Effect.sync(() => void prompts.push(turn.text)), turn.start, turn.say("it is done"), turn.complete], {
            discard: true
          })
      })
      return Effect.gen(function* () {
        const host = yield* Host.Host
        const { threadId } = yield* TestHost.begin(host, "paint it blue")
        yield* TestHost.until(host, "turn.completed")
        const mine = (yield* host.importThread({ source: bytes(yield* text(host, threadId, "ndjson")) })).threadId
        for (const [n, words] of ["now green", "now red"].entries()) {
          yield* host.dispatch(command("turn.start", { threadId: mine, text: words }), "tester")
          yield* host.follow({ stream: `thread/${mine}` }).pipe(
            Stream.filter((frame) => frame._tag === "event" && frame.event.type === "turn.completed"),
            Stream.take(n + 1),
            Stream.runDrain
          )
        }
        expect(prompts[1]).toMatch(/^Your own record[^]*\[agent\] it is done[^]*The request now:\n\nnow green$/)
        expect(prompts[2]).toBe("now red")
        expect((yield* host.thread(mine)).session).toMatchObject({ continuity: "replayed", lost: expect.any(String) })
      }).pipe(Effect.scoped, Effect.provide(TestHost.layer({ providers: [agent] })))
    }
  )

  it.live("C2 parts of past turns that an agent does not report are named in the thread and in the answer", () =>
    Effect.gen(function* () {
      const transcript = join(import.meta.dirname, "../../providers/test/codex/fixtures/history/legacy.jsonl")
      // The file that the log names does not exist on this machine.
      const adapter = yield* Codex.make({ binary: player, codexHome: `${transcript}#1` }).pipe(Effect.provide(Ledger.layerMemory))
      yield* Effect.gen(function* () {
        const host = yield* Host.Host
        const come = host.importNative({ provider: "codex", nativeThreadId: "legacy", cwd: "/work" })
        const one = yield* come
        expect(one).toMatchObject({ created: true, turns: 2, items: 7, omitted: expect.stringContaining("file changes") })
        const notices = (yield* views(host, one.threadId)).items.filter(({ kind }) => kind === "notice")
        expect(notices).toMatchObject([{ text: one.omitted, status: "completed" }])
        expect(yield* come).toMatchObject({ threadId: one.threadId, written: 0, omitted: one.omitted })
      }).pipe(Effect.provide(Host.layerMemory({ adapters: [adapter], directories: ["/work"] })))
    }).pipe(Effect.scoped)
  )

  it.effect("P7 importing a conversation that a thread of ours began updates that thread with the turns from elsewhere", () => {
    const agent = ScriptedProvider.make({
      name: "codex",
      turn: (turn) =>
        Effect.zipRight(
          turn.emit({ _tag: "TurnStarted", turnId: turn.turnId, origin: "user", nativeTurnId: "ours" }),
          turn.complete
        )
    })
    const turnOf = (nativeTurnId: string) => ({ nativeTurnId, status: "completed" as const, items: [] })
    const adapter = {
      ...agent.adapter,
      history: {
        list: () => Effect.succeed([]),
        read: (nativeThreadId: string) =>
          Effect.succeed({
            thread: { nativeThreadId, title: "elsewhere", cwd: "/work" },
            turns: Stream.make(turnOf("ours"), turnOf("theirs"))
          })
      }
    }
    return Effect.gen(function* () {
      const host = yield* Host.Host
      const { threadId } = yield* host.dispatch(
        command("thread.create", { provider: "codex", cwd: "/work", turn: { text: "hello" } }),
        "tester"
      )
      yield* TestHost.until(host, "turn.completed")
      const come = host.importNative({ provider: "codex", nativeThreadId: `key-${threadId}`, cwd: "/work" })
      expect(yield* come).toMatchObject({ threadId, created: false, turns: 1, written: 1 })
      expect(yield* come).toMatchObject({ threadId, created: false, turns: 1, written: 0 })
      expect((yield* host.threads({})).items.map((thread) => thread.threadId)).toEqual([threadId])
      expect((yield* host.importNative({ provider: "codex", nativeThreadId: "another", cwd: "/work" })).created).toBe(true)
      expect((yield* Verify.run).problems).toEqual([])
    }).pipe(Effect.provide(Host.layerMemory({ adapters: [adapter], directories: ["/work"] })), Effect.scoped)
  })
})
