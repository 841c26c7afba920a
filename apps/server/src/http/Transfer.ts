/** Export and import over HTTP. An export streams in constant memory. An import goes to a temporary file first, so that it is validated before it is written. */
import { type HttpServerRequest, HttpServerResponse } from "@effect/platform"
import { NodeHttpServerRequest } from "@effect/platform-node"
import { Effect, type Scope, Stream } from "effect"
import { BadRequest, PayloadTooLarge, StorageUnavailable, type Unauthorized } from "@millrace/contracts/Errors"
import type { ThreadId } from "@millrace/contracts/Ids"
import { type ExportFormat, ProviderUnavailable } from "@millrace/contracts/Import"
import * as Iterable from "@millrace/contracts/Iterable"
import type { ProviderError } from "@millrace/contracts/ProviderAdapter"
import * as Spool from "@millrace/host/Spool"
import { Session, stillValid } from "../auth/Session.ts"
import { messageOf } from "../NodeError.ts"
import * as Body from "./Body.ts"

/** Size limit of an import, in bytes. */
export const maxImport = 1024 * 1024 * 1024

const types = {
  json: ["application/json; charset=utf-8", "json"],
  ndjson: ["application/x-ndjson; charset=utf-8", "ndjson"],
  markdown: ["text/markdown; charset=utf-8", "md"]
} as const

/** The response with a document. If the stream fails or the token ends, the connection is destroyed, so that a partial document does not look complete. */
export const download = (
  request: HttpServerRequest.HttpServerRequest,
  threadId: ThreadId,
  format: ExportFormat,
  session: Session["Type"],
  document: Stream.Stream<string, StorageUnavailable>
): HttpServerResponse.HttpServerResponse => {
  const [contentType, ending] = types[format]
  const body = document.pipe(
    Stream.tap(() => stillValid(session)),
    Stream.map((part) => Buffer.from(part)),
    Stream.tapError(() => Effect.sync(() => NodeHttpServerRequest.toServerResponse(request).destroy()))
  )
  return HttpServerResponse.stream(body, {
    contentType,
    headers: { "content-disposition": `attachment; filename="${threadId}.${ending}"`, "cache-control": "private, no-store" }
  })
}

/** Stores the body in a temporary file, removed with the scope, and returns its bytes as a stream that can be run repeatedly. */
export const upload = (
  request: HttpServerRequest.HttpServerRequest
): Effect.Effect<
  Stream.Stream<Uint8Array, StorageUnavailable>,
  BadRequest | PayloadTooLarge | StorageUnavailable | Unauthorized,
  Scope.Scope | Session
> =>
  Effect.gen(function* () {
    const session = yield* Session
    const source = NodeHttpServerRequest.toIncomingMessage(request)
    // `destroyOnReturn: false` keeps the request open after an early return, so that its client gets a response.
    const chunks = source.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>
    const body = Iterable.toStream(
      chunks,
      (cause) =>
        new StorageUnavailable({
          message: `Cannot read the export: ${messageOf(cause)}. Send it again.`,
          retryAfterMillis: 1000
        })
    )
    const { bytes, size } = yield* Spool.make(body, maxImport)
    yield* stillValid(session)
    if (size > maxImport) {
      Body.discard(source, NodeHttpServerRequest.toServerResponse(request))
      return yield* new PayloadTooLarge({
        limitBytes: maxImport,
        message: `The export is too large: the limit is ${maxImport} bytes.`
      })
    }
    if (size === 0) return yield* new BadRequest({ message: "The body is empty. Send an export: --data-binary @FILE" })
    return bytes
  })

/** Maps an agent's error to `ProviderUnavailable`. */
export const unavailable =
  (provider: string) =>
  <E>(error: E | ProviderError): E | ProviderUnavailable =>
    isProviderError(error) ? new ProviderUnavailable({ provider, message: error.failure.message }) : error

const isProviderError = <E>(error: E | ProviderError): error is ProviderError =>
  typeof error === "object" && error !== null && "_tag" in error && error._tag === "ProviderError"
