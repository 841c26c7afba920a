import { assert, describe, it } from "@effect/vitest"
import * as Environment from "../../src/process/Environment.ts"
import * as Mapping from "../../src/claude/Mapping.ts"
import * as Process from "../../src/claude/Process.ts"
import { codec } from "../../src/claude/Wire.ts"

const begun = () => {
  const mapping = Mapping.make()
  mapping.expect("t")
  mapping.notification("system", { type: "system", subtype: "init" })
  return mapping
}
const assistant = (content: ReadonlyArray<unknown>, more: object = {}) => ({
  type: "assistant",
  uuid: "u",
  message: { id: "m", content },
  parent_tool_use_id: null,
  ...more
})
const result = (more: object) => ({ type: "result", subtype: "success", is_error: false, ...more })
const use = (name: string, input: object) => assistant([{ type: "tool_use", id: "tool", name, input }])
const done = (content: unknown, detail?: unknown, isError = false) => ({
  type: "user",
  message: { content: [{ type: "tool_result", tool_use_id: "tool", content, is_error: isError }] },
  tool_use_result: detail
})

describe("claude wire", () => {
  it("our requests and answers are Claude's control messages, and theirs are ours", () => {
    const json = (line: string): unknown => JSON.parse(line)
    assert.deepStrictEqual(json(codec.encode({ id: 7, method: "interrupt", params: {} })), {
      type: "control_request",
      request_id: "millrace-7",
      request: { subtype: "interrupt" }
    })
    const answered = { type: "control_response", response: { subtype: "success", request_id: "millrace-7" } }
    assert.deepInclude(codec.parse(JSON.stringify(answered)), { _tag: "Result", id: 7 })
    const failed = { type: "control_response", response: { subtype: "error", request_id: "millrace-8", error: "no" } }
    assert.deepInclude(codec.parse(JSON.stringify(failed)), { _tag: "Error", id: 8, message: "no" })
    assert.deepStrictEqual(json(codec.encode({ id: "theirs", error: { code: 1, message: "no" } })), {
      type: "control_response",
      response: { subtype: "error", request_id: "theirs", error: "no" }
    })
    for (const bad of ["", "nonsense", "[1]", "{}", '{"type":"control_request"}', '{"type":"control_response"}'])
      assert.isUndefined(codec.parse(bad), bad)
  })
})

