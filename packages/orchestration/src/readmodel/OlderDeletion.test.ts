import { expect, it } from "@effect/vitest"
import { EventLog } from "@millrace/log/EventLog"
import * as EventLogSqlite from "@millrace/log/EventLogSqlite"
import { migrate, migrations, type Migrations } from "@millrace/log/Migrations"
import * as Segment from "@millrace/log/internal/Segment"
import * as Sqlite from "@millrace/log/internal/Sqlite"
import * as Query from "@millrace/log/Query"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import { Effect } from "effect"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { brotliDecompressSync } from "node:zlib"
import * as Collections from "./Collections.ts"
import * as Verify from "./Verify.ts"

const at = "2026-11-20T09:00:00.000Z"
const thread = { threadId: "thr_a" }

const written: ReadonlyArray<readonly [type: string, data: object]> = [
  ["thread.created", { ...thread, projectId: "prj_a", provider: "demo", title: "heron title", cwd: "/heron" }],
  ["turn.requested", { ...thread, turnId: "trn_a", text: "heron prompt", strategy: "enqueue" }],
  ["thread.deleted", thread]
]
const older = written.map(([type, data], i) => ({
  offset: i + 1,
  stream: 1,
  version: i + 1,
  type,
  json: JSON.stringify({ offset: i + 1, stream: "thread/thr_a", version: i + 1, type, at, epoch: 0, data }),
  valid: true
}))

/** A log of an older version that deleted a thread: events, turn, item and the whole state were kept. */
const writeOlder = (file: string, known: Migrations, writeEvents: (db: Sqlite.Connection) => void) =>
  Effect.gen(function* () {
    yield* migrate(file, "NORMAL", known)
    const db = Sqlite.openWriter(file, "NORMAL")
    db.exec("INSERT INTO streams (id, name, version) VALUES (1, 'thread/thr_a', 3)")
    writeEvents(db)
    const row = db.prepare("INSERT INTO rows (collection, key, parent, rank, json) VALUES (?, ?, ?, ?, ?)")
    const state = { ...thread, title: "heron title", cwd: "/heron", deleted: true, updatedAt: at }
    row.run("thread-state", "thr_a", "", 3, JSON.stringify(state))
    row.run("turn", "trn_a", "thr_a", 2, JSON.stringify({ ...thread, turnId: "trn_a", text: "heron prompt" }))
    row.run("item", "itm_a", "thr_a", 2, JSON.stringify({ ...thread, itemId: "itm_a", text: "heron answer" }))
    Sqlite.close(db)
  })

const insertRows = (db: Sqlite.Connection) => {
  const event = db.prepare("INSERT INTO events (stream, version, type, json) VALUES (1, ?, ?, ?)")
  for (const { json, type, version } of older) event.run(version, type, json)
}

const insertSegment = (db: Sqlite.Connection, bytes: Uint8Array, crc: number) => {
  db.prepare("INSERT INTO segments (first, last, codec, crc, bytes) VALUES (1, 3, 'brotli', ?, ?)").run(crc, bytes)
  db.exec("INSERT INTO segment_streams (stream, first, count) VALUES (1, 1, 3)")
}

const filesWithWords = (directory: string) =>
  readdirSync(directory).filter((name) => readFileSync(join(directory, name)).includes("heron"))

it.scoped("L14 a thread that an older version deleted is forgotten by the migration, and its words leave the log", () =>
  Effect.gen(function* () {
    const directory = yield* temporaryDirectory
    const file = join(directory, "log.db")
    yield* writeOlder(file, { 1: migrations[1]! }, insertRows)
    expect(filesWithWords(directory)).toEqual(["log.db"])
    const log = yield* EventLogSqlite.make({ file })
    const { events } = yield* log.read({ after: 0 })
    expect(events.map(({ type }) => type)).toEqual(["log.forgotten", "log.forgotten", "thread.deleted"])
    expect(yield* Effect.provideService(Verify.run, EventLog, log)).toMatchObject({ problems: [], complete: true, rows: 1 })
    yield* log.awaitErased
    // The copy is the way back to the older version, until a thread is deleted by this one.
    expect(filesWithWords(directory)).toEqual(["log.db.v1.backup"])
    const other = { stream: "thread/thr_b", type: "thread.deleted", at, epoch: 0, data: { threadId: "thr_b" } }
    yield* log.append([{ events: [other], rows: [], forget: ["thread/thr_b"] }])
    yield* log.awaitErased
    expect(filesWithWords(directory)).toEqual([])
  })
)

const version3 = { 1: migrations[1]!, 2: migrations[2]!, 3: migrations[3]! }

it.scoped("L14 so is one whose events an older version had packed, with its blob", () =>
  Effect.gen(function* () {
    const directory = yield* temporaryDirectory
    const file = join(directory, "log.db")
    const { bytes, crc } = yield* Segment.compress(1, 3, Segment.encode(1, 3, older))
    yield* writeOlder(file, version3, (db) => {
      insertSegment(db, bytes, crc)
      db.exec(`INSERT INTO blobs (id, hash, bytes, stored, media_type, codec) VALUES (7, '${"a".repeat(64)}', 11, 11, 'text/plain', 'identity');
               INSERT INTO blob_parts (blob, part, bytes) VALUES (7, 0, CAST('heron image' AS BLOB)); INSERT INTO blob_refs (stream, blob) VALUES (1, 7)`)
    })
    const log = yield* EventLogSqlite.make({ file })
    const { events } = yield* log.read({ after: 0 })
    expect(events.map(({ type }) => type)).toEqual(["log.forgotten", "log.forgotten", "thread.deleted"])
    expect(yield* Effect.provideService(Verify.run, EventLog, log)).toMatchObject({ problems: [], complete: true, rows: 1 })
    yield* log.awaitErased
    expect(filesWithWords(directory)).toEqual(["log.db.v3.backup"])
    const db = Sqlite.openReader(file)
    const stored = db.prepare("SELECT bytes FROM segments").pluck().get() as Uint8Array
    Sqlite.close(db)
    expect(brotliDecompressSync(stored).includes("heron")).toBe(false)
  })
)

it.scoped("L14 L6 so is one whose deletion is in a damaged segment: its state shows it", () =>
  Effect.gen(function* () {
    const directory = yield* temporaryDirectory
    const file = join(directory, "log.db")
    yield* writeOlder(file, version3, (db) => insertSegment(db, Buffer.from("heron, damaged"), 1))
    const log = yield* EventLogSqlite.make({ file })
    yield* log.awaitErased
    expect(filesWithWords(directory)).toEqual(["log.db.v3.backup"])
    const { state } = yield* log.query({ state: Query.row(Collections.threadState, "thr_a") })
    expect(state?.value).toMatchObject({ deleted: true, title: "", createdAt: at })
  })
)
