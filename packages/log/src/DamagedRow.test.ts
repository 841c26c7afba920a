import { expect, it } from "@effect/vitest"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import { Effect } from "effect"
import { EventLog } from "./EventLog.ts"
import * as EventLogSqlite from "./EventLogSqlite.ts"
import * as Query from "./Query.ts"
import * as Sqlite from "./Sqlite.ts"
import * as SqliteCheck from "./SqliteCheck.ts"
import { envelope, event, range } from "./suite/subject.ts"
import { verify } from "./Verify.ts"

it.scoped("L11 a damaged value fails the reads of its row, and `verify` reports it; other rows are read", () =>
  Effect.gen(function* () {
    const file = `${yield* temporaryDirectory}/log.db`
    const log = yield* EventLogSqlite.make({ file })
    const items = Query.collection<string>("item")
    for (const n of range(1, 4))
      yield* log.append([
        envelope(
          [event("thread/thr_a")],
          [{ op: "put", collection: "item", key: `k${n}`, parent: "p", event: 0, rank: "keep", value: `${n} `.repeat(2_000) }]
        )
      ])
    const report = Effect.provideService(verify({ checks: [SqliteCheck.check(file)] }), EventLog, log)
    expect((yield* report).problems).toEqual([])
    const db = Sqlite.openWriter(file, "NORMAL")
    db.exec("UPDATE rows SET value = CAST(substr(value, 1, length(value) - 3) || x'000000' AS BLOB) WHERE key = 'k2'")
    db.exec("UPDATE rows SET value = 'no JSON' WHERE key = 'k3'")
    Sqlite.close(db)
    const message = expect.stringContaining("k2 is damaged") as string
    for (const query of [
      { part: Query.row(items, "k2") },
      { part: Query.rowsByKey(items, ["k1", "k2"]) },
      { part: Query.rows(items, { limit: 10, parent: "p", order: "oldest" }) }
    ])
      expect(yield* Effect.flip(log.query(query))).toMatchObject({ _tag: "LogUnavailable", reason: "corrupt", message })
    expect(yield* Effect.flip(log.query({ part: Query.row(items, "k3") }))).toMatchObject({
      _tag: "LogUnavailable",
      reason: "corrupt"
    })
    const { row } = yield* log.query({ row: Query.row(items, "k4") })
    expect(row?.value).toBe("4 ".repeat(2_000))
    const found = yield* report
    expect(found.problems).toMatchObject([
      { problem: "file", message },
      { problem: "file", message: expect.stringContaining("k3 is damaged: it is not JSON") as string }
    ])
    // A value is repaired by the next change of its row.
    yield* log.append([
      envelope([], [{ op: "put", collection: "item", key: "k2", parent: "p", event: 0, rank: "keep", value: "new" }])
    ])
    expect((yield* log.query({ row: Query.row(items, "k2") })).row).toMatchObject({ value: "new", rank: 2 })
  })
)
