/** The server as a program: host, transports, discovery file, and the single shutdown path that every reason to stop uses (S10). */
import type { ApprovalRules } from "@millrace/contracts/ApprovalRule"
import { defined } from "@millrace/contracts/Defined"
import { Context, DateTime, Duration, Effect, Layer, Queue, type Scope } from "effect"
import type { RecoveryPolicy } from "@millrace/contracts/State"
import type { Limits } from "@millrace/host/Configuration"
import * as Host from "@millrace/host/Host"
import type * as FailPoints from "@millrace/host/FailPoints"
import { EventLog } from "@millrace/log/EventLog"
import * as Pairing from "../../auth/Pairing.ts"
import * as Server from "../../Server.ts"
import * as SessionTokens from "../../mcp/SessionTokens.ts"
import { Service } from "../../Service.ts"
import type { Telemetry } from "../../telemetry/Telemetry.ts"
import * as Browser from "./Browser.ts"
import * as Descriptors from "./Descriptors.ts"
import * as Discovery from "../client/Discovery.ts"
import * as FailPoint from "./FailPoint.ts"
import { type CliFailure, fromError, type OutputClosed, usage } from "../Failure.ts"
import * as LocalToken from "../client/LocalToken.ts"
import * as Otlp from "./Otlp.ts"
import { Output } from "../Output.ts"
import * as ProcessSignals from "../ProcessSignals.ts"

export interface Options {
  readonly host: string
  readonly port: number
  readonly dataDir: string
  readonly auth: boolean
  readonly allowedHosts: ReadonlyArray<string>
  readonly publicUrl?: string | undefined
  readonly trustProxy: ReadonlyArray<string>
  readonly allowedOrigins: ReadonlyArray<string>
  readonly open: boolean
  readonly readyFd: number | undefined
  readonly parentFd: number | undefined
  /** Time limits of silent turns and idle sessions. */
  readonly reaper: NonNullable<Host.Options["reaper"]>
  /** When old events are packed and removed. */
  readonly maintenance: NonNullable<Host.Options["maintenance"]>
  readonly providers?: NonNullable<Host.Options["providers"]>
  /** The configuration files that were read, for a message to people. */
  readonly configuredBy: ReadonlyArray<string>
  /** Bound of the log's file in bytes. */
  readonly maxLogBytes?: number | undefined
  /** Whether the files of threads are stored at the start and the end of each turn. */
  readonly checkpoints: "on" | "off" | "everywhere"
  /** Limits of one token, of one provider and of all together (R7). */
  readonly limits: Required<Limits>
  /** Recovery of turns that ran when the server died, for threads without their own policy. */
  readonly recovery?: RecoveryPolicy | undefined
  readonly approve?: ApprovalRules | undefined
}

/** Deadline for settling all work. Turns may finish by themselves until 45 to 60 % of it has passed. */
const deadline = "10 seconds"
/** Grace period for subscribers to read to the end of the log, after the last commit; and the same in a forced shutdown. */
const grace = "3 seconds"
const forcedGrace = "500 millis"

/** Maximum time from the first reason to stop to the exit: the deadline and the grace period. Scopes that are still open then are abandoned (S6). */
const leaveAfter = Duration.seconds(13)

/**
 * Last resort: settling, draining and closing scopes have separate limits. Together they took 17 s and more on an overloaded machine.
 * Committed events are safe; agents are killed with the process.
 */
const exitAfter = (output: Output["Type"], after: Duration.Duration) =>
  Effect.sleep(after).pipe(
    Effect.zipRight(
      output.note(
        `The server did not shut down within ${Duration.toSeconds(after)} seconds and exits now. Committed events are safe; the next start settles the rest.`
      )
    ),
    Effect.zipRight(Effect.sync(() => process.exit(1)))
  )

