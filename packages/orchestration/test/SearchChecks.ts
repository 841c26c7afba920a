/**
 * The index of searches against a scan of the rows, which has no index: the same hits in the same order on every page. And nothing of a deleted thread,
 * neither found nor in a file. Returns what is wrong, so that a test can run it with a planted mistake.
 */
import { EventLog, type RowChange } from "@millrace/log/EventLog"
import * as EventLogSqlite from "@millrace/log/EventLogSqlite"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import { Context, Effect, Layer } from "effect"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import * as Documents from "../src/search/Documents.ts"
import * as Search from "../src/search/Search.ts"

type Log = typeof EventLog.Service
type Service = typeof Search.Search.Service

const at = (n: number) => new Date(Date.UTC(2026, 10, 20, 9, 0, 0) + n * 1_000).toISOString()
const put = (collection: string, key: string, parent: string, value: unknown): RowChange => ({
  op: "put",
  collection,
  key,
  parent,
  event: 0,
  rank: "keep",
  value
})

/** 60 such texts are more than one part of the index has. */
const filler = "lorem ipsum dolor sit amet consectetur ".repeat(1_500)

const fill = (log: Log, threads: ReadonlyArray<string>, count: number) =>
  Effect.gen(function* () {
    for (const threadId of threads) {
      const thread = { threadId, projectId: "prj_a", title: `title of ${threadId}`, createdAt: at(0) }
      yield* log.append([
        {
          events: [{ stream: `thread/${threadId}`, type: "thread.created", at: at(0), epoch: 0, data: { threadId } }],
          rows: [put("thread", threadId, "prj_a", thread)]
        }
      ])
    }
    for (let n = 0; n < count; n++) {
      const threadId = threads[n % threads.length]!
      const item = {
        itemId: `itm_${n}`,
        threadId,
        turnId: "trn_1",
        kind: "agent-message",
        status: "completed",
        text: `${n % 3 === 0 ? "needle" : "hay"} ${threadId.replace("_", "")}secret${n} ${filler}`
      }
      yield* log.append([
        {
          events: [{ stream: `thread/${threadId}`, type: "item.completed", at: at(n + 1), epoch: 0, data: item }],
          rows: [put("item", item.itemId, threadId, item)]
        }
      ])
    }
  })

const remove = (log: Log, threadId: string) =>
  log.append([
    {
      events: [{ stream: `thread/${threadId}`, type: "thread.deleted", at: at(9_999), epoch: 0, data: { threadId } }],
      rows: [
        { op: "delete", collection: "thread", key: threadId },
        { op: "delete-children", collection: "item", parent: threadId }
      ],
      forget: [`thread/${threadId}`]
    }
  ])

/** The item ids of all pages. */
const pages = ({ search }: Service, q: string, limit: number) =>
  Effect.gen(function* () {
    const found: Array<string> = []
    for (let before: number | undefined; ;) {
      const page = yield* search({ q, limit, ...(before === undefined ? {} : { before }) })
      if (page.indexing !== undefined) {
        yield* Effect.sleep("1 millis")
        continue
      }
      found.push(...page.hits.map(({ itemId, threadId }) => itemId ?? threadId))
      if (page.more === undefined || found.length > 200) return found
      before = page.more
    }
  })

const service = (layer: Layer.Layer<Search.Search, never, EventLog>, log: Log) =>
  Effect.map(Layer.build(Layer.provide(layer, Layer.succeed(EventLog, log))), (context) => Context.get(context, Search.Search))

/** Every page of several queries and sizes has the hits of a scan. */
const likeScan = (): Promise<ReadonlyArray<string>> =>
  Effect.gen(function* () {
    const directory = yield* temporaryDirectory
    const log = yield* EventLogSqlite.make({ file: join(directory, "log.db"), synchronous: "NORMAL" })
    yield* fill(log, ["thr_a", "thr_b", "thr_c"], 50)
    const index = yield* service(Search.layer(join(directory, "search.db")), log)
    const scan = yield* service(Search.layerScan, log)
    yield* fill(log, ["thr_d"], 12)
    const wrong: Array<string> = []
    for (const q of ["needle", "thrbsecret", "lorem", "title"])
      for (const limit of q === "title" ? [1, 100] : [7, 100]) {
        const [found, expected] = [yield* pages(index, q, limit), yield* pages(scan, q, limit)]
        if (JSON.stringify(found) !== JSON.stringify(expected))
          wrong.push(`${q}, ${limit} on a page: ${found.length} hits of ${expected.length}`)
      }
    return wrong
  }).pipe(Effect.scoped, Effect.runPromise)

/** A deleted thread is not found, and its words leave the index. */
const deletedThread = (): Promise<ReadonlyArray<string>> =>
  Effect.gen(function* () {
    const directory = yield* temporaryDirectory
    const log = yield* EventLogSqlite.make({ file: join(directory, "log.db"), synchronous: "NORMAL" })
    yield* fill(log, ["thr_a", "thr_b"], 60)
    const index = yield* service(Search.layer(join(directory, "search.db")), log)
    yield* pages(index, "needle", 50)
    yield* remove(log, "thr_b")
    const hits = (yield* index.search({ q: "needle", limit: 100 })).hits.filter(({ threadId }) => threadId === "thr_b")
    yield* log.awaitErased
    yield* pages(index, "needle", 50)
    return [
      ...hits.map(({ itemId }) => `${itemId} of a deleted thread is found`),
      ...readdirSync(directory)
        .filter((name) => readFileSync(join(directory, name)).includes("bsecret"))
        .map((name) => `${name} contains a word of a deleted thread`)
    ]
  }).pipe(Effect.scoped, Effect.runPromise)

/** An index that lags behind the deletion still has the title of the thread. */
const laggingIndex = (): Promise<ReadonlyArray<string>> =>
  Effect.gen(function* () {
    const directory = yield* temporaryDirectory
    const log = yield* EventLogSqlite.make({ file: join(directory, "log.db"), synchronous: "NORMAL" })
    yield* fill(log, ["thr_a", "thr_b"], 0)
    const title = { threadId: "thr_b", position: Documents.positionOf(2, true), passage: 0, at: 0 }
    const { search } = Search.over(log, { find: () => Effect.succeed({ found: [title] }) })
    const before = (yield* search({ q: "title" })).hits.length
    yield* remove(log, "thr_b")
    const after = (yield* search({ q: "title" })).hits.length
    return before === 1 && after === 0 ? [] : [`${before} hits before the deletion, ${after} after it`]
  }).pipe(Effect.scoped, Effect.runPromise)

export const checks = { likeScan, deletedThread, laggingIndex }
