/** Export and import over HTTP. An export streams in constant memory. An import is stored in a temporary file first, so that it is validated before it is written. */
import { type FileHandle, mkdtemp, open, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type HttpServerRequest, HttpServerResponse } from "@effect/platform"
import { NodeHttpServerRequest } from "@effect/platform-node"
import { Effect, Option, type Scope, Stream } from "effect"
import { BadRequest, PayloadTooLarge, StorageUnavailable } from "@millrace/contracts/Errors"
import type { ThreadId } from "@millrace/contracts/Ids"
import { type ExportFormat, ProviderUnavailable } from "@millrace/contracts/Import"
import type { ProviderError } from "@millrace/contracts/ProviderAdapter"
import { messageOf } from "../NodeError.ts"
import * as Body from "./Body.ts"

/** Size limit of an import, in bytes. */
export const maxImport = 1024 * 1024 * 1024

const types = {
  json: ["application/json; charset=utf-8", "json"],
  ndjson: ["application/x-ndjson; charset=utf-8", "ndjson"],
  markdown: ["text/markdown; charset=utf-8", "md"]
} as const

/** The response with a document. An error of the stream destroys the connection, so that a partial document does not look complete. */
export const download = (
  request: HttpServerRequest.HttpServerRequest,
  threadId: ThreadId,
  format: ExportFormat,
  document: Stream.Stream<string, StorageUnavailable>
): HttpServerResponse.HttpServerResponse => {
  const [contentType, ending] = types[format]
  const body = document.pipe(
    Stream.map((part) => Buffer.from(part)),
    Stream.tapError(() => Effect.sync(() => NodeHttpServerRequest.toServerResponse(request).destroy()))
  )
  return HttpServerResponse.stream(body, {
    contentType,
    headers: { "content-disposition": `attachment; filename="${threadId}.${ending}"`, "cache-control": "private, no-store" }
  })
}

/** Bytes per read of the file. */
const pieceBytes = 64 * 1024

/**
 * The content of the file; every run reads it from the start. The handle stays the only owner of its descriptor: a `ReadStream` over that descriptor
 * closes it when reading ends early, even with `autoClose: false` (nodejs/node#45721), and the handle would then close the same number again, which
 * may belong to another file or socket by then.
 */
const contentOf = <E>(file: FileHandle, broken: (cause: unknown) => E): Stream.Stream<Uint8Array, E> =>
  Stream.unfoldEffect(0, (position) =>
    Effect.map(
      Effect.tryPromise({ try: () => file.read(Buffer.allocUnsafe(pieceBytes), 0, pieceBytes, position), catch: broken }),
      ({ buffer, bytesRead }) =>
        bytesRead === 0 ? Option.none() : Option.some([buffer.subarray(0, bytesRead), position + bytesRead] as const)
    )
  )

/** Stores the body in a temporary file, removed with the scope, and returns its bytes as a stream that can be run repeatedly. */
export const upload = (
  request: HttpServerRequest.HttpServerRequest
): Effect.Effect<Stream.Stream<Uint8Array, StorageUnavailable>, BadRequest | PayloadTooLarge | StorageUnavailable, Scope.Scope> =>
  Effect.gen(function* () {
    const source = NodeHttpServerRequest.toIncomingMessage(request)
    const broken = (cause: unknown) =>
      new StorageUnavailable({
        message: `Cannot store the export: ${messageOf(cause)}. Send it again.`,
        retryAfterMillis: 1000
      })
    // The file is unlinked once it is open, so that a killed server leaves nothing behind.
    const file = yield* Effect.acquireRelease(
      Effect.tryPromise({
        try: async () => {
          const directory = await mkdtemp(join(tmpdir(), "millrace-import-"))
          try {
            return await open(join(directory, "export"), "wx+", 0o600)
          } finally {
            await rm(directory, { recursive: true, force: true })
          }
        },
        catch: broken
      }),
      // Waits for the reads and writes in flight.
      (opened) => Effect.promise(() => opened.close())
    )
    const size = yield* Effect.tryPromise({
      try: async () => {
        let bytes = 0
        // `destroyOnReturn: false` keeps the request open after an early return, so that its client gets a response.
        for await (const chunk of source.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
          bytes += chunk.length
          if (bytes > maxImport) return bytes
          await file.writeFile(chunk)
        }
        return bytes
      },
      catch: broken
    })
    if (size > maxImport) {
      Body.discard(source, NodeHttpServerRequest.toServerResponse(request))
      return yield* new PayloadTooLarge({
        limitBytes: maxImport,
        message: `The export is too large: the limit is ${maxImport} bytes.`
      })
    }
    if (size === 0) return yield* new BadRequest({ message: "The body is empty. Send an export: --data-binary @FILE" })
    return contentOf(file, broken)
  })

/** Maps an agent's error to `ProviderUnavailable`. */
export const unavailable =
  (provider: string) =>
  <E>(error: E | ProviderError): E | ProviderUnavailable =>
    isProviderError(error) ? new ProviderUnavailable({ provider, message: error.failure.message }) : error

const isProviderError = <E>(error: E | ProviderError): error is ProviderError =>
  typeof error === "object" && error !== null && "_tag" in error && error._tag === "ProviderError"
