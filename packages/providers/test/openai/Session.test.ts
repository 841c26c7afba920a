/** The whole adapter against a model endpoint on loopback: real HTTP, scripted answers, both dialects. */
import { chmodSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { NodeHttpClient } from "@effect/platform-node"
import { HttpClient, HttpClientResponse } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { ItemId, ThreadId, TurnId } from "@millrace/contracts/Ids"
import type { History, OpenInput, TurnAttachment } from "@millrace/contracts/ProviderAdapter"
import { Chunk, Effect, type Scope, Stream, TestClock } from "effect"
import * as ModelEndpoint from "@millrace/testing/ModelEndpoint"
import * as Shot from "@millrace/testing/Shot"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import * as Endpoint from "../../src/openai/Endpoint.ts"
import * as OpenAi from "../../src/openai/OpenAi.ts"
import * as Session from "../../src/openai/Session.ts"
import * as Wire from "../../src/openai/Wire.ts"
import { finish, record } from "@millrace/adapter-kit/Recording"
import { completed, deltas, opaque, story } from "@millrace/adapter-kit/Story"

const threadId = ThreadId.make("thr_model")
const turn = (n: number) => TurnId.make(`trn_${n}`)
const apis = ["chat", "responses"] as const

interface Options extends ModelEndpoint.Options {
  readonly adapter?: Partial<OpenAi.OpenAiOptions>
  readonly input?: Partial<OpenInput>
}

const adapterAt = (port: number, options: Partial<OpenAi.OpenAiOptions>) =>
  Effect.map(HttpClient.HttpClient, (client) =>
    OpenAi.make({ name: "local", baseUrl: `http://127.0.0.1:${port}/v1`, retryMillis: 1, ...options }, client)
  )

const open = ({ adapter: given = {}, input = {}, ...options }: Options) =>
  Effect.gen(function* () {
    const endpoint = yield* ModelEndpoint.makeWith({ models: ["tiny"], ...options })
    const adapter = yield* adapterAt(endpoint.port, given)
    const session = yield* adapter.open({ threadId, epoch: 1, cwd: "/", ...input })
    return { endpoint, session, recording: yield* record(session) }
  })

/** Runs one turn to its end. */
const once = (options: Options, text: string, attachments?: ReadonlyArray<TurnAttachment>) =>
  Effect.gen(function* () {
    const opened = yield* open(options)
    yield* opened.session.startTurn({ turnId: turn(1), text, ...(attachments === undefined ? {} : { attachments }) })
    const ends = yield* Effect.raceAll([
      opened.recording.until("TurnCompleted"),
      opened.recording.until("TurnFailed"),
      opened.recording.until("TurnInterrupted")
    ])
    yield* finish(opened.session, opened.recording)
    return { ...opened, events: opened.recording.events, end: ends }
  })

const live = <E>(name: string, run: Effect.Effect<void, E, Scope.Scope | HttpClient.HttpClient>) =>
  it.scopedLive(name, () => Effect.provide(run, NodeHttpClient.layer))

for (const api of apis)
  describe(`openai session, ${api}`, () => {
    live(
      "T17 the model, the effort and the instructions of the thread are in the request",
      Effect.gen(function* () {
        const settings = { effort: "low", instructions: "be brief" }
        const adapter = { api, instructions: "be kind", parameters: { reasoning_effort: "high", reasoning: { effort: "high" } } }
        const { endpoint } = yield* once({ adapter, input: { model: "big", settings } }, "[[say hello]]")
        const chat = api === "chat"
        const sent = (chat ? (yield* endpoint.chats).at(-1) : (yield* endpoint.requests).at(-1)) as Readonly<
          Record<string, unknown>
        >
        assert.deepInclude(sent, { model: "big" })
        assert.deepInclude(
          sent,
          chat ? { reasoning_effort: "low" } : { reasoning: { effort: "low" }, instructions: "be kind\n\nbe brief" }
        )
        if (chat) assert.deepInclude(sent["messages"], { role: "system", content: "be kind\n\nbe brief" })
      })
    )

    live(
      "T2 text and reasoning are items with deltas; usage; the second turn contains the first",
      Effect.gen(function* () {
        const { endpoint, recording, session } = yield* open({ adapter: { api } })
        assert.strictEqual(session.continuity, "fresh")
        yield* session.startTurn({ turnId: turn(1), text: "[[think hm hm]] [[say one two]]" })
        const end = yield* recording.until("TurnCompleted")
        assert.deepInclude(end.usage, { inputTokens: 100, cachedInputTokens: 0, outputTokens: 10, totalTokens: 110 })
        assert.deepStrictEqual(story(recording.events), [
          "start",
          "+reasoning",
          "-reasoning completed",
          "+agent-message",
          "-agent-message completed",
          "completed"
        ])
        assert.strictEqual(deltas(recording.events, "reasoning"), "hm hm")
        assert.deepStrictEqual(completed(recording.events, "agent-message"), [{ text: "one two" }])
        yield* session.startTurn({ turnId: turn(2), text: "more" })
        yield* recording.until("TurnCompleted", ({ turnId }) => turnId === turn(2))
        const sent = api === "chat" ? (yield* endpoint.chats).at(-1)?.messages : (yield* endpoint.requests).at(-1)?.input
        assert.deepStrictEqual(
          sent?.map(({ content, role }) => [role, content]),
          [
            ["user", "[[think hm hm]] [[say one two]]"],
            ["assistant", "one two"],
            ["user", "more"]
          ]
        )
        assert.deepStrictEqual(yield* finish(session, recording), ["TurnCompleted", "TurnCompleted"])
        assert.deepStrictEqual(opaque(recording.events), [])
      })
    )

    live(
      "an image in a prompt arrives at the endpoint as an image, a text file as text, and a replayed conversation has both",
      Effect.gen(function* () {
        const directory = yield* temporaryDirectory
        const shot = Shot.attachment(directory)
        const notes = join(directory, "notes.txt")
        writeFileSync(notes, "some notes")
        const attachments = [shot, { ...shot, name: "notes.txt", mediaType: "text/plain", bytes: 10, path: notes }]
        const url = `data:image/png;base64,${Shot.base64}`
        const image = api === "chat" ? { type: "image_url", image_url: { url } } : { type: "input_image", image_url: url }
        const part = (text: string) => ({ type: api === "chat" ? "text" : "input_text", text })
        const sent = (endpoint: ModelEndpoint.ModelEndpoint) =>
          api === "chat"
            ? Effect.map(endpoint.chats, (all): unknown => all.at(-1)?.messages?.[0]?.content)
            : Effect.map(endpoint.requests, (all): unknown => all.at(-1)?.input?.[0]?.content)
        const first = yield* once({ adapter: { api } }, "[[say seen]]", attachments)
        assert.deepStrictEqual(yield* sent(first.endpoint), [
          part('[[say seen]]\n\n<file name="notes.txt">\nsome notes\n</file>'),
          image
        ])
        assert.deepStrictEqual(
          attachments.map((one) => first.session.takes?.(one)),
          [true, true]
        )
        assert.isFalse(first.session.takes?.({ ...shot, mediaType: "application/pdf" }))
        const { path: _, ...gone } = shot
        const history: History = {
          turns: [
            {
              turnId: turn(7),
              outcome: "completed",
              messages: [{ role: "user", text: "look", attachments: [shot, { ...gone, name: "gone.png" }] }]
            }
          ],
          earlier: false,
          cutBytes: 0
        }
        const later = yield* once({ adapter: { api }, input: { history: () => Effect.succeed(history) } }, "[[say again]]")
        assert.deepStrictEqual(yield* sent(later.endpoint), [
          part("look\n[attached gone.png (image/png)]\n\n[[say again]]"),
          image
        ])
      })
    )

    live(
      "T13 a tool call becomes a request to the client, and the conversation continues with its result",
      Effect.gen(function* () {
        const tools = [{ name: "weather", parameters: { type: "object" } }]
        const { endpoint, recording, session } = yield* open({ adapter: { api, tools } })
        yield* session.startTurn({ turnId: turn(1), text: '[[say wait]] [[call weather {"at":"Bern"}]] [[say warm]]' })
        const { ask, requestId } = yield* recording.until("RequestOpened")
        assert.strictEqual(ask.kind, "question")
        assert.strictEqual(ask.title, 'Call weather {"at":"Bern"}')
        const item = yield* recording.until("ItemStarted", ({ kind }) => kind === "tool-call")
        assert.deepStrictEqual(item.content, { tool: "weather", input: { at: "Bern" } })
        assert.strictEqual(ask.itemId, item.itemId)
        yield* session.answer(requestId, { answers: { result: ["21 degrees"] } })
        yield* session.answer(requestId, { answers: { result: ["again"] } })
        const { usage } = yield* recording.until("TurnCompleted")
        assert.strictEqual(usage?.totalTokens, 220)
        assert.deepStrictEqual(completed(recording.events, "tool-call"), [
          { tool: "weather", input: { at: "Bern" }, result: "21 degrees" }
        ])
        const sent = JSON.stringify(api === "chat" ? (yield* endpoint.chats).at(-1) : (yield* endpoint.requests).at(-1))
        assert.include(sent, "21 degrees")
        assert.include(sent, '"name":"weather"')
        assert.deepStrictEqual(completed(recording.events, "agent-message").at(-1), { text: "warm" })
        assert.deepStrictEqual(yield* finish(session, recording, [requestId]), ["TurnCompleted"])
      })
    )

    live(
      "T13 a declined call continues without a result, a cancelled one ends the turn",
      Effect.gen(function* () {
        const { recording, session } = yield* open({ adapter: { api } })
        yield* session.startTurn({ turnId: turn(1), text: "[[call a]] [[say on]]" })
        const first = yield* recording.until("RequestOpened")
        yield* session.answer(first.requestId, { decision: "decline" })
        yield* recording.until("TurnCompleted")
        yield* session.startTurn({ turnId: turn(2), text: "[[call b]]" })
        const second = yield* recording.until("RequestOpened", ({ turnId }) => turnId === turn(2))
        yield* session.answer(second.requestId, { decision: "cancel" })
        yield* recording.until("TurnInterrupted")
        assert.deepInclude(story(recording.events), "-tool-call declined")
        yield* finish(session, recording, [first.requestId, second.requestId])
      })
    )

    live(
      "T7 an interrupt in mid-stream cuts the request, and the next turn has the text so far; also one right after the start",
      Effect.gen(function* () {
        const { endpoint, recording, session } = yield* open({ adapter: { api } })
        yield* session.startTurn({ turnId: turn(1), text: "[[say so far]] [[hang]]" })
        yield* recording.until("ItemDelta", ({ text }) => text === "far")
        yield* session.interrupt(turn(1))
        yield* recording.until("TurnInterrupted")
        yield* endpoint.cut
        yield* session.startTurn({ turnId: turn(3), text: "[[say never]]" })
        yield* session.interrupt(turn(3))
        yield* recording.until("TurnInterrupted", ({ turnId }) => turnId === turn(3))
        yield* session.startTurn({ turnId: turn(2), text: "[[say on]]" })
        yield* session.interrupt(turn(1))
        yield* recording.until("TurnCompleted")
        const sent = JSON.stringify(api === "chat" ? (yield* endpoint.chats).at(-1) : (yield* endpoint.requests).at(-1))
        assert.include(sent, '"so far"')
        assert.deepStrictEqual(yield* finish(session, recording), ["TurnInterrupted", "TurnInterrupted", "TurnCompleted"])
      })
    )

    live(
      "T11 length, content_filter and a cut in mid-answer are failures with their reason and the text so far",
      Effect.gen(function* () {
        const wanted = [
          ["[[say half]] [[finish length]]", "limit"],
          ["[[say half]] [[finish content_filter]]", "refused"],
          ["[[say half]] [[cut]]", "transport"]
        ] as const
        for (const [prompt, kind] of wanted) {
          const { end, endpoint, events } = yield* once({ adapter: { api } }, prompt)
          assert.strictEqual(end._tag === "TurnFailed" ? end.error.kind : end._tag, kind)
          assert.deepStrictEqual(completed(events, "agent-message"), [{ text: "half" }])
          // Part of an answer has arrived, so the request is not retried.
          assert.lengthOf([...(yield* endpoint.chats), ...(yield* endpoint.requests)], 1)
        }
      })
    )

    live(
      "T11 401, 429, 500, 503 and an error in the stream map to the closed set; only transient ones are retried",
      Effect.gen(function* () {
        const inStream = api === "chat" ? "[[failed rate_limit_exceeded]]" : "[[failed rate_limit_exceeded]]"
        const wanted = [
          ["[[status 401]]", "auth", 1],
          ["[[status 429]]", "limit", 1],
          ["[[status 500]]", "transport", 3],
          ["[[status 503]]", "overloaded", 3],
          ["[[status 400]]", "refused", 1],
          ["[[status 413]]", "context", 1],
          [inStream, "limit", 1]
        ] as const
        for (const [prompt, kind, requests] of wanted) {
          const options = { adapter: { api }, headers: { "retry-after": "120" } }
          const { end, endpoint } = yield* once(options, prompt)
          assert.deepStrictEqual([prompt, end._tag === "TurnFailed" ? end.error.kind : end._tag], [prompt, kind])
          assert.lengthOf([...(yield* endpoint.chats), ...(yield* endpoint.requests)], requests)
          if (prompt === "[[status 429]]" && end._tag === "TurnFailed")
            assert.isAbove(Date.parse(end.error.resetAt ?? ""), Date.now() + 100_000)
        }
      })
    )

    live(
      "P4 a line that is not JSON is a diagnostic; P3 an event over the limit fails its turn, and earlier text is kept",
      Effect.gen(function* () {
        const { end, events } = yield* once({ adapter: { api } }, "[[say a]] [[garbage {no json]] [[say b]]")
        assert.strictEqual(end._tag, "TurnCompleted")
        assert.deepStrictEqual(opaque(events), ["millrace/bad-line"])
        assert.strictEqual(deltas(events, "agent-message"), "ab")
        const large = yield* once({ adapter: { api, eventLimit: 10_000 } }, "[[say a]] [[flood 20000]] [[hang]]")
        assert.strictEqual(large.end._tag === "TurnFailed" ? large.end.error.kind : large.end._tag, "protocol")
        assert.strictEqual(deltas(large.events, "agent-message"), "a")
        yield* large.endpoint.cut
      })
    )

    live(
      "T5 the conversation is replayed from our log: texts, and a tool's call with its result",
      Effect.gen(function* () {
        const history: History = {
          earlier: true,
          cutBytes: 0,
          turns: [
            {
              turnId: turn(7),
              outcome: "completed",
              messages: [
                { role: "user", text: "what is 6 by 7" },
                { role: "tool", itemId: ItemId.make("itm_1"), tool: "times", input: { a: 6, b: 7 }, result: "42" },
                { role: "agent", text: "it is 42" }
              ]
            },
            { turnId: turn(8), outcome: "failed", messages: [{ role: "user", text: "and" }] }
          ]
        }
        const { endpoint, recording, session } = yield* open({
          adapter: { api, instructions: "Be short." },
          input: { history: () => Effect.succeed(history) }
        })
        assert.strictEqual(session.continuity, "replayed")
        yield* session.startTurn({ turnId: turn(9), text: "[[say ok]]" })
        yield* recording.until("TurnCompleted")
        const said = yield* recording.until("Opaque")
        assert.deepStrictEqual(said.payload, { turns: 2, from: turn(7), earlier: true, cutBytes: 0, leftOut: 0 })
        const body: unknown = api === "chat" ? (yield* endpoint.chats)[0]?.messages : (yield* endpoint.requests)[0]?.input
        const call = { name: "times", arguments: '{"a":6,"b":7}' }
        assert.deepStrictEqual(
          body,
          api === "chat"
            ? [
                { role: "system", content: "Be short." },
                { role: "user", content: "what is 6 by 7" },
                { role: "assistant", content: null, tool_calls: [{ id: "call_itm_1", type: "function", function: call }] },
                { role: "tool", tool_call_id: "call_itm_1", content: "42" },
                { role: "assistant", content: "it is 42" },
                { role: "user", content: "and\n\n[[say ok]]" }
              ]
            : [
                { type: "message", role: "user", content: "what is 6 by 7" },
                { type: "function_call", call_id: "call_itm_1", ...call },
                { type: "function_call_output", call_id: "call_itm_1", output: "42" },
                { type: "message", role: "assistant", content: "it is 42" },
                { type: "message", role: "user", content: "and\n\n[[say ok]]" }
              ]
        )
        yield* finish(session, recording)
      })
    )

    live(
      "X4 the key is sent and appears in no output, even if the endpoint echoes it",
      Effect.gen(function* () {
        const key = "sk-canary-5f1d"
        const file = `${yield* temporaryDirectory}/key`
        writeFileSync(file, `${key}\n`)
        chmodSync(file, 0o600)
        const { endpoint, recording, session } = yield* open({ adapter: { api, model: "tiny", apiKeyFile: file }, key })
        const prompts = [`[[garbage ${key}]] [[say ${key}]]`, "[[leak]]"]
        for (const [n, text] of prompts.entries()) {
          yield* session.startTurn({ turnId: turn(n), text })
          yield* Effect.race(
            recording.until("TurnFailed", ({ turnId }) => turnId === turn(n)),
            recording.until("TurnCompleted", ({ turnId }) => turnId === turn(n))
          )
        }
        yield* finish(session, recording)
        assert.strictEqual(deltas(recording.events, "agent-message"), "(secret)")
        const wrong = yield* adapterAt(endpoint.port, { api, apiKeyEnv: "MILLRACE_TEST_OPENAI_CANARY" })
        process.env["MILLRACE_TEST_OPENAI_CANARY"] = "sk-canary-wrong"
        const status = yield* wrong.probe
        delete process.env["MILLRACE_TEST_OPENAI_CANARY"]
        assert.deepInclude(status, { installed: true, signedIn: "no" })
        assert.include(status.fix, "Incorrect API key provided")
        assert.notInclude(JSON.stringify([recording.events, status]), "canary")
      })
    )
  })

describe("openai", () => {
  it.effect("X5 an answer of a million short lines costs linear time, and the server keeps working", () =>
    Effect.gen(function* () {
      const event = 'data: {"x":1}\r\n\n'
      const body = `${"x\n".repeat(500_000)}${":\r\n".repeat(300_000)}${event.repeat(20_000)}data: [DONE]\n\n`
      const client = HttpClient.make((request) =>
        Effect.succeed(
          HttpClientResponse.fromWeb(request, new Response(body, { headers: { "content-type": "text/event-stream" } }))
        )
      )
      const endpoint = Endpoint.make({ name: "local", baseUrl: "http://nowhere" }, client, () => ({}))
      const all = [...(yield* Stream.runCollect(endpoint.answer({})))]
      // A quadratic implementation would exceed the time limit of this test.
      assert.lengthOf(all, 20_001)
      assert.deepEqual([all[0], all.at(-1)], ['{"x":1}', "[DONE]"])
    })
  )

  it.scoped("D7 an answer is read ahead by at most 1,024 events and one chunk; nothing is lost", () =>
    Effect.gen(function* () {
      const chunks = 100
      let pulled = 0
      const piece = (text: string) => JSON.stringify({ choices: [{ delta: { content: text } }] })
      const answer = Stream.range(1, chunks).pipe(
        Stream.rechunk(1),
        Stream.mapChunks((chunk) => {
          pulled++
          return Chunk.flatMap(chunk, (n) => Chunk.map(Chunk.range(1, 100), (m) => piece(`d${n}.${m} `)))
        }),
        Stream.concat(Stream.make(Wire.done))
      )
      const endpoint = { answer: () => answer, models: Effect.succeed(["tiny"]), hasKey: false, address: "nowhere" }
      const options = { name: "local", baseUrl: "http://nowhere" }
      const session = yield* Session.open({ threadId, epoch: 1, cwd: "/" }, options, endpoint)
      yield* session.startTurn({ turnId: turn(1), text: "go on" })
      yield* TestClock.adjust("1 second")
      assert.strictEqual(pulled, 11)
      const read = yield* session.events.pipe(
        Stream.takeUntil(({ _tag }) => _tag === "TurnCompleted"),
        Stream.runCollect
      )
      const all = Array.from({ length: chunks * 100 }, (_, at) => `d${Math.floor(at / 100) + 1}.${(at % 100) + 1} `)
      assert.strictEqual(deltas([...read], "agent-message"), all.join(""))
    })
  )

  live(
    "T11 D8 an answer that is not a stream is a failure with its reason, and its request is cut",
    Effect.gen(function* () {
      const { end, endpoint } = yield* once({}, "[[plain]]")
      assert.strictEqual(end._tag === "TurnFailed" ? end.error.kind : end._tag, "protocol")
      yield* endpoint.cut
    })
  )

  live(
    "P6 a request without any answer is retried; after three attempts the turn fails",
    Effect.gen(function* () {
      const two = yield* once({ dropFirst: 2 }, "[[say here]]")
      assert.strictEqual(two.end._tag, "TurnCompleted")
      assert.lengthOf(yield* two.endpoint.chats, 3)
      const three = yield* once({ dropFirst: 3 }, "[[say here]]")
      assert.strictEqual(three.end._tag === "TurnFailed" ? three.end.error.kind : three.end._tag, "transport")
    })
  )

  live(
    "T2 a stop in mid-stream ends turn, request and stream; an open request is cancelled",
    Effect.gen(function* () {
      const hanging = yield* open({})
      yield* hanging.session.startTurn({ turnId: turn(1), text: "[[say a]] [[hang]]" })
      yield* hanging.recording.until("ItemDelta")
      assert.deepStrictEqual(yield* finish(hanging.session, hanging.recording), ["TurnInterrupted"])
      yield* hanging.endpoint.cut
      const asking = yield* open({})
      yield* asking.session.startTurn({ turnId: turn(2), text: "[[call a]]" })
      yield* asking.recording.until("RequestOpened")
      assert.deepStrictEqual(yield* finish(asking.session, asking.recording), ["TurnInterrupted"])
      const late = yield* Effect.flip(asking.session.startTurn({ turnId: turn(3), text: "late" }))
      assert.strictEqual(late.failure.kind, "process")
    })
  )

  live(
    "D8 the end of the session's scope is the end of its request",
    Effect.gen(function* () {
      const endpoint = yield* ModelEndpoint.makeWith({ models: ["tiny"] })
      const adapter = yield* adapterAt(endpoint.port, {})
      yield* Effect.scoped(
        Effect.gen(function* () {
          const session = yield* adapter.open({ threadId, epoch: 1, cwd: "/" })
          const recording = yield* record(session)
          yield* session.startTurn({ turnId: turn(1), text: "[[say a]] [[hang]]" })
          yield* recording.until("ItemDelta")
        })
      )
      yield* endpoint.cut
    })
  )

  live(
    "T12 a second turn while one runs is rejected, and the error of steer says what to do",
    Effect.gen(function* () {
      const { recording, session } = yield* open({})
      yield* session.startTurn({ turnId: turn(1), text: "[[hang]]" })
      const refused = yield* Effect.flip(session.startTurn({ turnId: turn(2), text: "b" }))
      assert.strictEqual(refused.failure.kind, "refused")
      assert.include((yield* Effect.flip(session.steer({ turnId: turn(1), text: "c" }))).message, "queue the message")
      yield* finish(session, recording)
    })
  )

  live(
    "the model is the thread's, else the configured one, else the only available one",
    Effect.gen(function* () {
      const modelOf = (options: Options) =>
        Effect.flatMap(once(options, "hi"), ({ endpoint }) => Effect.map(endpoint.chats, (chats) => chats[0]?.model))
      assert.strictEqual(yield* modelOf({ input: { model: "mine" }, adapter: { model: "configured" } }), "mine")
      assert.strictEqual(yield* modelOf({ adapter: { model: "configured" } }), "configured")
      assert.strictEqual(yield* modelOf({}), "tiny")
      const several = yield* Effect.flip(open({ models: ["a", "b"] }))
      assert.include(several.failure.message, "It has: a, b.")
    })
  )

  live(
    "a probe returns the models; if the endpoint does not answer, it says what to do",
    Effect.gen(function* () {
      const endpoint = yield* ModelEndpoint.makeWith({ models: ["a", "b"] })
      const there = yield* (yield* adapterAt(endpoint.port, {})).probe
      assert.deepInclude(there, { provider: "local", installed: true, signedIn: "not-needed" })
      assert.deepStrictEqual(there.models, [
        { id: "a", name: "a" },
        { id: "b", name: "b" }
      ])
      const gone = yield* Effect.scoped(Effect.map(ModelEndpoint.make, ({ port }) => port))
      const missing = yield* (yield* adapterAt(gone, {})).probe
      assert.deepInclude(missing, { installed: false, signedIn: "not-needed" })
      assert.include(missing.fix, "cannot be reached")
      const unset = yield* (yield* adapterAt(endpoint.port, { apiKeyEnv: "MILLRACE_TEST_UNSET" })).probe
      assert.deepInclude(unset, {
        signedIn: "no",
        fix: "The variable MILLRACE_TEST_UNSET is not set. Start the server with the key in it."
      })
    })
  )
})
