/**
 * What goes out as an export and comes in as an import. An import is a transcript, not a replay: what ended, as it ended. Nothing of it is an
 * intent, and nothing of it is ever open.
 */
import { HttpApiSchema } from "@effect/platform"
import { Schema } from "effect"
import { ModelName } from "./Command.ts"
import { ItemId, RequestId, ThreadId, TurnId } from "./Ids.ts"
import { Answer, Ask, Failure, ItemContent, ItemKind, ItemStatus, PlanStep, RequestView, Usage } from "./Item.ts"
import { labelling } from "./Labels.ts"
import { TurnOrigin } from "./State.ts"

const text = Schema.String
const reason = Schema.optional(text)

/** Where an imported thread comes from. `from` + `threadId` is its identity: the same again is the same thread. */
export const ImportSource = Schema.Struct({
  from: text.annotations({
    description: "The epoch of the log it was exported from, or the name of the agent whose own history it is."
  }),
  threadId: text.annotations({ description: "Its id there." }),
  resumeKey: Schema.optional(text).annotations({ description: "What the agent needs to go on with it." })
})
export type ImportSource = typeof ImportSource.Type

const turn = { threadId: ThreadId, turnId: TurnId }

/** The times are those of the first time; when it was imported is the event's own `at`. The same id again replaces it. */
export const ImportedData = {
  "turn.imported": Schema.Struct({
    ...turn,
    status: Schema.Literal("completed", "interrupted", "failed"),
    origin: TurnOrigin,
    text,
    requestedAt: text,
    startedAt: Schema.optional(text),
    endedAt: Schema.optional(text),
    reason,
    error: Schema.optional(Failure),
    usage: Schema.optional(Usage),
    plan: Schema.optional(Schema.Array(PlanStep)),
    diff: Schema.optional(text),
    nativeTurnId: Schema.optional(text)
  }),
  "item.imported": Schema.extend(
    Schema.Struct({ ...turn, itemId: ItemId, kind: ItemKind, status: ItemStatus, reason }),
    ItemContent
  ),
  "request.imported": Schema.Struct({
    ...turn,
    requestId: RequestId,
    status: RequestView.fields.status.pipe(Schema.pickLiteral("answered", "expired", "cancelled")),
    ask: Ask,
    openedAt: text,
    answer: Schema.optional(Answer),
    by: Schema.optional(text),
    reason
  })
} as const
export type ImportedType = keyof typeof ImportedData
/** One piece of a transcript. */
export type Imported = {
  readonly [T in ImportedType]: { readonly type: T; readonly data: (typeof ImportedData)[T]["Type"] }
}[ImportedType]

/** The version of the format that this server writes; it reads all up to it. */
export const exportVersion = 1

/** The first line of an export, and the whole of it but its events. */
export const ExportHeader = Schema.Struct({
  millrace: Schema.Int,
  logEpoch: text,
  offset: Schema.Int.annotations({ description: "The position of the log that it was read at." }),
  thread: Schema.Struct({
    threadId: ThreadId,
    title: text,
    provider: text,
    model: Schema.optional(ModelName),
    cwd: text,
    ...labelling,
    createdAt: Schema.optional(text)
  })
})
export type ExportHeader = typeof ExportHeader.Type

export const ExportFormat = Schema.Literal("json", "markdown", "ndjson")
export type ExportFormat = typeof ExportFormat.Type

/** What an import did. Doing it again adds only what is new. */
export const ImportResult = Schema.Struct({
  threadId: ThreadId,
  created: Schema.Boolean.annotations({
    description: "`false`: the thread was imported before, or is the one of this server that has this conversation."
  }),
  turns: Schema.Int.annotations({ description: "Turns, items and requests that were read." }),
  items: Schema.Int,
  requests: Schema.Int,
  written: Schema.Int.annotations({ description: "Of these, what was new or had changed." })
})
export type ImportResult = typeof ImportResult.Type

/** This is no export that can be read. Nothing was written. */
export class ImportFailed extends Schema.TaggedError<ImportFailed>()(
  "ImportFailed",
  {
    message: text.annotations({ description: "What is wrong and what to do." }),
    reason: Schema.Literal("malformed", "newer", "truncated", "too-large"),
    line: Schema.Int.annotations({ description: "The line of the export, from 1." })
  },
  HttpApiSchema.annotations({ status: 422 })
) {}

/** The agent could not tell of its conversations. Nothing was written. */
export class ProviderUnavailable extends Schema.TaggedError<ProviderUnavailable>()(
  "ProviderUnavailable",
  { message: text, provider: text },
  HttpApiSchema.annotations({ status: 502 })
) {}

/** A conversation as its agent keeps it. */
export const NativeThread = Schema.Struct({
  nativeThreadId: text,
  title: text,
  cwd: text,
  model: Schema.optional(text),
  createdAt: Schema.optional(text),
  updatedAt: Schema.optional(text)
})
export type NativeThread = typeof NativeThread.Type
