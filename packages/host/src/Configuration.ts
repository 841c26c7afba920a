/**
 * `millrace.config.json`: named providers, server address, silence and use limits. Decoding reports each wrong field by its path. The caller finds
 * the files and decides their precedence.
 */
import { defined } from "@millrace/contracts/Defined"
import { homedir } from "node:os"
import { resolve } from "node:path"
import { ApprovalRules } from "@millrace/contracts/ApprovalRule"
import { RecoveryPolicy } from "@millrace/contracts/State"
import type * as Reaper from "@millrace/orchestration/sessions/Reaper"
import * as Instance from "@millrace/providers/Instance"
import type * as Maintenance from "./Maintenance.ts"
import * as PublicAddress from "./PublicAddress.ts"
import { Duration, Either, JSONSchema, ParseResult, Schema } from "effect"

const optional = <A, I>(schema: Schema.Schema<A, I>, description: string) =>
  Schema.optionalWith(schema, { exact: true }).annotations({ description })

/** Whole minutes, at most a year. */
const Minutes = Schema.Int.pipe(
  Schema.between(0, 525_600, { message: () => "expected whole minutes from 0 to 525600; 0 = never" }),
  Schema.annotations({ identifier: "Minutes", description: "Minutes of awake time; 0 = never." })
)
const limits = {
  idle: optional(Minutes, "An idle agent is stopped after this time; the thread's next turn resumes it. Default 30."),
  modelSilence: optional(Minutes, "A turn without output of the model is interrupted after this time. Default 10."),
  toolSilence: optional(Minutes, "A turn in which a tool runs without output is interrupted after this time. Default 60."),
  waiting: optional(Minutes, "A turn that waits for a person is interrupted after this time. Default 10080, 7 days.")
}

const Server = Schema.Struct({
  host: optional(Schema.String, "Address to listen on, as --host. Default 127.0.0.1."),
  port: optional(
    Schema.Int.pipe(Schema.between(0, 65_535, { message: () => "expected a port from 0 to 65535; 0 picks a free one" })),
    "As --port. Default 7717."
  ),
  allowHosts: optional(Schema.Array(Schema.String), "Additional host names that clients may use, as --allow-host."),
  publicUrl: optional(
    Schema.String.pipe(Schema.filter((text) => PublicAddress.isPublicUrl(text) || `expected ${PublicAddress.publicUrlWanted}`)),
    "Address of the server behind a proxy, as --public-url."
  ),
  trustProxy: optional(
    Schema.Array(
      Schema.String.pipe(
        Schema.filter((text) => PublicAddress.isProxyAddress(text) || `expected ${PublicAddress.proxyAddressWanted}`)
      )
    ),
    "Proxies whose X-Forwarded-Proto, -For and -Host headers are accepted, as --trust-proxy."
  ),
  allowOrigins: optional(
    Schema.Array(
      Schema.String.pipe(Schema.filter((text) => PublicAddress.isOrigin(text) || `expected ${PublicAddress.originWanted}`))
    ),
    "Origins of pages elsewhere that may use the server with a bearer token, as --allow-origin."
  )
})

const Reap = Schema.Struct({
  ...limits,
  maxSessions: optional(
    Schema.Int.pipe(Schema.nonNegative({ message: () => "expected a whole number; 0 = any number" })),
    "Beyond this number of live sessions, idle ones are stopped early, as --max-sessions. Default 64."
  ),
  maxMemory: optional(
    Schema.Int.pipe(Schema.nonNegative({ message: () => "expected whole MiB; 0 = any amount" })),
    "MiB of memory that all agents may use together before idle ones are stopped, as --max-memory. Default 0, any amount."
  ),
  providers: optional(
    Schema.Record({ key: Instance.Name, value: Schema.Struct(limits) }),
    "Limits of single providers, by name; each replaces the general limit."
  )
})

