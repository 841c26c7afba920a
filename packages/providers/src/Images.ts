/** Images in both directions: an attachment as base64 for an agent's protocol, and images in an agent's reports as files of its item. */
import { type Attachment, maxAttachments } from "@millrace/contracts/Attachment"
import { extensionOf, imageTypes } from "@millrace/contracts/MediaType"
import { ProviderError, type TurnAttachment } from "@millrace/contracts/ProviderAdapter"
import type { AgentFile } from "@millrace/contracts/ProviderEvent"
import { Effect } from "effect"
import { readFile } from "node:fs/promises"
import { type Fields, isRecord, stringAt } from "./Fields.ts"

/** Whether it is an image that model endpoints read, of at most this many bytes. */
export const isImage = ({ bytes, mediaType }: Attachment, most: number): boolean => imageTypes.has(mediaType) && bytes <= most

export const isNative = ({ delivery }: TurnAttachment): boolean => delivery === "native"

/** The content of the copy in base64. */
export const base64Of = (
  provider: string,
  operation: string,
  { name, path }: TurnAttachment
): Effect.Effect<string, ProviderError> =>
  Effect.tryPromise({
    try: () => readFile(path, "base64"),
    catch: (cause) =>
      new ProviderError({
        provider,
        operation,
        outcome: "failed",
        failure: {
          kind: "unknown",
          message: `The attachment ${name} could not be read for the agent: ${cause instanceof Error ? cause.message : String(cause)}. Send the turn again.`
        }
      })
  })

/** Maximum bytes of the images of one item, and maximum depth and number of the values that are searched for images. */
const most = { bytes: 32 * 1024 * 1024, depth: 8, values: 10_000 }

export const placeholder = (name: string): string => `[image: ${name}]`

const dataUrl = /^data:(image\/[a-z+.-]+);base64,/

type Found = Pick<AgentFile, "mediaType" | "base64">

const ofUrl = (url: unknown): Found | undefined => {
  const head = typeof url === "string" ? dataUrl.exec(url) : null
  return head === null || typeof url !== "string" ? undefined : { mediaType: head[1]!, base64: url.slice(head[0].length) }
}

const pair = (mediaType: string | undefined, base64: string | undefined): Found | undefined =>
  mediaType === undefined || base64 === undefined ? undefined : { mediaType, base64 }

/** The image of a block, in the shapes of MCP and ACP, of Anthropic, and of OpenAI and Codex. */
const imageOf = (block: Fields): Found | undefined => {
  const { image_url: image, imageUrl, resource, source, type } = block
  switch (type) {
    case "image":
      return (
        pair(stringAt(block, "mimeType"), stringAt(block, "data")) ??
        pair(stringAt(source, "media_type"), stringAt(source, "data"))
      )
    case "resource":
      return pair(stringAt(resource, "mimeType"), stringAt(resource, "blob"))
    case "image_url":
    case "input_image":
    case "inputImage":
      return ofUrl(isRecord(image) ? image["url"] : (image ?? imageUrl))
    default:
      return undefined
  }
}

/** The files of one item, named `image-1.png`, `image-2.jpg`, and so on. */
export class Shown {
  readonly files: Array<AgentFile> = []
  private bytes = 0
  private values = 0

  /** Adds the image and returns its placeholder. An image that is too large, or one too many, is only named. */
  add({ base64, mediaType }: Found): string {
    if (base64 === "") return "[image, left out]"
    const bytes = Math.floor((base64.length * 3) / 4)
    if (this.files.length >= maxAttachments || this.bytes + bytes > most.bytes) return `[image of ${bytes} bytes, left out]`
    const name = `image-${this.files.length + 1}${extensionOf(mediaType) ?? ".png"}`
    this.bytes += bytes
    this.files.push({ name, mediaType, base64 })
    return placeholder(name)
  }

  /** The value with a text block in the place of each image; the same value if it has none. */
  replace(value: unknown, depth = 0): unknown {
    if (typeof value !== "object" || value === null || depth > most.depth || ++this.values > most.values) return value
    if (Array.isArray(value)) {
      const parts: ReadonlyArray<unknown> = value.map((part: unknown) => this.replace(part, depth + 1))
      return parts.some((part, n) => part !== value[n]) ? parts : value
    }
    if (!isRecord(value)) return value
    const image = imageOf(value)
    if (image !== undefined && imageTypes.has(image.mediaType)) return { type: "text", text: this.add(image) }
    const entries = Object.entries(value).map(([key, part]) => [key, this.replace(part, depth + 1)] as const)
    return entries.some(([key, part]) => part !== value[key]) ? Object.fromEntries(entries) : value
  }
}
