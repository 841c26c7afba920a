/** Fields of a JSON value of which nothing is known. */
export type Fields = Readonly<Record<string, unknown>>

export const isRecord = (value: unknown): value is Fields => typeof value === "object" && value !== null && !Array.isArray(value)

/** The named field when it is a string. */
export const stringAt = (value: unknown, key: string): string | undefined => {
  const found = isRecord(value) ? value[key] : undefined
  return typeof found === "string" ? found : undefined
}
