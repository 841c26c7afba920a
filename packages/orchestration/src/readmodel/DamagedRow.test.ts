import { expect, it } from "@effect/vitest"
import { EventLog } from "@millrace/log/EventLog"
import * as EventLogSqlite from "@millrace/log/EventLogSqlite"
import * as Sqlite from "@millrace/log/internal/Sqlite"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import { Effect } from "effect"
import * as Verify from "./Verify.ts"

it.scoped("L11 rows that cannot be read are a problem that the check of the read models reports, and it continues", () =>
  Effect.gen(function* () {
    const file = `${yield* temporaryDirectory}/log.db`
    const log = yield* EventLogSqlite.make({ file })
    const db = Sqlite.openWriter(file, "NORMAL")
    db.exec(
      "INSERT INTO rows (collection, key, parent, rank, value) VALUES ('item', 'itm_a', 'thr_a', 1, x'010000000000000000aa')"
    )
    db.exec("INSERT INTO rows (collection, key, parent, rank, value) VALUES ('request', 'req_a', 'thr_a', 1, '{}')")
    Sqlite.close(db)
    const { problems } = yield* Effect.provideService(Verify.run, EventLog, log)
    expect(problems).toEqual([
      expect.stringMatching(/^item: .*itm_a is damaged/) as string,
      "request req_a: a row that no event made"
    ])
  })
)
