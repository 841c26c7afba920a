/**
 * `millrace.config.json`: the named providers of a server, and when silence ends what. Decoding tells each wrong field by its path; where files are
 * and which wins is the caller's.
 */
import { homedir } from "node:os"
import { resolve } from "node:path"
import { RecoveryPolicy } from "@millrace/contracts/State"
import type * as Reaper from "@millrace/orchestration/Reaper"
import * as Instance from "@millrace/providers/Instance"
import * as PublicAddress from "./PublicAddress.ts"
import { Duration, Either, JSONSchema, ParseResult, Schema } from "effect"

const optional = <A, I>(schema: Schema.Schema<A, I>, description: string) =>
  Schema.optionalWith(schema, { exact: true }).annotations({ description })

/** Up to a year. */
const Minutes = Schema.Int.pipe(
  Schema.between(0, 525_600, { message: () => "expected whole minutes from 0 to 525600; 0 = never" }),
  Schema.annotations({ identifier: "Minutes", description: "Minutes of awake time; 0 = never." })
)
const limits = {
  idle: optional(Minutes, "An agent that has nothing to do is ended; its thread resumes it. Default 30."),
  modelSilence: optional(Minutes, "A turn in which the model says nothing is interrupted. Default 10."),
  toolSilence: optional(Minutes, "A turn in which a tool says nothing is interrupted. Default 60."),
  waiting: optional(Minutes, "A turn that waits for a person is interrupted. Default 10080, 7 days.")
}

const Server = Schema.Struct({
  host: optional(Schema.String, "Where to listen, as --host. Default 127.0.0.1."),
  port: optional(
    Schema.Int.pipe(Schema.between(0, 65_535, { message: () => "expected a port from 0 to 65535; 0 picks a free one" })),
    "As --port. Default 7717."
  ),
  allowHosts: optional(Schema.Array(Schema.String), "More names that this server is reached by, as --allow-host."),
  publicUrl: optional(
    Schema.String.pipe(Schema.filter((text) => PublicAddress.isPublicUrl(text) || `expected ${PublicAddress.publicUrlWanted}`)),
    "How people reach the server through a proxy, as --public-url."
  ),
  trustProxy: optional(
    Schema.Array(
      Schema.String.pipe(
        Schema.filter((text) => PublicAddress.isProxyAddress(text) || `expected ${PublicAddress.proxyAddressWanted}`)
      )
    ),
    "Proxies whose X-Forwarded-Proto, -For and -Host count, as --trust-proxy."
  )
})

const Reap = Schema.Struct({
  ...limits,
  maxSessions: optional(
    Schema.Int.pipe(Schema.nonNegative({ message: () => "expected a whole number; 0 = any number" })),
    "Live sessions beyond which idle ones are ended before their time, as --max-sessions. Default 64."
  ),
  maxMemory: optional(
    Schema.Int.pipe(Schema.nonNegative({ message: () => "expected whole MiB; 0 = any amount" })),
    "MiB that all agents together may hold before idle ones are ended, as --max-memory. Default 0."
  ),
  providers: optional(
    Schema.Record({ key: Instance.Name, value: Schema.Struct(limits) }),
    "Limits of single providers, by name, in place of the general ones."
  )
})

const Bound = Schema.Int.pipe(
  Schema.between(0, 1_000_000, { message: () => "expected a whole number from 0 to 1000000; 0 = any number" })
)
const Limits = Schema.Struct({
  agents: optional(Bound, "Agents that live at once; beyond them turns wait in their queues. As --agents. Default 64."),
  agentsPerToken: optional(Bound, "The same for the turns that one token asked for, as --agents-per-token. Default 64."),
  agentsPerProvider: optional(Bound, "The same for each provider, as --agents-per-provider. Default 0, any number."),
  streamsPerToken: optional(Bound, "Event streams that one token holds open, as --streams-per-token. Default 256."),
  requestsPerSecond: optional(
    Bound,
    "Requests of one token in a second, twice as many at once, as --requests-per-second. Default 5000."
  )
})
export type Limits = typeof Limits.Type

