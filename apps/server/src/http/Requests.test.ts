import { connect } from "node:net"
import { expect, it } from "@effect/vitest"
import { Deferred, Effect } from "effect"
import type { Command } from "@millrace/contracts/Command"
import { CommandIdConflict, CommandRejected, Overloaded, ShuttingDown, StorageUnavailable } from "@millrace/contracts/Errors"
import { event, send, start } from "../../test/support/Fixture.ts"

const parsed = (answer: { readonly status: number; readonly body: string }) => [answer.status, JSON.parse(answer.body) as unknown]
const turn = { body: JSON.stringify({ model: "demo", messages: [{ role: "user", content: "hi" }] }) }
const post = (body: unknown) => ({ body: typeof body === "string" ? body : JSON.stringify(body) })

it.scopedLive("C1 invalid commands are answered with what is wrong, and the server stays up", () =>
  Effect.gen(function* () {
    const { call } = yield* start()
    const cases: ReadonlyArray<readonly [string, unknown, object]> = [
      ["malformed JSON", "{nope", { message: expect.stringContaining("not JSON") }],
      ["no type", {}, { path: "type", message: expect.stringContaining("turn.start") }],
      [
        "unknown type",
        { commandId: "c", type: "turn.begin" },
        { path: "type", message: expect.stringMatching(/turn\.begin.*turn\.start/) }
      ],
      ["a prototype's name", { commandId: "c", type: "toString" }, { path: "type" }],
      ["an array", [], { path: "type" }],
      ["null", "null", { path: "type" }],
      [
        "a list too deep to be told of",
        `{"type":${"[".repeat(20_000)}${"]".repeat(20_000)}}`,
        { message: expect.stringContaining("too deep") }
      ],
      ["no command id", { type: "thread.create", provider: "demo" }, { path: "commandId" }],
      ["wrong type of a field", { commandId: "c", type: "thread.create", provider: 5 }, { path: "provider" }],
      [
        "wrong type of an inner field",
        { commandId: "c", type: "thread.create", provider: "demo", turn: { text: [] } },
        { path: "turn.text" }
      ],
      ["an id of another kind", { commandId: "c", type: "turn.start", threadId: "prj_1", text: "x" }, { path: "threadId" }],
      [
        "a word that is none of a few",
        { commandId: "c", type: "turn.start", threadId: "thr_1", text: "x", strategy: "yolo" },
        { path: "strategy", message: 'body: strategy: expected one of enqueue, steer, interrupt, reject, got "yolo"' }
      ],
      ["a name without end", { commandId: "c", type: "thread.create", provider: "p".repeat(900_000) }, { path: "provider" }],
      ["a path without end", { commandId: "c", type: "project.create", cwd: `/${"p".repeat(900_000)}` }, { path: "cwd" }],
      [
        "a title without end",
        { commandId: "c", type: "thread.create", provider: "demo", title: "t".repeat(900_000) },
        { path: "title" }
      ],
      // An empty text may have attachments: the engine decides (`PromptEmpty`).
      ["a text too long", { commandId: "c", type: "turn.start", threadId: "thr_1", text: "t".repeat(131_073) }, { path: "text" }]
    ]
    for (const [name, body, error] of cases) {
      const response = yield* call("/api/commands", post(body))
      expect(response.body.length, "a refusal does not send back what it refused (X5)").toBeLessThan(1000)
      const [status, answer] = parsed(response)
      expect([name, status, answer]).toMatchObject([name, 400, { _tag: "BadRequest", message: expect.any(String), ...error }])
    }
    expect((yield* call("/api/state")).status).toBe(200)
  })
)

it.scopedLive("X5 a body over 1 MiB is rejected without reading all of it", () =>
  Effect.gen(function* () {
    const { url, token, call } = yield* start()
    const big = yield* call("/api/commands", { body: Buffer.alloc(1024 * 1024 + 1, 32) })
    expect(parsed(big)).toMatchObject([413, { _tag: "PayloadTooLarge", limitBytes: 1048576 }])
    // An endless body: the response arrives while the body is sent, and the connection ends.
    const [sent, answer] = yield* Effect.async<readonly [number, string], Error>((resume) => {
      let bytes = 0
      const answer: Array<string> = []
      const chunk = `${(64 * 1024).toString(16)}\r\n${"x".repeat(64 * 1024)}\r\n`
      const { port, hostname, host } = new URL(url)
      const socket = connect(Number(port), hostname, () => {
        socket.write(
          `POST /api/commands HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${token}\r\nTransfer-Encoding: chunked\r\n\r\n`
        )
        more()
      })
      const more = () => {
        if (socket.destroyed || answer.length > 0) return
        bytes += chunk.length
        if (socket.write(chunk)) setImmediate(more)
        else socket.once("drain", more)
      }
      socket.on("data", (data) => answer.push(data.toString()))
      socket.on("error", () => {})
      socket.on("close", () => resume(Effect.succeed([bytes, answer.join("")] as const)))
    })
    expect(answer).toMatch(/^HTTP\/1\.1 413 /)
    expect(sent).toBeLessThan(64 * 1024 * 1024)
    expect((yield* call("/api/state")).status).toBe(200)
  })
)

