/** OTLP export to a collector of this test: what is sent, what is never sent, and that no collector can harm the server. */
import { readFileSync } from "node:fs"
import { createServer, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import { expect, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Program from "@millrace/testing/Program"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import { live, send } from "./support/Fixture.ts"

interface Span {
  readonly name: string
  readonly startTimeUnixNano: string
  readonly endTimeUnixNano: string
  readonly attributes: ReadonlyArray<{ readonly key: string; readonly value: object }>
}

/** Accepts everything, or never answers. */
const collector = (mode: "takes" | "silent") =>
  Effect.acquireRelease(
    Effect.async<{
      readonly server: Server
      readonly url: string
      readonly got: Array<{ readonly path: string; readonly body: string }>
    }>((resume) => {
      const got: Array<{ readonly path: string; readonly body: string }> = []
      const server = createServer((request, response) => {
        let body = ""
        request.setEncoding("utf8")
        request.on("data", (chunk: string) => (body += chunk))
        request.on("end", () => {
          got.push({ path: `${request.url} ${request.headers["x-tenant"] ?? ""}`, body })
          if (mode === "takes") response.writeHead(200, { "content-type": "application/json" }).end("{}")
        })
      })
      server.listen(0, "127.0.0.1", () =>
        resume(Effect.succeed({ server, got, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }))
      )
    }),
    ({ server }) =>
      Effect.sync(() => {
        server.closeAllConnections()
        server.close()
      })
  )

const serve = (endpoint: string) =>
  Effect.gen(function* () {
    const dataDir = yield* temporaryDirectory
    const server = yield* Program.start(["serve", "--port", "0", "--data", dataDir], {
      env: { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_EXPORTER_OTLP_HEADERS: "x-tenant=mill%20race" }
    })
    yield* server.until("ready at")
    const url = /http:\/\/127\.0\.0\.1:\d+/.exec(server.so().stdout)?.[0] ?? ""
    const token = readFileSync(join(dataDir, "cli-token"), "utf8").trim()
    return { dataDir, server, token, url }
  })

/** Runs a turn to its end. */
const turn = (
  { dataDir, token, url }: { readonly dataDir: string; readonly token: string; readonly url: string },
  text: string
) =>
  Effect.gen(function* () {
    const headers = { authorization: `Bearer ${token}` }
    const reader = yield* live(`${url}/api/events`, { accept: "text/event-stream", ...headers })
    yield* send(`${url}/api/threads`, { headers, body: JSON.stringify({ provider: "demo", cwd: dataDir, turn: { text } }) })
    yield* reader.until('"type":"turn.completed"')
    yield* reader.cut
  })

it.live(
  "X4 a collector gets a span per command, turn and batch, none per delta, and the metrics; no token, prompt, answer or header name",
  () =>
    Effect.gen(function* () {
      const { got, url } = yield* collector("takes")
      const served = yield* serve(url)
      yield* turn(served, "[[say canary-answer]] [[deltas 200 0]]")
      const headers = { authorization: `Bearer ${served.token}` }
      // Rejected with an error that quotes the input.
      expect((yield* send(`${served.url}/api/threads`, { headers, body: '{"provider":["canary-refused"]}' })).body).toContain(
        "canary-refused"
      )
      yield* send(`${served.url}/api/state?secret=canary-query`, { headers: { ...headers, cookie: "a=canary-cookie" } })
      yield* served.server.kill("SIGTERM")
      expect(yield* served.server.ended).toMatchObject({ code: 0 })

      const all = got.map(({ body }) => body).join("\n")
      for (const secret of [
        served.token,
        served.token.slice(4, 20),
        "canary-answer",
        "canary-refused",
        "canary-query",
        "canary-cookie",
        "deltas 200"
      ])
        expect(all.includes(secret), secret).toBe(false)
      expect(new Set(got.map(({ path }) => path))).toEqual(new Set(["/v1/traces mill race", "/v1/metrics mill race"]))
      const spans = got
        .filter(({ path }) => path.startsWith("/v1/traces"))
        .flatMap(({ body }) => JSON.parse(body) as { resourceSpans: Array<{ scopeSpans: Array<{ spans: Array<Span> }> }> })
        .flatMap(({ resourceSpans }) => resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans)))
      const named = (name: string) => spans.filter((span) => span.name === name)
      expect(named("Engine.dispatch")).toHaveLength(1)
      expect(JSON.stringify(named("Engine.dispatch")[0]?.attributes)).toContain("thread.create")
      expect(named("turn")).toHaveLength(1)
      expect(JSON.stringify(named("turn")[0]?.attributes)).toContain("completed")
      const [one] = named("turn")
      expect(BigInt(one?.endTimeUnixNano ?? 0) - BigInt(one?.startTimeUnixNano ?? 0)).toBeGreaterThan(0n)
      const batches = named("Engine.batch").length
      expect(batches).toBeGreaterThan(2)
      expect(batches, "text is coalesced before it is a batch").toBeLessThan(100)
      expect(spans.length).toBeLessThan(250)
      const numbers = got.findLast(({ path }) => path.startsWith("/v1/metrics"))?.body ?? ""
      for (const name of [
        "millrace_log_head",
        "millrace_log_batch_events_bucket",
        "millrace_followers",
        "millrace_http_requests_total"
      ])
        expect(numbers.includes(`"${name}"`), name).toBe(true)
    }).pipe(Effect.scoped)
)

it.live("S6 X4 with a collector that is down, or never answers, the server works and ends in time", () =>
  Effect.gen(function* () {
    const silent = yield* collector("silent")
    for (const url of ["http://127.0.0.1:9", silent.url, "nonsense"]) {
      const served = yield* serve(url)
      yield* turn(served, "[[say hello]]")
      const metrics = yield* send(`${served.url}/metrics`)
      expect(metrics.status).toBe(200)
      const types = metrics.body.split("\n").filter((line) => line.startsWith("# TYPE "))
      expect(new Set(types).size, "what an exporter has too is said once").toBe(types.length)
      yield* served.server.kill("SIGTERM")
      expect(yield* served.server.ended, url).toMatchObject({ code: 0 })
      expect(served.server.so().stderr).toContain(url === "nonsense" ? "nothing is exported" : "Stopping")
    }
  }).pipe(Effect.scoped)
)
