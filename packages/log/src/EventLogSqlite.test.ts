import { Effect } from "effect"
import * as EventLogSqlite from "./EventLogSqlite.ts"
import { suite } from "./EventLogSuite.ts"
import { temporaryDirectory } from "./suite/temporary.ts"

suite("EventLogSqlite", (options) =>
  Effect.flatMap(temporaryDirectory, (directory) =>
    EventLogSqlite.make({ ...options, file: `${directory}/log.db`, synchronous: "NORMAL" })
  )
)
