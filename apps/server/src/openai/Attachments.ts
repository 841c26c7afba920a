/** Files that a caller sends as `data:` URLs: each becomes a blob, and an attachment of the turn. */
import { type GivenAttachment, maxAttachments } from "@millrace/contracts/Attachment"
import { safeName } from "@millrace/contracts/FileName"
import { mediaTypeOf, octets } from "@millrace/contracts/MediaType"
import { Effect, Stream } from "effect"
import { Service } from "../Service.ts"
import { fromWire, type Failure } from "./Failure.ts"
import type { Part } from "./Wire.ts"

export interface Attachment {
  readonly name: string
  readonly mediaType: string
  readonly base64: string
}

const fieldOf = (value: unknown, key: string): unknown =>
  typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>)[key] : undefined

const mediaPattern = /^data:([\w.+-]+\/[\w.+-]+)?(?:;[\w.+-]+=[^;,]*)*;base64,/

/** `data:MEDIA;base64,DATA`; `undefined` for every other value. */
const ofUrl = (url: unknown, name: unknown, otherwise: string): Attachment | undefined => {
  const head = typeof url === "string" ? mediaPattern.exec(url) : null
  if (head === null || typeof url !== "string") return undefined
  const base64 = url.slice(head[0].length)
  if (!/^[\w+/=-]+$/.test(base64)) return undefined
  return {
    name: typeof name === "string" && name !== "" ? name : otherwise,
    mediaType: head[1] ?? octets,
    base64
  }
}

/** The file of a part; `undefined` when it has none or not as a `data:` URL. */
export const ofPart = (part: Part): Attachment | undefined => {
  const { file, file_data: data, filename, image_url: image, type } = part
  if (type === "image_url" || type === "input_image")
    return ofUrl(typeof image === "string" ? image : fieldOf(image, "url"), undefined, "image")
  if (type === "file") return ofUrl(fieldOf(file, "file_data"), fieldOf(file, "filename"), "file")
  return type === "input_file" ? ofUrl(data, filename, "file") : undefined
}

interface Uploaded {
  readonly attachments: ReadonlyArray<GivenAttachment>
  /** The end of the prompt; empty unless files were left out. */
  readonly note: string
}

/** Stores the newest 16 files: a turn takes no more. The same files give the same attachments, so a repeated call is the same command. */
export const upload = (files: ReadonlyArray<Attachment>): Effect.Effect<Uploaded, Failure, Service> =>
  Effect.gen(function* () {
    const service = yield* Service
    const newest = files.slice(-maxAttachments)
    const attachments = yield* Effect.forEach(newest, ({ base64, mediaType, name }) => {
      const type = mediaTypeOf(mediaType)
      return Effect.map(
        service.putBlob(
          Stream.sync(() => Buffer.from(base64, "base64")),
          type
        ),
        ({ hash }): GivenAttachment => ({ blob: hash, name: safeName(name), mediaType: type })
      )
    })
    const leftOut = files.length - newest.length
    const note = leftOut === 0 ? "" : `\n\n(${leftOut} earlier files are not attached: a turn takes ${maxAttachments}.)`
    return { attachments, note }
  }).pipe(Effect.mapError(fromWire))
