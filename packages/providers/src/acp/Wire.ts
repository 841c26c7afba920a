/**
 * Decoders for the Agent Client Protocol (version 1). An unknown update decodes as `Other`, never as a failure; tool kinds and stop reasons are open
 * strings.
 */
import type { SessionUpdate } from "@agentclientprotocol/sdk"
import { Array, Option, Schema } from "effect"
import { type Fields, isRecord, loose, stringAt } from "../Fields.ts"
import * as Message from "../process/Message.ts"

const json = Message.codec("jsonrpc")
const promptId = "turn "

/**
 * JSON-RPC with one difference: `session/prompt` is sent with `notify`, and its answer is parsed as a notification of that name. The answer is the
 * end of the turn: it must come after the updates of the turn, and it has no deadline. The request id is made from `nativeTurnId`.
 */
export const codec: Message.Codec = {
  parse: (line) => {
    const message = json.parse(line)
    if (message?._tag !== "Result" && message?._tag !== "Error") return message
    if (typeof message.id !== "string" || !message.id.startsWith(promptId)) return message
    const nativeTurnId = message.id.slice(promptId.length)
    const { _tag, id: _, ...said } = message
    const params = _tag === "Result" && "result" in said ? { nativeTurnId, result: said.result } : { nativeTurnId, error: said }
    return { _tag: "Notification", method: "session/prompt", params }
  },
  encode: (message) => {
    if (!("method" in message) || message.method !== "session/prompt" || !isRecord(message.params)) return json.encode(message)
    const { nativeTurnId, ...params } = message.params
    return json.encode({ id: `${promptId}${String(nativeTurnId)}`, method: message.method, params })
  }
}

const text = Schema.String
const maybe = <A, I>(schema: Schema.Schema<A, I>) => Schema.optional(Schema.NullOr(schema))
const bag = Schema.Record({ key: Schema.String, value: Schema.Unknown })

/** A tool call or an update of one; only `toolCallId` is required (T14). An update has the changed fields; its `content` replaces the earlier one. */
export const ToolCall = Schema.Struct({
  toolCallId: text,
  title: loose(text),
  kind: loose(text),
  status: loose(text),
  content: loose(Schema.Array(bag)),
  locations: loose(Schema.Array(bag)),
  rawInput: Schema.optional(Schema.Unknown),
  rawOutput: Schema.optional(Schema.Unknown)
})
export type ToolCall = typeof ToolCall.Type

const PermissionOption = Schema.Struct({ optionId: text.pipe(Schema.maxLength(1000)), name: maybe(text), kind: maybe(text) })
export type PermissionOption = typeof PermissionOption.Type

const Permission = Schema.Struct({ sessionId: text, toolCall: ToolCall, options: Schema.Array(Schema.Unknown) })
export interface Permission extends Omit<typeof Permission.Type, "options"> {
  /** The options that an answer can name: with an id, each id once. */
  readonly options: ReadonlyArray<PermissionOption>
}

const Plan = Schema.Struct({ entries: Schema.Array(Schema.Struct({ content: text, status: maybe(text) })) })
const Commands = Schema.Struct({ availableCommands: Schema.Array(Schema.Struct({ name: text, description: maybe(text) })) })
const Used = Schema.Struct({ used: maybe(Schema.Int), size: maybe(Schema.Int) })

export type Update =
  | { readonly _tag: "Text"; readonly of: "agent-message" | "reasoning"; readonly text: string; readonly messageId?: string }
  /** The echo of a user message. */
  | { readonly _tag: "Echo" }
  | { readonly _tag: "Tool"; readonly call: ToolCall }
  | { readonly _tag: "Plan"; readonly entries: (typeof Plan.Type)["entries"] }
  | { readonly _tag: "Used"; readonly contextTokens: number | undefined; readonly contextWindow: number | undefined }
  | { readonly _tag: "Commands"; readonly commands: (typeof Commands.Type)["availableCommands"] }
  | { readonly _tag: "Mode"; readonly mode: string }
  /** The values of the agent's options. */
  | { readonly _tag: "Options"; readonly settings: Settings }
  | { readonly _tag: "Other" }

const other: Update = { _tag: "Other" }
const decodeTool = Schema.decodeUnknownOption(ToolCall)
const decodePlan = Schema.decodeUnknownOption(Plan)
const decodeCommands = Schema.decodeUnknownOption(Commands)
const decodeUsed = Schema.decodeUnknownOption(Used)
const decodePermission = Schema.decodeUnknownOption(Permission)
const decodeOption = Schema.decodeUnknownOption(PermissionOption)

const chunk = (of: "agent-message" | "reasoning", update: Fields): Update => {
  const { content } = update
  const said = stringAt(content, "type") === "text" ? stringAt(content, "text") : undefined
  const messageId = stringAt(update, "messageId")
  return said === undefined ? other : { _tag: "Text", of, text: said, ...(messageId === undefined ? {} : { messageId }) }
}

const textPart = (text: string) => ({ type: "content", content: { type: "text", text } })

/** The tool call with its `content` as a list of parts. Agents also send a text, a single part, or a list with texts in it. */
const withParts = (call: Fields): Fields => {
  const { content } = call
  if (content === undefined || content === null) return call
  const parts: ReadonlyArray<unknown> = Array.isArray(content) ? content : [content]
  return { ...call, content: parts.map((part) => (typeof part === "string" ? textPart(part) : part)) }
}

