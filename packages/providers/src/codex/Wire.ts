/**
 * Decoders for the messages of `codex app-server` (0.169) that this adapter uses. An unknown method or shape decodes as `Other` with the params
 * unchanged, never as a failure; enum strings and item types are open.
 * Shapes follow `codex app-server generate-json-schema`; unused fields are omitted.
 */
import { Option, Schema } from "effect"
import { isRecord, loose, stringAt } from "../Fields.ts"

const text = Schema.String
const maybe = <A, I>(schema: Schema.Schema<A, I>) => Schema.optional(Schema.NullOr(schema))
const turnOf = { threadId: text, turnId: text }

/** `codexErrorInfo` is a string or an object with one key; both are open. */
export const TurnError = Schema.Struct({
  message: text,
  codexErrorInfo: Schema.optional(Schema.Unknown),
  additionalDetails: loose(text)
})
export type TurnError = typeof TurnError.Type

/**
 * `status`: inProgress | completed | interrupted | failed. `rootTurnId`: the turn that this one belongs to, mostly itself. Only the id is required, so that
 * a field of another shape does not hide the end of a turn (T14).
 */
export const Turn = Schema.Struct({ id: text, status: loose(text), error: loose(TurnError), rootTurnId: loose(text) })
export type Turn = typeof Turn.Type

/** Every item has `type` and `id`; the other fields depend on `type`, and `Items` reads them from `raw`. */
export interface Item {
  readonly type: string
  readonly id: string
  readonly raw: Readonly<Record<string, unknown>>
}

/** `diff`: the whole text for add and delete, a unified diff without file headers for update. */
export const Change = Schema.Struct({
  path: text,
  kind: Schema.Struct({ type: text, move_path: maybe(text) }),
  diff: Schema.optionalWith(text, { default: () => "" })
})
export type Change = typeof Change.Type

const Breakdown = Schema.Struct({
  totalTokens: Schema.Int,
  inputTokens: Schema.Int,
  cachedInputTokens: Schema.Int,
  outputTokens: Schema.Int,
  reasoningOutputTokens: Schema.Int
})
export type Breakdown = typeof Breakdown.Type

const UserQuestion = Schema.Struct({
  id: text,
  question: text,
  header: loose(text),
  isSecret: loose(Schema.Boolean),
  options: loose(Schema.Array(Schema.Struct({ label: text, description: loose(text) })))
})

const notifications = {
  "turn/started": Schema.Struct({ threadId: loose(text), turn: Turn }),
  "turn/completed": Schema.Struct({ threadId: loose(text), turn: Turn }),
  "turn/plan/updated": Schema.Struct({ ...turnOf, plan: Schema.Array(Schema.Struct({ step: text, status: text })) }),
  "turn/diff/updated": Schema.Struct({ ...turnOf, diff: text }),
  "thread/tokenUsage/updated": Schema.Struct({
    ...turnOf,
    tokenUsage: Schema.Struct({ total: Breakdown, last: Breakdown, modelContextWindow: maybe(Schema.Int) })
  }),
  "item/mcpToolCall/progress": Schema.Struct({ ...turnOf, itemId: text, message: text }),
  "item/reasoning/summaryPartAdded": Schema.Struct({ ...turnOf, itemId: text, summaryIndex: Schema.Int }),
  "item/fileChange/patchUpdated": Schema.Struct({ ...turnOf, itemId: text, changes: Schema.Array(Change) }),
  "thread/status/changed": Schema.Struct({ threadId: loose(text), status: Schema.Struct({ type: text }) }),
  "serverRequest/resolved": Schema.Struct({ threadId: loose(text), requestId: Schema.Union(text, Schema.Number) }),
  error: Schema.Struct({ threadId: loose(text), turnId: text, error: loose(TurnError), willRetry: loose(Schema.Boolean) })
} as const

const ask = { ...turnOf, itemId: text, reason: loose(text) }
const requests = {
  "item/commandExecution/requestApproval": Schema.Struct({
    ...ask,
    command: loose(text),
    cwd: loose(text),
    networkApprovalContext: loose(Schema.Unknown),
    additionalPermissions: loose(Schema.Unknown)
  }),
  "item/fileChange/requestApproval": Schema.Struct({ ...ask, grantRoot: loose(text) }),
  "item/permissions/requestApproval": Schema.Struct({ ...ask, cwd: loose(text), permissions: Schema.Unknown }),
  "item/tool/requestUserInput": Schema.Struct({ ...turnOf, itemId: text, questions: Schema.NonEmptyArray(UserQuestion) })
} as const

type Known<Table> = { [M in keyof Table]: { readonly method: M; readonly params: Schema.Schema.Type<Table[M]> } }[keyof Table]

/** Kind of the streamed item, by method of the delta. */
export const deltas = {
  "item/agentMessage/delta": "agent-message",
  "item/plan/delta": "plan",
  "item/reasoning/summaryTextDelta": "reasoning",
  "item/reasoning/textDelta": "reasoning",
  "item/commandExecution/outputDelta": "command",
  "item/fileChange/outputDelta": "file-change"
} as const
export type DeltaOf = (typeof deltas)[keyof typeof deltas]
const deltaKinds: ReadonlyMap<string, DeltaOf> = new Map(Object.entries(deltas))

