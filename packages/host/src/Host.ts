/**
 * The whole service as one scoped value: it owns its data directory, ends what a dead process left, recovers, and then takes commands.
 * The same interface in process as over the wire.
 */
import type { CursorError, StorageUnavailable } from "@millrace/contracts/Errors"
import type { SubscriptionFrame } from "@millrace/contracts/Frame"
import type { Millrace } from "@millrace/contracts/Millrace"
import { type ProviderAdapter, Providers } from "@millrace/contracts/ProviderAdapter"
import { ok, type Ready } from "@millrace/contracts/Ready"
import * as DataDirectory from "@millrace/log/DataDirectory"
import { EventLog, type LogUnavailable } from "@millrace/log/EventLog"
import * as EventLogMemory from "@millrace/log/EventLogMemory"
import * as EventLogSqlite from "@millrace/log/EventLogSqlite"
import * as Directories from "@millrace/orchestration/Directories"
import * as Dispatcher from "@millrace/orchestration/Dispatcher"
import * as Engine from "@millrace/orchestration/Engine"
import * as Import from "@millrace/orchestration/Import"
import * as Reaper from "@millrace/orchestration/Reaper"
import * as Recovery from "@millrace/orchestration/Recovery"
import * as Signals from "@millrace/orchestration/Signals"
import * as Timers from "@millrace/orchestration/Timers"
import * as Transfer from "@millrace/orchestration/Transfer"
import * as Views from "@millrace/orchestration/Views"
import * as Ledger from "@millrace/providers/process/Ledger"
import * as Registry from "@millrace/providers/Registry"
import { Context, type Duration, Effect, Layer, Option, type Stream } from "effect"
import * as AgentMemory from "./AgentMemory.ts"
import * as Consumers from "./Consumers.ts"
import * as Figures from "./Figures.ts"
import * as Room from "./Room.ts"
import * as Shutdown from "./Shutdown.ts"
import * as Steps from "./Steps.ts"
import * as Subscription from "./Subscription.ts"
import * as Waiting from "./Waiting.ts"

/** Bounds; the defaults are those of the rooms. */
export interface Limits {
  readonly engine?: Engine.Options
  readonly dispatcher?: Dispatcher.Options
  /** When silence ends a turn or a session. */
  readonly reaper?: Reaper.Options
  /** How many signals are kept, and how often readers hear of them. */
  readonly signals?: Signals.Options
  /** How long everything has when the scope closes and nobody began a shutdown. Default 10 s. */
  readonly closeWithin?: Duration.DurationInput
  /** For tests. */
  readonly onStep?: Steps.OnStep
}

export interface Options extends Limits {
  /** Absolute path; created when it is not there. One host at a time owns it. */
  readonly dataDir: string
  /** Default FULL: an accepted command survives power loss; NORMAL: it survives the death of the process. */
  readonly synchronous?: "FULL" | "NORMAL"
  readonly providers?: Registry.RegistryOptions
  /** A log of one's own, in place of the SQLite file of the data directory; built once, for this host. */
  readonly store?: Layer.Layer<EventLog, LogUnavailable>
}

/** A host without a directory of its own: what it knows is gone with it, unless the store outlives it. */
export interface MemoryOptions extends Limits {
  /** The agents. */
  readonly adapters: ReadonlyArray<ProviderAdapter>
  /** Default: a log in memory. */
  readonly store?: Layer.Layer<EventLog, LogUnavailable>
  /** The directories that projects may be in. Default: those of this machine. */
  readonly directories?: ReadonlyArray<string>
}

export class Host extends Context.Tag("@millrace/host/Host")<
  Host,
  Millrace &
    Context.Tag.Service<typeof Transfer.Transfer> & {
      /**
       * As `follow`, with a delivery of one's own: never blocks the log, commands or another consumer, whatever this one does. Lives in whoever runs it;
       * cut, it is gone on with by the cursor of the last event.
       */
      readonly subscribe: (options: Subscription.Options) => Stream.Stream<SubscriptionFrame, CursorError | StorageUnavailable>
      /** What is going on now, in numbers. */
      readonly figures: Effect.Effect<Figures.Figures>
      /** True from the moment a shutdown began. */
      readonly draining: Effect.Effect<boolean>
      /** Whether requests are taken now, and why not. */
      readonly ready: Effect.Effect<Ready>
      readonly beginShutdown: Shutdown.Shutdown["begin"]
      /** Returns when a shutdown began, whoever began it: the owner then finishes it. */
      readonly shutdownBegun: Shutdown.Shutdown["awaitBegun"]
      readonly finishShutdown: Shutdown.Shutdown["finish"]
      readonly shutdown: Shutdown.Shutdown["discard"]
      readonly forceShutdown: Shutdown.Shutdown["force"]
    }
>() {}

/** The agents of a dead server do not go on: before anything is spawned or decided (P1, T5). */
const reaped = (onStep: Steps.OnStep | undefined) =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const { killed, left } = yield* (yield* Ledger.Ledger).reap
      if (killed.length > 0) yield* Effect.logInfo(`Ended ${killed.length} agent processes of an earlier server.`)
      for (const { pid, command } of left)
        yield* Effect.logWarning(`Process ${pid} (${command}) may be left of an earlier server.`)
      onStep?.("recovery-reaped")
    })
  )