const tool = (update: Fields): Update =>
  Option.match(decodeTool(withParts(update)), { onNone: () => other, onSome: (call): Update => ({ _tag: "Tool", call }) })

/** The updates that are read, by the protocol's names. */
const decoders: Partial<Record<SessionUpdate["sessionUpdate"], (update: Fields) => Update>> = {
  agent_message_chunk: (update) => chunk("agent-message", update),
  agent_thought_chunk: (update) => chunk("reasoning", update),
  user_message_chunk: () => ({ _tag: "Echo" }),
  tool_call: tool,
  tool_call_update: tool,
  plan: (update) =>
    Option.match(decodePlan(update), { onNone: () => other, onSome: ({ entries }): Update => ({ _tag: "Plan", entries }) }),
  available_commands_update: (update) =>
    Option.match(decodeCommands(update), {
      onNone: () => other,
      onSome: ({ availableCommands }): Update => ({ _tag: "Commands", commands: availableCommands })
    }),
  current_mode_update: (update) => {
    const mode = stringAt(update, "currentModeId")
    return mode === undefined ? other : { _tag: "Mode", mode }
  },
  usage_update: (update) =>
    Option.match(decodeUsed(update), {
      onNone: () => other,
      onSome: ({ size, used }): Update => ({ _tag: "Used", contextTokens: used ?? undefined, contextWindow: size ?? undefined })
    })
}
decoders.config_option_update = (update) =>
  Option.match(Schema.decodeUnknownOption(Schema.Struct(settings))(update), {
    onNone: () => other,
    onSome: (decoded): Update => ({ _tag: "Options", settings: decoded })
  })
const decoderOf = new Map(Object.entries(decoders))

/** Decodes a `session/update`. An update of another session than `sessionId` is `Other`. Never throws. */
export const decodeUpdate = (sessionId: string, params: unknown): Update => {
  const update = isRecord(params) && params["sessionId"] === sessionId ? params["update"] : undefined
  return isRecord(update) ? (decoderOf.get(stringAt(update, "sessionUpdate") ?? "")?.(update) ?? other) : other
}

/** The options with a valid id, each id once, at most 50. */
const optionsOf = (given: ReadonlyArray<unknown>): ReadonlyArray<PermissionOption> =>
  Array.dedupeWith(
    given.flatMap((option) => Option.toArray(decodeOption(option))),
    (one, other) => one.optionId === other.optionId
  ).slice(0, 50)

/**
 * Decodes a permission request; `undefined`: another method, another session or another shape. `itemId`: the id of a tool call that has none, so that
 * a person sees the request.
 */
export const decodeAsk = (sessionId: string, method: string, params: unknown, itemId: string): Permission | undefined => {
  if (method !== "session/request_permission" || !isRecord(params)) return undefined
  const { toolCall = {} } = params
  const known = isRecord(toolCall) ? { ...withParts(toolCall), toolCallId: stringAt(toolCall, "toolCallId") ?? itemId } : toolCall
  const asked = Option.getOrUndefined(decodePermission({ ...params, toolCall: known }))
  return asked?.sessionId === sessionId ? { ...asked, options: optionsOf(asked.options) } : undefined
}

const Count = loose(Schema.Int)
/** The answer to a prompt. `stopReason`: end_turn | max_tokens | max_turn_requests | refusal | cancelled. */
export const Stopped = Schema.Struct({
  stopReason: text,
  usage: loose(
    Schema.Struct({
      inputTokens: Count,
      outputTokens: Count,
      totalTokens: Count,
      thoughtTokens: Count,
      cachedReadTokens: Count
    })
  )
})
export type Stopped = typeof Stopped.Type
export const decodeStopped = Schema.decodeUnknownOption(Stopped)

const Ability = Schema.optional(Schema.Unknown)
export const InitializeAnswer = Schema.Struct({
  protocolVersion: Schema.Int,
  agentCapabilities: maybe(
    Schema.Struct({
      loadSession: maybe(Schema.Boolean),
      mcpCapabilities: maybe(Schema.Struct({ http: maybe(Schema.Boolean) })),
      promptCapabilities: maybe(Schema.Struct({ image: maybe(Schema.Boolean) })),
      sessionCapabilities: maybe(Schema.Struct({ resume: Ability, fork: Ability }))
    })
  ),
  authMethods: maybe(Schema.Array(Schema.Struct({ id: maybe(text), name: maybe(text), description: maybe(text) }))),
  agentInfo: maybe(Schema.Struct({ name: maybe(text), version: maybe(text) }))
})
export type InitializeAnswer = typeof InitializeAnswer.Type

const settings = {
  configOptions: maybe(
    Schema.Array(
      Schema.Struct({
        id: text,
        category: maybe(text),
        currentValue: Schema.optional(Schema.Unknown),
        options: maybe(Schema.Array(Schema.Struct({ value: maybe(text), name: maybe(text) })))
      })
    )
  ),
  /** How older agents offer modes. */
  modes: maybe(Schema.Struct({ availableModes: Schema.Array(Schema.Struct({ id: text })), currentModeId: maybe(text) })),
  /** How older agents offer models. */
  models: Schema.optional(Schema.Unknown)
}
export const NewAnswer = Schema.Struct({ sessionId: text, ...settings })
export const LoadAnswer = Schema.NullOr(Schema.Struct(settings))
/** The answer to a choice; newer agents answer with all choices. */
export const decodeChosen = Schema.decodeUnknownOption(Schema.Struct({ configOptions: settings.configOptions }))
export type Settings = Omit<typeof NewAnswer.Type, "sessionId">
