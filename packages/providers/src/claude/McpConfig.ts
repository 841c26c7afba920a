/** The file of `--mcp-config`. Claude reads it when it starts; an argument would show its secrets to other users of the machine (X4). */
import { type OpenInput, ProviderError } from "@millrace/contracts/ProviderAdapter"
import { Effect, type Scope } from "effect"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
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

/** Writes the file, mode 0600, and removes it when the scope closes. `undefined`: the thread has no MCP servers. */
export const file = (settings: OpenInput["settings"]): Effect.Effect<string | undefined, ProviderError, Scope.Scope> => {
  const servers = McpServers.of(settings)
  if (servers.length === 0) return Effect.succeed(undefined)
  return Effect.acquireRelease(
    Effect.tryPromise({ try: () => mkdtemp(join(tmpdir(), "millrace-mcp-")), catch: failed }),
    (directory) => Effect.promise(() => rm(directory, { recursive: true, force: true }))
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
