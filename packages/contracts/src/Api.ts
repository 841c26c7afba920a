/** The HTTP interface (docs/interface.md). The server answers `events` with its own handler, because it streams. */
import { HttpApiEndpoint, HttpApiGroup, OpenApi } from "@effect/platform"
import { Schema } from "effect"
import { ProcessView, TokenView } from "./Access.ts"
import { Blob } from "./Blob.ts"
import { Capabilities } from "./Capabilities.ts"
import { Accepted, Command, CommandBody, CommandStatus } from "./Command.ts"
import * as Errors from "./Errors.ts"
import { Streams, ThreadFilter } from "./Filter.ts"
import { RequestId, ThreadId, TurnId } from "./Ids.ts"
import { ExportFormat, ImportFailed, ImportResult, NativeThread, ProviderUnavailable } from "./Import.ts"
import { ItemView, RequestView } from "./Item.ts"
import { LogEvent } from "./Event.ts"
import { SearchFilter, SearchPage } from "./Search.ts"
import { LogUsage } from "./LogUsage.ts"
import { LogWork, PruneRequest } from "./LogWork.ts"
import {
  Diff,
  DiffFrom,
  DiffTo,
  FoundFiles,
  GitSummary,
  maxFoundFiles,
  RewindPreview,
  RewindRequest,
  Worktree
} from "./Workspace.ts"
import { PageOf, ProviderStatus, Snapshot, ThreadView, TurnView } from "./State.ts"

/** Times are milliseconds since 1970 by the server's clock. A repeated request gets the values of the first one (S7). */
export const ShutdownBegun = Schema.Struct({
  beganAt: Schema.Number,
  deadlineAt: Schema.Number.annotations({ description: "At this time all work is settled or abandoned." }),
  mode: Schema.Literal("drain", "now"),
  by: Schema.optional(
    Schema.String.annotations({
      description: "The sender of the request; absent for a signal, the parent process or an embedder."
    })
  )
}).annotations({ identifier: "ShutdownBegun" })
export type ShutdownBegun = typeof ShutdownBegun.Type

const thread = Schema.Struct({ id: ThreadId })
/** A positive integer in decimal digits. `Number` alone would also accept "0x10", "1e2" and "". */
const count = (name: string, most?: number) =>
  Schema.optional(
    Schema.compose(
      Schema.String.pipe(
        Schema.pattern(/^(?!0+$)[0-9]{1,15}$/, {
          message: () => `${name} must be a whole number, ${most === undefined ? "1 or more" : `from 1 to ${most}`}`
        }),
        Schema.filter((digits) => most === undefined || Number(digits) <= most || `${name} must be at most ${most}`)
      ),
      Schema.NumberFromString
    ).annotations({ jsonSchema: { type: "integer", minimum: 1, ...(most === undefined ? {} : { maximum: most }) } })
  )
/** Replaces the message of the first of several accepted values. */
const wording = (message: string) => () => ({ message, override: true })
const hunks = Schema.optional(Schema.Literal("0", "1").annotations({ message: wording("hunks must be 0 or 1") })).annotations({
  description: "1: with the changed lines of each file."
})
const diffDescription =
  "With `Accept: text/x-diff` the unified diff, at most 8 MiB; a longer one is cut and has the header `x-millrace-truncated`. The header `x-millrace-late` stands for `late` of the JSON. 422 `NoCheckpoint` if a state of the files is not stored."
/** A whole number. The server parses it itself. */
const whole = Schema.String.annotations({ jsonSchema: { type: "integer", minimum: 0 } })
/** Seconds in decimal digits; 0 = none. */
const seconds = (name: string) =>
  Schema.compose(
    Schema.String.pipe(Schema.pattern(/^[0-9]{1,15}$/, { message: () => `${name} must be a whole number, 0 or more` })),
    Schema.NumberFromString
  ).annotations({ jsonSchema: { type: "integer", minimum: 0 } })
const paging = Schema.Struct({
  before: count("before").annotations({ description: "The `before` of the last page." }),
  limit: count("limit").annotations({ description: "At most this many entries." })
})
const importCwd = Schema.optional(
  Schema.String.annotations({ description: "A directory on the server's machine that replaces the thread's own." })
)
const idempotency = Schema.Struct({
  "idempotency-key": Schema.optional(Schema.String).annotations({
    description:
      "The id of the command, 1 to 200 printable ASCII characters. A request that is sent again with the same key runs once."
  })
})

