/**
 * The host for embedders that do not use Effect: promises, async iterables, `await using` where the runtime supports it. A promise rejects with the
 * typed error itself, including its `_tag`.
 */
import type { ExportFormat, ImportResult } from "@millrace/contracts/Import"
import type { Frame, SubscriptionFrame } from "@millrace/contracts/Frame"
import type { ThreadId } from "@millrace/contracts/Ids"
import * as Iterable from "@millrace/contracts/Iterable"
import type { Millrace } from "@millrace/contracts/Millrace"
import { type Promised, settle, type Source, withBytes } from "@millrace/contracts/Promised"
import { Context, Effect, ExecutionStrategy, Exit, Layer, Runtime, Scope, Stream } from "effect"
import * as Fibers from "./Fibers.ts"
import * as Host from "./Host.ts"
import type * as Shutdown from "./Shutdown.ts"
import type { Blob } from "@millrace/contracts/Blob"
import * as Spool from "./Spool.ts"
import type * as Subscription from "./Subscription.ts"

type Service = typeof Host.Host.Service

/** Options of a host with a data directory, or of one in memory. */
export type CreateOptions = (Host.Options | Host.MemoryOptions) & {
  /** Layers for the host's runtime, such as a clock (`Layer.setClock`), a logger or a tracer. */
  readonly runtime?: Layer.Layer<never>
}

/** Methods whose signature differs here. */
type Adapted = "putBlob" | "getBlob" | "follow" | "subscribe" | "exportThread" | "importThread" | "shutdown" | "addReaders"

/** Every method of `Host`. */
export interface PromiseHost extends AsyncDisposable, Readonly<{ [K in Exclude<keyof Service, Adapted>]: Promised<Service, K> }> {
  /** Ends after `bye` or `end`; rejects with a cursor error. Leaving the loop ends the subscription. */
  readonly follow: (options?: Parameters<Millrace["follow"]>[0]) => AsyncIterable<Frame>
  readonly subscribe: (options: Subscription.Options) => AsyncIterable<SubscriptionFrame>
  /** Stores content of at most 32 MiB. If the source throws, the promise rejects with the same error. */
  readonly putBlob: (source: Source, mediaType: string) => Promise<Blob>
  /** The content in parts. Rejects if there is no such blob. */
  readonly getBlob: (hash: string) => Promise<Blob & { readonly content: AsyncIterable<Uint8Array> }>
  /** The document in parts. The loop rejects before its first part if there is no such thread. */
  readonly exportThread: (threadId: ThreadId, format: ExportFormat) => AsyncIterable<string>
  /** The source is read once, into a temporary file, and validated before anything is written. If it throws, the promise rejects with the same error. */
  readonly importThread: (options: {
    readonly source: Source
    /** A directory of this machine, in place of the export's. */
    readonly cwd?: string | undefined
    readonly actor?: string | undefined
  }) => Promise<ImportResult>
  /** Retention waits for readers at these offsets until the returned function is called. */
  readonly addReaders: (positions: () => globalThis.Iterable<number>) => Promise<() => Promise<void>>
  /** Begins and finishes a shutdown without waiting for subscriptions. */
  readonly shutdown: (options?: Shutdown.BeginOptions) => Promise<Shutdown.Report>
  /** Shuts down if no shutdown has begun, then closes agents, log and data directory. `await using` calls it. */
  readonly close: () => Promise<void>
}

const layerOf = (options: CreateOptions) =>
  ("dataDir" in options ? Host.layer(options) : Host.layerMemory(options)).pipe(Layer.provide(options.runtime ?? Layer.empty))

/** Resolves when the host has recovered and accepts commands. If it cannot start, closes everything and rejects. */
export const createHost = async (options: CreateOptions): Promise<PromiseHost> => {
  const scope = Effect.runSync(Scope.make())
  const built = await Effect.runPromiseExit(Layer.toRuntime(layerOf(options)).pipe(Scope.extend(scope), Fibers.withServerRuntime))
  let closing: Promise<void> | undefined
  const close = () => (closing ??= Effect.runPromise(Fibers.withServerRuntime(Scope.close(scope, Exit.void))))
  if (Exit.isFailure(built)) await close()
  const runtime = settle(built)
  const run = async <A, E>(effect: Effect.Effect<A, E>): Promise<A> => settle(await Runtime.runPromiseExit(runtime)(effect))
  const host = Context.get(runtime.context, Host.Host)

  return {
    dispatch: (command, actor) => run(host.dispatch(command, actor)),
    dispatchChild: (parent, command, actor) => run(host.dispatchChild(parent, command, actor)),
    descendants: (threadId) => run(host.descendants(threadId)),
    commandStatus: (commandId) => run(host.commandStatus(commandId)),
    state: () => run(host.state),
    threads: (page) => run(host.threads(page)),
    thread: (threadId) => run(host.thread(threadId)),
    turns: (threadId, page) => run(host.turns(threadId, page)),
    items: (threadId, page) => run(host.items(threadId, page)),
    search: (request) => run(host.search(request)),
    searchFiles: (threadId, search) => run(host.searchFiles(threadId, search)),
    readFile: (threadId, path) => run(host.readFile(threadId, path)),
    gitSummary: (threadId) => run(host.gitSummary(threadId)),
    diff: (threadId, range) => run(host.diff(threadId, range)),
    patch: (threadId, range) => run(host.patch(threadId, range)),
    previewRewind: (threadId, request) => run(host.previewRewind(threadId, request)),
    worktrees: () => run(host.worktrees),
    requests: () => run(host.requests),
    providers: () => run(host.providers),
    stats: () => run(host.stats),
    draining: () => run(host.draining),
    ready: () => run(host.ready),
    packLog: () => run(host.packLog),
    pruneLog: (request) => run(host.pruneLog(request)),
    follow: (request = {}) => Iterable.make(host.follow(request), runtime),
    subscribe: (request) => Iterable.make(host.subscribe(request), runtime),
    putBlob: (source, mediaType) => withBytes(source, (bytes) => run(host.putBlob(bytes, mediaType))),
    getBlob: async (hash) => {
      const { content, ...blob } = await run(host.getBlob(hash))
      return { ...blob, content: Iterable.make(content, runtime) }
    },
    exportThread: (threadId, format) => Iterable.make(Stream.unwrap(host.exportThread(threadId, format)), runtime),
    importThread: ({ source, ...options }) =>
      withBytes(source, (bytes) =>
        run(
          Effect.scoped(
            Effect.flatMap(Spool.make(bytes, Number.MAX_SAFE_INTEGER), (spooled) =>
              host.importThread({ source: spooled.bytes, ...options })
            )
          )
        )
      ),
    addReaders: async (positions) => {
      const readers = await run(Scope.fork(scope, ExecutionStrategy.sequential))
      await run(Scope.extend(host.addReaders(positions), readers))
      return () => run(Scope.close(readers, Exit.void))
    },
    nativeThreads: (provider, options) => run(host.nativeThreads(provider, options)),
    importNative: (options) => run(host.importNative(options)),
    beginShutdown: (request) => run(host.beginShutdown(request)),
    shutdownBegun: () => run(host.shutdownBegun),
    finishShutdown: (token) => run(host.finishShutdown(token)),
    forceShutdown: () => run(host.forceShutdown),
    shutdown: (request = { deadline: "10 seconds", mode: "drain" }) => run(host.shutdown(request)),
    close,
    [Symbol.asyncDispose]: close
  }
}
