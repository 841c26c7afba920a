/** The limits of one token through a real server: the response of each interface, and how our client handles it. */
import { expect, it } from "@effect/vitest"
import { Chunk, Deferred, Effect, Fiber, Stream } from "effect"
import * as Follow from "@millrace/client/Follow"
import * as HttpTransport from "@millrace/client/HttpTransport"
import * as NodeWebSocket from "@millrace/client/NodeWebSocket"
import * as RpcTransport from "@millrace/client/RpcTransport"
import { format } from "@millrace/contracts/Cursor"
import type { Frame } from "@millrace/contracts/Frame"
import { CommandId } from "@millrace/contracts/Ids"
import * as Tokens from "../auth/Tokens.ts"
import { event, type Fixture, send, start } from "../../test/support/Fixture.ts"

const command = (n: number) => ({ commandId: CommandId.make(`c${n}`), type: "thread.create", provider: "demo" }) as const

const rpcOf = ({ url }: Fixture, token: string) =>
  RpcTransport.make({ url: `${url.replace("http", "ws")}/rpc`, webSocket: NodeWebSocket.open(token) })
const httpOf = ({ url }: Fixture, token: string) => HttpTransport.make({ url, token })

const refusedOf = (fixture: Fixture) =>
  Effect.map(fixture.server.samples({ named: false }), (samples) =>
    Object.fromEntries(
      samples
        .filter(({ name }) => name === "millrace_limited_total")
        .flatMap(({ values }) => values.map(({ labels, value }) => [labels?.["kind"], value]))
    )
  )

/** One request, then none for 1,000 seconds, so that no test depends on how long requests take. */
const slow = { requestsPerSecond: 0.001, streamsPerToken: 0 }

it.scopedLive(
  "R7 a token over its request limit gets 429 with Retry-After from /api, /v1 and /metrics, each in its own format",
  () =>
    Effect.gen(function* () {
      const fixture = yield* start({ allowance: slow })
      const chat = JSON.stringify({ model: "demo", messages: [{ role: "user", content: "hello" }] })
      const cases = [
        { path: "/api/state", error: { _tag: "Overloaded" } },
        { path: "/metrics", error: { _tag: "Overloaded" } },
        { path: "/v1/models", error: { error: { type: "rate_limit_error", code: "rate_limit_exceeded", param: null } } },
        { path: "/v1/chat/completions", body: chat, error: { error: { type: "rate_limit_error", code: "rate_limit_exceeded" } } },
        { path: "/v1/responses", body: "{}", error: { error: { type: "rate_limit_error", code: "rate_limit_exceeded" } } }
      ]
      for (const { body, error, path } of cases) {
        const { token } = yield* Tokens.create(fixture.dataDir, { name: path })
        const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" }
        // The first request uses the token's limit.
        expect([path, (yield* send(`${fixture.url}/api/threads`, { headers })).status]).toEqual([path, 200])
        const answer = yield* send(`${fixture.url}${path}`, { headers, ...(body === undefined ? {} : { body }) })
        expect([path, answer.status]).toEqual([path, 429])
        expect(Number(answer.headers["retry-after"])).toBeGreaterThan(900)
        expect(JSON.parse(answer.body)).toMatchObject(error)
        if (path.startsWith("/v1/")) expect(answer.headers["x-should-retry"]).toBe("true")
      }
      // Requests without a token, where none is needed, share one limit.
      expect((yield* send(`${fixture.url}/metrics`)).status).toBe(200)
      expect((yield* send(`${fixture.url}/metrics`)).status).toBe(429)
      expect(yield* refusedOf(fixture)).toEqual({ requests: cases.length + 1, streams: 0 })
    })
)

