import { assert, describe, it } from "@effect/vitest"
import type { NativeEvent } from "../../src/NativeEvent.ts"
import * as Failures from "../../src/codex/Failures.ts"
import { itemContent, itemKind, itemStatus } from "../../src/codex/Items.ts"
import * as Mapping from "../../src/codex/Mapping.ts"
import { requestKey } from "../../src/process/Message.ts"
import * as Transcripts from "@millrace/testing/CodexTranscripts"

/** Methods that are deliberately kept unchanged. A known method that fails to decode would show up here. */
const opaque = new Set([
  "account/rateLimits/updated",
  "configWarning",
  "deprecationNotice",
  "error",
  "item/tool/call",
  "remoteControl/status/changed",
  "thread/archived",
  "thread/deleted",
  "thread/goal/cleared",
  "thread/goal/updated",
  "thread/name/updated",
  "thread/readState/changed",
  "thread/settings/updated",
  "thread/started",
  "thread/status/changed",
  "thread/unarchived"
])

const threadOf = (params: unknown) => (params as { readonly threadId?: string } | undefined)?.threadId ?? ""
/** A mapping that has seen that turn begin. */
const begun = (threadId: string, turnId = "t") => {
  const mapping = Mapping.make(threadId)
  mapping.notification("turn/started", { threadId, turn: { id: turnId, status: "inProgress" } })
  return mapping
}
const item = (raw: Record<string, unknown>) => ({ type: String(raw["type"]), id: "i", raw: { id: "i", ...raw } })

