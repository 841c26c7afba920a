/** The images and text files of prompts, for an endpoint that reads no files: images as base64, texts as a part of the prompt. */
import type { Attachment } from "@millrace/contracts/Attachment"
import type { History, PastAttachment, ProviderError, TurnAttachment } from "@millrace/contracts/ProviderAdapter"
import { Effect } from "effect"
import * as Images from "../Images.ts"
import type { Image, PastUser } from "./Transcript.ts"
import type { Prompt } from "./Turn.ts"

export const isText = ({ mediaType }: Attachment): boolean => mediaType.startsWith("text/") || mediaType === "application/json"

/** Maximum number and bytes of the images of earlier turns that are read. The newest images are read first. */
const past = { images: 32, bytes: 15 * 1024 * 1024 }

const fileText = (name: string, text: string) => `<file name=${JSON.stringify(name)}>\n${text}\n</file>`

/** The text with the text files after it, and the images. */
export const prompt = (
  provider: string,
  text: string,
  attachments: ReadonlyArray<TurnAttachment>
): Effect.Effect<Prompt, ProviderError> =>
  Effect.map(
    Effect.forEach(attachments, (one) =>
      Effect.map(Images.base64Of(provider, "startTurn", one), (base64) => ({
        name: one.name,
        mediaType: one.mediaType,
        base64,
        text: isText(one)
      }))
    ),
    (read) => {
      const files = read
        .filter((one) => one.text)
        .map(({ base64, name }) => fileText(name, Buffer.from(base64, "base64").toString("utf8")))
      const images = read.filter((one) => !one.text).map(({ base64, mediaType, name }): Image => ({ name, mediaType, base64 }))
      return { text: [text, ...files].filter((part) => part !== "").join("\n\n"), ...(images.length === 0 ? {} : { images }) }
    }
  )

const named = ({ mediaType, name }: PastAttachment) => `[attached ${name} (${mediaType})]`

/** Reads the newest images of the history. The others, and other files, are named in the text of their message. */
export const read = (provider: string, history: History | undefined): Effect.Effect<PastUser> =>
  Effect.gen(function* () {
    const newest = (history?.turns ?? [])
      .flatMap(({ messages }) => messages)
      .flatMap((message) => (message.role === "tool" ? [] : (message.attachments ?? [])))
      .filter((one) => Images.isImage(one, past.bytes))
      .toReversed()
    let bytes = 0
    const images = new Map<PastAttachment, Image>()
    for (const one of newest) {
      const { path } = one
      if (path === undefined || images.size >= past.images || (bytes += one.bytes) > past.bytes) continue
      const base64 = yield* Effect.option(Images.base64Of(provider, "open", { ...one, path, delivery: "native" }))
      if (base64._tag === "Some") images.set(one, { name: one.name, mediaType: one.mediaType, base64: base64.value })
    }
    return ({ attachments = [], text }) => {
      const sent = attachments.flatMap((one) => images.get(one) ?? [])
      const names = attachments.filter((one) => !images.has(one)).map(named)
      return {
        role: "user",
        text: [text, ...names].filter((part) => part !== "").join("\n"),
        ...(sent.length === 0 ? {} : { images: sent })
      }
    }
  })
