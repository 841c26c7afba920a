/**
 * The search index in one SQLite file: FTS5 tables without the texts, which remain only in the log's rows. Everything is synchronous, and each method is
 * one short transaction, so that the event loop is not held. The content is derived: a file that is missing, damaged, of another version or of another log
 * is replaced by an empty one.
 *
 * A document has a position, which orders it, and passages: parts of its text that are searched separately. The key of a passage is
 * `position * maxPassages + n`. The column `tags` has the numbers of the thread, project and kind, so that the index applies the filters too.
 *
 * Numbers are cast in SQL, because the drivers bind them as reals and FTS5 ignores a bound on its keys that is one.
 */
import * as Sqlite from "../Sqlite.ts"
import { StorageFailure } from "../Storage.ts"
import { connect, remove, SearchDatabase } from "./SearchDatabase.ts"
import { type Part, schema as partsSchema, SearchParts } from "./SearchParts.ts"
import type { Term, Terms } from "./Terms.ts"
import { indexed } from "./Words.ts"

/** Raise it when the words, the passages or the tables change: indexes of other versions are rebuilt. */
const version = 2
export const maxPassages = 64
/** UTF-16 code units of text. */
const defaultPartLength = 2 * 1024 * 1024

export interface Document {
  /** At least 1, and greater than the position of every older document. */
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
  /** Of the rows that existed at the offset `of`: the rows with at least this rank. Absent: all of them. */
  readonly rebuild?: { readonly from: number; readonly of: number }
}

export interface Filter {
  readonly threadId?: string | undefined
  readonly projectId?: string | undefined
  readonly kind?: string | undefined
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
  partsSchema,
  `CREATE TABLE documents (
     position INTEGER PRIMARY KEY, thread INTEGER NOT NULL, part INTEGER NOT NULL, at INTEGER NOT NULL, passages INTEGER NOT NULL) STRICT`,
  "CREATE INDEX documents_by_thread ON documents (thread)"
]
const phrase = ({ isPrefix, words }: Term): string => `"${words.join(" ")}"${isPrefix ? " *" : ""}`
/** Words have letters, digits and marks only, so nothing in them is FTS5 syntax. */
const expression = ({ all, none }: Terms, tags: ReadonlyArray<string>): string => {
  const found = [...tags.map((tag) => `tags : ${tag}`), `text : (${all.map(phrase).join(" AND ")})`].join(" AND ")
  return none.length === 0 ? found : `(${found}) NOT text : (${none.map(phrase).join(" OR ")})`
}

export { remove } from "./SearchDatabase.ts"
export { hasFullText as isSupported } from "../Sqlite.ts"

const tagged = { threadId: "t", projectId: "p", kind: "k" } as const
type Tagged = keyof typeof tagged

export class SearchFile {
  readonly #base: SearchDatabase
  readonly #parts: SearchParts

  private constructor(db: Sqlite.Connection, file: string, partLength: number) {
    this.#base = new SearchDatabase(db)
    this.#parts = new SearchParts(this.#base, file, partLength)
  }

