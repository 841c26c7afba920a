/** The scripted MCP server (`mcpServer.mjs`) as a setting of a thread. */
import type { McpServers } from "@millrace/contracts/Settings"
import { createHash } from "node:crypto"

/** A value that must not appear in any log. It is hexadecimal, so that no encoding changes it. */
export const key = "c4na7e0e5ec2e7"

/** `values`: the value of the server's variable MCP_KEY. */
export const servers = (values: NonNullable<Extract<McpServers[string], { readonly env?: unknown }>["env"]> = { MCP_KEY: key }) =>
  ({
    greeter: { command: process.execPath, args: [new URL("./mcpServer.mjs", import.meta.url).pathname], env: values }
  }) satisfies McpServers

/** The answer of the server's tool `greet` if the server was started with the key. */
export const greeting = (name: string): string => `hello ${name}, key ${createHash("sha256").update(key).digest("hex")}`
