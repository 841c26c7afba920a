/**
 * Copies the log's database without its large values, in one read transaction; the large values are read in the same transaction. Everything runs in
 * the process of the backup: a server that owns the log never waits for it (WAL).
 */
import * as Sqlite from "../Sqlite.ts"
import { currentVersion } from "../Migrations.ts"
import type { BlobHead } from "../Blob.ts"
import type { Marked } from "../Marked.ts"
import type * as Segment from "../Segment.ts"
import { SqliteReader } from "../SqliteReader.ts"
import type { Part } from "./Manifest.ts"
import * as Stamp from "./Stamp.ts"

/** The tables with a column `bytes` that is stored as a separate object: immutable, so that the next backup need not copy it again. */
const large = [
  { table: "segments", key: "first" },
  { table: "blob_parts", key: "id" }
] as const

interface Named {
  readonly name: string
}

/** A large value as it is named in the manifest, before it is stored. */
export type Key = Omit<Part, "object" | "damaged">

/** A blob and the keys of its parts, in order. */
export interface CopiedBlob extends Omit<BlobHead, "mediaType"> {
  readonly parts: ReadonlyArray<number>
}

const text = (name: string) => `"${name.replaceAll('"', '""')}"`

const keysOf = (db: Sqlite.Connection, tables: ReadonlyArray<(typeof large)[number]>): ReadonlyArray<Key> =>
  tables.flatMap(({ key, table }) =>
    (
      db
        .prepare(`SELECT ${key} AS key, CAST(${Stamp.sql[table]} AS TEXT) AS stamp, length(bytes) AS bytes FROM ${table}`)
        .all() as ReadonlyArray<Omit<Key, "table">>
    ).map(({ bytes, key, stamp }) => ({ table, key, stamp, bytes }))
  )

export class DatabaseCopy {
  readonly #db: Sqlite.Connection
  readonly #file: string
  /**
   * Reads the large values, in a separate transaction: after an error of a damaged page SQLite would not commit the copy. Its state is that of the copy, as
   * far as large values go.
   */
  #values: Sqlite.Connection | undefined

  /** Opens the source and begins the read transaction. `target` must not exist. */
  constructor(file: string, target: string) {
    this.#file = file
    this.#db = Sqlite.openCopy(file, target)
    this.#db.exec("BEGIN")
  }