  /** Opens the index of the log with this epoch; a new index begins at the head of the log. Throws StorageFailure. */
  static open(file: string, epoch: string, head: number, partLength = defaultPartLength): SearchFile {
    return Sqlite.guarded(() => {
      const known = SearchFile.#reopen(file, epoch, head, partLength)
      if (known !== undefined) return known
      remove(file)
      const db = connect(file)
      try {
        const created = new SearchFile(db, file, partLength)
        created.#base.transaction(() => {
          for (const statement of schema) db.exec(statement)
          created.#parts.created()
          created.#base.set("version", String(version))
          created.#base.set("epoch", epoch)
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
    let index: SearchFile | undefined
    try {
      db = connect(file)
      index = new SearchFile(db, file, partLength)
      const isCurrent =
        db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'state'").get() !== undefined &&
        index.#base.get("version") === String(version) &&
        index.#base.get("epoch") === epoch &&
        index.progress.cursor <= head
      if (isCurrent) return index
    } catch (cause) {
      if (db !== undefined) Sqlite.close(db)
      if (index !== undefined) index.#parts.close()
      const failure = Sqlite.asFailure(cause)
      if (failure instanceof StorageFailure && failure.reason === "corrupt") return undefined
      throw cause
    }
    index.close()
    return undefined
  }

  /** Closes the index of a damaged file and removes the file. */
  discard(file: string): void {
    this.close()
    remove(file)
  }

  close(): void {
    Sqlite.close(this.#base.db)
    this.#parts.close()
  }

  get progress(): Progress {
    return Sqlite.guarded(() => JSON.parse(this.#base.get("progress") ?? "") as Progress)
  }

  /** Stores passages, and the progress that they make, in one transaction. The first passage of a document replaces its earlier version. */
  put(passages: ReadonlyArray<readonly [document: Document, n: number]>, progress?: Progress): void {
    this.#base.transaction(() => {
      for (const [document, n] of passages) {
        const { at, kind, position, projectId, threadId } = document
        const thread = this.#number("threadId", threadId)
        if (n === 0) {
          this.#remove(position)
          const row = [position, thread, this.#parts.open(), at, document.passages.length]
          this.#base.prepare("INSERT INTO documents (position, thread, part, at, passages) VALUES (?, ?, ?, ?, ?)").run(...row)
        }
        const part = Number(this.#base.prepare("SELECT part FROM documents WHERE position = ?").get(position))
        const text = document.passages[n] ?? ""
        const tags = `t${thread} p${this.#number("projectId", projectId)} k${this.#number("kind", kind)}`
        this.#base
          .prepare(`INSERT INTO part${part} (rowid, text, tags) VALUES (CAST(? AS INTEGER), ?, ?)`)
          .run(position * maxPassages + n, indexed(text), tags)
        this.#parts.added(part, text.length, position)
      }
      if (progress !== undefined) this.#setProgress(progress)
    })
  }

  /** Removes at most `limit` documents of the thread. True if it had more. Their words leave the file when `merge` has returned false. */
  forget(threadId: string, limit: number): boolean {
    return this.#base.transaction(() => {
      const thread = this.#known("threadId", threadId)
      if (thread === undefined) return false
      const positions = this.#base.prepare("SELECT position FROM documents WHERE thread = ? LIMIT ?").all(thread, limit)
      for (const position of positions) this.#remove(Number(position))
      this.#parts.expunge()
      if (positions.length === limit) return true
      this.#base.prepare("DELETE FROM names WHERE id = ?").run(thread)
      return false
    })
  }

  /** The parts, those with the newest documents first. */
  get parts(): ReadonlyArray<Part> {
    return this.#parts.all
  }

  /** One step of `SearchParts.merge`: false if nothing is left, and then no word of a removed document is in the file. */
  merge(pages: number): boolean {
    return this.#parts.merge(pages)
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
      const keys = this.#base
        .prepare(`SELECT rowid FROM part${part} WHERE part${part} MATCH ? AND rowid < CAST(? AS INTEGER) ORDER BY rowid DESC`)
        .iterate(expression(terms, tags), before * maxPassages)
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

  #found(position: number, passage: number): Found {
    const row = this.#base
      .prepare("SELECT json_array(d.at, n.name) FROM documents d JOIN names n ON n.id = d.thread WHERE d.position = ?")
      .get(position)
    const [at, name] = JSON.parse(String(row)) as [number, string]
    return { position, passage, at, threadId: name.slice(tagged.threadId.length + 1) }
  }

  #remove(position: number): void {
    const row = this.#base.prepare("SELECT json_array(part, passages) FROM documents WHERE position = ?").get(position)
    if (row === undefined) return
    const [part, passages] = JSON.parse(String(row)) as [number, number]
    for (let n = 0; n < passages; n++)
      this.#base.prepare(`DELETE FROM part${part} WHERE rowid = CAST(? AS INTEGER)`).run(position * maxPassages + n)
    this.#base.prepare("DELETE FROM documents WHERE position = ?").run(position)
    this.#parts.removedFrom(part)
  }

  /** The number of a thread, a project or a kind. */
  #known(name: Tagged, value: string): number | undefined {
    const id = this.#base.prepare("SELECT id FROM names WHERE name = ?").get(`${tagged[name]}:${value}`)
    return id === undefined ? undefined : Number(id)
  }

  #number(name: Tagged, value: string): number {
    const known = this.#known(name, value)
    if (known !== undefined) return known
    this.#base.prepare("INSERT INTO names (name) VALUES (?)").run(`${tagged[name]}:${value}`)
    return this.#known(name, value) ?? 0
  }

  #setProgress(progress: Progress): void {
    this.#base.set("progress", JSON.stringify(progress))
  }
}
