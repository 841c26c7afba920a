/**
 * Search by reading the rows of the log, newest first: for a log in memory, for stores of embedders, and for SQLite drivers without FTS5. A page examines at
 * most `maxExamined` items, so it may be short or empty; continue with `more`.
 */
import { titleKind } from "@millrace/contracts/Search"
import type { ThreadView } from "@millrace/contracts/State"
import type { Queryable } from "@millrace/log/EventLog"
import * as Query from "@millrace/log/Query"
import type { Found } from "@millrace/log/search/SearchFile"
import { meets } from "@millrace/log/search/Terms"
import { storageUnavailable } from "@millrace/log/StorageError"
import { Effect } from "effect"
import * as Collections from "../readmodel/Collections.ts"
import * as RowPaging from "../readmodel/RowPaging.ts"
import type { Blobs } from "../readmodel/WholeText.ts"
import * as Documents from "./Documents.ts"
import type { Finder, Page, Wanted } from "./Finder.ts"

const maxExamined = 2_000
/** Rows, and bytes of them, that are read in one turn of the event loop. */
const step = { limit: 50, maxBytes: 128 * 1024 }

const titles = (log: Queryable, { filter, terms }: Wanted) =>
  Effect.gen(function* () {
    const found: Array<Found> = []
    const examine = (rows: ReadonlyArray<Query.Row<ThreadView>>) =>
      Effect.gen(function* () {
        for (const { value } of rows) {
          if (filter.threadId !== undefined && filter.threadId !== value.threadId) continue
          if (filter.projectId !== undefined && filter.projectId !== value.projectId) continue
          if (!meets(terms, value.title)) continue
          const { at, position, threadId } = yield* Documents.ofTitle(log, value)
          found.push({ position, passage: 0, threadId, at })
        }
        yield* Effect.yieldNow()
      })
    if (filter.kind !== undefined && filter.kind !== titleKind) return found
    yield* RowPaging.eachPage(log, Collections.thread, examine)
    yield* RowPaging.eachPage(log, Collections.threadArchived, examine)
    return found
  })

const items = (log: Queryable & Blobs, { before, filter, limit, terms }: Wanted) =>
  Effect.gen(function* () {
    const found: Array<Found> = []
    if (filter.kind === titleKind) return { found }
    // An item's position is below `before` if its rank is below this.
    let next: number | undefined = Math.ceil(before / 2)
    for (let examined = 0; next !== undefined && examined < maxExamined && found.length < limit;) {
      const { page }: { readonly page: Query.RowPage<Parameters<typeof Documents.textOf>[0]> } = yield* log.query({
        page: Query.rows(Collections.item, { parent: filter.threadId, before: next, ...step })
      })
      const threads = yield* Documents.threadsOf(
        log,
        page.rows.map(({ value }) => value.threadId)
      )
      for (const row of page.rows) {
        const thread = threads.get(row.value.threadId)
        if (thread === undefined || row.value.status === "open") continue
        if (filter.projectId !== undefined && filter.projectId !== thread.projectId) continue
        if (filter.kind !== undefined && filter.kind !== row.value.kind) continue
        const passage = (yield* Documents.passagesOfItem(log, row.value)).findIndex((passage) => meets(terms, passage))
        if (passage < 0) continue
        const position = Documents.positionOf(row.rank, false)
        found.push({ position, passage, threadId: thread.threadId, at: yield* Documents.began(log, row, thread) })
      }
      examined += page.rows.length
      next = page.next
      yield* Effect.yieldNow()
    }
    return next === undefined ? { found } : { found, next: Documents.positionOf(next, false) }
  })

export const make = (log: Queryable & Blobs): Finder => ({
  find: (wanted) =>
    Effect.gen(function* () {
      if (wanted.terms.all.length === 0) return { found: [] }
      const scanned = yield* items(log, wanted)
      const examinedFrom = scanned.next ?? 0
      const all = [...scanned.found, ...(yield* titles(log, wanted))]
        .filter(({ position }) => position < wanted.before && position >= examinedFrom)
        .toSorted((a, b) => b.position - a.position)
      const found = all.slice(0, wanted.limit)
      const next = all.length > wanted.limit ? found.at(-1)?.position : scanned.next
      return { found, ...(next !== undefined && { next }) } satisfies Page
    }).pipe(Effect.mapError(storageUnavailable), Effect.withSpan("Search.scan"))
})
