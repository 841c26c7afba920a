/** One suite for both ways to search. Tests also the index across restarts, deletions and other logs. */
import { describe, expect, it } from "@effect/vitest"
import { CursorExpired } from "@millrace/contracts/Errors"
import type { ItemId, ProjectId, ThreadId, TurnId } from "@millrace/contracts/Ids"
import type { ItemView } from "@millrace/contracts/Item"
import type { SearchRequest } from "@millrace/contracts/Search"
import type { ThreadView } from "@millrace/contracts/State"
import { EventLog, type RowChange } from "@millrace/log/EventLog"
import * as EventLogMemory from "@millrace/log/EventLogMemory"
import * as EventLogSqlite from "@millrace/log/EventLogSqlite"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import { Context, Effect, Exit, Fiber, Layer, Logger, Scope, Stream, TestClock } from "effect"
import { existsSync, mkdirSync, readdirSync, rmSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Search from "./Search.ts"

const at = (n: number) => new Date(Date.UTC(2026, 10, 20, 9, 0, n)).toISOString()
const put = (collection: string, key: string, parent: string, value: unknown, rank: "bump" | "keep" = "keep"): RowChange => ({
  op: "put",
  collection,
  key,
  parent,
  event: 0,
  rank,
  value
})

/** Writes the same events and rows as the engine. */
const writer = Effect.map(EventLog, (log) => {
  let n = 0
  const append = (type: string, threadId: string, data: object, rows: ReadonlyArray<RowChange>) =>
    log.append([{ events: [{ stream: `thread/${threadId}`, type, at: at(++n), epoch: 0, data: { threadId, ...data } }], rows }])
  const thread = (threadId: string, title: string, part: Partial<ThreadView> = {}): Partial<ThreadView> => ({
    threadId: threadId as ThreadId,
    projectId: "prj_a" as ProjectId,
    title,
    createdAt: at(0),
    ...part
  })
  return {
    created: (threadId: string, title: string, part: Partial<ThreadView> = {}) =>
      append("thread.created", threadId, { title }, [
        put("thread", threadId, part.projectId ?? "prj_a", thread(threadId, title, part), "bump")
      ]),
    renamed: (threadId: string, title: string) =>
      append("thread.updated", threadId, { title }, [put("thread", threadId, "prj_a", thread(threadId, title), "bump")]),
    archived: (threadId: string, title: string) =>
      append("thread.archived", threadId, {}, [
        { op: "delete", collection: "thread", key: threadId },
        put("thread-archived", threadId, "prj_a", thread(threadId, title), "bump")
      ]),
    deleted: (threadId: string) =>
      append("thread.deleted", threadId, {}, [
        { op: "delete", collection: "thread", key: threadId },
        { op: "delete", collection: "thread-archived", key: threadId }
      ]),
    item: (threadId: string, itemId: string, part: Partial<ItemView> = {}) => {
      const view = {
        itemId: itemId as ItemId,
        threadId: threadId as ThreadId,
        turnId: "trn_1" as TurnId,
        kind: "agent-message",
        status: "completed",
        ...part
      }
      return Effect.zipRight(
        append("item.started", threadId, { itemId }, [put("item", itemId, threadId, { ...view, status: "open" })]),
        append(view.status === "open" ? "item.delta" : "item.completed", threadId, view, [put("item", itemId, threadId, view)])
      )
    }
  }
})

const memory = Layer.effect(EventLog, Effect.orDie(EventLogMemory.make()))
const sqlite = Layer.unwrapScoped(
  Effect.map(temporaryDirectory, (directory) =>
    Layer.orDie(EventLogSqlite.layer({ file: join(directory, "log.db"), synchronous: "NORMAL" }))
  )
)
const indexed = Layer.unwrapScoped(Effect.map(temporaryDirectory, (directory) => Search.layer(join(directory, "search.db"))))

const ways = {
  "a scan of a log in memory": Layer.provideMerge(Search.layerScan, memory),
  "a scan of SQLite": Layer.provideMerge(Search.layerScan, sqlite),
  "an index of a log in memory": Layer.provideMerge(indexed, memory),
  "an index of SQLite": Layer.provideMerge(indexed, sqlite)
}

const search = (request: SearchRequest) => Effect.flatMap(Search.Search, ({ search }) => search(request))
const ids = (q: string, part: Partial<SearchRequest> = {}) =>
  Effect.map(search({ q, ...part }), ({ hits }) => hits.map(({ itemId, threadId }) => itemId ?? threadId))

describe.each(Object.entries(ways))("%s", (_, layer) => {
  it.scoped("Q1 finds prompts, answers, reasoning, commands, output, paths, tools, plans and titles", () =>
    Effect.gen(function* () {
      const { created, item } = yield* writer
      yield* created("thr_a", "Titel über Zebras")
      yield* item("thr_a", "itm_1", { kind: "user-message", role: "user", text: "where is the prompt" })
      yield* item("thr_a", "itm_2", { text: "an answer" })
      yield* item("thr_a", "itm_3", { kind: "reasoning", text: "some reasoning" })
      yield* item("thr_a", "itm_4", { kind: "command", command: "npm test", output: "3 passed" })
      yield* item("thr_a", "itm_5", {
        kind: "file-change",
        changes: [{ path: "src/old.ts", change: "move", movedTo: "src/new.ts", diff: "+hidden" }]
      })
      yield* item("thr_a", "itm_6", { kind: "tool-call", tool: "linear/issues", input: { hidden: 1 } })
      yield* item("thr_a", "itm_7", { kind: "plan", steps: [{ text: "first step", status: "pending" }] })
      yield* item("thr_a", "itm_8", { status: "open", text: "unfinished" })
      const expected = {
        prompt: "itm_1",
        answer: "itm_2",
        reasoning: "itm_3",
        "npm passed": "itm_4",
        "src/new.ts": "itm_5",
        linear: "itm_6",
        step: "itm_7",
        "uber zebra": "thr_a"
      }
      for (const [q, id] of Object.entries(expected)) expect(yield* ids(q), q).toEqual([id])
      for (const q of ["hidden", "unfinished", "nowhere", "", "-answer"]) expect(yield* ids(q), q).toEqual([])
      expect(yield* search({ q: "answer" })).toEqual({
        hits: [
          {
            threadId: "thr_a",
            turnId: "trn_1",
            itemId: "itm_2",
            kind: "agent-message",
            at: at(4),
            snippet: "an \u2068answer\u2069"
          }
        ]
      })
      expect(yield* search({ q: "zebras" })).toEqual({
        hits: [{ threadId: "thr_a", kind: "title", at: at(0), snippet: "Titel über \u2068Zebras\u2069" }]
      })
    }).pipe(Effect.provide(layer))
  )

  it.scoped("Q1 pages are newest first, without repeats, under each filter", () =>
    Effect.gen(function* () {
      const { archived, created, item } = yield* writer
      for (const id of ["thr_a", "thr_b"]) yield* created(id, `word ${id}`)
      yield* created("thr_c", "word c", { projectId: "prj_c" as ProjectId })
      for (let n = 0; n < 30; n++)
        yield* item(["thr_a", "thr_b", "thr_c"][n % 3] ?? "", `itm_${n}`, {
          kind: n % 2 === 0 ? "plan" : "notice",
          text: "a word"
        })
      yield* archived("thr_a", "word thr_a")
      const newest = [...Array.from({ length: 30 }, (_, n) => `itm_${29 - n}`), "thr_c", "thr_b", "thr_a"]
      const pages: Array<string> = []
      let before: number | undefined
      do {
        const page = yield* search({ q: "word", limit: 4, before })
        expect(page.hits.length).toBeLessThanOrEqual(4)
        pages.push(...page.hits.map(({ itemId, threadId }) => itemId ?? threadId))
        before = page.more
      } while (before !== undefined)
      expect(pages).toEqual(newest)
      expect(yield* ids("word", { limit: 100, thread: "thr_a" as ThreadId })).toHaveLength(11)
      expect(yield* ids("word", { limit: 100, project: "prj_c" as ProjectId })).toHaveLength(11)
      expect(yield* ids("word", { limit: 100, kind: "plan" })).toHaveLength(15)
      expect(yield* ids("word", { kind: "title" })).toEqual(["thr_c", "thr_b", "thr_a"])
      expect(yield* ids("word", { kind: "plan", thread: "thr_none" as ThreadId })).toEqual([])
      expect(yield* ids("word")).toHaveLength(20)
    }).pipe(Effect.provide(layer))
  )

  it.scoped("Q1 nothing of a deleted thread, the new title of a renamed one, both parts of a long text", () =>
    Effect.gen(function* () {
      const { created, deleted, item, renamed } = yield* writer
      yield* created("thr_a", "old words")
      yield* created("thr_b", "other words")
      yield* item("thr_a", "itm_1", { text: "secret words" })
      yield* item("thr_b", "itm_2", { text: `beginning ${"filler ".repeat(10_000)}end words` })
      expect(yield* ids("words")).toEqual(["itm_2", "itm_1", "thr_b", "thr_a"])
      expect(yield* ids("beginning")).toEqual(["itm_2"])
      expect((yield* search({ q: "end" })).hits[0]?.snippet).toMatch(/^….*filler \u2068end\u2069 words$/)
      // A large value is in a blob; the row has its beginning.
      const output = `${"filler ".repeat(20_000)}of the output`
      const { putBlob } = yield* EventLog
      const blob = yield* putBlob(Stream.make(Buffer.from(output)), "text/plain")
      yield* item("thr_b", "itm_3", { kind: "command", command: "run", output: output.slice(0, 16_384), blobs: { output: blob } })
      expect((yield* search({ q: '"of the output"' })).hits[0]?.snippet).toMatch(/^….*filler \u2068of the output\u2069$/)
      yield* renamed("thr_b", "new title")
      expect(yield* ids("other")).toEqual([])
      expect(yield* ids("title")).toEqual(["thr_b"])
      yield* deleted("thr_a")
      expect(yield* ids("words")).toEqual(["itm_2"])
      expect(yield* ids("secret")).toEqual([])
    }).pipe(Effect.provide(layer))
  )
})

const inDirectory = Effect.map(temporaryDirectory, (directory) => ({
  directory,
  file: join(directory, "search.db"),
  log: Layer.orDie(EventLogSqlite.layer({ file: join(directory, "log.db"), synchronous: "NORMAL" }))
}))
/** A server's search, from its start to its end. */
const during = <A, E>(file: string, use: Effect.Effect<A, E, Search.Search>) =>
  Effect.provide(use, Search.layer(file)) as Effect.Effect<A, E, EventLog>
/** The hits of the index after it has caught up. */
const complete = (q: string): Effect.Effect<ReadonlyArray<string>, unknown, Search.Search> =>
  Effect.flatMap(search({ q, limit: 100 }), ({ hits, indexing }) =>
    indexing === undefined
      ? Effect.succeed(hits.map(({ itemId, threadId }) => itemId ?? threadId))
      : Effect.zipRight(Effect.yieldNow(), complete(q))
  )
const words = (directory: string, word: string) =>
  readdirSync(directory)
    .filter((name) => name.startsWith("search.db"))
    .some((name) => readFileSync(join(directory, name)).includes(word))

describe("the index", () => {
  it.scoped("Q1 that is built from the rows equals the one that followed the log", () =>
    Effect.gen(function* () {
      const { directory, file, log } = yield* inDirectory
      yield* Effect.gen(function* () {
        const { archived, created, item } = yield* writer
        const pages = (name: string) =>
          during(
            name,
            Effect.zipRight(
              complete("word"),
              Effect.forEach(["word", '"word 7"', "title", "longer"], (q) => search({ q, limit: 100 }))
            )
          )
        yield* during(
          file,
          Effect.gen(function* () {
            for (let t = 0; t < 5; t++) {
              yield* created(`thr_${t}`, `title word ${t}`)
              for (let n = 0; n < 50; n++)
                yield* item(`thr_${t}`, `itm_${t}_${n}`, { text: `word ${n}${n % 20 === 0 ? " longer".repeat(9000) : ""}` })
              if (t % 2 === 0) yield* archived(`thr_${t}`, `title word ${t}`)
            }
          })
        )
        const followed = yield* pages(file)
        expect(followed[0]?.hits).toHaveLength(100)
        expect(yield* pages(join(directory, "search.db-built"))).toEqual(followed)
      }).pipe(Effect.provide(log))
    })
  )

  it.scoped("Q1 continues after a restart at its cursor, also in the middle of being built", () =>
    Effect.gen(function* () {
      const { file, log } = yield* inDirectory
      yield* Effect.gen(function* () {
        const { created, item } = yield* writer
        yield* created("thr_a", "title")
        for (let n = 0; n < 500; n++) yield* item("thr_a", `itm_${n}`, { text: `word ${n}` })
        // Each start indexes a little, because it ends at once.
        for (let start = 0; start < 20; start++) {
          yield* during(file, Effect.repeatN(Effect.yieldNow(), 3 * start))
          yield* item("thr_a", `itm_late_${start}`, { text: `late word ${start}` })
        }
        const found = yield* during(file, complete("late"))
        expect(found).toEqual(Array.from({ length: 20 }, (_, n) => `itm_late_${19 - n}`))
        for (const n of [0, 250, 499]) expect(yield* during(file, complete(`"word ${n}"`))).toContain(`itm_${n}`)
      }).pipe(Effect.provide(log))
    })
  )

  it.scoped("Q1 leaves no word of a thread that was deleted while it ran, while no server ran, or while it was built", () =>
    Effect.gen(function* () {
      const { directory, file, log } = yield* inDirectory
      yield* Effect.gen(function* () {
        const { created, deleted, item } = yield* writer
        for (const id of ["thr_a", "thr_b", "thr_c", "thr_d"]) {
          yield* created(id, `zebra title of ${id}`)
          for (let n = 0; n < 100; n++) yield* item(id, `itm_${id}_${n}`, { text: `common ${id.replace("_", "")}secret${n}` })
        }
        yield* during(
          file,
          Effect.gen(function* () {
            yield* Effect.repeatN(Effect.yieldNow(), 5)
            yield* deleted("thr_a")
            yield* complete("common")
          })
        )
        expect(yield* during(file, complete("common"))).toHaveLength(100)
        expect(words(directory, "asecret")).toBe(false)
        yield* during(
          file,
          Effect.gen(function* () {
            yield* deleted("thr_b")
            yield* complete("common")
            expect(words(directory, "bsecret")).toBe(false)
          })
        )
        yield* deleted("thr_c")
        // The index stores a word without the letters that it shares with the word before it.
        expect(words(directory, "csecret")).toBe(true)
        expect(yield* during(file, complete("thrcsecret1"))).toEqual([])
        yield* deleted("thr_d")
        yield* during(file, complete("common"))
        for (const word of ["secret", "zebra", "common", "thr_"]) expect(words(directory, word), word).toBe(false)
      }).pipe(Effect.provide(log))
    })
  )

  it.scoped("Q1 that was damaged, or belongs to another log, is built again, and a start never fails", () =>
    Effect.gen(function* () {
      const { file, log } = yield* inDirectory
      const other = yield* inDirectory
      const fill = Effect.gen(function* () {
        const { created, item } = yield* writer
        yield* created("thr_a", "title")
        for (let n = 0; n < 3; n++) yield* item("thr_a", `itm_${n}`, { text: `word ${n}` })
      })
      yield* Effect.zipRight(fill, during(file, complete("word"))).pipe(Effect.provide(log))
      writeFileSync(file, "garbage".repeat(1000))
      expect(yield* during(file, complete("word")).pipe(Effect.provide(log))).toEqual(["itm_2", "itm_1", "itm_0"])
      yield* fill.pipe(Effect.provide(other.log))
      expect(yield* during(file, complete("word")).pipe(Effect.provide(other.log))).toEqual(["itm_2", "itm_1", "itm_0"])
    })
  )

  it.scoped("Q1 whose cursor is below retention is built again", () =>
    Effect.gen(function* () {
      const { file, log } = yield* inDirectory
      yield* Effect.gen(function* () {
        const { created, item } = yield* writer
        yield* created("thr_a", "title")
        yield* item("thr_a", "itm_1", { text: "first word" })
        yield* during(file, complete("word"))
        yield* item("thr_a", "itm_2", { text: "second word" })
        yield* item("thr_a", "itm_3", { text: "third word" })
        const { head, trim } = yield* EventLog
        yield* trim((yield* head) - 1)
        const found = yield* Effect.fork(during(file, complete("word")))
        yield* TestClock.adjust("5 seconds")
        expect(yield* Fiber.join(found)).toEqual(["itm_3", "itm_2", "itm_1"])
      }).pipe(Effect.provide(log))
    })
  )

  it.scoped("Q1 that is discarded again and again is built at most every 5 seconds, and reports it once", () =>
    Effect.gen(function* () {
      const { file, log } = yield* inDirectory
      yield* Effect.gen(function* () {
        const real = yield* EventLog
        let [head, reads] = [0, 0]
        const warnings: Array<unknown> = []
        const failing: typeof real = {
          ...real,
          head: Effect.sync(() => ++head),
          read: () => {
            reads++
            return Effect.fail(new CursorExpired({ message: "expired", logEpoch: real.epoch, head: 1 }))
          }
        }
        const logger = Logger.make<unknown, void>(({ message }) => void warnings.push(message))
        yield* Layer.build(
          Search.layer(file).pipe(
            Layer.provide(Layer.succeed(EventLog, failing)),
            Layer.provideMerge(Logger.replace(Logger.defaultLogger, logger))
          )
        )
        yield* Effect.repeatN(Effect.yieldNow(), 100)
        expect(reads).toBe(1)
        yield* TestClock.adjust("5 seconds")
        yield* Effect.repeatN(Effect.yieldNow(), 100)
        expect([reads, warnings.length]).toEqual([2, 1])
      }).pipe(Effect.provide(log))
    })
  )

  it.scoped("Q1 that cannot be opened fails its searches with the reason and is tried again", () =>
    Effect.gen(function* () {
      const { directory, log } = yield* inDirectory
      const file = join(directory, "absent", "search.db")
      yield* during(
        file,
        Effect.gen(function* () {
          const waiting = yield* Effect.fork(search({ q: "word" }))
          yield* TestClock.adjust("2 seconds")
          const { _tag, message } = yield* Effect.flip(Fiber.join(waiting))
          expect(_tag).toBe("StorageUnavailable")
          expect(message).toMatch(/^The search index .+search\.db cannot be used: .+ remove it: the server builds it again/)
          expect(existsSync(file)).toBe(false)
        })
      ).pipe(Effect.provide(log))
    })
  )

  it.scoped("Q1 that is a directory fails its searches until it is removed, and is then built", () =>
    Effect.gen(function* () {
      const { file, log } = yield* inDirectory
      mkdirSync(file)
      yield* Effect.gen(function* () {
        const { created, item } = yield* writer
        yield* created("thr_a", "title")
        yield* item("thr_a", "itm_1", { text: "word" })
        yield* during(
          file,
          Effect.gen(function* () {
            const waiting = yield* Effect.fork(search({ q: "word" }))
            yield* TestClock.adjust("2 seconds")
            expect(yield* Effect.flip(Fiber.join(waiting))).toMatchObject({ _tag: "StorageUnavailable" })
            rmSync(file, { recursive: true })
            yield* TestClock.adjust("5 seconds")
            expect(yield* complete("word")).toEqual(["itm_1"])
          })
        )
      }).pipe(Effect.provide(log))
    })
  )

  it.scoped("Q1 L14 has no word of a thread whose deletion it had not indexed when it closed", () =>
    Effect.gen(function* () {
      const { directory, file, log } = yield* inDirectory
      yield* Effect.gen(function* () {
        const { created, deleted, item } = yield* writer
        for (const id of ["thr_a", "thr_b"]) {
          yield* created(id, `zebra title of ${id}`)
          for (let n = 0; n < 300; n++) yield* item(id, `itm_${id}_${n}`, { text: `common ${id.replace("_", "")}secret${n}` })
        }
        // The clock stands still, so the follower pauses when it has caught up.
        yield* during(file, Effect.zipRight(complete("common"), deleted("thr_a")))
        expect(words(directory, "asecret")).toBe(false)
        expect(yield* during(file, complete("common"))).toHaveLength(100)
      }).pipe(Effect.provide(log))
    })
  )

  it.scoped("Q1 is removed where there is no FTS5, because it would keep the words of deleted threads", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const file = join(directory, "search.db")
      for (const suffix of ["", "-wal", "-shm"]) writeFileSync(`${file}${suffix}`, "words")
      yield* Effect.provide(Layer.build(Search.layer(file, false)), memory)
      expect(readdirSync(directory).filter((name) => name.startsWith("search"))).toEqual([])
    })
  )

  it.scoped("Q1 closes at once", () =>
    Effect.gen(function* () {
      const { file, log } = yield* inDirectory
      yield* Effect.gen(function* () {
        const scope = yield* Scope.make()
        const context = yield* Layer.buildWithScope(Search.layer(file), scope)
        yield* Effect.provide(complete("word"), Context.pick(Search.Search)(context))
        // The clock stands still, so a close that waited for the pause of the fiber would not return.
        yield* Scope.close(scope, Exit.void)
        expect(readdirSync(join(file, "..")).filter((name) => name.startsWith("search.db"))).toEqual(["search.db"])
      }).pipe(Effect.provide(log))
    })
  )
})
