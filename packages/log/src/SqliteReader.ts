/** Reads, on a separate read-only connection. Each view is one read transaction (D4). */
import type { Page, ReadOptions, StoredEvent, StoredReceipt } from "./EventLog.ts"
import { corrupt, eventOf, type EventRow } from "./EventRow.ts"
import type { Position, RowPage } from "./Query.ts"
import * as RowPages from "./RowPages.ts"
import * as RowValue from "./RowValue.ts"
import * as Segment from "./Segment.ts"
import * as SharedText from "./SharedText.ts"
import { SegmentReader } from "./SegmentReader.ts"
import * as Sqlite from "./Sqlite.ts"
import { SqliteBlobReader } from "./SqliteBlobs.ts"
import { StorageFailure, type StorageView } from "./Storage.ts"

const columns = "e.offset, s.name, e.type, e.json, json_valid(e.json), e.offset <= s.forgotten, e.version"
const from = "FROM events e LEFT JOIN streams s ON s.id = e.stream"

/** The most rows of one query. One large query is faster than many small ones, but reads rows beyond the page's byte budget in vain. */
const maxRows = 128
/** Rows of the first query, which measures how large the events are. Few, because large rows beyond the page's byte budget are discarded. */
const firstRows = 4

/**
 * A read opens no further segment when those that it opened have this many bytes of content, of any stream. A read of one stream may reach it before its
 * page is full, and then ends early.
 */
const maxScannedBytes = 2 * Segment.maxBytes
/** To find and open a segment costs as much as this many bytes of its content. */
const leastScannedBytes = 4 * 1024

/** A row of the table `rows`. */
export interface PackedRow extends RowValue.Place {
  readonly rank: number
  readonly value: RowValue.Stored
}

/** Throws StorageFailure with reason `corrupt`. */
export const openedRow = ({ key, parent, rank, value }: PackedRow, expand: SharedText.Expand): RowPages.StoredRow => {
  const json = expand(RowValue.open({ key, parent }, value))
  if (json === undefined)
    throw new StorageFailure("corrupt", `The value of the row ${key} is damaged: a text of it cannot be read`)
  return { key, parent, rank, json }
}

function* openedRows(rows: Iterable<PackedRow>, expand: SharedText.Expand, values?: false): Generator<RowPages.StoredRow> {
  for (const row of rows) yield values === false ? { ...row, json: "" } : openedRow(row, expand)
}

export class SqliteReader {
  readonly #db: Sqlite.Connection
  readonly #begin: Sqlite.Statement
  readonly #end: Sqlite.Statement
  readonly #position: Sqlite.Statement
  readonly #one: Sqlite.Statement
  readonly #after: Sqlite.Statement
  readonly #ofStream: Sqlite.Statement
  readonly #offsetsOfStream: Sqlite.Statement
  readonly #receipts: Sqlite.Statement
  readonly blobs: SqliteBlobReader
  readonly #row: Sqlite.Statement
  readonly #rank: Sqlite.Statement
  readonly #count: Sqlite.Statement
  readonly #countOf: Sqlite.Statement
  readonly #segments: SegmentReader
  readonly #expand: SharedText.Expand
  readonly #rows: ReadonlyMap<string, Sqlite.Statement>

