/** Export and import of threads, and import of the conversations that an agent has stored itself. */
import { defined } from "@millrace/contracts/Defined"
import { type CommandError, NotFound, StorageUnavailable } from "@millrace/contracts/Errors"
import type { ThreadId } from "@millrace/contracts/Ids"
import type { ExportFormat, Imported, ImportFailed, ImportResult, NativeThread } from "@millrace/contracts/Import"
import { type NativeTurn, type ProviderError, Providers } from "@millrace/contracts/ProviderAdapter"
import { EventLog } from "@millrace/log/EventLog"
import { Context, Effect, Stream } from "effect"
import * as Export from "./Export.ts"
import * as Import from "./Import.ts"
import { imported } from "./TranscriptBuilder.ts"
import { Views } from "../readmodel/Views.ts"

/** Maximum native threads in a list. */
const maxNative = 100

export class Transfer extends Context.Tag("@millrace/orchestration/Transfer")<
  Transfer,
  {
    /** Exports a stored thread as a document. Fails before its first piece if there is no such thread. */
    readonly exportThread: (
      threadId: ThreadId,
      format: ExportFormat
    ) => Effect.Effect<Stream.Stream<string, StorageUnavailable>, NotFound | StorageUnavailable>
    /** Imports an export (`json`, `ndjson`) as a thread; importing it again updates the same thread. `source` is run twice. */
    readonly importThread: <E>(options: Import.Options<E>) => Effect.Effect<ImportResult, ImportFailed | CommandError | E>
    /** Lists the conversations that an agent has stored itself, newest first, at most 100. */
    readonly nativeThreads: (
      provider: string,
      options: { readonly cwd?: string | undefined }
    ) => Effect.Effect<ReadonlyArray<NativeThread>, NotFound | ProviderError>
    /** Imports such a conversation as a thread that continues it. Importing it again adds its new turns and items. */
    readonly importNative: (options: {
      readonly provider: string
      readonly nativeThreadId: string
      readonly cwd?: string | undefined
      readonly actor?: string | undefined
    }) => Effect.Effect<ImportResult, NotFound | ProviderError | CommandError>
  }
>() {}

const placeholder = "thr_native" as ThreadId
/** Pieces with native ids and a placeholder as thread id; `Import` replaces both. */
const piecesOf = (turn: NativeTurn, createdAt: string): ReadonlyArray<Imported> => {
  const turnIdentity = {
    threadId: placeholder,
    turnId: turn.nativeTurnId as Extract<Imported, { type: "turn.imported" }>["data"]["turnId"]
  }
  const asked = turn.items.find(({ kind }) => kind === "user-message")
  const ended = turn.status === "running" ? { status: "interrupted" as const, reason: imported } : { status: turn.status }
  return [
    {
      type: "turn.imported",
      data: {
        ...turnIdentity,
        ...ended,
        origin: asked === undefined ? "provider" : "user",
        text: asked?.content.text ?? "",
        requestedAt: turn.startedAt ?? createdAt,
        startedAt: turn.startedAt ?? createdAt,
        ...defined({ endedAt: turn.endedAt, error: turn.error }),
        nativeTurnId: turn.nativeTurnId
      }
    },
    ...turn.items.map(({ content, kind, nativeItemId, reason, status }): Imported => ({
      type: "item.imported",
      data: {
        ...content,
        ...turnIdentity,
        // Native item ids are unique only within their turn.
        itemId: `${turn.nativeTurnId}/${nativeItemId}` as Extract<Imported, { type: "item.imported" }>["data"]["itemId"],
        kind,
        status,
        ...defined({ reason })
      }
    }))
  ]
}

/** A notice in the first turn. Its id is constant, so that importing again does not repeat it. */
const noticeOf = (nativeTurnId: string, text: string): Imported => ({
  type: "item.imported",
  data: {
    threadId: placeholder,
    turnId: nativeTurnId as Extract<Imported, { type: "turn.imported" }>["data"]["turnId"],
    itemId: `${nativeTurnId}/millrace-omitted` as Extract<Imported, { type: "item.imported" }>["data"]["itemId"],
    kind: "notice",
    status: "completed",
    text
  }
})

/** Needs `EventLog`, `Import`, `Views` and `Providers`. */
export const make = Effect.gen(function* () {
  const views = yield* Views
  const transfer = yield* Import.Import
  const { adapters } = yield* Providers
  const log = yield* EventLog

  const historyOf = (provider: string) =>
    Effect.fromNullable(adapters.get(provider)?.history).pipe(
      Effect.mapError(
        () =>
          new NotFound({
            what: "history",
            id: provider,
            message: `This server has no provider ${provider} whose stored conversations can be read. Codex and Claude Code have them.`
          })
      )
    )

  return Transfer.of({
    exportThread: Effect.fn("Transfer.export")(function* (threadId, format) {
      const thread = yield* views.thread(threadId)
      return Export.make(thread, format).pipe(
        Stream.mapError(({ message }) => new StorageUnavailable({ message, retryAfterMillis: 1000 })),
        Stream.provideService(EventLog, log)
      )
    }),
    importThread: transfer.file,
    nativeThreads: Effect.fn("Transfer.nativeThreads")(function* (provider, { cwd }) {
      const history = yield* historyOf(provider)
      return yield* history.list({ limit: maxNative, ...defined({ cwd }) })
    }),
    importNative: Effect.fn("Transfer.importNative")(function* ({ actor, cwd, nativeThreadId, provider }) {
      const history = yield* historyOf(provider)
      return yield* Effect.scoped(
        Effect.gen(function* () {
          const { omitted = Effect.void, thread, turns } = yield* history.read(nativeThreadId)
          let first: string | undefined
          const seen = Stream.tap(turns, ({ nativeTurnId }) => Effect.sync(() => (first ??= nativeTurnId)))
          // Also a notice in the thread: without it, a transcript that lacks the agent's work looks complete.
          const notice = Stream.unwrap(
            Effect.map(omitted, (words) =>
              first === undefined || words === undefined ? Stream.empty : Stream.make(noticeOf(first, words))
            )
          )
          const result = yield* transfer.transcript(
            {
              source: { from: provider, threadId: nativeThreadId, resumeKey: nativeThreadId },
              title: thread.title,
              provider,
              model: thread.model,
              cwd: cwd ?? thread.cwd
            },
            Stream.concat(
              Stream.mapConcat(seen, (turn) => piecesOf(turn, thread.createdAt ?? "1970-01-01T00:00:00.000Z")),
              notice
            ),
            actor
          )
          const words = yield* omitted
          return words === undefined ? result : { ...result, omitted: words }
        })
      )
    })
  })
})
