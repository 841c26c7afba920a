/** Labels and metadata of a thread. Lists can be filtered by label. Metadata is stored for the caller and has no effect. */
import { defined } from "./Defined.ts"
import { Schema } from "effect"

export const maxLabels = 16
const maxCharacters = 64
const maxPairs = 16
const maxMetadataBytes = 4096

export const Label = Schema.String.pipe(
  Schema.minLength(1, { message: () => "a label must not be empty" }),
  Schema.maxLength(maxCharacters, { message: () => `a label is longer than ${maxCharacters} characters` })
)

export const Labels = Schema.Array(Label)
  .pipe(Schema.maxItems(maxLabels, { message: () => `a thread has at most ${maxLabels} labels` }))
  .annotations({ description: "Replaces all labels of the thread. At most 16 labels of at most 64 characters." })
export type Labels = typeof Labels.Type

const encoder = new TextEncoder()
const bytesOf = (text: string): number => encoder.encode(text).length

export const Metadata = Schema.Record({
  key: Schema.String,
  value: Schema.String
})
  .pipe(
    Schema.filter((pairs) => {
      const entries = Object.entries(pairs)
      if (entries.length > maxPairs) return `metadata has at most ${maxPairs} pairs`
      const bytes = entries.reduce((sum, [key, value]) => sum + bytesOf(key) + bytesOf(value), 0)
      return bytes <= maxMetadataBytes || `metadata has at most ${maxMetadataBytes} bytes, keys and values together`
    })
  )
  .annotations({
    jsonSchema: { type: "object", additionalProperties: { type: "string" }, maxProperties: maxPairs },
    description: "Replaces all metadata of the thread. At most 16 pairs of strings, 4 KiB together."
  })
export type Metadata = typeof Metadata.Type

/** The command fields that set labels and metadata. */
export const labelling = { labels: Schema.optional(Labels), metadata: Schema.optional(Metadata) }

/** The same fields in events and views. They have no limits, because accepted values are not validated again. */
export const labelled = {
  labels: Schema.optional(Schema.Array(Schema.String)).annotations({ description: "As given; absent: never set." }),
  metadata: Schema.optional(Schema.Record({ key: Schema.String, value: Schema.String })).annotations({
    description: "As given; absent: never set."
  })
}

/** The labels and the metadata of a thread. */
export interface Labelled {
  readonly labels?: ReadonlyArray<string> | undefined
  readonly metadata?: Readonly<Record<string, string>> | undefined
}

/** The labels and metadata that are set, to spread into an event, row or view. An absent field gets no key. */
export const given = ({ labels, metadata }: Labelled) => ({
  ...defined({ labels, metadata })
})
