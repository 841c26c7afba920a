/**
 * The errors that are sent to clients. Each message states what to do next. Each error has one HTTP status on every route.
 */
import { HttpApiSchema } from "@effect/platform"
import { Schema } from "effect"
import { TokenScope } from "./Access.ts"

const message = Schema.String.annotations({ description: "What happened and what to do next." })
const position = {
  logEpoch: Schema.String.annotations({ description: "The epoch of the server's log." }),
  head: Schema.Int.annotations({ description: "The last committed offset." })
}

export class BadRequest extends Schema.TaggedError<BadRequest>()(
  "BadRequest",
  { message, path: Schema.optional(Schema.String.annotations({ description: "The field or parameter that is wrong." })) },
  HttpApiSchema.annotations({ status: 400 })
) {}

export class Unauthorized extends Schema.TaggedError<Unauthorized>()(
  "Unauthorized",
  { message },
  HttpApiSchema.annotations({ status: 401 })
) {}

export class Forbidden extends Schema.TaggedError<Forbidden>()(
  "Forbidden",
  { message, scope: Schema.optional(TokenScope.annotations({ description: "The least token scope that permits the call." })) },
  HttpApiSchema.annotations({ status: 403 })
) {}

export class NotFound extends Schema.TaggedError<NotFound>()(
  "NotFound",
  { message, what: Schema.String, id: Schema.String },
  HttpApiSchema.annotations({ status: 404 })
) {}

export class PayloadTooLarge extends Schema.TaggedError<PayloadTooLarge>()(
  "PayloadTooLarge",
  { message, limitBytes: Schema.Int },
  HttpApiSchema.annotations({ status: 413 })
) {}

export class CursorMalformed extends Schema.TaggedError<CursorMalformed>()(
  "CursorMalformed",
  { message, cursor: Schema.String, logEpoch: Schema.optional(Schema.String), head: Schema.optional(Schema.Int) },
  HttpApiSchema.annotations({ status: 400 })
) {}

/** The cursor belongs to another incarnation of the log: take a snapshot and its cursor. */
export class CursorForeign extends Schema.TaggedError<CursorForeign>()(
  "CursorForeign",
  { message, ...position },
  HttpApiSchema.annotations({ status: 409 })
) {}

/** The cursor is beyond the head: the log was restored from an older copy, or the cursor was invented. */
export class CursorAhead extends Schema.TaggedError<CursorAhead>()(
  "CursorAhead",
  { message, ...position },
  HttpApiSchema.annotations({ status: 409 })
) {}

/** Retention has removed the events after the cursor. */
export class CursorExpired extends Schema.TaggedError<CursorExpired>()(
  "CursorExpired",
  { message, ...position },
  HttpApiSchema.annotations({ status: 410 })
) {}

export type CursorError = CursorMalformed | CursorForeign | CursorAhead | CursorExpired
export const CursorError = Schema.Union(CursorMalformed, CursorForeign, CursorAhead, CursorExpired)

/** The command id was used before with another body (C2). */
export class CommandIdConflict extends Schema.TaggedError<CommandIdConflict>()(
  "CommandIdConflict",
  { message, commandId: Schema.String },
  HttpApiSchema.annotations({ status: 409 })
) {}

/** The rules that can reject a command. The set is closed, so a client can switch on it. */
export const Rule = Schema.Literal(
  "ProjectNotFound",
  "ProjectNotEmpty",
  "ThreadNotFound",
  "ThreadArchived",
  "ThreadDeleted",
  "TurnNotFound",
  "TurnNotQueued",
  "TurnMismatch",
  "TurnActive",
  "QueueFull",
  "RequestNotFound",
  "DecisionNotOffered",
  "AmbiguousDecision",
  "AnswersIncomplete",
  "ProviderUnknown",
  "GoalNotFound",
  "GoalOver",
  "DirectoryNotFound",
  "BlobNotFound",
  "SecretNotFound",
  "AttachmentsTooLarge",
  "PromptEmpty",
  "TextTooLarge",
  "WorkspaceChanged",
  "NoCheckpoint",
  "WorktreeRefused",
  "NothingToCommit",
  "NothingToDiscard",
  "IdentityMissing",
  "MergeConflict",
  "GitRefused",
  "PullRequestRefused",
  "WiderThanParent",
  "ChildLimit",
  "Unsupported"
)
export type Rule = typeof Rule.Type

/** A rule of the domain rejected the command, which had no effect. The same command gets the same answer again. */
export class CommandRejected extends Schema.TaggedError<CommandRejected>()(
  "CommandRejected",
  {
    message,
    rule: Rule,
    id: Schema.optional(Schema.String.annotations({ description: "The id of the object that the rule names." }))
  },
  HttpApiSchema.annotations({ status: 422 })
) {}

/** A queue or a limit is full. The command had no effect. Send it again after `retryAfterMillis` (C3). */
export class Overloaded extends Schema.TaggedError<Overloaded>()(
  "Overloaded",
  { message, retryAfterMillis: Schema.Int },
  HttpApiSchema.annotations({ status: 429 })
) {}

/** The server is shutting down. The command had no effect. Send it again after the server's restart (S1). */
export class ShuttingDown extends Schema.TaggedError<ShuttingDown>()(
  "ShuttingDown",
  { message, retryAfterMillis: Schema.Int },
  HttpApiSchema.annotations({ status: 503 })
) {}

/** The log cannot be written or read now (disk full, I/O error). `GET /api/commands/ID` reports whether a command was committed (L9). */
export class StorageUnavailable extends Schema.TaggedError<StorageUnavailable>()(
  "StorageUnavailable",
  { message, retryAfterMillis: Schema.Int },
  HttpApiSchema.annotations({ status: 503 })
) {}

export type CommandError = CommandIdConflict | CommandRejected | Overloaded | ShuttingDown | StorageUnavailable
export const CommandError = Schema.Union(CommandIdConflict, CommandRejected, Overloaded, ShuttingDown, StorageUnavailable)
