/** No other spelling of a target or a header bypasses the guard of a route. */
import { expect, it } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import { live, send, start } from "../../test/support/Fixture.ts"
import { get, raw, webSocket } from "../../test/support/Raw.ts"
import * as Access from "../auth/Access.ts"

const spellings = ["/rpc", "/rpc/", "//rpc", "/%72pc", "/%72%70%63//", "http://127.0.0.1/rpc", "/rpc#x", "/rpc?a=/b"]

it.scopedLive(
  "D8 S6 a malformed handshake is rejected and its connection closes, in any spelling of /rpc, and does not delay a shutdown",
  () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { token, url } = yield* Scope.extend(start({ grace: "10 minutes" }), scope)
      const bad = { ...webSocket, authorization: `Bearer ${token}`, "sec-websocket-version": "7" }
      for (const spelling of spellings) {
        for (const answer of [
          yield* raw(url, get(spelling, bad)),
          yield* raw(url, get(spelling, { ...bad, "sec-websocket-version": "13" }, "HEAD"))
        ]) {
          expect([spelling, answer.slice(0, 12)]).toEqual([spelling, "HTTP/1.1 400"])
          expect(answer).toMatch(/\r\nconnection: close\r\n/i)
        }
      }
      for (const spelling of ["/RPC", "/Rpc/", "//rPC", "/rpc;x"])
        expect(yield* raw(url, get(spelling, bad))).toMatch(/^HTTP\/1\.1 404 [^]*\r\nconnection: close\r\n/i)
      // No connection remains for the grace period to cut.
      yield* Scope.close(scope, Exit.void)
    })
)

it.scopedLive("X1 a rejected upgrade announces that its connection closes, and closes it", () =>
  Effect.gen(function* () {
    const { token, url } = yield* start()
    const auth = { authorization: `Bearer ${token}` }
    const cases: ReadonlyArray<readonly [string, number, string, Record<string, string>]> = [
      ["no token", 401, "/rpc", webSocket],
      ["null origin", 403, "/rpc", { ...webSocket, ...auth, origin: "null" }],
      ["foreign origin", 403, "/rpc", { ...webSocket, ...auth, origin: "https://evil.example" }],
      ["no such path", 404, "/elsewhere", { ...webSocket, ...auth }],
      ["a route that is no socket", 200, "/api/state", { ...webSocket, ...auth }],
      ["another protocol", 426, "/rpc", { connection: "Upgrade", upgrade: "h2c", ...auth }]
    ]
    for (const [name, status, target, headers] of cases) {
      const answer = yield* raw(url, get(target, headers))
      expect([name, answer.slice(0, 12)]).toEqual([name, `HTTP/1.1 ${status}`])
      expect([name, /\r\nconnection: close\r\n/i.test(answer)]).toEqual([name, true])
    }
  })
)

it.scopedLive("X1 a rule for a path applies to every spelling of it", () =>
  Effect.gen(function* () {
    const { token, url } = yield* start()
    const auth = { authorization: `Bearer ${token}` }
    const foreign = { host: "pod.cluster" }
    for (const path of ["/ready/", "//ready", "/%72eady", "/health?x=1"])
      expect([path, (yield* send(`${url}${path}`, { headers: foreign })).status]).toEqual([path, 200])
    for (const path of ["/Ready", "/READY", "/ready;x"])
      expect([path, (yield* send(`${url}${path}`, { headers: foreign })).status]).toEqual([path, 403])
    for (const path of ["//v1/nothing", "/%761/nothing", "/v1//nothing/"])
      expect([path, JSON.parse((yield* send(`${url}${path}`)).body)]).toMatchObject([path, { error: { code: "not_found" } }])
    for (const path of ["//api/state", "/%61pi/state", "/api//state/"]) {
      expect([path, (yield* send(`${url}${path}`)).status]).toEqual([path, 401])
      expect([path, (yield* send(`${url}${path}?token=x`, { headers: auth })).status]).toEqual([path, 401])
      expect([path, (yield* send(`${url}${path}`, { headers: auth })).status]).toEqual([path, 200])
      expect([path, (yield* send(`${url}${path}`, { method: "DELETE", headers: auth })).status]).toEqual([path, 405])
    }
    const stream = yield* live(`${url}//api/events`, { ...auth, accept: "Text/Event-Stream" })
    yield* stream.until("event: caught-up")
  })
)

it("X4 no spelling of a pairing link or of a token in a URL reaches a trace", () => {
  for (const url of ["/pair?code=c", "//pair?code=c", "/%70air?code=c", "/PAIR?code=c", "http://h/pair?code=c", "/x?Token=t"])
    expect([url, Access.isSecret(url)]).toEqual([url, true])
  expect(Access.isSecret("/api/state?since=1")).toBe(false)
})
