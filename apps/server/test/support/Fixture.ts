/** The composed HTTP server on a real socket, over a memory log and a service that the test scripts. */
import { idleThread } from "@millrace/testing/IdleThread"
import { knownThreads } from "@millrace/testing/KnownThreads"
import { type IncomingHttpHeaders, request } from "node:http"
import { request as secureRequest } from "node:https"
import { Data, Effect, Layer, Logger, LogLevel, Scheduler, type Scope, Stream } from "effect"
import type { Accepted, Command } from "@millrace/contracts/Command"
import { format } from "@millrace/contracts/Cursor"
import { type CommandError, NotFound } from "@millrace/contracts/Errors"
import type { ThreadId } from "@millrace/contracts/Ids"
import * as Ready from "@millrace/contracts/Ready"
import { EventLog, type NewEvent } from "@millrace/log/EventLog"
import * as EventLogMemory from "@millrace/log/EventLogMemory"
import * as Blobs from "@millrace/host/Blobs"
import * as LogWork from "@millrace/host/LogWork"
import * as Signals from "@millrace/orchestration/streams/Signals"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import * as Tokens from "../../src/auth/Tokens.ts"
import * as Server from "../../src/Server.ts"
import { Service } from "../../src/Service.ts"

/** The answers of the fake service; a test sets them. */
export interface Fake {
  dispatch: (command: Command, actor?: string) => Effect.Effect<Accepted, CommandError>
  /** Without this option every command is unknown. */
  commandStatus?: Service["Type"]["commandStatus"]
  readonly threads: Set<string>
  ready: Ready.Ready
  /** The positions of the remote subscribers, which retention keeps. */
  readers: () => Iterable<number>
}

export const event = (n: number, stream = "thread/thr_a", data: object = {}): NewEvent => ({
  stream,
  type: "item.delta",
  at: "2026-11-20T09:00:00.000Z",
  epoch: 1,
  data: { n, ...data }
})

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** One request on a separate connection. `ca`: the certificate of an https server. */
export const send = (
  url: string,
  options: {
    readonly method?: string
    readonly headers?: Record<string, string>
    readonly body?: string | Buffer
    readonly ca?: string
  } = {}
): Effect.Effect<Answer, Error> =>
  Effect.async((resume) => {
    const { body, ca, headers = {}, method = body === undefined ? "GET" : "POST" } = options
    const sent = (ca === undefined ? request : secureRequest)(
      url,
      { method, headers, agent: false, ...(ca !== undefined && { ca }) },
      (response) => {
        const chunks: Array<Buffer> = []
        response.on("data", (chunk: Buffer) => chunks.push(chunk))
        response.on("end", () =>
          resume(
            Effect.succeed({
              status: response.statusCode ?? 0,
              headers: response.headers,
              body: Buffer.concat(chunks).toString("utf8")
            })
          )
        )
        response.on("error", (error) => resume(Effect.fail(error)))
      }
    )
    sent.on("error", (error) => resume(Effect.fail(error)))
    sent.end(body)
    return Effect.sync(() => sent.destroy())
  })

const idleLane = { count: 0, weight: 0, outside: 0 }
const fakeStats = {
  batches: 0,
  events: 0,
  commands: 0,
  facts: 0,
  overloaded: 0,
  waitingCommands: 0,
  waitingFacts: 0,
  lanes: { commands: idleLane, facts: idleLane },
  places: {
    live: 0,
    waiting: { agents: 0, limit: 0 },
    limited: [],
    bounds: { agents: 0, agentsPerToken: 0, agentsPerProvider: 0 }
  },
  refused: {}
}

