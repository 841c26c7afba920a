/**
 * Decoders for the stream-json messages of `claude` (2.1). An unknown message decodes as `Other`, never as a failure.
 * No schema is published; shapes follow the recordings in test/claude/fixtures.
 */
import { Option, Schema } from "effect"
import { type Fields, isRecord, stringAt } from "../Fields.ts"
import { type Block, CanUseTool, Limit, Result, type Said, Tokens, type ToolResult } from "./Said.ts"

const other: Said = { _tag: "Other" }
const progress: Said = { _tag: "Progress" }
const decodeLimit = Schema.decodeUnknownOption(Limit)
const decodeResult = Schema.decodeUnknownOption(Result)
const decodeTokens = (usage: unknown): Tokens => Option.getOrElse(tokensOf(usage), () => ({}))
const tokensOf = Schema.decodeUnknownOption(Tokens)
const decodeCanUseTool = Schema.decodeUnknownOption(CanUseTool)

const arrayAt = (value: unknown, key: string): ReadonlyArray<unknown> => {
  const found = isRecord(value) ? value[key] : undefined
  return Array.isArray(found) ? found : []
}

/** Content of a message: a list of blocks; a single block or a text counts as a list of one. */
const contentOf = (message: unknown): ReadonlyArray<unknown> => {
  const content = isRecord(message) ? message["content"] : undefined
  if (typeof content === "string") return content === "" ? [] : [{ type: "text", text: content }]
  return isRecord(content) ? [content] : arrayAt(message, "content")
}

/** The text of a `result`: a text, or text blocks. */
const resultText = (result: unknown): unknown =>
  typeof result === "object"
    ? contentOf({ content: result })
        .map((raw) => stringAt(raw, "text") ?? "")
        .join("")
    : result

/** Ids of the user messages that a message reports as taken. */
const messageIdsOf = (message: Fields): ReadonlyArray<string> =>
  [message["user_message_uuid"], ...arrayAt(message, "user_message_uuids")].filter((id) => typeof id === "string")

const lifecycle = (message: Fields): Said => {
  const messageId = stringAt(message, "command_uuid")
  const state = stringAt(message, "state")
  if (messageId === undefined || state === undefined) return other
  if (state === "queued") return progress
  return state === "started" ? { _tag: "Taken", messageId } : { _tag: "Dropped", messageId, state }
}

/** Stream events that are dropped: a block is complete with its `assistant` message, which may come before or after `content_block_stop`. */
const superseded: ReadonlySet<string> = new Set(["content_block_start", "content_block_stop", "message_stop"])

/** Decodes without Schema, because this is the hot path. */
const streamEvent = (event: unknown): Said => {
  if (!isRecord(event)) return other
  const { delta, index, message, type, usage } = event
  if (type === "content_block_delta" && typeof index === "number") {
    const of = stringAt(delta, "type")
    const key = of === "text_delta" ? "text" : of === "thinking_delta" ? "thinking" : undefined
    const text = key === undefined ? undefined : stringAt(delta, key)
    if (key !== undefined && text !== undefined) return { _tag: "Delta", type: key, index, text }
    return of === "input_json_delta" || of === "signature_delta" ? progress : other
  }
  const id = stringAt(message, "id")
  if (type === "message_start" && id !== undefined)
    return { _tag: "MessageStart", id, tokens: decodeTokens(isRecord(message) ? message["usage"] : undefined) }
  if (type === "message_delta") return { _tag: "Counted", tokens: decodeTokens(usage) }
  return typeof type === "string" && superseded.has(type) ? progress : other
}

const block = (raw: unknown): Block => {
  const type = stringAt(raw, "type")
  const text = type === "text" || type === "thinking" ? stringAt(raw, type) : undefined
  if (text !== undefined && (type === "text" || type === "thinking")) return { type, text }
  const id = stringAt(raw, "id")
  const name = stringAt(raw, "name")
  return type === "tool_use" && id !== undefined && name !== undefined && isRecord(raw)
    ? { type, id, name, input: raw["input"] }
    : { type: "other", raw }
}

/** Also reads a line of a stored conversation. */
export const assistant = (message: Fields): Said => {
  const messageId = stringAt(message["message"], "id")
  const uuid = stringAt(message, "uuid")
  if (messageId === undefined || uuid === undefined) return other
  const error = stringAt(message, "error")
  const blocks = contentOf(message["message"]).map(block)
  return { _tag: "Blocks", messageId, uuid, blocks, ...(error === undefined ? {} : { error }) }
}

