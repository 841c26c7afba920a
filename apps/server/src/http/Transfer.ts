/** Documents over HTTP: an export streams out in constant memory, an import is put down in a file first, so that it can be read whole before it is written. */
import { createReadStream } from "node:fs"
import { mkdtemp, open, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type HttpServerRequest, HttpServerResponse } from "@effect/platform"
import { NodeHttpServerRequest } from "@effect/platform-node"
import { Effect, type Scope, Stream } from "effect"
import { BadRequest, PayloadTooLarge, StorageUnavailable } from "@millrace/contracts/Errors"
import type { ThreadId } from "@millrace/contracts/Ids"
import { type ExportFormat, ProviderUnavailable } from "@millrace/contracts/Import"
import type { ProviderError } from "@millrace/contracts/ProviderAdapter"
import { words } from "../Thrown.ts"

/** The largest export that is taken. */
export const maxImport = 1024 * 1024 * 1024

const types = {
  json: ["application/json; charset=utf-8", "json"],
  ndjson: ["application/x-ndjson; charset=utf-8", "ndjson"],
  markdown: ["text/markdown; charset=utf-8", "md"]
} as const

/** A stream that breaks destroys its connection: a document that ends too early must not look whole. */
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
    headers: { "content-disposition": `attachment; filename="${threadId}.${ending}"`, "cache-control": "no-store" }
  })
}

/** The body, in a file of its own that goes with the scope; as bytes that can be read more than once. */
export const upload = (
  request: HttpServerRequest.HttpServerRequest
): Effect.Effect<Stream.Stream<Uint8Array, StorageUnavailable>, BadRequest | PayloadTooLarge | StorageUnavailable, Scope.Scope> =>
  Effect.gen(function* () {
    const source = NodeHttpServerRequest.toIncomingMessage(request)
    const broken = (cause: unknown) =>
      new StorageUnavailable({
        message: `The export cannot be put down: ${words(cause)}. Send it again.`,
        retryAfterMillis: 1000
      })
    // Without a name as soon as it is open: a server that is killed leaves nothing behind.
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
      (opened) => Effect.promise(() => opened.close())
    )
    const size = yield* Effect.tryPromise({
      try: async () => {
        let bytes = 0
        for await (const chunk of source as AsyncIterable<Buffer>) {
          bytes += chunk.length
          if (bytes > maxImport) return bytes
          await file.writeFile(chunk)
        }
        return bytes
      },
      catch: broken
    })
    if (size > maxImport)
      return yield* new PayloadTooLarge({
        limitBytes: maxImport,
        message: `An export of at most ${maxImport} bytes can be imported.`
      })
    if (size === 0) return yield* new BadRequest({ message: "The body is empty. Send an export: --data-binary @FILE" })
    return Stream.fromAsyncIterable(
      // From the beginning, by each run of the stream.
      {
        [Symbol.asyncIterator]: () =>
          (createReadStream("", { fd: file.fd, start: 0, autoClose: false }) as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]()
      },
      broken
    )
  })

/** What an agent said, as an answer. */
export const unavailable =
  (provider: string) =>
  <E>(error: E | ProviderError): E | ProviderUnavailable =>
    isProviderError(error) ? new ProviderUnavailable({ provider, message: error.failure.message }) : error

const isProviderError = <E>(error: E | ProviderError): error is ProviderError =>
  typeof error === "object" && error !== null && "_tag" in error && error._tag === "ProviderError"
