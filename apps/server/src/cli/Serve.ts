/** `millrace serve`: its flags. The program itself is loaded when it is started (ServeProgram.ts). */
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import { Duration, Effect, Option } from "effect"
import * as Flags from "./Flags.ts"
import * as LimitFlags from "./LimitFlags.ts"

const descriptor = (name: string, what: string) =>
  Flags.integer(name, { min: 0, max: 1_000_000 }).pipe(Options.withDescription(what), Options.optional)

/** Up to a year. */
const minutes = (name: string, variable: string, what: string) =>
  Flags.integer(name, { min: 0, max: 525_600, variable }).pipe(
    Options.withDescription(`${what}, in minutes of awake time; 0 = never (${variable}).`),
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
    noAuth: Options.boolean("no-auth").pipe(
      Options.withDescription("Ask nobody for a token. Only on this machine's own addresses.")
    ),
    allowHost: Options.text("allow-host").pipe(
      Options.withPseudoName("NAME"),
      Options.withDescription("One more name this server is reached by, such as that of a proxy. May be repeated."),
      Options.repeated
    ),
    publicUrl: Flags.publicUrl,
    trustProxy: Flags.trustProxy,
    projectConfig: Options.boolean("project-config").pipe(
      Options.withDescription(
        "Use the commands and addresses that millrace.config.json of this directory names, this time. See: millrace config trust"
      )
    ),
    noProjectConfig: Options.boolean("no-project-config").pipe(
      Options.withDescription("Leave millrace.config.json of this directory unread, and read only that of the data directory.")
    ),
    open: Options.boolean("open").pipe(Options.withDescription("Open the pairing link in a browser.")),
    idle: minutes("idle", "MILLRACE_IDLE", "End an agent's process that has nothing to do; its thread resumes it. Default 30"),
    modelSilence: minutes(
      "model-silence",
      "MILLRACE_MODEL_SILENCE",
      "Interrupt a turn in which the model says nothing. Default 10"
    ),
    toolSilence: minutes("tool-silence", "MILLRACE_TOOL_SILENCE", "Interrupt a turn in which a tool says nothing. Default 60"),
    recovery: Flags.optionalChoice(
      "recovery",
      ["settle", "resume", "ask"],
      "MILLRACE_RECOVERY",
      "What becomes of turns that ran when the server died, in threads without a policy of their own: they are ended (settle, the default), their work goes on in a new turn, or a person is asked"
    ),
    maxSessions: Flags.integer("max-sessions", { min: 0, max: 100_000, variable: "MILLRACE_MAX_SESSIONS" }).pipe(
      Options.withDescription(
        "Live sessions beyond which idle ones are stopped early; default 64; 0 = any number (MILLRACE_MAX_SESSIONS)."
      ),
      Options.optional
    ),
    maxMemory: Flags.integer("max-memory", { min: 0, max: 100_000_000, variable: "MILLRACE_MAX_MEMORY" }).pipe(
      Options.withDescription(
        "MiB that all agents together may hold before idle sessions are stopped; default 0 = any amount (MILLRACE_MAX_MEMORY)."
      ),
      Options.optional
    ),
    ...LimitFlags.options,
    readyFd: descriptor("ready-fd", "Write one JSON line {url, token, pid, dataDir} to this descriptor when ready."),
    parentFd: descriptor("parent-fd", "End in order when this descriptor reaches its end: the parent is gone.")
  },
  ({
    agents,
    agentsPerProvider,
    agentsPerToken,
    allowHost,
    data,
    host,
    idle,
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
      const { serve } = yield* Effect.promise(() => import("./ServeProgram.ts"))
      const { hostOptions, load } = yield* Effect.promise(() => import("./ConfigurationFile.ts"))
      const { decide } = yield* Effect.promise(() => import("./TrustQuestion.ts"))
      const trust = yield* decide(data, projectConfig)
      const { configuration, files } = yield* load(data, noProjectConfig ? undefined : process.cwd(), trust)
      const { providers, reaper } = hostOptions(configuration)
      yield* serve({
        host: Option.getOrElse(host, () => configuration.server?.host ?? Flags.defaultHost),
        port: Option.getOrElse(port, () => configuration.server?.port ?? Flags.defaultPort),
        dataDir: data,
        auth: !noAuth,
        allowedHosts: [...allowHost, ...(configuration.server?.allowHosts ?? [])],
        publicUrl: Flags.orUndefined(publicUrl) ?? configuration.server?.publicUrl,
        trustProxy: [...trustProxy, ...(configuration.server?.trustProxy ?? [])],
        configuredBy: files,
        ...(providers === undefined ? {} : { providers }),
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
        recovery: Flags.orUndefined(recovery) ?? configuration.recovery,
        readyFd: Flags.orUndefined(readyFd),
        parentFd: Flags.orUndefined(parentFd)
      })
    })
).pipe(
  Command.withDescription(
    "Start the server; prints one line with its URL and a link that pairs a browser, once, when it is ready."
  )
)
