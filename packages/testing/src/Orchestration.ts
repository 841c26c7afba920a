/** The whole orchestration in memory, for tests: log, engine, recovery, dispatcher, views, and test queries. */
import { type BodyOf, type CommandOf, type CommandType, make } from "@millrace/contracts/Command"
import type { LogEvent } from "@millrace/contracts/Event"
import { CommandId } from "@millrace/contracts/Ids"
import { EventLog, LogUnavailable, type Page } from "@millrace/log/EventLog"
import * as EventLogMemory from "@millrace/log/EventLogMemory"
import * as Secrets from "@millrace/log/Secrets"
import * as Directories from "@millrace/orchestration/engine/Directories"
import * as AttachmentFiles from "@millrace/orchestration/sessions/AttachmentFiles"
import * as Dispatcher from "@millrace/orchestration/sessions/Dispatcher"
import * as Engine from "@millrace/orchestration/engine/Engine"
import * as Recovery from "@millrace/orchestration/sessions/Recovery"
import * as Signals from "@millrace/orchestration/streams/Signals"
import * as Timers from "@millrace/orchestration/sessions/Timers"
import * as Views from "@millrace/orchestration/readmodel/Views"
import { Chunk, Context, Deferred, Effect, Exit, Layer, Scope, Stream } from "effect"
import * as ScriptedProvider from "./ScriptedProvider.ts"

export interface Options {
  readonly providers?: ReadonlyArray<ScriptedProvider.Scripted>
  readonly engine?: Engine.Options
  readonly dispatcher?: Dispatcher.Options
  /** Runs the timers of continuations. Without it no timer repeats. */
  readonly timers?: Timers.Options
  readonly signals?: Signals.Options
  /** Default: files are only named, not written. */
  readonly attachmentFiles?: Layer.Layer<AttachmentFiles.AttachmentFiles, never, EventLog>
  /** Default: a store in memory that ends with the process. */
  readonly secrets?: Layer.Layer<Secrets.Secrets>
}

/** Copies that are not written: simulations do no I/O. */
const noFiles = Layer.succeed(AttachmentFiles.AttachmentFiles, {
  directoryOf: (threadId) => `/attachments/${threadId}`,
  place: (threadId, attachments) =>
    Effect.succeed(attachments.map((one) => ({ ...one, path: `/attachments/${threadId}/${AttachmentFiles.fileName(one)}` }))),
  remove: () => Effect.void,
  removeRemains: Effect.void,
  threads: Effect.succeed([])
})

/** The orchestration over any log. Pass the same log to two "processes" to share it. */
export const layerOver = <E, R>(log: Layer.Layer<EventLog, E, R>, options: Options = {}) => {
  const engine = Engine.layer(options.engine).pipe(
    Layer.provide(Directories.layerMemory("/work", "/work/sub", "/workshop", "/other")),
    Layer.provideMerge(ScriptedProvider.layer(...(options.providers ?? [ScriptedProvider.make()])))
  )
  return Layer.mergeAll(
    Layer.provide(Dispatcher.layer(options.dispatcher), options.attachmentFiles ?? noFiles),
    Views.layer,
    options.timers === undefined ? Layer.empty : Timers.layer(options.timers)
  ).pipe(
    Layer.provideMerge(Layer.merge(Recovery.layer, Signals.layer(options.signals))),
    Layer.provideMerge(engine),
    Layer.provideMerge(options.secrets ?? Secrets.layerMemory),
    Layer.provideMerge(log)
  )
}

export const layer = (options: Options = {}) => layerOver(EventLogMemory.layer(), options)

/** A log in memory that outlives the servers over it. */
export const memory = Effect.map(Layer.build(EventLogMemory.layer()), (context) => Context.get(context, EventLog))

/** The same log, but `append` fails with the error that `failure` returns, while it returns one. */
export const failing = (log: typeof EventLog.Service, failure: () => LogUnavailable | undefined): typeof EventLog.Service => ({
  ...log,
  append: (envelopes) =>
    Effect.suspend(() => {
      const error = failure()
      return error === undefined ? log.append(envelopes) : Effect.fail(error)
    })
})

