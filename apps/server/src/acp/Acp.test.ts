/** `millrace acp` with the SDK's client, as a process, against a server with the demo agent. */
import { methods, type RequestError } from "@agentclientprotocol/sdk"
import { expect, it } from "@effect/vitest"
import * as Client from "@millrace/client/Client"
import * as HttpTransport from "@millrace/client/HttpTransport"
import { RequestId, ThreadId } from "@millrace/contracts/Ids"
import { run } from "@millrace/testing/Program"
import { serve } from "@millrace/testing/ServerProcess"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import { Effect, Fiber } from "effect"
import * as Editor from "../../test/support/Editor.ts"

const env = { MILLRACE_RECOVERY: "settle" }
const world = (recovery = env) =>
  Effect.gen(function* () {
    const dataDir = yield* temporaryDirectory
    const start = Effect.map(serve({ dataDir, env: recovery }), (server) => ({
      ...server,
      client: Client.make(HttpTransport.make(server))
    }))
    return { dataDir, start, server: yield* start }
  })

const newSession = (editor: Editor.Editor, cwd: string) =>
  Effect.promise(() => editor.agent.request(methods.agent.session.new, { cwd, mcpServers: [] }))
const prompt = (editor: Editor.Editor, sessionId: string, text: string) =>
  Effect.tryPromise({
    try: () => editor.agent.request(methods.agent.session.prompt, { sessionId, prompt: [{ type: "text", text }] }),
    catch: (error) => error as RequestError
  })
const load = (editor: Editor.Editor, sessionId: string, cwd: string) =>
  Effect.promise(() => editor.agent.request(methods.agent.session.load, { sessionId, cwd, mcpServers: [] }))
const message = (editor: Editor.Editor) => Editor.textOf(editor.updates, "agent_message_chunk")
const toolCalls = (editor: Editor.Editor) =>
  editor.updates.flatMap((update) => ("toolCallId" in update && update.status != null ? [update.status] : []))
const allow = (editor: Editor.Editor, at: number) => {
  const asked = editor.asked[at]
  const optionId = asked?.request.options.find(({ kind }) => kind === "allow_once")?.optionId ?? ""
  asked?.answer({ outcome: { outcome: "selected", optionId } })
}

it.scopedLive(
  "M4 a turn is streamed to the editor; a killed `millrace acp` ends nothing, and the next one loads the whole thread",
  () =>
    Effect.gen(function* () {
      const { dataDir, server } = yield* world()
      const none = yield* run(["acp", "--data", `${dataDir}/none`])
      expect([none.code, none.stdout, none.stderr]).toEqual([1, "", expect.stringContaining("millrace serve")])

      const first = yield* Editor.open(dataDir)
      const { modes, sessionId } = yield* newSession(first, dataDir)
      expect(modes?.currentModeId).toBe("ask")
      const said = yield* prompt(first, sessionId, "[[think why]] [[plan A; B]] [[say one two three]]")
      expect(said.stopReason).toBe("end_turn")
      expect([message(first), Editor.textOf(first.updates, "agent_thought_chunk")]).toEqual(["one two three", "why"])
      expect(Editor.textOf(first.updates, "user_message_chunk")).toBe("")
      expect(first.updates.find(({ sessionUpdate }) => sessionUpdate === "plan")).toMatchObject({
        entries: [{ content: "A" }, { content: "B" }]
      })

      const cut = yield* Effect.fork(Effect.ignore(prompt(first, sessionId, "[[deltas 150 5]]")))
      yield* first.until(() => message(first).includes("d20 "))
      yield* first.kill
      yield* Fiber.interrupt(cut)

      const second = yield* Editor.open(dataDir)
      yield* load(second, sessionId, dataDir)
      // It waits in the queue until the turn of the killed process has ended.
      expect((yield* prompt(second, sessionId, "[[say end]]")).stopReason).toBe("end_turn")
      const { items } = yield* server.client.items(ThreadId.make(sessionId), { limit: 100 })
      const log = items.toReversed().filter(({ kind }) => kind === "agent-message")
      expect(log.map(({ text }) => text?.length)).toHaveLength(3)
      expect(message(second)).toBe(log.map(({ text }) => text).join(""))
      expect(Editor.textOf(second.updates, "user_message_chunk")).toContain("[[deltas 150 5]]")
      const { sessions } = yield* Effect.promise(() => second.agent.request(methods.agent.session.list, { cwd: dataDir }))
      expect(sessions).toMatchObject([{ sessionId, cwd: dataDir }])
    })
)

