/**
 * One service in memory: the log over a storage that outlives it, and the product's transports over the log. A restart ends the
 * running server with all its connections and opens the log again over the same storage.
 */
import type { LogEpoch } from "@millrace/contracts/Cursor"
import type { EventFilter } from "@millrace/contracts/Filter"
import type { ServerResponse } from "node:http"
import * as FixedTokens from "../FixedTokens.ts"
import { knownThreads } from "../KnownThreads.ts"
import { type HttpServerResponse, HttpServerRequest } from "@effect/platform"
import type { CursorError, StorageUnavailable } from "@millrace/contracts/Errors"
import type { Frame, SubscriptionFrame } from "@millrace/contracts/Frame"
import type { StreamName } from "@millrace/contracts/Ids"
import * as Consumers from "@millrace/host/internal/Consumers"
import * as Subscription from "@millrace/host/internal/Subscription"
import { EventLog, type Page } from "@millrace/log/EventLog"
import * as EventLogMemory from "@millrace/log/EventLogMemory"
import type { Storage } from "@millrace/log/Storage"
import * as StoredLog from "@millrace/log/internal/StoredLog"
import * as Cursors from "@millrace/orchestration/streams/Cursors"
import * as Frames from "@millrace/orchestration/streams/Frames"
import { LogReader } from "@millrace/orchestration/streams/LogReader"
import * as Signals from "@millrace/orchestration/streams/Signals"
import { Session } from "@millrace/server/internal/auth/Session"
import * as Events from "@millrace/server/internal/http/Events"
import { PageAlignment } from "@millrace/server/internal/subscriptions/Subscription"
import * as SubscriberScheduler from "@millrace/server/internal/subscriptions/SubscriberScheduler"
import { Data, Deferred, Effect, Exit, ExecutionStrategy, Layer, Scope, Stream } from "effect"
import type * as Faults from "./Faults.ts"

export type Log = typeof EventLog.Service

/** The subject of a run: the product, or the product with one mistake planted between the log and its readers. */
export interface Subject {
  readonly name: string
  readonly wrap: (log: Log) => Effect.Effect<Log>
}

export const real: Subject = { name: "real", wrap: Effect.succeed }

/** The server rejected a request; `tag` names the error. */
export class Refused extends Data.TaggedError("Refused")<{ readonly tag: string; readonly text: string }> {}

/** The part of node's response that the program writes to directly. */
export type Socket = Pick<ServerResponse, "write" | "writableNeedDrain" | "once" | "off">

export interface Server {
  readonly log: Log
  /** `GET` as a client sends it. Returns the answer; the program writes a stream to the socket. */
  readonly get: (
    path: string,
    headers: Readonly<Record<string, string>>,
    socket?: Socket
  ) => Effect.Effect<HttpServerResponse.HttpServerResponse, Refused>
  readonly follow: (options: EventFilter & { readonly after?: string }) => Stream.Stream<Frame, CursorError | StorageUnavailable>
  /** The host's subscription: at most `capacity` ahead of its consumer. */
  readonly subscribe: (options: {
    readonly stream?: StreamName
    readonly after?: string
    readonly capacity: number
    readonly delivery: Consumers.Delivery
  }) => Stream.Stream<SubscriptionFrame, CursorError | StorageUnavailable>
  /** Delivers to the head, then sends `bye` and ends the subscriptions. */
  readonly drain: Effect.Effect<void>
  /** Completes when the process has exited. */
  readonly down: Deferred.Deferred<void>
}

/** The row in which orchestration records that a thread was deleted. */
export const threadCollection = "thread-state"

export interface World {
  readonly storage: Storage
  /** The running server; waits while there is none. */
  readonly server: Effect.Effect<Server>
  /** Ends the server, in order if `drain`, and starts another over the same storage. Serialise it with appends. */
  readonly restart: (options: { readonly drain: boolean }) => Effect.Effect<void>
}

/**
 * Frames over the log's own stream of pages, which carries the Dispatcher and the turn streams: mistakes in `EventLog.follow` reach readers here.
 * The host's subscription pulls pages with `read`.
 */
