/**
 * The MCP servers of a thread in the shapes of the agents' protocols. The values are plain: the session's opening has replaced the names of secrets.
 * They reach an agent on its pipe or in a file of this user, never as arguments, which other users of the machine can see (X4).
 */
import type { OpenInput } from "@millrace/contracts/ProviderAdapter"
import type { SecretValue } from "@millrace/contracts/Settings"

/** A server with plain values. */
export type PlainServer = { readonly name: string } & (
  | { readonly command: string; readonly args: ReadonlyArray<string>; readonly env: Readonly<Record<string, string>> }
  | { readonly url: string; readonly headers: Readonly<Record<string, string>> }
)

/** A name is left only if the session was opened without the server's store of secrets. */
const plain = (values: Readonly<Record<string, SecretValue>> = {}): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(values).flatMap(([key, value]) => (typeof value === "string" ? [[key, value]] : [])))

type Settings = OpenInput["settings"]

export const of = (settings: Settings): ReadonlyArray<PlainServer> =>
  Object.entries(settings?.mcpServers ?? {}).flatMap(([name, server]): ReadonlyArray<PlainServer> => {
    if ("command" in server) return [{ name, command: server.command, args: server.args ?? [], env: plain(server.env) }]
    return "url" in server ? [{ name, url: server.url, headers: plain(server.headers) }] : []
  })

/** The values that no error and no log may contain. */
export const secrets = ({ secrets = [], settings }: Pick<OpenInput, "secrets" | "settings">): ReadonlyArray<string> => [
  ...secrets,
  ...of(settings).flatMap((server) => Object.values("url" in server ? server.headers : server.env))
]

const byName = (servers: ReadonlyArray<PlainServer>, shape: (server: PlainServer) => object) =>
  Object.fromEntries(servers.map((server) => [server.name, shape(server)]))

/** The content of the file of Claude's `--mcp-config`. */
export const claude = (servers: ReadonlyArray<PlainServer>) => ({
  mcpServers: byName(servers, (server) =>
    "url" in server
      ? { type: "http", url: server.url, headers: server.headers }
      : { type: "stdio", command: server.command, args: server.args, env: server.env }
  )
})

/** Codex' `mcp_servers`. */
export const codex = (servers: ReadonlyArray<PlainServer>) =>
  byName(servers, (server) =>
    "url" in server
      ? { url: server.url, http_headers: server.headers }
      : { command: server.command, args: server.args, env: server.env }
  )

/** `mcpServers` of ACP's `session/new` and `session/load`. */
export const acp = (servers: ReadonlyArray<PlainServer>) => {
  const pairs = (values: Readonly<Record<string, string>>) => Object.entries(values).map(([name, value]) => ({ name, value }))
  return servers.map((server) =>
    "url" in server
      ? { type: "http" as const, name: server.name, url: server.url, headers: pairs(server.headers) }
      : { name: server.name, command: server.command, args: [...server.args], env: pairs(server.env) }
  )
}
