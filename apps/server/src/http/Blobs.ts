/** Uploads and downloads of blobs. Both stream: memory is bounded by one part. */
import { type HttpServerRequest, HttpServerResponse } from "@effect/platform"
import { NodeHttpServerRequest } from "@effect/platform-node"
import { type Blob, BlobHash, maxBlobBytes } from "@millrace/contracts/Blob"
import {
  BadRequest,
  type NotFound,
  type PayloadTooLarge,
  StorageUnavailable,
  type Unauthorized
} from "@millrace/contracts/Errors"
import * as Iterable from "@millrace/contracts/Iterable"
import { imageTypes, octets } from "@millrace/contracts/MediaType"
import { tooLarge } from "@millrace/host/Blobs"
import { Effect, Schema, Stream } from "effect"
import { Session, stillValid } from "../auth/Session.ts"
import { messageOf } from "../NodeError.ts"
import { Service } from "../Service.ts"
import * as Body from "./Body.ts"
import * as ByteRange from "./ByteRange.ts"
import * as Respond from "./Respond.ts"

const mediaTypeOf = (header: string | undefined): string => {
  const type = header?.trim().toLowerCase() ?? ""
  return /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+(\s*;[\x20-\x7e]*)?$/.test(type) && type.length <= 200 ? type : octets
}

export const upload = (
  request: HttpServerRequest.HttpServerRequest
): Effect.Effect<
  HttpServerResponse.HttpServerResponse,
  BadRequest | PayloadTooLarge | StorageUnavailable | Unauthorized,
  Session | Service
> =>
  Effect.gen(function* () {
    const session = yield* Session
    const service = yield* Service
    const source = NodeHttpServerRequest.toIncomingMessage(request)
    const refuse = Effect.sync(() => Body.discard(source, NodeHttpServerRequest.toServerResponse(request)))
    if (Number(source.headers["content-length"] ?? 0) > maxBlobBytes) return yield* Effect.zipRight(refuse, Effect.fail(tooLarge))
    // `destroyOnReturn: false` keeps the request open after an early return, so that its client gets a response.
    const chunks = source.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>
    const body = Iterable.toStream(
      chunks,
      (cause) =>
        new StorageUnavailable({
          message: `Cannot read the content: ${messageOf(cause)}. Send it again.`,
          retryAfterMillis: 1000
        })
    )
    // Checked before the blob is named: a token that ended while the client sent stores nothing.
    const whole = Stream.concat(body, Stream.drain(Stream.fromEffect(stillValid(session))))
    const stored = yield* Effect.tapErrorTag(
      service.putBlob(whole, mediaTypeOf(request.headers["content-type"])),
      "PayloadTooLarge",
      () => refuse
    )
    return HttpServerResponse.setStatus(Respond.json(stored satisfies Blob, { "cache-control": "private, no-store" }), 201)
  })

const isHash = Schema.is(BlobHash)

/** The content, or one range of it. It never changes: its hash is its ETag. */
export const download = (
  request: HttpServerRequest.HttpServerRequest,
  hash: string
): Effect.Effect<HttpServerResponse.HttpServerResponse, BadRequest | NotFound | StorageUnavailable, Session | Service> =>
  Effect.gen(function* () {
    if (!isHash(hash))
      return yield* new BadRequest({
        path: "hash",
        message: "A hash is the SHA-256 of the content: 64 digits, 0 to 9 and a to f."
      })
    const session = yield* Session
    // Every token reads every blob. A token that is limited to threads would be checked here.
    const { bytes, mediaType, slice } = yield* (yield* Service).getBlob(hash)
    const etag = `"${hash}"`
    const headers = {
      etag,
      "accept-ranges": "bytes",
      "cache-control": "private, max-age=3600",
      "x-content-type-options": "nosniff",
      // A browser may show images. It offers everything else as a download.
      ...(imageTypes.has(mediaType) ? {} : { "content-disposition": "attachment" })
    }
    if (request.headers["if-none-match"]?.includes(hash) === true) return HttpServerResponse.empty({ status: 304, headers })
    // Ranges are defined for GET only.
    const asked = { range: request.method === "GET" ? request.headers["range"] : undefined, ifRange: request.headers["if-range"] }
    const range = ByteRange.of(asked, etag, bytes)
    if (range === "unsatisfiable")
      return Respond.plain(416, "RangeNotSatisfiable", `The content has ${bytes} bytes. Ask for a range within it.`, {
        "content-range": `bytes */${bytes}`,
        "accept-ranges": "bytes"
      })
    const { end, start } = range === "whole" ? { start: 0, end: bytes } : range
    const body = slice(start, end).pipe(
      Stream.tap(() => stillValid(session)),
      // Also if the blob is deleted meanwhile: a partial content must not look complete.
      Stream.tapError(() => Effect.sync(() => NodeHttpServerRequest.toServerResponse(request).destroy()))
    )
    const described = { contentType: mediaType, contentLength: end - start }
    return range === "whole"
      ? HttpServerResponse.stream(body, { ...described, headers })
      : HttpServerResponse.stream(body, {
          ...described,
          status: 206,
          headers: { ...headers, "content-range": `bytes ${start}-${end - 1}/${bytes}` }
        })
  })