export const fakeService = (fake: Fake): Layer.Layer<Service, never, EventLog> =>
  Layer.effect(
    Service,
    Effect.gen(function* () {
      const log = yield* EventLog
      const missing = (what: string, id: string) => Effect.fail(new NotFound({ what, id, message: `There is no ${what} ${id}.` }))
      return {
        dispatch: (command, actor) => fake.dispatch(command, actor),
        dispatchChild: (_parent, command, actor) => fake.dispatch(command, actor),
        descendants: () => Effect.succeed([]),
        commandStatus: (id) => fake.commandStatus?.(id) ?? missing("command", id),
        state: Effect.map(log.head, (offset) => ({
          logEpoch: log.epoch,
          offset,
          projects: [],
          threads: [],
          requests: [],
          more: false
        })),
        threads: () => Effect.succeed({ items: [] }),
        thread: (id: ThreadId) => (fake.threads.has(id) ? Effect.succeed(idleThread(id)) : missing("thread", id)),
        turns: () => Effect.succeed({ items: [] }),
        items: (id) => missing("thread", id),
        exportThread: (id) => missing("thread", id),
        importThread: () => Effect.dieMessage("a whole host imports"),
        ...Blobs.make(log),
        ...LogWork.make(log, { readers: () => [], named: Effect.succeed([]), between: Effect.void }),
        addReaders: (positions) => Effect.sync(() => void (fake.readers = positions)),
        nativeThreads: (id) => missing("history", id),
        importNative: ({ provider }) => missing("history", provider),
        search: () => Effect.succeed({ hits: [] }),
        searchFiles: (id) => missing("thread", id),
        readFile: (id) => missing("thread", id),
        gitSummary: (id) => missing("thread", id),
        diff: (id) => missing("thread", id),
        patch: (id) => missing("thread", id),
        previewRewind: (id) => missing("thread", id),
        worktrees: Effect.succeed([]),
        requests: Effect.succeed([]),
        providers: Effect.succeed([]),
        follow: () => Stream.dieMessage("the transports follow the log themselves"),
        ready: Effect.sync(() => fake.ready),
        stats: Effect.succeed({ engine: fakeStats, sessions: [], consumers: [], requests: { open: 0, oldestAt: undefined } }),
        beginShutdown: () => Effect.dieMessage("the owner of a whole host shuts down")
      }
    })
  )

/** Answers every command as accepted, at the head. */
const accepts =
  (log: typeof EventLog.Service): Fake["dispatch"] =>
  (command) =>
    Effect.map(log.head, (offset) => ({
      status: "accepted",
      commandId: command.commandId,
      offset,
      cursor: format(log.epoch, offset)
    }))

export interface Fixture {
  readonly url: string
  readonly token: string
  readonly dataDir: string
  readonly log: typeof EventLog.Service
  readonly signals: typeof Signals.Signals.Service
  readonly fake: Fake
  readonly server: Server.Server["Type"]
  /** Commits events, one envelope. */
  readonly append: (...events: ReadonlyArray<NewEvent>) => Effect.Effect<void>
  /** Requests with the token. */
  readonly call: (path: string, options?: Parameters<typeof send>[1]) => Effect.Effect<Answer, Error>
}

/** A memory log that reports events up to `retained` as trimmed. Its threads are those of the fake service. */
const memoryLog = (retained: number, fake: Fake) =>
  Layer.effect(
    EventLog,
    Effect.map(Effect.orDie(EventLogMemory.make()), (log) => ({
      ...knownThreads(log, (id) => fake.threads.has(id)),
      retainedFrom: retained === 0 ? log.retainedFrom : Effect.succeed(retained)
    }))
  )

