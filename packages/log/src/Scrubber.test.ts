import { expect, it } from "@effect/vitest"
import { mulberry32 } from "@millrace/testing/SeededScheduler"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import { Effect } from "effect"
import { closeSync, openSync, readFileSync, writeSync } from "node:fs"
import { join } from "node:path"
import * as PageGaps from "./PageGaps.ts"
import { Scrubber } from "./Scrubber.ts"
import * as Sqlite from "./Sqlite.ts"

/** A database with rows of many lengths of two topics, whose pages SQLite fills and empties as those of a log. */
const subject = (seed: number) =>
  Effect.gen(function* () {
    const file = join(yield* temporaryDirectory, "some.db")
    const random = mulberry32(seed)
    const below = (bound: number) => Math.floor(random() * bound)
    const db = Sqlite.openWriter(file, "NORMAL")
    db.exec("CREATE TABLE texts (id INTEGER PRIMARY KEY, topic INTEGER NOT NULL, text TEXT NOT NULL) STRICT")
    db.exec("CREATE INDEX texts_by_topic ON texts (topic)")
    const source = { connection: db, statements: 0 }
    const insert = db.prepare("INSERT INTO texts (topic, text) VALUES (?, ?)")
    const write = (sql: string, ...values: ReadonlyArray<unknown>) => {
      source.statements++
      db.prepare(sql).run(...values)
    }
    /** A transaction of rows, then deletions from the front, and the return of free pages. */
    const work = (topics: ReadonlyArray<string>) => {
      source.statements++
      db.exec("BEGIN")
      for (let n = 0; n < 60; n++) {
        const topic = below(topics.length)
        insert.run(topic, `${topics[topic]} ${n} `.repeat(1 + below(below(9) === 0 ? 300 : 12)))
      }
      db.exec("COMMIT")
      const [least, most] = db.prepare("SELECT min(id), max(id) FROM texts").raw().get() as [number, number]
      write("DELETE FROM texts WHERE id < ?", least + below((most - least) * 0.7))
      source.statements++
      if (below(2) === 0) db.exec("PRAGMA incremental_vacuum(20)")
    }
    const contains = (text: string) => {
      db.pragma("wal_checkpoint(TRUNCATE)")
      return readFileSync(file).includes(text)
    }
    const scrubber = new Scrubber(file, source, { least: 2, most: 3 })
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        Sqlite.close(db)
        scrubber.close()
      })
    )
    const texts = () => db.prepare("SELECT text FROM texts ORDER BY id").pluck().all()
    const isIntact = () => db.prepare("PRAGMA integrity_check").pluck().get() === "ok"
    return { file, db, work, write, contains, scrubber, texts, isIntact }
  })

it.scoped("L14 a pass leaves no deleted text in unused space, and every row as it was, while others are written", () =>
  Effect.gen(function* () {
    let found = 0
    for (let seed = 14; seed <= 26; seed++)
      yield* Effect.scoped(
        Effect.gen(function* () {
          const { contains, isIntact, scrubber, texts, work, write } = yield* subject(seed)
          for (let n = 0; n < 12; n++) work(["public", "secret"])
          write("DELETE FROM texts WHERE topic = 1")
          if (contains("secret")) found++
          scrubber.begin()
          let slices = 0
          let before = texts()
          while (scrubber.slice() !== "done") {
            expect(texts(), `seed ${seed}`).toEqual(before)
            if (++slices <= 12) work(["public"])
            before = texts()
          }
          expect(texts(), `seed ${seed}`).toEqual(before)
          expect(slices, `seed ${seed}`).toBeGreaterThan(1)
          work(["public"])
          expect(contains("secret"), `seed ${seed}`).toBe(false)
          expect(contains("public"), `seed ${seed}`).toBe(true)
          expect(isIntact(), `seed ${seed}`).toBe(true)
        })
      )
    expect(found, "seeds with deleted text in unused space").toBeGreaterThan(0)
  })
)

it.scoped("L14 a page that a vacuum moves to a place that was done before is done again", () =>
  Effect.gen(function* () {
    const { contains, db, file, scrubber, write } = yield* subject(1)
    for (let n = 0; n < 200; n++) write("INSERT INTO texts (topic, text) VALUES (0, ?)", "public ".repeat(150))
    write("DELETE FROM texts WHERE id < 150")
    expect(contains("secret")).toBe(false)
    // Text in the unused space of the last page, where SQLite leaves it.
    const content = readFileSync(file)
    const layout = PageGaps.layoutOf(content.subarray(0, 100))!
    const last = content.length / layout.pageSize
    const page = content.subarray(-layout.pageSize)
    page.fill("x", 8 + 2 * page.readUInt16BE(3), page.readUInt16BE(5))
    const { start } = PageGaps.dirtyGap(layout, last, page, Buffer.alloc(layout.pageSize))!
    const descriptor = openSync(file, "r+")
    yield* Effect.addFinalizer(() => Effect.sync(() => closeSync(descriptor)))
    writeSync(descriptor, "secret", (last - 1) * layout.pageSize + start)
    db.pragma("shrink_memory")
    expect(contains("secret")).toBe(true)
    scrubber.begin()
    write("UPDATE texts SET topic = 1 WHERE id = 160")
    for (let n = 0; n < 8; n++) expect(scrubber.slice()).toBe("more")
    write("PRAGMA incremental_vacuum(1)")
    while (scrubber.slice() === "more");
    expect(contains("secret")).toBe(false)
  })
)

it.scoped("L14 while another connection reads, a pass is blocked; it continues when that ends", () =>
  Effect.gen(function* () {
    const { contains, file, scrubber, work, write } = yield* subject(5)
    work(["secret"])
    const reader = Sqlite.openReader(file)
    reader.exec("BEGIN")
    reader.prepare("SELECT count(*) FROM texts").get()
    write("DELETE FROM texts")
    scrubber.begin()
    expect(scrubber.slice()).toBe("blocked")
    reader.exec("COMMIT")
    Sqlite.close(reader)
    while (scrubber.slice() === "more");
    expect(contains("secret")).toBe(false)
  })
)

it("pages that are not of trees are distinguished from those that are", () => {
  const layout = { pageSize: 4_096, usable: 4_096 }
  expect([1, 2, 3, 821, 822, 823, 262_144, 262_145].map((page) => PageGaps.mapPageOf(layout, page))).toEqual([
    undefined,
    2,
    2,
    2,
    822,
    822,
    262_402 - 820,
    262_402 - 820
  ])
  const map = Buffer.from([1, 0, 0, 0, 0, 2, 0, 0, 0, 0, 3, 0, 0, 0, 3, 5, 0, 0, 0, 3])
  expect([1, 2, 3, 4, 5, 6].map((page) => PageGaps.isTree(layout, page, map))).toEqual([true, false, true, false, false, true])
})
