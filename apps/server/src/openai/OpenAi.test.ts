/** The official `openai` client, unmodified, against a real server with the demo agent. */
import { execFile } from "node:child_process"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { promisify } from "node:util"
import { describe, expect, it } from "@effect/vitest"
import type { ThreadId, TurnId } from "@millrace/contracts/Ids"
import type { Frame } from "@millrace/contracts/Frame"
import * as Client from "@millrace/client/Client"
import { Data, Effect, Fiber, Option, Runtime, Stream } from "effect"
import OpenAI, { APIError, AuthenticationError, BadRequestError, NotFoundError } from "openai"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import { fair, send } from "../../test/support/Fixture.ts"
import * as Tokens from "../auth/Tokens.ts"
import * as Hosted from "../../test/support/Hosted.ts"

class Sdk extends Data.TaggedError("Sdk")<{ readonly error: unknown }> {}

/** A call of the client as an effect; its interruption disconnects the client. */
const call = <A>(run: (signal: AbortSignal) => Promise<A>): Effect.Effect<A, Sdk> =>
  Effect.tryPromise({ try: run, catch: (error) => new Sdk({ error }) })

const refused = <A>(run: () => Promise<A>) =>
  Effect.flatMap(Effect.flip(call(run)), ({ error }) => (error instanceof APIError ? Effect.succeed(error) : Effect.die(error)))

const clientOf = (hosted: Hosted.Hosted, options: Partial<ConstructorParameters<typeof OpenAI>[0]> = {}) =>
  new OpenAI({ baseURL: `${hosted.url}/v1`, apiKey: hosted.token, maxRetries: 0, ...options })

const collect = async <A>(from: AsyncIterable<A>): Promise<ReadonlyArray<A>> => {
  const all: Array<A> = []
  for await (const one of from) all.push(one)
  return all
}

const dataOf = (frame: Frame): { readonly type: string; readonly threadId: ThreadId; readonly kind?: string } | undefined =>
  frame._tag === "event" ? { type: frame.event.type, ...(frame.event.data as { readonly threadId: ThreadId }) } : undefined

/** The first matching event after the cursor, read from the log. */
const event = (
  hosted: Hosted.Hosted,
  after: string | undefined,
  fits: (data: NonNullable<ReturnType<typeof dataOf>>) => boolean
) =>
  hosted.host.follow(after === undefined ? {} : { after }).pipe(
    Stream.filterMap((frame) => Option.fromNullable(dataOf(frame))),
    Stream.filter(fits),
    Stream.runHead,
    Effect.map(Option.getOrThrow)
  )

const cursor = (hosted: Hosted.Hosted) => Effect.map(hosted.host.state, ({ logEpoch, offset }) => `${logEpoch}-${offset}`)

/** The thread whose agent has sent text and still runs. */
const running = (hosted: Hosted.Hosted, after?: string) =>
  Effect.map(
    event(hosted, after, ({ kind, type }) => type === "item.completed" && kind === "agent-message"),
    ({ threadId }) => threadId
  )

/** Waits for the first request, finds it in the list of open requests, and accepts it. */
const accept = (hosted: Hosted.Hosted) =>
  Effect.gen(function* () {
    yield* event(hosted, undefined, ({ type }) => type === "request.opened")
    const listed = yield* send(`${hosted.url}/api/requests`, { headers: { authorization: `Bearer ${hosted.token}` } })
    const requests = JSON.parse(listed.body) as ReadonlyArray<{ readonly requestId: string }>
    expect(requests).toHaveLength(1)
    yield* send(`${hosted.url}/api/requests/${requests[0]?.requestId}/answer`, {
      headers: { authorization: `Bearer ${hosted.token}` },
      body: JSON.stringify({ decision: "accept" })
    })
  })

/** Waits for the end of the thread's turn. */
const ended = (hosted: Hosted.Hosted, threadId: ThreadId, after: string) =>
  event(hosted, after, (data) => data.threadId === threadId && /^turn\.(completed|interrupted|failed)$/.test(data.type))