/** All of it is optional. */
export const Configuration = Schema.Struct({
  $schema: optional(Schema.String, "Where an editor finds the schema of this file: millrace config schema prints it."),
  providers: optional(
    Schema.Record({
      key: Instance.Name,
      value: Schema.Union(
        Instance.Instance,
        Schema.Literal(false).annotations({ description: "The provider of this name is not offered." })
      )
    }),
    "Named providers. One with the name of a built-in takes its place; false takes a built-in away."
  ),
  server: optional(Server, "What millrace serve does without flags."),
  recovery: optional(RecoveryPolicy, "What becomes of turns that ran when the server died, as --recovery. Default settle."),
  reaper: optional(Reap, "When silence ends a turn or a session."),
  limits: optional(Limits, "What one token, one provider and all together may use; 0 = any number.")
}).annotations({ identifier: "MillraceConfig", title: "Millrace", description: "millrace.config.json" })
export type Configuration = typeof Configuration.Type

export interface Problem {
  /** Like `providers.work.kind`; empty for the file as a whole. */
  readonly path: string
  readonly message: string
}

const decodeUnknown = Schema.decodeUnknownEither(Configuration, { errors: "all", onExcessProperty: "error" })

const kinds = "codex, claude, acp, openai, demo"

/** In words that say what to do, and without what was written: it may be a secret (X4). */
const worded = ({ message, path }: ParseResult.ArrayFormatterIssue): Problem => {
  const at = path.map(String).join(".")
  const say = (text: string): Problem => ({ path: at, message: text })
  if (path.length === 0) return say("expected an object")
  if (path.length === 2 && path[0] === "providers" && message.startsWith("Expected"))
    return say("expected an object with a kind, or false")
  if (path.at(-1) === "kind") return say(message.endsWith("is missing") ? `say which kind: ${kinds}` : `expected one of ${kinds}`)
  if (path.at(-1) === "apiKey") return say("a key does not belong into this file; name its place with apiKeyEnv or apiKeyFile")
  if (message.startsWith("is unexpected")) return say("there is no such field; see: millrace config schema")
  return say(
    message
      .replace(/, (actual|got) [\s\S]*$/, "")
      .replaceAll(/\s+/g, " ")
      .slice(0, 300)
  )
}

/** Every wrong field, once; nothing of what only says that something in it is wrong. */
export const decode = (value: unknown): Either.Either<Configuration, ReadonlyArray<Problem>> =>
  Either.mapLeft(decodeUnknown(value), (error) => {
    const all = ParseResult.ArrayFormatter.formatErrorSync(error).map(worded)
    return all.filter(
      ({ path }, n) =>
        all.findIndex((other) => other.path === path) === n &&
        !all.some((other) => path !== "" && other.path.startsWith(`${path}.`))
    )
  })

/** For editors, and `millrace config schema`. */
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

/** Its paths are absolute: those of a file are relative to its directory. */
export const locate = (configuration: Configuration, directory: string): Configuration =>
  configuration.providers === undefined
    ? configuration
    : {
        ...configuration,
        providers: Object.fromEntries(
          Object.entries(configuration.providers).map(([name, one]) => [name, one === false ? one : located(one, directory)])
        )
      }

/** `over` wins: a provider as a whole, every other setting by itself. */
export const merge = (under: Configuration, over: Configuration): Configuration => ({
  ...under,
  ...over,
  providers: { ...under.providers, ...over.providers },
  server: { ...under.server, ...over.server },
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

/** As the host takes them. */
export const reaper = ({ reaper: given = {} }: Configuration): Reaper.Options => ({
  ...silence(given),
  ...(given.maxSessions === undefined ? {} : { maxSessions: given.maxSessions }),
  ...(given.maxMemory === undefined ? {} : { maxMemoryBytes: given.maxMemory * 1_048_576 }),
  ...(given.providers === undefined
    ? {}
    : { providers: Object.fromEntries(Object.entries(given.providers).map(([name, one]) => [name, silence(one)])) })
})
