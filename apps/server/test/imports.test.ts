/** Imports that are rejected or aborted, on a busy server: each descriptor has one owner and is closed once. */
import { Agent, request } from "node:http"
import { expect, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import * as ServerProcess from "@millrace/testing/ServerProcess"

interface Sent {
  readonly path: string
  readonly token: string
  readonly agent: Agent | false
  readonly method?: string
}

const ask = (url: string, { agent, method = "GET", path, token }: Sent, body?: string) =>
  Effect.async<number, Error>((resume) => {
    const sent = request(`${url}${path}`, { agent, method, headers: { authorization: `Bearer ${token}` } }, (response) => {
      response.resume()
      response.on("end", () => resume(Effect.succeed(response.statusCode ?? 0)))
      response.on("error", (cause) => resume(Effect.fail(cause)))
    })
    sent.on("error", (cause) => resume(Effect.fail(cause)))
    sent.end(body)
    return Effect.sync(() => sent.destroy())
  })

/** Sends the beginning of a large body and resets the connection. */
const hangUp = (url: string, token: string) =>
  Effect.async<void>((resume) => {
    const sent = request(`${url}/api/threads/import`, {
      agent: false,
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-length": "100000000" }
    })
    sent.on("error", () => {})
    sent.on("close", () => resume(Effect.void))
    sent.write(`{"millrace":1}\n${" ".repeat(1_000_000)}`, () => sent.destroy())
  })

it.live("D8 100 rejected imports and 20 broken ones, with 40 busy connections: 100 times 422, and the server stays up", () =>
  Effect.gen(function* () {
    const server = yield* ServerProcess.serve({
      dataDir: yield* ServerProcess.temporaryDirectory
    })
    const { token, url } = server
    const agent = new Agent({ keepAlive: true, maxSockets: 40 })
    const busy = yield* Effect.fork(
      Effect.forEach(
        Array.from({ length: 40 }, (_, n) => (n % 8 === 0 ? "/" : "/api/state")),
        (path) => Effect.forever(Effect.filterOrFail(ask(url, { path, token, agent }), (status) => status === 200)),
        { concurrency: "unbounded", discard: true }
      )
    )
    const bad = ['{"a":1}\n', '{"millrace":2}\n', `{"a":1}\n${"x".repeat(300_000)}`, '{"type":"user","sessionId":"s"}\n']
    const statuses = yield* Effect.forEach(
      Array.from({ length: 100 }, (_, n) => bad[n % bad.length] ?? ""),
      (body) => ask(url, { path: "/api/threads/import", token, agent: false, method: "POST" }, body),
      { concurrency: 10 }
    )
    expect(statuses).toEqual(Array(100).fill(422))
    yield* Effect.forEach(Array(20).keys(), () => hangUp(url, token), { concurrency: 5, discard: true })
    // No other client got a wrong answer or was cut off.
    expect(busy.unsafePoll()).toBeNull()
    yield* Fiber.interrupt(busy)
    agent.destroy()
    expect(yield* ask(url, { path: "/health", token, agent: false })).toBe(200)
    yield* server.kill("SIGTERM")
    expect(yield* server.ended).toMatchObject({ code: 0, signal: null })
  }).pipe(Effect.scoped)
)