it.scopedLive("C1 each rejection has a status, advice, and Retry-After where waiting helps", () =>
  Effect.gen(function* () {
    const { call, fake } = yield* start()
    const body = post({ commandId: "c1", type: "thread.create", provider: "demo" })
    const message = "m"
    const cases = [
      [new CommandIdConflict({ message, commandId: "c1" }), 409, undefined],
      [new CommandRejected({ message, rule: "ThreadNotFound", id: "thr_x" }), 422, undefined],
      [new Overloaded({ message, retryAfterMillis: 250 }), 429, "1"],
      [new ShuttingDown({ message, retryAfterMillis: 2000 }), 503, "2"],
      [new StorageUnavailable({ message, retryAfterMillis: 1001 }), 503, "2"]
    ] as const
    for (const [error, status, retryAfter] of cases) {
      fake.dispatch = () => Effect.fail(error)
      const answer = yield* call("/api/commands", body)
      expect(parsed(answer)).toMatchObject([status, { _tag: error._tag, message }])
      expect(answer.headers["retry-after"]).toBe(retryAfter)
    }
    fake.dispatch = () => Effect.dieMessage("broken")
    const again = expect.stringMatching(/ You may send the request again\.$/)
    expect(parsed(yield* call("/api/commands", body))).toMatchObject([500, { _tag: "InternalError", message: again }])
    const unknown = expect.stringMatching(/ A turn may have started: read \/api\/threads before /)
    const chat = yield* call("/v1/chat/completions", turn)
    expect(parsed(chat)).toMatchObject([500, { error: { code: "internal_error", message: unknown } }])
    expect(chat.headers["x-should-retry"]).toBe("false")
  })
)

it.scopedLive("C2 a /v1 call is rejected while the server cannot read whether it was accepted before", () =>
  Effect.gen(function* () {
    const { call, fake } = yield* start()
    fake.commandStatus = () => Effect.fail(new StorageUnavailable({ message: "m", retryAfterMillis: 1000 }))
    fake.dispatch = () => Effect.dieMessage("a command was sent")
    const answer = yield* call("/v1/chat/completions", { ...turn, headers: { "idempotency-key": "k1" } })
    expect(parsed(answer)).toMatchObject([503, { error: { code: "service_unavailable" } }])
    expect(answer.headers["x-should-retry"]).toBe("true")
  })
)

it.scopedLive(
  "C2 the resource routes make the same commands; Idempotency-Key is the command id, the token's name the actor",
  () =>
    Effect.gen(function* () {
      const { call, fake } = yield* start()
      const seen: Array<Command & { readonly actor?: string | undefined }> = []
      const accept = fake.dispatch
      fake.dispatch = (command, actor) => {
        seen.push({ ...command, actor })
        return Effect.map(accept(command, actor), (accepted) => ({ ...accepted, replayed: true as const }))
      }
      const key = { headers: { "idempotency-key": "key-1" } }
      const answer = yield* call("/api/threads", { ...key, ...post({ provider: "demo", turn: { text: "hi" } }) })
      expect(parsed(answer)).toMatchObject([200, { status: "accepted", replayed: true, commandId: "key-1" }])
      yield* call("/api/threads/thr_1/turns", post({ text: "go", strategy: "steer" }))
      yield* call("/api/threads/thr_1/interrupt", { method: "POST" })
      yield* call("/api/requests/req_1/answer", post({ decision: "accept" }))
      expect(seen).toMatchObject([
        { type: "thread.create", commandId: "key-1", provider: "demo", turn: { text: "hi" }, actor: "test" },
        { type: "turn.start", threadId: "thr_1", text: "go", strategy: "steer", commandId: expect.stringMatching(/^cmd_/) },
        { type: "turn.interrupt", threadId: "thr_1" },
        { type: "request.answer", requestId: "req_1", decision: "accept" }
      ])
      const bad = yield* call("/api/threads", { headers: { "idempotency-key": "with space" }, ...post({ provider: "demo" }) })
      expect(parsed(bad)).toMatchObject([400, { path: "idempotency-key" }])
    })
)

