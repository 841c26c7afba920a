import { describe, expect, it } from "@effect/vitest"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import { Effect, Stream } from "effect"
import { createHash } from "node:crypto"
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as DataDirectory from "../DataDirectory.ts"
import { corruptType, EventLog } from "../EventLog.ts"
import * as EventLogSqlite from "../EventLogSqlite.ts"
import * as Sqlite from "../Sqlite.ts"
import * as SqliteCheck from "../SqliteCheck.ts"
import { bytesOf, envelope, event, type Log, packAll, range, wire } from "../suite/subject.ts"
import { verify } from "../Verify.ts"
import { backup } from "./Backup.ts"
import type * as Manifest from "./Manifest.ts"
import { restore } from "./Restore.ts"

const using = <A, E>(dataDir: string, run: (log: Log) => Effect.Effect<A, E>) =>
  Effect.gen(function* () {
    const directory = yield* DataDirectory.make(dataDir)
    return yield* run(yield* EventLogSqlite.make({ file: directory.logFile, anchor: directory.anchorFile }))
  }).pipe(Effect.scoped)

const read = (log: Log) => Effect.map(log.read({ after: 0, limit: 5_000, maxBytes: 1e9 }), (page) => [page])
const content = (name: string, parts: number) =>
  Buffer.concat(Array.from({ length: parts * 34_000 }, (_, n) => createHash("sha256").update(`${name} ${n}`).digest()))
const put = (log: Log, name: string) => log.putBlob(Stream.make(content(name, 2)), "text/plain")

/** The words of event `n` of 2,500: of each three, one is of each thread. */
const words = (n: number) => ({ text: createHash("sha512").update(`words ${n}`).digest("hex") })
const streams = ["thread/thr_a", "thread/thr_b", "thread/thr_c"] as const

/** A data directory with 2,500 events in three segments, and a blob of three parts. */
const seeded = Effect.gen(function* () {
  const dataDir = join(yield* temporaryDirectory, "data")
  const made = yield* using(dataDir, (log) =>
    Effect.gen(function* () {
      yield* log.append(range(1, 2_500).map((n) => envelope([event(streams[n % 3]!, words(n))])))
      const { hash } = yield* put(log, "x")
      yield* packAll(log)
      return { hash, whole: bytesOf(yield* read(log)) }
    })
  )
  writeFileSync(join(dataDir, "tokens.jsonl"), "tokens")
  return { dataDir, ...made, target: join(yield* temporaryDirectory, "backup") }
})

const execute = (dataDir: string, sql: string) => {
  const db = Sqlite.openWriter(join(dataDir, "log.db"), "NORMAL")
  try {
    db.exec(sql)
  } finally {
    Sqlite.close(db)
  }
}

const flip = (table: string, where: string) =>
  `UPDATE ${table} SET bytes = CAST(substr(bytes, 1, 100) || x'00ff' || substr(bytes, 103) AS BLOB) WHERE ${where}`

/** Breaks the chain of pages of the second segment, so that SQLite cannot read it. */
const breakPages = (dataDir: string) => {
  const file = join(dataDir, "log.db")
  const db = Sqlite.openWriter(file, "NORMAL")
  const bytes = db.prepare("SELECT bytes FROM segments WHERE first = 1001").pluck().get() as Uint8Array
  db.pragma("wal_checkpoint(TRUNCATE)")
  Sqlite.close(db)
  const whole = readFileSync(file)
  const place = whole.indexOf(bytes.subarray(bytes.length >> 1, (bytes.length >> 1) + 64))
  expect(place).toBeGreaterThan(0)
  whole.writeUInt32BE(0x7fffffff, Math.floor(place / 4_096) * 4_096)
  writeFileSync(file, whole)
}

const problemsIn = (file: string) =>
  Effect.gen(function* () {
    const log = yield* EventLogSqlite.make({ file })
    return (yield* Effect.provideService(verify({ checks: [SqliteCheck.check(file)] }), EventLog, log)).problems
  }).pipe(Effect.scoped)

const restoring = (source: string, acceptDamage = false) =>
  Effect.gen(function* () {
    const dataDir = join(yield* temporaryDirectory, "restored")
    const summary = yield* restore({ source, dataDir, replace: false, acceptDamage, check: problemsIn })
    return { dataDir, summary, events: yield* using(dataDir, read) }
  })

const none = { kept: [], lost: [], emptied: { kept: [], lost: [] } }
const second = { kind: "events" as const, first: 1_001, last: 2_000 }
const manifestOf = (directory: string) => JSON.parse(readFileSync(join(directory, "manifest.json"), "utf8")) as Manifest.Manifest
const segmentsOf = (directory: string) => manifestOf(directory).parts.filter(({ table }) => table === "segments")