const Bound = Schema.Int.pipe(
  Schema.between(0, 1_000_000, { message: () => "expected a whole number from 0 to 1000000; 0 = any number" })
)
const Limits = Schema.Struct({
  agents: optional(Bound, "Live agents; beyond this number, turns wait in their queues. As --agents. Default 64."),
  agentsPerToken: optional(Bound, "Live agents that run turns of one token, as --agents-per-token. Default 64."),
  agentsPerProvider: optional(Bound, "Live agents of one provider, as --agents-per-provider. Default 0, any number."),
  streamsPerToken: optional(Bound, "Open event streams of one token, as --streams-per-token. Default 256."),
  requestsPerSecond: optional(
    Bound,
    "Requests per second of one token, with bursts of twice the number, as --requests-per-second. Default 5000."
  )
})
export type Limits = typeof Limits.Type

const Log = Schema.Struct({
  maxBytes: optional(
    Schema.Int.pipe(Schema.greaterThanOrEqualTo(1_048_576, { message: () => "expected whole bytes, 1048576 or more" })),
    "Bound of the log's file in bytes, as --log-max-bytes: at the bound, commands are rejected until old events are removed. Default: none."
  ),
  coldAfter: optional(
    Schema.Int.pipe(Schema.between(0, 525_600, { message: () => "expected whole minutes from 0 to 525600; 0 = never" })),
    "Minutes after which events are compressed; 0 = never. Default 60."
  )
})
const Keep = Schema.Struct({
  days: optional(
    Schema.Int.pipe(Schema.between(1, 36_500, { message: () => "expected whole days from 1 to 36500" })),
    "Events older than this are removed."
  ),
  bytes: optional(
    Schema.Int.pipe(Schema.positive({ message: () => "expected a whole number of bytes from 1 on" })),
    "The oldest events are removed while the packed events take more than this."
  ),
  threads: optional(
    Schema.Struct({
      days: Schema.Int.pipe(Schema.between(1, 36_500, { message: () => "expected whole days from 1 to 36500" })).annotations({
        description: "Archived threads are deleted this many days after their last event, as thread.delete does."
      })
    }),
    "Which archived threads are kept. Default: all."
  )
})

/** The file. Every field is optional. */
export const Configuration = Schema.Struct({
  $schema: optional(Schema.String, "Path of this file's JSON Schema, for editors. millrace config schema prints the schema."),
  providers: optional(
    Schema.Record({
      key: Instance.Name,
      value: Schema.Union(
        Instance.Instance,
        Schema.Literal(false).annotations({ description: "Removes the provider of this name." })
      )
    }),
    "Named providers. An entry replaces the built-in provider of the same name; false removes it."
  ),
  server: optional(Server, "Defaults for flags of millrace serve."),
  recovery: optional(RecoveryPolicy, "What happens to turns that ran when the server died, as --recovery. Default ask."),
  approve: optional(
    ApprovalRules,
    "Rules that answer approvals of all threads. The first match counts; a thread's own rules come before these."
  ),
  log: optional(Log, "How the log is stored."),
  checkpoints: optional(
    Schema.Literal("on", "off", "everywhere"),
    "on: the files of threads in git repositories are stored at the start and the end of each turn, in the repository. everywhere: those of other directories too, in the data directory. Default on."
  ),
  retention: optional(Keep, "Which events and archived threads are kept. Default: all."),
  reaper: optional(Reap, "Limits of silence, after which a turn or a session ends."),
  limits: optional(Limits, "Limits of use by one token, by one provider and in total; 0 = any number.")
}).annotations({ identifier: "MillraceConfig", title: "Millrace", description: "millrace.config.json" })
export type Configuration = typeof Configuration.Type

export interface Problem {
  /** Like `providers.work.kind`; empty for the file as a whole. */
  readonly path: string
  readonly message: string
}

const decodeUnknown = Schema.decodeUnknownEither(Configuration, { errors: "all", onExcessProperty: "error" })

const kinds = "codex, claude, acp, openai, demo"

/** A message that states what to do. It omits the wrong value, which may be a secret (X4). */
const worded = ({ message, path }: ParseResult.ArrayFormatterIssue): Problem => {
  const at = path.map(String).join(".")
  const say = (text: string): Problem => ({ path: at, message: text })
  if (path.length === 0) return say("expected an object")
  if (path.length === 2 && path[0] === "providers" && message.startsWith("Expected"))
    return say("expected an object with a kind, or false")
  if (path.at(-1) === "kind") return say(message.endsWith("is missing") ? `say which kind: ${kinds}` : `expected one of ${kinds}`)
  if (path.at(-1) === "apiKey") return say("a key does not belong in this file; name its source with apiKeyEnv or apiKeyFile")
  if (message.startsWith("is unexpected")) return say("there is no such field; see: millrace config schema")
  return say(
    message
      .replace(/, (actual|got) [\s\S]*$/, "")
      .replaceAll(/\s+/g, " ")
      .slice(0, 300)
  )
}

