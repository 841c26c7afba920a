/**
 * The client for programs that do not use Effect: promises, async iterables, `await using` where the runtime supports it. A promise rejects with the
 * typed error, not with a wrapper of it: its `_tag` says which one it is.
 */
import { defined } from "@millrace/contracts/Defined"
import * as Command from "@millrace/contracts/Command"
import type { EventFilter } from "@millrace/contracts/Filter"
import type { Frame } from "@millrace/contracts/Frame"
import { CommandId, type ThreadId } from "@millrace/contracts/Ids"
import type { ExportFormat, ImportResult } from "@millrace/contracts/Import"
import * as Iterable from "@millrace/contracts/Iterable"
import { type Promised, settle, type Source, withBytes } from "@millrace/contracts/Promised"
import { Deferred, Effect, Exit, Runtime, Scope } from "effect"
import * as BrowserWebSocket from "./BrowserWebSocket.ts"
import * as Client from "./Client.ts"
import * as CommandIds from "./CommandIds.ts"
import type * as Follow from "./Follow.ts"
import type { HttpTransfer } from "./HttpTransfer.ts"
import * as HttpTransport from "./HttpTransport.ts"
import type { Blob } from "@millrace/contracts/Blob"
import * as RpcTransport from "./RpcTransport.ts"
import { Disconnected } from "./TransportError.ts"

export interface CreateOptions extends HttpTransport.Options {
  /** The transport of calls and events. Exports and imports always use HTTP. Default: `http`, which needs only `fetch`. */
  readonly transport?: "http" | "websocket"
  /** Called when `follow` is connected, and each time before it waits to connect again. */
  readonly onStatus?: (status: Follow.Status) => void
}

export interface FollowOptions extends EventFilter {
  /** The cursor of the last event that you processed. Default: the start of the log. */
  readonly after?: string
  /** When the signal aborts, the loop rejects with the signal's reason. */
  readonly signal?: AbortSignal
}

type Service = Client.Client & HttpTransfer
/** Methods of `Client` whose signature differs here. */
type Adapted = "address" | "dispatch" | "follow" | "exportThread" | "importThread" | "putBlob" | "getBlob"

/** Every method of `Client`, and the methods that export and import threads. The client sends queries and commands again after a lost answer, but not exports and imports. */
export interface PromiseClient
  extends AsyncDisposable, Readonly<{ [K in Exclude<keyof Service, Adapted>]: Promised<Service, K> }> {
  readonly address: string
  /**
   * Sends the command at most 8 times, always with its id, so the command runs at most once. Resolves when it is committed. After a `Disconnected` the
   * outcome may be unknown: send the same id again.
   */
  readonly dispatch: (command: Command.Command) => Promise<Command.Accepted>
  /** Like `dispatch`, with a new id unless you choose one. */
  readonly command: <T extends Command.CommandType>(
    type: T,
    body: Command.BodyOf<T>,
    options?: { readonly commandId?: string }
  ) => Promise<Command.Accepted>
  /**
   * Every event after the cursor once, in order, over any number of connections. Ends after `end`, or when the client closes. Rejects with an error
   * that a new connection cannot repair. Leaving the loop ends the connection.
   */
  readonly follow: (options?: FollowOptions) => AsyncIterable<Frame>
  /** The bytes of the document in parts. The loop rejects before its first part if there is no such thread. */
  readonly exportThread: (threadId: ThreadId, format: ExportFormat) => AsyncIterable<Uint8Array>
  /** Streams the source to the server. If the source throws, the promise rejects with the same error, and nothing is imported. */
  readonly importThread: (options: { readonly source: Source; readonly cwd?: string | undefined }) => Promise<ImportResult>
  /** Stores content of at most 32 MiB under its hash. If the source throws, the promise rejects with the same error. */
  readonly putBlob: (source: Source, mediaType: string) => Promise<Blob>
  /** The content of a blob in parts. The loop rejects before its first part if there is no such blob. */
  readonly getBlob: (hash: string) => AsyncIterable<Uint8Array>
  /** Ends every `follow` loop, rejects exports and calls in flight with `Disconnected`, and closes the connections. `await using` calls it. */
  readonly close: () => Promise<void>
}

