/**
 * `auto_vacuum` of a log: with it the file gives its free pages back, and has the map of pages that the scrubber needs (`Scrubber`). Millrace creates every
 * log with it. A file that another program wrote anew, such as a dump that was read back, may be without it; only VACUUM, which copies the file, changes that.
 */
import { Effect } from "effect"
import { dirname } from "node:path"
import type { FreeBytes } from "./FreeBytes.ts"
import * as Sqlite from "./Sqlite.ts"
import { StorageFailure } from "./Storage.ts"

/** VACUUM writes a copy of the database, and then the copy into the WAL. */
const copies = 2

/** The reason for which a database without `auto_vacuum` stays so. */
const refusal = (db: Sqlite.Connection, file: string, freeBytes: FreeBytes): string | undefined => {
  const pragma = (name: string) => Number(db.pragma(name, { simple: true }))
  const needed = copies * (pragma("page_count") - pragma("freelist_count")) * pragma("page_size")
  const free = freeBytes(dirname(file))
  if (free < needed) return `that needs ${needed} bytes in ${dirname(file)}; ${free} are free`
  try {
    Sqlite.guarded(() => {
      db.exec("VACUUM")
      db.pragma("wal_checkpoint(TRUNCATE)")
    })
    return undefined
  } catch (cause) {
    if (cause instanceof StorageFailure && (cause.reason === "busy" || cause.reason === "full")) return cause.message
    throw cause
  }
}

/**
 * Rewrites a database without `auto_vacuum`. If there is no space for that, or another program reads the database, it stays usable as it is and a warning
 * says so; the next start tries again. `db`: a writer that no transaction uses. Fails if the database is damaged.
 */
export const ensure = (db: Sqlite.Connection, file: string, freeBytes: FreeBytes) =>
  Effect.gen(function* () {
    if ((yield* Sqlite.attempt("open", () => db.pragma("auto_vacuum", { simple: true }))) !== 0) return
    yield* Effect.logInfo(`${file} is without auto_vacuum and is rewritten. With gigabytes this takes minutes.`)
    const reason = yield* Sqlite.attempt("open", () => refusal(db, file, freeBytes))
    if (reason !== undefined)
      yield* Effect.logWarning(
        `${file} is still without auto_vacuum: ${reason}. It does not become smaller, and text of threads that are deleted may stay in unused space of its pages. The next start tries again.`
      )
  })
