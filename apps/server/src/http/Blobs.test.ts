/** Uploads and downloads of blobs over HTTP, against a whole server. */
import { expect, it } from "@effect/vitest"
import * as HttpTransport from "@millrace/client/HttpTransport"
import { maxBlobBytes } from "@millrace/contracts/Blob"
import * as ScriptedProvider from "@millrace/testing/ScriptedProvider"
import { Effect, Stream } from "effect"
import { createHash } from "node:crypto"
import * as Hosted from "../../test/support/Hosted.ts"
import * as Tokens from "../auth/Tokens.ts"

const whole = <E>(content: Stream.Stream<Uint8Array, E>) =>
  Effect.map(Stream.runCollect(content), (parts) => Buffer.concat(Array.from(parts)))

it.live(
  "L22 X1 X5 X9 content is stored and read by its hash; the limit, scopes, headers and errors are those of the contract",
  () =>
    Effect.gen(function* () {
      const { dataDir, host, token, url } = yield* Hosted.start(undefined, [ScriptedProvider.make().adapter])
      const reader = (yield* Tokens.create(dataDir, { name: "reader", scope: "read" })).token
      const bearer = (of: string) => ({ authorization: `Bearer ${of}` })
      const call = (path: string, init: RequestInit = {}) =>
        Effect.promise(() => fetch(`${url}${path}`, { headers: bearer(token), ...init }))
      const put = (body: Buffer, type: string, of = token) =>
        call("/api/blobs", { method: "POST", body: new Uint8Array(body), headers: { ...bearer(of), "content-type": type } })

      const content = Buffer.from("a line of text 😀\n".repeat(100_000))
      const hash = createHash("sha256").update(content).digest("hex")
      // A later upload of the same content has its own media type.
      expect((yield* put(content, "text/plain")).status).toBe(201)
      const stored = yield* put(content, "Text/X-Log; charset=utf-8")
      expect(stored.status).toBe(201)
      const blob = { hash, bytes: content.length, mediaType: "text/x-log; charset=utf-8" }
      expect(yield* Effect.promise(() => stored.json())).toEqual(blob)
      const got = yield* call(`/api/blobs/${hash}`, { headers: bearer(reader) })
      expect(got.status).toBe(200)
      expect(Buffer.from(yield* Effect.promise(() => got.arrayBuffer())).equals(content)).toBe(true)
      expect(Object.fromEntries(got.headers)).toMatchObject({
        "content-type": blob.mediaType,
        "content-disposition": "attachment",
        "cache-control": "private, max-age=3600",
        "x-content-type-options": "nosniff"
      })
      const plain = { ...bearer(token), "accept-encoding": "identity" }
      expect((yield* call(`/api/blobs/${hash}`, { headers: plain })).headers.get("etag")).toBe(`"${hash}"`)
      const head = yield* call(`/api/blobs/${hash}`, { method: "HEAD", headers: plain })
      expect([head.status, head.headers.get("content-length")]).toEqual([200, String(content.length)])
      expect((yield* call(`/api/blobs/${hash}`, { headers: { ...plain, "if-none-match": `"${hash}"` } })).status).toBe(304)
      // Ranges, within one part of 1 MiB and across two.
      const ranged = (range: string, more: Record<string, string> = {}, method = "GET") =>
        Effect.flatMap(call(`/api/blobs/${hash}`, { method, headers: { ...bearer(token), range, ...more } }), (response) =>
          Effect.promise(async () => ({
            status: response.status,
            range: response.headers.get("content-range"),
            length: Number(response.headers.get("content-length")),
            accepts: response.headers.get("accept-ranges"),
            body: Buffer.from(await response.arrayBuffer())
          }))
        )
      for (const [start, end] of [
        [0, 1],
        [1_048_570, 1_048_580],
        [1_048_576, content.length],
        [5, content.length]
      ] as const) {
        const part = yield* ranged(`bytes=${start}-${end - 1}`, { "if-range": `"${hash}"` })
        expect([part.status, part.range, part.length]).toEqual([206, `bytes ${start}-${end - 1}/${content.length}`, end - start])
        expect(part.body.equals(content.subarray(start, end))).toBe(true)
      }
      expect((yield* ranged("bytes=-3")).body.equals(content.subarray(-3))).toBe(true)
      expect(yield* ranged(`bytes=${content.length}-`)).toMatchObject({ status: 416, range: `bytes */${content.length}` })
      for (const wholly of [yield* ranged("bytes=0-1,4-5"), yield* ranged("bytes=0-1", { "if-range": '"other"' })]) {
        expect([wholly.status, wholly.range, wholly.accepts]).toEqual([200, null, "bytes"])
        expect(wholly.body.equals(content)).toBe(true)
      }
      expect(yield* ranged("bytes=0-1", {}, "HEAD")).toMatchObject({ status: 200, length: content.length, accepts: "bytes" })
      // A range of JSON is not compressed.
      const list = Buffer.from(JSON.stringify(Array.from({ length: 5_000 }, (_, n) => n)))
      const { hash: json } = yield* Effect.promise(
        async () => (await Effect.runPromise(put(list, "application/json"))).json() as Promise<{ hash: string }>
      )
      const part = yield* call(`/api/blobs/${json}`, {
        headers: { ...bearer(token), "accept-encoding": "br", range: "bytes=10-4009" }
      })
      expect([part.status, part.headers.get("content-encoding")]).toEqual([206, null])
      expect(yield* Effect.promise(() => part.text())).toBe(list.toString("latin1", 10, 4_010))
      const image = yield* put(Buffer.from([0x89, 0x50]), "image/png")
      const { hash: png } = yield* Effect.promise(() => image.json() as Promise<{ hash: string }>)
      expect((yield* call(`/api/blobs/${png}`)).headers.get("content-disposition")).toBeNull()

      expect((yield* put(content, "text/plain", reader)).status).toBe(403)
      expect((yield* call(`/api/blobs/${hash}`, { headers: {} })).status).toBe(401)
      expect((yield* call(`/api/blobs/${"0".repeat(64)}`)).status).toBe(404)
      for (const malformed of ["x", hash.toUpperCase(), `${hash}0`])
        expect((yield* call(`/api/blobs/${malformed}`)).status).toBe(400)
      const large = yield* put(Buffer.alloc(maxBlobBytes + 1), "text/plain")
      expect([large.status, yield* Effect.promise(() => large.json())]).toMatchObject([
        413,
        { _tag: "PayloadTooLarge", limitBytes: maxBlobBytes }
      ])

      const client = HttpTransport.make({ url, token })
      expect(yield* client.putBlob(Stream.make(content), blob.mediaType)).toEqual(blob)
      expect((yield* whole(client.getBlob(hash))).equals(content)).toBe(true)
      const tooLong = Stream.map(Stream.range(1, 33), () => Buffer.alloc(1024 * 1024))
      expect(yield* Effect.flip(client.putBlob(tooLong, "text/plain"))).toMatchObject({ _tag: "PayloadTooLarge" })
      expect((yield* whole((yield* host.getBlob(hash)).content)).equals(content)).toBe(true)
      expect(yield* Effect.flip(host.getBlob("0".repeat(64)))).toMatchObject({ _tag: "NotFound" })
      expect(yield* Effect.flip(host.putBlob(tooLong, "text/plain"))).toMatchObject({ _tag: "PayloadTooLarge" })
    }).pipe(Effect.scoped)
)
