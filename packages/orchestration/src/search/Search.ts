/** Searches the text of threads: prompts, answers, reasoning, commands and their output, changed paths, titles. */
import { ThreadId } from "@millrace/contracts/Ids"
import type { ItemView } from "@millrace/contracts/Item"
import type { Millrace } from "@millrace/contracts/Millrace"
import { type SearchHit, titleKind } from "@millrace/contracts/Search"
import { EventLog, type Queryable } from "@millrace/log/EventLog"
import * as Query from "@millrace/log/Query"
import * as SearchFile from "@millrace/log/search/SearchFile"
import { snippet } from "@millrace/log/search/Snippet"
import { parse, type Terms } from "@millrace/log/search/Terms"
import { storageUnavailable } from "@millrace/log/StorageError"
import { Context, Effect, Layer } from "effect"
import * as Collections from "../readmodel/Collections.ts"
import type { Blobs } from "../readmodel/WholeText.ts"
import * as Documents from "./Documents.ts"
import type { Finder } from "./Finder.ts"
import * as IndexFollower from "./IndexFollower.ts"
import * as Scan from "./Scan.ts"
import * as Slices from "./Slices.ts"

export class Search extends Context.Tag("@millrace/orchestration/Search")<Search, Pick<Millrace, "search">>() {}

const defaultLimit = 20
const maxLimit = 100

/** The hits of those documents that still exist. */
const hitsOf = (log: Queryable & Blobs, found: ReadonlyArray<SearchFile.Found>, { all }: Terms) =>
  Effect.gen(function* () {
    const rows: Record<`item${number}`, Query.Query<Query.RowPage<ItemView>>> = {}
    found.forEach(({ position, threadId }, n) => {
      const before = Documents.offsetOf(position) + 1
      if (!Documents.isTitle(position)) rows[`item${n}`] = Query.rows(Collections.item, { parent: threadId, before, limit: 1 })
    })
    const items = yield* log.query(rows)
    // Read last, because a thread that was deleted in the meantime has no hits.
    const threads = yield* Documents.threadsOf(
      log,
      found.map(({ threadId }) => ThreadId.make(threadId))
    )
    const hits: Array<SearchHit> = []
    const breathe = Slices.breather()
    for (const [n, { at, passage, position, threadId }] of found.entries()) {
      const thread = threads.get(threadId)
      if (thread === undefined) continue
      const common = { threadId: thread.threadId, at: new Date(at).toISOString() }
      if (Documents.isTitle(position)) hits.push({ ...common, kind: titleKind, snippet: snippet(thread.title, all) })
      else {
        const row = items[`item${n}`]?.rows[0]
        if (row === undefined || row.rank !== Documents.offsetOf(position)) continue
        const { itemId, kind, turnId } = row.value
        const text = (yield* Documents.passagesOfItem(log, row.value))[passage] ?? ""
        hits.push({ ...common, turnId, itemId, kind, snippet: snippet(text, all) })
      }
      yield* breathe
    }
    return hits
  }).pipe(Effect.mapError(storageUnavailable))

export const over = (log: Queryable & Blobs, { find }: Finder): typeof Search.Service => ({
  search: Effect.fn("Search.search")(function* ({ before, kind, limit, project, q, thread }) {
    const terms = parse(q)
    const page = yield* find({
      terms,
      filter: { kind, projectId: project, threadId: thread },
      before: before ?? Number.MAX_SAFE_INTEGER,
      limit: Math.min(maxLimit, Math.max(1, Math.trunc(limit ?? defaultLimit)))
    })
    const hits = yield* hitsOf(log, page.found, terms)
    return {
      hits,
      ...(page.next !== undefined && { more: page.next }),
      ...(page.indexing !== undefined && { indexing: page.indexing })
    }
  })
})

/** Reads the rows at each query. */
export const layerScan = Layer.effect(
  Search,
  Effect.map(EventLog, (log) => over(log, Scan.make(log)))
)

/**
 * Search with an index in this file. Without FTS5 (`hasIndex` = false) the search has no index, and removes the file of an earlier index: otherwise the file
 * would keep the words of threads that are deleted from now on.
 */
export const layer = (file: string, hasIndex = SearchFile.isSupported()) =>
  Layer.scoped(
    Search,
    Effect.gen(function* () {
      const log = yield* EventLog
      if (hasIndex) return over(log, yield* IndexFollower.make(log, file))
      yield* Effect.logWarning("This Node has no FTS5: searches read the log's rows and are slow. Node 22.16 and newer have it.")
      yield* Effect.catchAll(
        Effect.try(() => SearchFile.remove(file)),
        ({ error }) =>
          Effect.logWarning(`The search index ${file} is not used and could not be removed. Remove it: ${String(error)}`)
      )
      return over(log, Scan.make(log))
    })
  )
