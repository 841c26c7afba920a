/** Appends on the writer's connection, in one transaction and with one statement per kind of row, however large the batch is (L1, L10). */
import type { Batch, Placed } from "./Batch.ts"
import * as RowValue from "./RowValue.ts"
import * as Segment from "./Segment.ts"
import * as SharedText from "./SharedText.ts"
import * as Sqlite from "./Sqlite.ts"
import { SqliteBlobReader, SqliteBlobs } from "./SqliteBlobs.ts"
import type { Step, StepHook } from "./Storage.ts"

type Kind = "streams" | "events" | "children" | "rows" | "deletes" | "receipts"
type Values = ReadonlyArray<ReadonlyArray<unknown>>

/**
 * SQL that reads a list of rows from JavaScript as the table `name`. SQLite calls the function `cell` for each value, so no value is encoded; the
 * statement's only parameter is the number of rows.
 */
const tableOf = (name: string, ...columns: ReadonlyArray<string>) =>
  `WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?),
   ${name} AS (SELECT ${columns.map((column, at) => `cell(i, ${at}) AS ${column}`).join(", ")} FROM n)`

const prepare = (db: Sqlite.Connection) => ({
  begin: db.prepare("BEGIN IMMEDIATE"),
  commit: db.prepare("COMMIT"),
  rollback: db.prepare("ROLLBACK"),
  head: db
    .prepare(
      `SELECT max(coalesce((SELECT max(offset) FROM events), 0),
                  coalesce((SELECT last FROM segments ORDER BY first DESC LIMIT 1), 0),
                  coalesce((SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'retainedFrom'), 0))`
    )
    .pluck(),
  known: db.prepare("SELECT id, name, version FROM streams WHERE name IN (SELECT value FROM json_each(?))"),
  streams: db.prepare(
    `${tableOf("new_streams", "id", "name", "version")}
     INSERT INTO streams (id, name, version) SELECT id, name, version FROM new_streams WHERE true
     ON CONFLICT (id) DO UPDATE SET version = excluded.version`
  ),
  events: db.prepare(
    `${tableOf("new_events", "offset", "stream", "version", "type", "json")}
     INSERT INTO events (offset, stream, version, type, json) SELECT offset, stream, version, type, json FROM new_events`
  ),
  children: db.prepare(
    `${tableOf("old_parents", "collection", "parent")}
     DELETE FROM rows WHERE (collection, parent) IN (SELECT collection, parent FROM old_parents)`
  ),
  rows: db.prepare(
    `${tableOf("new_rows", "collection", "key", "parent", "rank", "keep", "value")}
     INSERT INTO rows (collection, key, parent, rank, value)
     SELECT n.collection, n.key, n.parent,
            CASE WHEN n.keep THEN coalesce((SELECT r.rank FROM rows r WHERE r.collection = n.collection AND r.key = n.key), n.rank) ELSE n.rank END,
            n.value
     FROM new_rows n WHERE true
     ON CONFLICT (collection, key) DO UPDATE SET parent = excluded.parent, rank = excluded.rank, value = excluded.value`
  ),
  deletes: db.prepare(
    `${tableOf("old_rows", "collection", "key")} DELETE FROM rows WHERE (collection, key) IN (SELECT collection, key FROM old_rows)`
  ),
  receipts: db.prepare(
    `${tableOf("new_receipts", "command", "digest", "offset", "answer")}
     INSERT INTO receipts (command, digest, offset, answer) SELECT command, digest, offset, answer FROM new_receipts`
  ),
  event: db.prepare("SELECT json FROM events WHERE offset = ?").pluck(),
  receipt: db.prepare("SELECT digest FROM receipts WHERE command = ?").pluck(),
  retain: db.prepare(
    "INSERT INTO meta (key, value) VALUES ('retainedFrom', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
  ),
  forgetStream: db.prepare("UPDATE streams SET forgotten = ? WHERE name = ?"),
  raiseGeneration: db.prepare(
    `INSERT INTO meta (key, value) VALUES ('generation', '1')
     ON CONFLICT (key) DO UPDATE SET value = CAST(CAST(value AS INTEGER) + 1 AS TEXT)`
  ),
  epoch: db.prepare("SELECT value FROM meta WHERE key = 'epoch'").pluck(),
  setEpoch: db.prepare(
    "INSERT INTO meta (key, value) VALUES ('epoch', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
  ),
  anchored: db.prepare("SELECT 1 FROM meta WHERE key = 'anchored'").pluck(),
  setAnchored: db.prepare("INSERT INTO meta (key, value) VALUES ('anchored', '1') ON CONFLICT (key) DO NOTHING"),
  deleteRows: db.prepare("DELETE FROM events WHERE offset <= ?"),
  segments: db.prepare("SELECT first, last, codec, crc, bytes FROM segments WHERE first <= ? AND last <= ? ORDER BY first"),
  addSegment: db.prepare("INSERT INTO segments (first, last, codec, crc, bytes) VALUES (?, ?, ?, ?, ?)"),
  addSegmentStream: db.prepare("INSERT INTO segment_streams (stream, first, count) VALUES (?, ?, ?)"),
  deleteSegment: db.prepare("DELETE FROM segments WHERE first = ?"),
  deleteSegmentStream: db.prepare("DELETE FROM segment_streams WHERE stream = ? AND first = ?"),
  // Reads the whole index of streams.
  deleteSegmentStreams: db.prepare("DELETE FROM segment_streams WHERE first = ?"),
  checkpoint: db.prepare("PRAGMA wal_checkpoint(PASSIVE)")
})