/** Every endpoint requires a token (X1). */
export const ApiGroup = HttpApiGroup.make("api")
  .add(
    HttpApiEndpoint.get("state", "/state")
      .annotate(OpenApi.Summary, "Read a snapshot of projects, threads and open requests")
      .addSuccess(Snapshot)
  )
  .add(
    HttpApiEndpoint.get("events", "/events")
      .annotate(OpenApi.Summary, "Read or follow the events of the log")
      .setUrlParams(
        Schema.Struct({
          since: Schema.optional(whole).annotations({ description: "Events with a greater offset." }),
          after: Schema.optional(
            Schema.String.annotations({
              description:
                "A cursor. The server rejects it if it belongs to another log, is beyond the head or is below retention."
            })
          ),
          limit: Schema.optional(whole).annotations({ description: "At most this many events." }),
          stream: Schema.optional(Streams).annotations({
            description: "Only events of this stream. Repeat it, up to 32 times, for several streams."
          }),
          types: Schema.optional(
            Schema.String.annotations({
              description:
                "Only events of these types, separated by commas: `turn.*,request.opened`. The header counts all offsets."
            })
          ),
          wait: Schema.optional(whole).annotations({ description: "Seconds to wait if there is no event yet, at most 60." })
        })
      )
      .addSuccess(Schema.Array(LogEvent))
      .addError(Errors.CursorMalformed)
      .addError(Errors.CursorForeign)
      .addError(Errors.CursorAhead)
      .addError(Errors.CursorExpired)
  )
  .add(
    HttpApiEndpoint.post("dispatch", "/commands")
      .annotate(OpenApi.Summary, "Send a command with an id that you choose")
      .setPayload(Command)
      .addSuccess(Accepted)
      .addError(Errors.CommandError)
  )
  .add(
    HttpApiEndpoint.get("commandStatus", "/commands/:id")
      .annotate(OpenApi.Summary, "Read the outcome of a command")
      .setPath(Schema.Struct({ id: Schema.String }))
      .addSuccess(CommandStatus)
      .addError(Errors.NotFound)
  )
  .add(
    HttpApiEndpoint.get("threads", "/threads")
      .annotate(OpenApi.Summary, "List threads, newest first")
      .setUrlParams(
        Schema.Struct({
          ...paging.fields,
          ...ThreadFilter.fields,
          archived: Schema.optional(Schema.BooleanFromString.annotations({ identifier: "Flag", jsonSchema: { type: "boolean" } }))
        }).annotations({
          description:
            "Only threads that match all filters. `search`: the title contains all of these words. A filtered page reads at most 2,000 threads, so it may be short or empty; continue with `before`."
        })
      )
      .addSuccess(PageOf(ThreadView))
  )
  .add(
    HttpApiEndpoint.post("createThread", "/threads")
      .annotate(OpenApi.Summary, "Create a thread, optionally with its first turn")
      .setHeaders(idempotency)
      .setPayload(
        CommandBody["thread.create"].annotations({
          examples: [{ provider: "demo", title: "Hello", turn: { text: "[[say hello]]" } }]
        })
      )
      .addSuccess(Accepted)
      .addError(Errors.CommandError)
  )
  .add(
    HttpApiEndpoint.get("thread", "/threads/:id")
      .annotate(OpenApi.Summary, "Read a thread")
      .setPath(thread)
      .addSuccess(ThreadView)
      .addError(Errors.NotFound)
  )
  .add(
    HttpApiEndpoint.get("exportThread", "/threads/:id/export")
      .annotate(OpenApi.Summary, "Export a thread as a document")
      .setPath(thread)
      .setUrlParams(
        Schema.Struct({
          format: Schema.optional(
            ExportFormat.annotations({ description: "Default json; json and ndjson can be imported again." })
          )
        })
      )
      .addSuccess(Schema.String.annotations({ description: "The document, streamed: JSON, lines of JSON, or Markdown." }))
      .addError(Errors.NotFound)
  )
  .add(
    // No payload schema: the body is the export document, which the server reads as a stream.
    HttpApiEndpoint.post("importThread", "/threads/import")
      .annotate(OpenApi.Summary, "Make a thread from an export")
      .setUrlParams(Schema.Struct({ cwd: importCwd }))
      .addSuccess(ImportResult)
      .addError(ImportFailed)
      .addError(Errors.CommandError)
  )
  .add(
    // No payload schema: the body is the content.
    HttpApiEndpoint.post("putBlob", "/blobs")
      .annotate(OpenApi.Summary, "Store content under its hash")
      .addSuccess(Blob, { status: 201 })
  )
  .add(
    HttpApiEndpoint.get("getBlob", "/blobs/:hash")
      .annotate(OpenApi.Summary, "Read content by its hash")
      .annotate(
        OpenApi.Description,
        "With a `Range` of one range of bytes: 206 and that range, or 416 if the content has no byte of it. `If-Range` takes the ETag. Several ranges: 200 and all of it."
      )
      .setPath(Schema.Struct({ hash: Schema.String.annotations({ description: "SHA-256 of the content, in lowercase hex." }) }))
      .addSuccess(Schema.String.annotations({ description: "The content, with its media type." }))
      .addError(Errors.NotFound)
  )
  .add(
    HttpApiEndpoint.get("nativeThreads", "/providers/:id/threads")
      .annotate(OpenApi.Summary, "List the conversations that the agent stored")
      .setPath(Schema.Struct({ id: Schema.String }))
      .setUrlParams(Schema.Struct({ cwd: Schema.optional(Schema.String) }))
      .addSuccess(Schema.Array(NativeThread))
      .addError(Errors.NotFound)
      .addError(ProviderUnavailable)
  )
  .add(
    HttpApiEndpoint.post("importNative", "/providers/:id/threads/:thread/import")
      .annotate(OpenApi.Summary, "Make a thread from a conversation that the agent stored")
      .setPath(Schema.Struct({ id: Schema.String, thread: Schema.String }))
      .setUrlParams(Schema.Struct({ cwd: importCwd }))
      .addSuccess(ImportResult)
      .addError(Errors.NotFound)
      .addError(ProviderUnavailable)
      .addError(Errors.CommandError)
  )
  .add(
    HttpApiEndpoint.get("items", "/threads/:id/items")
      .annotate(OpenApi.Summary, "List the items of a thread, newest first")
      .setPath(thread)
      .setUrlParams(paging)
      .addSuccess(PageOf(ItemView))
      .addError(Errors.NotFound)
  )
  .add(
    HttpApiEndpoint.get("turns", "/threads/:id/turns")
      .annotate(OpenApi.Summary, "List the turns of a thread, newest first")
      .setPath(thread)
      .setUrlParams(paging)
      .addSuccess(PageOf(TurnView))
      .addError(Errors.NotFound)
  )
  .add(
    HttpApiEndpoint.get("turn", "/turns/:id")
      .annotate(OpenApi.Summary, "Read a turn, optionally after its end")
      .setPath(Schema.Struct({ id: TurnId }))
      .setUrlParams(
        Schema.Struct({
          wait: Schema.optional(
            seconds("wait").annotations({
              description:
                "Seconds to wait for the turn's end, at most 60. The answer comes at the turn's end, or when the time has passed."
            })
          )
        })
      )
      .addSuccess(TurnView)
      .addError(Errors.NotFound)
  )
  .add(
    HttpApiEndpoint.get("files", "/threads/:id/files")
      .annotate(OpenApi.Summary, "Search the paths of a thread's directory, the best match first")
      .annotate(OpenApi.Description, "Tracked and untracked files, without those that `.gitignore` files exclude.")
      .setPath(thread)
      .setUrlParams(
        Schema.Struct({
          query: Schema.optional(Schema.String.pipe(Schema.maxLength(200))).annotations({
            description: "Words that a path must match: a part of it, or characters of it in this order. Default: every path."
          }),
          limit: count("limit", maxFoundFiles).annotations({ description: "At most this many paths. Default 20." })
        })
      )
      .addSuccess(FoundFiles)
      .addError(Errors.NotFound)
  )
  .add(
    HttpApiEndpoint.get("file", "/threads/:id/files/:path")
      .annotate(OpenApi.Summary, "Read a file of a thread's directory")
      .annotate(
        OpenApi.Description,
        "At most 1 MiB. 403 for a file of a git directory. `path` has its slashes as they are, not as `%2F`. Text is `text/plain`, PNG, JPEG, GIF and WebP images have their type, and all else is a download."
      )
      .setPath(Schema.Struct({ id: ThreadId, path: Schema.String }))
      .addSuccess(Schema.String.annotations({ description: "The content of the file." }))
      .addError(Errors.NotFound)
  )
  .add(
    HttpApiEndpoint.get("git", "/threads/:id/git")
      .annotate(OpenApi.Summary, "Read the state of the git repository of a thread's directory")
      .setPath(thread)
      .addSuccess(GitSummary)
      .addError(Errors.NotFound)
  )
  .add(
    HttpApiEndpoint.get("threadDiff", "/threads/:id/diff")
      .annotate(OpenApi.Summary, "Read what changed in the files of a thread's directory")
      .annotate(OpenApi.Description, diffDescription)
      .setPath(thread)
      .setUrlParams(
        Schema.Struct({
          from: Schema.optional(
            DiffFrom.annotations({ message: wording("from must be the id of a turn, or start") })
          ).annotations({
            description: "The start of this turn, or `start`, of the first one. Default: start."
          }),
          to: Schema.optional(DiffTo.annotations({ message: wording("to must be the id of a turn, or now") })).annotations({
            description: "The end of this turn, or `now`. Default: now."
          }),
          hunks
        })
      )
      .addSuccess(Diff)
      .addError(Errors.NotFound)
      .addError(Errors.CommandRejected)
  )
  .add(
    HttpApiEndpoint.get("turnDiff", "/threads/:id/turns/:turn/diff")
      .annotate(OpenApi.Summary, "Read what changed in the files during a turn")
      .annotate(OpenApi.Description, diffDescription)
      .setPath(Schema.Struct({ id: ThreadId, turn: TurnId }))
      .setUrlParams(Schema.Struct({ hunks }))
      .addSuccess(Diff)
      .addError(Errors.NotFound)
      .addError(Errors.CommandRejected)
  )
  .add(
    HttpApiEndpoint.post("rewindPreview", "/threads/:id/rewind/preview")
      .annotate(OpenApi.Summary, "Read what a rewind would change")
      .annotate(
        OpenApi.Description,
        "The files that `thread.rewind` would change, and how; with `paths`, those that `workspace.discard` would change. Changes nothing. Send `expected` with the command, so that it is rejected if the files have changed since."
      )
      .setPath(thread)
      .setPayload(RewindRequest)
      .addSuccess(RewindPreview)
      .addError(Errors.NotFound)
      .addError(Errors.CommandRejected)
  )
  .add(
    HttpApiEndpoint.post("startTurn", "/threads/:id/turns")
      .annotate(OpenApi.Summary, "Start a turn in a thread")
      .setPath(thread)
      .setHeaders(idempotency)
      .setPayload(CommandBody["turn.start"].omit("threadId").annotations({ examples: [{ text: "[[say hello]]" }] }))
      .addSuccess(Accepted)
      .addError(Errors.NotFound)
      .addError(Errors.CommandError)
  )
  .add(
    HttpApiEndpoint.post("interrupt", "/threads/:id/interrupt")
      .annotate(OpenApi.Summary, "Interrupt the running turn of a thread")
      .setPath(thread)
      .setHeaders(idempotency)
      .setPayload(CommandBody["turn.interrupt"].omit("threadId"))
      .addSuccess(Accepted)
      .addError(Errors.NotFound)
      .addError(Errors.CommandError)
  )
  .add(
    HttpApiEndpoint.get("search", "/search")
      .annotate(OpenApi.Summary, "Search the text of all threads, newest first")
      .setUrlParams(
        Schema.Struct({
          ...SearchFilter.fields,
          before: count("before").annotations({ description: "The `more` of the last page." }),
          limit: count("limit").annotations({ description: "At most this many hits. Default 20, at most 100." })
        })
      )
      .addSuccess(SearchPage)
  )
  .add(
    HttpApiEndpoint.get("worktrees", "/worktrees")
      .annotate(OpenApi.Summary, "List the worktrees of threads, oldest first")
      .annotate(OpenApi.Description, "Also those that were kept when their thread was deleted. At most 1,000.")
      .addSuccess(Schema.Array(Worktree))
  )
  .add(
    HttpApiEndpoint.get("requests", "/requests")
      .annotate(OpenApi.Summary, "List the open approvals and questions")
      .addSuccess(Schema.Array(RequestView))
  )
  .add(
    HttpApiEndpoint.post("answer", "/requests/:id/answer")
      .annotate(OpenApi.Summary, "Answer an approval or a question")
      .setPath(Schema.Struct({ id: RequestId }))
      .setHeaders(idempotency)
      .setPayload(CommandBody["request.answer"].omit("requestId").annotations({ examples: [{ decision: "accept" }] }))
      .addSuccess(Accepted)
      .addError(Errors.NotFound)
      .addError(Errors.CommandError)
  )
  .add(
    HttpApiEndpoint.get("capabilities", "/capabilities")
      .annotate(OpenApi.Summary, "Read the version and the features of the server")
      .addSuccess(Capabilities)
  )
  .add(
    HttpApiEndpoint.get("providers", "/providers")
      .annotate(OpenApi.Summary, "List the agents")
      .addSuccess(Schema.Array(ProviderStatus))
  )
  .add(
    HttpApiEndpoint.get("logUsage", "/log")
      .annotate(OpenApi.Summary, "Read the disk usage of the log and the other files")
      .addSuccess(LogUsage)
  )
  .add(
    HttpApiEndpoint.post("packLog", "/log/pack")
      .annotate(OpenApi.Summary, "Compress the events of the log (administrators only)")
      .addSuccess(LogWork)
  )
  .add(
    HttpApiEndpoint.post("pruneLog", "/log/prune")
      .annotate(OpenApi.Summary, "Remove the oldest events of the log (administrators only)")
      .setPayload(PruneRequest.annotations({ examples: [{ olderThanDays: 30, dryRun: true }] }))
      .addSuccess(LogWork)
  )
  .add(
    HttpApiEndpoint.get("processes", "/processes")
      .annotate(OpenApi.Summary, "List the agent processes")
      .addSuccess(Schema.Array(ProcessView))
  )
  .add(
    HttpApiEndpoint.get("tokens", "/tokens")
      .annotate(OpenApi.Summary, "List tokens and browser sessions")
      .addSuccess(Schema.Array(TokenView))
  )
  .add(
    HttpApiEndpoint.post("revokeToken", "/tokens/:id/revoke")
      .annotate(OpenApi.Summary, "Revoke a token or a browser session")
      .setPath(Schema.Struct({ id: Schema.String.pipe(Schema.maxLength(100)) }))
      .addSuccess(Schema.Struct({ revoked: Schema.Array(Schema.String) }))
      .addError(Errors.NotFound)
  )
  .add(
    HttpApiEndpoint.post("shutdown", "/shutdown")
      .annotate(OpenApi.Summary, "Shut the server down in order (administrators only)")
      .setPayload(
        Schema.Struct({
          // The field has the description. On a refinement, the description would replace the expected type in error messages.
          deadlineMs: Schema.optional(Schema.Int.pipe(Schema.between(0, 600_000))).annotations({
            description:
              "After this time all work is settled or abandoned. Subscribers have up to 3 more seconds. Default 10,000."
          }),
          mode: Schema.optional(Schema.Literal("drain", "now")).annotations({
            description:
              "`drain` (default): running turns may finish until 45 to 60 % of the deadline has passed; `now`: they are interrupted."
          })
        })
      )
      .addSuccess(ShutdownBegun, { status: 202 })
  )
  .addError(Errors.BadRequest)
  .addError(Errors.Unauthorized)
  .addError(Errors.Forbidden)
  .addError(Errors.PayloadTooLarge)
  .addError(Errors.Overloaded)
  .addError(Errors.StorageUnavailable)
  .prefix("/api")
