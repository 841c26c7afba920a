/** Answers of real servers, byte for byte, through the whole adapter: no content is lost, and an empty answer is not a success. */
import { HttpClient, HttpClientResponse } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { ThreadId, TurnId } from "@millrace/contracts/Ids"
import { Effect } from "effect"
import { finish, record } from "@millrace/adapter-kit/Recording"
import { completed, deltas, opaque, story } from "@millrace/adapter-kit/Story"
import * as Failures from "../../src/openai/Failures.ts"
import * as OpenAi from "../../src/openai/OpenAi.ts"
import * as TextDeduplicator from "../../src/openai/TextDeduplicator.ts"

const turnId = TurnId.make("trn_1")

interface Body {
  readonly messages?: ReadonlyArray<{ readonly role: string; readonly tool_call_id?: string; readonly content: unknown }>
  readonly input?: ReadonlyArray<Readonly<Record<string, unknown>>>
}

interface Options {
  readonly api?: "chat" | "responses"
  readonly headers?: Readonly<Record<string, string>>
}

/** Runs one turn at an endpoint with these answers in order; each call gets the result `R-` and its name. */
const turn = (answers: ReadonlyArray<ReadonlyArray<unknown>>, options: Options = {}) =>
  Effect.scoped(
    Effect.gen(function* () {
      const bodies: Array<Body> = []
      const client = HttpClient.make((request) =>
        Effect.sync(() => {
          if (request.body._tag === "Uint8Array") bodies.push(JSON.parse(new TextDecoder().decode(request.body.body)) as Body)
          const events = answers[bodies.length - 1] ?? []
          const text = events.map((event) => `data: ${typeof event === "string" ? event : JSON.stringify(event)}\n\n`).join("")
          return HttpClientResponse.fromWeb(
            request,
            new Response(text, { headers: { "content-type": "text/event-stream", ...options.headers } })
          )
        })
      )
      const adapter = OpenAi.make(
        { name: "local", baseUrl: "http://nowhere", model: "tiny", retryMillis: 1, ...(options.api && { api: options.api }) },
        client
      )
      const session = yield* adapter.open({ threadId: ThreadId.make("thr_1"), epoch: 1, cwd: "/" })
      const recording = yield* record(session)
      yield* session.startTurn({ turnId, text: "go" })
      const asked: Array<string> = []
      const answering = Effect.forever(
        Effect.gen(function* () {
          const { ask, requestId } = yield* recording.until("RequestOpened", ({ requestId }) => !asked.includes(requestId))
          asked.push(requestId)
          const name = ask.kind === "question" ? (ask.questions[0]?.header ?? "") : ""
          yield* session.answer(requestId, { answers: { result: [`R-${name}`] } })
        })
      )
      const end = yield* Effect.raceAll([
        recording.until("TurnCompleted"),
        recording.until("TurnFailed"),
        Effect.zipRight(answering, Effect.never)
      ])
      yield* finish(session, recording, [...asked])
      const { events } = recording
      return {
        bodies,
        end: end._tag === "TurnFailed" ? end.error : undefined,
        said: completed(events, "agent-message").map(({ text }) => text),
        thought: deltas(events, "reasoning"),
        calls: completed(events, "tool-call").map(({ input, result, tool }) => [tool, input, result]),
        opaque: opaque(events),
        story: story(events)
      }
    })
  )

const done = "[DONE]"
const chunk = (delta: object, finish_reason: string | null = null) => ({ choices: [{ index: 0, delta, finish_reason }] })
const stop = chunk({}, "stop")

