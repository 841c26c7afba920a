/** The blobs of a log, over its storage: uploads, reads and deletion, each in parts with a turn of the event loop between them. */
import { Clock, Effect, Exit, Option, Ref, Stream } from "effect"
import { createHash } from "node:crypto"
import {
  type Blob,
  type BlobHead,
  type Codec,
  codecOf,
  decodePart,
  encodePart,
  isWhole,
  notFound,
  partBytes,
  storedBytes
} from "./Blob.ts"
import type { EventLog, LogUnavailable, StoredBlob } from "./EventLog.ts"
import { attempt, type BlobStorage, type Finish, type FoundBlob, StorageFailure, unavailable } from "./Storage.ts"

/** A blob that takes more than this is written before the transaction of its append, in parts. */
const largeBytes = partBytes

type BlobLog = Pick<typeof EventLog.Service, "putBlob" | "getBlob" | "sweepBlobs">

/** The bytes in parts of 1 MiB. Holds at most one part and one chunk. */
const inParts = <E>(content: Stream.Stream<Uint8Array, E>): Stream.Stream<Uint8Array, E> =>
  Stream.suspend(() => {
    let held: Array<Uint8Array> = []
    let size = 0
    const push = (chunk: Uint8Array): ReadonlyArray<Uint8Array> => {
      held.push(chunk)
      size += chunk.length
      if (size < partBytes) return []
      const all = Buffer.concat(held)
      const whole = Math.floor(size / partBytes)
      held = [all.subarray(whole * partBytes)]
      size -= whole * partBytes
      return Array.from({ length: whole }, (_, n) => all.subarray(n * partBytes, (n + 1) * partBytes))
    }
    return Stream.concat(
      Stream.mapConcat(content, push),
      Stream.suspend(() => (size === 0 ? Stream.empty : Stream.succeed(Buffer.concat(held))))
    )
  })

