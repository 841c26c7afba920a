/**
 * The read side: snapshots and pages from the log's rows, each answer from one position of the log (D4), each bounded in rows and bytes (D10).
 */
import { NotFound } from "@millrace/contracts/Errors"
import type { ThreadFilter } from "@millrace/contracts/Filter"
import type { ThreadId } from "@millrace/contracts/Ids"
import type { ItemView, RequestView } from "@millrace/contracts/Item"
import type { Millrace, PageOf, PageRequest } from "@millrace/contracts/Millrace"
import type { ProjectView, Snapshot, ThreadView, TurnView } from "@millrace/contracts/State"
import * as Item from "@millrace/model/Item"
import { EventLog, type Row, type View } from "@millrace/log/EventLog"
import { Context, Effect, Layer } from "effect"
import { openTexts } from "./OpenTexts.ts"
import { storageUnavailable } from "@millrace/log/StorageError"

/** The reading part of the service's interface. */
export class Views extends Context.Tag("@millrace/orchestration/Views")<
  Views,
  Pick<Millrace, "state" | "threads" | "thread" | "turns" | "items" | "requests">
>() {}

/** Most threads in a snapshot; the others are paged. */
export const maxThreads = 500
/** Most projects, and most open requests, in a snapshot. */
const maxOthers = 10_000
const defaultLimit = 100
const maxLimit = 500
/** Most bytes of rows in one page; a page has at least one row. */
const maxBytes = 4 * 1024 * 1024

const limitOf = (page: PageRequest): number => Math.min(maxLimit, Math.max(1, Math.trunc(page.limit ?? defaultLimit)))

const values = <A>(rows: ReadonlyArray<Row>): ReadonlyArray<A> => rows.map((row) => row.value as A)

/** A page of a collection, newest first, with the start of the next page. */
const pageOf = <A>(
  view: View,
  collection: string,
  page: PageRequest,
  parent?: string
): { rows: ReadonlyArray<Row>; page: PageOf<A> } => {
  const limit = limitOf(page)
  const rows = view.rows({
    collection,
    limit: limit + 1,
    maxBytes,
    ...(parent === undefined ? {} : { parent }),
    ...(page.before === undefined ? {} : { before: page.before })
  })
  const shown = rows.slice(0, limit)
  const last = shown.at(-1)
  // A page may also end at its byte budget: read one row more to know whether there is a next page.
  const more =
    last !== undefined &&
    (rows.length > limit ||
      view.rows({ collection, limit: 1, before: last.rank, ...(parent === undefined ? {} : { parent }) }).length > 0)
  return { rows: shown, page: { items: values<A>(shown), ...(more ? { before: last.rank } : {}), offset: view.head } }
}

/** Most threads that one filtered page scans, at about 5 µs each. */
export const maxSearched = 2000

/** The words of a search in lower case, as titles are compared. */
const wordsOf = (search: string): ReadonlyArray<string> => search.toLowerCase().split(/\s+/).filter(Boolean)

/** The condition of a filter on each thread, except project and collection, which the log finds by index; absent: none. */
const conditionOf = ({ label, provider, search, status }: ThreadFilter): ((thread: ThreadView) => boolean) | undefined => {
  const words = wordsOf(search ?? "")
  if (label === undefined && provider === undefined && status === undefined && words.length === 0) return undefined
  return (thread) => {
    const title = thread.title.toLowerCase()
    return (
      (status === undefined || thread.status === status) &&
      (provider === undefined || thread.provider === provider) &&
      (label === undefined || thread.labels?.includes(label) === true) &&
      words.every((word) => title.includes(word))
    )
  }
}

/**
 * Threads that meet the condition, newest first. Scans at most `maxSearched` threads, then ends the page with the position it reached, however many
 * it found.
 */