/** `Other`: unknown, or of another thread of the same process (then without `turnId`). */
export type Notification =
  | ({ readonly _tag: "Known" } & Known<typeof notifications>)
  | { readonly _tag: "Delta"; readonly of: DeltaOf; readonly turnId: string; readonly itemId: string; readonly delta: string }
  | { readonly _tag: "Item"; readonly phase: "started" | "completed"; readonly turnId: string; readonly item: Item }
  | { readonly _tag: "Other"; readonly method: string; readonly turnId?: string; readonly params: unknown }

/** `foreign`: the request comes from another thread of the same process, such as a sub-agent. */
export type ServerRequest =
  | ({ readonly _tag: "Known"; readonly foreign: boolean } & Known<typeof requests>)
  | { readonly _tag: "Other"; readonly method: string; readonly turnId?: string; readonly params: unknown }

const decoders = <T extends Readonly<Record<string, Schema.Schema.AnyNoContext>>>(table: T) =>
  new Map(Object.entries(table).map(([method, schema]) => [method, Schema.decodeUnknownOption(schema)] as const))
const notificationDecoders = decoders(notifications)
const requestDecoders = decoders(requests)

const other = (method: string, params: unknown, foreign = false) => {
  const turnId = stringAt(params, "turnId")
  return { _tag: "Other", method, params, ...(turnId === undefined || foreign ? {} : { turnId }) } as const
}
/** Whether the params name another thread; without `threadId` they concern the process. */
const isForeign = (threadId: string, params: unknown) => {
  const named = stringAt(params, "threadId")
  return named !== undefined && named !== threadId
}

/** Decodes a delta without Schema, because this is the hot path (25,000 a second in a burst). */
const decodeDelta = (of: DeltaOf, params: unknown): Notification | undefined => {
  const turnId = stringAt(params, "turnId")
  const itemId = stringAt(params, "itemId")
  const delta = stringAt(params, "delta")
  return turnId === undefined || itemId === undefined || delta === undefined
    ? undefined
    : { _tag: "Delta", of, turnId, itemId, delta }
}

const decodeItem = (phase: "started" | "completed", params: unknown): Notification | undefined => {
  const turnId = stringAt(params, "turnId")
  const raw = isRecord(params) ? params["item"] : undefined
  // The completion of an item needs only its id: its kind is known from its start.
  const type = stringAt(raw, "type") ?? (phase === "completed" ? "unknown" : undefined)
  const id = stringAt(raw, "id")
  return turnId === undefined || type === undefined || id === undefined || !isRecord(raw)
    ? undefined
    : { _tag: "Item", phase, turnId, item: { type, id, raw } }
}

const fromTable = (table: ReadonlyMap<string, (u: unknown) => Option.Option<unknown>>, method: string, params: unknown) => {
  const decoded = table.get(method)?.(params) ?? Option.none()
  return Option.isSome(decoded) ? ({ _tag: "Known", method, params: decoded.value } as const) : undefined
}

/** `threadId`: the native thread of this session. Total. */
export const decodeNotification = (threadId: string, method: string, params: unknown): Notification => {
  // Request ids are unique in the process, so this is decoded for any thread.
  if (isForeign(threadId, params) && method !== "serverRequest/resolved") return other(method, params, true)
  const delta = deltaKinds.get(method)
  const known = delta
    ? decodeDelta(delta, params)
    : method === "item/started"
      ? decodeItem("started", params)
      : method === "item/completed"
        ? decodeItem("completed", params)
        : (fromTable(notificationDecoders, method, params) as Notification | undefined)
  return known ?? other(method, params)
}

/** `threadId`: the native thread of this session. Total. */
export const decodeRequest = (threadId: string, method: string, params: unknown): ServerRequest => {
  const foreign = isForeign(threadId, params)
  const known = fromTable(requestDecoders, method, params)
  return known ? ({ ...known, foreign } as ServerRequest) : other(method, params, foreign)
}

/** The fields that are read of the answers to our requests. */
export const InitializeAnswer = Schema.Struct({ userAgent: text })
export const ThreadAnswer = Schema.Struct({
  thread: Schema.Struct({ id: text }),
  model: maybe(text)
})
export const ConfigAnswer = Schema.Struct({
  config: Schema.Struct({
    model: maybe(text),
    model_reasoning_effort: maybe(text),
    sandbox_workspace_write: maybe(
      Schema.Struct({
        writable_roots: maybe(Schema.Array(text)),
        network_access: maybe(Schema.Boolean),
        exclude_tmpdir_env_var: maybe(Schema.Boolean),
        exclude_slash_tmp: maybe(Schema.Boolean)
      })
    )
  })
})
export const ModelsAnswer = Schema.Struct({
  data: Schema.Array(
    Schema.Struct({
      model: text,
      displayName: maybe(text),
      isDefault: maybe(Schema.Boolean),
      defaultReasoningEffort: maybe(text),
      supportedReasoningEfforts: maybe(Schema.Array(Schema.Struct({ reasoningEffort: text })))
    })
  )
})
export const TurnAnswer = Schema.Struct({ turn: Turn })
export const TerminalsAnswer = Schema.Struct({ data: Schema.Array(Schema.Struct({ itemId: text, processId: text })) })
export const AccountAnswer = Schema.Struct({
  account: Schema.optional(Schema.Unknown),
  requiresOpenaiAuth: Schema.Boolean
})
