/** The part of the interface of better-sqlite3 that Millrace and `@effect/sql-sqlite-node` use. Errors have a `code` such as `SQLITE_BUSY`. */
declare class Database {
  /** `timeout`: milliseconds that a statement waits for another connection's lock; default 5,000. */
  constructor(
    file: string,
    options?: { readonly readonly?: boolean; readonly fileMustExist?: boolean; readonly timeout?: number }
  )
  readonly open: boolean
  readonly inTransaction: boolean
  prepare(sql: string): Database.Statement
  exec(sql: string): this
  /** The rows; with `simple`, the first column of the first one. */
  pragma(text: string, options?: { readonly simple?: boolean }): unknown
  /** Defines an SQL function. */
  function(name: string, run: (...params: Array<never>) => unknown): this
  /** Allows statements that can damage the database, for tests. */
  unsafeMode(on: boolean): this
  /** Later calls on it and on its statements throw `TypeError: The database connection is not open`. */
  close(): this
}

declare namespace Database {
  interface Statement {
    /** Whether it returns rows. */
    readonly reader: boolean
    run(...params: ReadonlyArray<unknown>): { readonly changes: number | bigint }
    get(...params: ReadonlyArray<unknown>): unknown
    all(...params: ReadonlyArray<unknown>): Array<unknown>
    iterate(...params: ReadonlyArray<unknown>): IterableIterator<unknown>
    /** Rows as arrays, from now on. */
    raw(on?: boolean): this
    /** The first column only, from now on. */
    pluck(on?: boolean): this
  }
}

export = Database