/** The results of tools in a user message. */
export const resultsOf = (message: unknown): ReadonlyArray<ToolResult> =>
  arrayAt(message, "content").flatMap((raw): ReadonlyArray<ToolResult> => {
    const id = stringAt(raw, "tool_use_id")
    return stringAt(raw, "type") === "tool_result" && id !== undefined && isRecord(raw)
      ? [{ id, content: raw["content"], isError: raw["is_error"] === true }]
      : []
  })

const user = (message: Fields): Said => {
  const uuid = stringAt(message, "uuid")
  if (message["isReplay"] === true && uuid !== undefined) return { _tag: "Taken", messageId: uuid }
  const results = resultsOf(message["message"])
  return results.length === 0 ? other : { _tag: "ToolResults", results, detail: message["tool_use_result"] }
}

const system = (message: Fields): Said => {
  switch (message["subtype"]) {
    case "init":
      return {
        _tag: "Init",
        sessionId: stringAt(message, "session_id"),
        messageIds: messageIdsOf(message),
        names: arrayAt(message, "capabilities").includes("msg_lifecycle_v1"),
        model: stringAt(message, "model"),
        mode: stringAt(message, "permissionMode")
      }
    case "task_started": {
      const taskId = stringAt(message, "task_id")
      return taskId === undefined ? other : { _tag: "TaskStarted", taskId, toolId: stringAt(message, "tool_use_id") }
    }
    case "task_notification":
      return { _tag: "Notified", taskId: stringAt(message, "task_id") }
    case "task_updated": {
      const taskId = stringAt(message, "task_id")
      const status = stringAt(message["patch"], "status")
      return taskId === undefined || status === undefined || status === "running" || status === "pending"
        ? other
        : { _tag: "TaskEnded", taskId }
    }
    // What a sub-agent does, for the tool that started it.
    case "task_progress": {
      const toolId = stringAt(message, "tool_use_id")
      const text = stringAt(message, "description")
      return toolId === undefined || text === undefined ? other : { _tag: "Running", toolId, data: { text } }
    }
    case "status":
      return message["compact_result"] === "failed"
        ? { _tag: "NotCompacted", message: stringAt(message, "compact_error") ?? "Claude could not compact the conversation." }
        : progress
    case "thinking_tokens":
      return progress
    case "compact_boundary":
      return { _tag: "Compacted", uuid: stringAt(message, "uuid") ?? "compaction", metadata: message["compact_metadata"] }
    default:
      return other
  }
}

/** A message of a sub-agent. Its whole messages follow its stream events, and its prompt is the input of the call that started it. */
const ofSubAgent = (parentId: string, type: string, params: Fields): Said => {
  if (type === "stream_event" || (type === "user" && resultsOf(params["message"]).length === 0)) return progress
  const said = decode(type, { ...params, parent_tool_use_id: null, isReplay: false })
  return said._tag === "Blocks" || said._tag === "ToolResults" || said._tag === "Running"
    ? { _tag: "OfSubAgent", parentId, said }
    : other
}

/** Decodes a message. Total. */
export const decode = (type: string, params: unknown): Said => {
  if (!isRecord(params)) return other
  const parentId = stringAt(params, "parent_tool_use_id") ?? ""
  if (parentId !== "") return ofSubAgent(parentId, type, params)
  switch (type) {
    case "stream_event":
      return streamEvent(params["event"])
    case "assistant":
      return assistant(params)
    case "user":
      return user(params)
    case "system":
      return system(params)
    case "result":
      return Option.match(decodeResult({ ...params, result: resultText(params["result"]) }), {
        onNone: () => other,
        onSome: (result): Said => ({ _tag: "Result", result, messageIds: messageIdsOf(params) })
      })
    case "rate_limit_event":
      return Option.match(decodeLimit(params["rate_limit_info"]), {
        onNone: () => other,
        onSome: (limit): Said => ({ _tag: "Limit", uuid: stringAt(params, "uuid"), limit })
      })
    case "command_lifecycle":
      return lifecycle(params)
    case "control_cancel_request": {
      const requestId = stringAt(params, "request_id")
      return requestId === undefined ? other : { _tag: "Cancelled", requestId }
    }
    case "tool_progress": {
      const toolId = stringAt(params, "tool_use_id")
      const seconds = params["elapsed_time_seconds"]
      return toolId === undefined || typeof seconds !== "number"
        ? other
        : { _tag: "Running", toolId, data: { elapsedMillis: Math.round(seconds * 1000) } }
    }
    case "keep_alive":
      return progress
    default:
      return other
  }
}

export const decodeAsk = (method: string, params: unknown): CanUseTool | undefined =>
  method === "can_use_tool" ? Option.getOrUndefined(decodeCanUseTool(params)) : undefined
