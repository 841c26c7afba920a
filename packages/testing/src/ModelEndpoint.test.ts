import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as ModelEndpoint from "./ModelEndpoint.ts"
import { nextSteps, parse } from "./ModelScript.ts"

const user = (text: string) => ({ role: "user", content: [{ type: "input_text", text }] })
const output = { type: "function_call_output", call_id: "call_1", output: "x" }

const types = (events: string) => [...events.matchAll(/^event: (.*)$/gm)].map(([, type]) => type)
const deltas = (events: string) => [...events.matchAll(/"delta":"((?:[^"\\]|\\.)*)"/g)].map(([, delta]) => delta).join("")

const post = (port: number, body: object) =>
  Effect.promise(() => fetch(`http://127.0.0.1:${port}/v1/responses`, { method: "POST", body: JSON.stringify(body) }))

describe("ModelScript", () => {
  it("plays the directives in order, and those after a tool call when its output arrives", () => {
    const input = [user("[[say a b]] [[shell echo hi]] [[say c]]")]
    assert.deepStrictEqual(
      nextSteps({ input }).map((step) => step._tag),
      ["Text", "Call"]
    )
    assert.deepStrictEqual(nextSteps({ input: [...input, output] }), [{ _tag: "Text", text: "c" }])
    assert.deepStrictEqual(nextSteps({ input: [...input, output, user("<environment_context>")] }), [{ _tag: "Text", text: "c" }])
    assert.deepStrictEqual(nextSteps({ input: [...input, output, user("[[hang]]")] }), [{ _tag: "Hang" }])
  })
  it("answers a plain prompt", () => {
    assert.deepStrictEqual(parse("hello"), [{ _tag: "Text", text: "You said: hello" }])
  })
})

describe("ModelEndpoint", () => {
  it.scopedLive("streams text as the Responses API does, and records the request", () =>
    Effect.gen(function* () {
      const endpoint = yield* ModelEndpoint.make
      const response = yield* post(endpoint.port, { model: "m", input: [user("[[think hm]] [[say one two]] [[deltas 2 0]]")] })
      const events = yield* Effect.promise(() => response.text())
      assert.strictEqual(deltas(events), "hmone twod1 d2 ")
      assert.strictEqual(types(events).at(0), "response.created")
      assert.strictEqual(types(events).at(-1), "response.completed")
      assert.strictEqual((yield* endpoint.requests).at(0)?.model, "m")
    })
  )
  it.scopedLive("returns the scripted status, and cuts the stream", () =>
    Effect.gen(function* () {
      const endpoint = yield* ModelEndpoint.make
      assert.strictEqual((yield* post(endpoint.port, { input: [user("[[status 429]]")] })).status, 429)
      const cut = yield* post(endpoint.port, { input: [user("[[say x]] [[cut]]")] })
      assert.isTrue(yield* Effect.tryPromise(() => cut.text()).pipe(Effect.isFailure))
    })
  )
  it.live("closes at once even if a stream hangs", () =>
    Effect.gen(function* () {
      const opened = yield* Effect.scoped(
        Effect.flatMap(ModelEndpoint.make, (endpoint) => post(endpoint.port, { input: [user("[[hang]]")] }))
      )
      assert.isTrue(yield* Effect.tryPromise(() => opened.text()).pipe(Effect.isFailure))
    })
  )
})
