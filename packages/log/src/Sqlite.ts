/** Opens, locks and closes SQLite connections, and maps the driver's errors to `StorageFailure`. Only this module imports the driver. */
import Database from "@millrace/sqlite-driver"
import type { Effect } from "effect"
import { closeSync, existsSync, openSync } from "node:fs"
import type { LogUnavailable } from "./EventLog.ts"
import * as Storage from "./Storage.ts"
import { StorageFailure } from "./Storage.ts"

export type Connection = Database
export type Statement = Database.Statement

/** What an acknowledged commit survives: FULL = power loss; NORMAL = the death of the process. */
export type Synchronous = "FULL" | "NORMAL"

const reasons: ReadonlyArray<readonly [prefix: string, reason: LogUnavailable["reason"]]> = [
  ["SQLITE_BUSY", "busy"],
  ["SQLITE_LOCKED", "busy"],
  ["SQLITE_FULL", "full"],
  ["SQLITE_CORRUPT", "corrupt"],
  ["SQLITE_NOTADB", "corrupt"],
  ["SQLITE_IOERR", "io"],
  ["SQLITE_READONLY", "io"],
  ["SQLITE_CANTOPEN", "io"],
  ["SQLITE_PERM", "io"],
  ["SQLITE_NOMEM", "io"],
  ["SQLITE_INTERRUPT", "io"],
  ["SQLITE_PROTOCOL", "io"],
  // Errors of the file system when the file is created.
  ["ENOSPC", "full"],
  ["EDQUOT", "full"],
  ["EACCES", "io"],
  ["EPERM", "io"],
  ["EROFS", "io"],
  ["EISDIR", "io"],
  ["ENOENT", "io"],
  ["ENOTDIR", "io"],
  ["EMFILE", "io"],
  ["EEXIST", "io"],
  ["EBUSY", "io"],
  ["EXDEV", "io"],
  ["EIO", "io"]
]

/** Converts a fault of the storage to a StorageFailure. Returns any other error (a constraint, a wrong statement) unchanged: it is a defect. */
export const asFailure = (cause: unknown): unknown => {
  if (cause instanceof TypeError && cause.message.startsWith("The database connection is not open"))
    return new StorageFailure("closed", cause.message, cause)
  if (cause instanceof TypeError && cause.message.startsWith("Cannot open database"))
    return new StorageFailure("io", cause.message, cause)
  if (!(cause instanceof Error) || !("code" in cause)) return cause
  const code = String(cause.code)
  const reason = reasons.find(([prefix]) => code.startsWith(prefix))?.[1]
  return reason === undefined ? cause : new StorageFailure(reason, `${code}: ${cause.message}`, cause)
}

/** Runs driver calls; throws StorageFailure for faults of the storage. */
export const guarded = <A>(run: () => A): A => {
  try {
    return run()
  } catch (cause) {
    throw asFailure(cause)
  }
}

/** Runs driver calls as an operation of the log, which the error names. */
export const attempt = <A>(operation: string, run: () => A): Effect.Effect<A, LogUnavailable> =>
  Storage.attempt(operation, () => guarded(run))

/** How long one statement waits for another program's lock. The wait blocks the event loop, so it is short; the log retries for `busyMillis`. */
const busyTimeoutMillis = 20

/** Opens the writer. On a new file, sets the pragmas that must precede the first table. A write beyond `maxBytes` fails with reason `full`. */
export const openWriter = (file: string, synchronous: Synchronous, maxBytes?: number): Connection =>
  guarded(() => {
    // The file is created so that only this user may read it; SQLite gives the WAL and index files the same mode. An existing file must not be opened
    // here: closing any descriptor of a file releases all locks that this process holds on it, also those of SQLite's connections (POSIX).
    if (file !== ":memory:" && !existsSync(file)) closeSync(openSync(file, "a", 0o600))
    const db = new Database(file, { timeout: busyTimeoutMillis })
    try {
      db.pragma("auto_vacuum = INCREMENTAL")
      db.pragma("journal_mode = WAL")
      db.pragma(`synchronous = ${synchronous}`)
      db.pragma("foreign_keys = ON")
      // Deleted text must not stay in free space: `thread.delete` promises that no word of the thread is left in the file.
      db.pragma("secure_delete = ON")
      db.pragma("journal_size_limit = 67108864")
      if (maxBytes !== undefined)
        db.pragma(`max_page_count = ${Math.ceil(maxBytes / Number(db.pragma("page_size", { simple: true })))}`)
      return db
    } catch (cause) {
      db.close()
      throw cause
    }
  })

