/** `millrace mcp` with the official SDK's client. */
import { resolve } from "node:path"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { Client } from "@modelcontextprotocol/sdk/client/index.js"
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js"
import { expect, it } from "@effect/vitest"
import * as Program from "@millrace/testing/Program"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import { Effect, Exit, Scope } from "effect"
import * as Hosted from "../../../test/support/Hosted.ts"
import * as Discovery from "../client/Discovery.ts"

const main = resolve(import.meta.dirname, "../../../dist/main.mjs")

/** A server that the command line finds by its data directory. It ends with the scope. */
const serving = (dataDir: string) =>
  Effect.gen(function* () {
    const hosted = yield* Hosted.start({ dataDir })
    const tokenFile = join(dataDir, "cli-token")
    writeFileSync(tokenFile, hosted.token)
    yield* Effect.orDie(Discovery.write(dataDir, { url: hosted.url, pid: process.pid, tokenFile, startedAt: "now" }))
    return hosted
  })

it.scopedLive("M1 millrace mcp: the SDK's client calls tools, also after a restart of the server; without a server exit 1", () =>
  Effect.gen(function* () {
    const dataDir = yield* temporaryDirectory
    const none = yield* Program.run(["mcp", "--data", dataDir])
    expect([none.code, none.stdout, none.stderr]).toEqual([1, "", expect.stringContaining("millrace serve")])

    const first = yield* Scope.make()
    yield* Scope.extend(serving(dataDir), first)
    const client = yield* Effect.acquireRelease(
      Effect.promise(async () => {
        const connected = new Client({ name: "test", version: "1" })
        const env = { ...(process.env as Record<string, string>), MILLRACE_DATA: dataDir }
        await connected.connect(new StdioClientTransport({ command: process.execPath, args: [main, "mcp"], env }))
        return connected
      }),
      (connected) => Effect.promise(() => connected.close())
    )
    const call = (name: string, given: Record<string, unknown>) =>
      Effect.promise(async () => {
        const { content } = await client.callTool({ name, arguments: given })
        const [part] = content as ReadonlyArray<{ readonly text: string }>
        return JSON.parse(part?.text ?? "{}") as { readonly turnId: string }
      })
    const { tools } = yield* Effect.promise(() => client.listTools())
    expect(tools).toHaveLength(10)
    const { turnId } = yield* call("thread_create", { provider: "demo", cwd: dataDir, turn: { text: "[[say before]]" } })
    expect(yield* call("turn_wait", { turnId, wait: 50 })).toMatchObject({ ended: true, answer: "before" })
    yield* Scope.close(first, Exit.void)
    yield* serving(dataDir)
    expect(yield* call("turn_wait", { turnId, wait: 0 })).toMatchObject({ ended: true, answer: "before" })
    const again = yield* call("thread_create", { provider: "demo", cwd: dataDir, turn: { text: "[[say after]]" } })
    expect(yield* call("turn_wait", { turnId: again.turnId, wait: 50 })).toMatchObject({ ended: true, answer: "after" })
  })
)
