import { describe, expect, it } from "@effect/vitest"
import * as SqlClient from "@effect/sql/SqlClient"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import { Effect, FastCheck, Logger } from "effect"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import * as EventLogSqlite from "./EventLogSqlite.ts"
import { migrate, type Migrations, migrations } from "./Migrations.ts"
import * as Query from "./Query.ts"
import * as Sqlite from "./Sqlite.ts"
import { event, events, range, wire } from "./suite/subject.ts"

const newest = Math.max(...Object.keys(migrations).map(Number))
const addsColumn: Migrations = {
  ...migrations,
  [newest + 1]: ["note", Effect.flatMap(SqlClient.SqlClient, (sql) => sql.unsafe("ALTER TABLE streams ADD COLUMN note TEXT"))]
}
const fails: Migrations = {
  ...migrations,
  [newest + 1]: [
    "broken",
    Effect.flatMap(SqlClient.SqlClient, (sql) =>
      Effect.zipRight(sql.unsafe("DROP TABLE receipts"), sql.unsafe("ALTER TABLE nowhere ADD COLUMN note TEXT"))
    )
  ]
}

const filled = Effect.gen(function* () {
  const directory = yield* temporaryDirectory
  const file = `${directory}/log.db`
  yield* Effect.scoped(Effect.flatMap(EventLogSqlite.make({ file }), (log) => log.append(events("thread/thr_a", 5))))
  return { directory, file }
})

const offsets = (file: string, known?: Migrations) =>
  Effect.scoped(
    Effect.gen(function* () {
      const log = yield* EventLogSqlite.make({ file, ...(known === undefined ? {} : { migrations: known }) })
      return wire([yield* log.read({ after: 0 })]).map(({ offset }) => offset)
    })
  )

