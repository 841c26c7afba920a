/**
 * The file of the anchor (Anchor.ts), and its mark: an empty file `anchor-XXXXXXXX` in the same directory. The anchor is written after each commit
 * with one positioned write and without an fsync, so it survives the death of the process. After a power loss it may be older than the log, which is no
 * contradiction.
 */
import { randomBytes } from "node:crypto"
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeSync
} from "node:fs"
import { basename, dirname } from "node:path"
import { Option, Schema } from "effect"
import { type Absent, Anchor, hashOf, type Identity } from "./Anchor.ts"
import { asFailure } from "./Sqlite.ts"
import { StorageFailure } from "./Storage.ts"

/** One sector, which the disk writes completely or not at all. */
const size = 512

const decode = Schema.decodeUnknownOption(Schema.parseJson(Anchor))

export const identify = (database: string): Identity => {
  const { birthtimeNs, ctimeNs, ino } = statSync(database, { bigint: true })
  // If the creation time is unknown, the system returns 0 or the time of the last change.
  return { inode: String(ino), born: birthtimeNs === 0n || birthtimeNs === ctimeNs ? "" : String(birthtimeNs) }
}

export const read = (path: string): Anchor | Absent => {
  try {
    return Option.getOrElse(decode(readFileSync(path, "utf8")), () => "damaged" as const)
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return "missing"
    throw cause
  }
}

/** The names of the marks in the directory of this anchor. */
export const marks = (path: string): ReadonlyArray<string> => {
  const start = `${basename(path)}-`
  return readdirSync(dirname(path)).flatMap((name) => (name.startsWith(start) ? [name.slice(start.length)] : []))
}

const open = (path: string): number => openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600)

const sync = (path: string): void => {
  const fd = openSync(path, constants.O_RDONLY)
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

const at = (path: string, mark: string) => `${path}-${mark}`

/** The anchor of an open log. */
export class AnchorFile {
  readonly #path: string
  readonly #epoch: string
  readonly #database: string
  readonly #buffer = Buffer.alloc(size, 0x20)
  #fd: number
  #start = ""
  #mark: string
  #last: { readonly head: number; readonly hash: string } = { head: 0, hash: "" }
  #failure: StorageFailure | undefined

  /** Opens or creates the file, and does not change its content before `write`. `database`: the path of the log's file. */
  constructor(path: string, database: string, epoch: string) {
    this.#path = path
    this.#epoch = epoch
    this.#database = database
    this.#buffer[size - 1] = 0x0a
    const [mark = "", ...others] = marks(path)
    this.#mark = mark
    this.#name(mark === "" ? [] : [mark, ...others])
    this.#fd = open(path)
  }

  /** Why the last write failed. The anchor in the file stays valid, but does not detect the loss of later events. */
  get failure(): StorageFailure | undefined {
    return this.#failure
  }

  /** `json`: the event at the head as wire JSON; undefined if it is not retained. A storage fault does not throw, because the event is already committed. */
  write(head: number, json: string | undefined): void {
    this.#last = { head, hash: json === undefined ? "" : hashOf(json) }
    this.#put()
  }

  /** Renames the mark. After a crash or a power loss at any point, the anchor still names the mark in the directory. */
  renew(): void {
    const before = marks(this.#path)
    const next = randomBytes(4).toString("hex")
    this.#name([...before, next])
    this.#put()
    fsyncSync(this.#fd)
    const [kept, ...others] = before
    if (kept === undefined) closeSync(open(at(this.#path, next)))
    else renameSync(at(this.#path, kept), at(this.#path, next))
    for (const other of others) renameSync(at(this.#path, other), at(this.#path, next))
    sync(dirname(this.#path))
    this.#mark = next
    this.#name([next])
    this.#put()
  }

  /** Writes the anchor and the mark again if they were removed or replaced. Call it only while the database is the opened one. Returns whether it wrote. */
  restore(): boolean {
    const found = statSync(this.#path, { throwIfNoEntry: false })
    const opened = fstatSync(this.#fd)
    const isSame = found !== undefined && found.ino === opened.ino && found.dev === opened.dev
    const isMarked = statSync(at(this.#path, this.#mark), { throwIfNoEntry: false }) !== undefined
    if (isSame && isMarked && this.#failure === undefined) return false
    if (!isMarked) closeSync(open(at(this.#path, this.#mark)))
    const fd = open(this.#path)
    closeSync(this.#fd)
    this.#fd = fd
    this.#put()
    return true
  }

  close(): void {
    closeSync(this.#fd)
  }

  #name(names: ReadonlyArray<string>): void {
    const database = JSON.stringify(identify(this.#database))
    this.#start = `{"epoch":${JSON.stringify(this.#epoch)},"database":${database},"marks":${JSON.stringify(names.slice(-4))},"head":`
  }

  #put(): void {
    const length = this.#buffer.write(`${this.#start}${this.#last.head},"hash":"${this.#last.hash}"}`, 0, size - 1, "latin1")
    this.#buffer.fill(0x20, length, size - 1)
    try {
      writeSync(this.#fd, this.#buffer, 0, size, 0)
      this.#failure = undefined
    } catch (cause) {
      const failure = asFailure(cause)
      if (!(failure instanceof StorageFailure)) throw cause
      this.#failure = failure
    }
  }
}
