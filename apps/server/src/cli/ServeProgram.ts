/** The server as a program: host, transports, where to find it, and the one way down that every reason to stop takes (S10). */
import { Context, DateTime, Duration, Effect, Layer, Queue, type Scope } from "effect"
import type { RecoveryPolicy } from "@millrace/contracts/State"
import type { Limits } from "@millrace/host/Configuration"
import * as Host from "@millrace/host/Host"
import type * as Steps from "@millrace/host/Steps"
import { EventLog } from "@millrace/log/EventLog"
import * as Pairing from "../auth/Pairing.ts"
import * as Server from "../Server.ts"
import { Service } from "../Service.ts"
import type { Telemetry } from "../telemetry/Telemetry.ts"
import * as Browser from "./Browser.ts"
import * as Descriptors from "./Descriptors.ts"
import * as Discovery from "./Discovery.ts"
import * as Failpoint from "./Failpoint.ts"
import { type CliFailure, fromError, type OutputClosed, usage } from "./Failure.ts"
import * as LocalToken from "./LocalToken.ts"
import * as Otlp from "./Otlp.ts"
import { Output } from "./Output.ts"
import * as Signals from "./Signals.ts"

export interface Options {
  readonly host: string
  readonly port: number
  readonly dataDir: string
  readonly auth: boolean
  readonly allowedHosts: ReadonlyArray<string>
  readonly publicUrl?: string | undefined
  readonly trustProxy: ReadonlyArray<string>
  readonly open: boolean
  readonly readyFd: number | undefined
  readonly parentFd: number | undefined
  /** When silence ends a session or a turn. */
  readonly reaper: NonNullable<Host.Options["reaper"]>
  readonly providers?: NonNullable<Host.Options["providers"]>
  /** The files that the above comes from, for people. */
  readonly configuredBy: ReadonlyArray<string>
  /** What one token, one provider and all together may use (R7). */
  readonly limits: Required<Limits>
  /** What becomes of turns that ran when the server died, in threads without a policy of their own. */
  readonly recovery?: RecoveryPolicy | undefined
}

/** All work is settled within this: almost half of it is for turns to finish by themselves. */
const deadline = "10 seconds"
/** After the log is at rest: how long followers have to read to its end; and when nobody waits any more. */
const grace = "3 seconds"
const forcedGrace = "500 millis"

/** From the first reason to stop to the end of the process: the deadline and the grace. Whatever is not closed by then is left (S6). */
const leaveAfter = Duration.seconds(13)

/**
 * The last resort: settling, readers and the closing of scopes each have a bound of their own, and on a machine that starves their sum was 17 s and
 * more. What is committed is safe; agents are killed with the process.
 */
const leave = (output: Output["Type"], after: Duration.Duration) =>
  Effect.sleep(after).pipe(
    Effect.zipRight(
      output.note(
        `The server did not come down within ${Duration.toSeconds(after)} seconds and leaves now. What was committed is safe; the next start settles the rest.`
      )
    ),
    Effect.zipRight(Effect.sync(() => process.exit(1)))
  )

const composed = (
  { allowedHosts, auth, dataDir, host, limits, port, providers, publicUrl, reaper, recovery, trustProxy }: Options,
  onStep: Steps.OnStep | undefined,
  telemetry: Telemetry | undefined,
  { requestsPerSecond, streamsPerToken, ...places } = limits
) =>
  Server.layer({
    host,
    port,
    auth,
    dataDir,
    allowedHosts,
    publicUrl,
    trustProxy,
    grace,
    allowance: { requestsPerSecond, streamsPerToken }
  }).pipe(
    Layer.provideMerge(Layer.map(Layer.service(Host.Host), (context) => Context.make(Service, Context.get(context, Host.Host)))),
    Layer.provideMerge(
      Host.layer({
        dataDir,
        reaper,
        ...(providers === undefined ? {} : { providers }),
        engine: {
          continuation: recovery === undefined ? {} : { recovery },
          places,
          trace: telemetry !== undefined
        },
        ...(onStep === undefined ? {} : { onStep })
      })
    ),
    Layer.provide(telemetry?.tracing ?? Layer.empty)
  )

interface Stopping {
  /** Returns when there is a reason to stop, as a person reads it. */
  readonly reason: Effect.Effect<string>
  /** Returns at the next signal. */
  readonly signal: Effect.Effect<Signals.Signal>
}

