import { describe, expect, it } from "@effect/vitest"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import { Effect, FastCheck, Fiber, TestClock } from "effect"
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { Envelope, RowChange } from "./EventLog.ts"
import * as EventLogSqlite from "./EventLogSqlite.ts"
import { migrate, migrations } from "./Migrations.ts"
import * as Sqlite from "./Sqlite.ts"
import { StorageFailure } from "./Storage.ts"
import { bytesOf, envelope, event, type Log, range, wire } from "./suite/subject.ts"

const open = (directory: string, options: Partial<EventLogSqlite.Options> = {}) =>
  EventLogSqlite.make({ file: join(directory, "log.db"), synchronous: "NORMAL", ...options })

/** The files of the directory that contain one of the words. */
const filesWith = (directory: string, ...words: ReadonlyArray<string | Buffer>): ReadonlyArray<string> =>
  readdirSync(directory).filter((name) => {
    const bytes = readFileSync(join(directory, name))
    return words.some((word) => bytes.includes(word))
  })

/** The beginnings of the compressed values of the rows of these streams: they have words that cannot be found as text. */
const compressed = (directory: string, ...parents: ReadonlyArray<string>): ReadonlyArray<Buffer> => {
  const db = Sqlite.openReader(join(directory, "log.db"))
  const found = db
    .prepare("SELECT substr(value, 1, 32) FROM rows WHERE typeof(value) = 'blob' AND parent IN (SELECT value FROM json_each(?))")
    .pluck()
    .all(JSON.stringify(parents))
  Sqlite.close(db)
  return (found as ReadonlyArray<Uint8Array>).map((value) => Buffer.from(value))
}

const put = (key: string, parent: string, value: string): RowChange => ({
  op: "put",
  collection: "item",
  key,
  parent,
  event: 0,
  rank: "keep",
  value
})

const forget = (...names: ReadonlyArray<string>): Envelope => ({
  ...envelope(
    names.map((name) => event(name, {}, "deleted")),
    names.map((name) => ({ op: "delete-children", collection: "item", parent: name }))
  ),
  forget: names
})

/** Threads of many sizes whose rows are written again and again, as those of items are. Each has its own word. */
const fill = (log: Log, seed: number) =>
  Effect.gen(function* () {
    const lengths = FastCheck.sample(FastCheck.integer({ min: 1, max: 6_000 }), { numRuns: 120, seed })
    for (const [n, length] of lengths.entries()) {
      const name = `thread/t${n % 4}`
      const text = `word-of-t${n % 4} `.repeat(Math.ceil(length / 11))
      const key = `${name}-${n % 12}`
      yield* log.append([envelope([event(name, { text })], [put(key, name, text)])])
      if (n % 7 === 0) yield* log.append([envelope([event(name)], [{ op: "delete", collection: "item", key }])])
    }
  })

