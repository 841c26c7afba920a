/** The schema of the log as numbered, forward-only migrations. A database of a newer program is rejected. An older database is backed up before it is changed. */
import * as Reactivity from "@effect/experimental/Reactivity"
import * as Migrator from "@effect/sql/Migrator"
import * as SqlClient from "@effect/sql/SqlClient"
import { SqliteClient } from "@effect/sql-sqlite-node"
import { Cause, Effect, Schema } from "effect"
import { renameSync, rmSync } from "node:fs"
import { dirname } from "node:path"
import * as AutoVacuum from "./AutoVacuum.ts"
import { deletedThreads } from "./DeletedThreads.ts"
import { freeBytes as ofDisk, type FreeBytes } from "./FreeBytes.ts"
import * as RowValue from "./RowValue.ts"
import * as Sqlite from "./Sqlite.ts"
import { attempt, StorageFailure } from "./Storage.ts"

/** The database was written by a newer program. Nothing was changed. */
export class SchemaNewer extends Schema.TaggedError<SchemaNewer>()("SchemaNewer", {
  file: Schema.String,
  found: Schema.Int,
  supported: Schema.Int
}) {
  override get message() {
    return `${this.file} has schema version ${this.found}; this program knows versions up to ${this.supported}. Start the newer program, or choose another data directory.`
  }
}

/** A migration failed and was rolled back. The backup made before it is in the directory of the database. */
export class MigrationFailed extends Schema.TaggedError<MigrationFailed>()("MigrationFailed", {
  file: Schema.String,
  from: Schema.Int,
  to: Schema.Int,
  reason: Schema.String
}) {
  override get message() {
    return `${this.file} could not be migrated from schema version ${this.from} to ${this.to}: ${this.reason}. It is unchanged.`
  }
}

type Migration = Effect.Effect<void, unknown, SqlClient.SqlClient>
export type Migrations = Readonly<Record<number, readonly [name: string, migration: Migration]>>

const statements = (...texts: ReadonlyArray<string>): Migration =>
  Effect.flatMap(SqlClient.SqlClient, (sql) => Effect.forEach(texts, (text) => sql.unsafe(text), { discard: true }))

/**
 * `events.stream` is the id of a row of `streams`. The index on it also orders by offset, because SQLite appends the row's key, which is the offset.
 * `rows` and `receipts` are described by `RowChange` and `Receipt`. `meta` holds `epoch` and `retainedFrom`.
 */
const initial = statements(
  `CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT`,
  `CREATE TABLE streams (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, version INTEGER NOT NULL) STRICT`,
  `CREATE TABLE events (
     offset INTEGER PRIMARY KEY, stream INTEGER NOT NULL, version INTEGER NOT NULL, type TEXT NOT NULL, json TEXT NOT NULL) STRICT`,
  `CREATE INDEX events_by_stream ON events (stream)`,
  `CREATE TABLE rows (
     id INTEGER PRIMARY KEY, collection TEXT NOT NULL, key TEXT NOT NULL, parent TEXT NOT NULL, rank INTEGER NOT NULL, json TEXT NOT NULL) STRICT`,
  `CREATE UNIQUE INDEX rows_by_key ON rows (collection, key)`,
  `CREATE INDEX rows_by_rank ON rows (collection, rank, key)`,
  `CREATE INDEX rows_by_parent ON rows (collection, parent, rank, key)`,
  `CREATE TABLE receipts (command TEXT PRIMARY KEY, digest TEXT NOT NULL, offset INTEGER NOT NULL, answer TEXT NOT NULL) STRICT, WITHOUT ROWID`,
  `CREATE TABLE blobs (hash TEXT PRIMARY KEY, bytes BLOB NOT NULL) STRICT`
)

/**
 * `segments`: runs of old events, each compressed into one blob; `segment_streams`: which streams a segment has events of, and how many. Together the
 * segments cover the offsets from the first one to the last without holes, and rows of `events` at or below their end are copies that are still to be deleted.
 * `streams.forgotten`: the events of this stream up to this offset are delivered as `log.forgotten`; negative
 * when they are erased.
 */
const segments = statements(
  `ALTER TABLE streams ADD COLUMN forgotten INTEGER NOT NULL DEFAULT 0`,
  `CREATE TABLE segments (
     first INTEGER PRIMARY KEY, last INTEGER NOT NULL, codec TEXT NOT NULL, crc INTEGER NOT NULL, bytes BLOB NOT NULL) STRICT`,
  `CREATE TABLE segment_streams (
     stream INTEGER NOT NULL, first INTEGER NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (stream, first)) STRICT, WITHOUT ROWID`,
  `CREATE INDEX streams_to_erase ON streams (id) WHERE forgotten > 0`
)

