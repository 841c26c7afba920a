/**
 * The search index in one SQLite file: FTS5 tables without the texts, which remain only in the log's rows. Everything is synchronous, and each method is
 * one short transaction, so that the event loop is not held. The content is derived: a file that is missing, damaged, of another version or of another log
 * is replaced by an empty one.
 *
 * The index has parts of about `partLength` characters, each an FTS5 table: no query of one part, and no merge of it, takes long, however long the log is.
 * Documents are added to the newest part. When it is full, it is merged into one segment, and so is a part of which documents were removed.
 *
 * A document has a position, which orders it, and passages: parts of its text that are searched separately. The key of a passage is
 * `position * maxPassages + n`. The column `tags` has the numbers of the thread, project and kind, so that the index applies the filters too.
 *
 * Numbers are cast in SQL, because the drivers bind them as reals and FTS5 ignores a bound on its keys that is one.
 */
import { rmSync } from "node:fs"
import * as Sqlite from "../Sqlite.ts"
import { StorageFailure } from "../Storage.ts"
import type { Term, Terms } from "./Terms.ts"
import { indexed } from "./Words.ts"

/** Raise it when the words, the passages or the tables change: indexes of other versions are rebuilt. */
const version = 2
export const maxPassages = 64
/** UTF-16 code units of text. */
const defaultPartLength = 2 * 1024 * 1024

export interface Document {
  /** Greater than that of every older document, and at least 1. */
  readonly position: number
  readonly threadId: string
  readonly projectId: string
  readonly kind: string
  /** Milliseconds since 1970. */
  readonly at: number
  /** At most `maxPassages`. */
  readonly passages: ReadonlyArray<string>
}

/** What was indexed. */
export interface Progress {
  /** Every event up to this offset. */
  readonly cursor: number
  /** Of the rows that existed at the offset `of`: those with this rank or a greater one. Absent: all of them. */
  readonly rebuild?: { readonly from: number; readonly of: number }
}

export interface Filter {
  readonly threadId?: string | undefined
  readonly projectId?: string | undefined
  readonly kind?: string | undefined
}

export interface Part {
  readonly id: number
  /** The greatest position of its documents. */
  readonly top: number
}

export interface Found {
  readonly position: number
  /** The passage in which the terms were found. */
  readonly passage: number
  readonly threadId: string
  readonly at: number
}

const schema = [
  "CREATE TABLE state (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT",
  "CREATE TABLE names (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT",
  // `whole` = 1: the part is to be merged into one segment. 2: it has removed documents whose words may stay until a thread is forgotten.
  "CREATE TABLE parts (id INTEGER PRIMARY KEY, length INTEGER NOT NULL, top INTEGER NOT NULL, whole INTEGER NOT NULL) STRICT",
  `CREATE TABLE documents (
     position INTEGER PRIMARY KEY, thread INTEGER NOT NULL, part INTEGER NOT NULL, at INTEGER NOT NULL, passages INTEGER NOT NULL) STRICT`,
  "CREATE INDEX documents_by_thread ON documents (thread)"
]
const partSchema = (part: number): ReadonlyArray<string> => [
  `CREATE VIRTUAL TABLE part${part} USING fts5(text, tags, content = '', contentless_delete = 1, tokenize = 'ascii')`,
  // Merges are done in slices by `merge`, and not by a commit that happens to be the sixteenth.
  `INSERT INTO part${part} (part${part}, rank) VALUES ('automerge', 0)`,
  `INSERT INTO part${part} (part${part}, rank) VALUES ('crisismerge', 128)`
]
/** Free pages that a step returns to the file system. */
const vacuumPages = 64

/** Removes the file of a closed index. Throws StorageFailure. */
export const remove = (file: string): void =>
  Sqlite.guarded(() => {
    for (const suffix of ["", "-wal", "-shm"]) rmSync(`${file}${suffix}`, { force: true })
  })

