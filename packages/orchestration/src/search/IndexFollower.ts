/**
 * Keeps the search index of a data directory: a fiber that follows the log and, for a new index, reads the rows that existed when it was created. It writes
 * in slices of a few milliseconds and after each slice lets other fibers run; appends never wait for it.
 *
 * The progress is stored in the transaction of the documents that it covers, so a restart continues without a loss (Q1). An index that cannot continue
 * (another log, damaged, its cursor is below retention) is discarded and built again.
 */
import { StorageUnavailable } from "@millrace/contracts/Errors"
import type { ItemId, ThreadId } from "@millrace/contracts/Ids"
import type { ThreadView } from "@millrace/contracts/State"
import type { EventLog, StoredEvent } from "@millrace/log/EventLog"
import { Notifier } from "@millrace/log/Notifier"
import * as Query from "@millrace/log/Query"
import { type Document, type Found, type Progress, SearchFile } from "@millrace/log/search/SearchFile"
import { StorageFailure } from "@millrace/log/Storage"
import { Watermark } from "@millrace/log/Watermark"
import { Cause, Data, Effect, Exit, type Scope } from "effect"
import * as Collections from "../readmodel/Collections.ts"
import * as Documents from "./Documents.ts"
import type { Finder, Wanted } from "./Finder.ts"
import * as Slices from "./Slices.ts"

/** The index cannot be used as it is; `isLost`: it must be built again. */
class IndexFailed extends Data.TaggedError("IndexFailed")<{ readonly message: string; readonly isLost: boolean }> {}

/** Runs an operation of the index. Anything but a fault of the disk means that its content is not what it should be. */
const attempt = <A>(run: () => A): Effect.Effect<A, IndexFailed> =>
  Effect.try({
    try: run,
    catch: (cause) =>
      new IndexFailed({
        message: cause instanceof Error ? cause.message : String(cause),
        isLost: !(cause instanceof StorageFailure) || cause.reason === "corrupt"
      })
  })

/** Pause after the index has caught up. A query ends it, so it delays no answer; it keeps the fiber from running at each commit. */
const pause = "250 millis"
/** Pause after a failure of the disk, and before an index that was discarded is built again. */
const retryPause = "5 seconds"
/** At most `longestRest` milliseconds. */
const restFactor = 30
const longestRest = 600
/** How long a query waits for the index to reach the head. */
const patience = "1 second"
/** Events without documents after which the cursor is stored: a restart reads at most these again. */
const cursorEvery = 20_000

/** What the events of a page change. */
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

