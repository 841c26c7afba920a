/**
 * The host for embedders that do not write Effect: promises, async iterables, `await using` where the runtime has it. A rejected promise rejects with the
 * error itself, `_tag` and all.
 */
import type { Frame, SubscriptionFrame } from "@millrace/contracts/Frame"
import type { Millrace } from "@millrace/contracts/Millrace"
import { Cause, Context, Effect, Exit, Layer, Runtime, Scope } from "effect"
import * as Fibers from "./Fibers.ts"
import * as Host from "./Host.ts"
import * as Iterable from "./Iterable.ts"
import type * as Shutdown from "./Shutdown.ts"
import type * as Subscription from "./Subscription.ts"

type Service = typeof Host.Host.Service
type Success<T> = T extends Effect.Effect<infer A, infer _E, infer _R> ? A : never

/** A method that gives an effect, as one that gives a promise. */
type Promised<K extends keyof Service> = Service[K] extends (...args: infer Args) => infer Result
  ? (...args: Args) => Promise<Success<Result>>
  : () => Promise<Success<Service[K]>>

/** Options of a host with a data directory, or of one in memory. */
export type CreateOptions = (Host.Options | Host.MemoryOptions) & {
  /** More layers that the host runs under, such as a clock (`Layer.setClock`), a logger or a tracer. */
  readonly runtime?: Layer.Layer<never>
}

type Method =
  | "dispatch"
  | "commandStatus"
  | "state"
  | "threads"
  | "thread"
  | "turns"
  | "items"
  | "requests"
  | "providers"
  | "draining"

export interface PromiseHost extends AsyncDisposable, Readonly<{ [K in Method]: Promised<K> }> {
  /** Ends with `bye` or `end`, or rejects with an error of the cursor; leaving the loop ends the subscription. */
  readonly follow: (options?: Parameters<Millrace["follow"]>[0]) => AsyncIterable<Frame>
  readonly subscribe: (options: Subscription.Options) => AsyncIterable<SubscriptionFrame>
  readonly beginShutdown: Promised<"beginShutdown">
  /** Rejects with `ShutdownIncomplete`. Read every subscription to its end meanwhile. */
  readonly finishShutdown: Promised<"finishShutdown">
  /** Of one that began: nobody is waited for any more. */
  readonly forceShutdown: Promised<"forceShutdown">
  /** Both, waiting for no subscription. */
  readonly shutdown: (options?: Shutdown.BeginOptions) => Promise<Shutdown.Report>
  /** Shuts down if nobody did, then lets everything go: agents, log, directory. Also `await using`. */
  readonly close: () => Promise<void>
}

const layerOf = (options: CreateOptions) =>
  ("dataDir" in options ? Host.layer(options) : Host.layerMemory(options)).pipe(Layer.provide(options.runtime ?? Layer.empty))

const settle = <A, E>(exit: Exit.Exit<A, E>): A => {
  if (Exit.isSuccess(exit)) return exit.value
  throw Cause.squash(exit.cause)
}

/** Ready when it resolves: recovered, and taking commands. Rejects, with everything let go, when it cannot be. */
export const createHost = async (options: CreateOptions): Promise<PromiseHost> => {
  const scope = Effect.runSync(Scope.make())
  const built = await Effect.runPromiseExit(Layer.toRuntime(layerOf(options)).pipe(Scope.extend(scope), Fibers.arranged))
  let closing: Promise<void> | undefined
  const close = () => (closing ??= Effect.runPromise(Fibers.arranged(Scope.close(scope, Exit.void))))
  if (Exit.isFailure(built)) await close()
  const runtime = settle(built)
  const run = async <A, E>(effect: Effect.Effect<A, E>): Promise<A> => settle(await Runtime.runPromiseExit(runtime)(effect))
  const host = Context.get(runtime.context, Host.Host)

  return {
    dispatch: (command, actor) => run(host.dispatch(command, actor)),
    commandStatus: (commandId) => run(host.commandStatus(commandId)),
    state: () => run(host.state),
    threads: (page) => run(host.threads(page)),
    thread: (threadId) => run(host.thread(threadId)),
    turns: (threadId, page) => run(host.turns(threadId, page)),
    items: (threadId, page) => run(host.items(threadId, page)),
    requests: () => run(host.requests),
    providers: () => run(host.providers),
    draining: () => run(host.draining),
    follow: (request = {}) => Iterable.make(host.follow(request), runtime),
    subscribe: (request) => Iterable.make(host.subscribe(request), runtime),
    beginShutdown: (request) => run(host.beginShutdown(request)),
    finishShutdown: (token) => run(host.finishShutdown(token)),
    forceShutdown: () => run(host.forceShutdown),
    shutdown: (request = { deadline: "10 seconds", mode: "drain" }) => run(host.shutdown(request)),
    close,
    [Symbol.asyncDispose]: close
  }
}
