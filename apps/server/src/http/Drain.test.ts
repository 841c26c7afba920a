import { connect } from "node:net"
import { expect, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Scope } from "effect"
import { event, follower, live, send, start } from "../../test/support/Fixture.ts"

/** Sends a request and never reads the response. */
const frozen = (url: string, head: string) =>
  Effect.acquireRelease(
    Effect.async<ReturnType<typeof connect>>((resume) => {
      const { hostname, port, host } = new URL(url)
      const socket = connect(Number(port), hostname, () => {
        socket.pause()
        socket.write(head.replace("HOST", host), () => resume(Effect.succeed(socket)))
      })
      socket.on("error", () => {})
    }),
    (socket) => Effect.sync(() => socket.destroy())
  )

const sse = (token: string) =>
  `GET /api/events HTTP/1.1\r\nHost: HOST\r\nAccept: text/event-stream\r\nAuthorization: Bearer ${token}\r\n\r\n`
const webSocket = (token: string) =>
  `GET /rpc HTTP/1.1\r\nHost: HOST\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nAuthorization: Bearer ${token}\r\n\r\n`

it.scopedLive("S9 drain: a hundred streams get everything, then bye with the cursor; none is cut", () =>
  Effect.gen(function* () {
    const fixture = yield* start()
    const idle = yield* live(`${fixture.url}/api/events?since=1&wait=60`, { authorization: `Bearer ${fixture.token}` })
    const readers = yield* Effect.replicateEffect(follower(fixture), 100)
    yield* Effect.forEach(readers, (reader) => reader.until("caught-up"), { concurrency: "unbounded" })
    yield* fixture.append(event(1))
    const report = yield* fixture.server.drain("10 minutes")
    for (const reader of readers) {
      yield* reader.ended
      expect(reader.text().trimEnd()).toMatch(
        new RegExp(
          `"offset":1,.*\nid: ${fixture.log.epoch}-1\n\nevent: bye\ndata: {"reason":"The server is shutting down.","resumeAfter":"${fixture.log.epoch}-1"}$`
        )
      )
    }
    yield* idle.ended
    expect(idle.text()).toBe("[]")
    expect(report.cut).toBe(0)
  })
)

it.scopedLive("S5 drain: readers that never read are cut, those that read are not", () =>
  Effect.gen(function* () {
    const fixture = yield* start()
    const pad = "x".repeat(100_000)
    for (let n = 0; n < 200; n++) yield* fixture.append(event(n, "thread/thr_a", { pad }))
    const stuck = yield* Effect.replicateEffect(frozen(fixture.url, sse(fixture.token)), 3)
    const reader = yield* follower(fixture, "?since=200")
    yield* reader.until("caught-up")
    const report = yield* fixture.server.drain("2 seconds")
    expect(report.cut).toBe(3)
    expect((yield* reader.ended).aborted).toBe(false)
    expect(reader.text()).toContain("event: bye")
    expect(stuck.length).toBe(3)
  })
)

it.scopedLive(
  "D3 a reader that requests an offset beyond the head gets the end of the log, and reconnects with a valid cursor",
  () =>
    Effect.gen(function* () {
      const fixture = yield* start()
      yield* fixture.append(event(1))
      const reader = yield* follower(fixture, "?since=1000")
      yield* reader.until("caught-up")
      yield* fixture.server.drain("1 minute")
      yield* reader.ended
      expect(reader.text()).toContain('event: caught-up\ndata: {"head":1,')
      expect(reader.text()).toContain(`"resumeAfter":"${fixture.log.epoch}-1"`)
    })
)

it.scopedLive("S2 drain: a request in flight is answered, new connections are refused, and a second drain joins the first", () =>
  Effect.gen(function* () {
    const { call, fake, server, url } = yield* start()
    const begun = yield* Deferred.make<void>()
    const go = yield* Deferred.make<void>()
    const accept = fake.dispatch
    fake.dispatch = (command, actor) =>
      Deferred.succeed(begun, undefined).pipe(Effect.zipRight(Deferred.await(go)), Effect.zipRight(accept(command, actor)))
    const asked = yield* Effect.fork(call("/api/threads", { body: '{"provider":"demo"}' }))
    yield* Deferred.await(begun)
    const draining = yield* Effect.fork(server.drain("5 seconds"))
    const again = yield* Effect.fork(server.drain("5 seconds"))
    yield* Effect.yieldNow()
    expect((yield* Effect.exit(send(`${url}/health`)))._tag).toBe("Failure")
    yield* Deferred.succeed(go, undefined)
    expect((yield* asked).status).toBe(200)
    expect(yield* draining).toEqual(yield* again)
  })
)

it.scopedLive("S6 the scope closes with frozen SSE and WebSocket clients, drained before or not", () =>
  Effect.gen(function* () {
    for (const drainFirst of [true, false]) {
      const scope = yield* Scope.make()
      const fixture = yield* Scope.extend(start({ grace: "300 millis" }), scope)
      const pad = "x".repeat(100_000)
      for (let n = 0; n < 200; n++) yield* fixture.append(event(n, "thread/thr_a", { pad }))
      yield* frozen(fixture.url, sse(fixture.token))
      yield* frozen(fixture.url, webSocket(fixture.token))
      const reader = yield* follower(fixture, "?since=200")
      yield* reader.until("caught-up")
      if (drainFirst) yield* fixture.server.drain("300 millis")
      yield* Scope.close(scope, Exit.void)
      expect(reader.text()).toContain("event: bye")
    }
  })
)

it.scopedLive("X2 a port in use and an invalid host are rejected with a message that says what to do", () =>
  Effect.gen(function* () {
    const { server } = yield* start()
    expect(yield* Effect.flip(start({ port: server.port }))).toMatchObject({
      _tag: "CannotListen",
      reason: "port-in-use",
      message: expect.stringContaining("--port 0")
    })
    expect(yield* Effect.flip(start({ host: "203.0.113.7" }))).toMatchObject({ _tag: "CannotListen", reason: "no-such-address" })
  })
)
