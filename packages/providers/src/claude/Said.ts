/** What a message of `claude` says, decoded (Wire.ts). */
import { Schema } from "effect"
import type { Progress } from "@millrace/contracts/Signal"
import { loose } from "../Fields.ts"

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
  /** Present when a sub-agent sends the request. */
  agent_id: loose(Schema.String),
  description: loose(Schema.String),
  decision_reason: loose(Schema.String),
  blocked_path: loose(Schema.String),
  permission_suggestions: loose(Schema.Array(Schema.Record({ key: Schema.String, value: Schema.Unknown })))
})
export type CanUseTool = typeof CanUseTool.Type

/** The account's usage limit in `rate_limit_event`. `status`: allowed | allowed_warning | rejected. Times are seconds since 1970. */
export const Limit = Schema.Struct({
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
      readonly model: string | undefined
      readonly mode: string | undefined
    }
  /** The echo of a user message: Claude has taken it. */
  | { readonly _tag: "Taken"; readonly messageId: string }
  /** Claude has finished with a user message. `state`: completed | cancelled | discarded | refused | a value of a newer version. */
  | { readonly _tag: "Dropped"; readonly messageId: string; readonly state: string }
  | { readonly _tag: "Limit"; readonly uuid: string | undefined; readonly limit: Limit }
  /** A task of a tool begins; it may outlive the tool's result. */
  | { readonly _tag: "TaskStarted"; readonly taskId: string; readonly toolId: string | undefined }
  /** Background work has ended, or was lost. */
  | { readonly _tag: "Notified"; readonly taskId: string | undefined }
  | { readonly _tag: "TaskEnded"; readonly taskId: string }
  | { readonly _tag: "MessageStart"; readonly id: string; readonly tokens: Tokens }
  /** Token counts of the streaming message so far; only the fields that changed. */
  | { readonly _tag: "Counted"; readonly tokens: Tokens }
  /** Progress of a running tool. */
  | { readonly _tag: "Running"; readonly toolId: string; readonly data: Progress }
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
  /** A message of a sub-agent. `parentId`: the call that started it. */
  | {
      readonly _tag: "OfSubAgent"
      readonly parentId: string
      readonly said: Extract<Said, { readonly _tag: "Blocks" | "ToolResults" | "Running" }>
    }
  /** A known message that a later one repeats in a better form: it is dropped. */
  | { readonly _tag: "Progress" }
  | { readonly _tag: "Other" }
