/**
 * The host is the whole service as one scoped value. It locks its data directory, ends the agent processes of a dead server, recovers, and then accepts
 * commands. Its interface is that of the remote client, and in addition subscriptions, metrics and the shutdown, which exist only in process.
 */
import { defined } from "@millrace/contracts/Defined"
import type { CursorError, StorageUnavailable } from "@millrace/contracts/Errors"
import type { ThreadId, TurnId } from "@millrace/contracts/Ids"
import type { SubscriptionFrame } from "@millrace/contracts/Frame"
import type { Millrace } from "@millrace/contracts/Millrace"
import { type ProviderAdapter, Providers } from "@millrace/contracts/ProviderAdapter"
import { ok, type Ready } from "@millrace/contracts/Ready"
import * as DataDirectory from "@millrace/log/DataDirectory"
import { EventLog, type LogUnavailable } from "@millrace/log/EventLog"
import * as EventLogMemory from "@millrace/log/EventLogMemory"
import * as EventLogSqlite from "@millrace/log/EventLogSqlite"
import * as Query from "@millrace/log/Query"
import * as Secrets from "@millrace/log/Secrets"
import { storageUnavailable } from "@millrace/log/StorageError"
import * as Collections from "@millrace/orchestration/readmodel/Collections"
import * as Directories from "@millrace/orchestration/engine/Directories"
import * as AttachmentFiles from "@millrace/orchestration/sessions/AttachmentFiles"
import * as Dispatcher from "@millrace/orchestration/sessions/Dispatcher"
import * as Engine from "@millrace/orchestration/engine/Engine"
import * as Import from "@millrace/orchestration/transfer/Import"
import * as Search from "@millrace/orchestration/search/Search"
import * as Reaper from "@millrace/orchestration/sessions/Reaper"
import * as Recovery from "@millrace/orchestration/sessions/Recovery"
import * as Signals from "@millrace/orchestration/streams/Signals"
import * as Timers from "@millrace/orchestration/sessions/Timers"
import * as Transfer from "@millrace/orchestration/transfer/Transfer"
import * as Views from "@millrace/orchestration/readmodel/Views"
import * as Ledger from "@millrace/providers/process/Ledger"
import * as Checkpoints from "@millrace/workspace/Checkpoints"
import * as Registry from "@millrace/providers/Registry"
import * as Files from "@millrace/workspace/Files"
import * as Git from "@millrace/workspace/Git"
import * as Rewinds from "@millrace/workspace/Rewinds"
import * as Worktrees from "@millrace/workspace/Worktrees"
import { Context, type Duration, Effect, Layer, Option, type Stream } from "effect"
import * as Blobs from "./Blobs.ts"
import * as Checkpointing from "./Checkpointing.ts"
import * as AgentMemory from "./AgentMemory.ts"
import * as Children from "./Children.ts"
import * as Consumers from "./Consumers.ts"
import * as HostStats from "./HostStats.ts"
import * as Maintenance from "./Maintenance.ts"
import * as BoundedLayer from "./BoundedLayer.ts"
import * as Shutdown from "./Shutdown.ts"
import * as FailPoints from "./FailPoints.ts"
import * as Subscription from "./Subscription.ts"
import * as PersonActs from "./PersonActs.ts"
import * as ProviderAnswers from "./ProviderAnswers.ts"
import * as NewWorktreesLayer from "./NewWorktreesLayer.ts"
import * as WorktreesLayer from "./WorktreesLayer.ts"
import * as ThreadDiffs from "./ThreadDiffs.ts"
import * as WorkspaceReads from "./WorkspaceReads.ts"
import * as ThreadRewinds from "./ThreadRewinds.ts"
import * as ThreadAnswers from "./ThreadAnswers.ts"

/** Limits of the components; each component has its defaults. */
export interface Limits {
  readonly engine?: Engine.Options
  readonly dispatcher?: Dispatcher.Options
  /** Silence limits of turns and sessions. */
  readonly reaper?: Reaper.Options
  /** Number of signals that are kept, and the interval of their delivery. */
  readonly signals?: Signals.Options
  /** When old events are packed and removed. */
  readonly maintenance?: Maintenance.Options
  /** Deadline of the shutdown that runs when the scope closes and none has begun. Default 10 s. */
  readonly closeWithin?: Duration.DurationInput
  /** Only for tests. */
  readonly onStep?: FailPoints.OnFailPoint
}

