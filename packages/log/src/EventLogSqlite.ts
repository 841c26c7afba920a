/** The log in one SQLite file: WAL, one writer, reads on a connection of their own. */
import { Effect, Layer } from "effect"
import { randomBytes } from "node:crypto"
import { EventLog } from "./EventLog.ts"
import { migrate, type Migrations } from "./Migrations.ts"
import * as Sqlite from "./Sqlite.ts"
import { SqliteReader } from "./SqliteReader.ts"
import { SqliteWriter } from "./SqliteWriter.ts"
import { attempt, epochOf, type StepHook, type Storage } from "./Storage.ts"
import * as StoredLog from "./StoredLog.ts"

export interface Options extends StoredLog.Options {
  /** Path of the database; created when it is not there. Its directory must be (DataDirectory). */
  readonly file: string
  /** Default FULL: an acknowledged append survives power loss. NORMAL survives the death of the process. */
  readonly synchronous?: Sqlite.Synchronous
  /** The database does not grow beyond this; appends then fail with reason `full` until something is trimmed. Default: no bound. */
  readonly maxFileBytes?: number
  /** For tests. */
  readonly onStep?: StepHook
  /** For tests of migrations. */
  readonly migrations?: Migrations
}

const newEpoch = (): string => epochOf(randomBytes(26).map((byte) => byte & 31))

const connect = (options: Options, synchronous: Sqlite.Synchronous): Storage & { readonly close: () => void } => {
  const open = () => Sqlite.openWriter(options.file, synchronous, options.maxFileBytes)
  const writer = new SqliteWriter(open, options.onStep)
  let connection: Sqlite.Connection | undefined
  try {
    const epoch = writer.epoch(newEpoch())
    const db = Sqlite.openReader(options.file)
    connection = db
    const reader = Sqlite.guarded(() => new SqliteReader(db))
    return {
      epoch,
      commit: (batch) => writer.commit(batch),
      view: (read) => reader.view(read),
      receipts: (commandIds) => reader.receipts(commandIds),
      putBlob: (hash, bytes) => writer.putBlob(hash, bytes),
      getBlob: (hash) => reader.blob(hash),
      trim: (upTo) => writer.trim(upTo),
      statements: () => writer.statements,
      /** The reader first: the last connection to close writes the WAL back. */
      close: () => {
        Sqlite.close(db)
        writer.close()
      }
    }
  } catch (cause) {
    if (connection !== undefined) Sqlite.close(connection)
    writer.close()
    throw cause
  }
}

/** Opening reads no events: its cost does not depend on the length of the log (L7). */
export const make = Effect.fn("EventLogSqlite.make")(function* (options: Options) {
  const synchronous = options.synchronous ?? "FULL"
  yield* migrate(options.file, synchronous, options.migrations)
  const storage = yield* Effect.acquireRelease(
    attempt("open", () => connect(options, synchronous)),
    ({ close }) => Effect.sync(close)
  )
  return yield* StoredLog.make(storage, options)
})

export const layer = (options: Options) => Layer.scoped(EventLog, make(options))