const service = ({ onStep }: Limits) =>
  Effect.gen(function* () {
    const engine = yield* Engine.Engine
    const { adapters } = yield* Providers
    const log = yield* EventLog
    const closing = yield* Room.Closing
    const consumers = yield* Consumers.make(log, yield* Signals.Signals)
    const dispatcher = yield* Dispatcher.Dispatcher
    const shutdown = yield* Shutdown.make({
      engine,
      dispatcher,
      log,
      consumers,
      onBegin: ({ deadlineAt }) => closing.by(deadlineAt),
      ...(onStep === undefined ? {} : { onStep })
    })
    // The backstop of an owner that began no shutdown: the same order, and nobody is waited for who may not read any more.
    yield* Effect.addFinalizer(() =>
      Effect.flatMap(closing.left, (deadline) => shutdown.discard({ deadline, mode: "now" })).pipe(
        Effect.zipRight(consumers.leave)
      )
    )
    const views = yield* Views.Views
    return Host.of({
      ...views,
      ...Waiting.shown(views, engine),
      ...(yield* Effect.provideServiceEffect(Transfer.make, Import.Import, Import.make)),
      dispatch: engine.dispatch,
      commandStatus: engine.commandStatus,
      follow: (options) => Subscription.lossless(log, consumers, options),
      subscribe: (options) => Subscription.frames(log, consumers, options),
      // As many as the configuration names; a slow one holds up no other.
      providers: Effect.forEach(Array.from(adapters.values()), (adapter) => adapter.probe, { concurrency: "unbounded" }),
      figures: Figures.make({ engine, dispatcher, log, consumers }),
      draining: shutdown.begun,
      ready: Effect.zipWith(shutdown.begun, log.lost, (begun, lost): Ready => {
        if (begun) return { status: "draining" }
        return Option.match(lost, { onNone: () => ok, onSome: (reason): Ready => ({ status: "unavailable", reason }) })
      }),
      beginShutdown: shutdown.begin,
      shutdownBegun: shutdown.awaitBegun,
      finishShutdown: shutdown.finish,
      shutdown: shutdown.discard,
      forceShutdown: shutdown.force
    })
  })

const closing = ({ closeWithin = "10 seconds" }: Limits) => Room.closing(closeWithin)

/** Each room with a closing of its own; they end in reverse: consumers and sessions, dispatcher, engine. */
const core = (limits: Limits) =>
  Room.make("The host", Layer.scoped(Host, service(limits))).pipe(
    Layer.provideMerge(Room.make("The reaper", Reaper.layer(limits.reaper))),
    Layer.provideMerge(Room.make("The timers", Timers.layer())),
    Layer.provideMerge(Room.make("The dispatcher", Dispatcher.layer(limits.dispatcher))),
    Layer.provideMerge(Room.make("The engine", Layer.provideMerge(Recovery.layerOf(limits.onStep), Engine.layer(limits.engine)))),
    Layer.provideMerge(Layer.merge(Views.layer, Signals.layer(limits.signals)))
  )

/**
 * The host over the rooms an embedder gives: any log, any agents, any directories, any clock (`Layer.setClock`). Ready when it is built: recovered, and
 * taking commands.
 */
export const layerOver = (limits: Limits = {}) => Layer.provide(core(limits), closing(limits))

/** Builds in this order and ends in reverse: directory, log, ledger, agents, engine, recovery, dispatcher. */
export const layer = (options: Options) => {
  const inDirectory = Layer.unwrapEffect(
    Effect.map(DataDirectory.DataDirectory, ({ anchorFile, logFile }) =>
      EventLogSqlite.layer({
        file: logFile,
        anchor: anchorFile,
        ...(options.synchronous === undefined ? {} : { synchronous: options.synchronous }),
        ...Steps.inLog(options.onStep)
      })
    )
  )
  const ledger = Steps.inLedger(
    Layer.unwrapEffect(Effect.map(DataDirectory.DataDirectory, ({ file }) => Ledger.layer(file("processes")))),
    options.onStep
  )
  return core(options).pipe(
    Layer.provide(AgentMemory.layer),
    Layer.provideMerge(
      Layer.merge(Room.make("The agents", Steps.inAgents(Registry.layer(options.providers), options.onStep)), Directories.layer)
    ),
    Layer.provideMerge(Room.make("The process ledger", Layer.provideMerge(reaped(options.onStep), ledger))),
    Layer.provideMerge(Room.make("The log", options.store ?? inDirectory)),
    Layer.provideMerge(Room.make("The data directory", DataDirectory.layer(options.dataDir))),
    Layer.provide(closing(options))
  )
}

/** Everything in memory: for tests, and for embedders without durability. */
export const layerMemory = (options: MemoryOptions) =>
  core(options).pipe(
    Layer.provideMerge(
      Layer.merge(
        Layer.succeed(Providers, { adapters: new Map(options.adapters.map((adapter) => [adapter.name, adapter])) }),
        options.directories === undefined ? Directories.layer : Directories.layerMemory(...options.directories)
      )
    ),
    Layer.provideMerge(Room.make("The log", options.store ?? EventLogMemory.layer())),
    Layer.provide(closing(options))
  )

/** The host for embedders; lives as long as the scope. */
export const make = (options: Options) => Effect.map(Layer.build(layer(options)), (context) => Context.get(context, Host))
