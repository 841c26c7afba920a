/** `run --mcp` with the real program and the demo agent. */
import { expect, it } from "@effect/vitest"
import * as McpServer from "@millrace/testing/McpServer"
import * as Program from "@millrace/testing/Program"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import { Effect } from "effect"
import { readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Fixture from "../../../test/support/Fixture.ts"

const filesIn = (directory: string) =>
  readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))

it.live("X4 run --mcp: a tool of the server is called, and only the secret's file has the value", () =>
  Effect.gen(function* () {
    const directory = yield* temporaryDirectory
    const data = join(directory, "data")
    const path = join(directory, "mcp.json")
    writeFileSync(path, JSON.stringify({ mcpServers: McpServer.servers() }))
    const run = (mcp: string) => Program.run(["run", '[[mcp greet {"name":"Ada"}]] [[mode]]', "--mcp", mcp, "--data", data])
    const { code, stderr, stdout } = yield* run(path)
    expect([code, stderr]).toEqual([0, expect.stringContaining("demo")])
    expect(stdout + stderr).toContain("greeter/greet")
    expect(stdout + stderr).not.toContain(McpServer.key)
    const having = filesIn(data).filter((file) => readFileSync(file).includes(McpServer.key))
    expect(having.map((file) => file.replace(data, ""))).toEqual([expect.stringMatching(/^\/secrets\/[0-9a-f]+\.json$/)])

    const unknown = yield* run(JSON.stringify(McpServer.servers({ MCP_KEY: { secret: "NONE" } })))
    expect([unknown.code, unknown.stderr]).toEqual([1, expect.stringContaining("millrace secret set NONE")])
    const shown = yield* run(JSON.stringify(McpServer.servers()))
    expect([shown.code, shown.stderr]).toEqual([2, expect.stringContaining("greeter.env.MCP_KEY in the arguments")])
    expect(shown.stderr).not.toContain(McpServer.key)
    for (const wrong of ["{", join(directory, "none.json"), `{"a":{"command":"x","env":{"K":["${McpServer.key}"]}}}`]) {
      const refused = yield* run(wrong)
      expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining("--mcp: ")])
      expect(refused.stderr).not.toContain(McpServer.key)
    }
  }).pipe(Effect.scoped, Fixture.fair)
)
