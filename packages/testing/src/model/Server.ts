/** The server of a model run as one process of the machine: the whole orchestration over a storage that outlives it, and subscribers that follow the log. */
import type { LogEvent } from "@millrace/contracts/Event"
import type { Frame } from "@millrace/contracts/Frame"
import type { StreamName } from "@millrace/contracts/Ids"
import { EventLog } from "@millrace/log/EventLog"
import type { Storage } from "@millrace/log/Storage"
import * as InProcess from "../InProcess.ts"
import * as StoredLog from "@millrace/log/internal/StoredLog"
import * as Reaper from "@millrace/orchestration/sessions/Reaper"
import { type Context, Effect, Exit, Layer, Logger, LogLevel, Scope, Stream, Supervisor } from "effect"
import type { Attach, History, Seen } from "../HistoryChecker.ts"
import * as Kit from "../Orchestration.ts"
import type { Agents } from "./Agents.ts"
import { maxRestarts, maxWaits } from "./rules/Continuation.ts"
import type { Job, Machine, Process } from "./Machine.ts"

/** Short limits, so that hanging work ends within a few virtual minutes. */
export const limits: Reaper.Options = {
  idle: "100 seconds",
  background: "150 seconds",
  model: "60 seconds",
  tool: "90 seconds",
  waiting: "200 seconds",
  interval: "10 seconds"
}
const budgets = { open: "20 seconds", call: "10 seconds", interrupt: "5 seconds", stop: "5 seconds" } as const

export type Services = Kit.Services

export class Server {
  readonly process: Process
  private readonly scope = Effect.runSync(Scope.make())
  private readonly fibers = Effect.runSync(Supervisor.track)
  private readonly build: Job<Context.Context<Services>, unknown>
  /** Logged errors: they report violated internal invariants. */
  readonly errors: Array<string> = []

  constructor(machine: Machine, storage: Storage, agents: Agents) {
    this.process = machine.process()
    const log = Layer.effect(EventLog, Effect.orDie(StoredLog.make(storage, { ringBytes: 3000, pageBytes: 700 })))
    const kit = Kit.layerOver(log, {
      providers: [{ adapter: agents.adapter, calls: [], live: () => agents.sessions.length }],
      engine: { continuation: { maxRestarts, maxWaits, fallback: "90 seconds", asking: "3 minutes", maxTotal: "10 minutes" } },
      timers: { interval: "10 seconds" },
      dispatcher: { budgets, closeWithin: "20 seconds" }
    })
    this.build = this.run(Layer.buildWithScope(Layer.provideMerge(Reaper.layer(limits), kit), this.scope))
  }

  private run<A, E>(effect: Effect.Effect<A, E>): Job<A, E> {
    const logger = Logger.make<unknown, void>(({ logLevel, message }) => {
      if (LogLevel.greaterThanEqual(logLevel, LogLevel.Error)) this.errors.push(String(message))
    })
    return this.process.fork(
      effect.pipe(Effect.provide(Logger.replace(Logger.defaultLogger, logger)), Effect.supervised(this.fibers))
    )
  }

  /** The server's services, when recovery is complete. */
  get services(): Context.Context<Services> | undefined {
    const exit = this.build.exit()
    return exit !== undefined && Exit.isSuccess(exit) ? exit.value : undefined
  }

  /** Starts an effect with the server's services. Returns `undefined` while the server starts. */
  do<A, E>(effect: Effect.Effect<A, E, Services>): Job<A, E> | undefined {
    const { services } = this
    return services === undefined ? undefined : this.run(Effect.provide(effect, services))
  }

  /** Runs an effect that does not wait. */
  look<A, E>(effect: Effect.Effect<A, E, Services>): A {
    if (this.services === undefined) throw new Error("T5 the server is not up")
    return Effect.runSync(Effect.provide(Effect.orDie(effect), this.services))
  }

  close(): Job<void, never> {
    return this.run(Scope.close(this.scope, Exit.void))
  }

  /** Number of fibers that have not ended. */
  get left(): number {
    return Effect.runSync(this.fibers.value).filter((fiber) => Effect.runSync(fiber.poll)._tag === "None").length
  }
}

const seen = (frame: Frame): Seen | undefined => {
  switch (frame._tag) {
    case "event":
      return { _tag: "event", offset: Number(frame.cursor.split("-")[1]), json: JSON.stringify(frame.event) }
    case "caught-up":
    case "heartbeat":
      return { _tag: frame._tag, head: frame.head }
    case "bye":
      return { _tag: "bye", resumeAfter: Number(frame.resumeAfter.split("-")[1]) }
    case "end":
      return { _tag: "end" }
    default:
      return undefined
  }
}

/** A client that keeps its cursor across cuts, crashes and restarts. */
export class Follower {
  readonly name: string
  readonly stream: StreamName | undefined
  private cursor: string | undefined
  private readonly attaches: Array<{ readonly after: number; readonly seen: Array<Seen>; live: boolean }> = []
  private job: Job<void, unknown> | undefined
  wanted = false
  ended = false
  /** The last offset it received. */
  at = 0

  constructor(name: string, stream?: StreamName) {
    this.name = name
    this.stream = stream
  }

  attach(server: Server): void {
    this.wanted = true
    if (this.job !== undefined || this.ended || server.services === undefined) return
    const attach = { after: this.at, seen: new Array<Seen>(), live: true }
    this.attaches.push(attach)
    const options = {
      ...(this.stream === undefined ? {} : { stream: this.stream }),
      ...(this.cursor === undefined ? {} : { after: this.cursor })
    }
    this.job = server.do(
      Effect.flatMap(EventLog, (log) =>
        Stream.runForEach(InProcess.follow(log, options), (frame) =>
          Effect.sync(() => {
            const one = seen(frame)
            if (one === undefined) return
            attach.seen.push(one)
            if (one._tag === "end") this.ended = true
            if (frame._tag !== "event" || one._tag !== "event") return
            this.cursor = frame.cursor
            this.at = one.offset
          })
        )
      )
    )
  }

  /** Cuts the connection. `keep`: the client reconnects by itself. */
  cut(keep: boolean): void {
    this.wanted = this.wanted && keep
    this.job?.interrupt()
    this.job = undefined
    const last = this.attaches.at(-1)
    if (last !== undefined) last.live = false
  }

  get live(): boolean {
    return this.job !== undefined && !this.ended
  }

  get failure(): string | undefined {
    const exit = this.job?.exit()
    return exit === undefined || Exit.isSuccess(exit) ? undefined : `D2 ${this.name} failed: ${String(exit.cause)}`
  }

  get history(): History {
    const attaches: ReadonlyArray<Attach> = this.attaches.map(({ after, seen, live }) => ({
      after,
      seen,
      live: live && !this.ended
    }))
    return { reader: this.name, start: 0, attaches, ...(this.stream === undefined ? {} : { stream: this.stream }) }
  }
}

/** The rows of the storage after an offset. */
export const rows = (storage: Storage, after: number) =>
  storage.view((view) => view.events({ after, limit: 100_000, maxBytes: Number.MAX_SAFE_INTEGER }).events)

export const parse = (json: string): LogEvent => JSON.parse(json) as LogEvent