const connect = (file: string): Sqlite.Connection => {
  const db = Sqlite.openWriter(file, "NORMAL")
  // Deleted pages are overwritten: no word of a deleted thread stays in free pages. A checkpoint writes at most about 1 MiB.
  db.pragma("secure_delete = ON")
  db.pragma("wal_autocheckpoint = 256")
  return db
}

const phrase = ({ isPrefix, words }: Term): string => `"${words.join(" ")}"${isPrefix ? " *" : ""}`
/** Words have letters, digits and marks only, so nothing in them is FTS5 syntax. */
const expression = ({ all, none }: Terms, tags: ReadonlyArray<string>): string => {
  const found = [...tags.map((tag) => `tags : ${tag}`), `text : (${all.map(phrase).join(" AND ")})`].join(" AND ")
  return none.length === 0 ? found : `(${found}) NOT text : (${none.map(phrase).join(" OR ")})`
}

export { hasFullText as isSupported } from "../Sqlite.ts"

const tagged = { threadId: "t", projectId: "p", kind: "k" } as const
type Tagged = keyof typeof tagged

export class SearchFile {
  readonly #db: Sqlite.Connection
  readonly #statements = new Map<string, Sqlite.Statement>()
  readonly #partLength: number

  private constructor(db: Sqlite.Connection, partLength: number) {
    this.#db = db
    this.#partLength = partLength
  }