  /** Bytes of the source's pages in use. Begins the snapshot. */
  size(): number {
    const pragma = (name: string) => Number(this.#db.pragma(`source.${name}`, { simple: true }))
    this.#db.prepare("SELECT count(*) FROM source.sqlite_schema").get()
    return (pragma("page_count") - pragma("freelist_count")) * pragma("page_size")
  }

  /** Schema version and epoch of the source, and whether it still has words of a deleted thread. */
  source() {
    const meta = this.#db.prepare("SELECT value FROM source.meta WHERE key = 'epoch'").pluck()
    const schema = currentVersion(this.#db, "source")
    const isErasing = schema >= 2 && this.#db.prepare("SELECT 1 FROM source.streams WHERE forgotten > 0").get() !== undefined
    return { schema, logEpoch: String(meta.get() ?? ""), isErasing }
  }

  /** Copies tables, rows and indexes. */
  copy(): void {
    const made = (type: string) =>
      this.#db
        .prepare(`SELECT name, sql FROM source.sqlite_schema WHERE type ${type} AND sql IS NOT NULL AND name NOT LIKE 'sqlite_%'`)
        .all() as ReadonlyArray<Named & { readonly sql: string }>
    const tables = made("= 'table'")
    for (const { sql } of tables) this.#db.exec(sql)
    for (const { name } of tables) {
      const isLarge = large.some(({ table }) => table === name)
      const columns = (this.#db.prepare(`SELECT name FROM pragma_table_info(?, 'source')`).all(name) as ReadonlyArray<Named>).map(
        (column) => column.name
      )
      const values = columns.map((column) => (isLarge && column === "bytes" ? "x''" : text(column)))
      this.#db.exec(
        `INSERT INTO main.${text(name)} (${columns.map(text).join(", ")}) SELECT ${values.join(", ")} FROM source.${text(name)}`
      )
    }
    for (const { sql } of made("<> 'table'")) this.#db.exec(sql)
    // The counters of AUTOINCREMENT, which the inserts have set to the greatest id that still exists.
    if (this.#db.prepare("SELECT 1 FROM source.sqlite_schema WHERE name = 'sqlite_sequence'").get() !== undefined)
      this.#db.exec("DELETE FROM main.sqlite_sequence; INSERT INTO main.sqlite_sequence SELECT * FROM source.sqlite_sequence")
  }

  /**
   * The large values of the snapshot. Before `copy`, which creates tables of the same names. Undefined: a server that packs or erases changed them between
   * the two transactions. They then differ until it has done the opposite, so a new copy is needed.
   */
  keys(): ReadonlyArray<Key> | undefined {
    const tables = this.#large()
    const keys = keysOf(this.#db, tables)
    const values = (this.#values = Sqlite.openReader(this.#file))
    values.exec("BEGIN")
    if (JSON.stringify(keysOf(values, tables)) === JSON.stringify(keys)) return keys
    this.#endValues()
    return undefined
  }

  #endValues(): void {
    if (this.#values !== undefined) Sqlite.close(this.#values)
    this.#values = undefined
  }

  #large() {
    const exists = this.#db.prepare("SELECT 1 FROM source.sqlite_schema WHERE name = ?")
    return large.filter(({ table }) => exists.get(table) !== undefined)
  }

  value({ key, table }: Key): Uint8Array {
    const column = large.find((one) => one.table === table)!.key
    return this.#values!.prepare(`SELECT bytes FROM ${table} WHERE ${column} = ?`).pluck().get(key) as Uint8Array
  }

  /** The segment that begins at this offset, without its content. */
  segment(first: number): Omit<Segment.Stored, "bytes"> {
    const found = this.#db.prepare("SELECT first, last, codec, crc FROM source.segments WHERE first = ?").get(first)
    return found as Omit<Segment.Stored, "bytes">
  }

  /** Writes the checksum of another content into the copy. */
  setChecksum(first: number, crc: number): void {
    this.#db.prepare("UPDATE main.segments SET crc = ? WHERE first = ?").run(crc, first)
  }

  /** The complete blobs. */
  blobs(): Iterable<CopiedBlob> {
    if (!this.#large().some(({ table }) => table === "blob_parts")) return []
    const parts = this.#db.prepare("SELECT id FROM source.blob_parts WHERE blob = ? ORDER BY part").pluck()
    const blobs = this.#db.prepare("SELECT id, hash, bytes, codec FROM source.blobs WHERE hash IS NOT NULL")
    const heads = blobs.all() as ReadonlyArray<Omit<CopiedBlob, "parts"> & { readonly id: number }>
    return heads.map(({ bytes, codec, hash, id }) => ({ bytes, codec, hash, parts: parts.all(id) as ReadonlyArray<number> }))
  }

  /** The streams with forgotten events, by id. */
  forgotten(): ReadonlyMap<number, Marked> {
    const found = this.#db.prepare("SELECT id, name, abs(forgotten) AS forgotten FROM source.streams WHERE forgotten <> 0")
    return new Map((found.all() as ReadonlyArray<Marked>).map((marked) => [marked.id, marked]))
  }

  /** Ends the transaction. Moves the WAL, which grew meanwhile, into the database, so that the server's next commit need not do it. */
  finish(): void {
    this.#db.exec("COMMIT")
    this.#endValues()
    this.#db.pragma("source.wal_checkpoint(PASSIVE)")
  }

  /** Schema version, epoch, head and retention of the copy. After `finish`. */
  position() {
    const { head, retainedFrom } = new SqliteReader(this.#db).view(({ head, retainedFrom }) => ({ head, retainedFrom }))
    const logEpoch = String(this.#db.prepare("SELECT value FROM main.meta WHERE key = 'epoch'").pluck().get() ?? "")
    return { schema: currentVersion(this.#db), logEpoch, head, retainedFrom }
  }

  close(): void {
    this.#endValues()
    Sqlite.close(this.#db)
  }
}

/** Puts large values back into a copied database: the inverse of `copy`. `read`: the content of a part. */
export const fill = (db: Sqlite.Connection, parts: Iterable<Part>, read: (part: Part) => Uint8Array): void => {
  const update = new Map(
    large.map(({ key, table }) => [table, () => db.prepare(`UPDATE ${table} SET bytes = ? WHERE ${key} = ?`)] as const)
  )
  db.exec("BEGIN")
  for (const part of parts) update.get(part.table)!().run(read(part), part.key)
  db.exec("COMMIT")
}
