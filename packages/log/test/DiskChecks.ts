/** Checks of a log on the disk, each over a few seeds. They return what is wrong, so that a test can run them with a planted mistake. */
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import * as Blob from "@millrace/log/Blob"
import * as EventLogSqlite from "@millrace/log/EventLogSqlite"
import { backup } from "@millrace/log/internal/backup/Backup"
import { restore } from "@millrace/log/internal/backup/Restore"
import * as DataDirectory from "@millrace/log/DataDirectory"
import * as Sqlite from "@millrace/log/internal/Sqlite"
import { maintenanceSteps } from "@millrace/log/Storage"
import { envelope, event, type Log, packAll, range, wire } from "@millrace/log/internal/suite/subject"
import { Effect, Logger, LogLevel, type Scope } from "effect"
import { createHash } from "node:crypto"
import { copyFileSync, existsSync, mkdirSync } from "node:fs"
import { join } from "node:path"
import { filesWith } from "./DiskModel.ts"

type Found = ReadonlyArray<string>

const run = (check: Effect.Effect<Found, unknown, Scope.Scope>): Promise<Found> =>
  Effect.runPromise(Logger.withMinimumLogLevel(Effect.scoped(check), LogLevel.None))

const open = (file: string, options: Partial<EventLogSqlite.Options> = {}) =>
  EventLogSqlite.make({ file, synchronous: "NORMAL", ringBytes: 1, ...options })
const read = (log: Log) =>
  Effect.map(log.read({ after: 0, limit: 1e6, maxBytes: 1e9 }), ({ events }) => events.map(({ json }) => json))

const digest = (text: string) => createHash("sha256").update(text).digest("hex")
const streams = ["thread/thr_a", "thread/thr_b", "thread/thr_c"] as const
/** Events of three threads, each with the word of the thread. */
const talk = (count: number) =>
  range(1, count).map((n) =>
    envelope([event(streams[n % 3]!, { text: `word-of-${streams[n % 3]!.slice(7)}- ${digest(String(n))}` })])
  )

/** Changes single bytes of a segment. Each event must then be unchanged, or reported as unreadable. */
const damagedSegment = (): Promise<Found> =>
  run(
    Effect.gen(function* () {
      const file = join(yield* temporaryDirectory, "log.db")
      const before = yield* Effect.scoped(
        Effect.gen(function* () {
          const log = yield* open(file)
          yield* log.append(talk(100))
          yield* packAll(log)
          return yield* read(log)
        })
      )
      const bytes = yield* Effect.sync(() => {
        const db = Sqlite.openReader(file)
        const found = db.prepare("SELECT bytes FROM segments").pluck().get() as Buffer
        Sqlite.close(db)
        return found
      })
      const wrong: Array<string> = []
      for (let place = 40; place < bytes.length; place += Math.ceil(bytes.length / 24)) {
        const changed = Buffer.from(bytes)
        changed[place]! ^= 1
        const db = Sqlite.openWriter(file, "NORMAL")
        db.prepare("UPDATE segments SET bytes = ?").run(changed)
        Sqlite.close(db)
        const after = yield* Effect.scoped(Effect.flatMap(open(file), read))
        for (const [n, json] of after.entries())
          if (json !== before[n] && !json.includes('"log.corrupt"'))
            wrong.push(`byte ${place}: event ${n + 1} is ${json.slice(0, 120)}`)
      }
      return wrong
    })
  )

/** The log that `kill -9` leaves at each step of packing must have every event. */
const killedPacking = (): Promise<Found> =>
  run(
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const file = join(directory, "log.db")
      const copies: Array<string> = []
      const onStep = (step: string) => {
        if (!maintenanceSteps.some((one) => one === step)) return
        const copy = join(directory, `${copies.length}-${step}`)
        mkdirSync(copy)
        for (const name of ["log.db", "log.db-wal"])
          if (existsSync(join(directory, name))) copyFileSync(join(directory, name), join(copy, name))
        copies.push(copy)
      }
      const log = yield* open(file, { onStep })
      yield* log.append(talk(120))
      const before = yield* read(log)
      yield* packAll(log)
      const wrong: Array<string> = copies.length < 5 ? [`only ${copies.length} steps`] : []
      for (const copy of copies) {
        const after = yield* Effect.scoped(Effect.flatMap(open(join(copy, "log.db")), read))
        if (JSON.stringify(after) !== JSON.stringify(before)) wrong.push(`${copy}: ${after.length} events of ${before.length}`)
      }
      return wrong
    })
  )

