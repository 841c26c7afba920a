/** Attachments of a turn: images and files in addition to its text. Each is a blob that was uploaded before. */
import { Schema } from "effect"
import { BlobHash } from "./Blob.ts"
import { isFileName } from "./FileName.ts"
import { pattern } from "./MediaType.ts"
import { maxAttachments } from "./Sizes.ts"

export { maxAttachments, maxTurnBytes } from "./Sizes.ts"

const name = Schema.String.pipe(
  Schema.minLength(1, { message: () => "an attachment needs a name" }),
  Schema.maxLength(255, { message: () => "the attachment's name is longer than 255 characters" }),
  Schema.filter((given) => isFileName(given) || "an attachment's name is a file name, without slashes and control characters")
)

/** `type/subtype` without parameters, lowercase. */
export const MediaType = Schema.String.pipe(Schema.pattern(pattern, { message: () => "expected a media type like image/png" }))

/** An attachment of a command. */
export const GivenAttachment = Schema.Struct({
  blob: BlobHash.annotations({ description: "The hash that `POST /api/blobs` returned." }),
  name,
  mediaType: Schema.optional(MediaType).annotations({ description: "Default: the media type of the upload." })
}).annotations({ identifier: "GivenAttachment", description: "An uploaded file for a turn." })
export type GivenAttachment = typeof GivenAttachment.Type

export const GivenAttachments = Schema.Array(GivenAttachment)
  .pipe(Schema.maxItems(maxAttachments, { message: () => `a turn takes at most ${maxAttachments} attachments` }))
  .annotations({ description: "Images and files for the agent, at most 16." })

/** An attachment of a turn or an item, in events and views. */
export const Attachment = Schema.Struct({
  blob: Schema.String.annotations({ description: "SHA-256 of the content, in lowercase hex: `GET /api/blobs/HASH`." }),
  name: Schema.String,
  mediaType: Schema.String,
  bytes: Schema.Int.annotations({ description: "Bytes of the content." })
}).annotations({ identifier: "Attachment", description: "A file of a turn or an item; its content is a blob." })
export type Attachment = typeof Attachment.Type

/** The attachment alone, without how an agent got it. An attachment of one turn can be passed on to another. */
export const bare = ({ blob, bytes, mediaType, name }: Attachment): Attachment => ({ blob, name, mediaType, bytes })

/** An attachment in the view of its turn. */
export const AttachmentView = Schema.Struct({
  ...Attachment.fields,
  delivery: Schema.optional(Schema.Literal("native", "path")).annotations({
    description:
      "How the agent got the attachment: as part of its own protocol, or as the path of a copy. Absent before the turn starts."
  })
}).annotations({ identifier: "TurnAttachment", description: "A file of a turn; its content is a blob." })
export type AttachmentView = typeof AttachmentView.Type

/** How the agent got an attachment. */
export const Delivered = Schema.Struct({
  blob: Schema.String,
  delivery: Schema.Literal("native", "path").annotations({
    description:
      "native: as part of the agent's own protocol. path: as a file in the thread's attachment directory, whose path is in the prompt."
  })
}).annotations({ identifier: "DeliveredAttachment" })
export type Delivered = typeof Delivered.Type