it.scopedLive("R7 a stream over a limit gets 200 with one bye {reason: limit} and a retry", () =>
  Effect.gen(function* () {
    const fixture = yield* start({ allowance: slow })
    yield* fixture.append(event(1), event(2))
    yield* fixture.call("/api/threads")
    const { epoch } = fixture.log
    const bye = (query: string, headers: Record<string, string> = {}) =>
      Effect.map(fixture.call(`/api/events${query}`, { headers: { accept: "text/event-stream", ...headers } }), (answer) => {
        expect(answer.status).toBe(200)
        expect(answer.headers["content-type"]).toContain("text/event-stream")
        const [name, retry, data] = answer.body.split("\n")
        expect(name).toBe("event: bye")
        expect(Number(retry?.slice("retry: ".length))).toBeGreaterThan(900_000)
        return JSON.parse(data?.slice("data: ".length) ?? "") as object
      })
    const limit = (offset: number) => ({ reason: "limit", resumeAfter: format(epoch, offset) })
    expect(yield* bye("")).toMatchObject(limit(0))
    expect(yield* bye("", { accept: "Text/Event-Stream", "last-event-id": "" })).toMatchObject(limit(0))
    expect(yield* bye("?since=1")).toMatchObject(limit(1))
    expect(yield* bye(`?after=${format(epoch, 1)}`)).toMatchObject(limit(1))
    expect(yield* bye(`?after=${format(epoch, 1)}`, { "last-event-id": format(epoch, 2) })).toMatchObject(limit(2))
  })
)

it.scopedLive(
  "R7 C3 an RPC call counts as one request: one over the limit fails with a typed error and the time to wait, and nothing runs",
  () =>
    Effect.gen(function* () {
      const fixture = yield* start({ allowance: slow })
      let ran = 0
      const accept = fixture.fake.dispatch
      fixture.fake.dispatch = (sent) =>
        Effect.zipRight(
          Effect.sync(() => ran++),
          accept(sent)
        )
      // The upgrade used the token's limit.
      const rpc = yield* rpcOf(fixture, fixture.token)
      const refused = yield* Effect.flip(rpc.dispatch(command(1)))
      expect(refused).toMatchObject({ _tag: "Overloaded", retryAfterMillis: expect.any(Number) })
      expect(ran).toBe(0)
      for (const lookup of [rpc.state, rpc.requests, rpc.providers, rpc.threads({})]) {
        const error = yield* Effect.flip(Effect.asVoid<unknown, unknown, never>(lookup))
        expect(error).toMatchObject({ _tag: "Disconnected", retryAfterMillis: expect.any(Number) })
      }
      // As over HTTP, a stream ends with `bye`.
      const frames = Chunk.toReadonlyArray(yield* Stream.runCollect(rpc.follow({})))
      expect(frames).toMatchObject([{ _tag: "bye", reason: "limit", resumeAfter: format(fixture.log.epoch, 0) }])
      expect(yield* refusedOf(fixture)).toEqual({ requests: 6, streams: 0 })
    })
)

for (const transport of ["http", "rpc"] as const)
  it.scopedLive(
    `R7 S9 a follow over ${transport} at the stream limit gets bye {reason: limit}; our client waits, reports it, and follows later`,
    () =>
      Effect.gen(function* () {
        const fixture = yield* start({ allowance: { requestsPerSecond: 0, streamsPerToken: 1 } })
        yield* fixture.append(event(1))
        const connect = transport === "rpc" ? rpcOf(fixture, fixture.token) : Effect.succeed(httpOf(fixture, fixture.token))
        const attached = yield* Deferred.make<void>()
        const first = yield* Effect.fork(
          Stream.runForEach((yield* connect).follow({}), ({ _tag }) =>
            _tag === "caught-up" ? Deferred.succeed(attached, undefined) : Effect.void
          )
        )
        yield* Deferred.await(attached)
        const second = yield* connect
        const bye: ReadonlyArray<Frame> = Chunk.toReadonlyArray(yield* Stream.runCollect(second.follow({})))
        expect(bye).toMatchObject([
          { _tag: "bye", reason: "limit", resumeAfter: format(fixture.log.epoch, 0), retryAfterMillis: 5000 }
        ])
        const statuses: Array<Follow.Status> = []
        const got = yield* Follow.follow(
          second,
          {},
          {
            onStatus: (status) =>
              Effect.suspend(() => {
                statuses.push(status)
                // The place becomes free after the client was refused.
                return status._tag === "reconnecting" ? Effect.asVoid(Fiber.interrupt(first)) : Effect.void
              })
          }
        ).pipe(
          Stream.takeUntil(({ _tag }) => _tag === "caught-up"),
          Stream.runCollect
        )
        expect(Chunk.toReadonlyArray(got).map(({ _tag }) => _tag)).toEqual(["event", "caught-up"])
        expect(statuses).toMatchObject([
          { _tag: "reconnecting", attempt: 1, cause: { _tag: "Disconnected", retryAfterMillis: 5000 } },
          { _tag: "attached" }
        ])
        expect(yield* refusedOf(fixture)).toEqual({ requests: 0, streams: 2 })
      })
  )
