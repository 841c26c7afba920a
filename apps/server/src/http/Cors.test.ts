/** Pages of other origins: what the server answers them, and that only a token lets them in. */
import { expect, it } from "@effect/vitest"
import { Effect, Tracer } from "effect"
import { socketProtocols } from "@millrace/contracts/Access"
import * as PublicAddress from "@millrace/host/PublicAddress"
import { live, send, start } from "../../test/support/Fixture.ts"
import { upgrade } from "../../test/support/Upgrade.ts"

const page = "https://app.example"
const allowed = { allowedOrigins: [page, "http://localhost:5173/"] }

/** The handshake of a browser's WebSocket: it sends an Origin and perhaps a cookie, and no header of the page. */
const handshake = (origin: string, protocols?: ReadonlyArray<string>, cookie?: string) => ({
  origin,
  ...(protocols !== undefined && { "sec-websocket-protocol": protocols.join(", ") }),
  ...(cookie !== undefined && { cookie })
})

it.scopedLive("X10 a preflight from an allowed origin is answered for every route, and never permits cookies", () =>
  Effect.gen(function* () {
    const { url } = yield* start(allowed)
    const preflight = (path: string, origin: string) =>
      send(`${url}${path}`, {
        method: "OPTIONS",
        headers: {
          origin,
          "access-control-request-method": "POST",
          "access-control-request-headers": "authorization,content-type"
        }
      })
    for (const path of ["/api/commands", "/api/threads/thr_a/turns", "/api/events", "/v1/responses", "/pair"]) {
      const { headers, status } = yield* preflight(path, page)
      expect([path, status, headers["access-control-allow-origin"]]).toEqual([path, 204, page])
      for (const name of ["authorization", "content-type", "idempotency-key", "last-event-id", "x-millrace-lenient"])
        expect(headers["access-control-allow-headers"]?.split(", ")).toContain(name)
      expect(headers["vary"]).toBe("origin")
      expect(headers["access-control-allow-credentials"]).toBeUndefined()
    }
    const methods = (yield* preflight("/api/commands", page)).headers["access-control-allow-methods"]
    expect(methods).toBe("OPTIONS, POST")
    for (const origin of [
      "https://evil.example",
      "https://app.example.evil",
      "null",
      "http://app.example",
      "https://app.example:8443"
    ]) {
      const { headers, status } = yield* preflight("/api/commands", origin)
      expect([origin, status, headers["access-control-allow-origin"]]).toEqual([origin, 403, undefined])
    }
    expect((yield* send(`${(yield* start()).url}/api/commands`, { method: "OPTIONS", headers: { origin: page } })).status).toBe(
      403
    )
  })
)

it.scopedLive("X10 a token from an allowed origin works over HTTP, SSE and the WebSocket; a session cookie never does", () =>
  Effect.gen(function* () {
    const fixture = yield* start(allowed)
    const { token, url } = fixture
    const bearer = { authorization: `Bearer ${token}` }
    const cookie = `millrace_${new URL(url).port}=${token}`
    const json = yield* send(`${url}/api/events?since=0`, { headers: { ...bearer, origin: "http://localhost:5173" } })
    expect([json.status, json.headers["access-control-allow-origin"]]).toEqual([200, "http://localhost:5173"])
    for (const name of ["x-millrace-last-idx", "etag", "retry-after", "x-request-id"])
      expect(json.headers["access-control-expose-headers"]?.split(", ")).toContain(name)
    const stream = yield* live(`${url}/api/events`, { ...bearer, origin: page, accept: "text/event-stream" })
    yield* stream.until("caught-up")
    const posted = yield* send(`${url}/api/threads`, { headers: { ...bearer, origin: page }, body: '{"provider":"demo"}' })
    expect([posted.status, posted.headers["access-control-allow-credentials"]]).toEqual([200, undefined])
    for (const [origin, status, readable] of [
      [page, 401, page],
      ["https://evil.example", 403, undefined],
      ["null", 403, undefined]
    ] as const) {
      const refused = yield* send(`${url}/api/state`, { headers: { cookie, origin } })
      expect([origin, refused.status, refused.headers["access-control-allow-origin"]]).toEqual([origin, status, readable])
    }
    for (const [name, status, headers] of [
      ["allowed page", 101, handshake(page, socketProtocols(token))],
      ["own page", 101, handshake(url, socketProtocols(token))],
      ["own page, by cookie", 101, handshake(url, undefined, cookie)],
      ["allowed page, no token", 401, handshake(page)],
      ["allowed page, by cookie", 401, handshake(page, undefined, cookie)],
      ["allowed page, wrong token", 401, handshake(page, socketProtocols(`${token.slice(0, -1)}x`))],
      ["allowed page, token first", 400, { ...bearer, ...handshake(page, socketProtocols(token).toReversed()) }],
      ["allowed page, other protocol", 400, { ...bearer, ...handshake(page, ["graphql-ws"]) }],
      ["foreign page", 403, handshake("https://evil.example", socketProtocols(token))],
      ["null origin", 403, handshake("null", socketProtocols(token))]
    ] as const)
      expect([name, (yield* upgrade(url, "/rpc", headers)).status]).toEqual([name, status])
  })
)

it.scopedLive("X4 a token in a subprotocol is neither answered nor traced", () =>
  Effect.gen(function* () {
    const seen: Array<string> = []
    const tracer = Tracer.make({
      context: (run) => run(),
      span: (name, parent, context, links, startTime, kind) => ({
        _tag: "Span",
        name,
        spanId: "s",
        traceId: "t",
        parent,
        context,
        links,
        kind,
        sampled: true,
        status: { _tag: "Started", startTime },
        attributes: new Map(),
        end: () => {},
        attribute: (key, value) => void seen.push(`${key}=${String(value)}`),
        event: () => {},
        addLinks: () => {}
      })
    })
    const { token, url } = yield* Effect.withTracer(start(allowed), tracer)
    const { status, text } = yield* upgrade(url, "/rpc", handshake(page, socketProtocols(token)))
    expect([status, /^sec-websocket-protocol: (.*)\r$/im.exec(text)?.[1]]).toEqual([101, "millrace"])
    expect(text).not.toContain(token)
    expect(seen.some((attribute) => attribute.startsWith("http.request.header.sec-websocket-protocol="))).toBe(true)
    expect(seen.filter((attribute) => attribute.includes(token))).toEqual([])
  })
)

it("X10 what is an origin, and how it is compared", () => {
  for (const [given, origin] of [
    ["https://App.Example", "https://app.example"],
    ["https://app.example:443/", "https://app.example"],
    ["http://localhost:5173", "http://localhost:5173"],
    ["http://[::1]:5173", "http://[::1]:5173"],
    ["tauri://localhost", "tauri://localhost"]
  ] as const)
    expect([given, PublicAddress.isOrigin(given), PublicAddress.originOf(given)]).toEqual([given, true, origin])
  for (const given of [
    "*",
    "null",
    "",
    "app.example",
    "https://app.example/x",
    "https://*.example",
    "https://a@b.example",
    "file://",
    "https://a.example,https://b.example",
    "https://a.example?x"
  ])
    expect([given, PublicAddress.isOrigin(given)]).toEqual([given, false])
})
