/**
 * The read side: snapshots and pages from the log's rows, each answer from one position of the log (D4), each bounded in rows and bytes (D10).
 */
import { defined } from "@millrace/contracts/Defined"
import { NotFound } from "@millrace/contracts/Errors"
import type { ThreadFilter } from "@millrace/contracts/Filter"
import type { ThreadId } from "@millrace/contracts/Ids"
import type { Millrace, PageOf, PageRequest } from "@millrace/contracts/Millrace"
import type { ThreadView } from "@millrace/contracts/State"
import { EventLog } from "@millrace/log/EventLog"
import * as Query from "@millrace/log/Query"
import type { Answer, Collection, Condition, Request, RowPage } from "@millrace/log/Query"
import { storageUnavailable } from "@millrace/log/StorageError"
import { Context, Effect, Layer } from "effect"
import * as Collections from "./Collections.ts"
import { withTexts } from "./OpenTexts.ts"

/** The queries of the `Millrace` interface. */
export class Views extends Context.Tag("@millrace/orchestration/Views")<
  Views,
  Pick<Millrace, "state" | "threads" | "thread" | "turns" | "items" | "requests">
>() {}

/** Maximum threads in a snapshot; the others are paged. */
export const maxThreads = 500
/** Maximum number of projects, and of open requests, in a snapshot. */
const maxOthers = 10_000
const defaultLimit = 100
const maxLimit = 500
/** Maximum bytes of rows in one page; a page has at least one row. */
const maxBytes = 4 * 1024 * 1024

/** Maximum threads that one filtered page examines, at about 5 µs each. */
export const maxSearched = 2000

const limitOf = (page: PageRequest): number => Math.min(maxLimit, Math.max(1, Math.trunc(page.limit ?? defaultLimit)))

const values = <A>({ rows }: RowPage<A>): ReadonlyArray<A> => rows.map(({ value }) => value)

/** A page of a collection, newest first. */
const pagePart = <A>(collection: Collection<A>, page: PageRequest, parent: string) =>
  Query.rows(collection, { parent, before: page.before, limit: limitOf(page), maxBytes })

const pageOf = <A>(head: number, { next }: RowPage<unknown>, items: ReadonlyArray<A>): PageOf<A> => ({
  items,
  ...defined({ before: next }),
  offset: head
})

/** The conditions that are tested on each thread. The project and the collection are not conditions, because the log finds their threads by index. */
const conditionsOf = ({ label, provider, search, status }: ThreadFilter): ReadonlyArray<Condition<keyof ThreadView>> => [
  ...(status === undefined ? [] : [{ field: "status", is: status } as const]),
  ...(provider === undefined ? [] : [{ field: "provider", is: provider } as const]),
  ...(label === undefined ? [] : [{ field: "labels", has: label } as const]),
  ...(search ?? "").split(/\s+/).flatMap((word) => (word === "" ? [] : [{ field: "title", contains: word } as const]))
]

/**
 * Threads that meet the filter, newest first. With conditions, a page examines at most `maxSearched` threads, however few it finds. Its position is the position
 * of the last examined thread.
 */
const threadsPart = (request: Parameters<Views["Type"]["threads"]>[0]) => {
  const where = conditionsOf(request)
  return Query.rows(request.archived === true ? Collections.threadArchived : Collections.thread, {
    parent: request.project,
    before: request.before,
    limit: limitOf(request),
    ...(where.length === 0 ? { maxBytes } : { where, maxScanned: maxSearched })
  })
}

const openRequests = Query.rows(Collections.requestOpen, { limit: maxOthers, maxBytes })

const snapshotParts = {
  projects: Query.rows(Collections.project, { limit: maxOthers, maxBytes }),
  threads: Query.rows(Collections.thread, { limit: maxThreads, maxBytes: maxBytes * 2 }),
  requests: openRequests
}

const threadParts = (threadId: ThreadId) => ({
  thread: Query.row(Collections.thread, threadId),
  archived: Query.row(Collections.threadArchived, threadId)
})

const threadOf = (threadId: ThreadId, { archived, thread }: Answer<ReturnType<typeof threadParts>>) => {
  const found = thread ?? archived
  return found === undefined ? Effect.fail(noThread(threadId)) : Effect.succeed(found.value)
}

const noThread = (id: ThreadId) =>
  new NotFound({
    what: "thread",
    id,
    message: "There is no such thread. List threads to find its id: GET /api/threads, millrace threads."
  })

export const make = Effect.gen(function* () {
  const log = yield* EventLog
  const query = <R extends Request>(request: R) => Effect.mapError(log.query(request), storageUnavailable)

  return Views.of({
    state: Effect.map(query(snapshotParts), ({ head, projects, requests, threads }) => ({
      logEpoch: log.epoch,
      offset: head,
      projects: values(projects),
      threads: values(threads),
      requests: values(requests),
      more: threads.next !== undefined
    })).pipe(Effect.withSpan("Views.state")),
    threads: Effect.fn("Views.threads")((request) =>
      Effect.map(query({ page: threadsPart(request) }), ({ head, page }) => pageOf(head, page, values(page)))
    ),
    thread: Effect.fn("Views.thread")((threadId) =>
      Effect.flatMap(query(threadParts(threadId)), (found) => threadOf(threadId, found))
    ),
    turns: Effect.fn("Views.turns")(function* (threadId, request) {
      const found = yield* query({ ...threadParts(threadId), page: pagePart(Collections.turn, request, threadId) })
      yield* threadOf(threadId, found)
      return pageOf(found.head, found.page, values(found.page))
    }),
    items: Effect.fn("Views.items")(function* (threadId, request) {
      const found = yield* query({ ...threadParts(threadId), page: pagePart(Collections.item, request, threadId) })
      yield* threadOf(threadId, found)
      const items = withTexts(log, found.head, threadId, found.page.rows)
      return pageOf(found.head, found.page, yield* Effect.mapError(items, storageUnavailable))
    }),
    requests: Effect.map(query({ open: openRequests }), ({ open }) => values(open))
  })
})

/** Needs `EventLog` only: reads do not wait for the engine. */
export const layer = Layer.effect(Views, make)