/** Starts a server that ends with the scope; `log`: the log of an earlier one. */
export const start = (
  options: Partial<Server.Options> & { readonly retained?: number; readonly log?: typeof EventLog.Service } = {}
): Effect.Effect<Fixture, Error, Scope.Scope> =>
  Effect.gen(function* () {
    const dataDir = options.dataDir ?? (yield* temporaryDirectory)
    const { token } = yield* Tokens.create(dataDir, { name: "test" })
    const fake: Fake = {
      dispatch: () => Effect.dieMessage("not set"),
      threads: new Set(["thr_a", "thr_b"]),
      ready: Ready.ok,
      readers: () => []
    }
    const app = Server.layer({ host: "127.0.0.1", port: 0, auth: true, dataDir, grace: "500 millis", ...options }).pipe(
      Layer.provide(fakeService(fake)),
      Layer.provideMerge(Signals.layer()),
      Layer.provideMerge(
        options.log === undefined ? memoryLog(options.retained ?? 0, fake) : Layer.succeed(EventLog, options.log)
      ),
      Layer.provide(Logger.minimumLogLevel(LogLevel.None))
    )
    const context = yield* Layer.build(app)
    return yield* Effect.gen(function* () {
      const log = yield* EventLog
      const server = yield* Server.Server
      fake.dispatch = accepts(log)
      return {
        url: server.url,
        token,
        dataDir,
        log,
        signals: yield* Signals.Signals,
        fake,
        server,
        append: (...events: ReadonlyArray<NewEvent>) => Effect.asVoid(Effect.orDie(log.append([{ events, rows: [] }]))),
        call: (path: string, options: Parameters<typeof send>[1] = {}) =>
          send(`${server.url}${path}`, { ...options, headers: { authorization: `Bearer ${token}`, ...options.headers } })
      }
    }).pipe(Effect.provide(context))
  })

/** The scheduler of the program. */
export const fair = Effect.withScheduler(Scheduler.makeBatched((drain) => setImmediate(drain)))

export class Ended extends Data.TaggedError("Ended")<{
  readonly status: number
  readonly missing: string
  readonly text: string
}> {}

/** A connection whose response is read as it arrives. */
export interface Live {
  readonly status: () => number
  readonly text: () => string
  /** Returns when the received text contains this; fails when the connection ends without it. */
  readonly until: (part: string) => Effect.Effect<void, Ended>
  /** Returns when the connection has ended; `aborted` when it was cut. */
  readonly ended: Effect.Effect<{ readonly aborted: boolean }>
  readonly cut: Effect.Effect<void>
}

/** Opens a connection that is closed with the scope. */
export const live = (url: string, headers: Record<string, string>): Effect.Effect<Live, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      let status = 0
      let text = ""
      let over: { readonly aborted: boolean } | undefined
      const watchers = new Set<() => void>()
      const changed = () => {
        for (const watch of watchers) watch()
      }
      const end = (aborted: boolean) => {
        over ??= { aborted }
        changed()
      }
      const sent = request(url, { headers, agent: false }, (response) => {
        status = response.statusCode ?? 0
        response.setEncoding("utf8")
        response.on("data", (chunk: string) => {
          text += chunk
          changed()
        })
        response.on("end", () => end(false))
        response.on("error", () => end(true))
      })
      sent.on("error", () => end(true))
      sent.end()
      const watch = <A, E>(look: () => Effect.Effect<A, E> | undefined): Effect.Effect<A, E> =>
        Effect.async((resume) => {
          const check = () => {
            const found = look()
            if (found === undefined) return
            watchers.delete(check)
            resume(found)
          }
          watchers.add(check)
          check()
        })
      return {
        status: () => status,
        text: () => text,
        until: (part: string) =>
          watch(() =>
            text.includes(part)
              ? Effect.void
              : over === undefined
                ? undefined
                : Effect.fail(new Ended({ status, missing: part, text: text.slice(-500) }))
          ),
        ended: watch(() => (over === undefined ? undefined : Effect.succeed(over))),
        cut: Effect.sync(() => sent.destroy())
      }
    }),
    (live) => live.cut
  )

/** An SSE subscriber with the fixture's token. */
export const follower = (fixture: { readonly url: string; readonly token: string }, query = "") =>
  live(`${fixture.url}/api/events${query}`, { accept: "text/event-stream", authorization: `Bearer ${fixture.token}` })
