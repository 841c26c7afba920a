/**
 * The format of exports and imports. An import is a transcript, not a replay: it contains only turns, items and requests that have ended. It starts
 * no work, and leaves nothing open.
 */
import { HttpApiSchema } from "@effect/platform"
import { Schema } from "effect"
import { AttachmentView } from "./Attachment.ts"
import { Blobs } from "./Blob.ts"
import { setting } from "./Settings.ts"
import { ItemId, RequestId, ThreadId, TurnId } from "./Ids.ts"
import { Answer, Ask, Failure, ItemContent, ItemKind, ItemRole, ItemStatus, PlanStep, RequestView, Usage } from "./Item.ts"
import { labelling } from "./Labels.ts"
import { TurnOrigin } from "./State.ts"

const text = Schema.String
const reason = Schema.optional(text)

/** The source of an imported thread. `from` and `threadId` identify it: a repeated import adds to the same thread. */
export const ImportSource = Schema.Struct({
  from: text.annotations({
    description: "The epoch of the exporting log, or the name of the agent that stored the conversation."
  }),
  threadId: text.annotations({ description: "The thread's id in that source." }),
  resumeKey: Schema.optional(text).annotations({ description: "The agent's key to continue the conversation." })
})
export type ImportSource = typeof ImportSource.Type

const turn = { threadId: ThreadId, turnId: TurnId }

/** Times in `data` are those of the source; the event's `at` is the time of the import. A later event with the same id replaces the earlier one. */
export const ImportedData = {
  "turn.imported": Schema.Struct({
    ...turn,
    status: Schema.Literal("completed", "interrupted", "failed"),
    origin: TurnOrigin,
    text,
    attachments: Schema.optional(Schema.Array(AttachmentView)),
    requestedAt: text,
    startedAt: Schema.optional(text),
    endedAt: Schema.optional(text),
    reason,
    error: Schema.optional(Failure),
    usage: Schema.optional(Usage),
    plan: Schema.optional(Schema.Array(PlanStep)),
    diff: Schema.optional(text),
    blobs: Schema.optional(Blobs),
    nativeTurnId: Schema.optional(text)
  }),
  "item.imported": Schema.extend(
    Schema.Struct({ ...turn, itemId: ItemId, kind: ItemKind, role: ItemRole, status: ItemStatus, reason }),
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
/** One turn, item or request of a transcript. */
export type Imported = {
  readonly [T in ImportedType]: { readonly type: T; readonly data: (typeof ImportedData)[T]["Type"] }
}[ImportedType]

/** The version of the export format that this server writes. It reads this version and older versions. */
export const exportVersion = 2

/** The first line of an ndjson export. A json export has the same fields, and the events. */
export const ExportHeader = Schema.Struct({
  millrace: Schema.Int,
  logEpoch: text,
  offset: Schema.Int.annotations({ description: "The log position at which the export was read." }),
  thread: Schema.Struct({
    threadId: ThreadId,
    title: text,
    provider: text,
    ...setting,
    cwd: text,
    ...labelling,
    createdAt: Schema.optional(text)
  })
})
export type ExportHeader = typeof ExportHeader.Type

export const ExportFormat = Schema.Literal("json", "markdown", "ndjson")
export type ExportFormat = typeof ExportFormat.Type

/** The result of an import. A repeated import adds only new and changed entries. */
export const ImportResult = Schema.Struct({
  threadId: ThreadId,
  created: Schema.Boolean.annotations({
    description: "`false`: the thread was imported before, or a thread of this server already has this conversation."
  }),
  turns: Schema.Int.annotations({ description: "Number of turns read. `items` and `requests` count in the same way." }),
  items: Schema.Int,
  requests: Schema.Int,
  written: Schema.Int.annotations({ description: "Number of these that were new or had changed." }),
  omitted: Schema.optional(text).annotations({
    description: "A sentence about the parts of this conversation that the agent does not report."
  })
}).annotations({ identifier: "ImportResult" })
export type ImportResult = typeof ImportResult.Type

/** The document is not a readable export. Nothing was written. */
export class ImportFailed extends Schema.TaggedError<ImportFailed>()(
  "ImportFailed",
  {
    message: text.annotations({ description: "What is wrong and what to do." }),
    reason: Schema.Literal("malformed", "newer", "truncated", "too-large"),
    line: Schema.Int.annotations({ description: "The line of the export, counted from 1." })
  },
  HttpApiSchema.annotations({ status: 422 })
) {}

/** The agent could not list or read its conversations. Nothing was written. */
export class ProviderUnavailable extends Schema.TaggedError<ProviderUnavailable>()(
  "ProviderUnavailable",
  { message: text, provider: text },
  HttpApiSchema.annotations({ status: 502 })
) {}

/** A conversation in the agent's own history. */
export const NativeThread = Schema.Struct({
  nativeThreadId: text,
  title: text,
  cwd: text,
  model: Schema.optional(text),
  createdAt: Schema.optional(text),
  updatedAt: Schema.optional(text)
}).annotations({ identifier: "NativeThread" })
export type NativeThread = typeof NativeThread.Type