const isNode = globalThis.process?.versions?.node !== undefined

/** Puts the token into a header of the upgrade request in Node, and into a subprotocol in a browser. Without a token a browser sends its cookie. */
const openWebSocket = async ({ token }: CreateOptions) => {
  if (globalThis.WebSocket !== undefined && token === undefined) return undefined
  return token === undefined || isNode ? (await import("./NodeWebSocket.ts")).open(token) : BrowserWebSocket.open(token)
}

const websocket = async (options: CreateOptions, scope: Scope.Scope) => {
  const { deadline, lenient, url } = options
  const webSocket = await openWebSocket(options)
  const made = RpcTransport.make({
    url: `${url.replace(/^http/, "ws").replace(/\/+$/, "")}/rpc${lenient === true ? "?lenient=1" : ""}`,
    ...defined({ webSocket, deadline })
  })
  return Effect.runSync(Scope.extend(made, scope))
}

/** Connects when the first call needs a connection. Rejects with a `TypeError` if the URL is not an `http` or `https` URL. */
export const createClient = async (options: CreateOptions): Promise<PromiseClient> => {
  const { onStatus } = options
  const scope = Effect.runSync(Scope.make())
  const http = HttpTransport.make(options)
  const transport = options.transport === "websocket" ? await websocket(options, scope) : http
  const client = Client.make(transport, {
    ...(onStatus !== undefined && { follow: { onStatus: (status) => Effect.sync(() => onStatus(status)) } })
  })

  const closed = Effect.runSync(Deferred.make<never, Disconnected>())
  let closing: Promise<void> | undefined
  const close = () => {
    Deferred.unsafeDone(closed, Exit.fail(new Disconnected({ message: "The client was closed before the answer came." })))
    return (closing ??= Effect.runPromise(Scope.close(scope, Exit.void)))
  }
  /** The error of an unfinished download. Without an error, the received part of the document would look complete. */
  const cut = () => new Disconnected({ message: "The client was closed before the document was complete." })
  const run = async <A, E>(effect: Effect.Effect<A, E>): Promise<A> => {
    if (closing !== undefined) throw new Disconnected({ message: "The client is closed. Create another one.", unsent: true })
    return settle(await Effect.runPromiseExit(Effect.raceFirst(Deferred.await(closed), effect)))
  }
  const dispatch: PromiseClient["dispatch"] = (command) => run(client.dispatch(command))
  const runtime = Runtime.defaultRuntime

  return {
    address: client.address,
    dispatch,
    command: async (type, body, { commandId } = {}) =>
      dispatch(Command.make(commandId === undefined ? Effect.runSync(CommandIds.random) : CommandId.make(commandId), type, body)),
    commandStatus: (commandId) => run(client.commandStatus(commandId)),
    state: () => run(client.state),
    threads: (page) => run(client.threads(page)),
    thread: (threadId) => run(client.thread(threadId)),
    turns: (threadId, page) => run(client.turns(threadId, page)),
    items: (threadId, page) => run(client.items(threadId, page)),
    search: (request) => run(client.search(request)),
    requests: () => run(client.requests),
    providers: () => run(client.providers),
    follow: ({ signal, ...request } = {}) => Iterable.make(client.follow(request), runtime, { scope, signal }),
    exportThread: (threadId, format) => Iterable.make(http.exportThread(threadId, format), runtime, { scope, closedWith: cut }),
    putBlob: (source, mediaType) => withBytes(source, (bytes) => run(http.putBlob(bytes, mediaType))),
    getBlob: (hash) => Iterable.make(http.getBlob(hash), runtime, { scope, closedWith: cut }),
    importThread: ({ source, ...where }) => withBytes(source, (bytes) => run(http.importThread(bytes, where))),
    nativeThreads: (provider, where) => run(http.nativeThreads(provider, where)),
    importNative: (which) => run(http.importNative(which)),
    close,
    [Symbol.asyncDispose]: close
  }
}
