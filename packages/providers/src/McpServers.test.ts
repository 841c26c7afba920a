import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { existsSync, readFileSync, statSync } from "node:fs"
import { dirname } from "node:path"
import * as McpConfig from "./claude/McpConfig.ts"
import * as Process from "./claude/Process.ts"
import * as Codex from "./codex/Settings.ts"
import * as McpServers from "./McpServers.ts"

const settings = {
  mcpServers: {
    local: { command: "node", args: ["server.mjs"], env: { KEY: "hunter22" } },
    remote: { url: "https://example.org/mcp", headers: { authorization: "Bearer hunter23" } },
    bare: { command: "server" }
  }
} as const
const servers = McpServers.of(settings)

it("T17 MCP servers in the shape of each protocol", () => {
  assert.deepStrictEqual(McpServers.secrets({ settings }), ["hunter22", "Bearer hunter23"])
  assert.deepStrictEqual(Codex.threadParams({ settings } as never, {}).config, {
    mcp_servers: {
      local: { command: "node", args: ["server.mjs"], env: { KEY: "hunter22" } },
      remote: { url: "https://example.org/mcp", http_headers: { authorization: "Bearer hunter23" } },
      bare: { command: "server", args: [], env: {} }
    }
  })
  assert.deepStrictEqual(McpServers.acp(servers), [
    { name: "local", command: "node", args: ["server.mjs"], env: [{ name: "KEY", value: "hunter22" }] },
    {
      type: "http",
      name: "remote",
      url: "https://example.org/mcp",
      headers: [{ name: "authorization", value: "Bearer hunter23" }]
    },
    { name: "bare", command: "server", args: [], env: [] }
  ])
})

it.effect("X4 claude gets them in a file of this user, which ends with the process; its arguments have no value", () =>
  Effect.gen(function* () {
    const path = yield* Effect.scoped(
      Effect.gen(function* () {
        const file = (yield* McpConfig.file(settings)) ?? ""
        assert.strictEqual(statSync(file).mode & 0o777, 0o600)
        assert.strictEqual(statSync(dirname(file)).mode & 0o777, 0o700)
        assert.deepInclude(JSON.parse(readFileSync(file, "utf8")).mcpServers.local, { type: "stdio", env: { KEY: "hunter22" } })
        const args = Process.args({}, { begin: "id" }, { settings }, file)
        assert.strictEqual(args[args.indexOf("--mcp-config") + 1], file)
        assert.notInclude(args.join(" "), "hunter2")
        return file
      })
    )
    assert.isFalse(existsSync(dirname(path)))
    assert.strictEqual(yield* Effect.scoped(McpConfig.file({})), undefined)
  })
)
