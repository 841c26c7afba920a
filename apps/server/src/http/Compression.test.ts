import { randomBytes } from "node:crypto"
import { request } from "node:http"
import { brotliDecompressSync, gunzipSync } from "node:zlib"
import { expect, it } from "@effect/vitest"
import { Headers, HttpServerResponse } from "@effect/platform"
import { Effect, Option, Stream } from "effect"
import { event, type Fixture, live, start } from "../../test/support/Fixture.ts"
import * as Compression from "./Compression.ts"

const decoders = { gzip: gunzipSync, br: brotliDecompressSync }

/** One request with the token. `text`: the decoded body. */
const get = ({ token, url }: Pick<Fixture, "token" | "url">, path: string, headers: Record<string, string>, method = "GET") =>
  Effect.async<{ status: number; headers: Record<string, string | undefined>; bytes: number; text: string }, Error>((resume) => {
    const sent = request(
      `${url}${path}`,
      { method, agent: false, headers: { authorization: `Bearer ${token}`, ...headers } },
      (response) => {
        const parts: Array<Buffer> = []
        response.on("data", (part: Buffer) => parts.push(part))
        response.on("end", () => {
          const body = Buffer.concat(parts)
          const encoding = response.headers["content-encoding"]
          resume(
            Effect.succeed({
              status: response.statusCode ?? 0,
              headers: response.headers as Record<string, string | undefined>,
              bytes: body.length,
              text: (encoding === "gzip" || encoding === "br" ? decoders[encoding](body) : body).toString("utf8")
            })
          )
        })
        response.on("error", (error) => resume(Effect.fail(error)))
      }
    )
    sent.on("error", (error) => resume(Effect.fail(error)))
    sent.end()
  })

const filled = (events: number) =>
  Effect.tap(start(), ({ append }) =>
    append(...Array.from({ length: events }, (_, n) => event(n, "thread/thr_a", { text: `word ${n} `.repeat(20) })))
  )

it.scopedLive("D4 a page, the whole log and a read model are the same text in every encoding, and smaller", () =>
  Effect.gen(function* () {
    const fixture = yield* filled(500)
    for (const [path, accept] of [
      ["/api/events?since=0&limit=400", "application/json"],
      ["/api/events?since=0&limit=400", "application/x-ndjson"],
      ["/api/events", "application/json"],
      ["/api/events", "application/x-ndjson"],
      ["/openapi.json", "application/json"]
    ] as const) {
      const plain = yield* get(fixture, path, { accept })
      expect([path, plain.headers["content-encoding"], plain.headers["vary"]]).toEqual([
        path,
        undefined,
        expect.stringContaining("accept-encoding")
      ])
      for (const encoding of ["gzip", "br"] as const) {
        const answer = yield* get(fixture, path, { accept, "accept-encoding": `deflate, ${encoding}` })
        expect([path, answer.status, answer.headers["content-encoding"]]).toEqual([path, 200, encoding])
        expect(answer.text === plain.text, `${path} ${accept} ${encoding}`).toBe(true)
        expect(answer.bytes).toBeLessThan(plain.bytes / 3)
        expect(answer.headers["x-millrace-last-idx"]).toBe(plain.headers["x-millrace-last-idx"])
        expect(answer.headers["vary"]).toContain("accept-encoding")
      }
    }
  })
)

it.scopedLive("D4 each encoding of a page has its own strong ETag, and If-None-Match gives 304 for it", () =>
  Effect.gen(function* () {
    const fixture = yield* filled(500)
    const path = "/api/events?since=0&limit=400"
    const seen = new Set<string>()
    for (const encoding of ["identity", "gzip", "br"]) {
      const first = yield* get(fixture, path, { "accept-encoding": encoding })
      const etag = first.headers["etag"] ?? ""
      expect(etag).toMatch(/^"[^"]+"$/)
      seen.add(etag)
      const again = yield* get(fixture, path, { "accept-encoding": encoding, "if-none-match": `"other", ${etag}` })
      expect([again.status, again.headers["etag"], again.bytes]).toEqual([304, etag, 0])
      expect(again.headers["vary"]).toContain("accept-encoding")
    }
    expect(seen.size).toBe(3)
    const gzipped = [...seen].find((etag) => etag.endsWith('.gzip"')) ?? ""
    const other = yield* get(fixture, path, { "accept-encoding": "br", "if-none-match": gzipped })
    expect(other.status, "the tag of another encoding").toBe(200)
  })
)

it.scopedLive("D4 what is not compressed: server-sent events, a small answer, HEAD, and what the client does not accept", () =>
  Effect.gen(function* () {
    const fixture = yield* filled(50)
    const all = { "accept-encoding": "gzip, br" }
    expect((yield* get(fixture, "/api/capabilities", all)).headers["content-encoding"]).toBeUndefined()
    expect((yield* get(fixture, "/api/events", all, "HEAD")).headers["content-encoding"]).toBeUndefined()
    for (const refused of ["", "gzip;q=0, br;q=0", "identity", "deflate", "*;q=0"])
      expect([refused, (yield* get(fixture, "/api/events", { "accept-encoding": refused })).headers["content-encoding"]]).toEqual(
        [refused, undefined]
      )
    const stream = yield* live(`${fixture.url}/api/events`, {
      ...all,
      accept: "text/event-stream",
      authorization: `Bearer ${fixture.token}`
    })
    yield* stream.until("event: caught-up")
  })
)

it.live("D7 a streamed body is compressed as its client reads it, not ahead of it", () =>
  Effect.gen(function* () {
    for (const encoding of ["gzip", "br"]) {
      let made = 0
      // It never ends: a compressor that collected the whole body would never answer.
      const endless = Stream.repeatEffect(Effect.sync(() => (made++, randomBytes(64 * 1024))))
      const { body } = yield* Compression.apply(
        { method: "GET", headers: Headers.fromInput({ "accept-encoding": encoding }) },
        HttpServerResponse.stream(endless, { contentType: "application/x-ndjson" })
      )
      const first = body._tag === "Stream" ? yield* Stream.runHead(body.stream) : Option.none()
      expect(Option.isSome(first)).toBe(true)
      expect(made).toBeLessThan(500)
    }
  })
)

it("D4 the encoding with the greatest weight", () => {
  for (const [accepted, encoding] of [
    [undefined, undefined],
    ["gzip", "gzip"],
    ["GZIP", "gzip"],
    ["gzip, br", "br"],
    ["gzip, deflate, br;q=0.9", "gzip"],
    ["br;q=0.5, gzip;q=0.8", "gzip"],
    ["*", "br"],
    ["br;q=0, *", "gzip"],
    ["identity;q=1, gzip;q=0.5", undefined],
    ["gzip;q=nonsense", undefined]
  ] as const)
    expect([accepted, Compression.chosen(accepted)]).toEqual([accepted, encoding])
})