describe("openai answers, chat", () => {
  const texts: ReadonlyArray<readonly [string, ReadonlyArray<unknown>, { readonly said: string; readonly thought?: string }]> = [
    [
      "a list of parts",
      [chunk({ content: [{ type: "text", text: "hel" }] }), chunk({ content: [{ type: "text", text: "lo" }] })],
      { said: "hello" }
    ],
    ["one part", [chunk({ content: { type: "text", text: "hello" } })], { said: "hello" }],
    [
      "thinking parts of Mistral",
      [
        chunk({ content: [{ type: "thinking", thinking: [{ type: "text", text: "hm" }] }] }),
        chunk({ content: [{ type: "text", text: "hello" }] })
      ],
      { said: "hello", thought: "hm" }
    ],
    [
      "reasoning parts of Databricks",
      [
        chunk({
          content: [
            { type: "reasoning", summary: [{ type: "summary_text", text: "hm" }] },
            { type: "text", text: "hello" }
          ]
        })
      ],
      { said: "hello", thought: "hm" }
    ],
    [
      "a whole message",
      [{ choices: [{ index: 0, message: { role: "assistant", content: "hello" }, finish_reason: "stop" }] }],
      { said: "hello" }
    ],
    [
      "pieces under the name of a message",
      [{ choices: [{ message: { content: "ha" } }] }, { choices: [{ message: { content: "ha" } }] }],
      { said: "haha" }
    ],
    [
      "a whole message after its deltas",
      [chunk({ content: "hel" }), { choices: [{ message: { role: "assistant", content: "hello" }, finish_reason: "stop" }] }],
      { said: "hello" }
    ],
    ["text of a completion", [{ choices: [{ index: 0, text: "hello", finish_reason: null }] }], { said: "hello" }],
    [
      "both kinds of reasoning",
      [chunk({ reasoning: "hm", reasoning_content: "hm" }), chunk({ content: "hello" })],
      { said: "hello", thought: "hm" }
    ]
  ]
  for (const [name, events, { said, thought = "" }] of texts)
    it.effect(`T15 ${name} is read`, () =>
      Effect.gen(function* () {
        const result = yield* turn([[...events, stop, done]])
        assert.deepStrictEqual([result.end, result.said.join(""), result.thought, result.opaque], [undefined, said, thought, []])
      })
    )

  it.effect("T15 unread content is kept as opaque: a part, a field, another choice; a field next to text once", () =>
    Effect.gen(function* () {
      const events = [
        chunk({ content: [{ type: "hologram", shape: "cube" }] }),
        chunk({ content: "a", token_ids: [1] }),
        chunk({ content: "b", token_ids: [2] }),
        chunk({ audio: { data: "AAAA" } }),
        { choices: [{ index: 1, delta: { content: "other" } }] },
        chunk({ content: "", refusal: null, tool_calls: [], function_call: null, role: "assistant" })
      ]
      const result = yield* turn([[...events, stop, done]])
      assert.deepStrictEqual(
        [result.end, result.said, result.opaque],
        [undefined, ["ab"], Array.from({ length: 4 }, () => "openai/chat")]
      )
    })
  )

  it.effect("T15 L4 unread content is kept up to a limit and counted beyond it", () =>
    Effect.gen(function* () {
      const odd = Array.from({ length: 300 }, (_, n) => chunk({ output: `piece ${n}` }))
      const result = yield* turn([[chunk({ content: "a" }), ...odd, stop, done]])
      assert.lengthOf(result.opaque, 257)
      assert.strictEqual(result.opaque.at(-1), "millrace/unread-cut")
    })
  )

  const nothing: ReadonlyArray<readonly [string, ReadonlyArray<unknown>]> = [
    ["nothing", [stop, done]],
    ["white space only", [chunk({ content: " \n" }), stop, done]],
    ["text in a member that nobody knows", [chunk({ output: "hello" }), stop, done]],
    [
      "a call that cannot be read",
      [chunk({ content: "I look" }), chunk({ tool_calls: ["look"] }), chunk({}, "tool_calls"), done]
    ],
    [
      "a call without a name",
      [chunk({ tool_calls: [{ index: 0, id: "a", function: { arguments: "{}" } }] }), chunk({}, "tool_calls"), done]
    ]
  ]
  for (const [name, events] of nothing)
    it.effect(`T15 an answer with ${name} in it is no success, and is not retried`, () =>
      Effect.gen(function* () {
        const { bodies, end } = yield* turn([events])
        assert.deepStrictEqual([end?.kind, bodies.length], ["protocol", 1])
      })
    )

  it.effect("T15 after a call the model may have nothing to add", () =>
    Effect.gen(function* () {
      const call = chunk({ tool_calls: [{ index: 0, id: "a", function: { name: "look", arguments: "{}" } }] })
      const { calls, end } = yield* turn([
        [call, chunk({}, "tool_calls"), done],
        [stop, done]
      ])
      assert.deepStrictEqual([end, calls], [undefined, [["look", {}, "R-look"]]])
    })
  )

  it.effect("L4 an answer with calls whose arguments never end fails", () =>
    Effect.gen(function* () {
      const call = (index: number, args: string) =>
        chunk({ tool_calls: [{ index, id: `c${index}`, function: { name: "write", arguments: args } }] })
      const big = JSON.stringify({ text: "x".repeat(2 * 1024 * 1024 - 11) })
      const whole = yield* turn([
        [call(0, big), call(1, big), chunk({}, "tool_calls"), done],
        [stop, done]
      ])
      assert.deepStrictEqual([whole.end, whole.calls.length], [undefined, 2])
      const { calls: made, end } = yield* turn([[call(0, big), call(1, big), call(2, "{}"), chunk({}, "tool_calls"), done]])
      assert.deepStrictEqual([end?.kind, made], ["protocol", []])
      assert.match(end?.message ?? "", /^The arguments of the model's calls are longer than 4194304 characters\. Ask /)
    })
  )

  const one = (rest: object, args: string) => ({ ...rest, type: "function", function: { name: "one", arguments: args } })
  const two = (rest: object, args: string) => ({ ...rest, type: "function", function: { name: "two", arguments: args } })
  const calls = (...all: ReadonlyArray<object>) => chunk({ tool_calls: all })
  const streams: ReadonlyArray<readonly [string, ReadonlyArray<unknown>]> = [
    ["each at its index", [calls(one({ index: 0, id: "a" }, '{"a":1}')), calls(two({ index: 1, id: "b" }, '{"b":2}'))]],
    ["without index", [calls(one({ id: "a" }, '{"a":1}')), calls(two({ id: "b" }, '{"b":2}'))]],
    ["without index, in one chunk", [calls(one({ id: "a" }, '{"a":1}'), two({ id: "b" }, '{"b":2}'))]],
    ["with neither index nor id", [calls(one({}, '{"a":1}')), calls(two({}, '{"b":2}'))]],
    ["all at index 0", [calls(one({ index: 0, id: "a" }, '{"a":1}')), calls(two({ index: 0, id: "b" }, '{"b":2}'))]],
    ["all at index 0, without id", [calls(one({ index: 0 }, '{"a":1}')), calls(two({ index: 0 }, '{"b":2}'))]],
    [
      "at index 0, the tail of the second at index 1",
      [
        calls(one({ index: 0, id: "a" }, '{"a":1}')),
        calls(two({ index: 0, id: "b" }, '{"b":')),
        calls({ index: 1, function: { arguments: "2}" } })
      ]
    ],
    ["with one id", [calls(one({ index: 0, id: "call_0" }, '{"a":1}')), calls(two({ index: 1, id: "call_0" }, '{"b":2}'))]],
    ["with one id and no index", [calls(one({ id: "call_0" }, '{"a":1}')), calls(two({ id: "call_0" }, '{"b":2}'))]],
    [
      "in interleaved pieces, the id on each",
      [
        calls(one({ index: 0, id: "a" }, "")),
        calls(two({ index: 1, id: "b" }, "")),
        calls({ index: 0, id: "a", function: { arguments: '{"a":' } }),
        calls({ index: 1, id: "b", function: { arguments: '{"b":2}' } }),
        calls({ index: 0, id: "a", function: { arguments: "1}" } })
      ]
    ],
    [
      "in pieces, id and name on each, without index",
      [
        calls(one({ id: "a" }, '{"a"')),
        calls(one({ id: "a" }, ":1}")),
        calls(two({ id: "b" }, '{"b"')),
        calls(two({ id: "b" }, ":2}"))
      ]
    ],
    [
      "with arguments that are objects",
      [
        calls(
          { id: "a", function: { name: "one", arguments: { a: 1 } } },
          { id: "b", function: { name: "two", arguments: { b: 2 } } }
        )
      ]
    ],
    [
      "in a whole message",
      [{ choices: [{ message: { tool_calls: [one({ id: "a" }, '{"a":1}'), two({ id: "b" }, '{"b":2}')] } }] }]
    ]
  ]
  for (const [name, events] of streams)
    it.effect(`T13 two calls ${name} stay two, and each has its own result under an id of ours`, () =>
      Effect.gen(function* () {
        const result = yield* turn([
          [...events, chunk({}, "tool_calls"), done],
          [chunk({ content: "ok" }), stop, done]
        ])
        assert.deepStrictEqual(result.calls, [
          ["one", { a: 1 }, "R-one"],
          ["two", { b: 2 }, "R-two"]
        ])
        const sent = result.bodies[1]?.messages ?? []
        const made = sent.flatMap((message) =>
          "tool_calls" in message ? (message.tool_calls as ReadonlyArray<{ id: string }>) : []
        )
        const results = sent.filter(({ role }) => role === "tool")
        assert.deepStrictEqual(
          results.map(({ content }) => content),
          ["R-one", "R-two"]
        )
        assert.deepStrictEqual(
          results.map(({ tool_call_id }) => tool_call_id),
          made.map(({ id }) => id)
        )
        assert.strictEqual(new Set(made.map(({ id }) => id)).size, 2)
        for (const { id } of made) assert.match(id, /^[A-Za-z0-9_]{1,40}$/)
      })
    )

  it.effect("T13 the older function_call is a call", () =>
    Effect.gen(function* () {
      const result = yield* turn([
        [
          chunk({ function_call: { name: "one", arguments: "" } }),
          chunk({ function_call: { arguments: '{"a":' } }),
          chunk({ function_call: { arguments: "1}" } }),
          chunk({}, "function_call"),
          done
        ],
        [chunk({ content: "ok" }), stop, done]
      ])
      assert.deepStrictEqual([result.calls, result.said], [[["one", { a: 1 }, "R-one"]], ["ok"]])
    })
  )

  it.effect("T13 each call of a conversation has a unique id", () =>
    Effect.gen(function* () {
      const call = [calls(one({ index: 0, id: "call_0" }, "{}")), chunk({}, "tool_calls"), done]
      const { bodies } = yield* turn([call, call, [chunk({ content: "ok" }), stop, done]])
      const ids = bodies[2]?.messages?.flatMap(({ tool_call_id }) => tool_call_id ?? []) ?? []
      assert.lengthOf(ids, 2)
      assert.strictEqual(new Set(ids).size, 2)
    })
  )

  it.effect("T11 the finish reasons of real servers, in their own spelling and case; an unknown one is no success", () =>
    Effect.gen(function* () {
      const table = [
        ["stop", undefined],
        ["eos", undefined],
        ["EOS_TOKEN", undefined],
        ["end_turn", undefined],
        ["stop_sequence", undefined],
        ["STOP", undefined],
        ["COMPLETE", undefined],
        ["max_tokens", "limit"],
        ["MAX_TOKENS", "limit"],
        ["model_length", "context"],
        ["SAFETY", "refused"],
        ["insufficient_system_resource", "overloaded"],
        ["error", "unknown"],
        ["pondering", "unknown"]
      ] as const
      for (const [word, kind] of table) {
        const { end, said } = yield* turn([[chunk({ content: "hello" }), chunk({}, word), done]])
        assert.deepStrictEqual([word, end?.kind, said], [word, kind, ["hello"]])
      }
      const { end } = yield* turn([[chunk({ content: "hello" }, ""), chunk({}, ""), stop]])
      assert.isUndefined(end)
    })
  )

  it.effect("T2 the type of an event stream is read in any case, with parameters", () =>
    Effect.gen(function* () {
      for (const type of ["Text/Event-Stream", "TEXT/EVENT-STREAM; Charset=UTF-8"]) {
        const { end, said } = yield* turn([[chunk({ content: "hello" }), stop, done]], { headers: { "content-type": type } })
        assert.deepStrictEqual([end, said], [undefined, ["hello"]])
      }
    })
  )
})

describe("openai answers, responses", () => {
  const message = { type: "message", id: "m1", role: "assistant", content: [{ type: "output_text", text: "hello" }] }
  const call = { type: "function_call", id: "f1", call_id: "c1", name: "one", arguments: '{"a":1}' }
  const ends = (output: ReadonlyArray<object> = []) => ({ type: "response.completed", response: { output } })
  const delta = (item_id: string, text: string) => ({
    type: "response.output_text.delta",
    item_id,
    content_index: 0,
    delta: text
  })
  const texts: ReadonlyArray<readonly [string, ReadonlyArray<unknown>]> = [
    ["in deltas", [delta("m1", "hel"), delta("m1", "lo"), { type: "response.output_item.done", item: message }, ends([message])]],
    [
      "in the end of a text only",
      [{ type: "response.output_text.done", item_id: "m1", content_index: 0, text: "hello" }, ends()]
    ],
    ["in the end of an item only", [{ type: "response.output_item.done", item: message }, ends([message])]],
    ["in the end of the answer only", [ends([message])]],
    ["in deltas under another id", [delta("x", "hello"), { type: "response.output_item.done", item: message }, ends([message])]],
    ["in deltas that are cut short", [delta("m1", "hel"), { type: "response.output_item.done", item: message }, ends([message])]]
  ]
  for (const [name, events] of texts)
    it.effect(`T15 text ${name} is read once`, () =>
      Effect.gen(function* () {
        const { end, opaque, said } = yield* turn([events], { api: "responses" })
        assert.deepStrictEqual([end, said.join(""), opaque], [undefined, "hello", []])
      })
    )

  it("T15 L4 the newest 1,024 parts of an answer are kept for comparison", () => {
    const texts = TextDeduplicator.make()
    const piece = (n: number, whole?: "part") =>
      ({ _tag: "Text", kind: "agent-message", part: `m${n}`, text: `text ${n}.`, ...(whole && { whole }) }) as const
    for (let n = 0; n < 1025; n++) assert.strictEqual(texts.take(piece(n)), `text ${n}.`)
    assert.deepStrictEqual(
      [1024, 1, 0].map((n) => texts.take(piece(n, "part"))),
      ["", "", "text 0."]
    )
  })

  it.effect("T15 an empty answer is no success; a call that appears only at the end of the answer is made once", () =>
    Effect.gen(function* () {
      const { end } = yield* turn([[ends()]], { api: "responses" })
      assert.strictEqual(end?.kind, "protocol")
      for (const events of [[ends([call])], [{ type: "response.output_item.done", item: call }, ends([call])]]) {
        const { calls } = yield* turn([events, [ends([message])]], { api: "responses" })
        assert.deepStrictEqual(calls, [["one", { a: 1 }, "R-one"]])
      }
    })
  )

  it.effect("T13 two calls with the same id stay two, and each has its own result", () =>
    Effect.gen(function* () {
      const events = [call, { ...call, id: "f2", name: "two" }].map((item) => ({ type: "response.output_item.done", item }))
      const { bodies, calls } = yield* turn([[...events, ends()], [ends([message])]], { api: "responses" })
      assert.deepStrictEqual(
        calls.map(([name, , result]) => [name, result]),
        [
          ["one", "R-one"],
          ["two", "R-two"]
        ]
      )
      const ids = bodies[1]?.input?.flatMap(({ call_id, type }) => (type === "function_call_output" ? [call_id] : [])) ?? []
      assert.strictEqual(new Set(ids).size, 2)
    })
  )
})

describe("openai Retry-After", () => {
  const now = Date.parse("2026-11-28T12:00:00.000Z")
  const table = [
    ["2", "2026-11-28T12:00:02.000Z"],
    ["1.5", "2026-11-28T12:00:01.500Z"],
    [" 0 ", "2026-11-28T12:00:00.000Z"],
    ["Sat, 28 Nov 2026 12:01:00 GMT", "2026-11-28T12:01:00.000Z"],
    ["-1", undefined],
    ["-1.5", undefined],
    ["1e3", undefined],
    ["2001", "2026-11-28T12:33:21.000Z"],
    ["99999999999999999999", undefined],
    ["2001-01-05", undefined],
    ["Fri, 05 Jan 2001 00:00:00 GMT", undefined],
    ["soon", undefined],
    ["", undefined]
  ] as const
  for (const [header, at] of table)
    it(`T11 ${JSON.stringify(header)} is ${at ?? "no time"}`, () => {
      const failure = Failures.ofAnswer({ status: 429, body: "", retryAfter: header, now })
      assert.strictEqual(failure.resetAt, at)
    })
})