/** Described by `SqliteBlobs`. Nothing was ever written to the table `blobs` of version 1. `stored`: bytes of the parts. */
const blobs = statements(
  `DROP TABLE blobs`,
  `CREATE TABLE blobs (
     id INTEGER PRIMARY KEY AUTOINCREMENT, hash TEXT UNIQUE, bytes INTEGER NOT NULL, stored INTEGER NOT NULL, media_type TEXT NOT NULL, codec TEXT NOT NULL,
     at INTEGER) STRICT`,
  `CREATE INDEX blobs_by_time ON blobs (at) WHERE at IS NOT NULL`,
  `CREATE TABLE blob_parts (id INTEGER PRIMARY KEY, blob INTEGER NOT NULL, part INTEGER NOT NULL, bytes BLOB NOT NULL) STRICT`,
  `CREATE UNIQUE INDEX blob_parts_by_blob ON blob_parts (blob, part)`,
  `CREATE TABLE blob_refs (stream INTEGER NOT NULL, blob INTEGER NOT NULL, PRIMARY KEY (stream, blob)) STRICT, WITHOUT ROWID`,
  `CREATE INDEX blob_refs_by_blob ON blob_refs (blob)`
)

/** Rows that one statement of `rowValues` reads, and those after which it reports its progress. */
const rowsAtOnce = 64
const rowsPerReport = 10_000

interface OlderRow extends RowValue.Place {
  readonly id: number
  readonly collection: string
  readonly rank: number
  readonly json: string
}

/** Long values become compressed (`RowValue`). The rows are written anew, because a page does not become smaller when its rows do. */
const rowValues: Migration = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* statements(
    // The pages of the older table have the words of threads that are deleted later.
    `PRAGMA secure_delete = ON`,
    `ALTER TABLE rows RENAME TO older_rows`,
    `CREATE TABLE rows (
       id INTEGER PRIMARY KEY, collection TEXT NOT NULL, key TEXT NOT NULL, parent TEXT NOT NULL, rank INTEGER NOT NULL, value ANY NOT NULL) STRICT`
  )
  const [{ count = 0 } = {}] = yield* sql.unsafe<{ readonly count: number }>(`SELECT count(*) AS count FROM older_rows`)
  let done = 0
  for (let after = Number.MIN_SAFE_INTEGER; ;) {
    const rows = yield* sql.unsafe<OlderRow>(
      `SELECT id, collection, key, parent, rank, json FROM older_rows WHERE id > ? ORDER BY id LIMIT ${rowsAtOnce}`,
      [after]
    )
    for (const { collection, id, json, key, parent, rank } of rows)
      yield* sql.unsafe(`INSERT INTO rows (id, collection, key, parent, rank, value) VALUES (?, ?, ?, ?, ?, ?)`, [
        id,
        collection,
        key,
        parent,
        rank,
        RowValue.pack({ key, parent }, json)
      ])
    const last = rows.at(-1)
    if (last === undefined) break
    after = last.id
    const reported = Math.floor(done / rowsPerReport)
    done += rows.length
    if (Math.floor(done / rowsPerReport) > reported) yield* Effect.logInfo(`Migrated ${done} of ${count} rows.`)
  }
  yield* statements(
    `DROP TABLE older_rows`,
    `CREATE UNIQUE INDEX rows_by_key ON rows (collection, key)`,
    `CREATE INDEX rows_by_rank ON rows (collection, rank, key)`,
    `CREATE INDEX rows_by_parent ON rows (collection, parent, rank, key)`
  )
})

/** From this version on, long texts of events and rows are blobs (`SharedText`). Stored texts stay as they are. An earlier program could not read the new texts. */
const sharedTexts: Migration = Effect.void

export const migrations: Migrations = {
  1: ["initial", initial],
  2: ["segments", segments],
  3: ["blobs", blobs],
  4: ["deleted-threads", deletedThreads],
  5: ["row-values", rowValues],
  6: ["shared-texts", sharedTexts]
}

const table = "migrations"
/** The schema version that this program writes. */
export const latest = (known: Migrations = migrations): number => Math.max(...Object.keys(known).map(Number))