describe("codex mapping", () => {
  it("every message of every transcript is mapped, or intentionally kept as opaque", () => {
    let mapped = 0
    for (const name of Transcripts.names)
      for (const { dir, msg } of Transcripts.read(name)) {
        if (dir !== "in" || msg.method === undefined) continue
        const mapping = begun(threadOf(msg.params), (msg.params as { readonly turnId?: string } | undefined)?.turnId)
        const events =
          msg.id === undefined
            ? mapping.notification(msg.method, msg.params)
            : mapping.request(msg.id, msg.method, msg.params).events
        for (const event of events) {
          mapped++
          if (event._tag !== "Opaque") continue
          assert.isTrue(opaque.has(event.method), `${name}: ${event.method}`)
          assert.deepStrictEqual(event.payload, msg.params, name)
        }
      }
    assert.isAbove(mapped, 1500)
  })

  it("messages about another thread, or without a required field, are kept as opaque", () => {
    const mapping = Mapping.make("ours")
    const turn = { id: "t", status: "completed" }
    const others: ReadonlyArray<readonly [string, unknown]> = [
      ["turn/completed", { threadId: "theirs", turn }],
      ["turn/completed", { threadId: "ours", turn: { status: "completed" } }],
      ["item/started", { threadId: "ours", turnId: "t", item: { type: "agentMessage" } }],
      ["item/agentMessage/delta", { threadId: "ours", turnId: "t", itemId: "i", delta: 7 }],
      ["item/agentMessage/delta", null],
      ["something/new", ["x"]]
    ]
    for (const [method, payload] of others) {
      const [event, ...more] = mapping.notification(method, payload)
      assert.deepStrictEqual(more, [])
      assert.strictEqual(event?._tag, "Opaque")
      assert.deepInclude(event, { method, payload })
    }
  })

  it("T11 an unknown turn status is a failure, not a success", () => {
    const mapping = Mapping.make("ours")
    const end = (status: string) => mapping.notification("turn/completed", { threadId: "ours", turn: { id: "t", status } })[0]
    assert.deepInclude(end("completed"), { _tag: "TurnEnded", outcome: "completed" })
    assert.deepInclude(end("interrupted"), { outcome: "interrupted" })
    assert.deepInclude(end("vanished"), { outcome: "failed" })
    assert.deepInclude(end("failed"), { outcome: "failed" })
  })

  it("usage is counted per turn, from the thread's total before it", () => {
    const mapping = begun("ours", "a")
    const count = (n: number) => ({
      totalTokens: 10 * n,
      inputTokens: 5 * n,
      cachedInputTokens: 2 * n,
      outputTokens: 3 * n,
      reasoningOutputTokens: n
    })
    const update = (turnId: string, total: number, last: number) =>
      mapping.notification("thread/tokenUsage/updated", {
        threadId: "ours",
        turnId,
        tokenUsage: { total: count(total), last: count(last), modelContextWindow: 1000 }
      })[0]
    const usageOf = (event: NativeEvent | undefined) =>
      event?._tag === "Signal" && event.kind === "usage" ? event.data : undefined
    assert.strictEqual(usageOf(update("a", 1, 1))?.totalTokens, 10)
    assert.deepInclude(usageOf(update("a", 3, 2)), { totalTokens: 30, cachedInputTokens: 6, contextWindow: 1000 })
    // The count of an old turn, as it arrives after a resume: kept unchanged, it starts no turn.
    assert.deepInclude(update("b", 4, 1), { _tag: "Opaque", nativeTurnId: "b" })
    mapping.notification("turn/started", { threadId: "ours", turn: { id: "b", status: "inProgress" } })
    assert.deepInclude(usageOf(update("b", 4, 1)), { totalTokens: 10, outputTokens: 3, reasoningTokens: 1 })
  })

  it("D12 the progress of an MCP tool is a signal of its item", () => {
    const params = { threadId: "ours", turnId: "t", itemId: "i", message: "3 of 7" }
    assert.deepStrictEqual(begun("ours").notification("item/mcpToolCall/progress", params), [
      { _tag: "Signal", nativeTurnId: "t", nativeItemId: "i", kind: "progress", data: { text: "3 of 7" } }
    ])
    // Progress of an unknown turn: kept unchanged, it starts no turn.
    assert.deepInclude(Mapping.make("ours").notification("item/mcpToolCall/progress", params)[0], {
      _tag: "Opaque",
      payload: params
    })
  })

  it("item types map to our kinds, and an unknown one keeps its name and its whole content", () => {
    const kinds = [
      ["userMessage", "user-message"],
      ["agentMessage", "agent-message"],
      ["plan", "plan"],
      ["reasoning", "reasoning"],
      ["commandExecution", "command"],
      ["fileChange", "file-change"],
      ["mcpToolCall", "tool-call"],
      ["dynamicToolCall", "tool-call"],
      ["functionCallOutput", "tool-call"],
      ["collabAgentToolCall", "tool-call"],
      ["subAgentActivity", "subAgentActivity"],
      ["webSearch", "web-search"],
      ["imageView", "image"],
      ["imageGeneration", "image"],
      ["contextCompaction", "compaction"],
      ["hookPrompt", "notice"],
      ["enteredReviewMode", "notice"],
      ["exitedReviewMode", "notice"],
      ["sleep", "notice"],
      ["brandNew", "brandNew"]
    ] as const
    for (const [type, kind] of kinds) {
      assert.strictEqual(itemKind(item({ type })), kind)
      // Only the type is present: still no failure.
      assert.isObject(itemContent(item({ type })))
    }
    assert.deepStrictEqual(itemContent(item({ type: "brandNew", x: 1 })), { result: { id: "i", type: "brandNew", x: 1 } })
  })

  it("contents carry the authoritative text, output, changes and tool results", () => {
    assert.deepStrictEqual(
      itemContent(
        item({ type: "commandExecution", command: "ls", cwd: "/w", aggregatedOutput: "a\n", exitCode: 0, durationMs: 3 })
      ),
      { command: "ls", cwd: "/w", output: "a\n", exitCode: 0, durationMillis: 3 }
    )
    assert.deepStrictEqual(itemContent(item({ type: "reasoning", summary: ["a", "b"], content: ["raw"] })), {
      text: "a\n\nb\n\nraw"
    })
    assert.deepStrictEqual(
      itemContent(
        item({
          type: "userMessage",
          content: [
            { type: "text", text: "hi" },
            { type: "localImage", path: "/x.png" }
          ]
        })
      ),
      { text: "hi", input: [{ type: "localImage", path: "/x.png" }] }
    )
    assert.deepStrictEqual(
      itemContent(item({ type: "mcpToolCall", server: "s", tool: "t", arguments: { a: 1 }, error: { message: "no" } })),
      {
        tool: "s/t",
        input: { a: 1 },
        result: { message: "no" }
      }
    )
    const change = (kind: object, diff: string) => ({ path: "/w/a.txt", kind, diff })
    assert.deepStrictEqual(
      itemContent(
        item({
          type: "fileChange",
          changes: [
            change({ type: "add" }, "one\ntwo\n"),
            change({ type: "delete" }, "gone"),
            change({ type: "update", move_path: null }, "@@ -1 +1 @@\n-a\n+b\n"),
            change({ type: "update", move_path: "/w/b.txt" }, "")
          ]
        })
      ).changes,
      [
        { path: "/w/a.txt", change: "add", diff: "@@ -0,0 +1,2 @@\n+one\n+two\n" },
        { path: "/w/a.txt", change: "delete", diff: "@@ -1,1 +0,0 @@\n-gone\n\\ No newline at end of file\n" },
        { path: "/w/a.txt", change: "update", diff: "@@ -1 +1 @@\n-a\n+b\n" },
        { path: "/w/a.txt", change: "move", movedTo: "/w/b.txt", diff: "" }
      ]
    )
    assert.deepStrictEqual(itemContent(item({ type: "fileChange", changes: "soon" })), { result: "soon" })
  })

  it("item statuses: an unknown word is kept as the reason", () => {
    assert.deepStrictEqual(itemStatus(item({ type: "commandExecution", status: "declined" })), { status: "declined" })
    assert.deepStrictEqual(itemStatus(item({ type: "collabAgentToolCall", status: "interrupted" })), { status: "aborted" })
    assert.deepStrictEqual(itemStatus(item({ type: "agentMessage" })), { status: "completed" })
    assert.deepStrictEqual(itemStatus(item({ type: "x", status: "odd" })), { status: "completed", reason: "Codex: odd" })
  })

  it("a second reasoning part begins a new paragraph", () => {
    const mapping = begun("ours")
    const part = (summaryIndex: number) =>
      mapping.notification("item/reasoning/summaryPartAdded", { threadId: "ours", turnId: "t", itemId: "r", summaryIndex })
    assert.deepStrictEqual(part(0), [])
    assert.deepInclude(part(1)[0], { _tag: "ItemDelta", text: "\n\n", kind: "reasoning" })
  })

  it("failures have one of our kinds, with the provider's own words", () => {
    const kind = (codexErrorInfo: unknown, message = "m") => Failures.fromTurnError({ message, codexErrorInfo }).kind
    assert.strictEqual(kind("contextWindowExceeded"), "context")
    assert.strictEqual(kind("usageLimitExceeded"), "limit")
    assert.strictEqual(kind("unauthorized"), "auth")
    assert.strictEqual(kind({ responseStreamDisconnected: { httpStatusCode: null } }), "transport")
    assert.strictEqual(kind("other", "stream disconnected before completion: x"), "transport")
    assert.strictEqual(kind("other"), "unknown")
    assert.strictEqual(kind({ brandNew: {} }), "unknown")
    assert.strictEqual(kind(undefined), "unknown")
  })
})

