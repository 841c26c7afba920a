import { describe, expect, it } from "@effect/vitest"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import { Effect, Stream } from "effect"
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { plain } from "./Blob.ts"
import * as EventLogSqlite from "./EventLogSqlite.ts"
import * as Query from "./Query.ts"
import { suite } from "./EventLogSuite.ts"
import * as Sqlite from "./Sqlite.ts"
import { bytesOf, envelope, event, events, packAll, range, wire } from "./suite/subject.ts"

suite("EventLogSqlite", (options) =>
  Effect.flatMap(temporaryDirectory, (directory) =>
    EventLogSqlite.make({ ...options, file: `${directory}/log.db`, synchronous: "NORMAL" })
  )
)

suite("EventLogSqlite, packed before each read", (options) =>
  Effect.map(
    Effect.flatMap(temporaryDirectory, (directory) =>
      EventLogSqlite.make({ ringBytes: 1, ...options, file: `${directory}/log.db`, synchronous: "NORMAL" })
    ),
    (log) => {
      const first = <A, E>(read: Effect.Effect<A, E>) => Effect.zipRight(Effect.ignore(packAll(log)), read)
      return {
        ...log,
        read: (query) => first(log.read(query)),
        query: (request) => first(log.query(request))
      }
    }
  )
)

const file = Effect.map(temporaryDirectory, (directory) => `${directory}/log.db`)

const refused = (path: string) =>
  Effect.map(Effect.flip(Effect.scoped(EventLogSqlite.make({ file: path }))), (error) => ({ ...error, _tag: error._tag }))

/** Bytes that the reads of this process have asked the kernel for. */
const bytesRead = (): number => Number(/^rchar: (\d+)$/m.exec(readFileSync("/proc/self/io", "utf8"))?.[1])

