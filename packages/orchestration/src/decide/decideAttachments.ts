/** decide for the attachments of a prompt: the given names become attachments with the type and size of their blobs, which were looked up before. */
import { type Attachment, type GivenAttachment, maxTurnBytes } from "@millrace/contracts/Attachment"
import type { CommandRejected } from "@millrace/contracts/Errors"
import { Either } from "effect"
import { reject } from "./CommandOutcome.ts"

/** The stored blobs that a command names, by hash. */
export type KnownBlobs = ReadonlyMap<string, { readonly bytes: number; readonly mediaType: string }>
export const noBlobs: KnownBlobs = new Map()

export interface Prompt {
  readonly text: string
  readonly attachments?: ReadonlyArray<Attachment> | undefined
}

interface Given {
  readonly text: string
  readonly attachments?: ReadonlyArray<GivenAttachment> | undefined
}

const notFound = (hash: string) =>
  reject(
    "BlobNotFound",
    "There is no blob with this hash. Upload the file with POST /api/blobs, and name it within a day, before its thread is deleted.",
    hash
  )

/** The type without its parameters. */
const bareType = (mediaType: string): string => mediaType.split(";", 1)[0]!.trim().toLowerCase()

const attach = (
  given: ReadonlyArray<GivenAttachment>,
  blobs: KnownBlobs
): Either.Either<ReadonlyArray<Attachment>, CommandRejected> => {
  const attachments: Array<Attachment> = []
  let total = 0
  for (const { blob, mediaType, name } of given) {
    const known = blobs.get(blob)
    if (known === undefined) return notFound(blob)
    total += known.bytes
    attachments.push({ blob, name, mediaType: mediaType ?? bareType(known.mediaType), bytes: known.bytes })
  }
  return total <= maxTurnBytes
    ? Either.right(attachments)
    : reject(
        "AttachmentsTooLarge",
        `The attachments have ${total} bytes together; a turn takes at most ${maxTurnBytes}. Put large files into the project.`
      )
}

/** The prompt of a command. `kept`: the attachments that a prompt without `attachments` keeps. A prompt without text and attachments is rejected. */
export const prompt = (
  { attachments: given, text }: Given,
  blobs: KnownBlobs,
  kept: ReadonlyArray<Attachment> | undefined = undefined
): Either.Either<Prompt, CommandRejected> =>
  Either.flatMap(given === undefined ? Either.right(undefined) : attach(given, blobs), (attachments) => {
    if (text === "" && (attachments ?? kept ?? []).length === 0)
      return reject("PromptEmpty", "text must not be empty if the turn has no attachments.")
    return Either.right({ text, ...(attachments === undefined ? {} : { attachments }) })
  })