export const make = (
  storage: BlobStorage
): BlobLog & { readonly stage: (blobs: ReadonlyArray<Blob>) => Effect.Effect<void, LogUnavailable> } => {
  /** Writes an upload; drops it unless it is finished. */
  const upload = <A, E>(write: (id: number) => Effect.Effect<A, E>) =>
    Effect.acquireUseRelease(
      Effect.flatMap(Clock.currentTimeMillis, (now) => attempt("putBlob", () => storage.begin(now))),
      write,
      // If the storage fails here too, the blob stays. The sweep deletes it after a day.
      (id, exit) => (Exit.isSuccess(exit) ? Effect.void : Effect.ignore(attempt("putBlob", () => storage.abandon(id))))
    )
  const addPart = (id: number, n: number, part: Uint8Array) =>
    Effect.zipLeft(
      attempt("putBlob", () => storage.addPart(id, n, part)),
      Effect.sleep(0)
    )
  const finish = (id: number, head: BlobHead, how: Finish) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => attempt("putBlob", () => storage.finish(id, head, now, how)))
  /** The id of the blob with this hash if it is stored and cannot be read. Reads all of it. */
  const damaged = (hash: string): Effect.Effect<number | undefined, LogUnavailable> =>
    Effect.flatMap(
      attempt("putBlob", () => storage.find(hash)),
      (found) => {
        if (found === undefined) return Effect.succeed(undefined)
        const part = (n: number) =>
          Effect.catchIf(
            attempt("putBlob", () => storage.part(found.id, n)),
            ({ reason }) => reason === "corrupt",
            () => Effect.succeed(undefined)
          )
        return Effect.map(isWhole(found, Math.ceil(found.bytes / partBytes), part), (whole) => (whole ? undefined : found.id))
      }
    )

  const putBlob: BlobLog["putBlob"] = (content, mediaType) =>
    upload((id) =>
      Effect.gen(function* () {
        const hash = createHash("sha256")
        const state = yield* Ref.make<{ readonly codec: Codec; readonly parts: number; readonly bytes: number }>({
          codec: "identity",
          parts: 0,
          bytes: 0
        })
        yield* Stream.runForEach(inParts(content), (part) =>
          Effect.gen(function* () {
            const { bytes, parts, ...known } = yield* Ref.get(state)
            hash.update(part)
            const codec = parts === 0 ? yield* codecOf(part) : known.codec
            yield* addPart(id, parts, yield* encodePart(codec, part))
            yield* Ref.set(state, { codec, parts: parts + 1, bytes: bytes + part.length })
          })
        )
        const { bytes, codec } = yield* Ref.get(state)
        const head: BlobHead = { hash: hash.digest("hex"), bytes, mediaType, codec }
        // The uploader's media type replaces that of an item's text with this content.
        yield* finish(id, head, { typed: true, damaged: yield* damaged(head.hash) })
        return head
      })
    )

  const stageOne = ({ parts, ...head }: Blob, replaced: number | undefined) =>
    upload((id) =>
      Effect.zipRight(
        Effect.forEach(parts, (part, n) => addPart(id, n, part), { discard: true }),
        finish(id, head, { typed: false, damaged: replaced })
      )
    )

  const read = ({ bytes, codec, id, hash }: FoundBlob, start: number, end: number): StoredBlob["content"] =>
    Stream.unfoldEffect(Math.floor(start / partBytes), (n) =>
      n * partBytes >= Math.min(end, bytes)
        ? Effect.succeedNone
        : attempt("getBlob", () => storage.part(id, n)).pipe(
            Effect.filterOrFail(
              (part) => part !== undefined,
              () => notFound(hash)
            ),
            Effect.flatMap((part) =>
              Effect.catchAllDefect(decodePart(codec, part), (cause) =>
                Effect.fail(unavailable("getBlob", new StorageFailure("corrupt", `the blob ${hash} is damaged`, cause)))
              )
            ),
            Effect.filterOrFail(
              (part) => part.length === Math.min(partBytes, bytes - n * partBytes),
              () =>
                unavailable("getBlob", new StorageFailure("corrupt", `the blob ${hash} is damaged: a part has another length`))
            ),
            Effect.map((part) => {
              const at = n * partBytes
              return Option.some([part.subarray(Math.max(0, start - at), end - at), n + 1] as const)
            })
          )
    )

  const sweepBlobs: BlobLog["sweepBlobs"] = (before) =>
    Effect.iterate(true, {
      while: (more) => more,
      body: () =>
        Effect.zipLeft(
          attempt("sweepBlobs", () => storage.sweep(before)),
          Effect.sleep(0)
        )
    })

  return {
    putBlob,
    getBlob: (hash) =>
      Effect.map(
        attempt("getBlob", () => storage.find(hash)),
        (found): StoredBlob | undefined => {
          if (found === undefined) return undefined
          const { bytes, codec, mediaType } = found
          const slice = (start: number, end: number) => read(found, start, end)
          return { hash, bytes, mediaType, codec, content: slice(0, bytes), slice }
        }
      ),
    sweepBlobs,
    /**
     * Writes the large blobs of an append, which its transaction then finds: a transaction holds the event loop. If the append fails, nothing refers to
     * them, and they are deleted after a day. A blob of several parts that is stored and damaged is replaced here, one of a single part by the transaction.
     */
    stage: (blobs) =>
      Effect.forEach(
        blobs.filter((blob) => blob.parts.length > 1 || storedBytes(blob) > largeBytes),
        (blob) =>
          Effect.gen(function* () {
            const isStored = (yield* attempt("append", () => storage.find(blob.hash))) !== undefined
            const replaced = isStored ? yield* damaged(blob.hash) : undefined
            if (isStored ? replaced !== undefined : storedBytes(blob) > largeBytes) yield* stageOne(blob, replaced)
          }),
        { discard: true }
      )
  }
}
