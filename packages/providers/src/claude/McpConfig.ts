/** The file of `--mcp-config`. Claude reads it when it starts; an argument would show its secrets to other users of the machine (X4). */
import { type OpenInput, ProviderError } from "@millrace/contracts/ProviderAdapter"
import { Effect, type Scope } from "effect"
import { mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import * as McpServers from "../McpServers.ts"

const failed = (cause: unknown) =>
  new ProviderError({
    provider: "claude",
    operation: "open",
    outcome: "failed",
    failure: {
      kind: "process",
      message: `The configuration of the MCP servers could not be written: ${cause instanceof Error ? cause.message : String(cause)}. Check ${tmpdir()}.`
    }
  })

const prefix = "millrace-mcp-"
/** `millrace-mcp-PID-...`: the server that made it. */
const made = /^millrace-mcp-(\d+)-/
/** A younger file may belong to a server in another container, whose processes are not visible here. */
const leftAfterMillis = 10 * 60_000

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch (cause) {
    return cause instanceof Error && "code" in cause && cause.code === "EPERM"
  }
}

/** Removes the files that servers left which were killed while an agent started. */
export const sweep: Effect.Effect<void> = Effect.ignore(
  Effect.tryPromise(async () => {
    for (const name of await readdir(tmpdir())) {
      const pid = Number(made.exec(name)?.[1] ?? process.pid)
      if (pid === process.pid || isAlive(pid)) continue
      const path = join(tmpdir(), name)
      // Another server may remove it at the same time.
      const found = await stat(path).catch(() => undefined)
      if (found !== undefined && Date.now() - found.mtimeMs > leftAfterMillis)
        await rm(path, { recursive: true, force: true }).catch(() => {})
    }
  })
)

const removed = (directory: string) => Effect.promise(() => rm(directory, { recursive: true, force: true }).catch(() => {}))

/** Removes the file: Claude has read it when it answers its first request. */
export const remove = (path: string | undefined): Effect.Effect<void> =>
  path === undefined ? Effect.void : removed(dirname(path))

/** Writes the file, mode 0600, and removes it when the scope closes. `undefined`: the thread has no MCP servers. */
export const file = (settings: OpenInput["settings"]): Effect.Effect<string | undefined, ProviderError, Scope.Scope> => {
  const servers = McpServers.of(settings)
  if (servers.length === 0) return Effect.succeed(undefined)
  return Effect.acquireRelease(
    Effect.tryPromise({ try: () => mkdtemp(join(tmpdir(), `${prefix}${process.pid}-`)), catch: failed }),
    removed
  ).pipe(
    Effect.map((directory) => join(directory, "mcp.json")),
    Effect.tap((path) =>
      Effect.tryPromise({
        try: () => writeFile(path, JSON.stringify(McpServers.claude(servers)), { mode: 0o600, flag: "wx" }),
        catch: failed
      })
    )
  )
}
