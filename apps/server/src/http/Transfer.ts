/** Documents over HTTP: an export streams out in constant memory, an import is put down in a file first, so that it can be read whole before it is written. */
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
import { words } from "../Thrown.ts"
import * as Body from "./Body.ts"

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
    headers: { "content-disposition": `attachment; filename="${threadId}.${ending}"`, "cache-control": "private, no-store" }
  })
}

/** Bytes that one read of the file asks for. */
const pieceBytes = 64 * 1024

/**
 * The file from its beginning, anew by each run. The handle stays the only owner of its descriptor: a `ReadStream` over that descriptor closes it
 * when the reading ends early, `autoClose: false` or not (nodejs/node#45721), and the handle then closes the number a second time, which may
 * belong to another file or socket by then.
 */
const contentOf = <E>(file: FileHandle, broken: (cause: unknown) => E): Stream.Stream<Uint8Array, E> =>
  Stream.unfoldEffect(0, (position) =>
    Effect.map(
      Effect.tryPromise({ try: () => file.read(Buffer.allocUnsafe(pieceBytes), 0, pieceBytes, position), catch: broken }),
      ({ buffer, bytesRead }) =>
        bytesRead === 0 ? Option.none() : Option.some([buffer.subarray(0, bytesRead), position + bytesRead] as const)
    )
  )

/** The body, in a separate file that is removed with the scope; as bytes that can be read more than once. */
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
    // The file has no name once it is open: a server that is killed leaves nothing behind.
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
        // Left early, the request stays open: its client gets an answer.
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
        message: `An export of at most ${maxImport} bytes can be imported.`
      })
    }
    if (size === 0) return yield* new BadRequest({ message: "The body is empty. Send an export: --data-binary @FILE" })
    return contentOf(file, broken)
  })

/** What an agent said, as an answer. */
export const unavailable =
  (provider: string) =>
  <E>(error: E | ProviderError): E | ProviderUnavailable =>
    isProviderError(error) ? new ProviderUnavailable({ provider, message: error.failure.message }) : error

const isProviderError = <E>(error: E | ProviderError): error is ProviderError =>
  typeof error === "object" && error !== null && "_tag" in error && error._tag === "ProviderError"
