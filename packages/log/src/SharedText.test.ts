/** L22: a long text is stored once, and every reader gets the bytes that were appended. */
import { describe, expect, it, vi } from "@effect/vitest"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import { Effect, FastCheck, Stream } from "effect"
import { readdirSync, readFileSync } from "node:fs"
import * as Blob from "./Blob.ts"
import { EventLog, type Envelope } from "./EventLog.ts"
import * as EventLogMemory from "./EventLogMemory.ts"
import * as EventLogSqlite from "./EventLogSqlite.ts"
import * as Query from "./Query.ts"
import * as SharedText from "./SharedText.ts"
import * as Sqlite from "./Sqlite.ts"
import * as SqliteCheck from "./SqliteCheck.ts"
import { bytesOf, envelope, event, type Log, packAll, range, wire } from "./suite/subject.ts"
import { verify } from "./Verify.ts"

const items = Query.collection<unknown>("item")

const put = (key: string, value: unknown) =>
  ({ op: "put", collection: "item", key, parent: "p", event: 0, rank: "keep", value }) as const

/** Texts around the bound, and what could be taken for the end of a string or for a reference. */
const piece = FastCheck.oneof(
  FastCheck.fullUnicodeString({ minLength: 1, maxLength: 30 }),
  FastCheck.constantFrom(
    '"',
    "\\",
    "/",
    '\\"',
    '"\\/',
    ',"text":"',
    "\\/",
    "\\\\/",
    "\ud800",
    "\u2028",
    "\n",
    `"\\/${"a".repeat(64)}"`
  )
)
const text = FastCheck.tuple(
  FastCheck.array(piece, { minLength: 1, maxLength: 8 }),
  FastCheck.constantFrom(10, 4_090, 4_100, 20_000)
).map(([pieces, length]) => {
  const one = pieces.join("")
  return one.repeat(Math.ceil(length / one.length)).slice(0, length)
})
const value = FastCheck.oneof(
  text,
  FastCheck.record({ text, nested: FastCheck.array(text, { maxLength: 3 }) }),
  FastCheck.tuple(text, text).map(([name, text]) => ({ [name]: text })),
  text.map((text) => JSON.stringify({ text }))
)
/** Envelopes whose events and rows have the same values, and some of the values before. */
const history = FastCheck.array(
  FastCheck.record({
    stream: FastCheck.constantFrom("thread/thr_a", "thread/thr_b"),
    value,
    key: FastCheck.constantFrom("k1", "k2", "k3")
  }),
  { minLength: 1, maxLength: 6 }
)

const readAll = (log: Log) =>
  Effect.gen(function* () {
    const events: Array<string> = []
    const head = yield* log.head
    for (let after = 0; after < head;) {
      const page = yield* log.read({ after })
      events.push(...bytesOf([page]))
      after = page.upTo
    }
    const { rows } = yield* log.query({ rows: Query.rows(items, { limit: 100 }) })
    return { events, rows: rows.rows }
  })

const stored = (file: string, sql: string): ReadonlyArray<unknown> => {
  const db = Sqlite.openReader(file)
  try {
    return db.prepare(sql).pluck().all()
  } finally {
    Sqlite.close(db)
  }
}

const words = (seed: number) =>
  range(1, 2_000)
    .map((n) => `heron${(n * seed) % 9_973}`)
    .join(" ")

