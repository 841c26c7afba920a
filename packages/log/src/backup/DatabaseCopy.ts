/**
 * Copies the log's database without its large values, in one read transaction; the large values are read in the same transaction. Everything runs in
 * the process of the backup: a server that owns the log never waits for it (WAL).
 */
import * as Sqlite from "../Sqlite.ts"
import { currentVersion } from "../Migrations.ts"
import { SqliteReader } from "../SqliteReader.ts"
import type { Part } from "./Manifest.ts"

/** The tables with a column `bytes` that is stored as a separate object: immutable, so that the next backup need not copy it again. */
const large = [
  { table: "segments", key: "first", stamp: "last || '-' || crc || '-' || length(bytes)" },
  {
    table: "blob_parts",
    key: "id",
    // An upload has no hash before its end.
    stamp:
      "(SELECT coalesce(b.hash, 'upload ' || b.at) FROM source.blobs b WHERE b.id = blob_parts.blob) || '-' || part || '-' || length(bytes)"
  }
] as const

interface Named {
  readonly name: string
}

/** A large value as it is named in the manifest, before it is stored. */
export type Key = Omit<Part, "object">

const text = (name: string) => `"${name.replaceAll('"', '""')}"`

export class DatabaseCopy {
  readonly #db: Sqlite.Connection

  /** Opens the source and begins the read transaction. `target` must not exist. */
  constructor(file: string, target: string) {
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

  /** The large values of the snapshot. */
  keys(): ReadonlyArray<Key> {
    return this.#large().flatMap(({ key, stamp, table }) =>
      (
        this.#db
          .prepare(`SELECT ${key} AS key, CAST(${stamp} AS TEXT) AS stamp, length(bytes) AS bytes FROM source.${table}`)
          .all() as ReadonlyArray<Omit<Key, "table">>
      ).map(({ bytes, key, stamp }) => ({ table, key, stamp, bytes }))
    )
  }

  #large() {
    const exists = this.#db.prepare("SELECT 1 FROM source.sqlite_schema WHERE name = ?")
    return large.filter(({ table }) => exists.get(table) !== undefined)
  }

  value({ key, table }: Key): Uint8Array {
    const column = large.find((one) => one.table === table)!.key
    return this.#db.prepare(`SELECT bytes FROM source.${table} WHERE ${column} = ?`).pluck().get(key) as Uint8Array
  }

  /** Ends the transaction. Moves the WAL, which grew meanwhile, into the database, so that the server's next commit need not do it. */
  finish(): void {
    this.#db.exec("COMMIT")
    this.#db.pragma("source.wal_checkpoint(PASSIVE)")
  }

  /** Schema version, epoch, head and retention of the copy. After `finish`. */
  position() {
    const { head, retainedFrom } = new SqliteReader(this.#db).view(({ head, retainedFrom }) => ({ head, retainedFrom }))
    const logEpoch = String(this.#db.prepare("SELECT value FROM main.meta WHERE key = 'epoch'").pluck().get() ?? "")
    return { schema: currentVersion(this.#db), logEpoch, head, retainedFrom }
  }

  close(): void {
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