describe("a backup of a damaged log", () => {
  for (const [name, damage] of [
    ["changed bytes", (dataDir: string) => execute(dataDir, flip("segments", "first = 1001"))],
    ["another checksum", (dataDir: string) => execute(dataDir, "UPDATE segments SET crc = crc + 1 WHERE first = 1001")],
    ["no bytes", (dataDir: string) => execute(dataDir, "UPDATE segments SET bytes = x'' WHERE first = 1001")],
    ["broken pages", breakPages]
  ] as const)
    it.scopedLive(
      `L18 L6 a segment with ${name} is reported by each run, the rest is complete, and the restored log is as the source`,
      () =>
        Effect.gen(function* () {
          const { dataDir, target, whole } = yield* seeded
          damage(dataDir)
          for (const _ of [1, 2]) {
            const { damaged } = yield* backup({ dataDir, target })
            expect(damaged).toEqual({ ...none, lost: [second] })
          }
          const { events: restored, summary } = yield* restoring(target)
          expect(summary).toMatchObject({ lost: [], unreadable: [expect.stringContaining("events 1001 to 2000 (1000)")] })
          const json = bytesOf(restored)
          expect([...json.slice(0, 1_000), ...json.slice(2_000, 2_500)]).toEqual([
            ...whole.slice(0, 1_000),
            ...whole.slice(2_000)
          ])
          const types = wire(restored).map(({ type }) => type)
          expect(types.slice(1_000, 2_000).every((type) => type === corruptType)).toBe(true)
          expect(types.slice(2_500)).toEqual(["log.rewound"])
        })
    )

  it.scopedLive("L18 the good segment of an earlier backup stays in the place of one that is damaged now", () =>
    Effect.gen(function* () {
      const { dataDir, target, whole } = yield* seeded
      expect((yield* backup({ dataDir, target })).damaged).toEqual(none)
      execute(dataDir, `UPDATE segments SET crc = crc + 1 WHERE first = 1001; ${flip("segments", "first = 1")}`)
      // The first segment has the same checksum and size as before, so it is not read.
      for (const _ of [1, 2]) {
        const { added, damaged } = yield* backup({ dataDir, target })
        expect(damaged).toEqual({ ...none, kept: [second] })
        expect(added.objects).toBeLessThanOrEqual(1)
      }
      const { events: restored, summary } = yield* restoring(target)
      expect(summary).toMatchObject({ unreadable: [], lost: [] })
      expect(bytesOf(restored).slice(0, 2_500)).toEqual(whole)
    })
  )

  it.scopedLive(
    "L18 L14 it keeps the other threads' events of a segment that a deletion emptied, and no word of the deleted one",
    () =>
      Effect.gen(function* () {
        const { dataDir, target, whole } = yield* seeded
        yield* backup({ dataDir, target })
        execute(dataDir, flip("segments", "first = 1001"))
        yield* using(dataDir, (log) =>
          Effect.zipRight(
            log.append([{ ...envelope([event(streams[1], {}, "deleted")]), forget: [streams[1]] }]),
            log.awaitErased
          )
        )
        const old = segmentsOf(target).map(({ object }) => object)
        // It is no damage of the log any more, so the command succeeds.
        expect((yield* backup({ dataDir, target })).damaged).toEqual({ ...none, emptied: { kept: [second], lost: [] } })
        const fresh = join(yield* temporaryDirectory, "fresh")
        for (const _ of [1, 2])
          expect((yield* backup({ dataDir, target: fresh })).damaged).toEqual({ ...none, emptied: { kept: [], lost: [second] } })
        for (const object of old) expect(existsSync(join(target, "objects", object))).toBe(false)
        // Once more, from its own copy of the segment.
        expect((yield* backup({ dataDir, target })).added.objects).toBe(0)
        const { events: restored, summary } = yield* restoring(target)
        expect(summary).toMatchObject({ unreadable: [], lost: [] })
        const json = bytesOf(restored)
        const types = wire(restored).map(({ type }) => type)
        for (const [i, original] of whole.entries()) {
          expect(types[i]).toBe((i + 1) % 3 === 1 ? "log.forgotten" : "item.delta")
          if ((i + 1) % 3 !== 1) expect(json[i]).toBe(original)
        }
        expect(types[2_500]).toBe("deleted")
      })
  )

  it.scopedLive(
    "L18 the stamp of a value decides whether it is copied again: a rewritten segment and a finished upload are",
    () =>
      Effect.gen(function* () {
        const { dataDir, target } = yield* seeded
        yield* backup({ dataDir, target })
        const before = manifestOf(target).parts
        yield* using(dataDir, (log) =>
          Effect.gen(function* () {
            yield* log.append([{ ...envelope([event(streams[0], {}, "deleted")]), forget: [streams[0]] }])
            yield* log.awaitErased
            yield* put(log, "y")
          })
        )
        // An upload that has not ended.
        execute(dataDir, "UPDATE blobs SET hash = NULL WHERE id = (SELECT max(id) FROM blobs)")
        yield* backup({ dataDir, target })
        const between = manifestOf(target).parts
        const stamps = (parts: typeof before, table: string) =>
          parts.filter((part) => part.table === table).map(({ stamp }) => stamp)
        for (const { key, object, stamp } of between.filter(({ table }) => table === "segments")) {
          const old = before.find((part) => part.table === "segments" && part.key === key)!
          expect([stamp === old.stamp, object === old.object]).toEqual([false, false])
        }
        expect(stamps(between, "blob_parts").slice(0, 3)).toEqual(stamps(before, "blob_parts"))
        expect(
          stamps(between, "blob_parts")
            .slice(3)
            .every((stamp) => stamp.startsWith("upload "))
        ).toBe(true)
        const hash = createHash("sha256").update(content("y", 2)).digest("hex")
        execute(dataDir, `UPDATE blobs SET hash = '${hash}' WHERE id = (SELECT max(id) FROM blobs)`)
        // The content is the same, so no object is added.
        expect((yield* backup({ dataDir, target })).added.objects).toBe(1)
        expect(
          stamps(manifestOf(target).parts, "blob_parts")
            .slice(3)
            .every((stamp) => stamp.startsWith(hash))
        ).toBe(true)
      })
  )

  it.scopedLive("L18 a damaged blob is reported, and kept from an earlier backup", () =>
    Effect.gen(function* () {
      const { dataDir, hash, target } = yield* seeded
      const fresh = join(yield* temporaryDirectory, "fresh")
      yield* backup({ dataDir, target })
      execute(dataDir, "UPDATE blob_parts SET bytes = substr(bytes, 1, 1000) WHERE part = 1")
      const blob = { kind: "blob" as const, hash }
      for (const _ of [1, 2]) {
        expect((yield* backup({ dataDir, target })).damaged).toEqual({ ...none, kept: [blob] })
        expect((yield* backup({ dataDir, target: fresh })).damaged).toEqual({ ...none, lost: [blob] })
      }
      const load = (dir: string) =>
        using(dir, (log) => Effect.flatMap(log.getBlob(hash), (found) => Stream.runCollect(found!.content))).pipe(
          Effect.map((parts) => Buffer.concat(Array.from(parts)))
        )
      const good = yield* restoring(target)
      expect(good.summary.lost).toEqual([])
      expect((yield* load(good.dataDir)).equals(content("x", 2))).toBe(true)
      const bad = yield* restoring(fresh)
      expect(bad.summary.lost).toEqual([blob])
      expect(yield* Effect.flip(load(bad.dataDir))).toMatchObject({ _tag: "LogUnavailable", reason: "corrupt" })
    })
  )
})

