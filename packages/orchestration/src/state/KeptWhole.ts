/** Makes the blobs of large values before the engine sees them: hashing and compression run on the thread pool, and the engine's batch only writes. */
import * as Blob from "@millrace/log/Blob"
import { Effect } from "effect"
import type { Keep } from "./LargeValues.ts"

export interface Kept<A> {
  readonly values: ReadonlyArray<A>
  readonly blobs: ReadonlyArray<Blob.Blob>
}

/** A blob's name, with the media type of this use. */
const named = ({ bytes, hash }: Blob.Blob, mediaType: string) => ({ hash, bytes, mediaType })

/** Fits the values. `fitOne` runs twice for a list that has large values. */
export const keptWhole = <A>(values: ReadonlyArray<A>, fitOne: (value: A, keep: Keep) => A): Effect.Effect<Kept<A>> =>
  Effect.suspend(() => {
    const found = new Map<string, string>()
    const fitted = values.map((value) =>
      fitOne(value, (text, mediaType) => {
        found.set(text, mediaType)
        return { hash: "", bytes: 0, mediaType }
      })
    )
    if (found.size === 0) return Effect.succeed({ values: fitted, blobs: [] })
    return Effect.gen(function* () {
      const blobs = new Map<string, Blob.Blob>()
      for (const [text, mediaType] of found) blobs.set(text, yield* Blob.make(Buffer.from(text), mediaType))
      return {
        values: values.map((value) => fitOne(value, (text, mediaType) => named(blobs.get(text)!, mediaType))),
        blobs: [...blobs.values()]
      }
    })
  })

/** The same at once, for values that the server itself joins: at most about 600 KB each. The blobs are added to `into`, by their hash. */
export const keepInto =
  (into: Map<string, Blob.Blob>): Keep =>
  (text, mediaType) => {
    const blob = Blob.plain(Buffer.from(text), mediaType)
    into.set(blob.hash, blob)
    return named(blob, mediaType)
  }
