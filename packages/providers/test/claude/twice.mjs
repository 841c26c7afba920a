#!/usr/bin/env node
// Claude's side of one turn: two permission requests under one id. Reports the command that the answer allows.
import { createInterface } from "node:readline"

if (process.argv.includes("--version")) {
  console.log("2.1.197 (Claude Code)")
  process.exit(0)
}
const session_id = process.argv[process.argv.indexOf("--session-id") + 1]
const write = (message) => process.stdout.write(`${JSON.stringify({ session_id, ...message })}\n`)
const request = (command) =>
  write({
    type: "control_request",
    request_id: "same",
    request: { subtype: "can_use_tool", tool_name: "Bash", input: { command }, tool_use_id: command }
  })
createInterface({ input: process.stdin })
  .on("line", (line) => {
    const { type, request_id, response } = JSON.parse(line)
    if (type === "control_request")
      write({ type: "control_response", response: { subtype: "success", request_id, response: {} } })
    if (type === "user") {
      write({ type: "system", subtype: "init", uuid: "i", model: "m", cwd: "/", tools: [] })
      request("ls")
      request("rm -rf /")
      write({
        type: "assistant",
        uuid: "q",
        message: { id: "first", role: "assistant", content: [{ type: "text", text: "asked" }] }
      })
    }
    if (type !== "control_response") return
    const text = response.response.updatedInput.command
    write({ type: "assistant", uuid: "a", message: { id: "msg", role: "assistant", content: [{ type: "text", text }] } })
    write({ type: "result", subtype: "success", uuid: "r", is_error: false, num_turns: 1, result: text })
  })
  .on("close", () => process.exit(0))