it.scopedLive("M5 the first answer counts: the editor's, or another device's, which withdraws the editor's question", () =>
  Effect.gen(function* () {
    const { dataDir, server } = yield* world()
    const editor = yield* Editor.open(dataDir, ["--mode", "ask"])
    const { sessionId } = yield* newSession(editor, dataDir)
    const running = yield* Effect.fork(prompt(editor, sessionId, "[[run echo one]] [[run echo two]] [[say done]]"))
    yield* editor.until(() => editor.asked.length === 1)
    expect(editor.asked[0]?.request).toMatchObject({ sessionId, toolCall: { title: "Run: echo one" } })
    allow(editor, 0)
    yield* editor.until(() => editor.asked.length === 2)
    const [open] = yield* server.client.requests
    const requestId = RequestId.make(open?.requestId ?? "")
    const answer = yield* Client.command("request.answer", { requestId, decision: "decline" })
    expect((yield* server.client.dispatch(answer)).outcome).toBe("answered")
    yield* editor.until(() => editor.asked[1]?.signal.aborted === true)
    // Too late: it has no effect.
    allow(editor, 1)
    expect((yield* Fiber.join(running)).stopReason).toBe("end_turn")
    expect(message(editor)).toBe("done")
    expect(toolCalls(editor)).toEqual(["in_progress", "completed", "in_progress", "failed"])
    const { items } = yield* server.client.items(ThreadId.make(sessionId), { limit: 100 })
    expect(items.toReversed().flatMap(({ kind, status }) => (kind === "command" ? [status] : []))).toEqual([
      "completed",
      "declined"
    ])

    // An answer that is no option: the request stays open, and the editor shows how to answer it.
    const unanswered = yield* Effect.fork(prompt(editor, sessionId, "[[run echo three]]"))
    yield* editor.until(() => editor.asked.length === 3)
    editor.asked[2]?.answer({ outcome: { outcome: "selected", optionId: "none" } })
    yield* editor.until(() => JSON.stringify(editor.updates).includes("Answer with: millrace answer"))
    const [stillOpen] = yield* server.client.requests
    const third = RequestId.make(stillOpen?.requestId ?? "")
    yield* Effect.flatMap(Client.command("request.answer", { requestId: third, decision: "decline" }), server.client.dispatch)
    expect((yield* Fiber.join(unanswered)).stopReason).toBe("end_turn")
  })
)

it.scopedLive("M4 session/cancel interrupts, a second prompt waits, and odd input gets an error and ends nothing", () =>
  Effect.gen(function* () {
    const { dataDir, server } = yield* world()
    const editor = yield* Editor.open(dataDir)
    const { sessionId } = yield* newSession(editor, dataDir)
    const long = yield* Effect.fork(prompt(editor, sessionId, "[[deltas 100000 5]]"))
    yield* editor.until(() => message(editor).includes("d3 "))
    const queued = yield* Effect.fork(prompt(editor, sessionId, "[[say queued]]"))
    yield* Effect.promise(() => editor.agent.notify(methods.agent.session.cancel, { sessionId }))
    expect((yield* Fiber.join(long)).stopReason).toBe("cancelled")
    expect(["cancelled", "end_turn"]).toContain((yield* Fiber.join(queued)).stopReason)

    const blocks = (prompt: ReadonlyArray<object>) =>
      Effect.tryPromise({
        try: () => editor.agent.request("session/prompt", { sessionId, prompt }),
        catch: (error) => error as RequestError
      })
    const png = Buffer.from("89504e470d0a1a0a", "hex").toString("base64")
    const rich = yield* blocks([
      { type: "text", text: "[[say seen]] of " },
      { type: "resource_link", name: "a.ts", uri: "file:///a.ts" },
      { type: "resource", resource: { uri: "file:///b.ts", text: "const b = 1" } },
      { type: "resource", resource: { uri: "file:///c.txt", text: "c".repeat(20_000) } },
      { type: "image", data: png, mimeType: "image/png" }
    ])
    expect(rich).toMatchObject({ stopReason: "end_turn" })
    const { items } = yield* server.client.turns(ThreadId.make(sessionId), { limit: 1 })
    expect(items[0]?.text).toBe('[[say seen]] of [a.ts](file:///a.ts)\n<resource uri="file:///b.ts">\nconst b = 1\n</resource>\n')
    expect(items[0]?.attachments?.map(({ bytes, name }) => [name, bytes])).toEqual([
      ["c.txt", 20_000],
      ["image-5.png", 8]
    ])

    expect((yield* Effect.flip(prompt(editor, "thr_unknown", "x"))).code).toBe(-32002)
    expect((yield* Effect.flip(blocks([]))).code).toBe(-32602)
    expect((yield* Effect.flip(blocks([{ type: "audio", data: png, mimeType: "audio/wav" }]))).code).toBe(-32602)
    expect(yield* Effect.flip(prompt(editor, sessionId, "[[fail no luck]]"))).toMatchObject({ code: -32603, message: "no luck" })
    editor.write("{ no JSON")
    yield* editor.until(() => editor.lines.some((line) => line.includes("-32700")))
    expect((yield* prompt(editor, sessionId, "[[say still here]]")).stopReason).toBe("end_turn")
    expect(message(editor)).toMatch(/seenstill here$/)

    yield* Effect.promise(() => editor.agent.request(methods.agent.session.setMode, { sessionId, modeId: "full-access" }))
    expect((yield* server.client.thread(ThreadId.make(sessionId))).permissionMode).toBe("full-access")
  })
)

