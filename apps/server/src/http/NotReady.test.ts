import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { setImmediate } from "node:timers/promises"
import { expect, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Ref, Scope } from "effect"
import { event, fair, follower, send, start } from "../../test/support/Fixture.ts"
import { events, get, raw, webSocket } from "../../test/support/Raw.ts"
import * as NotReady from "./NotReady.ts"

const listening = Effect.acquireRelease(
  Effect.async<{ readonly url: string; readonly close: () => void; readonly gate: NotReady.Gate }>((resume) => {
    const server = createServer()
    const gate = NotReady.gate(server)
    server.listen(0, "127.0.0.1", () =>
      resume(
        Effect.succeed({
          gate,
          url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
          close: () => {
            server.close()
            server.closeAllConnections()
          }
        })
      )
    )
  }),
  ({ close }) => Effect.sync(close)
)

const close = { connection: "close" }

it.scopedLive("D16 before the routes exist and after they are removed every connection gets an answer or a close", () =>
  Effect.gen(function* () {
    const { gate, url } = yield* listening
    for (const status of ["starting", "draining"]) {
      expect((yield* send(`${url}/ready`)).body).toBe(`{"status":"${status}"}`)
      const answer = yield* send(`${url}/api/commands`, { body: "{}" })
      expect([answer.status, answer.headers["retry-after"], answer.headers["cache-control"]]).toEqual([503, "1", "no-store"])
      expect(JSON.parse(answer.body)).toMatchObject({ _tag: status === "starting" ? "Starting" : "ShuttingDown" })
      const face = yield* send(`${url}//v1/models`)
      expect(JSON.parse(face.body)).toMatchObject({ error: { type: "server_error" } })
      expect([face.status, face.headers["x-should-retry"]]).toEqual([503, "true"])
      expect(yield* raw(url, get("/api/events", events)), "EventSource comes back after a closed socket").toBe("")
      expect(yield* raw(url, get("/api/events", { ...events, ...close }, "POST"))).toMatch(/^HTTP\/1\.1 503 /)
      for (const headers of [webSocket, { connection: "Upgrade", upgrade: "h2c" }]) {
        const refused = yield* raw(url, get("/rpc", headers))
        expect(refused).toMatch(/^HTTP\/1\.1 503 Service Unavailable\r\n/)
        expect(refused).toMatch(/\r\nconnection: close\r\n/i)
        expect(refused).toMatch(/\r\nretry-after: 1\r\n/i)
        expect(refused).toMatch(/"_tag":"(Starting|ShuttingDown)"/)
      }
      gate.close()
    }
  })
)

it.scopedLive("D16 while the server drains or is unavailable: no new stream and no new socket; open ones continue", () =>
  Effect.gen(function* () {
    const fixture = yield* start()
    const { fake, token, url } = fixture
    const auth = { authorization: `Bearer ${token}` }
    const open = yield* follower(fixture)
    yield* open.until("caught-up")
    for (const ready of [{ status: "draining" }, { status: "unavailable", reason: "log.db was removed." }] as const) {
      fake.ready = ready
      expect(yield* raw(url, get("/api/events", { ...events, ...auth }))).toBe("")
      const refused = yield* raw(url, get("/rpc", { ...webSocket, ...auth }))
      expect(refused).toMatch(/^HTTP\/1\.1 503 /)
      expect(refused).toMatch(/\r\nconnection: close\r\n/i)
      expect(refused).toContain("reason" in ready ? ready.reason : "shutting down")
      expect((yield* fixture.call("/api/events?since=0")).status, "pages can be read to the end").toBe(200)
    }
    fake.ready = { status: "ok" }
    yield* fixture.append(event(1))
    yield* open.until('"n":1')
  })
)

it.scopedLive("D16 a request for another host is rejected with its name, also while the server drains", () =>
  Effect.gen(function* () {
    const { fake, url } = yield* start()
    fake.ready = { status: "draining" }
    expect((yield* send(`${url}/api/events`, { headers: { ...events, host: "evil.example" } })).status).toBe(403)
  })
)

const kinds = [get("/ready", close), get("/api/events", { ...events, ...close }), get("/rpc", webSocket)]

/**
 * Connects in each turn of the event loop while the effect runs. Returns what the connections received, when all of them are closed. The effect
 * gets an effect that returns when a connection was answered.
 */
const connectingDuring = <R>(url: string, effect: (answered: Effect.Effect<void>) => Effect.Effect<unknown, Error, R>) =>
  Effect.gen(function* () {
    const ended = yield* Ref.make(false)
    const answered = yield* Deferred.make<void>()
    const connect = (says: string) =>
      Effect.tap(raw(url, says), (answer) => (answer === "" ? Effect.void : Deferred.succeed(answered, undefined)))
    const asking = yield* Effect.fork(
      Effect.gen(function* () {
        const asked: Array<Fiber.Fiber<string>> = []
        for (let n = 0; !(yield* Ref.get(ended)); n++) {
          asked.push(yield* Effect.fork(connect(kinds[n % kinds.length] ?? "")))
          yield* Effect.promise(() => setImmediate())
        }
        return yield* Effect.forEach(asked, Fiber.join)
      })
    )
    yield* effect(Deferred.await(answered))
    yield* Ref.set(ended, true)
    return yield* Fiber.join(asking)
  })

it.scopedLive("D16 connections opened while a server starts and ends: each gets an answer or a close", () =>
  Effect.gen(function* () {
    const first = yield* Scope.make()
    const { server, url } = yield* Scope.extend(start(), first)
    yield* Scope.close(first, Exit.void)
    const second = yield* Scope.make()
    // The program's scheduler: connections are accepted while the routes are made.
    const starting = yield* connectingDuring(url, () => fair(Scope.extend(start({ port: server.port }), second)))
    const ending = yield* connectingDuring(url, (answered) => Effect.zipRight(answered, Scope.close(second, Exit.void)))
    const answersOf = (received: ReadonlyArray<string>) => received.filter((answer) => answer !== "")
    // The test needs a refusal from before the routes existed and one from before the end.
    expect(starting.some((answer) => answer.includes('{"status":"starting"}'))).toBe(true)
    expect(answersOf(ending).length).toBeGreaterThan(0)
    const answers = answersOf([...starting, ...ending])
    expect(answers.filter((answer) => !/^HTTP\/1\.1 (200|401|503) /.test(answer))).toEqual([])
  })
)
