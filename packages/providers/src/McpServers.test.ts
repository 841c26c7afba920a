import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { spawnSync } from "node:child_process"
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
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

it.scoped(
  "X4 claude gets them in a file of this user, which is removed when it has read it and at the next start; its arguments have no value",
  () =>
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
      const started = (yield* McpConfig.file(settings)) ?? ""
      yield* McpConfig.remove(started)
      assert.isFalse(existsSync(dirname(started)))
      // Left by a server that was killed; one of a process that runs, and a young one, stay.
      const left = [
        [spawnSync(process.execPath, ["-e", ""]).pid, 3600, false],
        [process.ppid, 3600, true],
        [spawnSync(process.execPath, ["-e", ""]).pid, 0, true]
      ] as const
      const directories = left.map(([pid, age]) => {
        const directory = mkdtempSync(join(tmpdir(), `millrace-mcp-${pid}-`))
        writeFileSync(join(directory, "mcp.json"), "{}")
        utimesSync(directory, Date.now() / 1000 - age, Date.now() / 1000 - age)
        return directory
      })
      yield* McpConfig.sweep
      assert.deepStrictEqual(
        directories.map((directory) => existsSync(directory)),
        left.map(([, , stays]) => stays)
      )
      for (const directory of directories) rmSync(directory, { recursive: true, force: true })
      assert.strictEqual(yield* Effect.scoped(McpConfig.file({})), undefined)
    })
)
