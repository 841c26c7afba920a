import { assert, describe, it } from "@effect/vitest"
import type { NativeEvent } from "../../src/NativeEvent.ts"
import * as Environment from "../../src/process/Environment.ts"
import * as Mapping from "../../src/claude/Mapping.ts"
import * as Process from "../../src/claude/Process.ts"
import { codec } from "../../src/claude/Codec.ts"

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
  it("requests and answers map to Claude's control messages and back", () => {
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
    const numbered = { type: "control_request", request_id: 5, request: { subtype: "can_use_tool" } }
    assert.deepInclude(codec.parse(JSON.stringify(numbered)), { _tag: "Request", id: 5 })
    for (const bad of ["", "nonsense", "[1]", "{}", '{"type":"control_request"}', '{"type":"control_response"}'])
      assert.isUndefined(codec.parse(bad), bad)
  })
})

describe("claude mapping", () => {
  it("T15 other shapes of an answer are read: a string, one block, or blocks in the result", () => {
    const block = { type: "text", text: "hello" }
    for (const content of ["hello", block, [block]]) {
      const mapping = begun()
      const events = [
        ...mapping.notification("assistant", { ...assistant([]), message: { id: "m", content } }),
        ...mapping.notification("result", result({ result: "hello" }))
      ]
      const texts = events.flatMap((event) => (event._tag === "ItemCompleted" ? [event.content.text] : []))
      assert.deepStrictEqual(texts, ["hello"], JSON.stringify(content))
    }
    for (const given of ["hello", block, [block]]) {
      const mapping = begun()
      const events = [
        ...mapping.notification("assistant", assistant([])),
        ...mapping.notification("result", result({ result: given }))
      ]
      const texts = events.flatMap((event) => (event._tag === "ItemCompleted" ? [event.content.text] : []))
      assert.deepStrictEqual(texts, ["hello"], JSON.stringify(given))
    }
    const unread = {
      type: "stream_event",
      event: { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: ["x"] } }
    }
    assert.deepStrictEqual(
      begun()
        .notification("stream_event", unread)
        .map(({ _tag }) => _tag),
      ["Opaque"]
    )
  })

  it("T9 a repeated result ends no other turn", () => {
    const mapping = begun()
    const first = result({ uuid: "r", result: "one" })
    const ends = (events: ReadonlyArray<NativeEvent>) =>
      events.flatMap((event) => (event._tag === "TurnEnded" ? [event.nativeTurnId] : []))
    assert.deepStrictEqual(ends(mapping.notification("result", first)), ["t"])
    mapping.notification("keep_alive", { type: "keep_alive" })
    mapping.expect("t2")
    mapping.notification("system", { type: "system", subtype: "init" })
    assert.deepStrictEqual(mapping.notification("result", first), [])
    assert.deepStrictEqual(ends(mapping.notification("result", result({ uuid: "r2", result: "two" }))), ["t2"])
  })

  it("D12 the usage so far is the sum of the turn's messages; a running tool has a duration; neither starts a turn", () => {
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

  it("unknown messages, and those of another agent, are kept as opaque in the running turn", () => {
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

  it("T10 a turn that Claude began by itself has a new id, and an early init begins none", () => {
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

  it("tools map to our kinds, contents and ends", () => {
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

  it("a turn has the diff of its edits at its end; a plan is an item, and a request with its text; a failed compaction is a failure", () => {
    const edits = begun()
    edits.notification("assistant", use("Write", { file_path: "/w/a", content: "x" }))
    edits.notification("user", done("ok", { type: "create", content: "x", structuredPatch: [] }))
    edits.notification("assistant", { ...use("Edit", { file_path: "/w/b" }), uuid: "u2" })
    const hunk = { oldStart: 1, oldLines: 1, newStart: 1, newLines: 1, lines: ["-p", "+q"] }
    edits.notification("user", done("ok", { structuredPatch: [hunk] }))
    edits.notification("assistant", { ...use("Edit", { file_path: "/w/c" }), uuid: "u3" })
    edits.notification("user", done("no", { structuredPatch: [hunk] }, true))
    assert.deepStrictEqual(edits.notification("result", result({ result: "" }))[0], {
      _tag: "TurnUpdated",
      nativeTurnId: "t",
      diff:
        "--- /dev/null\n+++ b/w/a\n@@ -0,0 +1,1 @@\n+x\n\\ No newline at end of file\n" +
        "--- a/w/b\n+++ b/w/b\n@@ -1,1 +1,1 @@\n-p\n+q\n"
    })

    const planned = begun()
    const [started] = planned.notification("assistant", use("ExitPlanMode", { plan: "1. go" }))
    assert.deepInclude(started, { kind: "plan", content: { text: "1. go" } })
    // 2.1.332 leaves the plan out of the request.
    const request = planned.request("1", "can_use_tool", { tool_name: "ExitPlanMode", input: {}, tool_use_id: "tool" })
    const opened = request.events.find((event) => event._tag === "RequestOpened")
    assert.deepInclude(opened?._tag === "RequestOpened" ? opened.ask : {}, { nativeItemId: "tool", reason: "1. go" })
    const [ended] = planned.notification("user", done("go", { plan: "1. go, edited" }))
    assert.deepInclude(ended, { kind: "plan", status: "completed", content: { text: "1. go, edited" } })

    const compacting = begun()
    const status = { type: "system", subtype: "status", compact_result: "failed", compact_error: "Not enough messages." }
    compacting.notification("system", status)
    const end = compacting.notification("result", result({ result: "Not enough messages.", num_turns: 0 })).at(-1)
    assert.deepInclude(end, { _tag: "TurnEnded", outcome: "failed", reason: "Not enough messages." })
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

  it("P6 an unknown control request has no answer and is kept as opaque", () => {
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

  it("T13 accept-for-session: the suggested rules, none of them written to disk, and not the whole mode", () => {
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

  it("T13 a question becomes a request, and is answered by its text", () => {
    const question = { question: "Which?", header: "Colour", multiSelect: true, options: [{ label: "Red" }, { label: "Blue" }] }
    const input = { questions: [question] }
    const { answer, events } = begun().request("r", "can_use_tool", { tool_name: "AskUserQuestion", input })
    assert.deepStrictEqual(events[0]?._tag === "RequestOpened" ? events[0].ask : undefined, {
      kind: "question",
      title: "Which?",
      questions: [
        { id: "Which?", text: "Which?", header: "Colour", multiple: true, options: [{ label: "Red" }, { label: "Blue" }] }
      ]
    })
    assert.deepStrictEqual(answer?.({ answers: { "Which?": ["Red", "Blue"] } }), {
      behavior: "allow",
      updatedInput: { ...input, answers: { "Which?": "Red, Blue" } }
    })
    assert.deepInclude(answer?.({ decision: "accept" }), { behavior: "deny" })
  })
})

describe("claude: questions and limits", () => {
  it("T13 two questions with the same text stay two, each with its answer; multiple choice is marked", () => {
    const questions = [
      { question: "Proceed?", header: "API", multiSelect: true, options: [{ label: "Yes" }, { label: "No" }] },
      { question: "Proceed?", header: "Docs", multiSelect: "yes" },
      { question: "Which?" }
    ]
    const { answer, events } = begun().request("r", "can_use_tool", { tool_name: "AskUserQuestion", input: { questions } })
    const ask = events[0]?._tag === "RequestOpened" ? events[0].ask : undefined
    assert.deepStrictEqual(ask?.kind === "question" ? ask.questions.map(({ id, multiple }) => [id, multiple]) : undefined, [
      ["Proceed?", true],
      ["Proceed? (2)", undefined],
      ["Which?", undefined]
    ])
    assert.deepStrictEqual(answer?.({ answers: { "Proceed?": ["Yes"], "Proceed? (2)": ["No"], "Which?": ["a", "b"] } }), {
      behavior: "allow",
      updatedInput: { questions, answers: { "Proceed?": "API: Yes; Docs: No", "Which?": "a, b" } }
    })
  })

  it("T11 a reached limit has its end time; a near one is shown; an ended one is not reported any more", () => {
    const limit = (info: object) => ({ type: "rate_limit_event", uuid: JSON.stringify(info), rate_limit_info: info })
    const hit = { is_error: true, api_error_status: 429, result: "You've hit your session limit · resets 11pm (UTC)" }
    const end = (infos: ReadonlyArray<object>, now?: () => number) => {
      const mapping = Mapping.make(now)
      mapping.expect("t")
      mapping.notification("system", { type: "system", subtype: "init" })
      for (const info of infos) mapping.notification("rate_limit_event", limit(info))
      const event = mapping.notification("result", result(hit)).at(-1)
      return event?._tag === "TurnEnded" ? [event.error?.kind, event.error?.resetAt] : undefined
    }
    const rejected = { status: "rejected", resetsAt: 1_800_000_000, rateLimitType: "five_hour" }
    assert.deepStrictEqual(end([rejected]), ["limit", "2027-01-15T08:00:00.000Z"])
    assert.deepStrictEqual(end([rejected, { status: "allowed" }]), ["limit", undefined])
    assert.deepStrictEqual(end([{ ...rejected, resetsAt: 1e30 }]), ["limit", undefined])
    const now = () => Date.UTC(2026, 10, 28, 23, 30)
    assert.deepStrictEqual(end([], now), ["limit", "2026-11-29T23:00:00.000Z"])
    const near = { status: "allowed_warning", resetsAt: 1_800_000_000, rateLimitType: "seven_day", utilization: 0.85 }
    const [report, shown] = begun().notification("rate_limit_event", limit(near))
    const limits = [{ name: "seven_day", status: "allowed_warning", usedPercent: 85, resetsAt: "2027-01-15T08:00:00.000Z" }]
    assert.deepStrictEqual(report, { _tag: "Signal", kind: "agent", data: { limits } })
    assert.deepInclude(shown, { _tag: "ItemCompleted", nativeTurnId: "t", kind: "notice" })
    assert.include(JSON.stringify(shown), "85 % of the seven day limit is used; it resets at 2027-01-15T08:00:00.000Z.")
    // A warning without a turn starts none.
    assert.deepInclude(Mapping.make().notification("rate_limit_event", limit(near))[0], { _tag: "Signal", kind: "agent" })
  })
})

describe("claude: the owner of a turn", () => {
  const init = (more: object = {}) => ({ type: "system", subtype: "init", session_id: "s", ...more })
  const text = (said: string, id = said) =>
    ({ type: "assistant", uuid: `u ${id}`, message: { id, content: [{ type: "text", text: said }] } }) as const
  const streamed = (said: string) => ({
    type: "stream_event",
    event: { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: said } }
  })
  const notice = { type: "system", subtype: "task_notification", task_id: "b1", status: "completed" }
  const wake = { origin: { kind: "task-notification" } }
  const echo = (uuid: string) => ({ type: "user", uuid, isReplay: true, message: { role: "user", content: "as it was sent" } })
  const lifecycle = (uuid: string, state: string) => ({ type: "command_lifecycle", command_uuid: uuid, state })
  const empty = { num_turns: 0, result: "" }

  /** The texts and the outcome of each turn, in order: `t2: R, completed`. */
  const play = (steps: ReadonlyArray<string | readonly [turn: string, messageId?: string] | { readonly type: string }>) => {
    const mapping = Mapping.make()
    const turns = new Map<string, Array<string>>()
    const of = (id: string) => {
      const told = turns.get(id) ?? []
      turns.set(id, told)
      return told
    }
    for (const step of steps) {
      if (typeof step === "string") continue
      if (!("type" in step)) {
        mapping.expect(...step)
        continue
      }
      for (const event of mapping.notification(step.type, step)) {
        if (event._tag === "ItemCompleted") of(event.nativeTurnId).push(event.content.text ?? event.kind)
        if (event._tag === "ItemDelta") of(event.nativeTurnId).push(`~${event.text}`)
        if (event._tag === "TurnEnded") of(event.nativeTurnId).push(event.outcome)
        if (event._tag === "TurnStarted") of(event.nativeTurnId)
      }
    }
    return Object.fromEntries([...turns].map(([id, told]) => [id, told.join(", ")]))
  }
  const first: ReadonlyArray<readonly [string, string?] | { readonly type: string }> = [
    ["t1", "m1"],
    init(),
    echo("m1"),
    text("A"),
    result({ num_turns: 1, result: "A" })
  ]

  it("T16 an empty result of Claude's own, after a resume, does not end the waiting message", () => {
    const answered = [init(), text("R"), result({ num_turns: 1, result: "R" })]
    assert.deepStrictEqual(play([["t2"], init(), result(empty), ...answered]), { t2: "R, completed" })
    assert.deepStrictEqual(
      play([["t2", "m2"], notice, notice, init(), result({ ...empty, ...wake }), init(), echo("m2"), ...answered]),
      {
        t2: "R, completed"
      }
    )
    // 2.1.197 while idle: the whole notice turn comes before the user message.
    assert.deepStrictEqual(
      play([notice, init(), result({ ...empty, ...wake }), ["t2", "m2"], init(), streamed("R"), echo("m2"), ...answered]),
      {
        t2: "~R, R, completed"
      }
    )
  })

  it("T16 a turn that Claude began before our message has its own answer and end", () => {
    const wakes = [text("N"), result({ num_turns: 1, result: "N" })]
    const answered = [init(), text("R"), result({ num_turns: 1, result: "R" })]
    assert.deepStrictEqual(play([...first, init(), ["t2"], ...wakes, ...answered]), {
      t1: "A, completed",
      "own 1": "N, completed",
      t2: "R, completed"
    })
    const known = [...first, notice, init(), ["t2", "m2"] as const, streamed("N"), text("N"), result({ num_turns: 1, ...wake })]
    assert.deepStrictEqual(play([...known, init(), streamed("R"), echo("m2"), text("R"), result({})]), {
      t1: "A, completed",
      "own 1": "~N, N, completed",
      t2: "~R, R, completed"
    })
  })

  it("T16 our message arrives between the notification and the turn: nothing of that turn is ours", () => {
    const raced = [...first, ["t2", "m2"] as const, notice, init(), streamed("N"), text("N"), result({ num_turns: 1, ...wake })]
    assert.deepStrictEqual(play([...raced, init(), streamed("R"), echo("m2"), text("R"), result({})]), {
      t1: "A, completed",
      "own 1": "N, completed",
      t2: "~R, R, completed"
    })
    // The same evidence, but the turn is the user's: shown by the echoed message, or by a result without a foreign origin.
    assert.deepStrictEqual(play([...first, ["t2", "m2"], notice, init(), streamed("R"), echo("m2"), text("R"), result({})]), {
      t1: "A, completed",
      t2: "R, completed"
    })
    assert.deepStrictEqual(
      play([...first, ["t2", "m2"], notice, init(), text("cost"), result({ num_turns: 0, result: "cost" })]),
      {
        t1: "A, completed",
        t2: "cost, completed"
      }
    )
  })

  it("T16 a message that Claude's own turn picks up at a tool's end begins there", () => {
    const tool = { ...use("Bash", { command: "ls" }), uuid: "u tool" }
    const taken = [...first, notice, init(), text("N"), tool, ["t2", "m2"] as const, done("out"), echo("m2")]
    assert.deepStrictEqual(play([...taken, text("R"), result({ num_turns: 2, ...wake })]), {
      t1: "A, completed",
      "own 1": "N, command, completed",
      t2: "R, completed"
    })
    const newer = [lifecycle("m2", "started"), text("R"), lifecycle("m2", "completed")]
    assert.deepStrictEqual(play([...taken, ...newer, result({ num_turns: 2, ...wake, user_message_uuids: ["m2"] })]), {
      t1: "A, completed",
      "own 1": "N, command, completed",
      t2: "R, completed"
    })
  })

  it("T16 a version that names each picked-up message is trusted", () => {
    const names = { capabilities: ["msg_lifecycle_v1"] }
    const before = [["t2", "m2"] as const, init(names), streamed("N"), text("N"), result({ num_turns: 1 })]
    const after = [
      lifecycle("m2", "started"),
      init({ ...names, user_message_uuids: ["m2"] }),
      text("R"),
      result({ user_message_uuids: ["m2"] })
    ]
    assert.deepStrictEqual(play([...before, ...after]), { "own 1": "~N, N, completed", t2: "R, completed" })
    // `/clear`: an empty answer to a user message.
    assert.deepStrictEqual(
      play([["t2", "m2"], init({ ...names, user_message_uuids: ["m2"] }), result({ ...empty, user_message_uuids: ["m2"] })]),
      {
        t2: "completed"
      }
    )
    // A message that never runs: its end is reported while another turn runs.
    assert.deepStrictEqual(play([init(names), text("N"), ["t2", "m2"], lifecycle("m2", "cancelled"), result({})]), {
      "own 1": "N, completed",
      t2: "failed"
    })
  })

  it("T16 an end of another origin than a person is not ours, whatever came before it", () => {
    for (const kind of ["task-notification", "channel", "peer", "coordinator"])
      assert.deepStrictEqual(
        play([
          ["t2", "m2"],
          init(),
          text("N"),
          result({ num_turns: 1, origin: { kind } }),
          init(),
          echo("m2"),
          text("R"),
          result({})
        ]),
        { t2: "N, R, completed" },
        kind
      )
    // An unknown origin kind counts as absent, so the turn ends.
    assert.deepStrictEqual(play([["t2", "m2"], init(), text("R"), result({ origin: { kind: "brand-new" } })]), {
      t2: "R, completed"
    })
  })

  it("T15 the text of an end without content is kept: why a hook rejected the message", () => {
    assert.deepStrictEqual(play([["t2", "m2"], init(), result({ num_turns: 0, result: "blocked by hook" })]), {
      t2: "blocked by hook, completed"
    })
  })
})

describe("claude: background work", () => {
  const system = (subtype: string, more: object) => ["system", { type: "system", subtype, ...more }] as const
  const methods = (events: ReadonlyArray<NativeEvent>) =>
    events.flatMap((event) => {
      if (event._tag === "TurnEnded") return ["end"]
      const work = event._tag === "Opaque" && event.method.startsWith("background/")
      return work ? [`${event.method} ${(event.payload as { readonly task: string }).task}`] : []
    })
  it("a task that runs when its turn ends is background work until Claude reports its end, once", () => {
    const mapping = begun()
    const play = (...messages: ReadonlyArray<readonly [string, object]>) =>
      methods(messages.flatMap(([type, params]) => mapping.notification(type, params)))
    const ended = system("task_updated", { task_id: "short", patch: { status: "completed" } })
    const notified = (task_id: string) => system("task_notification", { task_id, status: "completed" })
    assert.deepStrictEqual(
      play(
        ["assistant", use("Bash", {})],
        system("task_started", { task_id: "short", tool_use_id: "tool" }),
        system("task_started", { task_id: "long", tool_use_id: "tool" }),
        system("task_updated", { task_id: "long", patch: { status: "running" } }),
        ended,
        notified("short"),
        ["result", result({})]
      ),
      ["background/started long", "end"]
    )
    mapping.expect("t2")
    assert.deepStrictEqual(play(["assistant", use("Bash", {})], ["result", result({ uuid: "r2" })]), ["end"])
    const over = system("task_updated", { task_id: "long", patch: { status: "killed" } })
    assert.deepStrictEqual(play(over, notified("long"), notified("unknown")), ["background/ended long"])
  })
})

describe("claude: an agent in the background asks", () => {
  const bash = { tool_name: "Bash", input: { command: "touch x" }, tool_use_id: "toolu_2", agent_id: "a1" }
  const launched = (background: boolean) => {
    const mapping = begun()
    mapping.notification("assistant", use("Task", { prompt: "touch x", run_in_background: background }))
    mapping.notification("system", { type: "system", subtype: "task_started", task_id: "a1", tool_use_id: "tool" })
    if (background) mapping.notification("user", done("Async agent launched"))
    return mapping
  }

  it("T13 its question has a separate turn, which the end of the main turn does not affect, and ends with the answer", () => {
    const mapping = launched(true)
    const asked = mapping.request("r", "can_use_tool", bash)
    const aside = "agent a1 r"
    assert.deepStrictEqual(
      asked.events.map((event) => [event._tag, "nativeTurnId" in event ? event.nativeTurnId : undefined]),
      [
        ["TurnStarted", aside],
        ["RequestOpened", aside]
      ]
    )
    assert.deepInclude(asked, { nativeTurnId: aside, bySubagent: true })
    assert.deepStrictEqual(
      mapping.notification("result", result({})).map((event) => (event._tag === "TurnEnded" ? event.nativeTurnId : event._tag)),
      ["Opaque", "t"]
    )
    // The next message gets a separate turn in the meantime.
    mapping.expect("t2")
    mapping.notification("system", { type: "system", subtype: "init" })
    assert.deepInclude(mapping.notification("assistant", assistant([{ type: "text", text: "R" }]))[0], { nativeTurnId: "t2" })
    assert.deepStrictEqual(mapping.settled(aside, "completed"), [
      { _tag: "TurnEnded", nativeTurnId: aside, outcome: "completed" }
    ])
    assert.deepStrictEqual(mapping.settled(aside, "completed"), [])
  })

  it("R7 T13 at most 256 of its questions wait; one more is rejected at once, until one is answered", () => {
    const mapping = launched(true)
    for (let n = 0; n < 256; n++) assert.isDefined(mapping.request(`r${n}`, "can_use_tool", bash).answer)
    const { answer, events, refusal } = mapping.request("more", "can_use_tool", bash)
    assert.deepStrictEqual([answer, refusal?.behavior, events.map(({ _tag }) => _tag)], [undefined, "deny", ["Opaque"]])
    assert.lengthOf(mapping.settled("agent a1 more", "completed"), 0)
    assert.lengthOf(mapping.settled("agent a1 r0", "completed"), 1)
    assert.isDefined(mapping.request("again", "can_use_tool", bash).answer)
  })

  it("T13 a withdrawn question ends its turn; a question of an agent that the main turn waits for is in the main turn", () => {
    const mapping = launched(true)
    mapping.request("r", "can_use_tool", bash)
    assert.deepStrictEqual(
      mapping.notification("control_cancel_request", { type: "control_cancel_request", request_id: "r" }).map(({ _tag }) => _tag),
      ["RequestResolved", "TurnEnded"]
    )
    assert.deepInclude(launched(false).request("r", "can_use_tool", bash), { nativeTurnId: "t", bySubagent: true })
    // Without `task_started`: an open tool that starts subagents is the same evidence.
    const older = begun()
    older.notification("assistant", use("Task", {}))
    assert.deepInclude(older.request("r", "can_use_tool", bash), { nativeTurnId: "t" })
    assert.deepInclude(begun().request("r", "can_use_tool", bash), { nativeTurnId: "agent a1 r" })
  })
})

describe("claude process", () => {
  it("X4 the environment is an allow-list, and every switch that disables side traffic is set", () => {
    const server = { PATH: "/bin", SECRET: "canary", ANTHROPIC_API_KEY: "k", GITHUB_TOKEN: "canary", CLAUDECODE: "1" }
    const env = Environment.select(server, Process.environment({ configDir: "/c" }, server))
    assert.notInclude(JSON.stringify(env), "canary")
    assert.deepInclude(env, { PATH: "/bin", ANTHROPIC_API_KEY: "k", CLAUDE_CONFIG_DIR: "/c", DISABLE_TELEMETRY: "1" })
    assert.isUndefined(env["CLAUDECODE"])
    for (const [name, value] of Object.entries(Process.quiet)) assert.strictEqual(env[name], value)
  })

  it("signed in is reported only where it is known", () => {
    const nowhere = { home: "/nowhere" }
    assert.strictEqual(Process.signedIn(nowhere, {}), "unknown")
    assert.strictEqual(Process.signedIn(nowhere, { ANTHROPIC_API_KEY: "k" }), "yes")
  })
})

describe("claude: sub-agents", () => {
  const by = (parent: string, message: object) => ({ ...message, parent_tool_use_id: parent })
  const calls = (id: string, name: string, input: object) => assistant([{ type: "tool_use", id, name, input }])
  const results = (id: string, content: string, isError = false) => ({
    type: "user",
    message: { content: [{ type: "tool_result", tool_use_id: id, content, is_error: isError }] }
  })
  const line = (event: NativeEvent) =>
    "nativeItemId" in event
      ? `${event._tag} ${event.nativeTurnId} ${event.nativeItemId} ${"nativeParentItemId" in event ? event.nativeParentItemId : "-"}`
      : event._tag
  const play = (mapping: Mapping.Mapping, ...messages: ReadonlyArray<readonly [string, object]>) =>
    messages.flatMap(([type, message]) => mapping.notification(type, message).map(line))

  it("what they say and do is under the call that started them, at any depth", () => {
    const mapping = begun()
    assert.deepStrictEqual(
      play(
        mapping,
        ["assistant", calls("task", "Task", {})],
        ["user", by("task", { type: "user", message: { content: [{ type: "text", text: "the prompt" }] } })],
        ["stream_event", by("task", { type: "stream_event", event: { type: "message_start", message: { id: "m9" } } })],
        ["assistant", by("task", calls("inner", "Task", {}))],
        ["assistant", by("inner", { ...calls("shell", "Bash", { command: "ls" }), uuid: "u2" })],
        ["tool_progress", by("inner", { type: "tool_progress", tool_use_id: "shell", elapsed_time_seconds: 1 })],
        ["user", by("inner", results("shell", "a.txt"))],
        ["user", by("task", results("inner", "listed"))],
        ["assistant", by("task", assistant([{ type: "text", text: "done" }], { uuid: "u3" }))]
      ),
      [
        "ItemStarted t task -",
        "ItemStarted t inner task",
        "ItemStarted t shell inner",
        "Signal t shell -",
        "ItemCompleted t shell inner",
        "ItemCompleted t inner task",
        "ItemCompleted t u3 0 task"
      ]
    )
    // The turn itself has no text: that of its end is kept.
    assert.deepInclude(play(mapping, ["user", results("task", "ok")], ["result", result({ result: "R" })]), "TurnEnded")
  })

  it("T16 in the background they keep the turn of their call, start no turn, and only their whole items come", () => {
    const mapping = begun()
    play(mapping, ["assistant", calls("task", "Task", {})], ["user", results("task", "launched")], ["result", result({})])
    mapping.expect("t2", "m2")
    assert.deepStrictEqual(
      play(
        mapping,
        ["assistant", by("task", calls("shell", "Bash", { command: "ls" }))],
        ["user", by("task", results("shell", "a.txt"))],
        ["assistant", by("task", assistant([{ type: "text", text: "done" }], { uuid: "u3" }))]
      ),
      ["ItemCompleted t shell task", "ItemCompleted t u3 0 task"]
    )
  })

  it("their edits are in the turn's diff, their plans are not its plan, and a declined call is declined", () => {
    const mapping = begun()
    const detail = { type: "create", content: "x\n", structuredPatch: [] }
    const events = [
      ...mapping.notification("assistant", calls("task", "Task", {})),
      ...mapping.notification("assistant", by("task", calls("todo", "TodoWrite", { todos: [{ content: "a" }] }))),
      ...mapping.notification("assistant", by("task", { ...calls("write", "Write", { file_path: "/a" }), uuid: "u2" }))
    ]
    const asked = mapping.request("r", "can_use_tool", { tool_name: "Write", input: {}, tool_use_id: "write", agent_id: "a1" })
    assert.deepInclude(asked, { nativeTurnId: "t" })
    assert.deepInclude(asked.events[0]?._tag === "RequestOpened" ? asked.events[0].ask : {}, { nativeItemId: "write" })
    asked.answer?.({ decision: "decline" })
    const rest = [
      ...mapping.notification("user", by("task", results("write", "no", true))),
      ...mapping.notification("assistant", by("task", { ...calls("again", "Write", { file_path: "/a" }), uuid: "u4" })),
      ...mapping.notification("user", by("task", { ...results("again", "ok"), tool_use_result: detail })),
      ...mapping.notification("result", result({}))
    ]
    assert.isFalse([...events, ...rest].some((event) => event._tag === "TurnUpdated" && event.plan !== undefined))
    assert.deepStrictEqual(
      rest.flatMap((event) => (event._tag === "ItemCompleted" ? [event.status] : [])),
      ["declined", "completed"]
    )
    assert.include(rest.map((event) => (event._tag === "TurnUpdated" ? event.diff : "")).join(""), "+++ b/a\n@@ -0,0 +1,1 @@\n+x")
  })
})