/** A deleted thread leaves its blob nowhere, and its words in no file, whether its events were packed or not. */
const deletedThread = (): Promise<Found> =>
  run(
    Effect.forEach([false, true], (isPacked) =>
      Effect.gen(function* () {
        const directory = yield* temporaryDirectory
        const log = yield* open(join(directory, "log.db"))
        const blob = Blob.plain(Buffer.from("word-of-thr_b- in a blob ".repeat(3_000)), "text/plain")
        const row = (n: number, length: number) => ({
          op: "put" as const,
          collection: "items",
          key: `thread/thr_b-${n % 5}`,
          parent: "thread/thr_b",
          event: 0,
          rank: "keep" as const,
          value: { text: `word-of-thr_b- ${digest(String(n))} `.repeat(length) }
        })
        yield* log.append([
          { ...envelope([event("thread/thr_b")]), blobs: [blob], references: [{ stream: "thread/thr_b", hash: blob.hash }] }
        ])
        // Rows that grow and shrink leave free space.
        for (const n of range(1, 60))
          yield* log.append([
            ...talk(6),
            envelope([event("thread/thr_b", { text: "word-of-thr_b-" })], [row(n, 1 + (n % 7) * 12)])
          ])
        if (isPacked) yield* packAll(log)
        const deletion = event("thread/thr_b", {}, "thread.deleted")
        yield* log.append([
          {
            ...envelope([deletion], [{ op: "delete-children", collection: "items", parent: "thread/thr_b" }]),
            forget: ["thread/thr_b"]
          }
        ])
        yield* log.awaitErased
        const label = isPacked ? "packed" : "hot"
        return [
          ...((yield* log.getBlob(blob.hash)) === undefined ? [] : [`${label}: the blob is found`]),
          ...filesWith(directory, ["word-of-thr_b-"]).map((name) => `${label}: ${name} contains a word`),
          ...wire([yield* log.read({ after: 0, limit: 1e6, maxBytes: 1e9 })])
            .filter(({ stream, type }) => stream === "thread/thr_b" && type === "item.delta")
            .map(({ offset }) => `${label}: event ${offset} is readable`)
        ]
      })
    ).pipe(Effect.map((found) => found.flat()))
  )

const dataDirectory = Effect.gen(function* () {
  const dataDir = join(yield* temporaryDirectory, "data")
  const epoch = yield* Effect.scoped(
    Effect.gen(function* () {
      const directory = yield* DataDirectory.make(dataDir)
      const log = yield* open(directory.logFile, { anchor: directory.anchorFile })
      yield* log.append(talk(60))
      yield* packAll(log)
      return log.epoch
    })
  )
  return { dataDir, epoch, target: join(yield* temporaryDirectory, "backup") }
})

/** A restored log has another epoch, so a cursor of the log that it replaced is not one of the restored log. */
const restoredEpoch = (): Promise<Found> =>
  run(
    Effect.gen(function* () {
      const { dataDir, epoch, target } = yield* dataDirectory
      yield* backup({ dataDir, target })
      yield* restore({ source: target, dataDir, replace: true, check: () => Effect.succeed([]) })
      const after = yield* Effect.scoped(Effect.map(open(join(dataDir, "log.db")), (log) => log.epoch))
      return after === epoch ? ["the restored log has the epoch of the old one"] : []
    })
  )

/** A backup of a log with a damaged segment names it. */
const checkedBackup = (): Promise<Found> =>
  run(
    Effect.gen(function* () {
      const { dataDir, target } = yield* dataDirectory
      const db = Sqlite.openWriter(join(dataDir, "log.db"), "NORMAL")
      db.exec("UPDATE segments SET bytes = CAST(substr(bytes, 1, 100) || x'00ff' || substr(bytes, 103) AS BLOB)")
      Sqlite.close(db)
      const { damaged } = yield* backup({ dataDir, target })
      return damaged.lost.length === 0 ? ["the backup reports no damage"] : []
    })
  )

export const checks = { damagedSegment, killedPacking, deletedThread, restoredEpoch, checkedBackup }
