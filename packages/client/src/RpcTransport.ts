/**
 * The RPC interface over one WebSocket (JSON). A call opens a connection when there is none. A failed connection is dropped. This module does not
 * reconnect: Follow.ts and Outbox.ts do.
 */
import * as Socket from "@effect/platform/Socket"
import * as RpcClient from "@effect/rpc/RpcClient"
import type { RpcClientError } from "@effect/rpc/RpcClientError"
import type * as RpcGroup from "@effect/rpc/RpcGroup"
import * as RpcSerialization from "@effect/rpc/RpcSerialization"
import { Cause, Duration, Effect, Exit, Layer, Schedule, Schema, Scope, Stream, SynchronizedRef } from "effect"
import {
  BadRequest,
  Forbidden,
  Overloaded,
  Unauthorized,
  type CursorError,
  type StorageUnavailable
} from "@millrace/contracts/Errors"
import { Streams } from "@millrace/contracts/Filter"
import { isFrame } from "@millrace/contracts/Frame"
import { MillraceRpcs } from "@millrace/contracts/Rpc"
import * as Deadlines from "./Deadlines.ts"
import type { Transport } from "./Transport.ts"
import {
  checkUrl,
  Disconnected,
  disconnected,
  ProtocolError,
  refused,
  type TransportError,
  unanswered
} from "./TransportError.ts"

type Client = RpcClient.RpcClient<RpcGroup.Rpcs<typeof MillraceRpcs>, RpcClientError>

interface Connection {
  readonly client: Client
  readonly scope: Scope.CloseableScope
  /** Number of answers and chunks of frames received on this connection. */
  received: number
  /** The reason for which the connection was dropped. The library only interrupts the calls in flight, so they fail with this error. */
  lost: TransportError | undefined
}

export interface Options {
  /** The URL of the interface, for example `ws://127.0.0.1:7717/rpc`. With `?lenient=1` the server ignores fields that it does not know. */
  readonly url: string
  /**
   * Opens the socket. The token goes into the upgrade request (a header in Node, a subprotocol or the session cookie in a browser), never into the
   * URL (X1). Default: the global `WebSocket`.
   */
  readonly webSocket?: (url: string) => globalThis.WebSocket
  /** The deadline for the connection to open and for an answer. Default 30 seconds. For `follow` it covers only the first frame. */
  readonly deadline?: Duration.DurationInput
}

const text = (cause: unknown): string => {
  if (cause instanceof Socket.SocketGenericError) return text(cause.cause)
  if (cause !== null && typeof cause === "object" && "message" in cause) return String(cause.message)
  return String(cause)
}
const isStreamName = Schema.is(Streams)

/** The errors of a server that rejected the request itself. Over HTTP they are 400 and 403. */
type Rejected = BadRequest | Forbidden
const isRejected = (error: unknown): error is Rejected => error instanceof BadRequest || error instanceof Forbidden
const encodeRejected = Schema.encodeSync(Schema.Union(BadRequest, Forbidden))