/** Decodes the file, or returns each wrong field once. Omits an object or list that is wrong only because of a field inside it. */
export const decode = (value: unknown): Either.Either<Configuration, ReadonlyArray<Problem>> =>
  Either.mapLeft(decodeUnknown(value), (error) => {
    const all = ParseResult.ArrayFormatter.formatErrorSync(error).map(worded)
    return all.filter(
      ({ path }, n) =>
        all.findIndex((other) => other.path === path) === n &&
        !all.some((other) => path !== "" && other.path.startsWith(`${path}.`))
    )
  })

/** The JSON Schema of the file, for editors and `millrace config schema`. */
export const jsonSchema = (): JSONSchema.JsonSchema7Root => JSONSchema.make(Configuration)

const paths: ReadonlySet<string> = new Set(["binary", "home", "codexHome", "configDir", "apiKeyFile"])

const located = <A extends Instance.Instance>(instance: A, directory: string): A => {
  const at = (path: string) => resolve(directory, path.replace(/^~(?=$|\/)/, homedir()))
  const fields = Object.entries(instance).map(([name, value]): readonly [string, unknown] => {
    if (typeof value !== "string") return [name, value]
    const isPath = paths.has(name) || (name === "command" && value.includes("/"))
    return [name, isPath ? at(value) : value]
  })
  // The same fields with the same types.
  return Object.assign({}, instance, Object.fromEntries(fields))
}

/** Makes the configuration's paths absolute: a relative path is relative to the file's directory. */
export const locate = (configuration: Configuration, directory: string): Configuration =>
  configuration.providers === undefined
    ? configuration
    : {
        ...configuration,
        providers: Object.fromEntries(
          Object.entries(configuration.providers).map(([name, one]) => [name, one === false ? one : located(one, directory)])
        )
      }

/** Merges two configurations. `over` takes precedence: it replaces a provider as a whole, and every other setting one by one. */
export const merge = (under: Configuration, over: Configuration): Configuration => ({
  ...under,
  ...over,
  providers: { ...under.providers, ...over.providers },
  server: { ...under.server, ...over.server },
  ...(under.log === undefined && over.log === undefined ? {} : { log: { ...under.log, ...over.log } }),
  ...(under.retention === undefined && over.retention === undefined
    ? {}
    : { retention: { ...under.retention, ...over.retention } }),
  ...(under.limits === undefined && over.limits === undefined ? {} : { limits: { ...under.limits, ...over.limits } }),
  reaper: {
    ...under.reaper,
    ...over.reaper,
    providers: { ...under.reaper?.providers, ...over.reaper?.providers }
  }
})

type Silence = { readonly [K in keyof typeof limits]?: number }

const duration = <const K extends string>(name: K, minutes: number | undefined) =>
  minutes === undefined ? {} : ({ [name]: Duration.minutes(minutes) } as { readonly [N in K]: Duration.Duration })

const silence = ({ idle, modelSilence, toolSilence, waiting }: Silence): Reaper.Limits => ({
  ...duration("idle", idle),
  ...duration("model", modelSilence),
  ...duration("tool", toolSilence),
  ...duration("waiting", waiting)
})

/** The silence limits as options of the host. */
export const reaper = ({ reaper: given = {} }: Configuration): Reaper.Options => ({
  ...silence(given),
  ...defined({ maxSessions: given.maxSessions }),
  ...(given.maxMemory === undefined ? {} : { maxMemoryBytes: given.maxMemory * 1_048_576 }),
  ...(given.providers === undefined
    ? {}
    : { providers: Object.fromEntries(Object.entries(given.providers).map(([name, one]) => [name, silence(one)])) })
})

/** The maintenance of the log as an option of the host. */
export const maintenance = ({ log, retention }: Configuration): Maintenance.Options => ({
  ...(log?.coldAfter === undefined ? {} : { coldAfter: Duration.minutes(log.coldAfter) }),
  ...defined({ retention })
})