/** 0 for a new database. `schema`: an attached database. */
export const currentVersion = (db: Sqlite.Connection, schema = "main"): number => {
  const found = db.prepare(`SELECT 1 FROM ${schema}.sqlite_schema WHERE type = 'table' AND name = ?`).get(table)
  return found === undefined
    ? 0
    : Number(db.prepare(`SELECT coalesce(max(migration_id), 0) FROM ${schema}.${table}`).pluck().get())
}

/** Opens a reader of a log that has the newest schema; a server migrates an older log at its start. Throws StorageFailure. */
export const openCurrent = (file: string): Sqlite.Connection => {
  const db = Sqlite.openReader(file)
  const found = Sqlite.guarded(() => currentVersion(db))
  if (found === latest()) return db
  Sqlite.close(db)
  throw new StorageFailure(
    "io",
    `${file} has schema version ${found}; this program reads version ${latest()}. Start the server once`
  )
}

/** The schema version of a database that a server may use. */
export const versionOf = (file: string) =>
  attempt("open", () => {
    const db = Sqlite.openReader(file)
    try {
      return Sqlite.guarded(() => currentVersion(db))
    } finally {
      Sqlite.close(db)
    }
  })

/** Whether `name` is a copy that a migration left next to the database `file`, complete or not. Both are names without a directory. */
export const isBackupOf = (file: string, name: string): boolean =>
  name.startsWith(`${file}.v`) && /^\.v\d+\.backup(\.partial)?$/.test(name.slice(file.length))

const copyName = (file: string, version: number): string => `${file}.v${version}.backup`

/** Writes `<file>.v<version>.backup`, completely or not at all. Fails with reason `full`, and writes nothing, if there is not enough space. */
const backup = (db: Sqlite.Connection, file: string, version: number, freeBytes: FreeBytes): void => {
  const pragma = (name: string) => Number(db.pragma(name, { simple: true }))
  const needed = (pragma("page_count") - pragma("freelist_count")) * pragma("page_size")
  const free = freeBytes(dirname(file))
  if (free < needed)
    throw new StorageFailure(
      "full",
      `${file} has schema version ${version} and is copied before it is migrated: the copy needs ${needed} bytes in ${dirname(file)}; ${free} are free`
    )
  const target = copyName(file, version)
  rmSync(`${target}.partial`, { force: true })
  db.prepare("VACUUM INTO ?").run(`${target}.partial`)
  renameSync(`${target}.partial`, target)
}

/** The message of the innermost cause. */
const rootMessage = (error: unknown): string =>
  error instanceof Error ? (error.cause === undefined ? error.message : rootMessage(error.cause)) : String(error)

/** Migrates the database to the newest schema that this program knows. `known` and `freeBytes`: for tests. */
export const migrate = (
  file: string,
  synchronous: Sqlite.Synchronous,
  known: Migrations = migrations,
  freeBytes: FreeBytes = ofDisk
) =>
  Effect.gen(function* () {
    const supported = latest(known)
    const found = yield* Effect.acquireUseRelease(
      attempt("open", () => Sqlite.openWriter(file, synchronous)),
      (db) =>
        Effect.gen(function* () {
          const version = yield* Sqlite.attempt("open", () => currentVersion(db))
          yield* AutoVacuum.ensure(db, file, freeBytes)
          if (version === 0 || version >= supported) return version
          yield* Effect.logInfo(
            `${file} is migrated from schema version ${version} to ${supported}, after a copy of it. With a million rows this takes minutes.`
          )
          yield* Sqlite.attempt("open", () => backup(db, file, version, freeBytes))
          yield* Effect.logInfo(`The copy is ${copyName(file, version)}.`)
          return version
        }),
      (db) => Effect.sync(() => Sqlite.close(db))
    )
    if (found > supported) return yield* new SchemaNewer({ file, found, supported })
    if (found === supported) return
    const loader = Migrator.fromRecord(
      Object.fromEntries(Object.entries(known).map(([id, [name, migration]]) => [`${id}_${name}`, migration]))
    )
    yield* Effect.gen(function* () {
      const client = yield* SqliteClient.make({ filename: file })
      yield* Migrator.make({})({ loader, table }).pipe(Effect.provideService(SqlClient.SqlClient, client))
    }).pipe(
      Effect.scoped,
      Effect.provide(Reactivity.layer),
      // The migrator dies if a migration fails; here that is a typed error.
      Effect.sandbox,
      Effect.mapError(
        (cause) => new MigrationFailed({ file, from: found, to: supported, reason: rootMessage(Cause.squash(cause)) })
      )
    )
  })
