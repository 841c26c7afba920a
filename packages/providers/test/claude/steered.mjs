#!/usr/bin/env node
// Claude's side of a turn with messages that it cannot withdraw: it rejects the first withdrawal and never answers the others.
import { createInterface } from "node:readline"

const session_id = process.argv[process.argv.indexOf("--session-id") + 1]
const write = (message) => process.stdout.write(`${JSON.stringify({ session_id, ...message })}\n`)
const answer = (response) => write({ type: "control_response", response })
let withdrawals = 0
let messages = 0
createInterface({ input: process.stdin })
  .on("line", (line) => {
    const { message, request, request_id, type, uuid } = JSON.parse(line)
    if (type === "user" && ++messages === 1) {
      write({ type: "system", subtype: "init", uuid: "i", model: "m", cwd: "/", tools: [] })
      write({ type: "user", isReplay: true, uuid, message })
    }
    if (type !== "control_request") return
    if (request.subtype === "cancel_async_message") {
      if (++withdrawals === 1) answer({ subtype: "error", request_id, error: "Unsupported control request subtype" })
      return
    }
    answer({ subtype: "success", request_id, response: {} })
    if (request.subtype === "interrupt")
      write({
        type: "result",
        subtype: "error_during_execution",
        uuid: "r",
        is_error: true,
        terminal_reason: "aborted_streaming"
      })
  })
  .on("close", () => process.exit(0))