/** `failing` over an empty log in memory. */
export const failingLayer = (failure: () => LogUnavailable | undefined) =>
  Layer.map(EventLogMemory.layer(), (context) => Context.make(EventLog, failing(Context.get(context, EventLog), failure)))

/** The error of a disk that cannot be written. */
export const unwritable = new LogUnavailable({ operation: "append", reason: "io", message: "injected" })

export type Services = Layer.Layer.Success<ReturnType<typeof layer>>

/**
 * A server process over a log that outlives it. `kill` simulates a power loss: the process no longer reads or writes, and does not shut down in order.
 * `dieAfter`: the process dies in place of the append of that number.
 */
export const start = (log: typeof EventLog.Service, options: Options & { readonly dieAfter?: number } = {}) =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    const died = yield* Deferred.make<void>()
    let left = options.dieAfter ?? Number.POSITIVE_INFINITY
    let dead = false
    /** The result of every call of a dead process: it never returns. */
    const nothing = Effect.async<never>(() => {})
    const mortalLog: typeof EventLog.Service = {
      ...log,
      append: (envelopes) =>
        Effect.suspend(() => {
          dead ||= left-- <= 0
          return dead ? Effect.zipRight(Deferred.succeed(died, undefined), nothing) : log.append(envelopes)
        }),
      follow: (from) => Stream.mapEffect(log.follow(from), (page) => (dead ? nothing : Effect.succeed(page)))
    }
    const built = yield* Layer.buildWithScope(layerOver(Layer.succeed(EventLog, mortalLog), options), scope).pipe(
      Effect.disconnect,
      Effect.raceFirst(Effect.as(Deferred.await(died), undefined))
    )
    return {
      /** Runs the effect with the services of the process. Returns `undefined` if the process died first. */
      run: <A, E>(effect: Effect.Effect<A, E, Services>): Effect.Effect<A | undefined, E> =>
        built === undefined
          ? Effect.void.pipe(Effect.as(undefined))
          : Effect.raceFirst(Effect.disconnect(Effect.provide(effect, built)), Effect.as(Deferred.await(died), undefined)),
      kill: Effect.sync(() => {
        dead = true
      }),
      /** Shuts the process down in order. */
      close: Scope.close(scope, Exit.void)
    }
  })

let ids = 0
/** Makes a command with a new id. */
export const command = <T extends CommandType>(type: T, body: BodyOf<T>, id = `cmd-${++ids}`): CommandOf<T> =>
  make(CommandId.make(id), type, body)

/** Dispatches a command with a new id. */
export const dispatch = <T extends CommandType>(type: T, body: BodyOf<T>, id?: string) =>
  Effect.flatMap(Engine.Engine, (engine) => engine.dispatch(command(type, body, id), "tester"))

const parse = (page: Page): ReadonlyArray<LogEvent> => page.events.map((event) => JSON.parse(event.json) as LogEvent)

/** Every event in the log. */
export const history = Effect.gen(function* () {
  const log = yield* EventLog
  const out: Array<LogEvent> = []
  let after = 0
  for (;;) {
    const page = yield* log.read({ after })
    out.push(...parse(page))
    if (page.upTo >= page.head) return out
    after = page.upTo
  }
})

/** Waits for the first matching event in the log, from the start of the log. */
export const eventually = (fits: (event: LogEvent) => boolean, count = 1) =>
  Effect.flatMap(EventLog, (log) =>
    log.follow({ after: 0 }).pipe(
      Stream.mapConcat(parse),
      Stream.filter(fits),
      Stream.take(count),
      Stream.runCollect,
      Effect.map((events) => Chunk.unsafeLast(events))
    )
  )

export const ofType =
  (...types: ReadonlyArray<string>) =>
  (event: LogEvent): boolean =>
    types.includes(event.type)

export const types = (events: ReadonlyArray<LogEvent>): ReadonlyArray<string> => events.map((event) => event.type)