it.scopedLive("M4 over a kill -9 of the server in mid-turn the editor gets each character once, and the prompt an answer", () =>
  Effect.gen(function* () {
    const { dataDir, server, start } = yield* world({ MILLRACE_RECOVERY: "ask" })
    const editor = yield* Editor.open(dataDir)
    const { sessionId } = yield* newSession(editor, dataDir)
    const running = yield* Effect.fork(prompt(editor, sessionId, "[[run echo held]] [[deltas 150 5]]"))
    yield* editor.until(() => editor.asked.length === 1)
    yield* server.kill("SIGKILL")
    yield* server.ended
    // The answer is given while no server runs. The agent gets it when it asks again, in a turn that continues the work.
    allow(editor, 0)
    const second = yield* start
    yield* editor.until(() => message(editor).includes("d20 "))
    yield* second.kill("SIGKILL")
    yield* second.ended
    const again = yield* start
    // No request was open: a person decides whether the work continues.
    yield* editor.until(() => editor.asked.length === 2)
    expect(editor.asked[1]?.request.toolCall.title).toContain("ontinue")
    allow(editor, 1)
    // The repeated command asks again.
    yield* editor.until(() => editor.asked.length === 3)
    allow(editor, 2)
    expect((yield* Fiber.join(running)).stopReason).toBe("end_turn")
    expect((yield* prompt(editor, sessionId, "[[say end]]")).stopReason).toBe("end_turn")
    const { items } = yield* again.client.items(ThreadId.make(sessionId), { limit: 100 })
    const log = items.toReversed().filter(({ kind }) => kind === "agent-message")
    expect(message(editor)).toBe(log.map(({ text }) => text).join(""))
  })
)

it.scopedLive("M4 sessions that are opened at once: one follower for each thread, no thread above the limit", () =>
  Effect.gen(function* () {
    const { dataDir, server } = yield* world()
    const editor = yield* Editor.open(dataDir)
    const created = yield* Effect.forEach(
      Array.from({ length: 33 }),
      () =>
        Effect.either(Effect.tryPromise(() => editor.agent.request(methods.agent.session.new, { cwd: dataDir, mcpServers: [] }))),
      { concurrency: "unbounded" }
    )
    const ids = created.flatMap((one) => (one._tag === "Right" ? [one.right.sessionId] : []))
    expect(ids).toHaveLength(32)
    expect((yield* server.client.threads({ limit: 50 })).items).toHaveLength(32)
    const [sessionId = ""] = ids
    const loads = [1, 2, 3].map(() => load(editor, sessionId, dataDir))
    yield* Effect.all(loads, { concurrency: "unbounded" })
    expect((yield* prompt(editor, sessionId, "[[say once]]")).stopReason).toBe("end_turn")
    expect((yield* prompt(editor, sessionId, "[[say end]]")).stopReason).toBe("end_turn")
    expect(message(editor)).toBe("onceend")
  })
)