describe("EventLogSqlite on disk", () => {
  it.scoped("L2 reopening finds everything that was appended: epoch, events, versions, rows, receipts", () =>
    Effect.gen(function* () {
      const at = yield* file
      const first = yield* Effect.scoped(
        Effect.gen(function* () {
          const log = yield* EventLogSqlite.make({ file: at })
          yield* log.append([
            {
              ...envelope(
                [event("thread/thr_a", { text: "é€😀" }), event("thread/thr_b")],
                [{ op: "put", collection: "c", key: "k", parent: "", event: 0, rank: "keep", value: { a: 1 } }]
              ),
              receipt: { commandId: "cmd", digest: "d", answer: {} }
            }
          ])
          return { epoch: log.epoch, bytes: bytesOf([yield* log.read({ after: 0 })]) }
        })
      )
      const log = yield* EventLogSqlite.make({ file: at })
      expect({ epoch: log.epoch, bytes: bytesOf([yield* log.read({ after: 0 })]) }).toEqual(first)
      expect(log.epoch).toMatch(/^[0-9A-HJKMNP-TV-Z]{26}$/)
      expect((yield* log.query({ row: Query.row(Query.collection("c"), "k") })).row?.value).toEqual({ a: 1 })
      expect((yield* log.receipts(["cmd"])).get("cmd")?.offset).toBe(2)
      yield* log.append([envelope([event("thread/thr_b")])])
      expect(wire([yield* log.read({ after: 2 })])).toMatchObject([{ offset: 3, version: 2 }])
    })
  )

  it.scoped("L9 a database that another program has locked is busy, and accepts appends after the release", () =>
    Effect.gen(function* () {
      const at = yield* file
      const log = yield* EventLogSqlite.make({ file: at, busyMillis: 0 })
      const other = yield* Effect.acquireRelease(
        Effect.sync(() => Sqlite.openWriter(at, "NORMAL")),
        (db) => Effect.sync(() => Sqlite.close(db))
      )
      other.exec("BEGIN IMMEDIATE")
      expect(yield* Effect.flip(log.append(events("thread/thr_a", 2)))).toMatchObject({ _tag: "LogUnavailable", reason: "busy" })
      // Readers do not wait for a writer.
      expect((yield* log.read({ after: 0 })).events).toEqual([])
      other.exec("ROLLBACK")
      expect(yield* log.append(events("thread/thr_a", 2))).toHaveLength(2)
    })
  )

  it.scoped("L9 a full disk rejects whole appends, and accepts them again when there is space", () =>
    Effect.gen(function* () {
      const log = yield* EventLogSqlite.make({ file: yield* file, maxFileBytes: 400_000 })
      const large = events("thread/thr_a", 15, { text: "x".repeat(3_000) })
      let accepted = 0
      const fill = Effect.forever(
        Effect.tap(log.append(large), () =>
          Effect.sync(() => {
            accepted += large.length
          })
        )
      )
      expect(yield* Effect.flip(fill)).toMatchObject({ _tag: "LogUnavailable", reason: "full" })
      expect(accepted).toBeGreaterThan(10)
      expect(yield* log.head).toBe(accepted)
      expect(wire([yield* log.read({ after: 0 })]).map(({ offset }) => offset)).toEqual(range(1, accepted))
      yield* log.trim(accepted - 15)
      expect((yield* log.append(large)).map(({ first }) => first)).toEqual(range(accepted + 1, accepted + 15))
    })
  )

  it.scoped("L9 a closed log fails with reason closed", () =>
    Effect.gen(function* () {
      const at = yield* file
      const log = yield* Effect.scoped(EventLogSqlite.make({ file: at }))
      expect(yield* Effect.flip(log.append(events("thread/thr_a", 1)))).toMatchObject({
        _tag: "LogUnavailable",
        reason: "closed"
      })
      expect(yield* Effect.flip(log.read({ after: 0 }))).toMatchObject({ _tag: "LogUnavailable", reason: "closed" })
    })
  )

  it.scoped("L9 a file that is not a database, or cannot be opened, is a typed error", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const notThere = yield* refused(`${directory}/no/such/log.db`)
      expect(notThere).toMatchObject({ _tag: "LogUnavailable", operation: "open", reason: "io" })
      writeFileSync(`${directory}/text`, "words, and not a database\n".repeat(100))
      const notOne = yield* refused(`${directory}/text`)
      expect(notOne).toMatchObject({ _tag: "LogUnavailable", operation: "open", reason: "corrupt" })
    })
  )

  it.scoped.skipIf(!existsSync("/proc/self/io"))(
    "L7 L10 opening, appending and reading cost the same bytes with 10 and with 100,000 events of the thread",
    () =>
      Effect.gen(function* () {
        const at = yield* file
        const measure = Effect.scoped(
          Effect.gen(function* () {
            const start = bytesRead()
            const log = yield* EventLogSqlite.make({ file: at, synchronous: "NORMAL" })
            const opened = bytesRead()
            yield* log.append(events("thread/thr_a", 3))
            const appended = bytesRead()
            const head = yield* log.head
            const page = yield* log.read({ after: head - 10, stream: "thread/thr_a" })
            expect(page.events).toHaveLength(10)
            return { open: opened - start, append: appended - opened, read: bytesRead() - appended }
          })
        )
        const grow = (batches: number, size: number) =>
          Effect.scoped(
            Effect.flatMap(EventLogSqlite.make({ file: at, synchronous: "NORMAL" }), (log) =>
              Effect.forEach(range(1, batches), () => log.append(events("thread/thr_a", size)), { discard: true })
            )
          )
        yield* grow(1, 10)
        const small = yield* measure
        yield* grow(50, 2_000)
        const large = yield* measure
        // A tree of 100,000 events is two pages deeper than one of 10; each access may read those.
        const deeper = 6 * 4_096
        for (const part of ["open", "append", "read"] as const) expect(large[part]).toBeLessThanOrEqual(small[part] + deeper)
      })
  )

  it.scoped(
    "L14 L22 a blob of two threads stays with one of them, and no byte of it is in the files after both are deleted",
    () =>
      Effect.gen(function* () {
        const directory = yield* temporaryDirectory
        const log = yield* EventLogSqlite.make({ file: `${directory}/log.db`, synchronous: "NORMAL" })
        const blob = plain(Buffer.from("words of a deleted thread ".repeat(200_000)), "text/plain")
        const isInFiles = () =>
          readdirSync(directory).some((name) => readFileSync(`${directory}/${name}`).includes("words of a deleted"))
        const streams = ["thread/thr_a", "thread/thr_b"]
        for (const stream of streams)
          yield* log.append([{ ...envelope([event(stream)]), blobs: [blob], references: [{ stream, hash: blob.hash }] }])
        for (const stream of streams) {
          expect(isInFiles()).toBe(true)
          expect((yield* log.getBlob(blob.hash))?.bytes).toBe(blob.bytes)
          yield* log.append([{ ...envelope([event(stream, {}, "deleted")]), forget: [stream] }])
          yield* log.awaitErased
        }
        expect(yield* log.getBlob(blob.hash)).toBeUndefined()
        expect(isInFiles()).toBe(false)
      })
  )

  it.scoped("the file shrinks: auto_vacuum is incremental from its creation", () =>
    Effect.gen(function* () {
      const at = yield* file
      yield* Effect.scoped(EventLogSqlite.make({ file: at }))
      const db = yield* Effect.acquireRelease(
        Effect.sync(() => Sqlite.openReader(at)),
        (open) => Effect.sync(() => Sqlite.close(open))
      )
      expect(db.pragma("auto_vacuum", { simple: true })).toBe(2)
      expect(db.pragma("journal_mode", { simple: true })).toBe("wal")
    })
  )

  it.scoped("D4 a reader sees nothing of an append that is not committed", () =>
    Effect.gen(function* () {
      const at = yield* file
      const seen: Array<number> = []
      const log = yield* EventLogSqlite.make({
        file: at,
        onStep: (step) => {
          if (step !== "commit") return
          const db = Sqlite.openReader(at)
          seen.push(Number(db.prepare("SELECT count(*) FROM events").pluck().get()))
          Sqlite.close(db)
        }
      })
      yield* log.append(events("thread/thr_a", 2))
      yield* log.append(events("thread/thr_a", 2))
      expect(seen).toEqual([0, 2])
      yield* log.follow({ after: 0 }).pipe(Stream.take(1), Stream.runDrain)
    })
  )
})
