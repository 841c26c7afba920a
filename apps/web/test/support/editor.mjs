#!/usr/bin/env node
// An ACP agent for the page's tests. It plans two steps, asks whether it may change a file, then completes the first step.
import { createInterface } from "node:readline"

const sessionId = "ses"
let answered
const write = (message) => process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`)
const update = (value) => write({ method: "session/update", params: { sessionId, update: value } })
const plan = (first, second) =>
  update({
    sessionUpdate: "plan",
    entries: [
      { content: "Edit the file", priority: "high", status: first },
      { content: "Run the tests", priority: "high", status: second }
    ]
  })
const text = (word) => Array.from({ length: 6 }, (_, at) => `const ${word}${at} = "${word} ${at}"`).join("\n")

const methods = {
  initialize: () => ({ protocolVersion: 1, agentCapabilities: {}, authMethods: [], agentInfo: { name: "editor", version: "1" } }),
  "session/new": () => ({ sessionId }),
  "session/prompt": async () => {
    plan("in_progress", "pending")
    const toolCall = {
      toolCallId: "c1",
      title: "Edit one.ts",
      kind: "edit",
      status: "pending",
      content: [{ type: "diff", path: "/work/one.ts", oldText: text("before"), newText: text("after") }]
    }
    update({ sessionUpdate: "tool_call", ...toolCall })
    await new Promise((resolve) => {
      answered = resolve
      const options = [
        { optionId: "ok", name: "Allow once", kind: "allow_once" },
        { optionId: "no", name: "Reject", kind: "reject_once" }
      ]
      write({ id: 1, method: "session/request_permission", params: { sessionId, toolCall, options } })
    })
    update({ sessionUpdate: "tool_call_update", toolCallId: "c1", status: "completed" })
    plan("completed", "in_progress")
    update({ sessionUpdate: "agent_message_chunk", content: { type: "text", text: "Edited." } })
    return { stopReason: "end_turn" }
  }
}

createInterface({ input: process.stdin })
  .on("line", async (line) => {
    const { id, method, params } = JSON.parse(line)
    if (method === undefined) return answered?.()
    const does = methods[method]
    if (does === undefined) return
    write({ id, result: await does(params) })
  })
  .on("close", () => process.exit(0))
