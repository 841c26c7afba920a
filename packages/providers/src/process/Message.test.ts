import { assert, it } from "@effect/vitest"
import { parse } from "./Message.ts"

it("T14 a response of any shape ends its request: an error that is a string, or neither result nor error", () => {
  assert.deepInclude(parse('{"jsonrpc":"2.0","id":"turn 1","error":"boom"}'), { _tag: "Error", id: "turn 1", message: "boom" })
  assert.deepStrictEqual(parse('{"jsonrpc":"2.0","id":"turn 1"}'), { _tag: "Result", id: "turn 1", result: undefined })
  for (const line of [
    "{}",
    '{"result":1}',
    '{"id":null}',
    "[]",
    "nonsense",
    '{"id":3,"level":"info"}',
    '{"id":3,"msg":"x","error":"boom"}'
  ])
    assert.isUndefined(parse(line), line)
})
