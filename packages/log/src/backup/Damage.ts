/** The unreadable parts of a log or of its backup. */
import type { Part } from "./Manifest.ts"
import { blobOf, lastOf } from "./Stamp.ts"

export type Damage =
  /** The events of a segment, by offset. */
  | { readonly kind: "events"; readonly first: number; readonly last: number }
  /** A large value, by its hash. */
  | { readonly kind: "blob"; readonly hash: string }
  /** A file of the data directory. */
  | { readonly kind: "file"; readonly path: string }

/** The losses if these parts cannot be read, each once. An unfinished upload is no loss. */
export const ofParts = (parts: Iterable<Part>): ReadonlyArray<Damage> => {
  const events: Array<Damage> = []
  const blobs = new Set<string>()
  for (const part of parts) {
    const blob = part.table === "blob_parts" ? blobOf(part)?.hash : undefined
    if (part.table === "segments") events.push({ kind: "events", first: part.key, last: lastOf(part) })
    else if (blob !== undefined) blobs.add(blob)
  }
  return [...events, ...Array.from(blobs, (hash): Damage => ({ kind: "blob", hash }))]
}

const one = (damage: Damage): string =>
  damage.kind === "events"
    ? `the events ${damage.first} to ${damage.last}`
    : damage.kind === "blob"
      ? `the large value ${damage.hash}`
      : `the file ${damage.path}`

const maxNamed = 20

/** Lists the damage for people: at most 20 entries, then the number of the others. */
export const text = (damage: ReadonlyArray<Damage>): string =>
  `${damage.slice(0, maxNamed).map(one).join(", ")}${damage.length > maxNamed ? ` and ${damage.length - maxNamed} more` : ""}`
