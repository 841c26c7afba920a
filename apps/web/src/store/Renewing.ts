/** Uploads attachments again that the server has deleted: it keeps an upload that no turn names for a day, and a draft may be older. */
import type { BodyOf, CommandType } from "@millrace/contracts/Command"
import type { CommandId } from "@millrace/contracts/Ids"
import { renew } from "../attach/Upload.ts"
import { type Link, Refusal } from "../hub/Link.ts"

/** The contents that the command's attachments name. */
const blobsOf = (body: BodyOf<CommandType>): ReadonlyArray<string> => {
  const prompt = "turn" in body ? body.turn : body
  return prompt !== undefined && "attachments" in prompt ? (prompt.attachments ?? []).map(({ blob }) => blob) : []
}

/** The link; a command that is refused because an attachment is missing is sent once more after its upload, with an id that follows from the first. */
export const renewing = (link: Link): Link => ({
  ...link,
  send: async (type, body, commandId) => {
    try {
      return await link.send(type, body, commandId)
    } catch (cause) {
      if (!(cause instanceof Refusal) || cause.rule !== "BlobNotFound") throw cause
      if (!(await renew(blobsOf(body)))) throw cause
      return await link.send(type, body, commandId === undefined ? undefined : (`${commandId}-again` as CommandId))
    }
  }
})