describe("Migrations", () => {
  it.scoped("an older database is copied, then brought forward", () =>
    Effect.gen(function* () {
      const { file } = yield* filled
      expect(yield* offsets(file, addsColumn)).toEqual(range(1, 5))
      // The copy is the unchanged database: this version opens it.
      expect(yield* offsets(`${file}.v${newest}.backup`)).toEqual(range(1, 5))
    })
  )

  it.scoped("without space for the copy an older database is refused, and nothing changes", () =>
    Effect.gen(function* () {
      const { directory, file } = yield* filled
      const error = yield* Effect.flip(migrate(file, "FULL", addsColumn, () => 4_096))
      expect(error).toMatchObject({ _tag: "LogUnavailable", reason: "full", message: expect.stringContaining("4096 are free") })
      expect(readdirSync(directory)).toEqual(["log.db"])
      expect(yield* offsets(file)).toEqual(range(1, 5))
    })
  )

  it.scoped("a newer database is refused with both versions, and not touched", () =>
    Effect.gen(function* () {
      const { directory, file } = yield* filled
      yield* offsets(file, addsColumn)
      const before = readdirSync(directory).toSorted()
      const error = yield* Effect.flip(offsets(file))
      expect(error).toMatchObject({ _tag: "SchemaNewer", file, found: newest + 1, supported: newest })
      expect(error.message).toContain(`schema version ${newest + 1}`)
      expect(error.message).toContain(`versions up to ${newest}`)
      expect(readdirSync(directory).toSorted()).toEqual(before)
    })
  )

  it.scoped("a migration reports that it begins, its copy, and how many rows are done", () =>
    Effect.gen(function* () {
      const file = `${yield* temporaryDirectory}/older.db`
      const { 5: _, 6: __, ...older } = migrations
      yield* migrate(file, "NORMAL", older)
      const db = Sqlite.openWriter(file, "NORMAL")
      db.exec(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20100)
               INSERT INTO rows (collection, key, parent, rank, json) SELECT 'item', 'itm_' || i, 'thr_a', i, '{}' FROM n`)
      Sqlite.close(db)
      const lines: Array<string> = []
      const logger = Logger.make<unknown, void>(({ message }) => void lines.push(String(message)))
      yield* migrate(file, "NORMAL").pipe(Effect.provide(Logger.replace(Logger.defaultLogger, logger)))
      expect(lines.filter((line) => line.includes("schema version 4 to"))).toHaveLength(1)
      expect(lines).toContain(`The copy is ${file}.v4.backup.`)
      expect(lines.filter((line) => line.startsWith("Migrated")).map((line) => line.replace(/\d{4} of/, "N of"))).toEqual([
        "Migrated 1N of 20100 rows.",
        "Migrated 2N of 20100 rows."
      ])
    })
  )

  it.scoped(
    "L11 L14 rows of version 4 keep their values, which become smaller, and their words leave the file when they are deleted",
    () =>
      Effect.gen(function* () {
        const { directory } = yield* filled
        const file = `${directory}/older.db`
        const { 5: _, 6: __, ...older } = migrations
        yield* migrate(file, "NORMAL", older)
        const text = FastCheck.oneof(
          FastCheck.fullUnicodeString({ maxLength: 100 }),
          FastCheck.integer({ min: 1, max: 4_000 }).map((times) => "heron words é😀 ".repeat(times))
        )
        const rows = FastCheck.sample(text, { numRuns: 300, seed: 5 }).map((text, n) => ({
          key: `itm_${n}`,
          parent: `thr_${n % 2}`,
          rank: n + 1,
          value: { n, text, kind: "agent-message" }
        }))
        const db = Sqlite.openWriter(file, "NORMAL")
        const insert = db.prepare("INSERT INTO rows (collection, key, parent, rank, json) VALUES ('item', ?, ?, ?, ?)")
        db.exec("BEGIN")
        for (const { key, parent, rank, value } of rows) insert.run(key, parent, rank, JSON.stringify(value))
        db.exec("COMMIT; DELETE FROM rows WHERE key = 'itm_7'")
        Sqlite.close(db)
        const kept = rows.filter(({ key }) => key !== "itm_7")
        const item = Query.collection<(typeof rows)[number]["value"]>("item")
        const log = yield* EventLogSqlite.make({ file })
        yield* log.append(events("thread/thr_a", 400))
        const found = yield* log.query({
          all: Query.rows(item, { limit: 1_000, order: "oldest" }),
          ofParent: Query.rows(item, { limit: 1_000, parent: "thr_1" }),
          byKey: Query.rowsByKey(item, ["itm_3", "itm_7"])
        })
        expect(found.all.rows).toEqual(kept)
        expect(found.ofParent.rows).toEqual(kept.filter(({ parent }) => parent === "thr_1").toReversed())
        expect([...found.byKey.values()]).toEqual([rows[3]])
        const reader = Sqlite.openReader(file)
        const bytes = Number(reader.prepare("SELECT sum(length(value)) FROM rows").pluck().get())
        Sqlite.close(reader)
        expect(bytes).toBeLessThan(JSON.stringify(kept).length / 5)
        yield* log.append([
          {
            events: [event("thread/thr_a", {}, "deleted")],
            rows: ["thr_0", "thr_1"].map((parent) => ({ op: "delete-children", collection: "item", parent })),
            forget: ["thread/thr_a"]
          }
        ])
        yield* log.awaitErased
        const files = readdirSync(directory).filter((name) => readFileSync(`${directory}/${name}`).includes("heron"))
        expect(files).toEqual([])
      })
  )

  it.scoped("a migration that fails leaves the database as it was", () =>
    Effect.gen(function* () {
      const { file } = yield* filled
      expect(yield* Effect.flip(offsets(file, fails))).toMatchObject({
        _tag: "MigrationFailed",
        from: newest,
        to: newest + 1,
        reason: "no such table: nowhere"
      })
      expect(existsSync(`${file}.v${newest}.backup`)).toBe(true)
      expect(yield* offsets(file)).toEqual(range(1, 5))
      expect(yield* offsets(file, addsColumn)).toEqual(range(1, 5))
    })
  )
})
