/** What a proxy or a browser may cache, and which routes need a token where other machines can reach the server. */
import { expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { send, start } from "../../test/support/Fixture.ts"
import * as Pairing from "../auth/Pairing.ts"

it.scopedLive("X1 no shared cache may store a private answer, whatever its status", () =>
  Effect.gen(function* () {
    const { call } = yield* start()
    const paths = [
      "/api/state",
      "/api/events",
      "/api/events?since=0",
      "/api/threads",
      "/api/threads/thr_a",
      "/api/threads/thr_a/turns",
      "/api/threads/thr_none/items",
      "/api/threads/thr_none/export",
      "/api/requests",
      "/api/providers",
      "/api/processes",
      "/api/tokens",
      "/api/commands/cmd_none",
      "/api/nothing",
      "/v1/models"
    ]
    for (const path of paths) {
      const { headers, status } = yield* call(path)
      expect([path, status, /^(private, no-(store|cache)|no-store)$/.test(headers["cache-control"] ?? "")]).toEqual([
        path,
        status,
        true
      ])
    }
    expect((yield* call("/api/pair", { method: "POST" })).headers["cache-control"]).toBe("private, no-store")
  })
)

it.scopedLive("X1 on a public address, metrics and the API documents need a token; health does not", () =>
  Effect.gen(function* () {
    const described = ["/metrics", "/docs", "/openapi.json", "//metrics"]
    for (const reachable of [
      { publicUrl: "https://millrace.example" },
      { trustProxy: ["127.0.0.1"] },
      { allowedHosts: ["millrace.example"] },
      { host: "0.0.0.0" }
    ]) {
      const { call, url } = yield* start(reachable)
      for (const path of described) {
        expect([path, (yield* send(`${url}${path}`)).status]).toEqual([path, 401])
        const known = yield* call(path)
        expect([path, known.status, known.headers["cache-control"]?.startsWith("private, ") ?? false]).toEqual([
          path,
          200,
          path !== "/docs"
        ])
      }
      for (const path of ["/health", "/ready", "/", "/app.css"])
        expect([path, (yield* send(`${url}${path}`)).status]).toEqual([path, 200])
    }
    const { url } = yield* start()
    for (const path of described) expect([path, (yield* send(`${url}${path}`)).status]).toEqual([path, 200])
  })
)

it.scopedLive("X1 X3 a public URL determines the pairing link, the cookie and the origin; Origin null stays rejected", () =>
  Effect.gen(function* () {
    const { call, dataDir, server, token, url } = yield* start({ publicUrl: "https://millrace.example/" })
    expect(server.publicUrl).toBe("https://millrace.example")
    const made = JSON.parse((yield* call("/api/pair", { method: "POST" })).body) as {
      readonly url: string
      readonly code: string
    }
    expect(made.url).toBe(`https://millrace.example/pair?code=${made.code}`)
    const { code } = yield* Pairing.create(dataDir)
    expect(String((yield* send(Pairing.link(url, code))).headers["set-cookie"])).toMatch(/; HttpOnly; Secure; SameSite=Strict/)
    const auth = { authorization: `Bearer ${token}` }
    const status = (headers: Record<string, string>) =>
      Effect.map(send(`${url}/api/state`, { headers: { ...auth, ...headers } }), (answer) => answer.status)
    expect(yield* status({ host: "millrace.example", origin: "https://millrace.example" })).toBe(200)
    expect(yield* status({ origin: "https://millrace.example" }), "the proxy asks by its own name").toBe(200)
    for (const origin of ["null", "https://evil.example", "http://millrace.example", "https://millrace.example.evil"])
      expect([origin, yield* status({ origin })]).toEqual([origin, 403])
  })
)

it.scopedLive("X1 X-Forwarded headers count from a trusted proxy only", () =>
  Effect.gen(function* () {
    const forwarded = { "x-forwarded-proto": "https", "x-forwarded-host": "millrace.example", "x-forwarded-for": "203.0.113.9" }
    const pairing = (options: Parameters<typeof start>[0]) =>
      Effect.gen(function* () {
        const { call, dataDir, url } = yield* start({ allowedHosts: ["millrace.example"], ...options })
        const made = yield* call("/api/pair", { method: "POST", headers: forwarded })
        const { code } = yield* Pairing.create(dataDir)
        const paired = yield* send(Pairing.link(url, code), { headers: forwarded })
        const link = new URL((JSON.parse(made.body) as { readonly url: string }).url)
        return [link.origin === url ? "own" : link.origin, String(paired.headers["set-cookie"]).includes("; Secure")]
      })
    expect(yield* pairing({})).toEqual(["own", false])
    expect(yield* pairing({ trustProxy: ["10.0.0.0/8", "203.0.113.1"] })).toEqual(["own", false])
    expect(yield* pairing({ trustProxy: ["127.0.0.0/8"] })).toEqual(["https://millrace.example", true])
    const { call } = yield* start({ trustProxy: ["127.0.0.1"] })
    const rebound = yield* call("/api/state", { headers: { "x-forwarded-host": "evil.example" } })
    expect(rebound.status, "a forwarded host has to be a name of the server too").toBe(403)
  })
)
