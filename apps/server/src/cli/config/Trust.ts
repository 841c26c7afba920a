/**
 * Whether a project's `millrace.config.json` may name commands and addresses (X7). Opening a stranger's repository runs nothing: a field that can start a
 * program, send a key to an address, open the server to others, answer approvals or remove events is ignored until the person trusts this content in this directory. Trust is stored as a
 * file in the data directory, named by the digest of both.
 */
import { createHash } from "node:crypto"
import { existsSync, mkdirSync, realpathSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { Configuration } from "@millrace/host/Configuration"
import { Effect } from "effect"
import { messageOf } from "../../NodeError.ts"
import { type CliFailure, failed } from "../Failure.ts"

/** A project's file: its directory and its exact text. */
export interface Content {
  readonly directory: string
  readonly text: string
}

const folder = (dataDir: string) => join(dataDir, "trusted")
const fileOf = (dataDir: string, { directory, text }: Content) => {
  const digest = createHash("sha256")
    .update(`${realpathSync(directory)}\0`)
    .update(text)
    .digest("hex")
  return join(folder(dataDir), digest)
}

/** Whether this content in this directory is trusted. */
export const isTrusted = (dataDir: string, content: Content): boolean => existsSync(fileOf(dataDir, content))

/** Trusts this content in this directory. A change of either requires trust again. */
export const give = (dataDir: string, content: Content): Effect.Effect<void, CliFailure> =>
  Effect.try({
    try: () => {
      mkdirSync(folder(dataDir), { recursive: true, mode: 0o700 })
      writeFileSync(fileOf(dataDir, content), `${content.directory}\n`, { mode: 0o600 })
    },
    catch: (cause) => failed(`Cannot write below ${folder(dataDir)}: ${messageOf(cause)}`)
  })

/** A field that needs trust, and what it names: a program, an endpoint. */
export interface Named {
  readonly path: string
  readonly what: string
}

/** The `server` fields that determine who can reach the server. */
const reaching = ["host", "allowHosts", "publicUrl", "trustProxy", "allowOrigins"] as const

const whatOf = (instance: NonNullable<Configuration["providers"]>[string]): string => {
  if (instance === false) return "not offered"
  if (instance.kind === "acp") return `runs ${[instance.command, ...(instance.args ?? [])].join(" ")}`
  if (instance.kind === "openai") return `sends to ${instance.baseUrl}`
  if (instance.kind === "demo") return "the scripted agent"
  return `runs ${instance.binary ?? instance.kind}, with its own settings`
}

/**
 * Splits a project's configuration into `rest`, which needs no trust, and `named`, the fields that do: every agent and endpoint except the scripted agent,
 * who can reach the server, which approvals are answered, and which events are removed. Pure.
 */
export const split = (configuration: Configuration): { readonly rest: Configuration; readonly named: ReadonlyArray<Named> } => {
  const providers = Object.entries(configuration.providers ?? {})
  const harmless = ([, one]: (typeof providers)[number]) => one === false || one.kind === "demo"
  const { host, allowHosts, publicUrl, trustProxy, allowOrigins, ...server } = configuration.server ?? {}
  const { approve, retention, ...other } = configuration
  const given = { host, allowHosts, publicUrl, trustProxy, allowOrigins }
  return {
    rest: { ...other, providers: Object.fromEntries(providers.filter(harmless)), server },
    named: [
      ...providers.filter((entry) => !harmless(entry)).map(([name, one]) => ({ path: `providers.${name}`, what: whatOf(one) })),
      ...reaching
        .filter((name) => given[name] !== undefined)
        .map((name) => ({ path: `server.${name}`, what: [given[name]].flat().join(", ") })),
      ...(approve === undefined ? [] : [{ path: "approve", what: "answers approvals of all projects" }]),
      ...(retention === undefined ? [] : [{ path: "retention", what: "removes old events of all projects" }])
    ]
  }
}