describe("claude mapping", () => {
  it("D12 what a turn took so far is the sum of its messages; a tool that runs says for how long; both begin no turn", () => {
    const mapping = Mapping.make()
    const stream = (event: object) => mapping.notification("stream_event", { type: "stream_event", event })
    const tool = {
      type: "tool_progress",
      tool_use_id: "tool",
      tool_name: "Bash",
      parent_tool_use_id: null,
      elapsed_time_seconds: 2.5
    }
    assert.deepStrictEqual(stream({ type: "message_delta", usage: { output_tokens: 1 } }), [])
    assert.deepStrictEqual(mapping.notification("tool_progress", tool), [])
    mapping.expect("t")
    const usage = { input_tokens: 10, cache_read_input_tokens: 5, output_tokens: 1 }
    const told = [
      ...stream({ type: "message_start", message: { id: "m1", usage } }),
      ...stream({ type: "message_delta", usage: { output_tokens: 7 } }),
      ...stream({ type: "message_start", message: { id: "m2", usage } }),
      ...stream({ type: "message_delta", usage: { output_tokens: 3 } })
    ].flatMap((event) => (event._tag === "Signal" && event.kind === "usage" ? [event.data] : []))
    assert.deepStrictEqual(
      told.map(({ inputTokens, outputTokens }) => [inputTokens, outputTokens]),
      [
        [15, 1],
        [15, 7],
        [30, 8],
        [30, 10]
      ]
    )
    assert.deepStrictEqual(told.at(-1), { inputTokens: 30, cachedInputTokens: 10, outputTokens: 10, totalTokens: 40 })
    assert.deepStrictEqual(mapping.notification("tool_progress", tool), [
      { _tag: "Signal", nativeTurnId: "t", nativeItemId: "tool", kind: "progress", data: { elapsedMillis: 2500 } }
    ])
  })

  it("what is not known, or is another agent's, is kept as it came, in the turn that runs", () => {
    const mapping = begun()
    const theirs = { ...assistant([{ type: "text", text: "from below" }]), parent_tool_use_id: "task" }
    for (const [type, payload] of [
      ["brand_new", { type: "brand_new", x: 1 }],
      ["system", { type: "system", subtype: "brand_new" }],
      ["stream_event", { type: "stream_event", event: { type: "brand_new" } }],
      ["assistant", theirs]
    ] as const)
      assert.deepStrictEqual(mapping.notification(type, payload), [{ _tag: "Opaque", nativeTurnId: "t", method: type, payload }])
  })

  it("T10 a turn that Claude began by itself has a name of its own, and an early init begins none", () => {
    const mapping = Mapping.make()
    assert.deepStrictEqual(mapping.notification("system", { type: "system", subtype: "init" }), [])
    const [started] = mapping.notification("assistant", assistant([{ type: "text", text: "by the way" }]))
    assert.deepStrictEqual(started, { _tag: "TurnStarted", nativeTurnId: "own 1" })
    mapping.expect("t")
    assert.deepInclude(mapping.notification("result", result({}))[0], { _tag: "TurnEnded", nativeTurnId: "own 1" })
    assert.deepStrictEqual(mapping.notification("system", { type: "system", subtype: "init" }), [
      { _tag: "TurnStarted", nativeTurnId: "t" }
    ])
  })

  it("T11 only success without is_error is a success", () => {
    const end = (more: object, interrupting = false) => {
      const mapping = begun()
      if (interrupting) mapping.interrupting("t")
      const [event] = mapping.notification("result", result(more))
      return event?._tag === "TurnEnded" ? `${event.outcome} ${event.error?.kind ?? ""}` : "?"
    }
    assert.strictEqual(end({}), "completed ")
    assert.strictEqual(end({ is_error: true, result: "no", api_error_status: 401 }), "failed auth")
    assert.strictEqual(end({ is_error: true, api_error_status: 529 }), "failed overloaded")
    assert.strictEqual(end({ is_error: true, api_error_status: 429 }), "failed limit")
    assert.strictEqual(end({ is_error: true, result: "Prompt is too long" }), "failed context")
    assert.strictEqual(end({ subtype: "error_max_turns" }), "failed limit")
    assert.strictEqual(end({ subtype: "brand_new" }), "failed unknown")
    const aborted = { subtype: "error_during_execution", is_error: true }
    assert.strictEqual(end({ ...aborted, terminal_reason: "aborted_streaming" }), "interrupted ")
    assert.strictEqual(end(aborted), "failed unknown")
    assert.strictEqual(end(aborted, true), "interrupted ")
    assert.strictEqual(end({ ...aborted, terminal_reason: "model_error" }, true), "failed unknown")
  })

  it("tools have our kinds, contents and ends", () => {
    const run = (name: string, input: object, ...ended: Parameters<typeof done>) => {
      const mapping = begun()
      const [started] = mapping.notification("assistant", use(name, input))
      const [closed] = mapping.notification("user", done(...ended))
      assert.strictEqual(started?._tag, "ItemStarted")
      return closed?._tag === "ItemCompleted" ? { kind: closed.kind, status: closed.status, ...closed.content } : undefined
    }
    assert.deepStrictEqual(run("Bash", { command: "false" }, "Exit code 3\noops", "Error: Exit code 3", true), {
      kind: "command",
      status: "failed",
      command: "false",
      output: "Exit code 3\noops",
      exitCode: 3
    })
    const structuredPatch = [{ oldStart: 1, oldLines: 1, newStart: 1, newLines: 1, lines: ["-a", "+b"] }]
    assert.deepStrictEqual(run("Edit", { file_path: "/w/a" }, "done", { type: "update", structuredPatch }), {
      kind: "file-change",
      status: "completed",
      tool: "Edit",
      changes: [{ path: "/w/a", change: "update", diff: "@@ -1,1 +1,1 @@\n-a\n+b\n" }]
    })
    assert.deepInclude(run("Write", { file_path: "/w/a" }, "done", { type: "create", structuredPatch: [] }), {
      changes: [{ path: "/w/a", change: "add" }]
    })
    assert.deepStrictEqual(run("mcp__files__read", { x: 1 }, [{ type: "text", text: "out" }]), {
      kind: "tool-call",
      status: "completed",
      tool: "files/read",
      input: { x: 1 },
      result: "out"
    })
  })

  it("the todo list is the turn's plan", () => {
    const todos = [
      { content: "a", status: "completed" },
      { content: "b", status: "in_progress" },
      { content: "c", status: "pending" }
    ]
    const updated = begun().notification("assistant", use("TodoWrite", { todos }))[1]
    assert.deepStrictEqual(updated?._tag === "TurnUpdated" ? updated.plan : undefined, [
      { text: "a", status: "completed" },
      { text: "b", status: "in-progress" },
      { text: "c", status: "pending" }
    ])
  })

  it("P6 a control request that is not known has no answer and is kept as it came", () => {
    const mapped = begun().request("r", "brand_new", { subtype: "brand_new" })
    assert.isUndefined(mapped.answer)
    assert.deepInclude(mapped.events[0], { _tag: "Opaque", method: "brand_new" })
  })

  it("T13 a question that Claude withdraws is settled", () => {
    const cancelled = { type: "control_cancel_request", request_id: "r" }
    assert.deepInclude(begun().notification("control_cancel_request", cancelled)[0], {
      _tag: "RequestResolved",
      nativeRequestId: "r"
    })
  })

  it("T13 for the session: the suggested rules, none of them written to disk, and not the whole mode", () => {
    const rule = { type: "addRules", rules: [{ toolName: "Bash", ruleContent: "ls" }], behavior: "allow" }
    const mode = { type: "setMode", mode: "acceptEdits", destination: "session" }
    const ask = (suggestions: ReadonlyArray<object>) =>
      begun()
        .request("r", "can_use_tool", { tool_name: "Bash", input: { command: "ls" }, permission_suggestions: suggestions })
        .answer?.({ decision: "accept-for-session" })
    const allow = { behavior: "allow" as const, updatedInput: { command: "ls" } }
    assert.deepStrictEqual(ask([{ ...rule, destination: "localSettings" }, mode]), {
      ...allow,
      updatedPermissions: [{ ...rule, destination: "session" }]
    })
    assert.deepStrictEqual(ask([mode]), { ...allow, updatedPermissions: [mode] })
    assert.deepStrictEqual(ask([]), allow)
  })

  it("T13 a question is asked as one, and answered by its text", () => {
    const question = { question: "Which?", header: "Colour", multiSelect: true, options: [{ label: "Red" }, { label: "Blue" }] }
    const input = { questions: [question] }
    const { answer, events } = begun().request("r", "can_use_tool", { tool_name: "AskUserQuestion", input })
    assert.deepStrictEqual(events[0]?._tag === "RequestOpened" ? events[0].ask : undefined, {
      kind: "question",
      title: "Which?",
      questions: [{ id: "Which?", text: "Which?", header: "Colour", options: [{ label: "Red" }, { label: "Blue" }] }]
    })
    assert.deepStrictEqual(answer?.({ answers: { "Which?": ["Red", "Blue"] } }), {
      behavior: "allow",
      updatedInput: { ...input, answers: { "Which?": "Red, Blue" } }
    })
    assert.deepInclude(answer?.({ decision: "accept" }), { behavior: "deny" })
  })
})

describe("claude process", () => {
  it("X4 the environment is an allow-list, and every switch against side traffic is set", () => {
    const server = { PATH: "/bin", SECRET: "canary", ANTHROPIC_API_KEY: "k", GITHUB_TOKEN: "canary", CLAUDECODE: "1" }
    const env = Environment.select(server, Process.environment({ configDir: "/c" }, server))
    assert.notInclude(JSON.stringify(env), "canary")
    assert.deepInclude(env, { PATH: "/bin", ANTHROPIC_API_KEY: "k", CLAUDE_CONFIG_DIR: "/c", DISABLE_TELEMETRY: "1" })
    assert.isUndefined(env["CLAUDECODE"])
    for (const [name, value] of Object.entries(Process.quiet)) assert.strictEqual(env[name], value)
  })

  it("signed in is said only where it can be told", () => {
    const nowhere = { home: "/nowhere" }
    assert.strictEqual(Process.signedIn(nowhere, {}), "unknown")
    assert.strictEqual(Process.signedIn(nowhere, { ANTHROPIC_API_KEY: "k" }), "yes")
  })
})
