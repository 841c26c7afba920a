/** The bound of a tool's result. A long text or list is cut, a page is read again with fewer entries. */
import { Effect } from "effect"
import { cut, shorten } from "@millrace/contracts/Text"

/** Most characters of a tool's result as JSON: about 16,000 tokens. */
export const maxCharacters = 65_536

/** Most entries of a list inside an entry. */
const maxEntries = 200

/** The value with long texts and lists cut. */
const cutTo = (value: unknown, characters: number): unknown => {
  if (typeof value === "string") return shorten(value, characters)
  if (Array.isArray(value)) return value.slice(0, maxEntries).map((part) => cutTo(part, characters))
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, cutTo(part, characters)]))
}

const lengthOf = (value: unknown): number => JSON.stringify(value).length

/** The value with its texts cut, as much as the bound needs: to 4,096 characters, 512, 64 or 8. */
export const shortened = (value: unknown): unknown => {
  const tries = [4096, 512, 64, 8].map((characters) => () => cutTo(value, characters))
  for (const next of tries) {
    const candidate = next()
    if (lengthOf(candidate) <= maxCharacters / 2) return candidate
  }
  return "The entry is too large to show."
}

/** Reads a page with at most `limit` entries, and with half as many until it keeps to the bound. */
export const page = <A, E, R>(
  limit: number,
  read: (limit: number) => Effect.Effect<A, E, R>,
  shown: (page: A) => object
): Effect.Effect<object, E, R> =>
  Effect.flatMap(read(limit), (found) => {
    const value = shown(found)
    return limit > 1 && lengthOf(value) > maxCharacters ? page(Math.floor(limit / 2), read, shown) : Effect.succeed(value)
  })

/** A part of a text from `after` on, and where the next part begins. */
export const part = (text: string, after: number, characters: number) => {
  const kept = cut(text.slice(after), characters)
  const end = after + kept.length
  return { text: kept, ...(end < text.length && { after: end }) }
}