/** Signals are taken over at once: one stops the server, the next one forces that, a third ends the process where it is. */
const stop = (options: Options): Effect.Effect<Stopping, CliFailure, Scope.Scope> =>
  Effect.gen(function* () {
    const signal = Queue.take(yield* Signals.listen(3))
    const received = Effect.map(signal, (name) => `${name} received`)
    if (options.parentFd === undefined) return { reason: received, signal }
    const { gone } = yield* Descriptors.endOf("parent-fd", options.parentFd)
    return { reason: Effect.raceFirst(received, Effect.as(gone, "the parent process is gone")), signal }
  })

/** Admission closes, turns settle, everything is committed, followers read to the end and hear goodbye; then scopes close in reverse. */
const down = (
  host: Host.Host["Type"],
  server: Server.Server["Type"],
  { onStep, forced }: { readonly onStep: Steps.OnStep | undefined; readonly forced: Effect.Effect<unknown> }
) =>
  Effect.gen(function* () {
    const token = yield* host.beginShutdown({ deadline, mode: "drain" })
    let patience: typeof grace | typeof forcedGrace = grace
    const force = Effect.sync(() => {
      patience = forcedGrace
    })
    yield* Effect.forkScoped(forced.pipe(Effect.zipRight(force), Effect.zipRight(host.forceShutdown)))
    yield* host.finishShutdown(token).pipe(
      Effect.tap(({ head, millis, sessions }) =>
        Effect.logInfo(`Settled in ${millis} ms: ${sessions} sessions ended, head ${head}.`)
      ),
      Effect.catchAll(({ message }) => Effect.logWarning(message))
    )
    const { cut, ended } = yield* server.drain(patience)
    onStep?.("shutdown-drained")
    yield* Effect.logInfo(`Connections: ${ended} ended, ${cut} cut.`)
  })

/** Returns when the server has come down in order. Fails before it is ready, with what to do: wrong flags, an owned directory, a port in use. */
export const serve = (options: Options): Effect.Effect<void, CliFailure | OutputClosed, Output> =>
  Effect.gen(function* () {
    const output = yield* Output
    // What is wrong with the flags is said before anything is opened.
    const ready = options.readyFd === undefined ? undefined : yield* Descriptors.lineTo("ready-fd", options.readyFd)
    const failpoint = yield* Failpoint.fromEnvironment
    const onStep = failpoint?._tag === "kill" ? failpoint.onStep : undefined
    if (onStep !== undefined) yield* output.note("MILLRACE_FAILPOINT is set: this server will kill itself. It is a testing aid.")
    const stuck = failpoint?._tag === "never-down" ? failpoint : undefined
    if (stuck !== undefined) {
      yield* output.note("MILLRACE_FAILPOINT is set: this server will not come down. It is a testing aid.")
      yield* Effect.addFinalizer(() => Effect.never)
    }
    const stopping = yield* stop(options)
    if (options.configuredBy.length > 0) yield* output.note(`Configured by ${options.configuredBy.join(" and ")}`)
    yield* output.progress("starting")
    // Before everything, so that it ends after everything.
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
      ? Pairing.link(server.publicUrl, (yield* Effect.mapError(Pairing.create(dataDir, { role: "admin" }), fromError)).code)
      : undefined
    yield* output.progress(undefined)
    yield* output
      .out(
        link === undefined
          ? `Millrace is ready at ${server.url} (no authentication)\n`
          : `Millrace is ready at ${server.url}  pair a browser, once: ${link}\n`
      )
      // Whoever read our output may leave, and a disk may be full: the server stays.
      .pipe(
        Effect.catchAll(({ fault }) =>
          fault === undefined
            ? Effect.void
            : output.note(
                `Millrace is ready at ${server.url}. Cannot write to standard output: ${fault}. To get a pairing link: millrace pair`
              )
        )
      )
    if (ready !== undefined) yield* ready(JSON.stringify({ url: server.url, token: local?.token ?? "", pid, dataDir }))
    if (options.open && !(yield* Browser.open(link ?? server.url)))
      yield* output.note("No program opens pages here; open the link by hand.")

    const ordered = Effect.map(host.shutdownBegun, ({ by }) => `${by ?? "its owner"} asked for it`)
    const reason = yield* Effect.raceFirst(stopping.reason, ordered)
    yield* output.note(`Stopping: ${reason}. A second signal waits for nobody, a third leaves at once.`)
    const forced = Effect.flatMap(stopping.signal, (name) => output.note(`${name} received: nobody is waited for any more.`))
    // Of its own: it outlives the scopes that it is for.
    yield* Effect.forkDaemon(leave(output, stuck?.leaveAfter ?? leaveAfter))
    yield* down(host, server, { onStep, forced })
  }).pipe(Effect.scoped)
