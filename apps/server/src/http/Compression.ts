/**
 * Compression of JSON responses, by `Accept-Encoding`: brotli or gzip. Server-sent events are never compressed, because they must arrive one by one; a body
 * below `leastBytes` is not compressed either. zlib works in Node's thread pool, not on the event loop. A streamed body is compressed as the client reads it.
 */
import { pipeline } from "node:stream"
import { promisify } from "node:util"
import * as zlib from "node:zlib"
import { Headers, HttpServerResponse, type HttpServerRequest } from "@effect/platform"
import { NodeStream } from "@effect/platform-node"
import { Effect, Stream } from "effect"

/** The server chooses the first encoding if the client prefers none. */
const encodings = ["br", "gzip"] as const
export type Encoding = (typeof encodings)[number]

/** Below this a compressed body saves less than a packet of the network. */
const leastBytes = 1024

/** Quality 4 of 11: a page takes about as long as with gzip, and is smaller. */
const brotli = { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 4 } }
const whole: Readonly<Record<Encoding, (bytes: Uint8Array) => Promise<Buffer>>> = {
  br: (bytes) => promisify(zlib.brotliCompress)(bytes, brotli),
  gzip: (bytes) => promisify(zlib.gzip)(bytes)
}
const streamed = { br: () => zlib.createBrotliCompress(brotli), gzip: () => zlib.createGzip() }

/**
 * The compressed stream. It reads the next part when its reader has taken the last one. `NodeStream.pipeThroughDuplex` does not wait if the source is
 * always ready. An error or an interruption on either side ends both.
 */
const compressed = (parts: Stream.Stream<Uint8Array, unknown>, encoding: Encoding): Stream.Stream<Uint8Array, unknown> =>
  Stream.unwrap(
    Effect.map(NodeStream.toReadable(parts), (readable) =>
      NodeStream.fromReadable(
        () => pipeline(readable, streamed[encoding](), () => {}),
        (cause): unknown => cause
      )
    )
  )

/** The encoding with the greatest weight (RFC 9110, 12.5.3). `undefined`: the client accepts none, or prefers the plain body. */
export const chosen = (accepted: string | undefined): Encoding | undefined => {
  const weights = new Map<string, number>()
  for (const part of (accepted ?? "").toLowerCase().split(",")) {
    const [name = "", ...parameters] = part.split(";").map((text) => text.trim())
    const weight = parameters.find((parameter) => parameter.startsWith("q="))?.slice(2)
    // A weight that is not a number counts as a refusal.
    weights.set(name, weight === undefined ? 1 : Number(weight) || 0)
  }
  let best: Encoding | undefined
  let most = weights.get("identity") ?? 0
  for (const encoding of encodings) {
    const weight = weights.get(encoding) ?? weights.get("*") ?? 0
    if (weight > most) [best, most] = [encoding, weight]
  }
  return best
}

/** A compressed body has other bytes, so it has another strong ETag. */
const tagged = (etag: string, encoding: Encoding) => (/^"[^"]*"$/.test(etag) ? `${etag.slice(0, -1)}.${encoding}"` : etag)

/** `If-None-Match` without the suffix of this encoding, so with the tags of the routes. Other tags stay, because a client may have the plain body. */
export const plainTags = (ifNoneMatch: string, encoding: Encoding): string => ifNoneMatch.replaceAll(`.${encoding}"`, `"`)

const isJson = (contentType: string | undefined): boolean => /^application\/(json|x-ndjson)\b/.test(contentType ?? "")

const varying = (vary: string | undefined): string => (vary === undefined ? "accept-encoding" : `${vary}, accept-encoding`)

/** The response in an encoding that the client accepts. `request`: the request as it was received. */
export const apply = (
  request: Pick<HttpServerRequest.HttpServerRequest, "method" | "headers">,
  response: HttpServerResponse.HttpServerResponse
): Effect.Effect<HttpServerResponse.HttpServerResponse> => {
  const { body, headers, status } = response
  const encoding = chosen(request.headers["accept-encoding"])
  const etag = headers["etag"]
  if (status === 304 && etag !== undefined) {
    const isCompressed = encoding !== undefined && request.headers["if-none-match"]?.includes(tagged(etag, encoding)) === true
    return Effect.succeed(
      HttpServerResponse.setHeaders(response, {
        vary: varying(headers["vary"]),
        ...(isCompressed && { etag: tagged(etag, encoding) })
      })
    )
  }
  // A range is always a range of the plain body.
  if (!isJson(headers["content-type"]) || headers["content-encoding"] !== undefined || status === 206)
    return Effect.succeed(response)
  const varied = HttpServerResponse.setHeader(response, "vary", varying(headers["vary"]))
  if (encoding === undefined || request.method === "HEAD") return Effect.succeed(varied)
  const kept = {
    status,
    cookies: response.cookies,
    contentType: headers["content-type"] ?? "",
    headers: Headers.remove(
      Headers.setAll(varied.headers, {
        "content-encoding": encoding,
        ...(etag !== undefined && { etag: tagged(etag, encoding) })
      }),
      "content-length"
    )
  }
  if (body._tag === "Stream") return Effect.succeed(HttpServerResponse.stream(compressed(body.stream, encoding), kept))
  if (body._tag !== "Uint8Array" || body.body.length < leastBytes) return Effect.succeed(varied)
  return Effect.map(
    Effect.promise(() => whole[encoding](body.body)),
    (bytes) => HttpServerResponse.uint8Array(bytes, kept)
  )
}
