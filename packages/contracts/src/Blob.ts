/** Large values. An event keeps the first 16 KiB of a large value. The whole value is a blob: content that the server stores under its hash. */
import { Schema } from "effect"

export { maxBlobBytes } from "./Sizes.ts"

export const BlobHash = Schema.String.pipe(
  Schema.pattern(/^[0-9a-f]{64}$/, { message: () => "a hash is the SHA-256 of the content: 64 digits, 0 to 9 and a to f" })
)

/** The description of a blob in an event, or in the answer to an upload. */
export const Blob = Schema.Struct({
  hash: Schema.String.annotations({ description: "SHA-256 of the whole content, in lowercase hex: `GET /api/blobs/HASH`." }),
  bytes: Schema.Int.annotations({ description: "Bytes of the whole content." }),
  mediaType: Schema.String.annotations({
    description: "`text/plain`, `text/x-diff`, or `application/json` for a value that is not text."
  })
}).annotations({ identifier: "Blob", description: "Content that the server stores under its hash." })
export type Blob = typeof Blob.Type

/** The whole values of those fields of which an event keeps only the beginning, by name of the field. */
export const Blobs = Schema.Record({ key: Schema.String, value: Blob }).annotations({
  description:
    "The whole values of fields that are cut here. A cut text has its beginning; a cut list its first entries; any other cut value the beginning of its JSON, as a string."
})
export type Blobs = typeof Blobs.Type

interface Referring {
  readonly [field: string]: unknown
  readonly blobs?: Blobs | undefined
  readonly changes?: ReadonlyArray<{ readonly blob?: Blob | undefined }> | undefined
  readonly attachments?: ReadonlyArray<ReferringAttachment> | undefined
  readonly ask?: Referring | undefined
}

/** An attachment without `bytes` repeats an attachment that an earlier event names. */
interface ReferringAttachment {
  readonly blob: string
  readonly bytes?: number
  readonly mediaType?: string
}

const ofAttachment = ({ blob, bytes, mediaType }: ReferringAttachment): ReadonlyArray<Blob> =>
  bytes === undefined || mediaType === undefined ? [] : [{ hash: blob, bytes, mediaType }]

/** The blobs that the data of an event names. */
export const named = ({ ask, attachments, blobs, changes }: Referring): ReadonlyArray<Blob> => [
  ...(blobs === undefined ? [] : Object.values(blobs)),
  ...(changes ?? []).flatMap(({ blob }) => blob ?? []),
  ...(attachments ?? []).flatMap(ofAttachment),
  ...(ask === undefined ? [] : named(ask))
]
