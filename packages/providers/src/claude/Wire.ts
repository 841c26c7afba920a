/**
 * Decoders for the stream-json protocol of `claude` (2.1). `codec` maps its control protocol to requests and answers; every other message is a
 * notification whose method is the message's `type`. An unknown message decodes as `Other`, never as a failure.
 * No schema is published; shapes follow the recordings in test/claude/fixtures.
 */
import { defined } from "@millrace/contracts/Defined"
import { maxOffered, type Offered } from "@millrace/contracts/State"
import { cut } from "@millrace/contracts/Text"
import { Option, Schema } from "effect"
import { type Fields, isRecord, loose, stringAt } from "../Fields.ts"
import type { Codec, Message } from "../process/Message.ts"

/** Our request ids are numbers and Claude's are strings, so the two directions cannot be confused. */
const ours = "millrace-"
const ourId = (id: string): number | string => (id.startsWith(ours) ? Number(id.slice(ours.length)) : id)

const answerOf = (response: unknown): Message | undefined => {
  const id = stringAt(response, "request_id")
  if (id === undefined || !isRecord(response)) return undefined
  if (response["subtype"] === "success") return { _tag: "Result", id: ourId(id), result: response["response"] }
  return { _tag: "Error", id: ourId(id), code: 0, message: stringAt(response, "error") ?? "refused", data: undefined }
}

const parse = (line: string): Message | undefined => {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    return undefined
  }
  const type = stringAt(value, "type")
  if (type === undefined || !isRecord(value)) return undefined
  if (type === "control_response") return answerOf(value["response"])
  if (type !== "control_request") return { _tag: "Notification", method: type, params: value }
  const { request_id: id } = value
  const method = stringAt(value["request"], "subtype")
  return (typeof id !== "string" && typeof id !== "number") || method === undefined
    ? undefined
    : { _tag: "Request", id, method, params: value["request"] }
}

const spread = (params: unknown): Fields => (isRecord(params) ? params : {})

/** A control request's `subtype` is the method; a notification's method is the `type`. */
export const codec: Codec = {
  parse,
  encode: (message) => {
    if ("method" in message) {
      const { id, method, params } = message
      if (id === undefined) return JSON.stringify({ type: method, ...spread(params) })
      return JSON.stringify({
        type: "control_request",
        request_id: `${ours}${id}`,
        request: { subtype: method, ...spread(params) }
      })
    }
    const outcome =
      "error" in message
        ? { subtype: "error", request_id: message.id, error: message.error.message }
        : { subtype: "success", request_id: message.id, response: message.result }
    return JSON.stringify({ type: "control_response", response: outcome })
  }
}

export const Tokens = Schema.Struct({
  input_tokens: loose(Schema.Int),
  cache_creation_input_tokens: loose(Schema.Int),
  cache_read_input_tokens: loose(Schema.Int),
  output_tokens: loose(Schema.Int)
})
export type Tokens = typeof Tokens.Type

/**
 * The end of a turn; no field is required (T14). `subtype` is "success" even when the model answered 400: `is_error` decides, and a value of
 * it that is not a boolean is not a success (T11).
 */
export const Result = Schema.Struct({
  subtype: loose(Schema.String),
  is_error: loose(Schema.Boolean),
  result: loose(Schema.String),
  /** 0 when no model was called: a built-in command, or a notice of lost background work. */
  num_turns: loose(Schema.Number),
  /** Origin of the turn; absent when a person requested it. */
  origin: loose(Schema.Struct({ kind: Schema.String })),
  errors: loose(Schema.Array(Schema.String)),
  api_error_status: loose(Schema.Int),
  /** completed | aborted_streaming | aborted_tools | a value of a newer version. */
  terminal_reason: loose(Schema.String),
  usage: loose(Tokens),
  modelUsage: loose(Schema.Record({ key: Schema.String, value: Schema.Struct({ contextWindow: loose(Schema.Int) }) }))
})
export type Result = typeof Result.Type

/** `can_use_tool`. `permission_suggestions`: rule changes that would make the question unnecessary. */
export const CanUseTool = Schema.Struct({
  tool_name: Schema.String,
  input: Schema.Record({ key: Schema.String, value: Schema.Unknown }),
  tool_use_id: loose(Schema.String),
  /** Present when a subagent sends the request. */
  agent_id: loose(Schema.String),
  description: loose(Schema.String),
  decision_reason: loose(Schema.String),
  blocked_path: loose(Schema.String),
  permission_suggestions: loose(Schema.Array(Schema.Record({ key: Schema.String, value: Schema.Unknown })))
})
export type CanUseTool = typeof CanUseTool.Type

/** The account's usage limit in `rate_limit_event`. `status`: allowed | allowed_warning | rejected. Times are seconds since 1970. */
const Limit = Schema.Struct({
  status: Schema.String,
  resetsAt: loose(Schema.Number),
  rateLimitType: loose(Schema.String),
  utilization: loose(Schema.Number)
})
export type Limit = typeof Limit.Type

