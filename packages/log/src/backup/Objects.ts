/** The files of a backup: `objects/<SHA-256 of the content>`, mode 0600. An object is never changed. Errors of the file system are thrown. */
import { createHash, hash } from "node:crypto"
import {
  closeSync,
  fdatasyncSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync
} from "node:fs"
import { join } from "node:path"
import type { Stored } from "./Manifest.ts"

const chunkBytes = 1024 * 1024

/** SHA-256 and size of a file, read in pieces. */
export const digest = (file: string): Stored => {
  const sha = createHash("sha256")
  const buffer = Buffer.allocUnsafe(chunkBytes)
  const fd = openSync(file, "r")
  try {
    let bytes = 0
    for (let read = -1; read !== 0; bytes += read) sha.update(buffer.subarray(0, (read = readSync(fd, buffer))))
    return { object: sha.digest("hex"), bytes }
  } finally {
    closeSync(fd)
  }
}

/** Bytes that are written between two syncs. */
const pieceBytes = 4 * chunkBytes

const copyInPieces = (from: string, to: string): void => {
  const buffer = Buffer.allocUnsafe(pieceBytes)
  const source = openSync(from, "r")
  try {
    const target = openSync(to, "w", 0o600)
    try {
      for (let read = readSync(source, buffer); read > 0; read = readSync(source, buffer)) {
        writeFileSync(target, buffer.subarray(0, read))
        fdatasyncSync(target)
      }
    } finally {
      closeSync(target)
    }
  } finally {
    closeSync(source)
  }
}

export const sync = (path: string): void => {
  const fd = openSync(path, "r")
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

export class Objects {
  readonly #folder: string
  /** Objects of the current manifest: complete and on the disk. */
  readonly #kept: ReadonlyMap<string, number>
  readonly #written = new Map<string, number>()

  constructor(directory: string, kept: ReadonlyMap<string, number> = new Map()) {
    this.#folder = join(directory, "objects")
    this.#kept = kept
  }

  path(object: string): string {
    return join(this.#folder, object)
  }

  /** Objects and bytes that were added. */
  get added(): { readonly objects: number; readonly bytes: number } {
    return { objects: this.#written.size, bytes: [...this.#written.values()].reduce((sum, bytes) => sum + bytes, 0) }
  }

  /** Creates the folder. */
  open(): void {
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 })
  }

  /** Whether the object is complete. An object that no manifest names may have been cut by a power loss. */
  has({ bytes, object }: Stored): boolean {
    return (
      this.#written.has(object) ||
      (this.#kept.get(object) === bytes && statSync(this.path(object), { throwIfNoEntry: false })?.size === bytes)
    )
  }

  put(content: Uint8Array): Stored {
    const stored = { object: hash("sha256", content), bytes: content.length }
    this.#add(stored, (temporary) => writeFileSync(temporary, content, { mode: 0o600 }))
    return stored
  }

  /** Adds a file of any size. It is copied in synced pieces: one sync of a large file would delay the commits of a server on the same disk. */
  copy(file: string): Stored {
    const stored = digest(file)
    this.#add(stored, (temporary) => copyInPieces(file, temporary))
    return stored
  }

  /** The paths to sync after the last object was added, the folder last. */
  get unsynced(): ReadonlyArray<string> {
    return [...Array.from(this.#written.keys(), (object) => this.path(object)), this.#folder]
  }

  /** Deletes every file that is not one of these objects. */
  keepOnly(objects: ReadonlyMap<string, number>): void {
    for (const name of readdirSync(this.#folder)) if (!objects.has(name)) rmSync(this.path(name), { force: true })
  }

  #add(stored: Stored, write: (temporary: string) => void): void {
    if (this.has(stored)) return
    const temporary = `${this.path(stored.object)}.partial`
    write(temporary)
    renameSync(temporary, this.path(stored.object))
    this.#written.set(stored.object, stored.bytes)
  }
}