/** A connection with its statements. If a rollback fails, the next use opens a new connection. */
const session = (db: Sqlite.Connection) => {
  let rows: Values = []
  db.function("cell", (row: number, column: number) => rows[row]?.[column])
  const sql = prepare(db)
  const nextStream = Number(db.prepare("SELECT coalesce(max(id), 0) + 1 FROM streams").pluck().get())
  const run = (kind: Kind, values: Values) => {
    rows = values
    try {
      sql[kind].run(values.length)
    } finally {
      rows = []
    }
  }
  const synchronous = Number(db.pragma("synchronous", { simple: true }))
  return { db, sql, run, nextStream, synchronous, blobs: new SqliteBlobs(db) }
}
export type Session = ReturnType<typeof session>

interface KnownStream {
  readonly id: number
  readonly name: string
  readonly version: number
}

export class SqliteWriter {
  #session: Session | undefined
  readonly #open: () => Sqlite.Connection
  readonly #onStep: StepHook
  readonly #hashes = new SharedText.Hashes()
  statements = 0
  /** Appends so far. */
  appends = 0
  /** Whether a scrubber empties the WAL in slices, and reads there which pages changed. */
  isScrubbed = false

  constructor(open: () => Sqlite.Connection, onStep: StepHook = () => {}) {
    this.#open = open
    this.#onStep = onStep
    this.#use()
  }

