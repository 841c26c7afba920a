/** Prepares the attachments of a prompt for an agent: natively if its session takes them, otherwise as paths that the prompt names. */
import type { Delivered } from "@millrace/contracts/Attachment"
import type { ThreadId } from "@millrace/contracts/Ids"
import {
  type PlacedAttachment,
  ProviderError,
  type ProviderSession,
  type TurnAttachment
} from "@millrace/contracts/ProviderAdapter"
import { Effect } from "effect"
import type { Prompt } from "../decide/decideAttachments.ts"
import type { AttachmentFiles } from "./AttachmentFiles.ts"

interface Ready {
  readonly text: string
  readonly attachments?: ReadonlyArray<TurnAttachment>
}

const pathLine = ({ bytes, mediaType, name, path }: PlacedAttachment) => `- ${path} (${name}, ${mediaType}, ${bytes} bytes)`

/** The text with the paths of these files, to be read from disk. */
const withPaths = (text: string, files: ReadonlyArray<PlacedAttachment>): string =>
  files.length === 0
    ? text
    : `${text}${text === "" ? "" : "\n\n"}Attached files, to be read from disk:\n${files.map(pathLine).join("\n")}`

/** Each blob once, with its delivery. */
export const how = (attachments: ReadonlyArray<TurnAttachment>): ReadonlyArray<Delivered> =>
  [...new Map(attachments.map(({ blob, delivery }) => [blob, delivery]))].map(([blob, delivery]) => ({ blob, delivery }))

/** Writes the copies and decides the delivery of each. A copy that cannot be written fails the prompt. */
export const make =
  (provider: string, threadId: ThreadId, files: typeof AttachmentFiles.Service) =>
  (
    session: Pick<ProviderSession, "takes">,
    operation: string,
    { attachments = [], text }: Prompt
  ): Effect.Effect<Ready, ProviderError> =>
    attachments.length === 0
      ? Effect.succeed({ text })
      : files.place(threadId, attachments).pipe(
          Effect.mapBoth({
            onFailure: (failure) => new ProviderError({ provider, operation, outcome: "failed", failure }),
            onSuccess: (placed) => {
              const ready = placed.map((one): TurnAttachment => ({
                ...one,
                delivery: session.takes?.(one) === true ? "native" : "path"
              }))
              return {
                text: withPaths(
                  text,
                  ready.filter(({ delivery }) => delivery === "path")
                ),
                attachments: ready
              }
            }
          })
        )
