/**
 * Overwrites the unused space of the pages of a SQLite file while its writer is open. SQLite has no way to do that but VACUUM, which copies the file in one
 * transaction. Only bytes that SQLite does not use are written, and only while no process can write the file: the WAL is empty, and this process has the lock
 * for writing. So a crash at any point leaves a valid file.
 *
 * A pass goes over all pages in slices. Between slices the log is written to, and a commit may move unused space to a page that was done before. The pages
 * of these commits are in the WAL, so the next slice does them too.
 */
import { closeSync, fstatSync, fsync, fsyncSync, openSync, readSync, statSync, writeSync } from "node:fs"
import { type Gap, dirtyGap, isTree, type Layout, layoutOf, mapPageOf } from "./PageGaps.ts"
import { slices } from "./Slices.ts"
import * as Sqlite from "./Sqlite.ts"

/** `blocked`: another program reads or writes the database, so its WAL cannot be emptied now. */
export type Result = "more" | "done" | "blocked"

/** What the scrubber needs of the writer. */
export interface Source {
  readonly connection: Sqlite.Connection
  /** Changes with every transaction of the writer. */
  readonly statements: number
}

const walHeader = 32
const frameHeader = 24
/** More pages than this between two slices: the pass begins again. */
const maxFrames = 20_000

interface Wal {
  /** Counts how many times the WAL began anew; 0 for an empty WAL. */
  readonly salt: number
  readonly pages: ReadonlySet<number>
}

/** The pages that the WAL has; undefined if they are too many. */
const readWal = (file: string, pageSize: number): Wal | undefined => {
  const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0
  if (size < walHeader) return { salt: 0, pages: new Set() }
  if (size > maxFrames * (frameHeader + pageSize)) return undefined
  // Not the database itself: closing any descriptor of that would release the locks that this process has on it (POSIX).
  const descriptor = openSync(file, "r")
  try {
    const head = Buffer.alloc(frameHeader)
    const pages = new Set<number>()
    readSync(descriptor, head, 0, frameHeader, 0)
    const salt = head.readUInt32BE(16)
    for (let at = walHeader; at + frameHeader + pageSize <= size; at += frameHeader + pageSize) {
      readSync(descriptor, head, 0, frameHeader, at)
      if (head.readUInt32BE(8) === salt) pages.add(head.readUInt32BE(0))
    }
    return { salt, pages }
  } finally {
    closeSync(descriptor)
  }
}

export class Scrubber {
  readonly #file: string
  readonly #descriptor: number
  readonly #source: Source
  readonly #slice: ReturnType<typeof slices>
  #next = 1
  #statements = -1
  #isOpen = true
  /** The salt of the next WAL, if no other WAL was written since the last slice. */
  #salt: number | undefined

  /**
   * `file`: the database that the writer of `source` has open. The scrubber keeps a descriptor of it, so it must be closed after every connection of this
   * process. `pages`: of one slice. Throws an error of the file system.
   */
  constructor(file: string, source: Source, pages = { least: 64, most: 2_048 }) {
    this.#slice = slices(pages.least, pages.most)
    this.#file = file
    this.#source = source
    this.#descriptor = openSync(file, "r+")
  }

  close(): void {
    if (this.#isOpen) closeSync(this.#descriptor)
    this.#isOpen = false
  }

  /** Begins a pass. */
  begin(): void {
    this.#next = 1
    this.#salt = undefined
  }

  /**
   * The next slice of a pass. When it returns `done`, unused space has nothing that was deleted before the pass began; it is durable after `sync`. Throws
   * StorageFailure.
   */
  slice(): Result {
    return Sqlite.guarded(() => {
      const header = Buffer.alloc(100)
      readSync(this.#descriptor, header, 0, header.length, 0)
      const layout = layoutOf(header)
      if (layout === undefined) return "done"
      const { connection: db, statements } = this.#source
      const wal = readWal(`${this.#file}-wal`, layout.pageSize)
      const isKnown = statements === this.#statements || (wal !== undefined && wal.salt !== 0 && wal.salt === this.#salt)
      if (!isKnown) this.begin()
      if (wal === undefined || wal.salt !== 0) {
        const [result] = db.pragma("wal_checkpoint(TRUNCATE)") as ReadonlyArray<{ readonly busy: number }>
        if (result?.busy !== 0) return "blocked"
        this.#salt = wal === undefined ? undefined : (wal.salt + 1) % 2 ** 32
      }
      this.#statements = statements
      // The cache of the writer has the unused space of pages, and would write it again.
      db.pragma("shrink_memory")
      db.exec("BEGIN IMMEDIATE")
      try {
        if ((statSync(`${this.#file}-wal`, { throwIfNoEntry: false })?.size ?? 0) > 0) return (this.begin(), "blocked")
        return this.#overwrite(layout, isKnown ? (wal?.pages ?? new Set()) : new Set())
      } finally {
        db.exec("ROLLBACK")
      }
    })
  }

  /** Makes what was overwritten durable. */
  sync(done: (error: Error | null) => void): void {
    fsync(this.#descriptor, done)
  }

  /** The same, on the event loop. */
  syncNow(): void {
    fsyncSync(this.#descriptor)
  }

  #overwrite(layout: Layout, changed: ReadonlySet<number>): Result {
    const { pageSize } = layout
    const last = Math.floor(fstatSync(this.#descriptor).size / pageSize)
    const zeros = Buffer.alloc(pageSize)
    const maps = new Map<number, Buffer>()
    const read = (page: number, count: number): Buffer => {
      const content = Buffer.allocUnsafe(count * pageSize)
      const bytes = readSync(this.#descriptor, content, 0, content.length, (page - 1) * pageSize)
      return content.subarray(0, bytes - (bytes % pageSize))
    }
    const mapOf = (page: number): Buffer | undefined => {
      const at = mapPageOf(layout, page)
      if (at === undefined) return undefined
      const known = maps.get(at) ?? read(at, 1)
      maps.set(at, known)
      return known
    }
    const clean = (page: number, content: Buffer): void => {
      if (!isTree(layout, page, mapOf(page))) return
      const gap: Gap | undefined = dirtyGap(layout, page, content, zeros)
      if (gap !== undefined) writeSync(this.#descriptor, zeros, 0, gap.end - gap.start, (page - 1) * pageSize + gap.start)
    }
    for (const page of changed) if (page < this.#next && page <= last) clean(page, read(page, 1))
    this.#slice((size) => {
      const content = read(this.#next, Math.max(0, Math.min(size, last - this.#next + 1)))
      for (let at = 0; at < content.length; at += pageSize) clean(this.#next++, content.subarray(at, at + pageSize))
    })
    return this.#next > last ? "done" : "more"
  }
}
