import { describe, expect, it, vi } from "@effect/vitest"
import { mulberry32, seeds } from "@millrace/testing/SeededScheduler"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import { Deferred, Effect, Logger, LogLevel, Runtime, type Scope, Stream } from "effect"
import { corruptType, EventLog, type Page } from "./EventLog.ts"
import { readFileSync, writeFileSync } from "node:fs"
import * as EventLogSqlite from "./EventLogSqlite.ts"
import { forgottenType } from "./Forgotten.ts"
import * as LogInspection from "./LogInspection.ts"
import * as PackingRun from "./PackingRun.ts"
import * as Segment from "./Segment.ts"
import * as Sqlite from "./Sqlite.ts"
import * as SqliteCheck from "./SqliteCheck.ts"
import { SqliteWriter } from "./SqliteWriter.ts"
import { attempt, StorageFailure } from "./Storage.ts"
import { bytesOf, envelope, event, events, type Log, packAll, range, wire } from "./suite/subject.ts"
import { verify } from "./Verify.ts"

const file = Effect.map(temporaryDirectory, (directory) => `${directory}/log.db`)

/** Opens with the smallest memory of recent pages: it holds the last append only. */
const open = (at: string, options: Partial<EventLogSqlite.Options> = {}) =>
  EventLogSqlite.make({ file: at, synchronous: "NORMAL", ringBytes: 1, ...options })

const execute = (at: string, sql: string) => {
  const db = Sqlite.openWriter(at, "NORMAL")
  db.exec(sql)
  Sqlite.close(db)
}

/** The result of a statement with one column. */
const ask = (at: string, sql: string): unknown => {
  const db = Sqlite.openReader(at)
  try {
    return db.prepare(sql).pluck().get()
  } finally {
    Sqlite.close(db)
  }
}

/** All pages after the offset, by chained reads. */
const chain = (
  log: Log,
  query: { readonly after?: number; readonly limit?: number; readonly maxBytes?: number; readonly stream?: string }
) =>
  Effect.gen(function* () {
    const pages: Array<Page> = []
    for (let after = query.after ?? 0; ;) {
      const page = yield* log.read({ ...query, after })
      pages.push(page)
      if (page.upTo >= page.head) return pages
      expect(page.upTo).toBeGreaterThan(after)
      after = page.upTo
    }
  })

const follow = (log: Log, upTo: number, stream?: string) =>
  Effect.map(
    log.follow({ after: 0, maxBytes: 5_000, ...(stream === undefined ? {} : { stream }) }).pipe(
      Stream.takeUntil((page) => page.upTo >= upTo),
      Stream.runCollect
    ),
    (pages) => bytesOf(pages)
  )

/** The history as each kind of reader gets it: in pages of several sizes, by follow, of one stream, and from a cursor in the middle. */
const histories = (log: Log, streams: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const head = yield* log.head
    const pages = yield* Effect.forEach(
      [{}, { limit: 7 }, { maxBytes: 900 }, { after: Math.floor(head / 3), limit: 50 }],
      (query) => chain(log, query)
    )
    const own = yield* Effect.forEach(streams, (stream) =>
      Effect.all({ read: Effect.map(chain(log, { stream, limit: 9 }), bytesOf), followed: follow(log, head, stream) })
    )
    return { pages: pages.map(bytesOf), followed: yield* follow(log, head), own }
  })

const problems = (log: Log, at: string) =>
  Effect.map(Effect.provideService(verify({ checks: [SqliteCheck.check(at)] }), EventLog, log), (report) => report.problems)

const run = (effect: Effect.Effect<void, unknown, Scope.Scope>) =>
  Effect.runPromise(Logger.withMinimumLogLevel(Effect.scoped(effect), LogLevel.None))

const odd = ["", '"', "\\", "\n", "\u2028", "😀", "é€", "\u0000", "\ud800", "word ".repeat(40)]

