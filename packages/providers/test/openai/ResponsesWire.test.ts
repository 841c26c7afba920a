import { assert, it } from "@effect/vitest"
import { responses } from "../../src/openai/ResponsesWire.ts"

it("T15 parts that a server sends as a string or as one part are read, and text of another shape is reported as unread", () => {
  const done = (item: object) => responses({ type: "response.output_item.done", item })
  for (const content of ["hello", { type: "output_text", text: "hello" }, ["hello"], [{ type: "output_text", text: "hello" }]])
    assert.deepInclude(done({ type: "message", id: "m", content })[0], { _tag: "Text", kind: "agent-message", text: "hello" })
  assert.deepInclude(done({ type: "reasoning", id: "r", summary: "hm" })[0], { _tag: "Text", kind: "reasoning", text: "hm" })
  const odd = { type: "response.output_text.done", item_id: "m", text: [{ text: "hello" }] }
  assert.deepStrictEqual(
    responses(odd).map(({ _tag }) => _tag),
    ["Other"]
  )
})

it("T15 arguments that a server sends as an object are the call's arguments", () => {
  const item = { type: "function_call", id: "fc1", call_id: "c1", name: "f", arguments: { x: 1 } }
  assert.deepInclude(responses({ type: "response.output_item.done", item })[0], { _tag: "Call", name: "f", arguments: '{"x":1}' })
})