/** Dies with a `TypeError` if the URL is not a `ws` or `wss` URL. */
export const make = (options: Options): Effect.Effect<Transport, never, Scope.Scope> =>
  Effect.gen(function* () {
    checkUrl(options.url, "ws")
    const deadline = Duration.decode(options.deadline ?? Deadlines.answer)
    const open = options.webSocket ?? ((url: string) => new globalThis.WebSocket(url))
    const protocol = RpcClient.layerProtocolSocket({ retrySchedule: Schedule.stop }).pipe(
      Layer.provide(Layer.effect(Socket.Socket, Socket.makeWebSocket(options.url, { openTimeout: deadline }))),
      Layer.provide(Layer.succeed(Socket.WebSocketConstructor, (url) => open(url))),
      Layer.provide(RpcSerialization.layerJson)
    )
    const current = yield* SynchronizedRef.make<Connection | undefined>(undefined)

    const connect: Effect.Effect<Connection> = Effect.gen(function* () {
      const scope = yield* Scope.make()
      const client = yield* Layer.buildWithScope(Layer.fresh(protocol), scope).pipe(
        Effect.flatMap((context) => RpcClient.make(MillraceRpcs, { disableTracing: true }).pipe(Effect.provide(context))),
        Scope.extend(scope)
      )
      return { client, scope, received: 0, lost: undefined }
    }).pipe(Effect.uninterruptible)
    const connection = SynchronizedRef.modifyEffect(current, (held) =>
      Effect.map(held === undefined ? connect : Effect.succeed(held), (live) => [live, live] as const)
    )
    /** Drops the connection and fails with the reason. The other calls in flight on the connection fail with the same reason. */
    const drop = (used: Connection, why: TransportError): Effect.Effect<never, TransportError> =>
      Effect.suspend(() => {
        used.lost ??= why
        return SynchronizedRef.update(current, (held) => (held === used ? undefined : held))
      }).pipe(Effect.zipRight(Scope.close(used.scope, Exit.void)), Effect.zipRight(Effect.fail(why)))
    yield* Effect.addFinalizer(() =>
      Effect.flatMap(SynchronizedRef.get(current), (held) =>
        held === undefined ? Effect.void : Scope.close(held.scope, Exit.void)
      )
    )

    const lost = (used: Connection, error: RpcClientError): Effect.Effect<never, TransportError> => {
      const message = text(error.cause)
      return drop(
        used,
        /\b40[13]\b/.test(message)
          ? new Unauthorized({ message: `${options.url} does not accept this token. Create one with \`millrace token create\`.` })
          : disconnected(options.url, message)
      )
    }
    /** The server did not answer a call in time. If something else has arrived on the connection since the call began, only this call fails. */
    const silent = (used: Connection, since: number): Effect.Effect<never, TransportError> =>
      Effect.suspend(() => {
        const why = unanswered(options.url, deadline)
        return used.received === since ? drop(used, why) : Effect.fail(why)
      })
    const isLost = (error: unknown): error is RpcClientError =>
      error !== null && typeof error === "object" && "_tag" in error && error._tag === "RpcClientError"

    /** The error of a rejected request, equal to the error over HTTP. */
    const rejected = (error: Rejected) => refused(error._tag === "BadRequest" ? 400 : 403, JSON.stringify(encodeRejected(error)))

    /** The error of an overloaded server, equal to the error over HTTP. Only a command may fail with `Overloaded`. Any other call fails with `Disconnected` and the same wait. */
    const later = ({ message, retryAfterMillis }: Overloaded) => new Disconnected({ message, retryAfterMillis })

    const call = <A, E>(run: (client: Client) => Effect.Effect<A, E | RpcClientError>) =>
      Effect.flatMap(connection, (used) => {
        const since = used.received
        return run(used.client).pipe(
          Effect.onExit((exit) => Effect.sync(() => void (Exit.isInterrupted(exit) || used.received++))),
          Effect.timeoutTo({
            duration: deadline,
            onSuccess: (answer): Effect.Effect<A, TransportError> => Effect.succeed(answer),
            onTimeout: () => silent(used, since)
          }),
          Effect.flatten,
          Effect.catchAllCause((cause) =>
            used.lost !== undefined && Cause.isInterruptedOnly(cause) ? Effect.fail(used.lost) : Effect.failCause(cause)
          ),
          Effect.catchAll((error): Effect.Effect<never, Exclude<E, RpcClientError | Rejected> | TransportError> =>
            isLost(error)
              ? lost(used, error)
              : Effect.fail(isRejected(error) ? rejected(error) : (error as Exclude<E, RpcClientError | Rejected>))
          ),
          // The library reports two failures as a defect: an answer that does not decode, and a defect of the server.
          Effect.catchAllDefect((defect) => Effect.fail(new ProtocolError({ message: `The server's answer: ${text(defect)}.` })))
        )
      })

    const look = <A, E>(run: (client: Client) => Effect.Effect<A, E | Overloaded | RpcClientError>) =>
      Effect.mapError(call(run), (error): Exclude<E, RpcClientError | Rejected | Overloaded> | TransportError =>
        error instanceof Overloaded
          ? later(error)
          : (error as Exclude<E, RpcClientError | Rejected | Overloaded> | TransportError)
      )

    const follow: Transport["follow"] = (request) =>
      request.stream !== undefined && !isStreamName(request.stream)
        ? Stream.fail(new ProtocolError({ message: `This is not a stream: ${String(request.stream)}.` }))
        : Stream.unwrap(
            Effect.map(connection, (used) => {
              const since = used.received
              return used.client.follow(request, { streamBufferSize: 256 }).pipe(
                Stream.mapChunks((frames) => {
                  used.received++
                  return frames
                }),
                Deadlines.firstWithin(deadline, silent(used, since)),
                Stream.filter(isFrame),
                Stream.catchAll((error): Stream.Stream<never, CursorError | StorageUnavailable | TransportError> =>
                  isLost(error)
                    ? Stream.fromEffect(lost(used, error))
                    : Stream.fail(isRejected(error) ? rejected(error) : error instanceof Overloaded ? later(error) : error)
                ),
                Stream.catchAllCause((cause) =>
                  cause._tag === "Die"
                    ? Stream.fail(new ProtocolError({ message: `The server's answer: ${text(cause.defect)}.` }))
                    : used.lost !== undefined && Cause.isInterruptedOnly(cause)
                      ? Stream.fail(used.lost)
                      : Stream.failCause(cause)
                )
              )
            })
          )

    return {
      address: options.url,
      follow,
      dispatch: (command) => call((client) => client.dispatch({ command })),
      commandStatus: (commandId) => look((client) => client.commandStatus({ commandId })),
      state: look((client) => client.state()),
      threads: (page) => look((client) => client.threads(page)),
      thread: (threadId) => look((client) => client.thread({ threadId })),
      turns: (threadId, page) => look((client) => client.turns({ threadId, ...page })),
      items: (threadId, page) => look((client) => client.items({ threadId, ...page })),
      search: (request) => look((client) => client.search(request)),
      requests: look((client) => client.requests()),
      providers: look((client) => client.providers())
    }
  })
