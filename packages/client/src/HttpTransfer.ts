/** Export and import of threads, and blobs, over HTTP: a part of `HttpTransport`. Documents of any size are streamed. */
import { Clock, Duration, Effect, Schema, Stream } from "effect"
import { Blob } from "@millrace/contracts/Blob"
import * as Errors from "@millrace/contracts/Errors"
import type { ThreadId } from "@millrace/contracts/Ids"
import { type ExportFormat, ImportFailed, ImportResult, NativeThread, ProviderUnavailable } from "@millrace/contracts/Import"
import * as Deadlines from "./Deadlines.ts"
import { type HttpRequest, query } from "./HttpRequest.ts"
import { type TransportError, unanswered } from "./TransportError.ts"

const failures = Schema.Union(
  Errors.BadRequest,
  Errors.NotFound,
  Errors.PayloadTooLarge,
  ...Errors.CommandError.members,
  ImportFailed,
  ProviderUnavailable
)
export type TransferError = typeof failures.Type | TransportError

/**
 * A document has no deadline as a whole. The response headers and each part have the `deadline` of the options (default 30 seconds).
 * The server must answer an import, or a request that needs an agent, within five minutes after the client sent the last part.
 */
export interface HttpTransfer {
  readonly exportThread: (threadId: ThreadId, format: ExportFormat) => Stream.Stream<Uint8Array, TransferError>
  /** Streams `source` to the server. The server reads all of it before it writes anything. */
  readonly importThread: (
    source: Stream.Stream<Uint8Array>,
    options: { readonly cwd?: string | undefined }
  ) => Effect.Effect<ImportResult, TransferError>
  /** Stores content of at most 32 MiB. */
  readonly putBlob: (content: Stream.Stream<Uint8Array>, mediaType: string) => Effect.Effect<Blob, TransferError>
  /** The content of a blob, in parts. */
  readonly getBlob: (hash: string) => Stream.Stream<Uint8Array, TransferError>
  readonly nativeThreads: (
    provider: string,
    options: { readonly cwd?: string | undefined }
  ) => Effect.Effect<ReadonlyArray<NativeThread>, TransferError>
  readonly importNative: (options: {
    readonly provider: string
    readonly nativeThreadId: string
    readonly cwd?: string | undefined
  }) => Effect.Effect<ImportResult, TransferError>
}

const id = encodeURIComponent

export const make = ({ address, deadline, json, lost, open, within }: HttpRequest): HttpTransfer => {
  const silent = () => unanswered(address, deadline)
  const slow = () => unanswered(address, Deadlines.work)
  const working = Effect.timeoutFail({ duration: Deadlines.work, onTimeout: slow })

  /** Fails if the server takes no part of the source and does not answer for `Deadlines.work`. The wait for the source does not count. */
  const whileSent = <A>(
    source: Stream.Stream<Uint8Array>,
    send: (source: Stream.Stream<Uint8Array>) => Effect.Effect<A, TransferError>
  ): Effect.Effect<A, TransferError> =>
    Effect.flatMap(Effect.clock, (clock) => {
      let isWaiting = false
      let since = clock.unsafeCurrentTimeMillis()
      const wait = (waits: boolean) =>
        Effect.sync(() => {
          isWaiting = waits
          since = clock.unsafeCurrentTimeMillis()
        })
      const watched = Stream.fromPull(
        Effect.map(Stream.toPull(source), (pull) =>
          wait(true).pipe(
            Effect.zipRight(pull),
            Effect.onExit(() => wait(false))
          )
        )
      )
      const silence: Effect.Effect<never, TransferError> = Effect.flatMap(Clock.currentTimeMillis, (now) => {
        const left = (isWaiting ? now : since) + Duration.toMillis(Deadlines.work) - now
        return left <= 0 ? Effect.fail(slow()) : Effect.zipRight(Effect.sleep(left), silence)
      })
      return Effect.raceFirst(send(watched), silence)
    })

  const download = (path: string): Stream.Stream<Uint8Array, TransferError> =>
    Stream.unwrapScoped(
      Effect.map(within(open(path, failures)), ({ body }) =>
        body === null ? Stream.empty : Stream.fromReadableStream(() => body, lost).pipe(Stream.timeoutFail(silent, deadline))
      )
    )

  return {
    exportThread: (threadId, format) => download(`/api/threads/${id(threadId)}/export${query({ format })}`),
    getBlob: (hash) => download(`/api/blobs/${id(hash)}`),
    putBlob: (content, mediaType) =>
      whileSent(content, (watched) =>
        json("/api/blobs", Blob, failures, {
          method: "POST",
          body: Stream.toReadableStream(watched),
          headers: { "content-type": mediaType }
        })
      ),
    importThread: (source, { cwd }) =>
      whileSent(source, (watched) =>
        json(`/api/threads/import${query({ cwd })}`, ImportResult, failures, {
          method: "POST",
          body: Stream.toReadableStream(watched)
        })
      ),
    nativeThreads: (provider, { cwd }) =>
      working(json(`/api/providers/${id(provider)}/threads${query({ cwd })}`, Schema.Array(NativeThread), failures)),
    importNative: ({ cwd, nativeThreadId, provider }) =>
      working(
        json(`/api/providers/${id(provider)}/threads/${id(nativeThreadId)}/import${query({ cwd })}`, ImportResult, failures, {
          method: "POST"
        })
      )
  }
}
