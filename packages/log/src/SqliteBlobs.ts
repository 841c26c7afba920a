/**
 * The tables of blobs. The writer's statements run inside the caller's transaction.
 *
 * A blob with a hash can be found. `at` is the time of the upload while no event refers to the blob, and NULL from the first reference on. A blob without a
 * hash is being uploaded, or is deleted part by part (`at` = -1).
 */
import { createHash } from "node:crypto"
import { inflateRawSync } from "node:zlib"
import { type Blob, type BlobHead, type BlobReference, partBytes } from "./Blob.ts"
import { BlobMissing } from "./EventLog.ts"
import * as Sqlite from "./Sqlite.ts"
import { type Finish, type FoundBlob, StorageFailure } from "./Storage.ts"

/** Number of blobs that are remembered as intact and not examined again. */
const maxIntact = 1_000

interface Known {
  readonly id: number
  readonly at: number | null
  readonly mediaType: string
}

export class SqliteBlobs {
  readonly #sql
  readonly #reader: SqliteBlobReader
  /** Ids of blobs of one part that this process has read. An id is never used again. */
  readonly #intact = new Set<number>()
  constructor(db: Sqlite.Connection) {
    this.#reader = new SqliteBlobReader(db)
    this.#sql = {
      find: db.prepare("SELECT id, at, media_type AS mediaType FROM blobs WHERE hash = ?"),
      insert: db
        .prepare(
          "INSERT INTO blobs (hash, bytes, stored, media_type, codec, at) VALUES (NULL, 0, 0, '', 'identity', ?) RETURNING id"
        )
        .pluck(),
      part: db.prepare("INSERT INTO blob_parts (blob, part, bytes) VALUES (?, ?, ?)"),
      name: db.prepare(
        `UPDATE blobs SET hash = ?, bytes = ?, media_type = ?, codec = ?, at = ?,
           stored = coalesce((SELECT sum(length(p.bytes)) FROM blob_parts p WHERE p.blob = blobs.id), 0) WHERE id = ?`
      ),
      dropParts: db.prepare("DELETE FROM blob_parts WHERE blob = ?"),
      replace: db.prepare(
        `UPDATE blobs SET bytes = ?, codec = ?,
           stored = coalesce((SELECT sum(length(p.bytes)) FROM blob_parts p WHERE p.blob = blobs.id), 0) WHERE id = ?`
      ),
      at: db.prepare("UPDATE blobs SET at = ? WHERE id = ?"),
      type: db.prepare("UPDATE blobs SET media_type = ? WHERE id = ?"),
      refer: db.prepare(
        "INSERT INTO blob_refs (stream, blob) SELECT id, ? FROM streams WHERE name = ? ON CONFLICT (stream, blob) DO NOTHING"
      ),
      unname: db.prepare(
        `UPDATE blobs SET hash = NULL, at = -1 WHERE id IN (SELECT blob FROM blob_refs WHERE stream = ?)
           AND NOT EXISTS (SELECT 1 FROM blob_refs r WHERE r.blob = blobs.id AND r.stream <> ?)`
      ),
      moveRefs: db.prepare("UPDATE blob_refs SET blob = ? WHERE blob = ?"),
      forget: db.prepare("DELETE FROM blob_refs WHERE stream = ?"),
      stream: db.prepare("SELECT id FROM streams WHERE name = ?").pluck(),
      due: db.prepare("SELECT id FROM blobs WHERE at < ? ORDER BY at LIMIT 1").pluck(),
      isUsed: db.prepare("SELECT 1 FROM blob_refs WHERE blob = ?").pluck(),
      drop: db.prepare("UPDATE blobs SET hash = NULL, at = -1 WHERE id = ?"),
      dropPart: db.prepare("DELETE FROM blob_parts WHERE id = (SELECT id FROM blob_parts WHERE blob = ? LIMIT 1)"),
      delete: db.prepare("DELETE FROM blobs WHERE id = ? AND NOT EXISTS (SELECT 1 FROM blob_parts WHERE blob = blobs.id)")
    }
  }

  /** A row for an upload. */
  begin(at: number): number {
    return Number(this.#sql.insert.get(at))
  }

  addPart(id: number, part: number, content: Uint8Array): void {
    this.#sql.part.run(id, part, content)
  }

  /**
   * Gives the upload its name. If the same content is stored already, the upload is dropped; if that blob is the damaged one, the upload takes its references
   * and its place.
   */
  finish(id: number, { bytes, codec, hash, mediaType }: BlobHead, at: number, { damaged, typed }: Finish): void {
    const known = this.#find(hash)
    if (known === undefined) this.#sql.name.run(hash, bytes, mediaType, codec, at, id)
    else if (known.id === damaged) {
      this.#sql.drop.run(known.id)
      this.#sql.name.run(hash, bytes, typed ? mediaType : known.mediaType, codec, at, id)
      this.#sql.moveRefs.run(id, known.id)
    } else {
      this.#sql.at.run(at, known.id)
      if (typed) this.#sql.type.run(mediaType, known.id)
      this.#sql.at.run(-1, id)
    }
  }

  /** Whether the blob with this hash is stored, has one part, and can be read. */
  isIntact(hash: string): boolean {
    const id = this.#find(hash)?.id
    if (id === undefined) return false
    if (this.#intact.has(id)) return true
    const isIntact = this.#reader.text(hash) !== undefined
    this.#reader.release()
    if (isIntact) this.#remember(id)
    return isIntact
  }

  #remember(id: number): void {
    if (this.#intact.size >= maxIntact) this.#intact.clear()
    this.#intact.add(id)
  }

  /** Stores blobs. One of a single part that is stored and damaged is written anew, so that its other readers get it again. */
  store(blobs: ReadonlyArray<Blob>): void {
    for (const blob of blobs) {
      const known = this.#find(blob.hash)
      if (known === undefined) this.#insert(blob)
      else if (blob.parts.length === 1 && !this.isIntact(blob.hash)) {
        this.#sql.dropParts.run(known.id)
        blob.parts.forEach((part, n) => this.addPart(known.id, n, part))
        this.#sql.replace.run(blob.bytes, blob.codec, known.id)
      }
    }
  }

  #insert(blob: Blob): void {
    const id = Number(this.#sql.insert.get(null))
    blob.parts.forEach((part, n) => this.addPart(id, n, part))
    this.#sql.name.run(blob.hash, blob.bytes, blob.mediaType, blob.codec, null, id)
  }

  abandon(id: number): void {
    this.#sql.at.run(-1, id)
  }

  /** Stores the blobs, as `store`, and the references. The rows of the streams exist. */
  write(blobs: ReadonlyArray<Blob>, references: ReadonlyArray<BlobReference>): void {
    this.store(blobs)
    for (const { hash, stream } of references) {
      const known = this.#find(hash)
      if (known === undefined) throw new BlobMissing({ stream, hash })
      this.#sql.refer.run(known.id, stream)
      if (known.at !== null) this.#sql.at.run(null, known.id)
    }
  }

  #find(hash: string): Known | undefined {
    return this.#sql.find.get(hash) as Known | undefined
  }

  /** Deletes the references of a stream. A blob without another reference cannot be found any more; `sweep` deletes its parts. */
  forget(name: string): void {
    const stream = this.#sql.stream.get(name)
    if (stream === undefined) return
    this.#sql.unname.run(stream, stream)
    this.#sql.forget.run(stream)
  }

  /** Deletes one part, or the row, of a blob that was forgotten, or that was put before this time and never used. Returns false if there is none. */
  sweep(before: number): boolean {
    const id = this.#sql.due.get(before)
    if (id === undefined) return false
    if (this.#sql.isUsed.get(id) !== undefined) this.#sql.at.run(null, id)
    else {
      this.#sql.drop.run(id)
      this.#sql.dropPart.run(id)
      this.#sql.delete.run(id)
    }
    return true
  }
}

const isZlib = (cause: unknown): boolean =>
  cause instanceof Error && "code" in cause && (String(cause.code).startsWith("Z_") || cause.code === "ERR_BUFFER_TOO_LARGE")

/** Reads blobs, on the reader's connection. */
export class SqliteBlobReader {
  readonly #find: Sqlite.Statement
  readonly #part: Sqlite.Statement
  /** Texts since `release`: a prompt is in several events and rows of one page. */
  readonly #texts = new Map<string, string | undefined>()
  constructor(db: Sqlite.Connection) {
    this.#find = db.prepare("SELECT id, hash, bytes, media_type AS mediaType, codec FROM blobs WHERE hash = ?")
    this.#part = db.prepare("SELECT bytes FROM blob_parts WHERE blob = ? AND part = ?").pluck()
  }
  find(hash: string): FoundBlob | undefined {
    return this.#find.get(hash) as FoundBlob | undefined
  }
  part(id: number, part: number): Uint8Array | undefined {
    return this.#part.get(id, part) as Uint8Array | undefined
  }

  /** The text of a blob of one part, read at once (`SharedText`); undefined if it is missing, damaged or larger. */
  text(hash: string): string | undefined {
    if (!this.#texts.has(hash)) this.#texts.set(hash, this.#readText(hash))
    return this.#texts.get(hash)
  }

  /** Forgets the texts that were read. Call it at the end of each read transaction. */
  release(): void {
    this.#texts.clear()
  }

  #readText(hash: string): string | undefined {
    try {
      const found = this.find(hash)
      if (found === undefined || found.bytes > partBytes) return undefined
      const stored = this.part(found.id, 0)
      if (stored === undefined) return undefined
      const content =
        found.codec === "identity"
          ? stored
          : inflateRawSync(stored, { chunkSize: Math.max(64, found.bytes + 1), maxOutputLength: Math.max(1, found.bytes) })
      return createHash("sha256").update(content).digest("hex") === hash ? Buffer.from(content).toString() : undefined
    } catch (cause) {
      const failure = Sqlite.asFailure(cause)
      // zlib's errors are damage too.
      const isDamage = failure instanceof StorageFailure ? failure.reason === "corrupt" : isZlib(cause)
      if (isDamage) return undefined
      throw cause
    }
  }
}
