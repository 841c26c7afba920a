/**
 * The whole service as one scoped value: it owns its data directory, ends what a dead process left, recovers, and then takes commands.
 * The same interface in process as over the wire.
 */
import type { CursorError, StorageUnavailable } from "@millrace/contracts/Errors"
import type { SubscriptionFrame } from "@millrace/contracts/Frame"
import type { Millrace } from "@millrace/contracts/Millrace"
import { Providers } from "@millrace/contracts/ProviderAdapter"
import * as DataDirectory from "@millrace/log/DataDirectory"
import { EventLog } from "@millrace/log/EventLog"
import * as EventLogSqlite from "@millrace/log/EventLogSqlite"
import * as Directories from "@millrace/orchestration/Directories"
import * as Dispatcher from "@millrace/orchestration/Dispatcher"
import * as Engine from "@millrace/orchestration/Engine"
import * as Recovery from "@millrace/orchestration/Recovery"
import * as Views from "@millrace/orchestration/Views"
import * as Ledger from "@millrace/providers/process/Ledger"
import * as Registry from "@millrace/providers/Registry"
import { Context, Effect, Layer, type Stream } from "effect"
import * as Consumers from "./Consumers.ts"
import * as Shutdown from "./Shutdown.ts"
import * as Subscription from "./Subscription.ts"

export interface Options {
  /** Absolute path; created when it is not there. One host at a time owns it. */
  readonly dataDir: string
  /** Default FULL: an accepted command survives power loss; NORMAL: it survives the death of the process. */
  readonly synchronous?: "FULL" | "NORMAL"
  readonly providers?: Registry.RegistryOptions
  readonly engine?: Engine.Options
  readonly dispatcher?: Dispatcher.Options
}

export class Host extends Context.Tag("@millrace/host/Host")<
  Host,
  Millrace & {
    /**
     * As `follow`, with a delivery of one's own: never blocks the log, commands or another consumer, whatever this one does. Lives in whoever runs it;
     * cut, it is gone on with by the cursor of the last event.
     */
    readonly subscribe: (options: Subscription.Options) => Stream.Stream<SubscriptionFrame, CursorError | StorageUnavailable>
    /** True from the moment a shutdown began. */
    readonly draining: Effect.Effect<boolean>
    readonly beginShutdown: Shutdown.Shutdown["begin"]
    readonly finishShutdown: Shutdown.Shutdown["finish"]
  }
>() {}

/** Builds in this order and ends in reverse: directory, log, ledger, agents, engine, recovery, dispatcher. */
const rooms = (options: Options) => {
  const store = Layer.unwrapEffect(
    Effect.map(DataDirectory.DataDirectory, ({ logFile }) =>
      EventLogSqlite.layer({ file: logFile, ...(options.synchronous === undefined ? {} : { synchronous: options.synchronous }) })
    )
  )
  const ledger = Layer.unwrapEffect(Effect.map(DataDirectory.DataDirectory, ({ file }) => Ledger.layer(file("processes"))))
  /** Before anything is spawned or decided: no agent of a dead server goes on (P1, T5). */
  const reaped = Layer.effectDiscard(
    Effect.gen(function* () {
      const { killed, left } = yield* (yield* Ledger.Ledger).reap
      if (killed.length > 0) yield* Effect.logInfo(`Ended ${killed.length} agent processes of an earlier server.`)
      for (const { pid, command } of left)
        yield* Effect.logWarning(`Process ${pid} (${command}) may be left of an earlier server.`)
    })
  )
  return Dispatcher.layer(options.dispatcher).pipe(
    Layer.provideMerge(Recovery.layer),
    Layer.provideMerge(Engine.layer(options.engine)),
    Layer.provideMerge(Layer.merge(Registry.layer(options.providers), Layer.merge(Directories.layer, Views.layer))),
    Layer.provideMerge(reaped),
    Layer.provideMerge(ledger),
    Layer.provideMerge(store),
    Layer.provideMerge(DataDirectory.layer(options.dataDir))
  )
}

const service = Effect.gen(function* () {
  const engine = yield* Engine.Engine
  const { adapters } = yield* Providers
  const log = yield* EventLog
  const consumers = yield* Consumers.make(log)
  const shutdown = yield* Shutdown.make(engine, yield* Dispatcher.Dispatcher, log.head)
  return Host.of({
    ...(yield* Views.Views),
    dispatch: engine.dispatch,
    commandStatus: engine.commandStatus,
    follow: (options) => Subscription.lossless(log, consumers, options),
    subscribe: (options) => Subscription.frames(log, consumers, options),
    providers: Effect.forEach(Array.from(adapters.values()), (adapter) => adapter.probe, { concurrency: "unbounded" }),
    draining: shutdown.begun,
    beginShutdown: shutdown.begin,
    finishShutdown: shutdown.finish
  })
})

/** Ready when it is built: recovered, and taking commands. With the log and the data directory for those that serve them. */
export const layer = (options: Options) => Layer.provideMerge(Layer.scoped(Host, service), rooms(options))

/** The host for embedders; lives as long as the scope. */
export const make = (options: Options) => Effect.map(Layer.build(layer(options)), (context) => Context.get(context, Host))
