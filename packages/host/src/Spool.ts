/** Stores a stream in a temporary file, so that it can be read more than once: an import reads its source twice. */
import { StorageUnavailable } from "@millrace/contracts/Errors"
import { Effect, Option, type Scope, Stream } from "effect"
import { type FileHandle, mkdtemp, open, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"

export interface Spooled {
  /** Number of bytes read. More than the limit: the source is larger, and the rest was not read. */
  readonly size: number
  /** Every run reads from the start. */
  readonly bytes: Stream.Stream<Uint8Array, StorageUnavailable>
}

/** Bytes per read of the file. */
const pieceBytes = 64 * 1024

const broken = (cause: unknown) =>
  new StorageUnavailable({
    message: `Cannot store the export: ${cause instanceof Error ? cause.message : String(cause)}. Send it again.`,
    retryAfterMillis: 1000
  })

/**
 * The content of the file. It does not use a `ReadStream`, which closes the descriptor when reading ends early, even with `autoClose: false`
 * (nodejs/node#45721): the handle would then close the same number again, which may belong to another file or socket by then.
 */
const contentOf = (file: FileHandle): Stream.Stream<Uint8Array, StorageUnavailable> =>
  Stream.unfoldEffect(0, (position) =>
    Effect.map(
      Effect.tryPromise({ try: () => file.read(Buffer.allocUnsafe(pieceBytes), 0, pieceBytes, position), catch: broken }),
      ({ buffer, bytesRead }) =>
        bytesRead === 0 ? Option.none() : Option.some([buffer.subarray(0, bytesRead), position + bytesRead] as const)
    )
  )

/** Reads the source into a temporary file that is deleted with the scope, up to the first part that exceeds `maxBytes`. */
export const make = <E>(
  source: Stream.Stream<Uint8Array, E>,
  maxBytes: number
): Effect.Effect<Spooled, E | StorageUnavailable, Scope.Scope> =>
  Effect.gen(function* () {
    // The file is unlinked once it is open, so that a killed process leaves nothing behind.
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
    let size = 0
    yield* Stream.runForEachWhile(source, (part) => {
      size += part.length
      return size > maxBytes
        ? Effect.succeed(false)
        : Effect.as(Effect.tryPromise({ try: () => file.writeFile(part), catch: broken }), true)
    })
    return { size, bytes: contentOf(file) }
  })
