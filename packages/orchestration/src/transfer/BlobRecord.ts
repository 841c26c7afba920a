/** The record of a blob in an export: one line of up to 43 MiB. */
import { BlobHash } from "@millrace/contracts/Blob"
import { Either, Option, Schema } from "effect"

export interface BlobRecord {
  readonly blob: string
  readonly mediaType: string
  readonly base64: string
}

export const is = Schema.is(Schema.Struct({ blob: BlobHash, mediaType: Schema.String, base64: Schema.String }))

export const start = '{"blob":"'
const content = '"base64":"'
/** Maximum characters before the content. */
const maxHead = 1024

/**
 * The record of a line as `Export` writes it, without parsing its content as JSON: the base64 is a slice of the line. Undefined: any other line, which may
 * still be the record of a blob in another form.
 */
export const ofLine = (line: string): BlobRecord | undefined => {
  if (!line.startsWith(start)) return undefined
  const at = line.slice(0, maxHead).indexOf(content)
  const from = at + content.length
  const isWhole = at > 0 && line.endsWith('"}') && line.indexOf('"', from) === line.length - 2 && !line.includes("\\", from)
  if (!isWhole) return undefined
  const head = Either.getOrUndefined(Either.try((): unknown => JSON.parse(`${line.slice(0, from)}"}`)))
  return Option.getOrUndefined(
    Option.map(Option.liftPredicate(is)(head), ({ blob, mediaType }) => ({ blob, mediaType, base64: line.slice(from, -2) }))
  )
}