/** So many bytes in pieces that stay in their event (`SharedText`). */
const pieces = (bytes: number) =>
  range(1, Math.ceil(bytes / 4_000)).map((n) => "x".repeat(Math.min(4_000, bytes - (n - 1) * 4_000)))

describe("Packing", () => {
  it("L13 every reader gets the same bytes before and after packing, damaged and missing rows included", async () => {
    const streams = ["thread/thr_a", "thread/thr_b", "server", "thread/thr_😀"]
    for await (const seed of seeds(200)) {
      await run(
        Effect.gen(function* () {
          const random = mulberry32(seed)
          const below = (n: number) => Math.floor(random() * n)
          const at = yield* file
          const log = yield* open(at)
          const size = 20 + below(60)
          const batch = range(1, size).map(() =>
            envelope([event(streams[below(4)]!, { text: odd[below(odd.length)]! + String(below(100)) }, `type.${below(3)}`)])
          )
          yield* log.append(batch)
          yield* log.append(events("server", 1))
          if (below(2) === 0)
            execute(
              at,
              `UPDATE events SET json = substr(json, 1, 30) WHERE offset % 13 = ${below(13)}; DELETE FROM events WHERE offset % 17 = ${below(17)} AND offset < ${size}`
            )
          const before = yield* histories(log, streams)
          // In a few steps, at bounds that the seed chooses; then the rest.
          for (const _ of range(1, below(4))) yield* log.pack({ below: 1 + below(size), before: "9999", partial: true })
          const between = yield* histories(log, streams)
          yield* log.append(events("thread/thr_a", 1))
          yield* packAll(log)
          yield* log.append(events("thread/thr_a", 1))
          const after = yield* chain(log, {})
          const label = `seed ${seed}`
          expect([label, between]).toEqual([label, before])
          expect([label, bytesOf(after).slice(0, -2)]).toEqual([label, before.pages[0]])
          expect([label, ask(at, "SELECT count(*) FROM events")]).toEqual([label, 1])
          const again = yield* histories(log, streams)
          expect([label, again.followed.slice(0, -2)]).toEqual([label, before.followed])
          expect([label, again.own.slice(1)]).toEqual([label, before.own.slice(1)])
        })
      )
    }
  })

  it.scoped("L13 with everything packed the log continues: head, versions, restart, inspection and verify", () =>
    Effect.gen(function* () {
      const at = yield* file
      const first = yield* Effect.scoped(
        Effect.gen(function* () {
          const log = yield* open(at, { anchor: `${at}.anchor` })
          yield* log.append([...events("thread/thr_a", 40), ...events("thread/thr_b", 2_000)])
          yield* packAll(log)
          return bytesOf(yield* chain(log, {}))
        })
      )
      const log = yield* open(at, { anchor: `${at}.anchor` })
      expect([yield* log.head, yield* log.retainedFrom]).toEqual([2_040, 0])
      expect(bytesOf(yield* chain(log, {}))).toEqual(first)
      expect(yield* LogInspection.inspect(at)).toMatchObject({ head: 2_040, lastAt: expect.any(String) as string })
      expect(yield* log.append(events("thread/thr_a", 1))).toEqual([{ first: 2_041, last: 2_041 }])
      expect(wire([yield* log.read({ after: 2_040 })])).toMatchObject([{ offset: 2_041, version: 41 }])
      expect(yield* problems(log, at)).toEqual([])
      expect(yield* log.disk).toMatchObject({ segments: 3, coldUpTo: 2_040 })
    })
  )

  it.scoped("L13 only full runs below the bound and older than the time are packed", () =>
    Effect.gen(function* () {
      const at = yield* file
      const log = yield* open(at)
      const to = (time: string) => ({ ...event("thread/thr_a"), at: `2026-11-20T${time}.000Z` })
      yield* log.append([envelope(range(1, 2_500).map((n) => to(n <= 1_200 ? "09:00:00" : "10:00:00")))])
      const pack = (below: number, before: string) =>
        Effect.map(log.pack({ below, before: `2026-11-20T${before}.000Z` }), ({ events }) => events)
      expect(yield* pack(1_000, "12:00:00")).toBe(0)
      expect(yield* pack(2_501, "09:00:00")).toBe(0)
      expect(yield* pack(1_001, "09:00:01")).toBe(1_000)
      // The next run ends with newer events.
      expect(yield* pack(2_501, "10:00:00")).toBe(0)
      expect((yield* log.pack({ below: 2_501, before: "2026-11-20T10:00:00.000Z", partial: true })).events).toBe(200)
      expect(yield* pack(2_501, "12:00:00")).toBe(1_000)
      // 300 are left, not a full run.
      expect(yield* pack(2_501, "12:00:00")).toBe(0)
      expect(yield* log.disk).toMatchObject({ coldUpTo: 2_200, segments: 3 })
      // Large events: a segment ends at 1 MiB.
      yield* log.append(events("thread/thr_b", 12, { text: pieces(200_000) }))
      expect(yield* pack(2_513, "12:00:00")).toBe(310)
      expect(yield* log.disk).toMatchObject({ coldUpTo: 2_510, segments: 5 })
    })
  )

  it.scoped("L13 a run of large events reads no row after the one that does not fit", () =>
    Effect.gen(function* () {
      const at = yield* file
      const name = "thread/thr_a"
      yield* Effect.scoped(
        Effect.gen(function* () {
          const log = yield* open(at)
          for (const n of range(1, 30))
            yield* log.append(events(name, 1, { text: [...pieces(25_000), ` page ${n}.`, ...pieces(25_000)] }))
        })
      )
      // The page with the middle of event 25: the link to the next page is wrong, so a read of this row fails.
      const bytes = readFileSync(at)
      const middle = bytes.indexOf("page 25.")
      bytes.fill(0xff, middle - (middle % 4096), middle - (middle % 4096) + 4)
      writeFileSync(at, bytes)
      const log = yield* open(at)
      expect(yield* log.pack({ below: 31, before: "9999" })).toMatchObject({ events: 20 })
      expect(yield* Effect.flip(log.pack({ below: 31, before: "9999", partial: true }))).toMatchObject({ reason: "corrupt" })
    })
  )

  it.scoped("L13 a read of one stream opens few large segments, and then its page ends early", () =>
    Effect.gen(function* () {
      const log = yield* open(yield* file)
      for (const _ of range(1, 6))
        yield* log.append([...events("thread/thr_a", 1), ...events("thread/thr_b", 4, { text: pieces(250_000) })])
      yield* packAll(log)
      expect(yield* log.disk).toMatchObject({ segments: 6 })
      const pages = yield* chain(log, { stream: "thread/thr_a" })
      expect(Math.max(...pages.map(({ events }) => events.length))).toBeLessThanOrEqual(4)
      expect(wire(pages).map(({ offset }) => offset)).toEqual(range(0, 5).map((n) => 5 * n + 1))
    })
  )

  it.scoped("L13 L6 a damaged segment costs its own events, each delivered as unreadable, and the log starts and appends", () =>
    Effect.gen(function* () {
      const at = yield* file
      yield* Effect.scoped(
        Effect.gen(function* () {
          const log = yield* open(at)
          for (const _ of range(1, 30)) yield* log.append([...events("thread/thr_a", 30), ...events("thread/thr_b", 70)])
          yield* packAll(log)
        })
      )
      execute(
        at,
        `UPDATE segments SET bytes = CAST(substr(bytes, 1, 100) || x'ff' || substr(bytes, 102) AS BLOB) WHERE first = 1001`
      )
      const log = yield* open(at)
      const list = wire(yield* chain(log, {}))
      expect(list.map(({ offset }) => offset)).toEqual(range(1, 3_000))
      expect(list.filter(({ type }) => type === corruptType).map(({ offset }) => offset)).toEqual(range(1_001, 2_000))
      expect(list[1_000]).toMatchObject({ data: { reason: expect.stringContaining("checksum") as string } })
      // A reader of one stream gets as many unreadable events as the stream has there.
      const own = wire(yield* chain(log, { stream: "thread/thr_a" }))
      expect(own.filter(({ type }) => type === corruptType)).toHaveLength(300)
      expect(own).toHaveLength(900)
      expect(own.every(({ offset }, i) => i === 0 || offset > own[i - 1]!.offset)).toBe(true)
      expect(yield* log.append(events("thread/thr_a", 1))).toEqual([{ first: 3_001, last: 3_001 }])
      expect(yield* problems(log, at)).toMatchObject([
        {
          problem: "unreadable",
          offset: 1_001,
          message: expect.stringContaining("events 1001 to 2000 (1000) cannot be read: the segment") as string
        }
      ])
    })
  )

  it.scoped("L13 verify finds a hole between segments and a wrong index of their streams", () =>
    Effect.gen(function* () {
      const at = yield* file
      const log = yield* open(at)
      yield* log.append(events("thread/thr_a", 3_000))
      yield* packAll(log)
      execute(at, `UPDATE segment_streams SET count = count - 1 WHERE first = 1; DELETE FROM segments WHERE first = 1001`)
      const messages = (yield* problems(log, at)).filter(({ problem }) => problem === "file").map(({ message }) => message)
      expect(messages).toHaveLength(2)
      expect(messages[0]).toContain("index of the streams")
      expect(messages[1]).toContain("begins at 2001")
      expect(wire(yield* chain(log, {})).map(({ offset }) => offset)).toEqual(range(1, 3_000))
    })
  )

  it.scoped("L13 a checkpoint of packing copies few pages at a time, because it is one call", () =>
    Effect.gen(function* () {
      const log = yield* open(yield* file)
      yield* log.append(range(1, 8_000).map((n) => envelope([event(`thread/thr_${n % 20}`, { text: "word ".repeat(30) })])))
      const copied: Array<number> = []
      const checkpoint = vi.spyOn(SqliteWriter.prototype, "checkpoint").mockImplementation(function (this: SqliteWriter) {
        const [result] = this.connection.pragma("wal_checkpoint(PASSIVE)") as ReadonlyArray<{ readonly checkpointed: number }>
        copied.push(result!.checkpointed)
      })
      yield* Effect.addFinalizer(() => Effect.sync(() => checkpoint.mockRestore()))
      yield* log.pack({ below: 8_001, before: "9999" })
      copied.length = 0
      while ((yield* log.pack({ below: 8_001, before: "9999" })).events > 0);
      expect(copied.length).toBeGreaterThan(3)
      expect(Math.max(...copied)).toBeLessThan(190)
    })
  )

  it.scoped("L13 a segment that is written wrongly is withdrawn, and its rows stay", () =>
    Effect.gen(function* () {
      const at = yield* file
      let damage = true
      const log = yield* open(at, {
        onStep: (step) => {
          if (step === "segment-committed" && damage) execute(at, "UPDATE segments SET crc = crc + 1")
        }
      })
      yield* log.append(events("thread/thr_a", 50))
      const before = bytesOf(yield* chain(log, {}))
      expect(yield* Effect.flip(packAll(log))).toMatchObject({ _tag: "LogUnavailable", reason: "corrupt" })
      expect(ask(at, "SELECT count(*) FROM segments")).toBe(0)
      expect(ask(at, "SELECT count(*) FROM segment_streams")).toBe(0)
      expect(bytesOf(yield* chain(log, {}))).toEqual(before)
      damage = false
      yield* packAll(log)
      expect(bytesOf(yield* chain(log, {}))).toEqual(before)
      expect(ask(at, "SELECT count(*) FROM events")).toBe(0)
    })
  )

  it.scoped("L13 L14 a stream that is forgotten while its run is packed is not packed as it was", () =>
    Effect.gen(function* () {
      const at = yield* file
      const name = "thread/thr_a"
      let onRead = Effect.void
      const runtime = yield* Effect.runtime()
      const log = yield* open(at, { onStep: (step) => step === "run-read" && Runtime.runSync(runtime)(onRead) })
      yield* log.append([...events("thread/thr_b", 10), ...events(name, 20, { text: "secret words" })])
      onRead = Effect.orDie(Effect.asVoid(log.append([{ ...envelope([event(name, {}, "deleted")]), forget: [name] }])))
      expect(yield* log.pack({ below: 31, before: "9999", partial: true })).toMatchObject({ events: 0, more: true })
      expect(ask(at, "SELECT count(*) FROM segments")).toBe(0)
      onRead = Effect.void
      yield* packAll(log)
      yield* log.awaitErased
      yield* log.append(events("thread/thr_b", 1))
      const list = wire(yield* chain(log, {}))
      expect(list.map(({ offset }) => offset)).toEqual(range(1, 32))
      expect(list.filter(({ type }) => type === "log.forgotten")).toHaveLength(20)
      expect(yield* problems(log, at)).toEqual([])
    })
  )

  it.scoped("L13 L14 events of a stream that is not erased yet are packed as forgotten, the damaged ones among them too", () =>
    Effect.gen(function* () {
      const at = yield* file
      yield* Effect.scoped(
        Effect.gen(function* () {
          const log = yield* open(at)
          yield* log.append([...events("thread/thr_a", 30, { text: "secret" }), ...events("thread/thr_b", 70)])
        })
      )
      execute(
        at,
        `UPDATE streams SET forgotten = 20 WHERE name = 'thread/thr_a'; UPDATE events SET json = substr(json, 1, 40) WHERE offset IN (3, 50)`
      )
      const refused = yield* Deferred.make<void>()
      let refuses = true
      // The eraser's first attempt fails, and its next one is a second later.
      const onStep = (step: string) => {
        if (!refuses || step !== "begin") return
        refuses = false
        Deferred.unsafeDone(refused, Effect.void)
        throw new StorageFailure("io", "scripted")
      }
      const log = yield* open(at, { onStep })
      yield* Deferred.await(refused)
      expect(yield* log.pack({ below: 101, before: "9999", partial: true })).toMatchObject({ events: 100 })
      const db = Sqlite.openReader(at)
      const stored = db.prepare("SELECT first, last, codec, crc, bytes FROM segments").get() as Segment.Stored
      Sqlite.close(db)
      const segment = Segment.open(stored)
      if (segment instanceof Segment.Damaged) throw new Error(segment.reason)
      const rows = range(1, 100).map((offset) => segment.row(offset)!)
      expect(rows.filter(({ type }) => type === forgottenType).map(({ offset }) => offset)).toEqual(range(1, 20))
      expect(rows.filter(({ valid }) => !valid).map(({ offset }) => offset)).toEqual([50])
      expect(rows.filter(({ json }) => json.includes("secret")).map(({ offset }) => offset)).toEqual(range(21, 30))
      expect(wire(yield* chain(log, {})).map(({ offset }) => offset)).toEqual(range(1, 100))
    })
  )

  it.scoped("L13 L6 rows that are not what the table says are damage, also while a stream waits to be erased", () =>
    Effect.gen(function* () {
      const at = yield* file
      yield* Effect.scoped(Effect.flatMap(open(at), (log) => log.append(events("thread/thr_a", 1_100))))
      execute(at, "UPDATE streams SET forgotten = 5")
      const db = Sqlite.openReader(at)
      yield* Effect.addFinalizer(() => Effect.sync(() => Sqlite.close(db)))
      let short = 5
      const prepare = (sql: string) => {
        const statement = db.prepare(sql)
        const isContent = sql.includes("group_concat(json")
        const get = (...values: ReadonlyArray<unknown>) => {
          const [json, offsets] = statement.get(...values) as [Uint8Array, string]
          return [json.subarray(short), offsets]
        }
        return isContent ? { raw: () => (statement.raw(), { get }) } : statement
      }
      const read = PackingRun.make(
        { prepare } as unknown as Sqlite.Connection,
        (run) => attempt("pack", run),
        (run) => run(1_000)
      )
      const run = read({ coldUpTo: 0, head: 1_100 }, { before: "9999", below: 1_101, between: Effect.void })
      expect(yield* run).toBe("changed")
      expect(yield* Effect.flip(run)).toMatchObject({ _tag: "LogUnavailable", reason: "corrupt" })
      short = 0
      expect(yield* run).toMatchObject({ first: 1, last: 1_000 })
      short = 5
      expect(yield* run).toBe("changed")
    })
  )

  it.scoped("L14 a forgotten stream is erased from the segments; the events of the others stay as they are", () =>
    Effect.gen(function* () {
      const at = yield* file
      const log = yield* open(at)
      for (const n of range(1, 30))
        yield* log.append([...events("thread/thr_a", 50, { text: `secret ${n}` }), ...events("thread/thr_b", 50)])
      const whole = bytesOf(yield* chain(log, {}))
      yield* packAll(log)
      // One of the segments is damaged before.
      execute(at, "UPDATE segments SET crc = crc + 1 WHERE first = 2001")
      yield* log.append([{ ...envelope([event("thread/thr_a", {}, "deleted")]), forget: ["thread/thr_a"] }])
      yield* log.awaitErased
      expect(ask(at, "SELECT count(*) FROM streams WHERE forgotten > 0")).toBe(0)
      const db = Sqlite.openReader(at)
      const stored = db.prepare("SELECT * FROM segments ORDER BY first").all() as Array<Segment.Stored>
      Sqlite.close(db)
      for (const one of stored.slice(0, 2)) {
        const segment = Segment.open(one)
        if (segment instanceof Segment.Damaged) throw new Error(segment.reason)
        for (const offset of range(one.first, one.last)) {
          const json = segment.row(offset)?.json
          expect(json).not.toContain("secret")
          if (!whole[offset - 1]!.includes("secret")) expect(json).toBe(whole[offset - 1])
        }
      }
      expect(stored[2]?.bytes.byteLength).toBe(0)
      yield* log.append(events("thread/thr_b", 1))
      const list = wire(yield* chain(log, {}))
      expect(list.map(({ offset }) => offset)).toEqual(range(1, 3_002))
      expect(list.filter(({ type }) => type === "log.forgotten")).toHaveLength(1_000)
      expect(list.filter(({ type }) => type === corruptType)).toHaveLength(1_000)
    })
  )

  it.scoped("L17 trimming across segments deletes whole ones and hides the rest, and the file shrinks", () =>
    Effect.gen(function* () {
      const at = yield* file
      const log = yield* open(at)
      for (const _ of range(1, 10)) yield* log.append([...events("thread/thr_a", 250), ...events("thread/thr_b", 250)])
      const whole = bytesOf(yield* chain(log, {}))
      const size = (yield* log.disk).fileBytes
      yield* packAll(log)
      expect((yield* log.disk).fileBytes).toBeLessThan(size / 5)
      yield* log.trim(2_345)
      expect(ask(at, "SELECT group_concat(first) FROM segments")).toBe("2001,3001,4001")
      expect(ask(at, "SELECT min(first) FROM segment_streams")).toBe(2_001)
      expect(yield* Effect.flip(log.read({ after: 2_344 }))).toMatchObject({ _tag: "CursorExpired" })
      expect(bytesOf(yield* chain(log, { after: 2_345 }))).toEqual(whole.slice(2_345))
      const own = wire(yield* chain(log, { after: 2_345, stream: "thread/thr_b" }))
      expect(own[0]).toMatchObject({ offset: 2_346 })
      expect(yield* problems(log, at)).toEqual([])
      yield* log.trim(5_000)
      expect(ask(at, "SELECT count(*) FROM segments")).toBe(0)
      expect(yield* log.append(events("thread/thr_a", 1_000))).toHaveLength(1_000)
      yield* packAll(log)
      expect(wire(yield* chain(log, { after: 5_000 })).map(({ offset }) => offset)).toEqual(range(5_001, 6_000))
      expect(yield* problems(log, at)).toEqual([])
    })
  )
})
