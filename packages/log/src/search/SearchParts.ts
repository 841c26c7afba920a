/**
 * The parts of a search index, each an FTS5 table of about `partLength` characters: no query of one part, and no merge of it, takes long, however long the
 * log is. Documents are added to the newest part. When it is full, it is merged into one segment, and so is a part of which documents were removed.
 */
import { Scrubber } from "../Scrubber.ts"
import * as Sqlite from "../Sqlite.ts"
import { StorageFailure } from "../Storage.ts"
import type { SearchDatabase } from "./SearchDatabase.ts"

export interface Part {
  readonly id: number
  /** The greatest position of its documents. */
  readonly top: number
}

// `whole` = 1: the part is to be merged into one segment. 2: it has removed documents whose words may stay until a thread is forgotten.
export const schema =
  "CREATE TABLE parts (id INTEGER PRIMARY KEY, length INTEGER NOT NULL, top INTEGER NOT NULL, whole INTEGER NOT NULL) STRICT"

const partSchema = (part: number): ReadonlyArray<string> => [
  `CREATE VIRTUAL TABLE part${part} USING fts5(text, tags, content = '', contentless_delete = 1, tokenize = 'ascii')`,
  // Merges are done in slices by `merge`, and not by a commit that happens to be the sixteenth.
  `INSERT INTO part${part} (part${part}, rank) VALUES ('automerge', 0)`,
  `INSERT INTO part${part} (part${part}, rank) VALUES ('crisismerge', 128)`
]
/** The value of the table `state` while unused space has no word of a removed document. An index of an earlier version has none. */
const clean = "clean"

/** Free pages that a step returns to the file system. */
const vacuumPages = 64

/** The methods that write run inside the caller's transaction, except `merge`. */
export class SearchParts {
  readonly #base: SearchDatabase
  readonly #partLength: number
  readonly #scrubber: Scrubber
  #isScrubbing = false

  /** `partLength`: UTF-16 code units of text. */
  constructor(base: SearchDatabase, file: string, partLength: number) {
    this.#base = base
    this.#partLength = partLength
    this.#scrubber = new Scrubber(file, {
      connection: base.db,
      get statements() {
        return base.writes
      }
    })
  }

  /** Nothing was written to the file yet. */
  created(): void {
    this.#base.set(clean, "1")
  }

  /** Call it when the connection is closed. */
  close(): void {
    this.#scrubber.close()
  }

  /** The parts, those with the newest documents first. */
  get all(): ReadonlyArray<Part> {
    return Sqlite.guarded(() =>
      this.#base
        .prepare("SELECT json_array(id, top) FROM parts ORDER BY top DESC")
        .all()
        .map((row) => {
          const [id, top] = JSON.parse(String(row)) as [number, number]
          return { id, top }
        })
    )
  }

  /** The part to which documents are added; a new part if the newest is full. */
  open(): number {
    const newest = this.#base.prepare("SELECT json_array(id, length) FROM parts ORDER BY id DESC LIMIT 1").get()
    const [id, length] = newest === undefined ? [0, Infinity] : (JSON.parse(String(newest)) as [number, number])
    if (length < this.#partLength) return id
    this.#base.prepare("UPDATE parts SET whole = 1 WHERE id = ?").run(id)
    this.#base.prepare("INSERT INTO parts (id, length, top, whole) VALUES (?, 0, 0, 0)").run(id + 1)
    for (const statement of partSchema(id + 1)) this.#base.db.exec(statement)
    return id + 1
  }

  /** Counts text that was added to the part. */
  added(part: number, length: number, position: number): void {
    this.#base.prepare("UPDATE parts SET length = length + ?, top = max(top, ?) WHERE id = ?").run(length, position, part)
  }

  /** A document was removed from the part. */
  removedFrom(part: number): void {
    this.#base.prepare("UPDATE parts SET whole = 2 WHERE id = ? AND whole = 0").run(part)
  }

  /** From now on `merge` also removes the words of documents that were removed, and overwrites their copies in unused space. */
  expunge(): void {
    this.#base.set(clean, "0")
    this.#isScrubbing = false
    this.#base.prepare("UPDATE parts SET whole = 1 WHERE whole = 2").run()
  }

  /**
   * One step of the work that is left after documents were added and removed, of about this many pages of 4 KiB. False: nothing is left, and no word of a
   * removed document is in the file or its WAL. Throws StorageFailure `busy` while another program reads the file: call it again later.
   */
  merge(pages: number): boolean {
    return Sqlite.guarded(() => {
      const whole = this.#base.prepare("SELECT id FROM parts WHERE whole = 1 LIMIT 1").get()
      if (whole !== undefined) {
        this.#base.writes++
        if (this.#mergePart(Number(whole), -pages)) return true
        // The words of the removed documents are in the WAL until it is empty, so the mark stays until then.
        if (Number(this.#base.db.pragma("wal_checkpoint(TRUNCATE)", { simple: true })) !== 0)
          throw new StorageFailure("busy", "another program reads the search index, so its WAL cannot be emptied")
        this.#base.prepare("UPDATE parts SET whole = 0 WHERE id = ?").run(whole)
        return true
      }
      const newest = this.#base.prepare("SELECT max(id) FROM parts").get()
      if (typeof newest === "number" && this.#mergePart(newest, pages)) {
        this.#base.writes++
        return true
      }
      if (Number(this.#base.db.pragma("freelist_count", { simple: true })) < vacuumPages) return this.#scrub()
      this.#base.writes++
      this.#base.db.pragma(`incremental_vacuum(${vacuumPages})`)
      return true
    })
  }

  /** One slice of the pass over unused space. False: there is nothing to overwrite. */
  #scrub(): boolean {
    if (this.#base.get(clean) === "1") return false
    if (!this.#isScrubbing) this.#scrubber.begin()
    this.#isScrubbing = true
    const result = this.#scrubber.slice()
    if (result === "blocked")
      throw new StorageFailure("busy", "another program reads the search index, so its WAL cannot be emptied")
    if (result === "more") return true
    this.#scrubber.syncNow()
    this.#isScrubbing = false
    this.#base.set(clean, "1")
    return true
  }

  /** Merges segments of a part; with a negative number of pages, all of them into one. True if it found something to do. */
  #mergePart(part: number, pages: number): boolean {
    const changes = () => Number(this.#base.prepare("SELECT total_changes()").get())
    const earlier = changes()
    this.#base.prepare(`INSERT INTO part${part} (part${part}, rank) VALUES ('merge', CAST(? AS INTEGER))`).run(pages)
    // As FTS5 documents it: a merge that found nothing to do makes less than two changes.
    return changes() - earlier >= 2
  }
}
