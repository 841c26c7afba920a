import { expect, it } from "@effect/vitest"
import { EventLog } from "@millrace/log/EventLog"
import * as EventLogSqlite from "@millrace/log/EventLogSqlite"
import { migrate, migrations } from "@millrace/log/Migrations"
import * as Sqlite from "@millrace/log/internal/Sqlite"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import { Effect } from "effect"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import * as Verify from "./Verify.ts"

const at = "2026-11-20T09:00:00.000Z"
const thread = { threadId: "thr_a" }

/** The events and rows of a thread that version 1 deleted: events, turn, item and the whole state were kept. */
const writeOlder = (file: string) =>
  Effect.gen(function* () {
    yield* migrate(file, "NORMAL", { 1: migrations[1]! })
    const db = Sqlite.openWriter(file, "NORMAL")
    const event = db.prepare("INSERT INTO events (stream, version, type, json) VALUES (1, ?, ?, ?)")
    const written: ReadonlyArray<readonly [string, object]> = [
      ["thread.created", { ...thread, projectId: "prj_a", provider: "demo", title: "heron title", cwd: "/heron" }],
      ["turn.requested", { ...thread, turnId: "trn_a", text: "heron prompt", strategy: "enqueue" }],
      ["thread.deleted", thread]
    ]
    db.exec("INSERT INTO streams (id, name, version) VALUES (1, 'thread/thr_a', 3)")
    for (const [i, [type, data]] of written.entries())
      event.run(i + 1, type, JSON.stringify({ offset: i + 1, stream: "thread/thr_a", version: i + 1, type, at, epoch: 0, data }))
    const row = db.prepare("INSERT INTO rows (collection, key, parent, rank, json) VALUES (?, ?, ?, ?, ?)")
    row.run("thread-state", "thr_a", "", 3, JSON.stringify({ ...thread, title: "heron title", cwd: "/heron", deleted: true }))
    row.run("turn", "trn_a", "thr_a", 2, JSON.stringify({ ...thread, turnId: "trn_a", text: "heron prompt" }))
    row.run("item", "itm_a", "thr_a", 2, JSON.stringify({ ...thread, itemId: "itm_a", text: "heron answer" }))
    Sqlite.close(db)
  })

it.scoped("L14 a thread that an older version deleted is forgotten by the migration, and its words leave the log", () =>
  Effect.gen(function* () {
    const directory = yield* temporaryDirectory
    const file = join(directory, "log.db")
    yield* writeOlder(file)
    const filesWithWords = () => readdirSync(directory).filter((name) => readFileSync(join(directory, name)).includes("heron"))
    expect(filesWithWords()).toEqual(["log.db"])
    const log = yield* EventLogSqlite.make({ file })
    const { events } = yield* log.read({ after: 0 })
    expect(events.map(({ type }) => type)).toEqual(["log.forgotten", "log.forgotten", "thread.deleted"])
    expect(yield* Effect.provideService(Verify.run, EventLog, log)).toMatchObject({ problems: [], complete: true, rows: 1 })
    yield* log.awaitErased
    // The copy is the way back to the older version, until a thread is deleted by this one.
    expect(filesWithWords()).toEqual(["log.db.v1.backup"])
    const other = { stream: "thread/thr_b", type: "thread.deleted", at, epoch: 0, data: { threadId: "thr_b" } }
    yield* log.append([{ events: [other], rows: [], forget: ["thread/thr_b"] }])
    yield* log.awaitErased
    expect(filesWithWords()).toEqual([])
  })
)
