/**
 * The end of a turn, an item or a request is recognised from its minimal fields: every other field is removed, and replaced by values of other
 * shapes, one at a time (T14). All adapters.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Acp from "../src/acp/Mapping.ts"
import * as AcpWire from "../src/acp/Wire.ts"
import * as Claude from "../src/claude/Mapping.ts"
import { codec as claude } from "../src/claude/Codec.ts"
import * as Codex from "../src/codex/Mapping.ts"
import * as Demo from "../src/demo/Mapping.ts"
import { isRecord } from "../src/Fields.ts"
import type { NativeEvent } from "../src/NativeEvent.ts"
import * as OpenAi from "../src/openai/Wire.ts"

const shapes: ReadonlyArray<unknown> = [null, 1.5, -1, 1e300, "", "other", true, [], [null], [1], {}, { a: 1 }, { usage: [] }]

/** Paths of all fields of a value, nested ones included; array elements too. */
const paths = (value: unknown, at: ReadonlyArray<string> = []): ReadonlyArray<ReadonlyArray<string>> => {
  if (typeof value !== "object" || value === null) return []
  return Object.entries(value).flatMap(([key, inner]) => {
    const path = at.concat(key)
    return [path].concat(paths(inner, path).map((one) => one.concat()))
  })
}

/** A copy with the field replaced, or removed (`undefined`). */
const changed = (value: unknown, [key, ...rest]: ReadonlyArray<string>, to: unknown): unknown => {
  if (key === undefined) return to
  if (Array.isArray(value)) return value.map((one, n) => (String(n) === key ? (changed(one, rest, to) ?? null) : one))
  if (!isRecord(value)) return value
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, inner]) => {
      const next = name === key ? changed(inner, rest, to) : inner
      return next === undefined ? [] : [[name, next]]
    })
  )
}

/** All variants of `message` in which the paths of `least`, and their parents, are unchanged. */
const variants = (message: unknown, least: ReadonlyArray<string>): ReadonlyArray<readonly [string, unknown]> =>
  paths(message)
    .filter((path) => !least.some((kept) => kept === path.join(".") || kept.startsWith(`${path.join(".")}.`)))
    .flatMap((path) =>
      [undefined, ...shapes].map(
        (to) => [`${path.join(".")} = ${JSON.stringify(to) ?? "absent"}`, changed(message, path, to)] as const
      )
    )

const each = (
  message: unknown,
  least: ReadonlyArray<string>,
  told: (variant: unknown) => ReadonlyArray<NativeEvent>,
  tag: string
) => {
  const all = variants(message, least)
  assert.isAbove(all.length, shapes.length)
  for (const [name, variant] of all)
    assert.include(
      told(variant).map((event) => event._tag),
      tag,
      name
    )
}

const usage = { input_tokens: 3, output_tokens: 4, cache_read_input_tokens: 1, cache_creation_input_tokens: 0 }

