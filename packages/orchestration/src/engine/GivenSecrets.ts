/** Secrets in commands: a plain value is replaced by its name before the engine decides the command, so it reaches neither the log nor a receipt (X4). */
import type { Command } from "@millrace/contracts/Command"
import type { StorageUnavailable } from "@millrace/contracts/Errors"
import { isSecretName, type McpServers, type SecretValue } from "@millrace/contracts/Settings"
import type { Secrets } from "@millrace/log/Secrets"
import { Effect } from "effect"
import type { Pin } from "./SecretReferences.ts"

type Store = typeof Secrets.Service

/** Applies a function to each value of a record. */
export const mapValues = <A, B, E>(
  values: Readonly<Record<string, A>>,
  use: (value: A, key: string) => Effect.Effect<B, E>
): Effect.Effect<Readonly<Record<string, B>>, E> =>
  Effect.map(
    Effect.forEach(Object.entries(values), ([key, value]) => Effect.map(use(value, key), (to) => [key, to] as const)),
    Object.fromEntries
  )

/** Applies a function to each value in the environment and the headers of MCP servers. */
export const mapServers = <E>(
  servers: McpServers,
  use: (value: SecretValue, key: string) => Effect.Effect<SecretValue, E>
): Effect.Effect<McpServers, E> =>
  mapValues(servers, (server) => {
    if ("env" in server && server.env !== undefined) return Effect.map(mapValues(server.env, use), (env) => ({ ...server, env }))
    if ("headers" in server && server.headers !== undefined)
      return Effect.map(mapValues(server.headers, use), (headers) => ({ ...server, headers }))
    return Effect.succeed(server)
  })

/** The servers as they may stand in the log; plain values are stored. Names that are not stored stay. */
export const keepServers = (secrets: Store, servers: McpServers): Effect.Effect<McpServers, StorageUnavailable> =>
  mapServers(servers, (value, key) =>
    typeof value === "string" ? Effect.map(secrets.keep(key, value), (secret) => ({ secret })) : Effect.succeed(value)
  )

/** A command without plain values. */
export interface Named {
  readonly command: Command
  /** The values by their names, to be stored when the command is accepted. */
  readonly given: ReadonlyMap<string, string>
  /** The names in the command that are not stored. */
  readonly unknownSecrets: ReadonlyArray<string>
}

/** Replaces the plain values of the command by names. Stores nothing. The names are pinned. */
export const named = (secrets: Store, command: Command, pin: Pin): Effect.Effect<Named, StorageUnavailable> => {
  const unknownSecrets: Array<string> = []
  const given = new Map<string, string>()
  const use = (value: SecretValue, key: string): Effect.Effect<SecretValue, StorageUnavailable> => {
    if (typeof value === "string")
      return Effect.map(secrets.nameFor(key, value), (secret) => {
        pin.add(secret)
        given.set(secret, value)
        return { secret }
      })
    // Before the query, so that the value stays.
    pin.add(value.secret)
    return Effect.map(secrets.get(value.secret), (known) => {
      if (known === undefined) unknownSecrets.push(value.secret)
      return value
    })
  }
  if (command.type === "project.update" && command.env !== undefined) {
    const plain = (value: SecretValue, name: string) =>
      typeof value === "string" && !isSecretName(name) ? Effect.succeed(value) : use(value, name)
    return Effect.map(mapValues(command.env, plain), (env) => ({ command: { ...command, env }, given, unknownSecrets }))
  }
  const servers = "mcpServers" in command ? command.mcpServers : undefined
  if (servers === undefined || servers === null) return Effect.succeed({ command, given, unknownSecrets })
  return Effect.map(mapServers(servers, use), (mcpServers) => ({
    command: { ...command, mcpServers } as Command,
    given,
    unknownSecrets
  }))
}

/** The value behind a name. The failure is a sentence for the person whose turn needs it. */
export const reveal =
  (secrets: Store) =>
  (value: SecretValue): Effect.Effect<string, string> =>
    typeof value === "string"
      ? Effect.succeed(value)
      : Effect.flatMap(
          Effect.mapError(secrets.get(value.secret), ({ message }) => message),
          (known) =>
            known === undefined
              ? Effect.fail(
                  `There is no secret ${value.secret}. Store it with millrace secret set ${value.secret}, or change the settings.`
                )
              : Effect.succeed(known)
        )