export interface Options extends Limits {
  /** Absolute path; created if it does not exist. One host at a time owns it. */
  readonly dataDir: string
  /** Default FULL: an accepted command survives power loss. NORMAL: it survives the death of the process. */
  readonly synchronous?: "FULL" | "NORMAL"
  /** Bound of the log's file in bytes. At the bound, appends fail with reason `full`. Default: none. */
  readonly maxLogBytes?: number | undefined
  readonly providers?: Registry.RegistryOptions
  /**
   * Whether the files of threads in git repositories are stored at the start and the end of each turn, in the repository. `everywhere`: those of other
   * directories too, in the data directory. Default on.
   */
  readonly checkpoints?: "on" | "off" | "everywhere"
  /** How long turns and the close of the host wait for checkpoints. */
  readonly checkpointing?: Checkpointing.Options
  /** Replaces the SQLite log of the data directory. Built once, for this host. */
  readonly store?: Layer.Layer<EventLog, LogUnavailable>
}

/** Options of a host without a data directory. Its state ends with it, unless `store` is durable. */
export interface MemoryOptions extends Limits {
  /** The agents. */
  readonly adapters: ReadonlyArray<ProviderAdapter>
  /** Default: a log in memory. */
  readonly store?: Layer.Layer<EventLog, LogUnavailable>
  /** Directories that projects may use. Default: those of this machine. */
  readonly directories?: ReadonlyArray<string>
}

export class Host extends Context.Tag("@millrace/host/Host")<
  Host,
  Millrace &
    Blobs.Blobs &
    Maintenance.Maintenance &
    WorkspaceReads.WorkspaceReads &
    ThreadDiffs.ThreadDiffs &
    ThreadRewinds.ThreadRewinds &
    Children.Children &
    Context.Tag.Service<typeof Transfer.Transfer> & {
      /**
       * As `follow`, with a choice of delivery mode. A slow consumer never blocks the log, commands or another consumer. After an interruption, resume
       * from the cursor of the last event.
       */
      readonly subscribe: (options: Subscription.Options) => Stream.Stream<SubscriptionFrame, CursorError | StorageUnavailable>
      /** Current metrics. */
      readonly stats: Effect.Effect<HostStats.HostStats>
      /** True once a shutdown has begun. */
      readonly draining: Effect.Effect<boolean>
      /** Whether the host accepts requests at this time and, if not, the reason. */
      readonly ready: Effect.Effect<Ready>
      readonly beginShutdown: Shutdown.Shutdown["begin"]
      /** Returns when a shutdown has begun, also by another caller; the owner then calls `finishShutdown`. */
      readonly shutdownBegun: Shutdown.Shutdown["awaitBegun"]
      readonly finishShutdown: Shutdown.Shutdown["finish"]
      readonly shutdown: Shutdown.Shutdown["discard"]
      readonly forceShutdown: Shutdown.Shutdown["force"]
    }
>() {}

/** Kills the agent processes of a dead server, before anything is spawned or decided (P1, T5). */
const reaped = (onStep: FailPoints.OnFailPoint | undefined) =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const { killed, left } = yield* (yield* Ledger.Ledger).reap
      if (killed.length > 0) yield* Effect.logInfo(`Ended ${killed.length} agent processes of an earlier server.`)
      for (const { pid, command } of left)
        yield* Effect.logWarning(`Process ${pid} (${command}) may be left over from an earlier server.`)
      onStep?.("recovery-reaped")
    })
  )

