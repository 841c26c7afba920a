/**
 * Blobs as they are stored: content under its SHA-256, in parts of 1 MiB that are compressed one by one, so that neither writing nor reading one holds the
 * event loop for long. Hashing and compression run on the thread pool.
 */
import { NotFound } from "@millrace/contracts/Errors"
import { Effect } from "effect"
import { createHash, webcrypto } from "node:crypto"
import { promisify } from "node:util"
import { deflateRaw, inflateRaw } from "node:zlib"

/** Bytes of a part before compression; only the last part is shorter. */
export const partBytes = 1024 * 1024

export type Codec = "deflate" | "identity"

export interface BlobHead {
  /** Lowercase hex. */
  readonly hash: string
  /** Uncompressed. */
  readonly bytes: number
  readonly mediaType: string
  readonly codec: Codec
}

/** A blob to be stored. */
export interface Blob extends BlobHead {
  readonly parts: ReadonlyArray<Uint8Array>
}

/** The name of a use of a blob: it is kept as long as a stream refers to it. */
export interface BlobReference {
  readonly stream: string
  readonly hash: string
}

const deflate = promisify(deflateRaw)
const inflate = promisify(inflateRaw)

export const encodePart = (codec: Codec, part: Uint8Array): Effect.Effect<Uint8Array> =>
  codec === "identity" ? Effect.succeed(part) : Effect.promise(() => deflate(part))
/** Dies if the stored bytes are damaged. */
export const decodePart = (codec: Codec, part: Uint8Array): Effect.Effect<Uint8Array> =>
  codec === "identity" ? Effect.succeed(part) : Effect.promise(() => inflate(part))

/** The codec of a content, by its first part. If compression saves less than a twentieth, the content is stored uncompressed. */
export const codecOf = (first: Uint8Array): Effect.Effect<Codec> =>
  Effect.map(encodePart("deflate", first), (packed) => (packed.length < first.length * 0.95 ? "deflate" : "identity"))

export const split = (content: Uint8Array): ReadonlyArray<Uint8Array> =>
  Array.from({ length: Math.ceil(content.length / partBytes) }, (_, n) => content.subarray(n * partBytes, (n + 1) * partBytes))

/** A blob of this content, which must not change afterwards. */
export const make = (content: Uint8Array, mediaType: string): Effect.Effect<Blob> =>
  Effect.gen(function* () {
    const digest = yield* Effect.promise(() => webcrypto.subtle.digest("SHA-256", content))
    const hash = Buffer.from(digest).toString("hex")
    const pieces = split(content)
    const codec = yield* codecOf(pieces[0] ?? new Uint8Array())
    const parts = yield* Effect.forEach(pieces, (piece) => encodePart(codec, piece))
    return { hash, bytes: content.length, mediaType, codec, parts }
  })

/** Like `make`, but at once and without compression. For content of at most about 600 KB. */
export const plain = (content: Uint8Array, mediaType: string): Blob => ({
  hash: createHash("sha256").update(content).digest("hex"),
  bytes: content.length,
  mediaType,
  codec: "identity",
  parts: split(content)
})

/** Whether these stored parts are the blob. `part`: the next of them; undefined: it is missing. Fails only if `part` does. */
export const isWhole = <E>(
  { bytes, codec, hash }: Omit<BlobHead, "mediaType">,
  count: number,
  part: (n: number) => Effect.Effect<Uint8Array | undefined, E>
): Effect.Effect<boolean, E> =>
  Effect.gen(function* () {
    const sha = createHash("sha256")
    let length = 0
    for (let n = 0; n < count; n++) {
      const stored = yield* part(n)
      if (stored === undefined) return false
      const content = yield* Effect.catchAllDefect(decodePart(codec, stored), () => Effect.succeed(undefined))
      if (content === undefined) return false
      sha.update(content)
      length += content.length
      yield* Effect.yieldNow()
    }
    return length === bytes && sha.digest("hex") === hash
  })

/** Bytes that a blob takes in the log. */
export const storedBytes = ({ parts }: Blob): number => parts.reduce((sum, part) => sum + part.length, 0)

/** The error of readers of a blob that does not exist, or that is deleted while they read it. */
export const notFound = (hash: string): NotFound =>
  new NotFound({
    what: "blob",
    id: hash,
    message: "There is no blob with this hash: it never was, or nothing refers to it any more."
  })
