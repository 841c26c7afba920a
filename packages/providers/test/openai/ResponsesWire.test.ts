import { assert, it } from "@effect/vitest"
import { responses } from "../../src/openai/ResponsesWire.ts"

it("T15 arguments that a server sends as an object are the call's arguments", () => {
  const item = { type: "function_call", id: "fc1", call_id: "c1", name: "f", arguments: { x: 1 } }
  assert.deepInclude(responses({ type: "response.output_item.done", item })[0], { _tag: "Call", name: "f", arguments: '{"x":1}' })
})
