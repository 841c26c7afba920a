/** The official SDK's client against the server. */
import { Client } from "@modelcontextprotocol/sdk/client/index.js"
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js"
import { ResourceUpdatedNotificationSchema } from "@modelcontextprotocol/sdk/types.js"
import { expect, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Runtime, Schedule } from "effect"
import { send } from "../../test/support/Fixture.ts"
import * as Hosted from "../../test/support/Hosted.ts"
import * as Tokens from "../auth/Tokens.ts"

const names = [
  "thread_list",
  "thread_create",
  "turn_send",
  "turn_wait",
  "thread_read",
  "search",
  "turn_interrupt",
  "thread_fork",
  "request_answer",
  "thread_diff"
]

/** The fields of results that later calls need. */
interface Result {
  readonly threadId: string
  readonly turnId: string
  readonly before?: number
  readonly items: ReadonlyArray<unknown>
  readonly requests: ReadonlyArray<{ readonly requestId: string }>
}

const connect = (url: string, token: string) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const client = new Client({ name: "test", version: "1" })
      const transport = new StreamableHTTPClientTransport(new URL(`${url}/mcp`), {
        requestInit: { headers: { authorization: `Bearer ${token}` } }
      })
      await client.connect(transport)
      const call = (name: string, given: object = {}) =>
        Effect.promise(async () => {
          const { content, isError } = await client.callTool({ name, arguments: { ...given } })
          const [part] = content as ReadonlyArray<{ readonly text: string }>
          return { isError: isError === true, ...(JSON.parse(part?.text ?? "{}") as Result) }
        })
      return { call, client, transport }
    }),
    ({ client }) => Effect.promise(() => client.close())
  )

it.scopedLive("M1 an agent lists, creates, waits, reads, searches, forks, answers and interrupts, by the SDK's client", () =>
  Effect.gen(function* () {
    const { dataDir, token, url } = yield* Hosted.start()
    const { call, client } = yield* connect(url, token)
    const { tools } = yield* Effect.promise(() => client.listTools())
    expect(tools.map(({ name }) => name)).toEqual(names)
    for (const { inputSchema, name } of tools)
      expect([name, JSON.stringify(inputSchema)]).toEqual([name, expect.not.stringContaining("$ref")])

    const created = yield* call("thread_create", { provider: "demo", cwd: dataDir, turn: { text: "[[say the heron flies]]" } })
    expect(created).toMatchObject({ isError: false, threadId: expect.any(String), next: expect.stringContaining("turn_wait") })
    const { threadId, turnId } = created
    expect(yield* call("turn_wait", { turnId, wait: 50 })).toMatchObject({
      ended: true,
      turn: { status: "completed" },
      answer: expect.stringContaining("the heron flies")
    })
    const read = yield* call("thread_read", { threadId, limit: 1 })
    expect(read).toMatchObject({ thread: { threadId, status: "idle" }, before: expect.any(Number) })
    expect(read.items).toHaveLength(1)
    expect((yield* call("thread_read", { threadId, before: read.before })).items.length).toBeGreaterThan(0)
    expect(yield* call("thread_list", { search: "heron" })).toMatchObject({ threads: [{ threadId }] })
    expect(yield* call("search", { q: "heron" })).toMatchObject({ isError: false, hits: expect.any(Array) })
    expect(yield* call("thread_fork", { threadId })).toMatchObject({
      isError: false,
      threadId: expect.not.stringMatching(threadId)
    })

    const asked = yield* call("turn_send", { threadId, text: "[[run echo hi]] [[say done]]" })
    const waiting = yield* call("turn_wait", { turnId: asked.turnId, wait: 50 })
    expect(waiting).toMatchObject({ ended: false, turn: { status: "waiting" }, requests: [{ ask: { kind: "approval" } }] })
    const requestId = waiting.requests[0]?.requestId
    expect(yield* call("request_answer", { requestId, decision: "accept" })).toMatchObject({
      isError: false,
      outcome: "answered"
    })
    expect(yield* call("turn_wait", { turnId: asked.turnId, wait: 50 })).toMatchObject({
      ended: true,
      turn: { status: "completed" }
    })

    const long = yield* call("turn_send", { threadId, text: "[[sleep 60000]]" })
    expect(yield* call("turn_wait", { turnId: long.turnId, wait: 0 })).toMatchObject({
      ended: false,
      next: expect.stringContaining("Call turn_wait again")
    })
    expect(yield* call("turn_interrupt", { threadId })).toMatchObject({ isError: false })
    expect(yield* call("turn_wait", { turnId: long.turnId, wait: 50 })).toMatchObject({
      ended: true,
      turn: { status: "interrupted" }
    })

    for (const [name, given, error] of [
      ["thread_create", { provider: "none", cwd: dataDir }, { _tag: "CommandRejected", rule: "ProviderUnknown" }],
      ["thread_create", { provider: "demo", mode: "x" }, { _tag: "BadRequest", path: "mode" }],
      ["turn_wait", { turnId: "trn_none" }, { _tag: "NotFound" }],
      ["turn_wait", { turnId, wait: 51 }, { _tag: "BadRequest", path: "wait" }],
      ["thread_read", { threadId: "nonsense" }, { _tag: "BadRequest", path: "threadId" }],
      ["thread_diff", { threadId }, { _tag: "CommandRejected", rule: "NoCheckpoint" }]
    ] as const)
      expect([name, yield* call(name, given)]).toEqual([name, { isError: true, error: expect.objectContaining(error) }])
  })
)

