/**
 * The compliance cases of Open Responses that are not about a caller's tools, written from its published schema (openresponses/openresponses,
 * 2026-04-24: `ResponseResource`, `ItemField`, the streaming events), against a real server.
 */
import { describe, expect, it } from "@effect/vitest"
import type { TurnView } from "@millrace/contracts/State"
import { createHash } from "node:crypto"
import { Effect, Either, ParseResult, Schema } from "effect"
import { fair, send } from "../../test/support/Fixture.ts"
import * as Hosted from "../../test/support/Hosted.ts"

const S = Schema
const nullable = <A, I>(schema: Schema.Schema<A, I>) => S.NullOr(schema)

const OutputText = S.Struct({
  type: S.Literal("output_text"),
  text: S.String,
  annotations: S.Array(S.Unknown),
  logprobs: S.optional(S.Array(S.Unknown))
})
const Part = S.Union(
  OutputText,
  S.Struct({ type: S.Literal("input_text", "text", "summary_text", "reasoning_text"), text: S.String })
)
const Item = S.Union(
  S.Struct({
    type: S.Literal("message"),
    id: S.String,
    status: S.Literal("in_progress", "completed", "incomplete"),
    role: S.Literal("user", "assistant", "system", "developer"),
    content: S.Array(Part)
  }),
  S.Struct({ type: S.Literal("reasoning"), id: S.String, summary: S.Array(Part) }),
  // "Custom types MUST be prefixed with the implementor's slug"; as every item they have an id and a status.
  S.Struct({ type: S.String.pipe(S.pattern(/^millrace:[a-z_]+$/)), id: S.String, status: S.String })
)
const Usage = S.Struct({
  input_tokens: S.Int,
  output_tokens: S.Int,
  total_tokens: S.Int,
  input_tokens_details: S.Struct({ cached_tokens: S.Int }),
  output_tokens_details: S.Struct({ reasoning_tokens: S.Int })
})
const Response = S.Struct({
  id: S.String,
  object: S.Literal("response"),
  created_at: S.Int,
  completed_at: nullable(S.Int),
  status: S.String,
  incomplete_details: nullable(S.Struct({ reason: S.String })),
  model: S.String,
  previous_response_id: nullable(S.String),
  instructions: nullable(S.String),
  output: S.Array(Item),
  error: nullable(S.Struct({ code: S.String, message: S.String })),
  tools: S.Array(S.Unknown),
  tool_choice: S.Literal("none", "auto", "required"),
  truncation: S.Literal("auto", "disabled"),
  parallel_tool_calls: S.Boolean,
  text: S.Struct({ format: S.Struct({ type: S.Literal("text") }) }),
  top_p: S.Number,
  presence_penalty: S.Number,
  frequency_penalty: S.Number,
  top_logprobs: S.Int,
  temperature: S.Number,
  reasoning: nullable(S.Struct({ effort: nullable(S.String), summary: nullable(S.String) })),
  user: nullable(S.String),
  usage: nullable(Usage),
  max_output_tokens: nullable(S.Int),
  max_tool_calls: nullable(S.Int),
  store: S.Boolean,
  background: S.Boolean,
  service_tier: S.String,
  metadata: S.Unknown,
  safety_identifier: nullable(S.String),
  prompt_cache_key: nullable(S.String)
})

const sequence = { sequence_number: S.Int }
const place = { item_id: S.String, output_index: S.Int }
const events: Readonly<Record<string, Schema.Schema.AnyNoContext>> = {
  ...Object.fromEntries(
    ["created", "in_progress", "completed", "failed"].map((name) => [
      `response.${name}`,
      S.Struct({ ...sequence, response: Response })
    ])
  ),
  "response.output_item.added": S.Struct({ ...sequence, output_index: S.Int, item: Item }),
  "response.output_item.done": S.Struct({ ...sequence, output_index: S.Int, item: Item }),
  "response.content_part.added": S.Struct({ ...sequence, ...place, content_index: S.Int, part: Part }),
  "response.content_part.done": S.Struct({ ...sequence, ...place, content_index: S.Int, part: Part }),
  "response.output_text.delta": S.Struct({ ...sequence, ...place, content_index: S.Int, delta: S.String }),
  "response.output_text.done": S.Struct({ ...sequence, ...place, content_index: S.Int, text: S.String }),
  "response.reasoning_summary_part.added": S.Struct({ ...sequence, ...place, summary_index: S.Int, part: Part }),
  "response.reasoning_summary_part.done": S.Struct({ ...sequence, ...place, summary_index: S.Int, part: Part }),
  "response.reasoning_summary_text.delta": S.Struct({ ...sequence, ...place, summary_index: S.Int, delta: S.String }),
  "response.reasoning_summary_text.done": S.Struct({ ...sequence, ...place, summary_index: S.Int, text: S.String }),
  error: S.Struct({
    ...sequence,
    error: S.Struct({ type: S.String, code: nullable(S.String), message: S.String, param: nullable(S.String) })
  })
}

