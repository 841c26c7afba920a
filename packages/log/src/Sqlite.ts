/** The driver: one connection, its pragmas, and what its errors mean. The only module that names better-sqlite3. */
import Database from "better-sqlite3"
import { closeSync, existsSync, openSync } from "node:fs"
import type { LogUnavailable } from "./EventLog.ts"
import { StorageFailure } from "./Storage.ts"

export type Connection = Database
export type { Statement } from "better-sqlite3"

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
  // The file system's own, when the file is made.
  ["ENOSPC", "full"],
  ["EDQUOT", "full"],
  ["EACCES", "io"],
  ["EPERM", "io"],
  ["EROFS", "io"],
  ["EISDIR", "io"],
  ["ENOENT", "io"],
  ["ENOTDIR", "io"],
  ["EMFILE", "io"],
  ["EIO", "io"]
]

/** A fault of the storage as a StorageFailure; everything else (a constraint, a wrong statement) stays what it is: a defect. */
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

/** How long one statement waits for another program's lock. It blocks the event loop: the patience lies in `busyMillis` of the log. */
const busyTimeoutMillis = 20

/** The writer. On a new file it sets what must be set before the first table. Over `maxBytes` a write fails with reason `full`. */
export const openWriter = (file: string, synchronous: Synchronous, maxBytes?: number): Connection =>
  guarded(() => {
    // For this user only; SQLite gives its side files the same mode. An existing file is not opened here: the close of any descriptor of a file
    // drops the locks that this process holds on it, also those of SQLite's other connections (POSIX).
    if (file !== ":memory:" && !existsSync(file)) closeSync(openSync(file, "a", 0o600))
    const db = new Database(file, { timeout: busyTimeoutMillis })
    try {
      db.pragma("auto_vacuum = INCREMENTAL")
      db.pragma("journal_mode = WAL")
      db.pragma(`synchronous = ${synchronous}`)
      db.pragma("foreign_keys = ON")
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

/** A failing close leaves nothing to do: the process's end closes it too. */
export const close = (db: Connection): void => {
  try {
    db.close()
  } catch (cause) {
    if (!(cause instanceof Error)) throw cause
  }
}

/** How long a start waits for others that only looked at the lock. */
const lockTimeoutMillis = 250

/** An exclusive lock on this file until the connection closes or the process ends; undefined when another holds it. */
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
 * Does any connection of this or another process have this database open? In WAL mode each one holds a shared lock on the file as long as it is open;
 * it dies with its process. False when there is no such file.
 */
export const isOpen = (file: string): boolean => {
  if (!existsSync(file)) return false
  return guarded(() => {
    const db = new Database(file, { fileMustExist: true, timeout: 0 })
    try {
      // Before the first access: the file itself is then locked, not its shared index.
      db.pragma("locking_mode = EXCLUSIVE")
      db.exec("BEGIN IMMEDIATE; ROLLBACK")
      return false
    } catch (cause) {
      const failure = asFailure(cause)
      if (failure instanceof StorageFailure && failure.reason === "busy") return true
      // A damaged file is for the log to report.
      if (failure instanceof StorageFailure && failure.reason === "corrupt") return false
      throw cause
    } finally {
      db.close()
    }
  })
}

/** Does another connection hold `lock`? False when there is no such file. */
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