const run = <A, E>(effect: (hosted: Hosted.Hosted) => Effect.Effect<A, E>) =>
  Effect.scoped(Effect.flatMap(Hosted.start(), effect)).pipe(fair)

const user = (content: string) => [{ role: "user", content }] as const
const two = "[[say one two three]] [[think hm]] [[say four]]"

describe("OpenAI-compatible API", () => {
  it.live("D13 chat: a complete answer, with usage and the ids of its turn", () =>
    run((hosted) =>
      Effect.gen(function* () {
        const { data, response } = yield* call(() =>
          clientOf(hosted)
            .chat.completions.create({ model: "demo", messages: [...user(two)], temperature: 0.2, user: "somebody" })
            .withResponse()
        )
        expect(data).toMatchObject({
          object: "chat.completion",
          model: "demo",
          choices: [{ index: 0, message: { role: "assistant", content: "one two three\n\nfour" }, finish_reason: "stop" }]
        })
        expect(data.usage?.total_tokens).toBeGreaterThan(0)
        const threadId = response.headers.get("x-millrace-thread") as ThreadId
        const turns = yield* hosted.host.turns(threadId, {})
        expect(turns.items.map(({ status, text, turnId }) => ({ status, text, turnId }))).toEqual([
          { status: "completed", text: two, turnId: response.headers.get("x-millrace-turn") as TurnId }
        ])
        expect(data.id).toBe(`chatcmpl-${turns.items[0]?.turnId.slice(4)}`)
        const thread = yield* hosted.host.thread(threadId)
        expect(thread.cwd).toBe(join(hosted.dataDir, "scratch"))
      })
    )
  )

  it.live("D13 chat: streamed chunks join to the whole answer, then usage, then [DONE]", () =>
    run((hosted) =>
      Effect.gen(function* () {
        const client = clientOf(hosted)
        const chunks = yield* call(async () =>
          collect(
            await client.chat.completions.create({
              model: "demo",
              messages: [...user(two)],
              stream: true,
              stream_options: { include_usage: true }
            })
          )
        )
        const pieces = chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "")
        expect(pieces.join("")).toBe("one two three\n\nfour")
        expect(chunks[0]?.choices[0]?.delta.role).toBe("assistant")
        expect(chunks.map((chunk) => chunk.choices[0]?.finish_reason).filter((reason) => reason !== null)).toEqual([
          "stop",
          undefined
        ])
        expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { total_tokens: expect.any(Number) as number } })

        const helped = yield* call(() =>
          client.chat.completions.stream({ model: "demo", messages: [...user(two)] }).finalChatCompletion()
        )
        expect(helped.choices[0]?.message.content).toBe("one two three\n\nfour")

        const raw = yield* send(`${hosted.url}/v1/chat/completions`, {
          headers: { authorization: `Bearer ${hosted.token}` },
          body: JSON.stringify({ model: "demo", stream: true, messages: user("[[say hi]]") })
        })
        expect(raw.headers["content-type"]).toBe("text/event-stream; charset=utf-8")
        expect(raw.headers["x-millrace-turn"]).toMatch(/^trn_/)
        expect(raw.body.endsWith("data: [DONE]\n\n")).toBe(true)
      })
    )
  )

  it.live("D13 chat: text arrives while the turn runs", () =>
    run((hosted) =>
      Effect.gen(function* () {
        const chunks = yield* call(() =>
          clientOf(hosted).chat.completions.create({
            model: "demo",
            messages: [...user("[[say one]] [[run true]] [[say two]]")],
            stream: true
          })
        )
        const pieces: Array<string> = []
        const runtime = yield* Effect.runtime()
        // The turn cannot end before its first text has arrived: its request is answered only then.
        yield* call(async () => {
          for await (const chunk of chunks) {
            const piece = chunk.choices[0]?.delta.content ?? ""
            if (piece === "") continue
            pieces.push(piece)
            if (pieces.join("") === "one") await Runtime.runPromise(runtime)(accept(hosted))
          }
        })
        expect(pieces.join("")).toBe("one\n\ntwo")
      })
    )
  )

  it.live("D13 responses: a complete answer with messages, reasoning and tools, and one that continues it", () =>
    run((hosted) =>
      Effect.gen(function* () {
        const client = clientOf(hosted)
        const first = yield* call(() => client.responses.create({ model: "demo", input: two }))
        expect(first.status).toBe("completed")
        expect(first.output_text).toBe("one two threefour")
        expect(first.output.map(({ type }) => type)).toEqual(["message", "reasoning", "message"])
        expect(first.usage?.output_tokens).toBeGreaterThan(0)
        const second = yield* call(() =>
          client.responses.create({ model: "demo", input: "[[say again]]", previous_response_id: first.id }).withResponse()
        )
        expect(second.data.output_text).toBe("again")
        expect(second.data.previous_response_id).toBe(first.id)
        const turns = yield* hosted.host.turns(second.response.headers.get("x-millrace-thread") as ThreadId, {})
        expect(turns.items.map(({ text }) => text)).toEqual(["[[say again]]", two])
      })
    )
  )

  it.live("D13 responses: streamed events are numbered, and the client's accumulated response equals the last event", () =>
    run((hosted) =>
      Effect.gen(function* () {
        const client = clientOf(hosted)
        const events = yield* call(async () =>
          collect(await client.responses.create({ model: "demo", input: two, stream: true }))
        )
        expect(events.map(({ sequence_number }) => sequence_number)).toEqual(events.map((_, i) => i))
        expect(events.slice(0, 4).map(({ type }) => type)).toEqual([
          "response.created",
          "response.in_progress",
          "response.output_item.added",
          "response.content_part.added"
        ])
        const text = events.map((event) => (event.type === "response.output_text.delta" ? event.delta : "")).join("")
        expect(text).toBe("one two threefour")
        const last = events.at(-1)
        expect(last?.type).toBe("response.completed")

        const stream = client.responses.stream({ model: "demo", input: two })
        const done: Array<unknown> = []
        stream.on("event", (event) => {
          if (event.type === "response.output_item.done") done.push(event.item)
        })
        const final = yield* call(() => stream.finalResponse())
        expect(final.output_text).toBe("one two threefour")
        expect(final.output.map(({ id, type }) => ({ id, type }))).toEqual(
          done.map((item) => ({ id: (item as { id: string }).id, type: (item as { type: string }).type }))
        )
      })
    )
  )

  it.live("T13 an approval makes the turn wait for a person and is listed at /api/requests; the tool call is in the output", () =>
    run((hosted) =>
      Effect.gen(function* () {
        const client = clientOf(hosted)
        const [answer] = yield* Effect.all(
          [call(() => client.responses.create({ model: "demo", input: "[[run echo hello]] [[say done]]" })), accept(hosted)],
          { concurrency: 2 }
        )
        expect(answer.output).toMatchObject([
          { type: "millrace:command", command: "echo hello", output: "hello\n", exit_code: 0, status: "completed", error: null },
          { type: "message" }
        ])
      })
    )
  )

  it.live(
    "the prompt contains the conversation; a continued thread gets only new messages; the caller chooses the directory",
    () =>
      run((hosted) =>
        Effect.scoped(
          Effect.gen(function* () {
            const cwd = yield* temporaryDirectory
            const client = clientOf(hosted)
            const first = yield* call(() =>
              client.chat.completions
                .create(
                  {
                    model: "demo/any",
                    messages: [
                      { role: "system", content: "Be short." },
                      { role: "user", content: "Hi" },
                      { role: "assistant", content: "Hello." },
                      { role: "user", content: [{ type: "text", text: "[[say sure]]" }] }
                    ]
                  },
                  { headers: { "X-Millrace-Cwd": cwd } }
                )
                .withResponse()
            )
            const threadId = first.response.headers.get("x-millrace-thread") as ThreadId
            const thread = yield* hosted.host.thread(threadId)
            expect(thread).toMatchObject({ provider: "demo", model: "any", cwd, title: "[[say sure]]" })
            const continued = yield* call(() =>
              client.chat.completions
                .create(
                  {
                    model: "demo",
                    messages: [
                      { role: "system", content: "Be short." },
                      { role: "user", content: "Hi" },
                      { role: "assistant", content: "sure" },
                      { role: "user", content: "[[say more]]" }
                    ]
                  },
                  { headers: { "X-Millrace-Thread": threadId } }
                )
                .withResponse()
            )
            expect(continued.response.headers.get("x-millrace-thread")).toBe(threadId)
            const turns = yield* hosted.host.turns(threadId, {})
            expect(turns.items.map(({ text }) => text)).toEqual([
              "[[say more]]",
              "Instructions:\nBe short.\n\n---\n\nThe conversation so far:\n\nUser: Hi\n\nAssistant: Hello.\n\n---\n\n[[say sure]]"
            ])
          })
        )
      )
  )

  it.live("C2 the same Idempotency-Key is the same turn", () =>
    run((hosted) =>
      Effect.gen(function* () {
        const client = clientOf(hosted)
        const ask = (content: string) =>
          client.chat.completions.create(
            { model: "demo", messages: [...user(content)] },
            { headers: { "Idempotency-Key": "k1" } }
          )
        const first = yield* call(() => ask("[[say once]]"))
        const second = yield* call(() => ask("[[say once]]"))
        expect([second.id, second.choices]).toEqual([first.id, first.choices])
        const other = yield* refused(() => ask("[[say twice]]"))
        expect([other.status, other.code]).toEqual([409, "idempotency_conflict"])
      })
    )
  )

  it.live("errors have the shape and the status that clients expect", () =>
    run((hosted) =>
      Effect.gen(function* () {
        const client = clientOf(hosted)
        const unknown = yield* refused(() => client.chat.completions.create({ model: "gpt-9", messages: [...user("hi")] }))
        expect(unknown).toBeInstanceOf(NotFoundError)
        expect([unknown.status, unknown.type, unknown.code, unknown.param]).toEqual([
          404,
          "invalid_request_error",
          "model_not_found",
          "model"
        ])
        expect(unknown.message).toContain("demo")

        const empty = yield* refused(() => client.chat.completions.create({ model: "demo", messages: [] }))
        expect(empty).toBeInstanceOf(BadRequestError)
        expect([empty.status, empty.code, empty.param]).toEqual([400, "invalid_value", "messages[0]"])

        const image = yield* refused(() =>
          client.chat.completions.create({
            model: "demo",
            messages: [{ role: "user", content: [{ type: "image_url", image_url: { url: "data:," } }] }]
          })
        )
        expect([image.status, image.code, image.param]).toEqual([400, "unsupported_content", "messages[0].content[0]"])

        const key = yield* refused(() => clientOf(hosted, { apiKey: "wrong" }).models.list())
        expect(key).toBeInstanceOf(AuthenticationError)
        expect(key.code).toBe("invalid_api_key")

        const previous = yield* refused(() =>
          client.responses.create({ model: "demo", input: "hi", previous_response_id: "resp_none" })
        )
        expect([previous.status, previous.code]).toEqual([404, "previous_response_not_found"])

        const directory = yield* refused(() =>
          client.responses.create({ model: "demo", input: "hi" }, { headers: { "X-Millrace-Cwd": "/nowhere/at/all" } })
        )
        expect([directory.status, directory.code, directory.param]).toEqual([400, "directory_not_found", "X-Millrace-Cwd"])
        expect((yield* hosted.host.state).threads).toEqual([])

        const bearer = { authorization: `Bearer ${hosted.token}` }
        const nothing = yield* send(`${hosted.url}/v1/nothing`, { headers: bearer })
        expect([nothing.status, (JSON.parse(nothing.body) as { error: { code: string } }).error.code]).toEqual([404, "not_found"])
        const method = yield* send(`${hosted.url}/v1/responses`, { headers: bearer })
        expect([method.status, method.headers["allow"]]).toEqual([405, "OPTIONS, POST"])
        const broken = yield* send(`${hosted.url}/v1/responses`, { headers: bearer, body: "{" })
        expect([broken.status, (JSON.parse(broken.body) as { error: { type: string } }).error.type]).toEqual([
          400,
          "invalid_request_error"
        ])
      })
    )
  )

  it.live("X1 no token, a foreign Origin, another Host and a token in the query are rejected as under /api", () =>
    run((hosted) =>
      Effect.gen(function* () {
        const bearer = { authorization: `Bearer ${hosted.token}` }
        const body = JSON.stringify({ model: "demo", messages: user("hi") })
        for (const path of ["/v1/chat/completions", "/v1/responses"]) {
          const statuses = yield* Effect.forEach(
            [
              { url: path, headers: {} },
              { url: path, headers: { ...bearer, origin: "https://evil.example" } },
              { url: path, headers: { ...bearer, host: "evil.example" } },
              { url: `${path}?api_key=${hosted.token}`, headers: bearer }
            ],
            ({ headers, url }) => Effect.map(send(`${hosted.url}${url}`, { headers, body }), (answer) => ({ ...answer }))
          )
          expect(statuses.map(({ status }) => status)).toEqual([401, 403, 403, 401])
          for (const { body } of statuses) expect(JSON.parse(body)).toMatchObject({ error: { type: "invalid_request_error" } })
        }
        expect((yield* hosted.host.state).threads).toEqual([])
      })
    )
  )

  it.live("T11 a failed or interrupted turn is an error, streamed or not, and the client does not retry it", () =>
    run((hosted) =>
      Effect.gen(function* () {
        const client = clientOf(hosted, { maxRetries: 2 })
        const failed = yield* refused(() =>
          client.chat.completions.create({ model: "demo", messages: [...user("[[say so far]] [[fail no luck]]")] })
        )
        expect([failed.status, failed.type, failed.message]).toEqual([400, "turn_error", "400 no luck"])
        expect(failed.error).toMatchObject({ text: "so far" })
        const streamed = yield* refused(async () =>
          collect(await client.chat.completions.create({ model: "demo", messages: [...user("[[fail no luck]]")], stream: true }))
        )
        expect(streamed.message).toContain("no luck")
        const response = yield* refused(async () =>
          collect(await client.responses.create({ model: "demo", input: "[[say so far]] [[exit 3]]", stream: true }))
        )
        expect([response.type, response.code]).toEqual(["turn_error", "turn_failed_process"])
        expect((yield* hosted.host.state).threads).toHaveLength(3)

        const after = yield* cursor(hosted)
        const [interrupted] = yield* Effect.all(
          [
            refused(() => client.chat.completions.create({ model: "demo", messages: [...user("[[say a]] [[sleep 60000]]")] })),
            Effect.gen(function* () {
              const threadId = yield* running(hosted, after)
              yield* hosted.host.dispatch(yield* Client.command("turn.interrupt", { threadId }))
            })
          ],
          { concurrency: 2 }
        )
        expect([interrupted.status, interrupted.code]).toEqual([400, "turn_interrupted"])
      })
    )
  )

  it.live("D11 a hang-up does not cancel, streamed or not", () =>
    run((hosted) =>
      Effect.gen(function* () {
        const client = clientOf(hosted)
        const body = { model: "demo", messages: [...user("[[say a]] [[sleep 300]] [[say b]]")] }
        for (const stream of [true, false]) {
          const before = yield* cursor(hosted)
          const begun = yield* Effect.fork(
            call(async (signal) => {
              const answer = await client.chat.completions.create({ ...body, stream }, { signal })
              if (Symbol.asyncIterator in answer) await collect(answer)
            })
          )
          const threadId = yield* running(hosted, before)
          yield* Fiber.interrupt(begun)
          yield* ended(hosted, threadId, before)
          const [turn] = (yield* hosted.host.turns(threadId, {})).items
          expect(turn?.status).toBe("completed")
        }
      })
    )
  )

  it.live("D11 a hang-up interrupts if the caller requested it, streamed or not", () =>
    run((hosted) =>
      Effect.gen(function* () {
        for (const stream of [true, false]) {
          const before = yield* cursor(hosted)
          const begun = yield* Effect.fork(
            call(async (signal) => {
              const answer = await clientOf(hosted).responses.create(
                { model: "demo", input: "[[say a]] [[sleep 60000]]", stream },
                { signal, headers: { "X-Millrace-On-Disconnect": "interrupt" } }
              )
              if (Symbol.asyncIterator in answer) await collect(answer)
            })
          )
          const threadId = yield* running(hosted, before)
          yield* Fiber.interrupt(begun)
          yield* ended(hosted, threadId, before)
          const [turn] = (yield* hosted.host.turns(threadId, {})).items
          expect(turn?.status).toBe("interrupted")
        }
      })
    )
  )

  it.live("S9 a server that shuts down ends a call with an error, never as if it were complete", () =>
    run((hosted) =>
      Effect.gen(function* () {
        const before = yield* cursor(hosted)
        const begun = yield* Effect.fork(
          send(`${hosted.url}/v1/chat/completions`, {
            headers: { authorization: `Bearer ${hosted.token}` },
            body: JSON.stringify({ model: "demo", stream: true, messages: user("[[say a]] [[sleep 60000]]") })
          })
        )
        yield* running(hosted, before)
        expect(yield* hosted.server.drain("5 seconds")).toMatchObject({ cut: 0 })
        const { body } = yield* Fiber.join(begun)
        expect(body).toContain('"content":"a"')
        expect(body).toContain('"code":"stream_cut"')
        expect(body).not.toContain("[DONE]")
      })
    )
  )

  it.live("D13 S1 a host that shuts down ends the turn first: the caller gets its real outcome", () =>
    run((hosted) =>
      Effect.gen(function* () {
        const before = yield* cursor(hosted)
        const begun = yield* Effect.fork(
          refused(() =>
            clientOf(hosted, { maxRetries: 2 }).chat.completions.create({
              model: "demo",
              messages: [...user("[[say a]] [[sleep 60000]]")]
            })
          )
        )
        yield* running(hosted, before)
        const token = yield* hosted.host.beginShutdown({ deadline: "10 seconds", mode: "now" })
        const late = yield* refused(() => clientOf(hosted).responses.create({ model: "demo", input: "hi" }))
        expect([late.status, late.headers?.get("retry-after"), late.headers?.get("x-should-retry")]).toEqual([503, "2", "true"])
        yield* hosted.host.finishShutdown(token)
        expect(yield* hosted.server.drain("5 seconds")).toMatchObject({ cut: 0 })
        const error = yield* Fiber.join(begun)
        expect([error.status, error.code]).toEqual([400, "turn_interrupted"])
        expect(error.error).toMatchObject({ text: "a" })
      })
    )
  )

  it.live("D13 C2 after a restart the same Idempotency-Key gives the outcome of the turn that the old server left", () =>
    Effect.gen(function* () {
      const dataDir = yield* temporaryDirectory
      const ask = (hosted: Hosted.Hosted) =>
        refused(() =>
          clientOf(hosted).responses.create(
            { model: "demo", input: "[[say a]] [[sleep 60000]]" },
            { headers: { "Idempotency-Key": "k1" } }
          )
        )
      yield* Effect.scoped(
        Effect.gen(function* () {
          const hosted = yield* Hosted.start({ dataDir })
          const before = yield* cursor(hosted)
          const begun = yield* Effect.fork(ask(hosted))
          yield* running(hosted, before)
          yield* Fiber.interrupt(begun)
        })
      )
      const hosted = yield* Hosted.start({ dataDir })
      const error = yield* ask(hosted)
      expect([error.status, error.code]).toEqual([400, "turn_interrupted"])
      expect((yield* hosted.host.state).threads).toHaveLength(1)
    }).pipe(Effect.scoped, fair)
  )

  it.live("D13 text that retention removed before delivery is delivered at the end, from state", () =>
    run((hosted) =>
      Effect.gen(function* () {
        const before = yield* cursor(hosted)
        const ask = () =>
          clientOf(hosted).chat.completions.create(
            { model: "demo", stream: true, messages: [...user("[[say one two]] [[sleep 500]] [[say three]]")] },
            { headers: { "Idempotency-Key": "k1" } }
          )
        const read = Effect.map(
          call(async () => collect(await ask())),
          (chunks) => chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join("")
        )
        const early = yield* Effect.fork(read)
        yield* running(hosted, before)
        yield* Effect.flatMap(hosted.log.head, hosted.log.trim)
        const middle = yield* Effect.fork(read)
        expect([yield* Fiber.join(early), yield* Fiber.join(middle)]).toEqual(["one two\n\nthree", "one two\n\nthree"])
        yield* Effect.flatMap(hosted.log.head, hosted.log.trim)
        expect(yield* read).toBe("one two\n\nthree")
        expect((yield* hosted.host.state).threads).toHaveLength(1)
      })
    )
  )

  it.live("X3 revoking the token ends its live calls, and their turns continue", () =>
    run((hosted) =>
      Effect.gen(function* () {
        const before = yield* cursor(hosted)
        const begun = yield* Effect.fork(
          refused(async () =>
            collect(
              await clientOf(hosted).chat.completions.create({
                model: "demo",
                stream: true,
                messages: [...user("[[say a]] [[run true]] [[say b]]")]
              })
            )
          )
        )
        const threadId = yield* running(hosted, before)
        const [token] = yield* Tokens.list(hosted.dataDir)
        yield* Tokens.revoke(hosted.dataDir, token?.id ?? "")
        expect((yield* Fiber.join(begun)).message).toContain("revoked")
        // The turn has waited for this answer, so it outlived the call.
        yield* event(hosted, before, ({ type }) => type === "request.opened")
        const [request] = yield* hosted.host.requests
        const { requestId } = request!
        yield* hosted.host.dispatch(yield* Client.command("request.answer", { requestId, decision: "accept" }))
        yield* ended(hosted, threadId, before)
        expect((yield* hosted.host.turns(threadId, {})).items[0]?.status).toBe("completed")
      })
    )
  )

  it.live("the examples of docs/openai.md work as described", () =>
    run((hosted) =>
      Effect.gen(function* () {
        const text = readFileSync(new URL("../../../../docs/openai.md", import.meta.url), "utf8")
        const [, script = ""] = Array.from(text.matchAll(/```sh\n([\s\S]*?)```/g), ([, block]) => block)
        const shell = promisify(execFile)
        const { stdout } = yield* call(() =>
          shell("sh", ["-ec", script], {
            cwd: hosted.dataDir,
            env: { ...process.env, MILLRACE: hosted.url, TOKEN: hosted.token, PWD: hosted.dataDir }
          })
        )
        expect(stdout).toContain('{"object":"list","data":[{"id":"demo"')
        expect(stdout).toContain('"message":{"role":"assistant","content":"hello"')
        expect(stdout).toContain("event: response.completed")
        const { threads } = yield* hosted.host.state
        expect(threads.map(({ cwd }) => cwd)).toEqual([hosted.dataDir, join(hosted.dataDir, "scratch")])
      })
    )
  )

  it.live("models: lists the installed agents, and finds each by its name", () =>
    run((hosted) =>
      Effect.gen(function* () {
        const client = clientOf(hosted)
        const ids = (yield* call(() => client.models.list())).data.map(({ id }) => id)
        expect(ids).toEqual(["demo", "demo/demo-large", "demo/demo-small"])
        expect((yield* call(() => client.models.retrieve("demo"))).owned_by).toBe("millrace")
        expect((yield* refused(() => client.models.retrieve("gpt-9"))).status).toBe(404)
      })
    )
  )
})