const composed = (
  {
    allowedHosts,
    allowedOrigins,
    auth,
    checkpoints,
    dataDir,
    host,
    limits,
    maintenance,
    maxLogBytes,
    port,
    providers,
    publicUrl,
    reaper,
    recovery,
    approve,
    trustProxy
  }: Options,
  onStep: FailPoints.OnFailPoint | undefined,
  telemetry: Telemetry | undefined,
  { requestsPerSecond, streamsPerToken, ...agentLimits } = limits
) =>
  Server.layer({
    host,
    port,
    auth,
    dataDir,
    maxLogBytes,
    allowedHosts,
    publicUrl,
    trustProxy,
    allowedOrigins,
    grace,
    allowance: { requestsPerSecond, streamsPerToken }
  }).pipe(
    Layer.provideMerge(Layer.map(Layer.service(Host.Host), (context) => Context.make(Service, Context.get(context, Host.Host)))),
    Layer.provideMerge(
      Host.layer({
        dataDir,
        maxLogBytes,
        reaper,
        maintenance,
        checkpoints,
        ...defined({ providers }),
        engine: {
          continuation: recovery === undefined ? {} : { recovery },
          approve,
          places: agentLimits,
          trace: telemetry !== undefined
        },
        ...defined({ onStep })
      })
    ),
    Layer.provide(SessionTokens.layer),
    Layer.provide(telemetry?.tracing ?? Layer.empty)
  )

interface Stopping {
  /** Returns the reason to stop, as text for people, once there is one. */
  readonly reason: Effect.Effect<string>
  /** Returns at the next signal. */
  readonly signal: Effect.Effect<ProcessSignals.Signal>
}

/** Handles signals from now on: the first stops the server, the second forces the stop, the third exits the process at once. */
const stop = (options: Options): Effect.Effect<Stopping, CliFailure, Scope.Scope> =>
  Effect.gen(function* () {
    const signal = Queue.take(yield* ProcessSignals.listen(3))
    const received = Effect.map(signal, (name) => `${name} received`)
    if (options.parentFd === undefined) return { reason: received, signal }
    const { ended } = yield* Descriptors.endOf("parent-fd", options.parentFd)
    return { reason: Effect.raceFirst(received, Effect.as(ended, "the parent process has exited")), signal }
  })

/** Closes admission, settles turns, commits everything, and ends subscriptions with `bye` at the end of the log. Then scopes close in reverse order. */
const shutDown = (
  host: Host.Host["Type"],
  server: Server.Server["Type"],
  { onStep, forced }: { readonly onStep: FailPoints.OnFailPoint | undefined; readonly forced: Effect.Effect<unknown> }
) =>
  Effect.gen(function* () {
    const token = yield* host.beginShutdown({ deadline, mode: "drain" })
    let gracePeriod: typeof grace | typeof forcedGrace = grace
    const force = Effect.sync(() => {
      gracePeriod = forcedGrace
    })
    yield* Effect.forkScoped(forced.pipe(Effect.zipRight(force), Effect.zipRight(host.forceShutdown)))
    yield* host.finishShutdown(token).pipe(
      Effect.tap(({ head, millis, sessions }) =>
        Effect.logInfo(`Settled in ${millis} ms: ${sessions} sessions ended, head ${head}.`)
      ),
      Effect.catchAll(({ message }) => Effect.logWarning(message))
    )
    const { cut, ended } = yield* server.drain(gracePeriod)
    onStep?.("shutdown-drained")
    yield* Effect.logInfo(`Connections: ${ended} ended, ${cut} cut.`)
  })

