/** Stores the files that agents show in items: each becomes a blob and an attachment of its item. */
import { type Attachment, maxAttachments } from "@millrace/contracts/Attachment"
import { maxBlobBytes } from "@millrace/contracts/Blob"
import { safeName } from "@millrace/contracts/FileName"
import type { ItemContent } from "@millrace/contracts/Item"
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

/** An invalid media type becomes that of unknown bytes. Slashes and control characters of a name are replaced. */
const storeOne = ({ base64, mediaType: given, name }: AgentFile) => {
  const mediaType = mediaTypeOf(given)
  return Effect.map(Blob.make(Buffer.from(base64, "base64"), mediaType), (blob) => {
    const attachment: Attachment = { blob: blob.hash, name: safeName(name), mediaType, bytes: blob.bytes }
    return { blob, attachment }
  })
}

/** Maximum names in the note. */
const maxNamed = 5

const leftOut = (files: ReadonlyArray<AgentFile>): string => {
  const names = files.slice(0, maxNamed).map(({ name }) => safeName(name))
  const more = files.length - names.length
  return `[not kept: ${names.join(", ")}${more === 0 ? "" : ` and ${more} more`}; an item has at most ${maxAttachments} files of ${maxBlobBytes / 1024 / 1024} MiB]`
}

/** Adds the note to the text of the item: to its result if that is a text. */
const noted = (content: ItemContent, files: ReadonlyArray<AgentFile>): ItemContent => {
  if (files.length === 0) return content
  const add = (text: string) => (text === "" ? leftOut(files) : `${text}\n${leftOut(files)}`)
  return typeof content.result === "string"
    ? { ...content, result: add(content.result) }
    : { ...content, text: add(content.text ?? "") }
}

/** The event with its files as attachments. Of files beyond 16 of an item, and of those over 32 MiB, the item has the names. */
const store = (event: DurableEvent): Effect.Effect<Stored> => {
  if (!("files" in event) || event.files === undefined) return Effect.succeed({ event, blobs: [] })
  const { files, ...rest } = event
  const kept = files.filter((file) => bytesOf(file) <= maxBlobBytes).slice(0, maxAttachments)
  const content = noted(
    rest.content,
    files.filter((file) => !kept.includes(file))
  )
  return Effect.map(Effect.forEach(kept, storeOne), (stored) => ({
    event: {
      ...rest,
      content: stored.length === 0 ? content : { ...content, attachments: stored.map(({ attachment }) => attachment) }
    },
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
