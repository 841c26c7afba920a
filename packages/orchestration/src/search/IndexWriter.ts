/**
 * Writes an open search index: the documents of new events, and, for a new index, those of the rows that existed when it was created. It writes in slices
 * of a few milliseconds. The progress is stored in the transaction of the documents that it covers.
 */
import type { ItemId, ThreadId } from "@millrace/contracts/Ids"
import type { ThreadView } from "@millrace/contracts/State"
import type { EventLog, StoredEvent } from "@millrace/log/EventLog"
import * as Query from "@millrace/log/Query"
import type { Document, Progress, SearchFile } from "@millrace/log/search/SearchFile"
import { StorageFailure } from "@millrace/log/Storage"
import { Clock, Data, Effect } from "effect"
import * as Collections from "../readmodel/Collections.ts"
import * as Documents from "./Documents.ts"
import * as Slices from "./Slices.ts"

/** The index cannot be used as it is; `isLost`: it must be built again. */
export class IndexFailed extends Data.TaggedError("IndexFailed")<{ readonly message: string; readonly isLost: boolean }> {}

/** Runs an operation of the index. Anything but a fault of the disk means that its content is not what it should be. */
export const attempt = <A>(run: () => A): Effect.Effect<A, IndexFailed> =>
  Effect.try({
    try: run,
    catch: (cause) =>
      new IndexFailed({
        message: cause instanceof Error ? cause.message : String(cause),
        isLost: !(cause instanceof StorageFailure) || cause.reason === "corrupt"
      })
  })

/** Events without documents after which the cursor is stored: a restart reads at most these again. */
const cursorEvery = 20_000

/** The changes that the events of a page make to the index. */
const changesOf = (events: ReadonlyArray<StoredEvent>) => {
  const items = new Set<ItemId>()
  const titled = new Set<ThreadId>()
  const deleted = new Set<ThreadId>()
  for (const { json, type } of events) {
    if (type === "item.completed" || type === "item.amended" || type === "item.imported")
      items.add((JSON.parse(json) as { readonly data: { readonly itemId: ItemId } }).data.itemId)
    else if (type === "thread.created" || type === "thread.updated" || type === "thread.deleted") {
      const { threadId } = (JSON.parse(json) as { readonly data: { readonly threadId: ThreadId } }).data
      ;(type === "thread.deleted" ? deleted : titled).add(threadId)
    }
  }
  return { items, titled, deleted }
}