/** Returns when the server has shut down in order. Fails before it is ready, with what to do, for wrong flags, an owned directory or a port in use. */
export const serve = (options: Options): Effect.Effect<void, CliFailure | OutputClosed, Output> =>
  Effect.gen(function* () {
    const output = yield* Output
    // Wrong flags fail before anything is opened.
    const ready = options.readyFd === undefined ? undefined : yield* Descriptors.lineTo("ready-fd", options.readyFd)
    const failPoint = yield* FailPoint.fromEnvironment
    const onStep = failPoint?._tag === "kill" ? failPoint.onStep : undefined
    if (onStep !== undefined) yield* output.note("MILLRACE_FAILPOINT is set: this server will kill itself. It is a testing aid.")
    const stuck = failPoint?._tag === "never-down" ? failPoint : undefined
    if (stuck !== undefined) {
      yield* output.note("MILLRACE_FAILPOINT is set: this server will not shut down. It is a testing aid.")
      yield* Effect.addFinalizer(() => Effect.never)
    }
    const stopping = yield* stop(options)
    if (options.configuredBy.length > 0) yield* output.note(`Configured by ${options.configuredBy.join(" and ")}`)
    yield* output.progress("starting")
    // Started first, so that it ends last.
    const telemetry = yield* Otlp.fromEnvironment
    const context = yield* Layer.build(composed(options, onStep, telemetry)).pipe(
      Effect.mapError((error) => (error._tag === "BindRefused" ? usage(error.message) : fromError(error)))
    )
    const host = Context.get(context, Host.Host)
    const server = Context.get(context, Server.Server)
    if (telemetry !== undefined) yield* telemetry.watch(Context.get(context, EventLog), server.samples({ named: false }))
    const { dataDir } = options
    const { pid } = process

    const local = options.auth ? yield* Effect.mapError(LocalToken.ensure(dataDir), fromError) : undefined
    yield* Effect.acquireRelease(
      Discovery.write(dataDir, {
        url: server.url,
        ...(server.publicUrl === server.url ? {} : { publicUrl: server.publicUrl }),
        pid,
        ...(local === undefined ? {} : { tokenFile: local.file }),
        startedAt: DateTime.formatIso(yield* DateTime.now)
      }),
      () => Discovery.remove(dataDir, pid)
    )
    const link = options.auth
      ? Pairing.link(server.publicUrl, (yield* Effect.mapError(Pairing.create(dataDir, { scope: "admin" }), fromError)).code)
      : undefined
    yield* output.progress(undefined)
    yield* output
      .out(
        link === undefined
          ? `Millrace is ready at ${server.url} (no authentication)\n`
          : `Millrace is ready at ${server.url}  pair a browser, once: ${link}\n`
      )
      // A closed standard output or a full disk does not stop the server.
      .pipe(
        Effect.catchAll(({ fault }) =>
          fault === undefined
            ? Effect.void
            : output.note(
                `Millrace is ready at ${server.url}. Cannot write to standard output: ${fault}. To get a pairing link: millrace pair`
              )
        )
      )
    if (output.outIsTerminal && (yield* Context.get(context, EventLog).head) === 0)
      yield* output.note(
        `Everything is kept in ${dataDir}: the log of all threads, and access tokens. Ctrl-C stops the server.\nIn a second terminal: millrace run hello`
      )
    if (ready !== undefined) yield* ready(JSON.stringify({ url: server.url, token: local?.token ?? "", pid, dataDir }))
    if (options.open && !(yield* Browser.open(link ?? server.url)))
      yield* output.note("Cannot start a browser. Open the link yourself.")

    const requested = Effect.map(host.shutdownBegun, ({ by }) => `requested by ${by ?? "its owner"}`)
    const reason = yield* Effect.raceFirst(stopping.reason, requested)
    yield* output.note(`Stopping: ${reason}. A second signal stops without waiting, a third exits at once.`)
    const forced = Effect.flatMap(stopping.signal, (name) => output.note(`${name} received: stopping without waiting.`))
    // A daemon fiber, so that it outlives the scopes whose closing it bounds.
    yield* Effect.forkDaemon(exitAfter(output, stuck?.leaveAfter ?? leaveAfter))
    yield* shutDown(host, server, { onStep, forced })
  }).pipe(Effect.scoped)
