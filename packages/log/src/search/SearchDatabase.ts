/** The database of a search index: its connection, statements, transactions, and the table `state`. Everything is synchronous. */
import { rmSync } from "node:fs"
import * as Sqlite from "../Sqlite.ts"

/** Removes the file of a closed index. Throws StorageFailure. */
export const remove = (file: string): void =>
  Sqlite.guarded(() => {
    for (const suffix of ["", "-wal", "-shm"]) rmSync(`${file}${suffix}`, { force: true })
  })

export const connect = (file: string): Sqlite.Connection => {
  const db = Sqlite.openWriter(file, "NORMAL")
  // Deleted pages are overwritten: no word of a deleted thread stays in free pages. A checkpoint writes at most about 1 MiB.
  db.pragma("secure_delete = ON")
  db.pragma("wal_autocheckpoint = 256")
  return db
}

export class SearchDatabase {
  readonly db: Sqlite.Connection
  /** Changes with every transaction: the scrubber needs it. */
  writes = 0
  readonly #statements = new Map<string, Sqlite.Statement>()

  constructor(db: Sqlite.Connection) {
    this.db = db
  }

  /** A value of the table `state`. */
  get(key: string): string | undefined {
    const value = this.prepare("SELECT value FROM state WHERE key = ?").get(key)
    return value === undefined ? undefined : String(value)
  }

  set(key: string, value: string): void {
    this.prepare("INSERT OR REPLACE INTO state VALUES (?, ?)").run(key, value)
  }

  /** A statement whose rows are the value of their first column. */
  prepare(sql: string): Sqlite.Statement {
    let statement = this.#statements.get(sql)
    if (statement === undefined) {
      statement = this.db.prepare(sql)
      if (sql.startsWith("SELECT")) statement.pluck()
      this.#statements.set(sql, statement)
    }
    return statement
  }

  /** Throws StorageFailure. */
  transaction<A>(run: () => A): A {
    return Sqlite.guarded(() => {
      this.writes++
      this.db.exec("BEGIN IMMEDIATE")
      try {
        const answer = run()
        this.db.exec("COMMIT")
        return answer
      } catch (cause) {
        if (this.db.inTransaction) this.db.exec("ROLLBACK")
        throw cause
      }
    })
  }
}