const service = ({ maintenance, onStep }: Limits) =>
  Effect.gen(function* () {
    const engine = yield* Engine.Engine
    const { adapters } = yield* Providers
    const log = yield* EventLog
    const closing = yield* BoundedLayer.CloseDeadline
    const consumers = yield* Consumers.make(log, yield* Signals.Signals)
    const logWorks = yield* Maintenance.make(consumers, engine.submit, maintenance)
    const dispatcher = yield* Dispatcher.Dispatcher
    const shutdown = yield* Shutdown.make({
      engine,
      dispatcher,
      log,
      consumers,
      onBegin: ({ deadlineAt }) => closing.by(deadlineAt),
      ...defined({ onStep })
    })
    // The scope closed without a shutdown: run one in the same order, without waiting for consumers, which may have stopped reading.
    yield* Effect.addFinalizer(() =>
      Effect.flatMap(closing.left, (deadline) => shutdown.discard({ deadline, mode: "now" })).pipe(
        Effect.zipRight(consumers.leave)
      )
    )
    const views = yield* Views.Views
    const rewinds = yield* ThreadRewinds.make(views, engine, log)
    const { search } = yield* Search.Search
    const hasTurn = (threadId: ThreadId, turnId: TurnId) =>
      Effect.mapBoth(log.query({ turn: Query.row(Collections.turn, turnId) }), {
        onFailure: storageUnavailable,
        onSuccess: ({ turn }) => turn?.value.threadId === threadId
      })
    return Host.of({
      ...Blobs.make(log),
      ...logWorks,
      ...views,
      ...(yield* WorkspaceReads.make(views)),
      ...(yield* ThreadDiffs.make(views, hasTurn)),
      ...ThreadAnswers.complete(views, engine, { adapters }, yield* Signals.Signals),
      search,
      ...(yield* Effect.provideServiceEffect(Transfer.make, Import.Import, Import.make)),
      ...Children.make(views, engine, log),
      previewRewind: rewinds.previewRewind,
      dispatch: yield* PersonActs.make(views, engine, log, rewinds.dispatch),
      commandStatus: engine.commandStatus,
      follow: (options) => Subscription.lossless(log, consumers, options),
      subscribe: (options) => Subscription.frames(log, consumers, options),
      // Unbounded: at most one probe per configured provider, and a slow probe must not delay the others.
      providers: Effect.forEach(Array.from(adapters.values()), ProviderAnswers.status, { concurrency: "unbounded" }),
      stats: HostStats.make({ engine, dispatcher, log, consumers }),
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

const closing = ({ closeWithin = "10 seconds" }: Limits) => BoundedLayer.closing(closeWithin)

/** Reads of the directories of threads. */
const workspaceFiles = Layer.provideMerge(Files.layer, Git.layer)

/** Each layer closes separately, in reverse order: consumers and sessions, dispatcher, engine. */
const core = <E, R, E2 = never, R2 = never>(
  limits: Limits,
  attachmentFiles: Layer.Layer<AttachmentFiles.AttachmentFiles, E, R>,
  /** Provides `BeforeTurn`, or nothing. */
  beforeTurn: Layer.Layer<never, E2, R2> = Layer.empty
) =>
  BoundedLayer.make("The host", Layer.scoped(Host, service(limits))).pipe(
    Layer.provide(workspaceFiles),
    Layer.provideMerge(BoundedLayer.make("The reaper", Reaper.layer(limits.reaper))),
    Layer.provideMerge(BoundedLayer.make("The timers", Timers.layer())),
    Layer.provideMerge(BoundedLayer.make("The dispatcher", Layer.provide(Dispatcher.layer(limits.dispatcher), attachmentFiles))),
    Layer.provide(BoundedLayer.make("The checkpoints", beforeTurn)),
    Layer.provideMerge(
      BoundedLayer.make("The engine", Layer.provideMerge(Recovery.layerOf(limits.onStep), Engine.layer(limits.engine)))
    ),
    Layer.provideMerge(Layer.merge(Views.layer, Signals.layer(limits.signals)))
  )

/**
 * The host over the log, agents, directories and clock (`Layer.setClock`) that an embedder provides. When the layer is built, the host has recovered
 * and accepts commands.
 */
export const layerOver = (limits: Limits = {}) =>
  core(limits, AttachmentFiles.layerTemporary).pipe(
    Layer.provide(Ledger.layerMemory),
    Layer.provideMerge(Search.layerScan),
    Layer.provideMerge(Secrets.layerMemory),
    Layer.provide(closing(limits))
  )

/** Builds directory, log, ledger, agents, engine, recovery, dispatcher in this order, and closes them in reverse. */
export const layer = (options: Options) => {
  const inDirectory = Layer.unwrapEffect(
    Effect.map(DataDirectory.DataDirectory, ({ anchorFile, logFile }) =>
      EventLogSqlite.layer({
        file: logFile,
        anchor: anchorFile,
        ...defined({ synchronous: options.synchronous, maxFileBytes: options.maxLogBytes }),
        ...FailPoints.inLog(options.onStep)
      })
    )
  )
  const ledger = FailPoints.inLedger(
    Layer.unwrapEffect(Effect.map(DataDirectory.DataDirectory, ({ file }) => Ledger.layer(file("processes")))),
    options.onStep
  )
  const search = Layer.unwrapEffect(Effect.map(DataDirectory.DataDirectory, ({ searchFile }) => Search.layer(searchFile)))
  const secrets = Layer.unwrapEffect(Effect.map(DataDirectory.DataDirectory, ({ path }) => Secrets.layer(path)))
  const attachmentFiles = Layer.unwrapEffect(
    Effect.map(DataDirectory.DataDirectory, ({ file }) => AttachmentFiles.layer(file("attachments")))
  )
  const worktrees = Layer.unwrapEffect(
    Effect.map(DataDirectory.DataDirectory, ({ file }) =>
      Layer.provide(
        Layer.merge(WorktreesLayer.layer(file("worktrees")), NewWorktreesLayer.layer),
        Worktrees.layer({ home: file("worktrees") })
      )
    )
  ).pipe(Layer.provide(Git.layer))
  const reach = options.checkpoints === "everywhere" ? "everywhere" : "repositories"
  const checkpoints = Layer.unwrapEffect(
    Effect.map(DataDirectory.DataDirectory, ({ file }) => Checkpoints.layer({ home: file("workspaces"), reach }))
  )
  const rewinds = Layer.unwrapEffect(
    Effect.map(DataDirectory.DataDirectory, ({ file }) => Rewinds.layer({ home: file("workspaces"), reach }))
  )
  const beforeTurn =
    options.checkpoints === "off"
      ? Layer.empty
      : Layer.merge(Checkpointing.layer(options.checkpointing, reach), rewinds).pipe(
          Layer.provideMerge(checkpoints),
          Layer.provide(Git.layer)
        )
  return core(
    { ...options, maintenance: { dataDir: options.dataDir, ...options.maintenance } },
    attachmentFiles,
    beforeTurn
  ).pipe(
    Layer.provide(AgentMemory.layer),
    Layer.provideMerge(secrets),
    Layer.provideMerge(BoundedLayer.make("The worktrees", worktrees)),
    Layer.provideMerge(BoundedLayer.make("The search index", search)),
    Layer.provideMerge(
      Layer.merge(
        BoundedLayer.make("The agents", FailPoints.inAgents(Registry.layer(options.providers), options.onStep)),
        Directories.layer
      )
    ),
    Layer.provideMerge(BoundedLayer.make("The process ledger", Layer.provideMerge(reaped(options.onStep), ledger))),
    Layer.provideMerge(BoundedLayer.make("The log", options.store ?? inDirectory)),
    Layer.provideMerge(BoundedLayer.make("The data directory", DataDirectory.layer(options.dataDir))),
    Layer.provide(closing(options))
  )
}

/** A host in memory, for tests and for embedders that need no durability. */
export const layerMemory = (options: MemoryOptions) =>
  core(options, AttachmentFiles.layerTemporary).pipe(
    Layer.provide(Ledger.layerMemory),
    Layer.provideMerge(Search.layerScan),
    Layer.provideMerge(Secrets.layerMemory),
    Layer.provideMerge(
      Layer.merge(
        Layer.succeed(Providers, { adapters: new Map(options.adapters.map((adapter) => [adapter.name, adapter])) }),
        options.directories === undefined ? Directories.layer : Directories.layerMemory(...options.directories)
      )
    ),
    Layer.provideMerge(BoundedLayer.make("The log", options.store ?? EventLogMemory.layer())),
    Layer.provide(closing(options))
  )

/** The host for embedders. Closes with the scope. */
export const make = (options: Options) => Effect.map(Layer.build(layer(options)), (context) => Context.get(context, Host))