describe("L14 deleted words are erased", () => {
  it.scoped("no word of a forgotten stream is left in any file, those of the others are, over 20 histories", () => {
    let checked = 0
    const check = Effect.forEach(
      range(1, 20),
      (seed) =>
        Effect.scoped(
          Effect.gen(function* () {
            const directory = yield* temporaryDirectory
            const log = yield* open(directory)
            yield* fill(log, seed)
            if (seed % 2 === 0) yield* log.trim(seed)
            const before = wire([yield* log.read({ after: yield* log.retainedFrom, maxBytes: 1e9, limit: 1e6 })])
            const values = compressed(directory, "thread/t1", "thread/t2")
            for (const value of values) expect(filesWith(directory, value)).not.toEqual([])
            checked += values.length
            const kept = compressed(directory, "thread/t0")
            yield* log.append([forget("thread/t1", "thread/t2")])
            yield* log.awaitErased
            expect([seed, filesWith(directory, "word-of-t1", "word-of-t2", ...values)]).toEqual([seed, []])
            expect(filesWith(directory, "word-of-t0")).not.toEqual([])
            for (const value of kept) expect(filesWith(directory, value)).not.toEqual([])
            const after = wire([yield* log.read({ after: yield* log.retainedFrom, maxBytes: 1e9, limit: 1e6 })])
            const positions = (list: typeof after) => list.map(({ offset, stream, version }) => [offset, stream, version])
            expect(positions(after).slice(0, before.length)).toEqual(positions(before))
          })
        ),
      { discard: true }
    )
    return Effect.map(check, () => expect(checked).toBeGreaterThan(20))
  })

  it.scoped(
    "a log that another program wrote without auto_vacuum is rewritten at the start: it is erased and shrinks as any other",
    () =>
      Effect.gen(function* () {
        const directory = yield* temporaryDirectory
        const file = join(directory, "log.db")
        const before = yield* Effect.scoped(
          Effect.gen(function* () {
            const log = yield* open(directory)
            for (const seed of [1, 2, 3]) yield* fill(log, seed)
            return bytesOf([yield* log.read({ after: 0, maxBytes: 1e9, limit: 1e6 })])
          })
        )
        const db = Sqlite.openWriter(file, "NORMAL")
        for (const sql of ["journal_mode = DELETE", "auto_vacuum = NONE"]) db.pragma(sql)
        db.exec("VACUUM")
        Sqlite.close(db)
        // Without space for the copy the log opens as it is.
        yield* migrate(file, "NORMAL", migrations, () => 4_096)
        const mode = () => {
          const reader = Sqlite.openReader(file)
          const found = reader.pragma("auto_vacuum", { simple: true })
          Sqlite.close(reader)
          return found
        }
        expect(mode()).toBe(0)
        const log = yield* open(directory)
        expect(mode()).toBe(2)
        expect(bytesOf([yield* log.read({ after: 0, maxBytes: 1e9, limit: 1e6 })])).toEqual(before)
        yield* log.append([forget("thread/t1", "thread/t2")])
        yield* log.awaitErased
        expect(filesWith(directory, "word-of-t1", "word-of-t2")).toEqual([])
        const { fileBytes } = yield* log.disk
        yield* log.trim(yield* log.head)
        while ((yield* log.pack({ below: 1e9, before: "9999" })).more);
        expect((yield* log.disk).fileBytes).toBeLessThan(fileBytes / 2)
      })
  )

  it.scoped("a crash at any step of the erasure loses no position, and the next start completes it", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const crashes: Array<string> = []
      let copying = false
      /** The files that `kill -9` leaves at this step: the database and its WAL. */
      const copy = (step: string) => {
        if (!copying) return
        const target = join(directory, `crash-${crashes.length}-${step}`)
        mkdirSync(target)
        for (const name of ["log.db", "log.db-wal"])
          if (existsSync(join(directory, name))) copyFileSync(join(directory, name), join(target, name))
        crashes.push(target)
      }
      const log = yield* open(directory, { onStep: copy })
      yield* fill(log, 1)
      yield* log.append(range(1, 250).map((n) => envelope([event("thread/t1", { text: `word-of-t1 ${n}` })])))
      copying = true
      yield* log.append([forget("thread/t1")])
      yield* log.awaitErased
      copying = false
      const expected = wire([yield* log.read({ after: 0, maxBytes: 1e9, limit: 1e6 })])
      const steps = crashes.slice(crashes.findIndex((target) => target.endsWith("-committed")))
      expect(steps.length).toBeGreaterThan(9)
      for (const target of steps) {
        const again = yield* Effect.scoped(
          Effect.gen(function* () {
            const log = yield* open(target)
            const masked = wire([yield* log.read({ after: 0, maxBytes: 1e9, limit: 1e6 })])
            yield* log.awaitErased
            expect([target, filesWith(target, "word-of-t1")]).toEqual([target, []])
            return [masked, wire([yield* log.read({ after: 0, maxBytes: 1e9, limit: 1e6 })])]
          })
        )
        expect(again).toEqual([expected, expected])
      }
    })
  )

  it.scoped("what the storage refuses to erase is tried again, also by the next start, and appends continue", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      let appending = true
      const fails = (step: string) => {
        if (step === "begin" && !appending) throw new StorageFailure("io", "scripted")
      }
      yield* Effect.scoped(
        Effect.gen(function* () {
          const log = yield* open(directory, { onStep: fails })
          yield* fill(log, 2)
          yield* log.append([forget("thread/t1")])
          appending = false
          const erased = yield* Effect.fork(log.awaitErased)
          yield* TestClock.adjust("10 seconds")
          expect(yield* Fiber.poll(erased)).toMatchObject({ _tag: "None" })
          expect(filesWith(directory, "word-of-t1")).not.toEqual([])
          appending = true
          yield* log.append([envelope([event("thread/t0")])])
          appending = false
        })
      )
      expect(filesWith(directory, "word-of-t1")).not.toEqual([])
      const log = yield* open(directory)
      yield* log.awaitErased
      expect(filesWith(directory, "word-of-t1")).toEqual([])
    })
  )

  it.scoped("while another program reads the log, its WAL keeps the words; they go when it ends", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const log = yield* open(directory)
      yield* fill(log, 3)
      const other = yield* Effect.acquireRelease(
        Effect.sync(() => Sqlite.openReader(join(directory, "log.db"))),
        (db) => Effect.sync(() => Sqlite.close(db))
      )
      other.exec("BEGIN")
      other.prepare("SELECT count(*) FROM events").get()
      yield* log.append([forget("thread/t1")])
      const erased = yield* Effect.fork(log.awaitErased)
      yield* TestClock.adjust("3 seconds")
      expect(yield* Fiber.poll(erased)).toMatchObject({ _tag: "None" })
      other.exec("ROLLBACK")
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(erased)
      expect(filesWith(directory, "word-of-t1")).toEqual([])
    })
  )

  it.scoped("the copies that migrations left are removed, and no other file", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      for (const name of ["log.db.v1.backup", "log.db.v1.backup.partial", "log.db.v1.backup.mine", "notes"])
        writeFileSync(join(directory, name), "word-of-t1")
      const log = yield* open(directory)
      yield* fill(log, 4)
      yield* log.append([forget("thread/t1")])
      yield* log.awaitErased
      expect(filesWith(directory, "word-of-t1").toSorted()).toEqual(["log.db.v1.backup.mine", "notes"])
    })
  )
})