const filteredThreads = (
  view: View,
  where: { readonly collection: string; readonly parent?: string },
  meets: (thread: ThreadView) => boolean,
  page: PageRequest
): PageOf<ThreadView> => {
  const limit = limitOf(page)
  const items: Array<ThreadView> = []
  let before = page.before
  for (let scanned = 0; scanned < maxSearched;) {
    const rows = view.rows({
      ...where,
      limit: Math.min(200, maxSearched - scanned),
      ...(before === undefined ? {} : { before })
    })
    if (rows.length === 0) return { items, offset: view.head }
    for (const { rank, value } of rows) {
      scanned++
      before = rank
      if (meets(value as ThreadView) && items.push(value as ThreadView) === limit) scanned = maxSearched
      if (scanned >= maxSearched) break
    }
  }
  const more = before !== undefined && view.rows({ ...where, limit: 1, before }).length > 0
  return { items, ...(more ? { before } : {}), offset: view.head }
}

const snapshot =
  (logEpoch: string) =>
  (view: View): Snapshot => {
    const threads = view.rows({ collection: "thread", limit: maxThreads + 1, maxBytes: maxBytes * 2 })
    const shown = threads.slice(0, maxThreads)
    const last = shown.at(-1)
    return {
      logEpoch,
      offset: view.head,
      projects: values<ProjectView>(view.rows({ collection: "project", limit: maxOthers, maxBytes })),
      threads: values<ThreadView>(shown),
      requests: values<RequestView>(view.rows({ collection: "request-open", limit: maxOthers, maxBytes })),
      more:
        threads.length > maxThreads ||
        (last !== undefined && view.rows({ collection: "thread", limit: 1, before: last.rank }).length > 0)
    }
  }

const threadRow = (view: View, threadId: ThreadId): ThreadView | undefined =>
  (view.row("thread", threadId) ?? view.row("thread-archived", threadId))?.value as ThreadView | undefined

/** Items as they are at the view's head; the text of an open one is the sum of its deltas so far (D14). */
const itemPage = (view: View, threadId: ThreadId, request: PageRequest): PageOf<ItemView> => {
  const { rows, page } = pageOf<ItemView>(view, "item", request, threadId)
  const open = rows.flatMap((row) => {
    const item = row.value as ItemView
    return item.status === "open" ? [{ itemId: item.itemId, startedAt: row.rank }] : []
  })
  const texts = openTexts(view, threadId, open)
  return {
    ...page,
    items: page.items.map((item) => Item.withText(item, texts.get(item.itemId)?.text ?? ""))
  }
}

const noThread = (id: ThreadId) =>
  new NotFound({ what: "thread", id, message: "There is no such thread. List threads to find its id." })

export const make = Effect.gen(function* () {
  const log = yield* EventLog
  const query = <A>(read: (view: View) => A) => log.view(read).pipe(Effect.mapError(storageUnavailable))
  const inThread = <A>(threadId: ThreadId, read: (view: View) => A) =>
    Effect.flatMap(
      query((view) => (threadRow(view, threadId) === undefined ? undefined : { found: read(view) })),
      (result) => (result === undefined ? Effect.fail(noThread(threadId)) : Effect.succeed(result.found))
    )

  return Views.of({
    state: query(snapshot(log.epoch)).pipe(Effect.withSpan("Views.state")),
    threads: Effect.fn("Views.threads")((request) =>
      query((view) => {
        const collection = request.archived === true ? "thread-archived" : "thread"
        const meets = conditionOf(request)
        const { project } = request
        if (meets === undefined) return pageOf<ThreadView>(view, collection, request, project).page
        return filteredThreads(view, { collection, ...(project === undefined ? {} : { parent: project }) }, meets, request)
      })
    ),
    thread: Effect.fn("Views.thread")((threadId) =>
      query((view) => threadRow(view, threadId)).pipe(
        Effect.filterOrFail(
          (found) => found !== undefined,
          () => noThread(threadId)
        )
      )
    ),
    turns: Effect.fn("Views.turns")((threadId, page) =>
      inThread(threadId, (view) => pageOf<TurnView>(view, "turn", page, threadId).page)
    ),
    items: Effect.fn("Views.items")((threadId, page) => inThread(threadId, (view) => itemPage(view, threadId, page))),
    requests: query((view) => values<RequestView>(view.rows({ collection: "request-open", limit: maxOthers, maxBytes })))
  })
})

/** Needs `EventLog` only: reads do not wait for the engine. */
export const layer = Layer.effect(Views, make)