describe("a restore of a damaged backup", () => {
  it.scopedLive("L18 names what would be lost, and restores the rest if that is accepted; a damaged database is refused", () =>
    Effect.gen(function* () {
      const { dataDir, hash, target, whole } = yield* seeded
      yield* backup({ dataDir, target })
      const { database, files, parts } = manifestOf(target)
      const path = (object: string) => join(target, "objects", object)
      writeFileSync(path(parts.find(({ key, table }) => table === "segments" && key === 1_001)!.object), "damaged")
      rmSync(path(parts.find(({ table }) => table === "blob_parts")!.object))
      writeFileSync(path(files.find((file) => file.path === "tokens.jsonl")!.object), "tokenS")
      const refused = yield* Effect.flip(restoring(target))
      expect(refused).toMatchObject({ _tag: "BackupRefused", reason: "damaged" })
      for (const lost of ["the events 1001 to 2000", `the large value ${hash}`, "the file tokens.jsonl", "--accept-damage"])
        expect(refused.message).toContain(lost)
      const { dataDir: restored, events: found, summary } = yield* restoring(target, true)
      expect(summary.lost).toEqual([
        { kind: "blob", hash },
        { kind: "file", path: "tokens.jsonl" }
      ])
      expect(summary.unreadable).toHaveLength(1)
      expect(bytesOf(found).slice(2_000, 2_500)).toEqual(whole.slice(2_000))
      expect(existsSync(join(restored, "tokens.jsonl"))).toBe(false)
      writeFileSync(path(database.object), "damaged")
      expect(yield* Effect.flip(restoring(target, true))).toMatchObject({ reason: "damaged" })
    })
  )
})