describe("L22 long texts are stored once", () => {
  const samples = FastCheck.sample(FastCheck.array(history, { minLength: 1, maxLength: 3 }), { numRuns: 25, seed: 24 })

  it.scoped(
    `events and rows are those of the memory log, byte for byte, also when packed and reopened, over ${samples.length} histories`,
    () =>
      Effect.gen(function* () {
        const directory = yield* temporaryDirectory
        let references = 0
        for (const [n, batches] of samples.entries()) {
          const file = `${directory}/${n}.db`
          const memory = yield* EventLogMemory.make()
          const write = (log: Log) =>
            Effect.forEach(batches, (batch) =>
              log.append(
                batch.map(({ key, stream, value }): Envelope => envelope([event(stream, { text: value })], [put(key, value)]))
              )
            )
          yield* write(memory)
          const expected = yield* readAll(memory)
          yield* Effect.scoped(
            Effect.gen(function* () {
              // No pages are in memory, so all reads are reads of the file.
              const log = yield* EventLogSqlite.make({ file, ringBytes: 0 })
              yield* write(log)
              expect(yield* readAll(log)).toEqual(expected)
              references += stored(file, "SELECT 1 FROM blob_refs").length
              yield* packAll(log)
              expect(yield* readAll(log)).toEqual(expected)
            })
          )
          const again = yield* EventLogSqlite.make({ file })
          expect(yield* readAll(again)).toEqual(expected)
          expect((yield* Effect.provideService(verify({ checks: [SqliteCheck.check(file)] }), EventLog, again)).problems).toEqual(
            []
          )
        }
        expect(references).toBeGreaterThan(samples.length)
      })
  )

  it.scoped("a text in three events and two rows of one thread, and in another thread, is one blob until both are deleted", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const file = `${directory}/log.db`
      const log = yield* EventLogSqlite.make({ file, ringBytes: 0 })
      const text = words(7)
      yield* log.append([
        envelope([event("thread/thr_a", { text })], [put("turn", { text })]),
        envelope([event("thread/thr_a", { text }), event("thread/thr_a", { text })], [put("item", { text })])
      ])
      yield* log.append([envelope([event("thread/thr_b", { text })])])
      expect(stored(file, "SELECT bytes FROM blobs")).toEqual([Buffer.byteLength(text)])
      expect(stored(file, "SELECT length(json) FROM events").every((length) => Number(length) < 300)).toBe(true)
      expect(stored(file, "SELECT length(value) FROM rows").every((length) => Number(length) < 300)).toBe(true)
      const forget = (stream: string) =>
        Effect.zipRight(
          log.append([
            {
              events: [event(stream, {}, "deleted")],
              rows: [{ op: "delete-children", collection: "item", parent: "p" }],
              forget: [stream]
            }
          ]),
          log.awaitErased
        )
      yield* packAll(log)
      yield* forget("thread/thr_a")
      const read = wire([yield* log.read({ after: 0, stream: "thread/thr_b" })])
      expect(read.map(({ data }) => data)).toEqual([{ text }])
      yield* forget("thread/thr_b")
      expect(
        stored(
          file,
          "SELECT count(*) FROM blobs UNION ALL SELECT count(*) FROM blob_parts UNION ALL SELECT count(*) FROM blob_refs"
        )
      ).toEqual([0, 0, 0])
      expect(readdirSync(directory).filter((name) => readFileSync(`${directory}/${name}`).includes("heron7 "))).toEqual([])
    })
  )

  it.scoped("L6 a damaged text is written anew by the next event with the same text, and then all can be read again", () =>
    Effect.gen(function* () {
      const file = `${yield* temporaryDirectory}/log.db`
      const write = (stream: string) =>
        Effect.gen(function* () {
          // A new process: the one that wrote the text knows that it is intact.
          const log = yield* EventLogSqlite.make({ file, ringBytes: 0 })
          yield* log.append([envelope([event(stream, { text: words(1) })], [put(stream, words(1))])])
        }).pipe(Effect.scoped)
      yield* write("thread/thr_1")
      for (const sql of [
        "UPDATE blob_parts SET bytes = substr(bytes, 1, 40)",
        "DELETE FROM blob_parts",
        "UPDATE blobs SET bytes = 7",
        "UPDATE blobs SET codec = 'identity'"
      ]) {
        const db = Sqlite.openWriter(file, "NORMAL")
        db.exec(sql)
        Sqlite.close(db)
        yield* write("thread/thr_2")
        const log = yield* EventLogSqlite.make({ file, ringBytes: 0 })
        const read = wire([yield* log.read({ after: 0 })])
        expect(read.map(({ data }) => data)).toEqual(read.map(() => ({ text: words(1) })))
        expect((yield* log.query({ row: Query.row(items, "thread/thr_1") })).row?.value).toBe(words(1))
        expect(
          (yield* Effect.provideService(verify({ checks: [SqliteCheck.check(file)] }), EventLog, log)).problems,
          sql
        ).toEqual([])
        expect(stored(file, "SELECT count(*) FROM blobs")).toEqual([1])
      }
    })
  )

  it.scoped(
    "L6 a damaged large value is replaced by the next upload or event with the same content, and its references stay",
    () =>
      Effect.gen(function* () {
        const parts = [Buffer.alloc(1024 * 1024, "heron "), Buffer.from("the end")]
        for (const [size, sql] of [
          [2, "UPDATE blob_parts SET bytes = substr(bytes, 1, 40) WHERE part = 0"],
          [2, "DELETE FROM blob_parts WHERE part = 1"],
          [2, "UPDATE blobs SET codec = 'identity'"],
          [1, "UPDATE blob_parts SET bytes = substr(bytes, 1, 40)"]
        ] as const)
          for (const again of ["upload", "event"] as const) {
            const content = Buffer.concat(parts.slice(2 - size))
            const blob = yield* Blob.make(content, "text/plain")
            const file = `${yield* temporaryDirectory}/log.db`
            const refer = (stream: string): Envelope => ({
              ...envelope([event(stream)]),
              blobs: [blob],
              references: [{ stream, hash: blob.hash }]
            })
            yield* Effect.scoped(Effect.flatMap(EventLogSqlite.make({ file }), (log) => log.append([refer("thread/thr_1")])))
            const db = Sqlite.openWriter(file, "NORMAL")
            db.exec(sql)
            Sqlite.close(db)
            const log = yield* EventLogSqlite.make({ file })
            if (again === "upload") yield* log.putBlob(Stream.make(content), "text/markdown")
            else yield* log.append([refer("thread/thr_2")])
            const found = yield* log.getBlob(blob.hash)
            const read = Buffer.concat(Array.from(yield* Stream.runCollect(found!.content)))
            expect(read.equals(content), `${size} ${sql} ${again}`).toBe(true)
            // What was uploaded long ago and is in no event is deleted; the parts of the damaged one are.
            yield* log.sweepBlobs(Number.MAX_SAFE_INTEGER)
            expect(stored(file, "SELECT count(*) FROM blobs UNION ALL SELECT count(*) FROM blob_parts")).toEqual([1, size])
            expect(stored(file, "SELECT media_type FROM blobs")).toEqual([again === "upload" ? "text/markdown" : "text/plain"])
          }
      })
  )

  it("a row that is written again with the same text does not decode and hash it again, in bounded memory", () => {
    const json = JSON.stringify({ text: words(3), at: "1" })
    const hashes = new SharedText.Hashes()
    const take = (isIntact: boolean) => {
      const shared = new SharedText.SharedTexts(() => isIntact, hashes)
      return { stored: shared.take("thread/thr_1", json), blobs: shared.blobs, references: shared.references }
    }
    const first = take(false)
    const decode = vi.spyOn(JSON, "parse")
    const second = take(true)
    expect(decode).not.toHaveBeenCalled()
    decode.mockRestore()
    expect(second).toEqual({ ...first, blobs: [] })
    // A text that was deleted or damaged meanwhile is stored again.
    expect(take(false)).toEqual(first)
    for (const n of range(1, 3)) hashes.add(`${n}`.repeat(SharedText.Hashes.maxCharacters * 0.4), "hash")
    expect(hashes.get("1".repeat(SharedText.Hashes.maxCharacters * 0.4))).toBeUndefined()
    expect(hashes.get("3".repeat(SharedText.Hashes.maxCharacters * 0.4))).toBe("hash")
  })

  for (const [damage, sql] of [
    ["missing", "DELETE FROM blob_parts WHERE blob = 1"],
    [
      "changed",
      "UPDATE blob_parts SET bytes = CAST(substr(bytes, 1, 40) || x'ff00ff' || substr(bytes, 44) AS BLOB) WHERE blob = 1"
    ],
    ["cut", "UPDATE blob_parts SET bytes = substr(bytes, 1, 40) WHERE blob = 1"]
  ] as const)
    it.scoped(`L6 L11 a ${damage} text costs its own events and rows, as typed errors, and \`verify\` reports both`, () =>
      Effect.gen(function* () {
        const file = `${yield* temporaryDirectory}/log.db`
        const log = yield* EventLogSqlite.make({ file, ringBytes: 0 })
        for (const n of range(1, 3))
          yield* log.append([envelope([event(`thread/thr_${n}`, { text: words(n) })], [put(`k${n}`, words(n))])])
        const db = Sqlite.openWriter(file, "NORMAL")
        db.exec(sql)
        Sqlite.close(db)
        for (const pack of [false, true]) {
          if (pack) yield* packAll(log)
          const read = wire([yield* log.read({ after: 0 })])
          expect(read.map(({ stream, type }) => [stream, type])).toEqual([
            ["thread/thr_1", "log.corrupt"],
            ["thread/thr_2", "item.delta"],
            ["thread/thr_3", "item.delta"]
          ])
          expect(yield* Effect.flip(log.query({ row: Query.row(items, "k1") }))).toMatchObject({
            _tag: "LogUnavailable",
            reason: "corrupt"
          })
          expect((yield* log.query({ row: Query.row(items, "k2") })).row?.value).toBe(words(2))
          const { problems } = yield* Effect.provideService(verify({ checks: [SqliteCheck.check(file)] }), EventLog, log)
          expect(problems.map(({ problem }) => problem)).toEqual(["unreadable", "file"])
        }
      })
    )
})
