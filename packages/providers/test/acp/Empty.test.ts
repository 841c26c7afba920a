/** A turn of an ACP agent that ends without content. */
import { assert, it } from "@effect/vitest"
import * as Acp from "../../src/acp/Mapping.ts"

const update = (update: object) => ({ sessionId: "s", update })
const endOf = (prompt: string, ...updates: ReadonlyArray<object>) => {
  const mapping = Acp.make("s")
  mapping.begin("u", prompt)
  for (const one of updates) mapping.notification("session/update", update(one))
  const end = mapping.notification("session/prompt", { nativeTurnId: "u", result: { stopReason: "end_turn" } }).at(-1)
  return end?._tag === "TurnEnded" ? (end.error?.kind ?? end.outcome) : end?._tag
}
const said = (text: string) => ({ sessionUpdate: "agent_message_chunk", content: { type: "text", text } })

it("T15 an empty answer is no success; a command of the agent may return nothing", () => {
  assert.strictEqual(endOf("go"), "protocol")
  assert.strictEqual(endOf("go", said(""), said(" \n")), "protocol")
  assert.strictEqual(endOf("go", { sessionUpdate: "future" }), "protocol")
  assert.strictEqual(endOf("/clear"), "completed")
  assert.strictEqual(endOf("go", said("hi")), "completed")
  assert.strictEqual(endOf("go", { sessionUpdate: "plan", entries: [{ content: "a", status: "pending" }] }), "completed")
  assert.strictEqual(endOf("go", { sessionUpdate: "tool_call", toolCallId: "c", title: "x", status: "completed" }), "completed")
})

it("T15 the next turn is judged by its own content", () => {
  const mapping = Acp.make("s")
  for (const prompt of ["/clear", "go"]) {
    mapping.begin(prompt, prompt)
    const end = mapping.notification("session/prompt", { nativeTurnId: prompt, result: { stopReason: "end_turn" } }).at(-1)
    assert.strictEqual(end?._tag === "TurnEnded" ? end.outcome : "", prompt === "go" ? "failed" : "completed")
  }
})