/** Sees only what is committed, and never waits for the writer (WAL). */
export const openReader = (file: string): Connection =>
  guarded(() => new Database(file, { readonly: true, fileMustExist: true, timeout: busyTimeoutMillis }))

/**
 * Creates the database `target` and attaches `file` to it as the schema `source`. The target is not durable until the connection closes; after a
 * crash it is worthless. SQLite keeps a live WAL and index only for connections that may write, so `source` is writable: never write to it.
 */
export const openCopy = (file: string, target: string): Connection =>
  guarded(() => {
    closeSync(openSync(target, "wx", 0o600))
    const db = new Database(target, { timeout: busyTimeoutMillis })
    try {
      db.pragma("auto_vacuum = INCREMENTAL")
      db.pragma("journal_mode = OFF")
      db.pragma("synchronous = OFF")
      db.prepare("ATTACH ? AS source").run(file)
      return db
    } catch (cause) {
      db.close()
      throw cause
    }
  })

/** Whether this build of SQLite has FTS5: `node:sqlite` has not in the first versions that have it. */
export const hasFullText = (): boolean =>
  guarded(() => {
    const db = new Database(":memory:")
    try {
      return db.prepare("SELECT 1 FROM pragma_module_list WHERE name = 'fts5'").get() !== undefined
    } finally {
      db.close()
    }
  })

/** Ignores an error of the close: the end of the process closes the file too. */
export const close = (db: Connection): void => {
  try {
    db.close()
  } catch (cause) {
    if (!(cause instanceof Error)) throw cause
  }
}

/** How long a start waits for processes that only test the lock. */
const lockTimeoutMillis = 250

/** An exclusive lock on this file until the connection closes or the process ends; undefined if another connection holds it. */
export const lock = (file: string, patience = lockTimeoutMillis): Connection | undefined =>
  guarded(() => {
    const db = new Database(file, { timeout: patience })
    try {
      db.exec("BEGIN EXCLUSIVE")
      return db
    } catch (cause) {
      db.close()
      if ((asFailure(cause) as StorageFailure).reason === "busy") return undefined
      throw cause
    }
  })

/**
 * Whether any connection of this or another process has this database open. In WAL mode each connection holds a shared lock on the file while it is
 * open; the lock ends with its process. False if there is no such file.
 */
export const isOpen = (file: string): boolean => {
  if (!existsSync(file)) return false
  return guarded(() => {
    const db = new Database(file, { fileMustExist: true, timeout: 0 })
    try {
      // Set before the first access, so that SQLite locks the file itself and not its shared index.
      db.pragma("locking_mode = EXCLUSIVE")
      db.exec("BEGIN IMMEDIATE; ROLLBACK")
      return false
    } catch (cause) {
      const failure = asFailure(cause)
      if (failure instanceof StorageFailure && failure.reason === "busy") return true
      // The log reports a damaged file when it opens it.
      if (failure instanceof StorageFailure && failure.reason === "corrupt") return false
      throw cause
    } finally {
      db.close()
    }
  })
}

/** Whether another connection holds the lock of `lock`. False if there is no such file. */
export const isLocked = (file: string): boolean => {
  let db: Connection | undefined
  try {
    db = new Database(file, { readonly: true, fileMustExist: true, timeout: 0 })
    db.prepare("SELECT count(*) FROM sqlite_schema").get()
    return false
  } catch (cause) {
    const failure = asFailure(cause)
    return failure instanceof StorageFailure && failure.reason === "busy"
  } finally {
    db?.close()
  }
}
