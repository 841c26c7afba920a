// The SQLite driver of the log and of `@effect/sql-sqlite-node`: `node:sqlite` where this Node has it, else better-sqlite3, with the part of the
// interface of better-sqlite3 that both use (index.d.cts). The `code` of an error is SQLite's primary code, such as `SQLITE_BUSY`; better-sqlite3 may add a detail.
const { existsSync } = require("node:fs")

/** `node:sqlite`, or undefined before Node 22.13. Its experimental warning is not shown. */
const builtin = () => {
  const { emitWarning } = process
  process.emitWarning = (warning, ...rest) => {
    if (!String(warning).startsWith("SQLite is an experimental feature")) emitWarning.call(process, warning, ...rest)
  }
  try {
    return require("node:sqlite")
  } catch {
    return undefined
  } finally {
    process.emitWarning = emitWarning
  }
}

/** Primary result codes of https://sqlite.org/rescode.html: the low byte of an extended code. */
const codes = {
  1: "ERROR",
  2: "INTERNAL",
  3: "PERM",
  4: "ABORT",
  5: "BUSY",
  6: "LOCKED",
  7: "NOMEM",
  8: "READONLY",
  9: "INTERRUPT",
  10: "IOERR",
  11: "CORRUPT",
  12: "NOTFOUND",
  13: "FULL",
  14: "CANTOPEN",
  15: "PROTOCOL",
  16: "EMPTY",
  17: "SCHEMA",
  18: "TOOBIG",
  19: "CONSTRAINT",
  20: "MISMATCH",
  21: "MISUSE",
  22: "NOLFS",
  23: "AUTH",
  24: "FORMAT",
  25: "RANGE",
  26: "NOTADB"
}

/** Rethrows an error of `node:sqlite` with SQLite's primary code, as better-sqlite3 names it. Use after a close is a TypeError, as there. */
const rethrow = (error) => {
  if (error?.code === "ERR_INVALID_STATE") throw new TypeError("The database connection is not open", { cause: error })
  if (error?.code === "ERR_SQLITE_ERROR") error.code = `SQLITE_${codes[error.errcode & 0xff] ?? "ERROR"}`
  throw error
}

const attempt = (run) => {
  try {
    return run()
  } catch (error) {
    return rethrow(error)
  }
}

class Statement {
  #statement
  #shape = (row) => row
  #arrays = false

  constructor(statement) {
    this.#statement = statement
  }

  /** Whether it returns rows. Always true before Node 22.16, where that cannot be asked: `all` of another statement returns none. */
  get reader() {
    return this.#statement.columns === undefined || this.#statement.columns().length > 0
  }

  /** Node returns arrays since 22.16. Before, columns of one name are one. */
  #setArrays(on) {
    this.#arrays = on
    this.#statement.setReturnArrays?.(on)
  }

  #values = (row) => (Array.isArray(row) ? row : Object.values(row))

  raw(on = true) {
    this.#setArrays(on)
    this.#shape = on ? this.#values : (row) => row
    return this
  }

  pluck(on = true) {
    this.#setArrays(on)
    this.#shape = on ? (row) => this.#values(row)[0] : (row) => row
    return this
  }

  safeIntegers(on = true) {
    this.#statement.setReadBigInts(on)
    return this
  }

  run(...params) {
    try {
      return this.#statement.run(...params)
    } catch (error) {
      return rethrow(error)
    }
  }

  get(...params) {
    try {
      const row = this.#statement.get(...params)
      return row === undefined ? undefined : this.#shape(row)
    } catch (error) {
      return rethrow(error)
    }
  }

  all(...params) {
    try {
      const rows = this.#statement.all(...params)
      return this.#arrays ? rows.map(this.#shape) : rows
    } catch (error) {
      return rethrow(error)
    }
  }

  *iterate(...params) {
    try {
      for (const row of this.#statement.iterate(...params)) yield this.#shape(row)
    } catch (error) {
      rethrow(error)
    }
  }
}

const over = ({ DatabaseSync }) =>
  class Database {
    #db
    #open = true

    constructor(file, { readonly = false, fileMustExist = false, timeout = 5000 } = {}) {
      if (fileMustExist && !existsSync(file))
        throw Object.assign(new Error("unable to open database file"), { code: "SQLITE_CANTOPEN" })
      this.#db = attempt(() => new DatabaseSync(file, { readOnly: readonly }))
      this.exec(`PRAGMA busy_timeout = ${timeout}`)
    }

    get open() {
      return this.#open
    }

    /** Node reports it since 22.16. Before, SQLite reports it only as the error of BEGIN. */
    get inTransaction() {
      if (this.#db.isTransaction !== undefined) return this.#db.isTransaction
      try {
        this.#db.exec("BEGIN")
      } catch (error) {
        if (String(error.message).includes("within a transaction")) return true
        return rethrow(error)
      }
      this.#db.exec("ROLLBACK")
      return false
    }

    prepare(sql) {
      return attempt(() => new Statement(this.#db.prepare(sql)))
    }

    exec(sql) {
      attempt(() => this.#db.exec(sql))
      return this
    }

    pragma(text, { simple = false } = {}) {
      const statement = this.prepare(`PRAGMA ${text}`)
      return simple ? statement.pluck().get() : statement.all()
    }

    function(name, run) {
      attempt(() => this.#db.function(name, run))
      return this
    }

    unsafeMode() {
      this.#db.enableDefensive?.(false)
      return this
    }

    close() {
      if (this.#open) attempt(() => this.#db.close())
      this.#open = false
      return this
    }
  }

const sqlite = builtin()
module.exports = sqlite === undefined ? require("better-sqlite3") : over(sqlite)
