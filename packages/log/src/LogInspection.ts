/**
 * Reads the position of a log without owning its directory: takes no lock and writes no event, so a server may run on it. SQLite may leave empty WAL and
 * index files next to the database.
 */
import type { Effect } from "effect"
import type { LogUnavailable } from "./EventLog.ts"
import { openCurrent } from "./Migrations.ts"
import * as Sqlite from "./Sqlite.ts"
import { SqliteReader } from "./SqliteReader.ts"
import { attempt } from "./Storage.ts"

export interface LogInspection {
  readonly head: number
  readonly retainedFrom: number
  /** Space in the file that is used again before the file grows. */
  readonly freeBytes: number
  /** Commit time of the newest event, by the server's clock, ISO 8601. Absent if the log is empty. */
  readonly lastAt?: string
}

/** The file must exist. The cost does not depend on the length of the log. */
export const inspect = (file: string): Effect.Effect<LogInspection, LogUnavailable> =>
  attempt("inspect", () => {
    const db = openCurrent(file)
    try {
      return Sqlite.guarded(() =>
        new SqliteReader(db).view((view) => {
          const { head, retainedFrom } = view
          const last = head > retainedFrom ? view.events({ after: head - 1, limit: 1 }).events[0] : undefined
          const at = last === undefined ? undefined : (JSON.parse(last.json) as { readonly at: string }).at
          const pragma = (name: string) => Number(db.pragma(name, { simple: true }))
          const freeBytes = pragma("freelist_count") * pragma("page_size")
          return { head, retainedFrom, freeBytes, ...(at !== undefined && { lastAt: at }) }
        })
      )
    } finally {
      Sqlite.close(db)
    }
  })
