#!/usr/bin/env node
// @ts-check
/**
 * A scripted MCP server on its pipes, for tests. Its one tool `greet {name}` answers `hello NAME, key DIGEST`. The digest is the SHA-256 of the variable
 * MCP_KEY, so a test sees that the value arrived and that no log contains it. The first argument is a file that gets one line per call.
 */
import { createHash } from "node:crypto"
import { appendFileSync } from "node:fs"
import { createInterface } from "node:readline"

const [, , record] = process.argv
const key = createHash("sha256")
  .update(process.env["MCP_KEY"] ?? "")
  .digest("hex")
const tool = {
  name: "greet",
  description: "Greets a person.",
  inputSchema: { type: "object", properties: { name: { type: "string" } }, required: ["name"] },
  annotations: { readOnlyHint: true, destructiveHint: false, openWorldHint: false }
}

/** @param {string} method @param {any} params */
const answer = (method, params) => {
  if (method === "initialize")
    return {
      protocolVersion: params.protocolVersion,
      capabilities: { tools: {} },
      serverInfo: { name: "greeter", version: "1" }
    }
  if (method === "tools/list") return { tools: [tool] }
  if (method === "tools/call") {
    if (record !== undefined) appendFileSync(record, `${JSON.stringify(params.arguments)}\n`)
    return { content: [{ type: "text", text: `hello ${params.arguments?.name}, key ${key}` }] }
  }
  return {}
}

createInterface({ input: process.stdin }).on("line", (line) => {
  const { id, method, params } = JSON.parse(line)
  if (id !== undefined) process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", id, result: answer(method, params) })}\n`)
})
