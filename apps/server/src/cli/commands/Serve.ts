/** `millrace serve`: its flags. The program itself is loaded on demand (ServeProgram.ts). */
import { defined } from "@millrace/contracts/Defined"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import { Duration, Effect, Option } from "effect"
import * as Flags from "../Flags.ts"
import * as LimitFlags from "../LimitFlags.ts"

const descriptor = (name: string, what: string) =>
  Flags.integer(name, { min: 0, max: 1_000_000 }).pipe(Options.withDescription(what), Options.optional)

/** A flag for a duration in minutes, up to a year. */
const minutes = (name: string, variable: string, what: string, usual: number) =>
  Flags.integer(name, { min: 0, max: 525_600, variable }).pipe(
    Options.withDescription(`${what}, in minutes that the machine is awake; default ${usual}; 0 = never (${variable}).`),
    Options.optional
  )

const given = <const K extends string>(name: K, value: Option.Option<number>) =>
  Option.isSome(value) ? ({ [name]: Duration.minutes(value.value) } as { readonly [N in K]: Duration.Duration }) : {}

export const command = Command.make(
  "serve",
  {
    host: Flags.host,
    port: Flags.port,
    data: Flags.data,
    noAuth: Options.boolean("no-auth").pipe(Options.withDescription("Require no token. Allowed only on loopback addresses.")),
    allowHost: Options.text("allow-host").pipe(
      Options.withPseudoName("NAME"),
      Options.withDescription(
        "Another host name that clients may use for this server, such as that of a proxy. May be repeated."
      ),
      Options.repeated
    ),
    publicUrl: Flags.publicUrl,
    trustProxy: Flags.trustProxy,
    allowOrigin: Flags.allowOrigin,
    projectConfig: Options.boolean("project-config").pipe(
      Options.withDescription(
        "For this run, use the commands and addresses that this directory's millrace.config.json names. See: millrace config trust"
      )
    ),
    noProjectConfig: Options.boolean("no-project-config").pipe(
      Options.withDescription("Ignore this directory's millrace.config.json; read only that of the data directory.")
    ),
    open: Options.boolean("open").pipe(Options.withDescription("Open the pairing link in a browser.")),
    idle: minutes(
      "idle",
      "MILLRACE_IDLE",
      "How long an agent's process may be idle before it is ended (the next turn resumes it)",
      30
    ),
    modelSilence: minutes(
      "model-silence",
      "MILLRACE_MODEL_SILENCE",
      "How long a model may be silent before its turn is interrupted",
      10
    ),
    toolSilence: minutes(
      "tool-silence",
      "MILLRACE_TOOL_SILENCE",
      "How long a tool may be silent before its turn is interrupted",
      60
    ),
    recovery: Flags.optionalChoice(
      "recovery",
      ["settle", "resume", "ask"],
      "MILLRACE_RECOVERY",
      "What to do with turns that were running when the server died, in threads without their own policy: ask keeps open requests open and asks a person whether to continue (default), resume continues the work in a new turn, settle ends it"
    ),
    maxSessions: Flags.integer("max-sessions", { min: 0, max: 100_000, variable: "MILLRACE_MAX_SESSIONS" }).pipe(
      Options.withDescription(
        "Number of live sessions above which idle ones are stopped early; default 64; 0 = no limit (MILLRACE_MAX_SESSIONS)."
      ),
      Options.optional
    ),
    maxMemory: Flags.integer("max-memory", { min: 0, max: 100_000_000, variable: "MILLRACE_MAX_MEMORY" }).pipe(
      Options.withDescription(
        "Memory of all agents together, in MiB, above which idle sessions are stopped; default 0 = no limit (MILLRACE_MAX_MEMORY)."
      ),
      Options.optional
    ),
    logMaxBytes: Flags.size("log-max-bytes", {
      variable: "MILLRACE_LOG_MAX_BYTES",
      description: "Bound of the log's file, such as 5GB; at the bound, commands are rejected until old events are removed"
    }),
    ...LimitFlags.options,
    readyFd: descriptor(
      "ready-fd",
      "Write one JSON line {url, token, pid, dataDir} to this file descriptor when the server is ready."
    ),
    parentFd: descriptor(
      "parent-fd",
      "Shut down gracefully when this file descriptor reaches end of file (the parent process has exited)."
    )
  },
  ({
    agents,
    agentsPerProvider,
    agentsPerToken,
    allowHost,
    allowOrigin,
    data,
    host,
    idle,
    logMaxBytes,
    maxMemory,
    maxSessions,
    modelSilence,
    noAuth,
    noProjectConfig,
    open,
    parentFd,
    port,
    projectConfig,
    publicUrl,
    readyFd,
    recovery,
    requestsPerSecond,
    streamsPerToken,
    toolSilence,
    trustProxy
  }) =>
    Effect.gen(function* () {
      const { serve } = yield* Effect.promise(() => import("../serve/ServeProgram.ts"))
      const { hostOptions, load } = yield* Effect.promise(() => import("../config/ConfigurationFile.ts"))
      const { decide } = yield* Effect.promise(() => import("../config/TrustQuestion.ts"))
      const trust = yield* decide(data, projectConfig)
      const { configuration, files } = yield* load(data, noProjectConfig ? undefined : process.cwd(), trust)
      const { maintenance, providers, reaper } = hostOptions(configuration)
      yield* serve({
        host: Option.getOrElse(host, () => configuration.server?.host ?? Flags.defaultHost),
        port: Option.getOrElse(port, () => configuration.server?.port ?? Flags.defaultPort),
        dataDir: data,
        auth: !noAuth,
        allowedHosts: [...allowHost, ...(configuration.server?.allowHosts ?? [])],
        publicUrl: Flags.orUndefined(publicUrl) ?? configuration.server?.publicUrl,
        trustProxy: [...trustProxy, ...(configuration.server?.trustProxy ?? [])],
        allowedOrigins: [...allowOrigin, ...(configuration.server?.allowOrigins ?? [])],
        configuredBy: files,
        ...defined({ providers }),
        maintenance,
        open,
        reaper: {
          ...reaper,
          ...given("idle", idle),
          ...given("model", modelSilence),
          ...given("tool", toolSilence),
          ...(Option.isSome(maxSessions) ? { maxSessions: maxSessions.value } : {}),
          ...(Option.isSome(maxMemory) ? { maxMemoryBytes: maxMemory.value * 1_048_576 } : {})
        },
        limits: LimitFlags.merge(
          { agents, agentsPerProvider, agentsPerToken, requestsPerSecond, streamsPerToken },
          configuration.limits ?? {}
        ),
        maxLogBytes: Flags.orUndefined(logMaxBytes) ?? configuration.log?.maxBytes,
        recovery: Flags.orUndefined(recovery) ?? configuration.recovery ?? "ask",
        approve: configuration.approve,
        checkpoints: configuration.checkpoints ?? "on",
        readyFd: Flags.orUndefined(readyFd),
        parentFd: Flags.orUndefined(parentFd)
      })
    })
).pipe(
  Command.withDescription(
    "Start the server. When it is ready, it prints one line with its URL and a one-time link that pairs a browser."
  )
)