  /** Opens the index of the log with this epoch; a new one begins at its head. Throws StorageFailure. */
  static open(file: string, epoch: string, head: number, partLength = defaultPartLength): SearchFile {
    return Sqlite.guarded(() => {
      const known = SearchFile.#reopen(file, epoch, head, partLength)
      if (known !== undefined) return known
      remove(file)
      const db = connect(file)
      try {
        const created = new SearchFile(db, partLength)
        created.#transaction(() => {
          for (const statement of schema) db.exec(statement)
          created.#set("version", String(version))
          created.#set("epoch", epoch)
          created.#setProgress({ cursor: head, ...(head > 0 && { rebuild: { from: head + 1, of: head } }) })
        })
        return created
      } catch (cause) {
        Sqlite.close(db)
        throw cause
      }
    })
  }

  static #reopen(file: string, epoch: string, head: number, partLength: number): SearchFile | undefined {
    let db: Sqlite.Connection | undefined
    try {
      db = connect(file)
      const index = new SearchFile(db, partLength)
      const isCurrent =
        db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'state'").get() !== undefined &&
        index.#get("version") === String(version) &&
        index.#get("epoch") === epoch &&
        index.progress.cursor <= head
      if (isCurrent) return index
    } catch (cause) {
      if (db !== undefined) Sqlite.close(db)
      const failure = Sqlite.asFailure(cause)
      if (failure instanceof StorageFailure && failure.reason === "corrupt") return undefined
      throw cause
    }
    Sqlite.close(db)
    return undefined
  }

  /** Closes the index of a damaged file and removes the file. */
  discard(file: string): void {
    this.close()
    remove(file)
  }

  close(): void {
    Sqlite.close(this.#db)
  }

  get progress(): Progress {
    return Sqlite.guarded(() => JSON.parse(this.#get("progress") ?? "") as Progress)
  }

  /** Stores passages, and the progress that they make, in one transaction. The first passage of a document replaces its earlier version. */
  put(passages: ReadonlyArray<readonly [document: Document, n: number]>, progress?: Progress): void {
    this.#transaction(() => {
      for (const [document, n] of passages) {
        const { at, kind, position, projectId, threadId } = document
        const thread = this.#number("threadId", threadId)
        if (n === 0) {
          this.#remove(position)
          const row = [position, thread, this.#openPart(), at, document.passages.length]
          this.#prepare("INSERT INTO documents (position, thread, part, at, passages) VALUES (?, ?, ?, ?, ?)").run(...row)
        }
        const part = Number(this.#prepare("SELECT part FROM documents WHERE position = ?").get(position))
        const text = document.passages[n] ?? ""
        const tags = `t${thread} p${this.#number("projectId", projectId)} k${this.#number("kind", kind)}`
        this.#prepare(`INSERT INTO part${part} (rowid, text, tags) VALUES (CAST(? AS INTEGER), ?, ?)`).run(
          position * maxPassages + n,
          indexed(text),
          tags
        )
        this.#prepare("UPDATE parts SET length = length + ?, top = max(top, ?) WHERE id = ?").run(text.length, position, part)
      }
      if (progress !== undefined) this.#setProgress(progress)
    })
  }

  /** Removes at most `limit` documents of the thread. True if it had more. Their words leave the file when `merge` has returned false. */
  forget(threadId: string, limit: number): boolean {
    return this.#transaction(() => {
      const thread = this.#known("threadId", threadId)
      if (thread === undefined) return false
      const positions = this.#prepare("SELECT position FROM documents WHERE thread = ? LIMIT ?").all(thread, limit)
      for (const position of positions) this.#remove(Number(position))
      this.#prepare("UPDATE parts SET whole = 1 WHERE whole = 2").run()
      if (positions.length === limit) return true
      this.#prepare("DELETE FROM names WHERE id = ?").run(thread)
      return false
    })
  }

  /**
   * One step of the work that is left after documents were added and removed, of about this many pages of 4 KiB. False: nothing is left, and no word of a
   * removed document is in the file or its WAL. Throws StorageFailure `busy` while another program reads the file: call it again later.
   */
  merge(pages: number): boolean {
    return Sqlite.guarded(() => {
      const whole = this.#prepare("SELECT id FROM parts WHERE whole = 1 LIMIT 1").get()
      if (whole !== undefined) {
        if (this.#mergePart(Number(whole), -pages)) return true
        // The words of the removed documents are in the WAL until it is empty, so the mark stays until then.
        if (Number(this.#db.pragma("wal_checkpoint(TRUNCATE)", { simple: true })) !== 0)
          throw new StorageFailure("busy", "another program reads the search index, so its WAL cannot be emptied")
        this.#prepare("UPDATE parts SET whole = 0 WHERE id = ?").run(whole)
        return true
      }
      const newest = this.#prepare("SELECT max(id) FROM parts").get()
      if (typeof newest === "number" && this.#mergePart(newest, pages)) return true
      if (Number(this.#db.pragma("freelist_count", { simple: true })) < vacuumPages) return false
      this.#db.pragma(`incremental_vacuum(${vacuumPages})`)
      return true
    })
  }

  /** The parts, those with the newest documents first. */
  get parts(): ReadonlyArray<Part> {
    return Sqlite.guarded(() =>
      this.#prepare("SELECT json_array(id, top) FROM parts ORDER BY top DESC")
        .all()
        .map((row) => {
          const [id, top] = JSON.parse(String(row)) as [number, number]
          return { id, top }
        })
    )
  }

  /** The newest documents of a part before the position that meet the terms, each with its first passage that does. */
  find(part: number, terms: Terms, filter: Filter, before: number, limit: number): ReadonlyArray<Found> {
    return Sqlite.guarded(() => {
      const tags: Array<string> = []
      for (const name of Object.keys(tagged) as ReadonlyArray<Tagged>) {
        const value = filter[name]
        if (value === undefined) continue
        const number = this.#known(name, value)
        if (number === undefined) return []
        tags.push(`${tagged[name]}${number}`)
      }
      if (terms.all.length === 0) return []
      const found: Array<Pick<Found, "passage" | "position">> = []
      const keys = this.#prepare(
        `SELECT rowid FROM part${part} WHERE part${part} MATCH ? AND rowid < CAST(? AS INTEGER) ORDER BY rowid DESC`
      ).iterate(expression(terms, tags), before * maxPassages)
      for (const key of keys) {
        const position = Math.floor(Number(key) / maxPassages)
        const passage = Number(key) % maxPassages
        if (found.at(-1)?.position === position) found.pop()
        else if (found.length === limit) break
        found.push({ position, passage })
      }
      return found.map(({ passage, position }) => this.#found(position, passage))
    })
  }

  /** The part to which documents are added; a new one if the newest is full. */
  #openPart(): number {
    const newest = this.#prepare("SELECT json_array(id, length) FROM parts ORDER BY id DESC LIMIT 1").get()
    const [id, length] = newest === undefined ? [0, Infinity] : (JSON.parse(String(newest)) as [number, number])
    if (length < this.#partLength) return id
    this.#prepare("UPDATE parts SET whole = 1 WHERE id = ?").run(id)
    this.#prepare("INSERT INTO parts (id, length, top, whole) VALUES (?, 0, 0, 0)").run(id + 1)
    for (const statement of partSchema(id + 1)) this.#db.exec(statement)
    return id + 1
  }

  #found(position: number, passage: number): Found {
    const row = this.#prepare(
      "SELECT json_array(d.at, n.name) FROM documents d JOIN names n ON n.id = d.thread WHERE d.position = ?"
    ).get(position)
    const [at, name] = JSON.parse(String(row)) as [number, string]
    return { position, passage, at, threadId: name.slice(tagged.threadId.length + 1) }
  }

  #remove(position: number): void {
    const row = this.#prepare("SELECT json_array(part, passages) FROM documents WHERE position = ?").get(position)
    if (row === undefined) return
    const [part, passages] = JSON.parse(String(row)) as [number, number]
    for (let n = 0; n < passages; n++)
      this.#prepare(`DELETE FROM part${part} WHERE rowid = CAST(? AS INTEGER)`).run(position * maxPassages + n)
    this.#prepare("DELETE FROM documents WHERE position = ?").run(position)
    this.#prepare("UPDATE parts SET whole = 2 WHERE id = ? AND whole = 0").run(part)
  }

  /** Merges segments of a part; with a negative number of pages, all of them into one. True if it found something to do. */
  #mergePart(part: number, pages: number): boolean {
    const changes = () => Number(this.#prepare("SELECT total_changes()").get())
    const earlier = changes()
    this.#prepare(`INSERT INTO part${part} (part${part}, rank) VALUES ('merge', CAST(? AS INTEGER))`).run(pages)
    // As FTS5 documents it: a merge that found nothing to do makes less than two changes.
    return changes() - earlier >= 2
  }

  /** The number of a thread, a project or a kind. */
  #known(name: Tagged, value: string): number | undefined {
    const id = this.#prepare("SELECT id FROM names WHERE name = ?").get(`${tagged[name]}:${value}`)
    return id === undefined ? undefined : Number(id)
  }

  #number(name: Tagged, value: string): number {
    const known = this.#known(name, value)
    if (known !== undefined) return known
    this.#prepare("INSERT INTO names (name) VALUES (?)").run(`${tagged[name]}:${value}`)
    return this.#known(name, value) ?? 0
  }

  #get(key: string): string | undefined {
    const value = this.#prepare("SELECT value FROM state WHERE key = ?").get(key)
    return value === undefined ? undefined : String(value)
  }

  #set(key: string, value: string): void {
    this.#prepare("INSERT OR REPLACE INTO state VALUES (?, ?)").run(key, value)
  }

  #setProgress(progress: Progress): void {
    this.#set("progress", JSON.stringify(progress))
  }

  /** A statement whose rows are the value of their first column. */
  #prepare(sql: string): Sqlite.Statement {
    let statement = this.#statements.get(sql)
    if (statement === undefined) {
      statement = this.#db.prepare(sql)
      if (sql.startsWith("SELECT")) statement.pluck()
      this.#statements.set(sql, statement)
    }
    return statement
  }

  #transaction<A>(run: () => A): A {
    return Sqlite.guarded(() => {
      this.#db.exec("BEGIN IMMEDIATE")
      try {
        const answer = run()
        this.#db.exec("COMMIT")
        return answer
      } catch (cause) {
        if (this.#db.inTransaction) this.#db.exec("ROLLBACK")
        throw cause
      }
    })
  }
}
