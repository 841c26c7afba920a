/** Queries of the search index, part after part. */
import type { Found, Progress, SearchFile } from "@millrace/log/search/SearchFile"
import { Effect } from "effect"
import type { Page, Wanted } from "./Finder.ts"
import { attempt, type IndexFailed } from "./IndexWriter.ts"
import * as Slices from "./Slices.ts"

/** The newest documents, at most `limit`. Stops when the remaining parts have only older documents. */
const foundIn = (own: SearchFile, { before, filter, limit, terms }: Wanted) =>
  Effect.gen(function* () {
    const breathe = Slices.breather()
    let found: ReadonlyArray<Found> = []
    for (const { id, top } of yield* attempt(() => own.parts)) {
      if ((found[limit - 1]?.position ?? -1) > top) break
      const more = yield* attempt(() => own.find(id, terms, filter, before, limit))
      found = [...found, ...more].toSorted((a, b) => b.position - a.position).slice(0, limit)
      yield* breathe
    }
    return found
  })

/** A page of hits of the index, and how far the index covers the log up to `head`. */
export const find = (
  own: SearchFile,
  { cursor, rebuild }: Progress,
  head: number,
  wanted: Wanted
): Effect.Effect<Page, IndexFailed> =>
  Effect.map(foundIn(own, { ...wanted, limit: wanted.limit + 1 }), (found) => {
    const more = found.length > wanted.limit ? found[wanted.limit - 1]?.position : undefined
    return {
      found: found.slice(0, wanted.limit),
      ...(more !== undefined && { next: more }),
      ...(rebuild !== undefined
        ? { indexing: { done: Math.max(0, rebuild.of - rebuild.from + 1), of: rebuild.of } }
        : cursor < head && { indexing: { done: cursor, of: head } })
    }
  })