  constructor(db: Sqlite.Connection) {
    this.#db = db
    this.#begin = db.prepare("BEGIN")
    // Nothing was written, and a COMMIT would report the error of a damaged page a second time.
    this.#end = db.prepare("ROLLBACK")
    this.#position = db
      .prepare(
        `SELECT coalesce((SELECT max(offset) FROM events), 0),
                coalesce((SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'retainedFrom'), 0),
                coalesce((SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'generation'), 0),
                coalesce((SELECT last FROM segments ORDER BY first DESC LIMIT 1), 0)`
      )
      .raw()
    this.#one = db.prepare(`SELECT ${columns} ${from} WHERE e.offset = ?`).raw()
    this.#after = db.prepare(`SELECT ${columns} ${from} WHERE e.offset > ? ORDER BY e.offset LIMIT ?`).raw()
    const stream = "e.stream = (SELECT id FROM streams WHERE name = ?) AND e.offset > ? ORDER BY e.offset LIMIT ?"
    this.#ofStream = db.prepare(`SELECT ${columns} ${from} WHERE ${stream}`).raw()
    this.#offsetsOfStream = db.prepare(`SELECT e.offset FROM events e WHERE ${stream}`).pluck()
    this.#receipts = db.prepare(
      "SELECT command, digest, offset, answer FROM receipts WHERE command IN (SELECT value FROM json_each(?))"
    )
    const blobs = (this.blobs = new SqliteBlobReader(db))
    this.#expand = SharedText.expand((hash) => blobs.text(hash))
    this.#segments = new SegmentReader(db, this.#expand)
    this.#row = db.prepare("SELECT key, parent, rank, value FROM rows WHERE collection = ? AND key = ?")
    this.#rank = db.prepare("SELECT rank FROM rows WHERE collection = ? AND key = ?").pluck()
    const count = "SELECT count(*) FROM rows WHERE collection = ?"
    this.#count = db.prepare(count).pluck()
    this.#countOf = db.prepare(`${count} AND parent = ?`).pluck()
    const rows = (parent: boolean, direction: "ASC" | "DESC") =>
      db.prepare(
        `SELECT key, parent, rank, value FROM rows WHERE collection = ? ${parent ? "AND parent = ?" : ""} AND rank >= ? AND rank < ?
         ORDER BY rank ${direction}, key ${direction}`
      )
    this.#rows = new Map([
      ["all newest", rows(false, "DESC")],
      ["all oldest", rows(false, "ASC")],
      ["parent newest", rows(true, "DESC")],
      ["parent oldest", rows(true, "ASC")]
    ])
  }

  view<A>(read: (view: StorageView) => A): A {
    return Sqlite.guarded(() => {
      this.#begin.run()
      try {
        const [last, retainedFrom, generation, coldUpTo] = this.#position.get() as [number, number, number, number]
        const head = Math.max(last, retainedFrom, coldUpTo)
        return read({
          head,
          retainedFrom,
          generation,
          row: (collection, key) => {
            const row = this.#row.get(collection, key) as PackedRow | undefined
            return row === undefined ? undefined : RowPages.decode(openedRow(row, this.#expand))
          },
          rankOf: ({ collection, key }) => this.#rank.get(collection, key) as number | undefined,
          rows: (scan) => this.#readRows(scan),
          count: (collection, parent) =>
            (parent === undefined ? this.#count.get(collection) : this.#countOf.get(collection, parent)) as number,
          events: (options) => this.#readEvents(options, { head, retainedFrom, generation, coldUpTo })
        })
      } finally {
        this.blobs.release()
        if (this.#db.inTransaction) this.#end.run()
      }
    })
  }

  #readRows(scan: RowPages.RowScan): RowPage {
    const { before, collection, order, parent, since } = scan
    const statement = this.#rows.get(`${parent === undefined ? "all" : "parent"} ${order ?? "newest"}`)!
    const found =
      parent === undefined ? statement.iterate(collection, since, before) : statement.iterate(collection, parent, since, before)
    return RowPages.pageOf(openedRows(found as Iterable<PackedRow>, this.#expand, scan.values), scan)
  }

  /** Events up to `coldUpTo` are in segments, later events in the table. Rows of the table at or below it are copies. */
  #readEvents(options: ReadOptions, position: Position & { readonly generation: number; readonly coldUpTo: number }): Page {
    const { coldUpTo, generation, head, retainedFrom } = position
    const limit = options.limit ?? 1_000
    const maxBytes = options.maxBytes ?? 1024 * 1024
    const { after, stream } = options
    const events: Array<StoredEvent> = []
    let bytes = 0
    let full = limit <= 0
    /** Everything up to here was read. */
    let reached = Math.max(after, retainedFrom)
    const page = (upTo: number): Page => ({ after, upTo, head, events, generation })
    const take = (event: StoredEvent): boolean => {
      const size = Buffer.byteLength(event.json)
      full = events.length >= limit || (events.length > 0 && bytes + size > maxBytes)
      if (full) return false
      bytes += size
      events.push(event)
      reached = event.offset
      return true
    }
    /** Offsets have no holes: a missing event is delivered as `log.corrupt`, not skipped. */
    const fillTo = (next: number): boolean => {
      if (stream !== undefined) return true
      for (let offset = reached + 1; offset < next; offset++) if (!take(this.#readOne(offset))) return false
      return true
    }
    const isCold = () => !full && reached < coldUpTo
    for (let scanned = 0; isCold();) {
      if (scanned >= maxScannedBytes) return page(reached)
      const part = this.#segments.next(reached, stream)
      if (fillTo(part?.first ?? coldUpTo + 1)) for (const event of part?.events ?? []) if (!take(event)) break
      if (!full) reached = part?.last ?? coldUpTo
      if (part !== undefined) scanned += Math.max(leastScannedBytes, part.bytes)
    }
    const ask = (from: number, count: number) =>
      (stream === undefined ? this.#after.all(from, count) : this.#ofStream.all(stream, from, count)) as Array<EventRow>
    if (!full) {
      try {
        for (let more = true, count = firstRows; more;) {
          count = Math.min(count, limit + 1 - events.length)
          const rows = ask(reached, count)
          for (const row of rows) if (!fillTo(row[0]) || !take(eventOf(row, this.#expand))) break
          more = !full && rows.length === count
          // Reads as many rows as the remaining bytes can hold, at the average size so far.
          count = Math.min(maxRows, Math.ceil(((maxBytes - bytes) * events.length) / bytes) + 1)
        }
      } catch (cause) {
        const failure = Sqlite.asFailure(cause)
        if (!(failure instanceof StorageFailure) || failure.reason !== "corrupt") throw cause
        // A page of the file is damaged: read the events one by one, so that only those on this page are lost.
        if (stream !== undefined)
          for (const offset of this.#offsetsOfStream.all(stream, reached, limit + 1) as Array<number>)
            if (!take(this.#readOne(offset))) break
      }
      if (!full) fillTo(head + 1)
    }
    return page(full ? (events.at(-1)?.offset ?? after) : Math.max(head, after))
  }

  #readOne(offset: number): StoredEvent {
    try {
      const row = this.#one.get(offset) as EventRow | undefined
      return row === undefined ? corrupt(offset, "it is missing") : eventOf(row, this.#expand)
    } catch (cause) {
      const failure = Sqlite.asFailure(cause)
      if (failure instanceof StorageFailure && failure.reason === "corrupt") return corrupt(offset, failure.message)
      throw cause
    }
  }

  receipts(commandIds: ReadonlyArray<string>): ReadonlyMap<string, StoredReceipt> {
    const found = Sqlite.guarded(() => this.#receipts.all(JSON.stringify(commandIds))) as Array<{
      readonly command: string
      readonly digest: string
      readonly offset: number
      readonly answer: string
    }>
    return new Map(
      found.map((row) => [
        row.command,
        { commandId: row.command, digest: row.digest, offset: row.offset, answer: JSON.parse(row.answer) as unknown }
      ])
    )
  }
}
