#!/usr/bin/env node
// An ACP agent that makes as many tool calls in each turn as its first argument says, as fast as its pipe accepts them.
import { once } from "node:events"
import { createInterface } from "node:readline"

const calls = Number(process.argv[2])
const sessionId = `soak-${process.pid}`
const line = (message) => `${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`
const update = (value) => line({ method: "session/update", params: { sessionId, update: value } })
let turns = 0

const turn = async () => {
  turns++
  for (let n = 0; n < calls; n++) {
    const toolCallId = `call_${turns}_${n}`
    const text =
      update({ sessionUpdate: "tool_call", toolCallId, title: `Read src/file${n}.ts`, kind: "read", status: "in_progress" }) +
      update({
        sessionUpdate: "tool_call_update",
        toolCallId,
        status: "completed",
        content: [{ type: "content", content: { type: "text", text: "export const answer = 42\n" } }]
      })
    if (!process.stdout.write(text)) await once(process.stdout, "drain")
  }
  return { stopReason: "end_turn" }
}

const methods = {
  initialize: () => ({ protocolVersion: 1, agentCapabilities: {}, authMethods: [] }),
  "session/new": () => ({ sessionId }),
  "session/prompt": turn
}

createInterface({ input: process.stdin }).on("line", async (text) => {
  const { id, method } = JSON.parse(text)
  if (id === undefined) return
  const answer = methods[method]
  process.stdout.write(
    answer === undefined ? line({ id, error: { code: -32601, message: "no such method" } }) : line({ id, result: await answer() })
  )
})