/** Opens or creates the index `file` in its fiber, so that a start does not wait for it. */
export const make = (log: typeof EventLog.Service, file: string): Effect.Effect<Finder, never, Scope.Scope> =>
  Effect.gen(function* () {
    const query = new Notifier()
    const indexedTo = new Watermark(0)
    let index: SearchFile | undefined
    let progress: Progress = { cursor: 0 }
    let storedCursor = 0
    /** Why the index is closed; undefined while it is open or is built again. */
    let closed: string | undefined
    /** The last problem that was reported. Reset when the index has caught up. */
    let reported: string | undefined

    /** The head after the last rest, and the milliseconds of the slices since then. */
    let [restedAt, spent] = [0, 0]
    /** Queries that wait for the index to catch up. */
    let waiting = 0
    /**
     * Lets other fibers run. If the log grew since the last rest, waits `restFactor` times as long as the slices since then took, so that the follower uses
     * little of a busy writer's time: the index lags, and the rate of appends stays (decision 0074). Does not rest while a query waits.
     */
    const rest = (millis: number) =>
      Effect.gen(function* () {
        spent += millis
        const asked = query.next
        yield* Effect.yieldNow()
        if (waiting > 0 || (yield* log.head) === restedAt) return
        yield* Effect.raceFirst(asked, Effect.sleep(Math.min(longestRest, spent * restFactor)))
        restedAt = yield* log.head
        spent = 0
      })

    const sliced = {
      read: Slices.make({ least: 128, most: 1_000 }, rest),
      // An item can have 256 KiB.
      rows: Slices.make({ least: 2, most: 32 }, rest),
      put: Slices.make({ least: 16 * 1024, most: 96 * 1024 }, rest),
      forget: Slices.make({ least: 8, most: 256 }, rest),
      merge: Slices.make({ least: 8, most: 64 }, rest)
    }

    const merge = (own: SearchFile) =>
      Effect.repeat(
        sliced.merge((pages) => attempt(() => own.merge(pages))),
        { while: (more) => more }
      )

    /** Stores the documents in slices, oldest first, and the progress with the last one. */
    const put = (own: SearchFile, documents: ReadonlyArray<Document>, next: Progress) =>
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
          yield* merge(own)
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
    const follow = (own: SearchFile) =>
      Effect.gen(function* () {
        const { deleted, items, titled, upTo } = yield* sliced.read((limit) =>
          Effect.map(log.read({ after: progress.cursor, limit, maxBytes: 256 * 1024 }), (page) => ({
            ...changesOf(page.events),
            upTo: page.upTo
          }))
        )
        for (const threadId of deleted)
          yield* Effect.repeat(
            sliced.forget((limit) => attempt(() => own.forget(threadId, limit))),
            { while: (more) => more }
          )
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
        if (documents.length > 0 || deleted.size > 0 || upTo - storedCursor >= cursorEvery) yield* put(own, documents, next)
        else progress = next
        indexedTo.advance(upTo)
      })

    /** Indexes the titles of the threads in a collection whose rank is greater than `floor`. Returns the greatest rank. */
    const titlesAbove = (own: SearchFile, collection: Query.Collection<ThreadView>, floor: number) =>
      Effect.gen(function* () {
        let top = floor
        for (let before = Number.MAX_SAFE_INTEGER; before > floor;) {
          const { page } = yield* log.query({ page: Query.rows(collection, { before, limit: 100 }) })
          const fresh = page.rows.filter(({ rank }) => rank > floor)
          top = Math.max(top, fresh[0]?.rank ?? floor)
          yield* put(own, yield* Effect.forEach(fresh, ({ value }) => Documents.ofTitle(log, value)), progress)
          before = fresh.length === 0 ? 0 : (page.next ?? 0)
        }
        return top
      })

    /** Titles of all threads. The rank of a thread that changes grows, so threads that moved while the titles were read are read again. */
    const rebuildTitles = (own: SearchFile) =>
      Effect.gen(function* () {
        for (let [open, archived, isDone] = [0, 0, false]; !isDone;) {
          const [nextOpen, nextArchived]: [number, number] = [
            yield* titlesAbove(own, Collections.thread, open),
            yield* titlesAbove(own, Collections.threadArchived, archived)
          ]
          isDone = nextOpen === open && nextArchived === archived
          ;[open, archived] = [nextOpen, nextArchived]
        }
      })

    /** Indexes the next page of rows, from the newest to the oldest. */
    const rebuild = (own: SearchFile, { from, of }: NonNullable<Progress["rebuild"]>) =>
      Effect.gen(function* () {
        if (from > of) yield* rebuildTitles(own)
        const { page } = yield* log.query({
          page: Query.rows(Collections.item, { before: from, limit: 100, maxBytes: 128 * 1024 })
        })
        const { rebuild: _, ...rest } = progress
        const documents = yield* Documents.ofItems(log, page.rows)
        yield* put(own, documents, page.next === undefined ? rest : { ...rest, rebuild: { from: page.next, of } })
      })

    const work = (own: SearchFile) =>
      Effect.gen(function* () {
        if (progress.cursor < (yield* log.head)) yield* follow(own)
        if (progress.rebuild !== undefined) return yield* rebuild(own, progress.rebuild)
        if (progress.cursor < (yield* log.head)) return
        const asked = query.next
        indexedTo.advance(progress.cursor)
        reported = undefined
        yield* log.awaitBeyond(progress.cursor)
        yield* Effect.raceFirst(asked, Effect.sleep(pause))
      })

    const open = Effect.flatMap(log.head, (head) =>
      Effect.map(
        attempt(() => SearchFile.open(file, log.epoch, head)),
        (opened) => {
          index = opened
          closed = undefined
          restedAt = head
          progress = opened.progress
          storedCursor = progress.cursor
          return opened
        }
      )
    )
    const close = Effect.sync(() => {
      index?.close()
      index = undefined
    })

    /** Logs the problem unless it is the one that was logged last. */
    const report = (problem: string) =>
      Effect.suspend(() => {
        if (reported === problem) return Effect.void
        reported = problem
        return Effect.logWarning(problem)
      })

    const discard = (why: string) =>
      Effect.zipRight(
        report(`The search index is built again: ${why}`),
        attempt(() => {
          const lost = index
          index = undefined
          lost?.discard(file)
        })
      )

    const run: Effect.Effect<void> = Effect.flatMap(open, (own) => Effect.zipRight(merge(own), Effect.forever(work(own)))).pipe(
      Effect.catchTags({
        CursorExpired: ({ message }) => discard(message),
        CursorAhead: ({ message }) => discard(message)
      }),
      // An index that did not open is not there to be discarded.
      Effect.catchTag("IndexFailed", (failure) =>
        failure.isLost && index !== undefined ? discard(failure.message) : Effect.fail(failure)
      ),
      Effect.exit,
      Effect.flatMap((exit) => {
        if (Exit.isSuccess(exit)) return Effect.sleep(retryPause)
        if (Cause.isInterrupted(exit.cause)) return Effect.void
        const why = Cause.prettyErrors(exit.cause)
          .map(({ message }) => message)
          .join("; ")
        closed = why
        return Effect.zipRight(
          report(`The search index is not updated now: ${why}`),
          Effect.zipRight(close, Effect.sleep(retryPause))
        )
      })
    )

    yield* Effect.addFinalizer(() => close)
    yield* Effect.forkScoped(Effect.forever(run))

    /** Reads part after part, and stops when the parts that are left have only older documents. */
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

    const unavailable = (message: string) =>
      new StorageUnavailable({ message: `The search index cannot be read: ${message}. Try again.`, retryAfterMillis: 5000 })

    return {
      find: ({ before, filter, limit, terms }) =>
        Effect.gen(function* () {
          const head = yield* log.head
          yield* Effect.acquireUseRelease(
            Effect.sync(() => {
              waiting++
              query.wake()
            }),
            () => Effect.timeoutOption(indexedTo.awaitBeyond(head - 1), patience),
            () => Effect.sync(() => void waiting--)
          )
          const { cursor, rebuild } = progress
          const own = index
          if (own === undefined && closed !== undefined) return yield* unavailable(closed)
          if (own === undefined) return { found: [], indexing: { done: 0, of: head } }
          const found = yield* Effect.mapError(foundIn(own, { terms, filter, before, limit: limit + 1 }), ({ message }) =>
            unavailable(message)
          )
          const more = found.length > limit ? found[limit - 1]?.position : undefined
          return {
            found: found.slice(0, limit),
            ...(more !== undefined && { next: more }),
            ...(rebuild !== undefined
              ? { indexing: { done: Math.max(0, rebuild.of - rebuild.from + 1), of: rebuild.of } }
              : cursor < head && { indexing: { done: cursor, of: head } })
          }
        }).pipe(Effect.withSpan("Search.find"))
    }
  })
