/** Reads fields of JSON values of unknown shape. */
import { Either, Schema } from "effect"

export type Fields = Readonly<Record<string, unknown>>

export const isRecord = (value: unknown): value is Fields => typeof value === "object" && value !== null && !Array.isArray(value)

/** The named field. `undefined` if it is not a string. */
export const stringAt = (value: unknown, key: string): string | undefined => {
  const found = isRecord(value) ? value[key] : undefined
  return typeof found === "string" ? found : undefined
}

/** An optional field. A value of another shape decodes as `null`, so a malformed field does not make its message undecodable (T14). */
export const loose = <A, I>(schema: Schema.Schema<A, I>) =>
  Schema.optional(Schema.NullOr(schema).annotations({ decodingFallback: () => Either.right(null) }))

/** An object with the field, or an empty object if the value is `null` or `undefined`. */
export const optional = <K extends string>(key: K, value: string | null | undefined): { readonly [P in K]?: string } =>
  value === null || value === undefined ? {} : ({ [key]: value } as { readonly [P in K]?: string })
