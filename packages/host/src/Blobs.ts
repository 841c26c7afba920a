/** Large contents under their hash: uploads and downloads. `Maintenance` deletes uploads that nothing refers to. */
import { type Blob, maxBlobBytes } from "@millrace/contracts/Blob"
import { type NotFound, PayloadTooLarge, type StorageUnavailable } from "@millrace/contracts/Errors"
import { notFound } from "@millrace/log/Blob"
import type { EventLog, LogUnavailable } from "@millrace/log/EventLog"
import { storageUnavailable } from "@millrace/log/StorageError"
import { Effect, Stream } from "effect"

export interface FoundBlob extends Blob {
  /** The content in parts of at most 1 MiB, read when pulled. Can be run again. Fails with `NotFound` if the blob is deleted while it is read. */
  readonly content: Stream.Stream<Uint8Array, NotFound | StorageUnavailable>
  /** Like `content`, but only the bytes from `start` up to, and not including, `end`. Reads only the parts that contain them. */
  readonly slice: (start: number, end: number) => Stream.Stream<Uint8Array, NotFound | StorageUnavailable>
}

export interface Blobs {
  /** Stores content of at most 32 MiB, part by part. The same content again is the same blob. Kept for a day; then for as long as a thread refers to it. */
  readonly putBlob: <E>(
    content: Stream.Stream<Uint8Array, E>,
    mediaType: string
  ) => Effect.Effect<Blob, E | PayloadTooLarge | StorageUnavailable>
  readonly getBlob: (hash: string) => Effect.Effect<FoundBlob, NotFound | StorageUnavailable>
}

export const tooLarge = new PayloadTooLarge({
  limitBytes: maxBlobBytes,
  message: `The content is larger than ${maxBlobBytes} bytes, the limit of a blob.`
})

export const make = (log: typeof EventLog.Service): Blobs => ({
  putBlob: (content, mediaType) =>
    Effect.suspend(() => {
      let bytes = 0
      const bounded = Stream.mapEffect(content, (part) => {
        bytes += part.length
        return bytes > maxBlobBytes ? Effect.fail(tooLarge) : Effect.succeed(part)
      })
      return log.putBlob(bounded, mediaType)
    }).pipe(
      Effect.map(({ bytes, hash }) => ({ hash, bytes, mediaType })),
      Effect.mapError((error) => (isLogUnavailable(error) ? storageUnavailable(error) : error))
    ),
  getBlob: (hash) =>
    Effect.flatMap(Effect.mapError(log.getBlob(hash), storageUnavailable), (found) => {
      if (found === undefined) return notFound(hash)
      const { bytes, mediaType } = found
      const slice = (start: number, end: number) =>
        Stream.catchTag(found.slice(start, end), "LogUnavailable", (error) => Stream.fail(storageUnavailable(error)))
      return Effect.succeed({ hash, bytes, mediaType, content: slice(0, bytes), slice })
    })
})

const isLogUnavailable = <E>(error: E | LogUnavailable): error is LogUnavailable =>
  typeof error === "object" && error !== null && "_tag" in error && error._tag === "LogUnavailable"