describe("ends", () => {
  it("T14 claude: a result, a tool's result, a withdrawn question", () => {
    const started = () => {
      const mapping = Claude.make()
      mapping.expect("t")
      mapping.notification("system", { type: "system", subtype: "init" })
      mapping.notification("assistant", {
        type: "assistant",
        uuid: "u1",
        message: { id: "m", content: [{ type: "tool_use", id: "tool", name: "Bash", input: { command: "ls" } }] }
      })
      return mapping
    }
    const tell = (line: unknown) => {
      const message = claude.parse(JSON.stringify(line))
      assert.strictEqual(message?._tag, "Notification")
      return message?._tag === "Notification" ? started().notification(message.method, message.params) : []
    }
    const result = {
      type: "result",
      subtype: "success",
      is_error: false,
      api_error_status: 429,
      terminal_reason: "completed",
      num_turns: 1,
      result: "x",
      errors: ["e"],
      uuid: "u2",
      session_id: "s",
      begun_message_ids: ["m"],
      usage,
      modelUsage: { model: { contextWindow: 200_000 } }
    }
    each(result, ["type"], tell, "TurnEnded")
    const used = {
      type: "user",
      uuid: "u3",
      session_id: "s",
      tool_use_result: { stdout: "", interrupted: false },
      message: { role: "user", content: [{ type: "tool_result", tool_use_id: "tool", content: "out", is_error: false }] }
    }
    const least = ["type", "message.content.0.tool_use_id", "message.content.0.type"]
    each(used, least, tell, "ItemCompleted")
    each({ type: "control_cancel_request", request_id: "r", uuid: "u4" }, ["type", "request_id"], tell, "RequestResolved")
  })

  it("T14 codex: a turn's end, an item's end, a settled request", () => {
    const tell = (method: string) => (params: unknown) => {
      const mapping = Codex.make("thr")
      mapping.notification("turn/started", { threadId: "thr", turn: { id: "t", status: "inProgress" } })
      return mapping.notification(method, params)
    }
    const error = { message: "no", codexErrorInfo: "usageLimitExceeded", additionalDetails: "more" }
    const turn = { id: "t", status: "failed", error, rootTurnId: "t", durationMs: 1 }
    // `threadId` stays unchanged too: another thread's turn is not the session's.
    const ours = (
      message: object,
      least: ReadonlyArray<string>,
      told: (variant: unknown) => ReadonlyArray<NativeEvent>,
      tag: string
    ) => each(message, ["threadId", ...least], told, tag)
    ours({ threadId: "thr", turn }, ["turn.id"], tell("turn/completed"), "TurnEnded")
    assert.include(
      tell("turn/completed")({ turn: { id: "t" } }).map(({ _tag }) => _tag),
      "TurnEnded"
    )
    const item = { type: "commandExecution", id: "i", status: "completed", command: "ls", aggregatedOutput: "", exitCode: 0 }
    ours({ threadId: "thr", turnId: "t", item }, ["turnId", "item.id"], tell("item/completed"), "ItemCompleted")
    each({ threadId: "thr", requestId: 1 }, ["requestId"], tell("serverRequest/resolved"), "RequestResolved")
  })

  it("T14 acp: the answer to a prompt, a tool call's end", () => {
    const tell = (method: string) => (params: unknown) => {
      const mapping = Acp.make("s")
      mapping.begin("t")
      return mapping.notification(method, params)
    }
    const counts = { inputTokens: 1, outputTokens: 2, totalTokens: 3, thoughtTokens: 0, cachedReadTokens: 0 }
    const answer = { nativeTurnId: "t", result: { stopReason: "end_turn", usage: counts, _meta: {} } }
    each(answer, ["nativeTurnId"], tell("session/prompt"), "TurnEnded")
    // A malformed usage alone does not make the turn a failure.
    for (const [name, variant] of variants(answer, ["nativeTurnId", "result.stopReason"])) {
      const [end] = tell("session/prompt")(variant).slice(-1)
      assert.strictEqual(end?._tag === "TurnEnded" ? end.outcome : undefined, "completed", name)
    }
    const update = {
      sessionUpdate: "tool_call_update",
      toolCallId: "c",
      status: "completed",
      title: "List",
      kind: "execute",
      content: [{ type: "content", content: { type: "text", text: "out" } }],
      locations: [{ path: "/a" }],
      rawInput: { command: "ls" },
      rawOutput: { exitCode: 0 }
    }
    const least = ["sessionId", "update.sessionUpdate", "update.toolCallId", "update.status"]
    each({ sessionId: "s", update, _meta: {} }, least, tell("session/update"), "ItemCompleted")
    const line = JSON.stringify({ jsonrpc: "2.0", id: "turn t", result: "odd" })
    assert.deepInclude(AcpWire.codec.parse(line), { _tag: "Notification", method: "session/prompt" })
  })

  it("T14 demo: a turn's end, an item's end, a withdrawn request", () => {
    const tell = (method: string) => (params: unknown) => [Demo.fromNotification(method, params)]
    const counts = { inputTokens: 1, outputTokens: 2 }
    each({ turn: "t", outcome: "completed", reason: "r", error: "e", usage: counts }, ["turn"], tell("turn/ended"), "TurnEnded")
    const item = { turn: "t", item: "i", kind: "command", status: "completed", content: { output: "x", exitCode: 0 } }
    each(item, ["turn", "item"], tell("item/completed"), "ItemCompleted")
    each({ request: "r", reason: "gone" }, ["request"], tell("request/cancelled"), "RequestResolved")
  })

  it("T14 openai: the end of an answer in both dialects", () => {
    const finishes = (dialect: OpenAi.Dialect) => (value: unknown) =>
      (OpenAi.decode(dialect, JSON.stringify(value)) ?? []).some(({ _tag }) => _tag === "Finish")
    const ending = (message: unknown, least: ReadonlyArray<string>, finished: (variant: unknown) => boolean) => {
      for (const [name, variant] of variants(message, least)) assert.isTrue(finished(variant), name)
    }
    const counts = { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3, prompt_tokens_details: { cached_tokens: 0 } }
    const choice = { index: 0, delta: { content: "", tool_calls: [] }, finish_reason: "stop", logprobs: null }
    const chunk = { id: "c", object: "chat.completion.chunk", created: 1, model: "m", choices: [choice], usage: counts }
    ending(chunk, ["choices.0.finish_reason"], finishes("chat"))
    const response = { id: "r", status: "completed", output: [], usage: { input_tokens: 1, output_tokens: 2 } }
    ending({ type: "response.completed", sequence_number: 9, response }, ["type"], finishes("responses"))
    ending({ type: "response.incomplete", sequence_number: 9, response }, ["type"], finishes("responses"))
  })
})
