/** The content blocks of a prompt as the text and the attachments of a turn. */
import { type ContentBlock, RequestError } from "@agentclientprotocol/sdk"
import { safeName } from "@millrace/contracts/FileName"
import { maxAttachments } from "@millrace/contracts/Sizes"
import { Effect } from "effect"

export interface File {
  readonly name: string
  readonly mediaType: string
  readonly bytes: Uint8Array
}
export interface Prompt {
  readonly text: string
  readonly files: ReadonlyArray<File>
}

/** A longer embedded text becomes an attachment, which the agent reads as a file. */
const maxEmbedded = 16_384

const nameOf = (uri: string | null | undefined, fallback: string): string =>
  safeName((uri ?? "").split(/[?#]/)[0]?.split("/").at(-1) || fallback)
const mediaTypeOf = (given: string | null | undefined, fallback: string): string =>
  given?.split(";")[0]?.trim().toLowerCase() || fallback

const blockOf = (block: ContentBlock, index: number): string | File | undefined => {
  switch (block.type) {
    case "text":
      return block.text
    case "resource_link":
      return `[${block.name}](${block.uri})`
    case "image": {
      const mediaType = mediaTypeOf(block.mimeType, "image/png")
      const name = nameOf(block.uri, `image-${index + 1}.${mediaType.split("/")[1]?.replace(/\W.*/, "") ?? "png"}`)
      return { name, mediaType, bytes: Buffer.from(block.data, "base64") }
    }
    case "resource": {
      const { resource } = block
      if ("text" in resource && resource.text.length <= maxEmbedded)
        return `\n<resource uri=${JSON.stringify(resource.uri)}>\n${resource.text}\n</resource>\n`
      const bytes = "text" in resource ? Buffer.from(resource.text) : Buffer.from(resource.blob, "base64")
      const mediaType = mediaTypeOf(resource.mimeType, "text" in resource ? "text/plain" : "application/octet-stream")
      return { name: nameOf(resource.uri, `resource-${index + 1}`), mediaType, bytes }
    }
    default:
      return undefined
  }
}

/** Fails with `invalid params` for an empty prompt, an unknown block or too many files. */
export const read = (blocks: ReadonlyArray<ContentBlock>): Effect.Effect<Prompt, RequestError> =>
  Effect.gen(function* () {
    const refuse = (message: string) => Effect.fail(RequestError.invalidParams(undefined, message))
    const texts: Array<string> = []
    const files: Array<File> = []
    for (const [index, block] of blocks.entries()) {
      const part = blockOf(block, index)
      if (part === undefined) return yield* refuse(`a prompt has text, images and resources, but no ${block.type}`)
      if (typeof part === "string") texts.push(part)
      else if (part.bytes.length === 0) return yield* refuse(`the ${block.type} ${part.name} is empty or no base64`)
      else files.push(part)
    }
    if (files.length > maxAttachments) return yield* refuse(`a prompt has at most ${maxAttachments} files`)
    const text = texts.join("")
    if (text.trim() === "" && files.length === 0) return yield* refuse("the prompt is empty")
    return { text, files }
  })