/** `rest`: runs after each slice, with its milliseconds. */
export const make = (log: typeof EventLog.Service, own: SearchFile, rest: (millis: number) => Effect.Effect<void>) => {
  let progress = own.progress
  let storedCursor = progress.cursor
  const sliced = {
    read: Slices.make({ least: 128, most: 1_000 }, rest),
    // An item can have 256 KiB.
    rows: Slices.make({ least: 2, most: 32 }, rest),
    put: Slices.make({ least: 16 * 1024, most: 96 * 1024 }, rest),
    forget: Slices.make({ least: 8, most: 256 }, rest),
    merge: Slices.make({ least: 8, most: 64 }, rest)
  }
  /** True: there is more to do. */
  const mergeSome = sliced.merge((pages) => attempt(() => own.merge(pages)))
  const forgetSome = (threadId: ThreadId) => sliced.forget((limit) => attempt(() => own.forget(threadId, limit)))
  const forget = (threadId: ThreadId) => Effect.repeat(forgetSome(threadId), { while: (more) => more })
  const merge = Effect.repeat(mergeSome, { while: (more) => more })

  /** Stores the documents in slices, oldest first, and the progress with the last one. */
  const put = (documents: ReadonlyArray<Document>, next: Progress) =>
    Effect.gen(function* () {
      const passages = documents
        .toSorted((a, b) => a.position - b.position)
        .flatMap((document) => document.passages.map((_, n) => [document, n] as const))
      for (let done = 0; done < passages.length || done === 0;) {
        done = yield* sliced.put((size) => {
          let end = done
          for (let length = 0; end < passages.length && (end === done || length < size); end++) {
            const [document, n] = passages[end]!
            length += document.passages[n]!.length
          }
          return Effect.as(
            attempt(() => own.put(passages.slice(done, end), end === passages.length ? next : undefined)),
            end
          )
        })
        yield* merge
        if (passages.length === 0) break
      }
      progress = next
      storedCursor = next.cursor
    })

  const titles = (ids: Iterable<ThreadId>) =>
    Effect.flatMap(Documents.threadsOf(log, ids), (threads) =>
      Effect.forEach(threads.values(), (thread) => Documents.ofTitle(log, thread))
    )

  /** Indexes the next page of events. */
  const follow = Effect.gen(function* () {
    const { deleted, items, titled, upTo } = yield* sliced.read((limit) =>
      Effect.map(log.read({ after: progress.cursor, limit, maxBytes: 256 * 1024 }), (page) => ({
        ...changesOf(page.events),
        upTo: page.upTo
      }))
    )
    for (const threadId of deleted) yield* forget(threadId)
    const next: Progress = { ...progress, cursor: upTo }
    const documents = yield* Effect.gen(function* () {
      if (items.size === 0 && titled.size === 0) return []
      const found: Array<Document> = []
      for (let left = Array.from(items); left.length > 0;)
        left = yield* sliced.rows((count) =>
          Effect.gen(function* () {
            const { rows } = yield* log.query({ rows: Query.rowsByKey(Collections.item, left.slice(0, count)) })
            found.push(...(yield* Documents.ofItems(log, [...rows.values()])))
            return left.slice(count)
          })
        )
      return [...found, ...(yield* titles(titled))]
    })
    if (documents.length > 0 || deleted.size > 0 || upTo - storedCursor >= cursorEvery) yield* put(documents, next)
    else progress = next
  })

  /** Indexes the titles of the threads in a collection whose rank is greater than `floor`. Returns the greatest rank. */
  const titlesAbove = (collection: Query.Collection<ThreadView>, floor: number) =>
    Effect.gen(function* () {
      let top = floor
      for (let before = Number.MAX_SAFE_INTEGER; before > floor;) {
        const { page } = yield* log.query({ page: Query.rows(collection, { before, limit: 100 }) })
        const fresh = page.rows.filter(({ rank }) => rank > floor)
        top = Math.max(top, fresh[0]?.rank ?? floor)
        yield* put(yield* Effect.forEach(fresh, ({ value }) => Documents.ofTitle(log, value)), progress)
        before = fresh.length === 0 ? 0 : (page.next ?? 0)
      }
      return top
    })

  /** Titles of all threads. The rank of a thread that changes grows, so threads that moved while the titles were read are read again. */
  const rebuildTitles = Effect.gen(function* () {
    for (let [open, archived, isDone] = [0, 0, false]; !isDone;) {
      const [nextOpen, nextArchived]: [number, number] = [
        yield* titlesAbove(Collections.thread, open),
        yield* titlesAbove(Collections.threadArchived, archived)
      ]
      isDone = nextOpen === open && nextArchived === archived
      ;[open, archived] = [nextOpen, nextArchived]
    }
  })

  /** Indexes the next page of rows, from the newest to the oldest. */
  const rebuild = ({ from, of }: NonNullable<Progress["rebuild"]>) =>
    Effect.gen(function* () {
      if (from > of) yield* rebuildTitles
      const { page } = yield* log.query({
        page: Query.rows(Collections.item, { before: from, limit: 100, maxBytes: 128 * 1024 })
      })
      const { rebuild: _, ...rest } = progress
      const documents = yield* Documents.ofItems(log, page.rows)
      yield* put(documents, page.next === undefined ? rest : { ...rest, rebuild: { from: page.next, of } })
    })

  /**
   * Removes the words of the threads whose deletion is not indexed yet, until the clock has this time in milliseconds. Nothing else is indexed: the next start
   * continues at the stored progress.
   */
  const erase = (end: number) =>
    Effect.gen(function* () {
      const isTime = Effect.map(Clock.currentTimeMillis, (now) => now < end)
      const head = yield* log.head
      for (let after = progress.cursor; after < head && (yield* isTime);) {
        const { events, upTo } = yield* log.read({ after, maxBytes: 256 * 1024 })
        for (const threadId of changesOf(events).deleted) while ((yield* isTime) && (yield* forgetSome(threadId)));
        after = upTo
      }
      while ((yield* isTime) && (yield* mergeSome));
    })

  return {
    merge,
    follow,
    rebuild,
    erase,
    get progress() {
      return progress
    }
  }
}

export type IndexWriter = ReturnType<typeof make>
