/** Export and import of threads over HTTP. Documents of any size are streamed. Needs only `fetch`. */
import { Clock, Duration, Effect, Option, Schema, Stream } from "effect"
import * as Errors from "@millrace/contracts/Errors"
import type { ThreadId } from "@millrace/contracts/Ids"
import { type ExportFormat, ImportFailed, ImportResult, NativeThread, ProviderUnavailable } from "@millrace/contracts/Import"
import * as Deadlines from "./Deadlines.ts"
import type { Options } from "./HttpTransport.ts"
import { disconnected, ProtocolError, refused, type TransportError, unanswered } from "./TransportError.ts"

const failures = Schema.Union(
  Errors.BadRequest,
  Errors.NotFound,
  Errors.PayloadTooLarge,
  Errors.Unauthorized,
  ...Errors.CommandError.members,
  ImportFailed,
  ProviderUnavailable
)
export type TransferError = typeof failures.Type | TransportError

export interface HttpTransfer {
  readonly exportThread: (threadId: ThreadId, format: ExportFormat) => Stream.Stream<Uint8Array, TransferError>
  /** Streams `source` to the server, which reads all of it before it writes anything. */
  readonly importThread: (
    source: Stream.Stream<Uint8Array>,
    options: { readonly cwd?: string | undefined }
  ) => Effect.Effect<ImportResult, TransferError>
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
const query = (values: Readonly<Record<string, string | undefined>>): string => {
  const params = new URLSearchParams()
  for (const [name, value] of Object.entries(values)) if (value !== undefined) params.set(name, value)
  return params.size === 0 ? "" : `?${params.toString()}`
}
const decodeFailure = Schema.decodeUnknownOption(Schema.parseJson(failures))

/**
 * A document has no deadline as a whole. Each part of it, and the head of the answer, has the `deadline` of the options (default 30 seconds).
 * A server that works (on an import, or with an agent) must answer within five minutes after the last part was sent.
 */
export const make = (options: Options): HttpTransfer => {
  const fetch = options.fetch ?? globalThis.fetch
  const base = options.url.replace(/\/+$/, "")
  const deadline = Duration.decode(options.deadline ?? Deadlines.answer)
  const silent = () => unanswered(base, deadline)
  const within = Effect.timeoutFail({ duration: deadline, onTimeout: silent })
  const working = Effect.timeoutFail({
    duration: Deadlines.work,
    onTimeout: () => unanswered(base, Deadlines.work)
  })

  /** Fails if the server neither takes a part of the source nor answers for `Deadlines.work`. Time spent waiting for the source does not count. */
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
        return left <= 0 ? Effect.fail(unanswered(base, Deadlines.work)) : Effect.zipRight(Effect.sleep(left), silence)
      })
      return Effect.raceFirst(send(watched), silence)
    })

  const request = (path: string, init: RequestInit = {}): Effect.Effect<Response, TransferError> =>
    Effect.gen(function* () {
      const headers: Record<string, string> = options.token === undefined ? {} : { authorization: `Bearer ${options.token}` }
      const response = yield* Effect.tryPromise({
        try: (signal) => fetch(`${base}${path}`, { signal, ...init, headers }),
        catch: (cause) => disconnected(base, cause)
      })
      if (response.ok) return response
      const text = yield* within(Effect.tryPromise({ try: () => response.text(), catch: (cause) => disconnected(base, cause) }))
      return yield* Option.getOrElse(decodeFailure(text), () => refused(response.status, text))
    })
  const json = <A, I>(path: string, schema: Schema.Schema<A, I>, init?: RequestInit): Effect.Effect<A, TransferError> =>
    Effect.flatMap(request(path, init), (response) =>
      Effect.tryPromise({ try: () => response.json() as Promise<unknown>, catch: (cause) => disconnected(base, cause) }).pipe(
        Effect.flatMap((body) =>
          Effect.mapError(
            Schema.decodeUnknown(schema)(body),
            ({ message }) => new ProtocolError({ message: `${path}: ${message}` })
          )
        )
      )
    )

  return {
    exportThread: (threadId, format) =>
      Stream.unwrapScoped(
        Effect.gen(function* () {
          const abort = yield* Effect.acquireRelease(
            Effect.sync(() => new AbortController()),
            (controller) => Effect.sync(() => controller.abort())
          )
          const { body } = yield* within(
            request(`/api/threads/${id(threadId)}/export${query({ format })}`, { signal: abort.signal })
          )
          return body === null
            ? Stream.empty
            : Stream.fromReadableStream(
                () => body,
                (cause) => disconnected(base, cause)
              ).pipe(Stream.timeoutFail(silent, deadline))
        })
      ),
    importThread: (source, { cwd }) =>
      whileSent(source, (watched) =>
        // Node's fetch sends a stream only with `duplex: "half"`, which its types do not declare.
        json(`/api/threads/import${query({ cwd })}`, ImportResult, {
          method: "POST",
          body: Stream.toReadableStream(watched),
          duplex: "half"
        } as RequestInit)
      ),
    nativeThreads: (provider, { cwd }) =>
      working(json(`/api/providers/${id(provider)}/threads${query({ cwd })}`, Schema.Array(NativeThread))),
    importNative: ({ cwd, nativeThreadId, provider }) =>
      working(
        json(`/api/providers/${id(provider)}/threads/${id(nativeThreadId)}/import${query({ cwd })}`, ImportResult, {
          method: "POST"
        })
      )
  }
}