  #use(): Session {
    if (this.#session === undefined) {
      const db = this.#open()
      try {
        this.#session = Sqlite.guarded(() => session(db))
      } catch (cause) {
        Sqlite.close(db)
        throw cause
      }
    }
    return this.#session
  }

  /** The epoch is chosen when the log is created, and stays with the file until `rewind`. */
  epoch(fresh: string): string {
    return Sqlite.guarded(() => {
      const { epoch, setEpoch } = this.#use().sql
      const known = epoch.get()
      if (known !== undefined) return String(known)
      setEpoch.run(fresh)
      return fresh
    })
  }

  /** Sets a new epoch and appends the event with the reason, in one transaction (L12). */
  rewind(epoch: string, batch: Batch): Placed {
    return this.#transaction((current) => {
      current.sql.setEpoch.run(epoch)
      return this.#write(current, batch)
    }, isWritten)
  }

  /** Whether this database had an anchor before. */
  isAnchored(): boolean {
    return Sqlite.guarded(() => this.#use().sql.anchored.get() !== undefined)
  }

  /** After this call, a start without the anchor counts as lost history. */
  setAnchored(): void {
    Sqlite.guarded(() => this.#use().sql.setAnchored.run())
  }

  /** A start without the anchor is no loss: the log was restored from a backup, which has none. */
  clearAnchored(): void {
    Sqlite.guarded(() => this.#use().db.exec("DELETE FROM meta WHERE key = 'anchored'"))
  }

  close(): void {
    if (this.#session !== undefined) Sqlite.close(this.#session.db)
  }

  /** Throws StorageFailure, or a defect; either way nothing is written. */
  commit(batch: Batch): Placed {
    this.appends++
    return this.#transaction((current) => this.#write(current, batch), isWritten)
  }

  /** Runs one step on the tables of blobs, in its own transaction. */
  blobs<A>(step: (blobs: SqliteBlobs) => A): A {
    return this.#transaction(
      ({ blobs }) => step(blobs),
      () => false
    )
  }

  /** Whole segments go; the part of one that lies across the offset stays in the file, and no reader gets it. */
  trim(upTo: number): void {
    this.maintain(({ sql }) => {
      sql.retain.run(String(upTo))
      sql.deleteRows.run(upTo)
      for (const stored of sql.segments.all(upTo, upTo) as Array<Segment.Stored>) {
        const segment = Segment.open(stored)
        if (segment instanceof Segment.Damaged) sql.deleteSegmentStreams.run(stored.first)
        else for (const stream of segment.streams.keys()) sql.deleteSegmentStream.run(stream, stored.first)
        sql.deleteSegment.run(stored.first)
      }
      this.step("trim")
    })
  }

  /**
   * Runs maintenance in one transaction, without waiting until it is on the disk: power loss may undo it, but only together with everything after it, and
   * each step of maintenance is repeated until it is done. If the outcome is unknown, it counts as not done.
   */
  maintain<A>(write: (current: Session) => A): A {
    return Sqlite.guarded(() => {
      const { db, synchronous } = this.#use()
      db.exec("PRAGMA synchronous = NORMAL")
      try {
        return this.#transaction(write, () => false)
      } finally {
        if (db.open) db.exec(`PRAGMA synchronous = ${synchronous}`)
      }
    })
  }

  /** Copies committed pages from the WAL to the file, so that no append has to copy many at once. */
  checkpoint(): void {
    if (this.isScrubbed) return
    Sqlite.guarded(() => this.#use().sql.checkpoint.all())
  }

  /** Fail points of the maintenance. */
  step(step: Step): void {
    this.#onStep(step)
  }

  get connection(): Sqlite.Connection {
    return this.#use().db
  }

  #transaction<A>(write: (current: Session) => A, isCommitted: (current: Session, written: A) => boolean): A {
    const current = this.#use()
    let written: { readonly value: A } | undefined
    try {
      this.#onStep("begin")
      this.statements++
      current.sql.begin.run()
      const value = write(current)
      written = { value }
      this.#onStep("commit")
      this.statements++
      current.sql.commit.run()
      this.#onStep("committed")
      return value
    } catch (cause) {
      this.#rollback(current)
      // After a failed COMMIT the outcome is unknown. The table has it (L9).
      if (written !== undefined && Sqlite.guarded(() => isCommitted(this.#use(), written!.value))) return written.value
      throw Sqlite.asFailure(cause)
    }
  }

  /** If the rollback fails, closes the connection and with it the transaction. */
  #rollback(current: Session): void {
    try {
      if (!current.db.inTransaction) return
      this.#onStep("rollback")
      this.statements++
      current.sql.rollback.run()
    } catch {
      this.#session = undefined
      Sqlite.close(current.db)
    }
  }

  #write(current: Session, batch: Batch): Placed {
    this.statements += 2
    this.#onStep("streams")
    const head = Number(current.sql.head.get())
    const known = new Map(
      (current.sql.known.all(JSON.stringify(batch.streams)) as Array<KnownStream>).map((row) => [row.name, row] as const)
    )
    const placed = batch.place(head, (stream) => known.get(stream)?.version ?? 0)
    const ids = new Map(batch.streams.map((name) => [name, known.get(name)?.id ?? current.nextStream++] as const))
    const run = (kind: Kind, values: Values) => {
      if (values.length === 0) return
      if (kind !== "streams") this.#onStep(kind)
      this.statements++
      current.run(kind, values)
    }
    run(
      "streams",
      Array.from(placed.versions, ([name, version]) => [ids.get(name), name, version])
    )
    const shared = new SharedText.SharedTexts((hash) => current.blobs.isIntact(hash), this.#hashes)
    // A stream that is forgotten here refers to no blob any more.
    const stored = (stream: string | undefined, json: string) =>
      stream === undefined || placed.forgotten.has(stream) ? json : shared.take(stream, json)
    const events = placed.events.map((event) => [
      event.offset,
      ids.get(event.stream),
      event.version,
      event.type,
      stored(event.stream, event.json)
    ])
    const puts = placed.puts.map((put) => [
      put.collection,
      put.key,
      put.parent,
      put.rank,
      put.keep ? 1 : 0,
      RowValue.pack(put, stored(put.stream, put.json))
    ])
    const references = [...batch.references, ...shared.references]
    if (batch.blobs.length + references.length > 0) {
      this.#onStep("blobs")
      this.statements++
      // If two blobs have one hash, the first is stored, because the batch's own may be uncompressed.
      current.blobs.store(shared.blobs)
      current.blobs.write(batch.blobs, references)
    }
    run("events", events)
    for (const [stream, upTo] of placed.forgotten) {
      current.sql.forgetStream.run(upTo, stream)
      current.blobs.forget(stream)
    }
    if (placed.forgotten.size > 0) current.sql.raiseGeneration.run()
    run(
      "children",
      placed.childDeletes.map((row) => [row.collection, row.parent])
    )
    run("rows", puts)
    run(
      "deletes",
      placed.deletes.map((row) => [row.collection, row.key])
    )
    run(
      "receipts",
      placed.receipts.map((receipt) => [receipt.commandId, receipt.digest, receipt.offset, receipt.answer])
    )
    return placed
  }
}

/** Whether the database holds this batch. */
const isWritten = ({ db, sql }: Session, placed: Placed): boolean => {
  const last = placed.events.at(-1)
  if (last !== undefined) {
    const found = sql.event.get(last.offset)
    const texts = new SqliteBlobReader(db)
    return typeof found === "string" && SharedText.expand((hash) => texts.text(hash))(found) === last.json
  }
  const receipt = placed.receipts.at(-1)
  // A batch of rows only: writing the rows again changes nothing, so `false` is a safe answer.
  return receipt !== undefined && sql.receipt.get(receipt.commandId) === receipt.digest
}
