/**
 * The RPC interface over one WebSocket (JSON). A connection is made when it is needed and thrown away when it fails: there is no second
 * reconnect loop below Follow.ts and Outbox.ts.
 */
import * as Socket from "@effect/platform/Socket"
import * as RpcClient from "@effect/rpc/RpcClient"
import type { RpcClientError } from "@effect/rpc/RpcClientError"
import type * as RpcGroup from "@effect/rpc/RpcGroup"
import * as RpcSerialization from "@effect/rpc/RpcSerialization"
import { Effect, Exit, Layer, Schedule, Schema, Scope, Stream, SynchronizedRef } from "effect"
import { BadRequest, Unauthorized, type CursorError, type StorageUnavailable } from "@millrace/contracts/Errors"
import { Streams } from "@millrace/contracts/Filter"
import { isFrame } from "@millrace/contracts/Frame"
import { MillraceRpcs } from "@millrace/contracts/Rpc"
import type { Transport } from "./Transport.ts"
import { disconnected, ProtocolError, refused, type TransportError } from "./TransportError.ts"

type Client = RpcClient.RpcClient<RpcGroup.Rpcs<typeof MillraceRpcs>, RpcClientError>

interface Connection {
  readonly client: Client
  readonly scope: Scope.CloseableScope
}

export interface Options {
  /** Like `ws://127.0.0.1:7717/rpc`. */
  readonly url: string
  /**
   * Opens the socket. The token goes into its request where the platform can (a header in Node, the session cookie in a browser),
   * never into the URL (X1). Default: the global `WebSocket`.
   */
  readonly webSocket?: (url: string) => globalThis.WebSocket
}

const text = (cause: unknown): string => {
  if (cause instanceof Socket.SocketGenericError) return text(cause.cause)
  if (cause !== null && typeof cause === "object" && "message" in cause) return String(cause.message)
  return String(cause)
}
const isStreamName = Schema.is(Streams)

const encodeBadRequest = Schema.encodeSync(BadRequest)

export const make = (options: Options): Effect.Effect<Transport, never, Scope.Scope> =>
  Effect.gen(function* () {
    const open = options.webSocket ?? ((url: string) => new globalThis.WebSocket(url))
    const protocol = RpcClient.layerProtocolSocket({ retrySchedule: Schedule.stop }).pipe(
      Layer.provide(Socket.layerWebSocket(options.url)),
      Layer.provide(Layer.succeed(Socket.WebSocketConstructor, (url) => open(url))),
      Layer.provide(RpcSerialization.layerJson)
    )
    const current = yield* SynchronizedRef.make<Connection | undefined>(undefined)

    const connect = Effect.gen(function* () {
      const scope = yield* Scope.make()
      const client = yield* Layer.buildWithScope(Layer.fresh(protocol), scope).pipe(
        Effect.flatMap((context) => RpcClient.make(MillraceRpcs, { disableTracing: true }).pipe(Effect.provide(context))),
        Scope.extend(scope)
      )
      return { client, scope }
    }).pipe(Effect.uninterruptible)
    const connection = SynchronizedRef.modifyEffect(current, (held) =>
      Effect.map(held === undefined ? connect : Effect.succeed(held), (live) => [live, live] as const)
    )
    const drop = (failed: Connection | undefined) =>
      SynchronizedRef.getAndUpdate(current, (held) => (held === failed ? undefined : held)).pipe(
        Effect.flatMap((held) => (held !== undefined && held === failed ? Scope.close(held.scope, Exit.void) : Effect.void))
      )
    yield* Effect.addFinalizer(() => Effect.flatMap(SynchronizedRef.get(current), drop))

    const lost = (used: Connection, error: RpcClientError): Effect.Effect<never, TransportError> => {
      const said = text(error.cause)
      return Effect.zipRight(
        drop(used),
        Effect.fail(
          /\b40[13]\b/.test(said)
            ? new Unauthorized({ message: `${options.url} does not accept this token` })
            : disconnected(options.url, said)
        )
      )
    }
    const isLost = (error: unknown): error is RpcClientError =>
      error !== null && typeof error === "object" && "_tag" in error && error._tag === "RpcClientError"

    /** As over HTTP: the server did not take what was sent. */
    const unread = (error: BadRequest) => refused(400, JSON.stringify(encodeBadRequest(error)))

    const call = <A, E>(run: (client: Client) => Effect.Effect<A, E | RpcClientError>) =>
      Effect.flatMap(connection, (used) =>
        run(used.client).pipe(
          Effect.catchAll((error): Effect.Effect<never, Exclude<E, RpcClientError | BadRequest> | TransportError> =>
            isLost(error)
              ? lost(used, error)
              : Effect.fail(error instanceof BadRequest ? unread(error) : (error as Exclude<E, RpcClientError | BadRequest>))
          ),
          // The library gives an answer that does not decode, and a defect of the server, as a defect here.
          Effect.catchAllDefect((defect) => Effect.fail(new ProtocolError({ message: `The server's answer: ${text(defect)}` })))
        )
      )

    const follow: Transport["follow"] = (request) =>
      request.stream !== undefined && !isStreamName(request.stream)
        ? Stream.fail(new ProtocolError({ message: `This is not a stream: ${String(request.stream)}` }))
        : Stream.unwrap(
            Effect.map(connection, (used) =>
              used.client.follow(request, { streamBufferSize: 256 }).pipe(
                Stream.filter(isFrame),
                Stream.catchAll((error): Stream.Stream<never, CursorError | StorageUnavailable | TransportError> =>
                  isLost(error)
                    ? Stream.fromEffect(lost(used, error))
                    : Stream.fail(error instanceof BadRequest ? unread(error) : error)
                ),
                Stream.catchAllCause((cause) =>
                  cause._tag === "Die"
                    ? Stream.fail(new ProtocolError({ message: `The server's answer: ${text(cause.defect)}` }))
                    : Stream.failCause(cause)
                )
              )
            )
          )

    return {
      address: options.url,
      follow,
      dispatch: (command) => call((client) => client.dispatch({ command })),
      commandStatus: (commandId) => call((client) => client.commandStatus({ commandId })),
      state: call((client) => client.state()),
      threads: (page) => call((client) => client.threads(page)),
      thread: (threadId) => call((client) => client.thread({ threadId })),
      turns: (threadId, page) => call((client) => client.turns({ threadId, ...page })),
      items: (threadId, page) => call((client) => client.items({ threadId, ...page })),
      requests: call((client) => client.requests()),
      providers: call((client) => client.providers())
    }
  })
