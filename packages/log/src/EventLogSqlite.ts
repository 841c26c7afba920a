/** The log in one SQLite file: WAL, one writer, reads on a connection of their own. */
import { Effect, Layer } from "effect"
import { randomBytes } from "node:crypto"
import { EventLog } from "./EventLog.ts"
import { migrate, type Migrations } from "./Migrations.ts"
import * as Sqlite from "./Sqlite.ts"
import { SqliteReader } from "./SqliteReader.ts"
import { SqliteWriter } from "./SqliteWriter.ts"
import { attempt, type StepHook } from "./Storage.ts"
import * as StoredLog from "./StoredLog.ts"

export interface Options extends StoredLog.Options {
  /** Path of the database; created when it is not there. Its directory must be (DataDirectory). */
  readonly file: string
  /** Default FULL: an acknowledged append survives power loss. NORMAL survives the death of the process. */
  readonly synchronous?: Sqlite.Synchronous
  /** For tests. */
  readonly onStep?: StepHook
  /** For tests of migrations. */
  readonly migrations?: Migrations
}

const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
const newEpoch = (): string => Array.from(randomBytes(26), (byte) => crockford[byte & 31]).join("")

/** The epoch is chosen when the log is created and stays with the file. */
const epochOf = (db: Sqlite.Connection): string => {
  db.prepare("INSERT INTO meta (key, value) VALUES ('epoch', ?) ON CONFLICT (key) DO NOTHING").run(newEpoch())
  return String(db.prepare("SELECT value FROM meta WHERE key = 'epoch'").pluck().get())
}

const once = (file: string, synchronous: Sqlite.Synchronous, onStep: StepHook | undefined) =>
  attempt("open", () => {
    let first: Sqlite.Connection | undefined = Sqlite.openWriter(file, synchronous)
    const epoch = Sqlite.guarded(() => epochOf(first!))
    const writer = new SqliteWriter(() => {
      const db = first ?? Sqlite.openWriter(file, synchronous)
      first = undefined
      return db
    }, onStep)
    const db = Sqlite.openReader(file)
    const reader = Sqlite.guarded(() => new SqliteReader(db))
    return {
      epoch,
      commit: (batch: Parameters<SqliteWriter["commit"]>[0]) => writer.commit(batch),
      view: reader.view.bind(reader),
      receipts: reader.receipts.bind(reader),
      putBlob: writer.putBlob.bind(writer),
      getBlob: reader.blob.bind(reader),
      trim: writer.trim.bind(writer),
      statements: () => writer.statements,
      /** The reader first: the last connection to close writes the WAL back. */
      close: () => {
        Sqlite.close(db)
        writer.close()
      }
    }
  })

/** Opening reads no events: its cost does not depend on the length of the log (L7). */
export const make = Effect.fn("EventLogSqlite.make")(function* (options: Options) {
  const synchronous = options.synchronous ?? "FULL"
  yield* migrate(options.file, synchronous, options.migrations)
  const storage = yield* Effect.acquireRelease(once(options.file, synchronous, options.onStep), (open) => Effect.sync(open.close))
  return yield* StoredLog.make(storage, options)
})

export const layer = (options: Options) => Layer.scoped(EventLog, make(options))