/** The errors of the schema for a value. */
const wrong = (schema: Schema.Schema.AnyNoContext, value: unknown): ReadonlyArray<string> =>
  Either.match(S.decodeUnknownEither(schema, { errors: "all" })(value), {
    onLeft: (error) =>
      ParseResult.ArrayFormatter.formatErrorSync(error).map(({ message, path }) => `${path.map(String).join(".")}: ${message}`),
    onRight: () => []
  })

/** The errors of an event against the schema of its type. */
const wrongEvent = (event: Readonly<Record<string, unknown>>): ReadonlyArray<string> => {
  const schema = events[String(event["type"])]
  return schema === undefined ? [`an unknown type: ${String(event["type"])}`] : wrong(schema, event)
}

const message = (role: string, content: unknown) => ({ type: "message", role, content })
const png =
  "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
const pdf = `data:application/pdf;base64,${Buffer.from("%PDF-1.1\n%%EOF").toString("base64")}`

const cases: Readonly<Record<string, object>> = {
  "basic-response": { input: [message("user", "Say hello in exactly 3 words.")] },
  "streaming-response": { stream: true, input: [message("user", "[[think hm]] [[say 1 2 3 4 5]]")] },
  "system-prompt": { input: [message("system", "You are a pirate."), message("user", "Say hello.")] },
  "assistant-phase": {
    input: [
      { ...message("assistant", "I should answer with the saved number."), phase: "commentary" },
      { ...message("assistant", "The number is four."), phase: "final_answer" },
      message("user", "Repeat only the number.")
    ]
  },
  "image-input": {
    input: [
      message("user", [
        { type: "input_text", text: "What do you see?" },
        { type: "input_image", image_url: png }
      ])
    ]
  },
  "file-input": {
    input: [
      message("user", [
        { type: "input_text", text: "Answer with its title only." },
        { type: "input_file", filename: "fixture.pdf", file_data: pdf }
      ])
    ]
  },
  "multi-turn": {
    input: [message("user", "My name is Alice."), message("assistant", "Hello Alice!"), message("user", "What is my name?")]
  }
}

type Json = Readonly<Record<string, unknown>>

const post = (hosted: Hosted.Hosted, body: object) =>
  send(`${hosted.url}/v1/responses`, {
    headers: { authorization: `Bearer ${hosted.token}` },
    body: JSON.stringify({ model: "demo", ...body })
  })
const get = (hosted: Hosted.Hosted, path: string) =>
  send(`${hosted.url}${path}`, { headers: { authorization: `Bearer ${hosted.token}` } })

