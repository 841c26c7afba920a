import { connect } from "node:net"
import { appendFileSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import { expect, it } from "@effect/vitest"
import { Effect, Either, Option, TestClock, Tracer } from "effect"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import { send, start } from "../../test/support/Fixture.ts"
import { upgrade as upgraded } from "../../test/support/Upgrade.ts"
import * as Access from "./Access.ts"
import { checkBind } from "./Bind.ts"
import * as Pairing from "./Pairing.ts"
import * as Tokens from "./Tokens.ts"

const upgrade = (url: string, path: string, headers: Record<string, string>) =>
  Effect.map(upgraded(url, path, headers), ({ status }) => status)

it.scopedLive(
  "X1 without a token, from another origin, for another host, or with a token in the URL: denied on every transport",
  () =>
    Effect.gen(function* () {
      const { url, token } = yield* start()
      const port = new URL(url).port
      const good = { authorization: `Bearer ${token}` }
      const json = (path: string, headers: Record<string, string>) =>
        Effect.map(send(`${url}${path}`, { headers }), ({ status }) => status)
      const transports: Record<string, (query: string, headers: Record<string, string>) => Effect.Effect<number, Error>> = {
        json: (query, headers) => json(`/api/state${query}`, headers),
        events: (query, headers) => json(`/api/events${query}`, headers),
        sse: (query, headers) => json(`/api/events${query}`, { ...headers, accept: "text/event-stream" }),
        post: (query, headers) =>
          Effect.map(send(`${url}/api/threads${query}`, { headers, body: '{"provider":"demo"}' }), ({ status }) => status),
        websocket: (query, headers) => upgrade(url, `/rpc${query}`, headers)
      }
      const cases: ReadonlyArray<readonly [string, number, string, Record<string, string>]> = [
        ["no token", 401, "", {}],
        ["wrong token", 401, "", { authorization: `Bearer ${token.slice(0, -1)}x` }],
        ["other scheme", 401, "", { authorization: `Basic ${token}` }],
        ["wrong cookie", 401, "", { cookie: `millrace_${port}=nonsense` }],
        ["token in the URL", 401, `?token=${token}`, good],
        ["token in the URL, no header", 401, `?access_token=${token}`, {}],
        ["token in the URL, other name", 401, `?x=${token}`, good],
        ["foreign origin", 403, "", { ...good, origin: "https://evil.example" }],
        ["origin of another port", 403, "", { ...good, origin: "http://127.0.0.1:1" }],
        ["null origin", 403, "", { ...good, origin: "null" }],
        ["rebound host", 403, "", { ...good, host: `evil.example:${port}` }],
        [
          "rebound host, matching origin",
          403,
          "",
          { ...good, host: `evil.example:${port}`, origin: `http://evil.example:${port}` }
        ],
        ["host with a loopback prefix", 403, "", { ...good, host: `127.0.0.1.evil.example:${port}` }]
      ]
      for (const [transport, ask] of Object.entries(transports)) {
        for (const [name, status, query, headers] of cases)
          expect([transport, name, yield* ask(query, headers)]).toEqual([transport, name, status])
      }
      for (const headers of [
        good,
        { ...good, origin: url },
        { ...good, host: `localhost:${port}` },
        { cookie: `millrace_${port}=${token}`, origin: url }
      ]) {
        expect(yield* transports["json"]!("", headers)).toBe(200)
        expect(yield* transports["websocket"]!("", headers)).toBe(101)
      }
      const cookie = { cookie: `millrace_${port}=${token}` }
      expect(yield* transports["json"]!("", cookie), "a page of the server reads without an Origin").toBe(200)
      expect(yield* transports["websocket"]!("", cookie), "every browser's WebSocket has an Origin").toBe(403)
    })
)

it.scopedLive("D8 a malformed WebSocket handshake is refused and leaves nothing behind", () =>
  Effect.gen(function* () {
    const { url } = yield* start({ auth: false })
    expect((yield* send(`${url}/rpc`)).status).toBe(426)
    for (const header of [{ "sec-websocket-key": "short" }, { "sec-websocket-version": "7" }, { "sec-websocket-protocol": "," }])
      expect(yield* upgrade(url, "/rpc", header)).toBe(400)
    expect(yield* upgrade(url, "/rpc", {})).toBe(101)
  })
)

it.scopedLive("D8 clients that reset while their upgrade is refused do not end the server", () =>
  Effect.gen(function* () {
    const { url } = yield* start()
    const { hostname, port, host } = new URL(url)
    const reset = Effect.async<void>((resume) => {
      const socket = connect(Number(port), hostname, () =>
        socket.write(`GET /rpc HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`, () =>
          socket.resetAndDestroy()
        )
      )
      socket.on("error", () => {})
      socket.on("close", () => resume(Effect.void))
    })
    yield* Effect.all(Effect.replicate(reset, 50), { concurrency: "unbounded", discard: true })
    expect((yield* send(`${url}/health`)).status).toBe(200)
  })
)

it.scopedLive("X1 without authentication the host and the origin are still checked", () =>
  Effect.gen(function* () {
    const { url } = yield* start({ auth: false })
    expect((yield* send(`${url}/api/state`)).status).toBe(200)
    expect((yield* send(`${url}/api/state`, { headers: { origin: "https://evil.example" } })).status).toBe(403)
    expect((yield* send(`${url}/api/state`, { headers: { host: "evil.example" } })).status).toBe(403)
    expect(
      (yield* send(`${url}/api/state`, { headers: { "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors" } })).status
    ).toBe(403)
    expect(yield* upgrade(url, "/rpc", { origin: "https://evil.example" })).toBe(403)
  })
)

it.scopedLive("X1 health answers without a token and to any host, and reveals nothing", () =>
  Effect.gen(function* () {
    const { url, fake } = yield* start()
    for (const path of ["/health", "/ready"]) {
      const answer = yield* send(`${url}${path}`, { headers: { host: "pod.cluster" } })
      expect([answer.status, answer.body]).toEqual([200, '{"status":"ok"}'])
    }
    for (const [ready, body] of [
      [{ status: "draining" }, '{"status":"draining"}'],
      [{ status: "unavailable", reason: "log.db was removed" }, '{"status":"unavailable","reason":"log.db was removed"}']
    ] as const) {
      fake.ready = ready
      const answer = yield* send(`${url}/ready`)
      expect([answer.status, answer.body, answer.headers["retry-after"]]).toEqual([503, body, "1"])
    }
  })
)

it("X1 the host names that a server accepts", () => {
  const ok = (host: string, given: string) => Either.isRight(Access.make({ host })({ url: "/", headers: { host: given } }))
  expect(
    ["127.0.0.1:7717", "localhost", "LOCALHOST:1", "[::1]:7717", "127.9.9.9"].map((given) => ok("127.0.0.1", given))
  ).toEqual(Array(5).fill(true))
  expect(
    ["", "evil", "127.0.0.1@evil", "evil/127.0.0.1", "192.168.0.1", "localhost.evil"].map((given) => ok("127.0.0.1", given))
  ).toEqual(Array(6).fill(false))
  expect(ok("192.168.0.7", "192.168.0.7:7717")).toBe(true)
  expect(ok("0.0.0.0", "evil.example")).toBe(false)
})

it("X2 without authentication the server listens on loopback only", () => {
  for (const host of ["127.0.0.1", "127.1.2.3", "localhost", "::1", "[::1]"])
    expect(Either.isRight(checkBind(host, false))).toBe(true)
  for (const host of ["0.0.0.0", "::", "192.168.0.1", "example.org", "127.0.0.1.example.org"]) {
    expect(Either.isLeft(checkBind(host, false))).toBe(true)
    expect(Either.isRight(checkBind(host, true))).toBe(true)
  }
})

it.scopedLive("X2 a server without authentication does not start on other addresses, and its error says what to do", () =>
  Effect.gen(function* () {
    const error = yield* Effect.flip(start({ auth: false, host: "0.0.0.0" }))
    expect(error).toMatchObject({ _tag: "BindRefused", message: expect.stringContaining("--no-auth") })
    const foreign = yield* Effect.flip(start({ auth: false, allowedOrigins: ["https://app.example"] }))
    expect(foreign).toMatchObject({ _tag: "BindRefused", message: expect.stringContaining("https://app.example") })
  })
)

it.scopedLive("X3 a pairing link works once and creates a browser session, which revoke ends", () =>
  Effect.gen(function* () {
    const { url, token, dataDir } = yield* start()
    const made = yield* send(`${url}/api/pair`, { method: "POST", headers: { authorization: `Bearer ${token}` } })
    const { url: link } = JSON.parse(made.body) as { url: string }
    expect((yield* send(link, { method: "HEAD" })).status).toBe(204)
    const [first, second] = yield* Effect.all([send(link), send(link)], { concurrency: "unbounded" })
    expect([first.status, second.status].sort()).toEqual([303, 403])
    expect((yield* send(link)).status).toBe(403)
    const set = String((first.status === 303 ? first : second).headers["set-cookie"])
    expect(set).toMatch(/; HttpOnly; SameSite=Strict/)
    const cookie = set.split(";")[0] ?? ""
    expect((yield* send(`${url}/api/state`, { headers: { cookie } })).status).toBe(200)
    expect((yield* send(link, { headers: { cookie } })).status, "the browser that has it opens the link again").toBe(303)
    const post = (headers: Record<string, string>) => send(`${url}/api/pair`, { method: "POST", headers: { cookie, ...headers } })
    expect((yield* post({})).status, "a cookie alone changes nothing (X1)").toBe(403)
    expect((yield* post({ origin: url })).status, "the page of this server").toBe(200)
    const session = (yield* Tokens.list(dataDir)).find(({ kind }) => kind === "session")
    yield* Tokens.revoke(dataDir, session?.id ?? "")
    expect((yield* send(`${url}/api/state`, { headers: { cookie } })).status).toBe(401)
  })
)

it.scopedLive("X3 a program pairs with a code made by another process, once", () =>
  Effect.gen(function* () {
    const { url, dataDir } = yield* start()
    const { code } = yield* Pairing.create(dataDir, { name: "phone" })
    const pair = send(`${url}/pair`, { body: JSON.stringify({ code }) })
    const answer = yield* pair
    const { token, name } = JSON.parse(answer.body) as { token: string; name: string }
    expect([answer.status, name]).toEqual([200, "phone"])
    expect((yield* send(`${url}/api/state`, { headers: { authorization: `Bearer ${token}` } })).status).toBe(200)
    expect(yield* pair).toMatchObject({ status: 403, body: expect.stringContaining("millrace pair") })
  })
)

it.scoped("X3 a code expires", () =>
  Effect.gen(function* () {
    const dataDir = yield* temporaryDirectory
    const { code } = yield* Pairing.create(dataDir, { ttl: "1 minute" })
    yield* TestClock.adjust("1 minute")
    expect(Option.isNone(yield* Pairing.consume(dataDir, code))).toBe(true)
  })
)

it.scoped("X3 a line that a full disk truncated does not destroy the revoke after it", () =>
  Effect.gen(function* () {
    const dataDir = yield* temporaryDirectory
    const { record } = yield* Tokens.create(dataDir, { name: "laptop" })
    appendFileSync(join(dataDir, "tokens.jsonl"), '{"op":"create","id":"tok_half')
    yield* Tokens.revoke(dataDir, record.id)
    expect((yield* Tokens.list(dataDir)).map(({ revokedAt }) => revokedAt !== undefined)).toEqual([true])
  })
)

it.scoped("X4 only hashes of tokens are on disk, readable by their owner alone", () =>
  Effect.gen(function* () {
    const dataDir = yield* temporaryDirectory
    const { token, record } = yield* Tokens.create(dataDir, { name: "laptop" })
    const path = join(dataDir, "tokens.jsonl")
    expect(readFileSync(path, "utf8")).not.toContain(token.slice(4, 20))
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(yield* Tokens.list(dataDir)).toEqual([record])
    yield* Tokens.revoke(dataDir, record.last4)
    expect((yield* Tokens.list(dataDir))[0]?.revokedAt).toBeDefined()
    expect(yield* Effect.flip(Tokens.revoke(dataDir, "laptop"))).toMatchObject({ _tag: "TokenNotFound" })
  })
)

it.scopedLive("X4 traces name requests and contain none of their secrets", () =>
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
    const { url, token, dataDir } = yield* Effect.withTracer(start(), tracer)
    const { code } = yield* Pairing.create(dataDir)
    const paired = yield* send(Pairing.link(url, code))
    const cookie = String(paired.headers["set-cookie"]).split(";")[0] ?? ""
    yield* send(`${url}/api/state`, { headers: { authorization: `Bearer ${token}`, cookie } })
    yield* send(`${url}/api/state?access_token=${token}`)
    expect(seen.some((attribute) => attribute.includes("/api/state"))).toBe(true)
    for (const secret of [code, token, cookie.split("=")[1] ?? "?"])
      expect(seen.filter((attribute) => attribute.includes(secret))).toEqual([])
  })
)
