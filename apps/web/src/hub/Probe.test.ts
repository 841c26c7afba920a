import { expect, it } from "@effect/vitest"
import { Effect, Fiber, TestClock } from "effect"
import * as Probe from "./Probe.ts"

it.effect("P6 a server that does not answer the probe is given up after 5 seconds, and the request is aborted", () =>
  Effect.gen(function* () {
    const asked: Array<string> = []
    let ended = 0
    const fetch: typeof globalThis.fetch = (input, init) => {
      asked.push(String(input))
      init?.signal?.addEventListener("abort", () => void ended++)
      return asked.length % 2 === 1 ? new Promise(() => {}) : Promise.resolve(new Response())
    }
    const probing = yield* Effect.fork(Probe.probe("http://127.0.0.1:7717", fetch))
    yield* TestClock.adjust("5 seconds")
    expect(yield* Fiber.join(probing)).toBe(undefined)
    expect({ asked, ended }).toEqual({ asked: ["http://127.0.0.1:7717/health"], ended: 1 })
  })
)

it.effect("X1 the probe reports that the server drains, starts or is unavailable, or that this browser has no session", () =>
  Effect.gen(function* () {
    const probe = (health: number, threads: number, body: string) =>
      Probe.probe("", (input) =>
        Promise.resolve(
          String(input) === "/health" ? new Response(body, { status: health }) : new Response("", { status: threads })
        )
      )
    expect(yield* probe(503, 200, `{"status":"draining"}`)).toMatchObject({ state: "draining" })
    expect(yield* probe(503, 200, `{"status":"starting"}`)).toMatchObject({ state: "not-ready" })
    expect(yield* probe(503, 401, `{"status":"unavailable","reason":"Put it back."}`)).toEqual({
      state: "not-ready",
      reason: "The server is unavailable. Put it back."
    })
    expect(yield* probe(503, 503, "<html>of a proxy</html>")).toBe(undefined)
    expect(yield* probe(200, 401, `{"status":"ok"}`)).toEqual({ state: "unpaired" })
    expect(yield* probe(200, 200, `{"status":"ok"}`)).toBe(undefined)
  })
)