/** A complete content block of an `assistant` message. */
export type Block =
  | { readonly type: "text" | "thinking"; readonly text: string }
  | { readonly type: "tool_use"; readonly id: string; readonly name: string; readonly input: unknown }
  | { readonly type: "other"; readonly raw: unknown }

export interface ToolResult {
  readonly id: string
  readonly content: unknown
  readonly isError: boolean
}

export type Said =
  /** `messageIds`: the user messages that the turn takes. `names`: this version reports each message when it takes it. */
  | {
      readonly _tag: "Init"
      readonly sessionId: string | undefined
      readonly messageIds: ReadonlyArray<string>
      readonly names: boolean
    }
  /** The echo of a user message: Claude has taken it. */
  | { readonly _tag: "Taken"; readonly messageId: string }
  /** Claude has finished with a user message. `state`: completed | cancelled | discarded | refused | a value of a newer version. */
  | { readonly _tag: "Dropped"; readonly messageId: string; readonly state: string }
  | { readonly _tag: "Limit"; readonly uuid: string | undefined; readonly limit: Limit }
  /** A task of a tool begins; it may outlive the tool's result. */
  | { readonly _tag: "TaskStarted"; readonly taskId: string; readonly toolId: string | undefined }
  /** Background work has ended, or was lost. */
  | { readonly _tag: "Notified" }
  | { readonly _tag: "MessageStart"; readonly id: string; readonly tokens: Tokens }
  /** Token counts of the streaming message so far; only the fields that changed. */
  | { readonly _tag: "Counted"; readonly tokens: Tokens }
  /** Progress of a running tool. */
  | { readonly _tag: "Running"; readonly toolId: string; readonly elapsedMillis: number | undefined; readonly text?: string }
  /** `text` or `thinking`; the whole block follows as `Blocks`. */
  | { readonly _tag: "Delta"; readonly type: "text" | "thinking"; readonly index: number; readonly text: string }
  | {
      readonly _tag: "Blocks"
      readonly messageId: string
      readonly uuid: string
      readonly blocks: ReadonlyArray<Block>
      readonly error?: string
    }
  /** `detail`: the tool's structured result, in addition to the text for the model. */
  | { readonly _tag: "ToolResults"; readonly results: ReadonlyArray<ToolResult>; readonly detail: unknown }
  | { readonly _tag: "Compacted"; readonly uuid: string; readonly metadata: unknown }
  /** A compaction failed; the turn's result does not show it. */
  | { readonly _tag: "NotCompacted"; readonly message: string }
  | { readonly _tag: "Result"; readonly result: Result; readonly messageIds: ReadonlyArray<string> }
  | { readonly _tag: "Cancelled"; readonly requestId: string }
  /** A known message that a later one repeats in a better form: it is dropped. */
  | { readonly _tag: "Progress" }
  | { readonly _tag: "Other" }

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
        names: arrayAt(message, "capabilities").includes("msg_lifecycle_v1")
      }
    case "task_started": {
      const taskId = stringAt(message, "task_id")
      return taskId === undefined ? other : { _tag: "TaskStarted", taskId, toolId: stringAt(message, "tool_use_id") }
    }
    case "task_notification":
      return { _tag: "Notified" }
    // What a subagent does, for the tool that started it.
    case "task_progress": {
      const toolId = stringAt(message, "tool_use_id")
      const text = stringAt(message, "description")
      return toolId === undefined || text === undefined ? other : { _tag: "Running", toolId, elapsedMillis: undefined, text }
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

/** Decodes a message. Total. A message of a subagent (`parent_tool_use_id`) is `Other`: it is not part of this conversation. */
export const decode = (type: string, params: unknown): Said => {
  if (!isRecord(params) || (stringAt(params, "parent_tool_use_id") ?? "") !== "") return other
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
        : { _tag: "Running", toolId, elapsedMillis: Math.round(seconds * 1000) }
    }
    case "keep_alive":
      return progress
    default:
      return other
  }
}

export const decodeAsk = (method: string, params: unknown): CanUseTool | undefined =>
  method === "can_use_tool" ? Option.getOrUndefined(decodeCanUseTool(params)) : undefined

const InitializeAnswer = Schema.Struct({
  models: loose(
    Schema.Array(
      Schema.Struct({
        value: Schema.String,
        displayName: loose(Schema.String),
        supportedEffortLevels: loose(Schema.Array(Schema.String))
      })
    )
  ),
  commands: loose(Schema.Array(Schema.Struct({ name: Schema.String, description: loose(Schema.String) })))
})

/** What Claude's answer to `initialize` offers: models with their efforts, and slash commands. Total: an unknown shape offers nothing. */
export const offeredBy = (answer: unknown): Offered =>
  Option.match(Schema.decodeUnknownOption(InitializeAnswer)(answer), {
    onNone: () => ({}),
    onSome: ({ commands, models }) =>
      defined({
        models: models
          ?.slice(0, maxOffered)
          .map(({ displayName, supportedEffortLevels: efforts, value }) =>
            defined({ id: value, name: displayName ?? value, efforts: efforts ?? undefined })
          ),
        commands: commands
          ?.slice(0, maxOffered)
          .map(({ description, name }) => ({ name, description: cut(description ?? "", 500) }))
      })
  })