describe("codex requests", () => {
  const base = { threadId: "ours", turnId: "t", itemId: "i", startedAtMs: 1 }
  const ask = (method: string, params: object) => Mapping.make("ours").request(0, method, { ...base, ...params })

  it("T13 the answers equal those of recorded real clients", () => {
    const answers: ReadonlyArray<readonly [string, string, Parameters<NonNullable<Mapping.MappedRequest["answer"]>>[0]]> = [
      ["approval-accept", "item/commandExecution/requestApproval", { decision: "accept" }],
      ["approval-decline", "item/commandExecution/requestApproval", { decision: "decline" }],
      ["approval-cancel", "item/commandExecution/requestApproval", { decision: "cancel" }],
      ["approval-accept-session", "item/commandExecution/requestApproval", { decision: "accept-for-session" }],
      ["file-change-approval", "item/fileChange/requestApproval", { decision: "accept" }],
      ["request-user-input", "item/tool/requestUserInput", { answers: { color: ["Blue"] } }]
    ]
    for (const [name, method, answer] of answers) {
      const lines = Transcripts.read(name)
      const asked = lines.find(({ msg }) => msg.method === method)?.msg
      const sent = lines.find(({ dir, msg }) => dir === "out" && msg.method === undefined && msg.id === asked?.id)?.msg
      const mapped = Mapping.make(threadOf(asked?.params)).request(0, method, asked?.params)
      assert.isDefined(sent, name)
      assert.deepStrictEqual(mapped.answer?.(answer), sent?.result, name)
    }
  })

  it("the approval of a file change contains the changes of its item", () => {
    const mapping = Mapping.make("ours")
    const changes = [{ path: "/w/a.txt", kind: { type: "add" }, diff: "x\n" }]
    mapping.notification("item/started", { ...base, item: { type: "fileChange", id: "i", changes, status: "inProgress" } })
    const [opened] = mapping.request(1, "item/fileChange/requestApproval", base).events
    assert.strictEqual(opened?._tag, "RequestOpened")
    assert.deepInclude(opened?._tag === "RequestOpened" ? opened.ask : {}, {
      title: "Change: /w/a.txt",
      changes: [{ path: "/w/a.txt", change: "add", diff: "@@ -0,0 +1,1 @@\n+x\n" }]
    })
  })

  it("permissions are granted as requested, for the turn or the session, or not at all", () => {
    const asked = ask("item/permissions/requestApproval", {
      cwd: "/w",
      permissions: { network: { enabled: true }, fileSystem: null }
    })
    assert.deepStrictEqual(asked.answer?.({ decision: "accept" }), { permissions: { network: { enabled: true } }, scope: "turn" })
    assert.deepStrictEqual(asked.answer?.({ decision: "accept-for-session" }), {
      permissions: { network: { enabled: true } },
      scope: "session"
    })
    assert.deepStrictEqual(asked.answer?.({ decision: "decline" }), { permissions: {}, scope: "turn" })
  })

  it("an answer of the wrong kind allows nothing", () => {
    const approval = ask("item/commandExecution/requestApproval", { command: "ls" })
    assert.deepStrictEqual(approval.answer?.({ answers: { q: ["yes"] } }), { decision: "decline" })
    const question = ask("item/tool/requestUserInput", { questions: [{ id: "q", question: "?" }] })
    assert.deepStrictEqual(question.answer?.({ decision: "accept" }), { answers: {} })
  })

  it("P6 an unknown request has no answer and is kept as opaque", () => {
    const unknown = ask("item/tool/call", { tool: "x" })
    assert.isUndefined(unknown.answer)
    assert.deepInclude(unknown.events[0], { _tag: "Opaque", method: "item/tool/call", nativeTurnId: "t" })
  })

  it("P6 a request of a sub-agent belongs to the running turn; without one it is rejected", () => {
    const mapping = begun("ours")
    const theirs = { ...base, threadId: "theirs", turnId: "other", command: "ls" }
    const asked = mapping.request(3, "item/commandExecution/requestApproval", theirs)
    assert.deepInclude(asked.events[0], { _tag: "RequestOpened", nativeTurnId: "t" })
    assert.isTrue(asked.foreign)
    assert.deepStrictEqual(asked.answer?.({ decision: "accept" }), { decision: "accept" })
    const resolved = mapping.notification("serverRequest/resolved", { threadId: "theirs", requestId: 3 })
    assert.deepInclude(resolved[0], { _tag: "RequestResolved", nativeRequestId: asked.nativeRequestId })
    mapping.notification("turn/completed", { threadId: "ours", turn: { id: "t", status: "completed" } })
    const late = mapping.request(4, "item/commandExecution/requestApproval", theirs)
    assert.isUndefined(late.answer)
    assert.deepStrictEqual(late.events, [{ _tag: "Opaque", method: "item/commandExecution/requestApproval", payload: theirs }])
  })

  it("numeric and string request ids stay distinct", () => {
    assert.notStrictEqual(requestKey(1), requestKey("1"))
  })
})