const follow = (log: Log, options: EventFilter & { readonly after?: string }) =>
  Stream.unwrap(
    Effect.gen(function* () {
      const start = yield* Frames.attach(log, options)
      const after = yield* Cursors.resolve(options.after, start.position)
      const reader = new LogReader(options, start, after)
      const due = (head: number): ReadonlyArray<Frame> => {
        const next = reader.next(head)
        return next._tag === "caught-up" || next._tag === "end" ? [next, ...due(head)] : []
      }
      const deliver = (page: Page): ReadonlyArray<Frame> => {
        if (reader.isEnded) return []
        const part = reader.take(page)
        const frames: Array<Frame> = part.events.map(({ json, offset }) => Frames.eventFrame(log.epoch as LogEpoch, offset, json))
        const later = page.events.filter(({ offset }) => offset > part.upTo)
        frames.push(...due(page.head))
        return part.upTo < page.upTo ? [...frames, ...deliver({ ...page, after: part.upTo, events: later })] : frames
      }
      return Stream.fromIterable(due(start.position.head)).pipe(
        Stream.concat(Stream.mapConcat(log.follow({ after, ...reader.query }), deliver)),
        Stream.takeUntil(({ _tag }) => _tag === "end")
      )
    })
  ).pipe(Stream.mapError(Frames.failure))

/** Small sizes, so that readers often leave the ring and enter it again. */
const sizes = { ringBytes: 3_000, pageBytes: 700, grid: 4 }
/** The time in which subscribers receive `bye` before the process exits. */
const grace = "2 seconds"

const serve = (storage: Storage, subject: Subject, faults: Faults.Faults) =>
  Effect.gen(function* () {
    const log = yield* StoredLog.make(storage, { ...sizes, onWake: faults.onWake }).pipe(
      Effect.orDie,
      Effect.map((log) => knownThreads(log)),
      Effect.flatMap(subject.wrap)
    )
    const context = yield* Layer.build(
      SubscriberScheduler.layer.pipe(
        Layer.provideMerge(Layer.mergeAll(Layer.succeed(EventLog, log), FixedTokens.layer(), Signals.layer()))
      )
    )
    const handle = yield* Effect.provide(Events.make, context)
    const consumers = yield* Consumers.make(log, yield* Effect.provide(Signals.Signals, context))
    const wake = yield* Effect.provide(SubscriberScheduler.SubscriberScheduler, context)
    return {
      log,
      get: (path, headers, socket) =>
        // The property in which the platform stores the response.
        handle(
          Object.assign(HttpServerRequest.fromWeb(new Request(`http://localhost${path}`, { headers })), { response: socket })
        ).pipe(
          Effect.provideService(Session, { actor: "chaos", scope: "admin" }),
          Effect.provideService(PageAlignment, sizes.grid),
          Effect.mapError((error) => new Refused({ tag: error._tag, text: error.message }))
        ),
      follow: (options) => follow(log, options),
      subscribe: (options) => Subscription.frames(log, consumers, options),
      drain: Effect.zipRight(wake.close, consumers.settle),
      down: yield* Deferred.make<void>()
    } satisfies Server
  })

export const make = (subject: Subject, faults: Faults.Faults): Effect.Effect<World, never, Scope.Scope> =>
  Effect.gen(function* () {
    const storage = EventLogMemory.storage("01CHAS0000000000000000TEST", faults.onStep)
    const outer = yield* Effect.scope
    const start = Effect.gen(function* () {
      const scope = yield* Scope.fork(outer, ExecutionStrategy.sequential)
      return { scope, server: yield* Scope.extend(serve(storage, subject, faults), scope) }
    })
    let running = yield* start
    /** Completes when a server runs. */
    let up = yield* Deferred.make<void>()
    yield* Deferred.succeed(up, undefined)

    return {
      storage,
      server: Effect.suspend(() => Effect.map(Deferred.await(up), () => running.server)),
      restart: ({ drain }) =>
        Effect.gen(function* () {
          const next = yield* Deferred.make<void>()
          up = next
          if (drain) {
            faults.counts.drains++
            yield* running.server.drain
            yield* Effect.sleep(grace)
          } else faults.counts.restarts++
          yield* Deferred.succeed(running.server.down, undefined)
          yield* Scope.close(running.scope, Exit.void)
          running = yield* start
          yield* Deferred.succeed(next, undefined)
        })
    }
  })
