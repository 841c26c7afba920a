/** Stores the files that agents show in items: each becomes a blob and an attachment of its item. */
import { type Attachment, maxAttachments } from "@millrace/contracts/Attachment"
import { maxBlobBytes } from "@millrace/contracts/Blob"
import { mediaTypeOf } from "@millrace/contracts/MediaType"
import type { AgentFile, DurableEvent } from "@millrace/contracts/ProviderEvent"
import * as Blob from "@millrace/log/Blob"
import { Effect } from "effect"

interface Stored {
  readonly event: DurableEvent
  readonly blobs: ReadonlyArray<Blob.Blob>
}

/** Bytes of the content, from the length of its base64. */
const bytesOf = ({ base64 }: AgentFile): number => Math.floor((base64.length * 3) / 4)

/** A file whose media type is not one is stored as bytes of an unknown kind. */
const storeOne = ({ base64, mediaType: given, name }: AgentFile) => {
  const mediaType = mediaTypeOf(given)
  return Effect.map(Blob.make(Buffer.from(base64, "base64"), mediaType), (blob) => {
    const attachment: Attachment = { blob: blob.hash, name, mediaType, bytes: blob.bytes }
    return { blob, attachment }
  })
}

/** The event with its files as attachments. Files beyond 16 of an item, and those over 32 MiB, are dropped: adapters have named them in the text. */
const store = (event: DurableEvent): Effect.Effect<Stored> => {
  if (!("files" in event) || event.files === undefined) return Effect.succeed({ event, blobs: [] })
  const { files, ...rest } = event
  const kept = files.slice(0, maxAttachments).filter((file) => bytesOf(file) <= maxBlobBytes)
  return Effect.map(Effect.forEach(kept, storeOne), (stored) => ({
    event:
      stored.length === 0
        ? rest
        : { ...rest, content: { ...rest.content, attachments: stored.map(({ attachment }) => attachment) } },
    blobs: stored.map(({ blob }) => blob)
  }))
}

/** The events with the files of their items as blobs. */
export const stored = (
  events: ReadonlyArray<DurableEvent>
): Effect.Effect<{ readonly events: ReadonlyArray<DurableEvent>; readonly blobs: ReadonlyArray<Blob.Blob> }> =>
  events.some((event) => "files" in event)
    ? Effect.map(Effect.forEach(events, store), (all) => ({
        events: all.map(({ event }) => event),
        blobs: all.flatMap(({ blobs }) => blobs)
      }))
    : Effect.succeed({ events, blobs: [] })