it.scopedLive("M1 threads are resources; a subscriber is notified of new events", () =>
  Effect.gen(function* () {
    const { dataDir, token, url } = yield* Hosted.start()
    const { call, client } = yield* connect(url, token)
    const { threadId } = yield* call("thread_create", { provider: "demo", cwd: dataDir })
    const uri = `millrace://threads/${threadId}`
    const updated = yield* Deferred.make<string>()
    const runtime = yield* Effect.runtime()
    client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) =>
      Runtime.runSync(runtime)(Effect.asVoid(Deferred.succeed(updated, params.uri)))
    )
    expect(yield* Effect.promise(() => client.listResources())).toMatchObject({ resources: [{ uri, name: threadId }] })
    yield* Effect.promise(() => client.subscribeResource({ uri }))
    yield* call("turn_send", { threadId, text: "[[say news]]" })
    expect(yield* Deferred.await(updated)).toBe(uri)
    const { contents } = yield* Effect.promise(() => client.readResource({ uri }))
    expect(contents).toMatchObject([{ uri, text: expect.stringContaining(threadId) }])
    yield* Effect.promise(() => client.unsubscribeResource({ uri }))
    for (const wrong of ["millrace://threads/thr_none", "file:///etc/passwd"])
      expect(yield* Effect.promise(() => client.subscribeResource({ uri: wrong }).catch(String))).toContain("MCP error")
  })
)

const initialize = {
  jsonrpc: "2.0",
  id: 1,
  method: "initialize",
  params: { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "t", version: "1" } }
}

it.scopedLive("X1 X3 X9 a session belongs to its token, does what its scope permits, and ends with it", () =>
  Effect.gen(function* () {
    const { dataDir, token, url } = yield* Hosted.start()
    const reader = yield* Tokens.create(dataDir, { name: "reader", scope: "read" })
    const post = (headers: Record<string, string>, body: object, method = "POST") =>
      send(`${url}/mcp`, {
        method,
        headers: { accept: "application/json, text/event-stream", "content-type": "application/json", ...headers },
        ...(method === "POST" && { body: JSON.stringify(body) })
      })
    const bearer = (secret: string) => ({ authorization: `Bearer ${secret}` })
    expect((yield* post({}, initialize)).status).toBe(401)
    expect((yield* post({ ...bearer(token), origin: "http://evil.example" }, initialize)).status).toBe(403)
    expect((yield* post(bearer(token), { jsonrpc: "2.0", id: 1, method: "tools/list" })).status).toBe(400)
    const begun = yield* post(bearer(token), initialize)
    expect(begun.status).toBe(200)
    const session = { "mcp-session-id": String(begun.headers["mcp-session-id"]) }
    const list = { jsonrpc: "2.0", id: 2, method: "tools/list" }
    expect((yield* post({ ...bearer(token), ...session }, list)).status).toBe(200)
    expect((yield* post({ ...bearer(reader.token), ...session }, list)).status).toBe(404)
    expect((yield* post({ ...bearer(token), ...session }, {}, "DELETE")).status).toBe(200)
    expect((yield* post({ ...bearer(token), ...session }, list)).status).toBe(404)

    const read = yield* connect(url, reader.token)
    expect(yield* read.call("thread_list")).toMatchObject({ isError: false, threads: [] })
    expect(yield* read.call("thread_create", { provider: "demo", cwd: dataDir })).toMatchObject({
      isError: true,
      error: { _tag: "Forbidden", scope: "operate" }
    })
    const id = String(read.transport.sessionId)
    const notifications = yield* Effect.fork(post({ ...bearer(reader.token), "mcp-session-id": id }, {}, "GET"))
    yield* Tokens.revoke(dataDir, reader.record.id)
    // The SDK's client has the stream of notifications, so this second one is refused or ends with the token.
    expect([200, 401, 404, 409]).toContain((yield* Fiber.join(notifications)).status)
    expect((yield* post({ ...bearer(reader.token), "mcp-session-id": id }, list)).status).toBe(401)
  })
)

it.scopedLive("S2 S9 a drain answers the waiting call, then ends the session", () =>
  Effect.gen(function* () {
    const { dataDir, server, token, url } = yield* Hosted.start()
    const { call } = yield* connect(url, token)
    const { turnId } = yield* call("thread_create", { provider: "demo", cwd: dataDir, turn: { text: "[[run echo hi]]" } })
    expect(yield* call("turn_wait", { turnId, wait: 50 })).toMatchObject({ ended: false, turn: { status: "waiting" } })
    const waiting = yield* Effect.fork(call("turn_wait", { turnId, wait: 50 }))
    const longPolls = Effect.map(server.samples({ named: true }), (samples) =>
      samples
        .filter(({ name }) => name === "millrace_followers")
        .flatMap(({ values }) => values.map(({ labels, value }) => (labels?.["transport"] === "long-poll" ? Number(value) : 0)))
        .reduce((sum, value) => sum + value, 0)
    )
    yield* Effect.repeat(longPolls, { until: (open) => open > 0, schedule: Schedule.spaced("20 millis") })
    const { cut } = yield* server.drain("20 seconds")
    expect(cut).toBe(0)
    expect(yield* Fiber.join(waiting)).toMatchObject({ ended: false, turn: { status: "waiting" } })
  })
)
