/**
 * The host for embedders that do not use Effect: promises, async iterables, `await using` where the runtime supports it. A promise rejects with the
 * typed error itself, including its `_tag`.
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

/** A method that returns an effect, converted to one that returns a promise. */
type Promised<K extends keyof Service> = Service[K] extends (...args: infer Args) => infer Result
  ? (...args: Args) => Promise<Success<Result>>
  : () => Promise<Success<Service[K]>>

/** Options of a host with a data directory, or of one in memory. */
export type CreateOptions = (Host.Options | Host.MemoryOptions) & {
  /** Layers for the host's runtime, such as a clock (`Layer.setClock`), a logger or a tracer. */
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
  /** Ends after `bye` or `end`; rejects with a cursor error. Leaving the loop ends the subscription. */
  readonly follow: (options?: Parameters<Millrace["follow"]>[0]) => AsyncIterable<Frame>
  readonly subscribe: (options: Subscription.Options) => AsyncIterable<SubscriptionFrame>
  readonly beginShutdown: Promised<"beginShutdown">
  /** Waits for the end of the shutdown. Rejects with `ShutdownIncomplete`. Meanwhile, read every subscription to its end. */
  readonly finishShutdown: Promised<"finishShutdown">
  /** Makes a shutdown that has begun stop waiting for turns, agents and consumers. */
  readonly forceShutdown: Promised<"forceShutdown">
  /** Begins and finishes a shutdown without waiting for subscriptions. */
  readonly shutdown: (options?: Shutdown.BeginOptions) => Promise<Shutdown.Report>
  /** Shuts down if no shutdown has begun, then closes agents, log and data directory. `await using` calls it. */
  readonly close: () => Promise<void>
}

const layerOf = (options: CreateOptions) =>
  ("dataDir" in options ? Host.layer(options) : Host.layerMemory(options)).pipe(Layer.provide(options.runtime ?? Layer.empty))

const settle = <A, E>(exit: Exit.Exit<A, E>): A => {
  if (Exit.isSuccess(exit)) return exit.value
  throw Cause.squash(exit.cause)
}

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