it.scopedLive("D11 a client that disconnects does not cancel its command", () =>
  Effect.gen(function* () {
    const { url, token, fake } = yield* start()
    const begun = yield* Deferred.make<void>()
    const go = yield* Deferred.make<void>()
    const done = yield* Deferred.make<string>()
    const accept = fake.dispatch
    fake.dispatch = (command, actor) =>
      Deferred.succeed(begun, undefined).pipe(
        Effect.zipRight(Deferred.await(go)),
        Effect.zipRight(accept(command, actor)),
        Effect.onExit((exit) => Deferred.succeed(done, exit._tag))
      )
    const { port, hostname, host } = new URL(url)
    const body = JSON.stringify({ commandId: "c", type: "thread.create", provider: "demo" })
    const socket = connect(Number(port), hostname, () =>
      socket.write(
        `POST /api/commands HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${token}\r\nContent-Length: ${body.length}\r\n\r\n${body}`
      )
    )
    yield* Deferred.await(begun)
    yield* Effect.async<void>((resume) => {
      socket.on("close", () => resume(Effect.void))
      socket.destroy()
    })
    // When the server answers the next request, it has noticed the end of the connection.
    yield* send(`${url}/health`)
    yield* Deferred.succeed(go, undefined)
    expect(yield* Deferred.await(done)).toBe("Success")
  })
)

it.scopedLive("X5 unknown routes, methods, ids and parameters are answered in JSON", () =>
  Effect.gen(function* () {
    const { call } = yield* start()
    const cases: ReadonlyArray<readonly [string, string, number, object]> = [
      ["GET", "/nothing", 404, { _tag: "NotFound" }],
      ["GET", "/api/nothing", 404, { _tag: "NotFound" }],
      ["GET", "/%ff%fe", 404, { _tag: "NotFound" }],
      ["GET", "/api/threads/%zz", 404, { _tag: "NotFound" }],
      ["DELETE", "/api/threads", 405, { _tag: "MethodNotAllowed" }],
      ["PUT", "/api/events", 405, { _tag: "MethodNotAllowed" }],
      ["POST", "/", 405, { _tag: "MethodNotAllowed" }],
      ["GET", "/api/threads/thr_unknown", 404, { _tag: "NotFound", what: "thread", id: "thr_unknown" }],
      ["GET", "/api/threads/not-an-id", 404, { _tag: "NotFound" }],
      ["GET", "/api/threads/thr_unknown/items", 404, { _tag: "NotFound" }],
      ["GET", "/api/commands/unknown", 404, { _tag: "NotFound" }],
      ["GET", "/api/threads?limit=x", 400, { _tag: "BadRequest", path: "limit" }],
      ["GET", "/api/threads?limit=0", 400, { _tag: "BadRequest", path: "limit" }],
      ["GET", "/api/threads?before=1.5", 400, { _tag: "BadRequest", path: "before" }],
      ["GET", "/api/threads?archived=maybe", 400, { _tag: "BadRequest", path: "archived" }]
    ]
    for (const [method, path, status, error] of cases) {
      const answer = yield* call(path, { method })
      expect([method, path, ...parsed(answer)]).toMatchObject([method, path, status, { message: expect.any(String), ...error }])
    }
    const options = yield* call("/api/threads", { method: "OPTIONS" })
    expect([options.status, options.headers["allow"]]).toEqual([204, "GET, HEAD, OPTIONS, POST"])
    const head = yield* call("/api/events?since=0", { method: "HEAD" })
    expect([head.status, head.body, head.headers["x-millrace-last-idx"]]).toEqual([200, "", "0"])
    const sse = yield* call("/api/events", { method: "HEAD", headers: { accept: "text/event-stream" } })
    expect([sse.status, sse.headers["content-type"]]).toEqual([200, "text/event-stream; charset=utf-8"])
  })
)

it.scopedLive("D4 the snapshot names its position, and 304 means no event since", () =>
  Effect.gen(function* () {
    const { call, append, log } = yield* start()
    yield* append(event(1))
    const first = yield* call("/api/state")
    expect([first.headers["x-millrace-last-idx"], first.headers["etag"]]).toEqual(["1", `"${log.epoch}-1"`])
    const again = { headers: { "if-none-match": String(first.headers["etag"]) } }
    expect(yield* call("/api/state", again)).toMatchObject({ status: 304, body: "" })
    yield* append(event(2))
    expect(yield* call("/api/state", again)).toMatchObject({ status: 200 })
  })
)

it.scopedLive("X1 on loopback the API documents need no token and load no external resources", () =>
  Effect.gen(function* () {
    const { url } = yield* start()
    const spec = JSON.parse((yield* send(`${url}/openapi.json`)).body) as { paths: Record<string, unknown> }
    expect(Object.keys(spec.paths)).toContain("/api/threads/{id}/turns")
    for (const path of ["/", "/docs", "/app.css"]) {
      const page = yield* send(`${url}${path}`)
      expect([path, page.status]).toEqual([path, 200])
      // The address of a pull request, in the example of an event.
      expect(page.body.replaceAll("https://github.com/example/", "")).not.toMatch(/https?:\/\//)
    }
    expect((yield* send(`${url}/`)).headers["content-security-policy"]).toContain("default-src 'none'")
    const metrics = yield* send(`${url}/metrics`)
    expect(metrics.body).toMatch(/^millrace_log_head 0$/m)
    expect(metrics.body).toMatch(/^process_resident_memory_bytes \d+$/m)
  })
)