const eventsOf = (body: string): ReadonlyArray<Json> =>
  body.split("\n\n").flatMap((frame) => {
    const data = /^data: (\{.*)$/m.exec(frame)?.[1]
    return data === undefined ? [] : [JSON.parse(data) as Json]
  })

const run = <E>(effect: (hosted: Hosted.Hosted) => Effect.Effect<void, E>) =>
  Effect.scoped(Effect.flatMap(Hosted.start(), effect)).pipe(fair)

describe("Open Responses", () => {
  it.live("D13 the compliance cases without caller-defined tools: each answer and each event matches the schema", () =>
    run((hosted) =>
      Effect.gen(function* () {
        for (const [name, body] of Object.entries(cases)) {
          const answer = yield* post(hosted, body)
          expect([name, answer.status]).toEqual([name, 200])
          expect(answer.headers["x-request-id"]).toMatch(/^[0-9a-f-]{36}$/)
          const sent = "stream" in body ? eventsOf(answer.body) : []
          for (const event of sent) expect([name, event["type"], wrongEvent(event)]).toEqual([name, event["type"], []])
          const response = "stream" in body ? sent.at(-1)?.["response"] : (JSON.parse(answer.body) as unknown)
          expect([name, wrong(Response, response)]).toEqual([name, []])
          expect(response).toMatchObject({ status: "completed", completed_at: expect.any(Number) as number })
          expect((response as { output: ReadonlyArray<unknown> }).output.length).toBeGreaterThan(0)
        }
      })
    )
  )

  it.live("D13 T11 a turn that fails in a stream is an error event, then response.failed, both matching the schema", () =>
    run((hosted) =>
      Effect.gen(function* () {
        const sent = eventsOf((yield* post(hosted, { stream: true, input: "[[say so far]] [[fail no luck]]" })).body)
        expect(sent.slice(-2).map(({ type }) => type)).toEqual(["error", "response.failed"])
        for (const event of sent.slice(-2)) expect(wrongEvent(event)).toEqual([])
        expect(sent.at(-2)).toMatchObject({ code: "turn_failed_refused", message: "no luck", error: { type: "turn_error" } })
        expect(sent.at(-1)).toMatchObject({ response: { output: [{ type: "message", content: [{ text: "so far" }] }] } })
      })
    )
  )

  it.live(
    "D13 a response and its input are read from the log; previous_response_id continues the latest answer, and only once",
    () =>
      run((hosted) =>
        Effect.gen(function* () {
          const first = JSON.parse((yield* post(hosted, { input: "[[think hm]] [[say papaya]]" })).body) as Json
          const second = JSON.parse(
            (yield* post(hosted, { input: "[[say again]]", previous_response_id: first["id"], instructions: "Be short." })).body
          ) as Json
          expect(wrong(Response, second)).toEqual([])
          const read = JSON.parse((yield* get(hosted, `/v1/responses/${String(second["id"])}`)).body) as Json
          // Instructions of a call are stored as part of the turn's prompt.
          expect(read).toEqual({ ...second, instructions: null, created_at: expect.any(Number) as number })
          expect(wrong(Response, read)).toEqual([])
          const input = yield* get(hosted, `/v1/responses/${String(second["id"])}/input_items`)
          expect(JSON.parse(input.body)).toMatchObject({
            object: "list",
            data: [{ role: "user", content: [{ type: "input_text", text: "Instructions:\nBe short.\n\n---\n\n[[say again]]" }] }],
            has_more: false
          })
          const branch = yield* post(hosted, { input: "[[say other]]", previous_response_id: first["id"] })
          expect([branch.status, JSON.parse(branch.body)]).toMatchObject([
            400,
            { error: { type: "invalid_request_error", code: "previous_response_not_latest", param: "previous_response_id" } }
          ])
          const both = yield* Effect.forEach(
            ["a", "b"],
            (text) => post(hosted, { input: `[[say ${text}]]`, previous_response_id: second["id"] }),
            { concurrency: 2 }
          )
          expect(both.map(({ status }) => status).toSorted()).toEqual([200, 400])
          const failed = JSON.parse((yield* post(hosted, { stream: false, input: "[[fail no luck]]" })).body) as Json
          expect(failed).toMatchObject({ error: { type: "turn_error" } })
          for (const id of ["resp_none", "none"]) {
            const missing = yield* get(hosted, `/v1/responses/${id}`)
            expect([missing.status, (JSON.parse(missing.body) as { error: Json }).error["code"]]).toEqual([
              404,
              "response_not_found"
            ])
          }
        })
      )
  )

  it.live("C2 a continuing call that is repeated with its idempotency key gets the same turn, also with instructions", () =>
    run((hosted) =>
      Effect.gen(function* () {
        const first = JSON.parse((yield* post(hosted, { input: "[[say a]]" })).body) as Json
        const again = () =>
          send(`${hosted.url}/v1/responses`, {
            headers: { authorization: `Bearer ${hosted.token}`, "idempotency-key": "k1" },
            body: JSON.stringify({
              model: "demo",
              input: "[[say b]]",
              previous_response_id: first["id"],
              instructions: "Be short."
            })
          })
        const [one, two] = [yield* again(), yield* again()].map(({ body, status }) => [status, (JSON.parse(body) as Json)["id"]])
        expect(one?.[0]).toBe(200)
        expect(two).toEqual(one)
      })
    )
  )

  it.live("changed instructions are sent in a continued conversation, unchanged ones are not sent again", () =>
    run((hosted) =>
      Effect.gen(function* () {
        let id: unknown
        const given = []
        for (const instructions of [undefined, "Be short.", "Be short.", "Be long.", "Be short."]) {
          const answer = yield* post(hosted, {
            input: "[[say ok]]",
            ...(instructions && { instructions }),
            ...(id !== undefined && { previous_response_id: id })
          })
          expect(answer.status).toBe(200)
          id = (JSON.parse(answer.body) as Json)["id"]
          const input = JSON.parse((yield* get(hosted, `/v1/responses/${String(id)}/input_items`)).body) as {
            readonly data: ReadonlyArray<{ readonly content: ReadonlyArray<{ readonly text: string }> }>
          }
          given.push(input.data[0]?.content[0]?.text)
        }
        const block = (text: string) => `Instructions:\n${text}\n\n---\n\n[[say ok]]`
        expect(given).toEqual(["[[say ok]]", block("Be short."), "[[say ok]]", block("Be long."), block("Be short.")])
      })
    )
  )

  it.live("ignored fields are named in a header and a field, by each endpoint, streamed or not", () =>
    run((hosted) =>
      Effect.gen(function* () {
        const tools = [{ type: "function", name: "f", function: { name: "f" } }]
        const bodies = [
          ["responses", { input: "[[say ok]]" }],
          ["chat/completions", { messages: [{ role: "user", content: "[[say ok]]" }] }]
        ] as const
        for (const [path, body] of bodies)
          for (const stream of [false, true]) {
            const answer = yield* send(`${hosted.url}/v1/${path}`, {
              headers: { authorization: `Bearer ${hosted.token}` },
              body: JSON.stringify({ model: "demo", ...body, stream, tools, temperature: 0.2, seed: null })
            })
            expect([path, stream, answer.headers["x-millrace-ignored"]]).toEqual([path, stream, "tools, temperature"])
            expect(answer.body).toContain('"millrace":{"ignored":["tools","temperature"],"message":"These fields')
          }
        const plain = yield* post(hosted, { input: "[[say ok]]", tools: [] })
        expect([plain.headers["x-millrace-ignored"], plain.body.includes('"millrace"')]).toEqual([undefined, false])
      })
    )
  )

  it.live("X5 an image of a `data:` URL is an attachment of the turn, and its content a blob; another URL is rejected", () =>
    run((hosted) =>
      Effect.gen(function* () {
        const answer = yield* post(hosted, cases["image-input"] ?? {})
        const turn = JSON.parse((yield* get(hosted, `/api/turns/${answer.headers["x-millrace-turn"]}`)).body) as TurnView
        const [attachment] = turn.attachments ?? []
        expect(turn.text).toBe("What do you see?")
        expect(turn.attachments).toMatchObject([{ name: "image", mediaType: "image/png" }])
        const content = Buffer.from(png.slice(png.indexOf(",") + 1), "base64")
        expect(attachment).toMatchObject({ bytes: content.length, blob: createHash("sha256").update(content).digest("hex") })
        expect((yield* get(hosted, `/api/blobs/${attachment?.blob}`)).status).toBe(200)
        const alone = yield* post(hosted, { input: [message("user", [{ type: "input_image", image_url: png }])] })
        expect(alone.status).toBe(200)
        const many = Array.from({ length: 18 }, () => ({ type: "input_image", image_url: png }))
        const most = yield* post(hosted, { input: [message("user", [{ type: "input_text", text: "[[say ok]]" }, ...many])] })
        const last = JSON.parse((yield* get(hosted, `/api/turns/${most.headers["x-millrace-turn"]}`)).body) as TurnView
        expect(last.attachments).toHaveLength(16)
        expect(last.text).toContain("(2 earlier files are not attached")
        const part = { type: "input_image", image_url: "https://example.com/a.png" }
        const refused = yield* post(hosted, { input: [message("user", [part])] })
        expect([refused.status, JSON.parse(refused.body)]).toMatchObject([400, { error: { code: "unsupported_content" } }])
      })
    )
  )
})
