/** The blobs of a log in memory, with the rules of `SqliteBlobs`. */
import type { Blob, BlobHead, BlobReference } from "./Blob.ts"
import { BlobMissing } from "./EventLog.ts"
import type { BlobStorage, Finish } from "./Storage.ts"

interface Stored {
  head: BlobHead | undefined
  /** The same as in `SqliteBlobs`. */
  at: number | undefined
  readonly parts: Array<Uint8Array>
  readonly streams: Set<string>
}

export class MemoryBlobs implements BlobStorage {
  readonly #blobs = new Map<number, Stored>()
  #ids = 0

  #add(at: number | undefined): readonly [number, Stored] {
    const stored: Stored = { head: undefined, at, parts: [], streams: new Set() }
    this.#blobs.set(++this.#ids, stored)
    return [this.#ids, stored]
  }
  #named(hash: string): readonly [number, Stored & { head: BlobHead }] | undefined {
    for (const [id, stored] of this.#blobs) if (stored.head?.hash === hash) return [id, stored as Stored & { head: BlobHead }]
    return undefined
  }
  readonly begin = (at: number): number => this.#add(at)[0]
  readonly addPart = (id: number, part: number, content: Uint8Array): void => {
    const stored = this.#blobs.get(id)
    if (stored !== undefined) stored.parts[part] = content.slice()
  }
  readonly finish = (id: number, head: BlobHead, at: number, { typed }: Finish): void => {
    const known = this.#named(head.hash)
    if (known !== undefined) {
      known[1].at = at
      if (typed) known[1].head = { ...known[1].head, mediaType: head.mediaType }
      return this.abandon(id)
    }
    const stored = this.#blobs.get(id)
    if (stored !== undefined) Object.assign(stored, { head, at })
  }
  readonly abandon = (id: number): void => {
    const stored = this.#blobs.get(id)
    if (stored !== undefined) stored.at = -1
  }
  readonly find = (hash: string) => {
    const known = this.#named(hash)
    return known === undefined ? undefined : { ...known[1].head, id: known[0] }
  }
  readonly part = (id: number, part: number) => this.#blobs.get(id)?.parts[part]?.slice()

  /** Part of a commit. Throws before it changes anything if a reference names no blob. */
  write(blobs: ReadonlyArray<Blob>, references: ReadonlyArray<BlobReference>): void {
    for (const { hash, stream } of references)
      if (this.#named(hash) === undefined && !blobs.some((blob) => blob.hash === hash)) throw new BlobMissing({ stream, hash })
    for (const { parts, ...head } of blobs) {
      if (this.#named(head.hash) !== undefined) continue
      const [, stored] = this.#add(undefined)
      stored.head = head
      stored.parts.push(...parts)
    }
    for (const { hash, stream } of references) {
      const stored = this.#named(hash)![1]
      stored.streams.add(stream)
      stored.at = undefined
    }
  }

  /** Part of a commit. */
  forget(stream: string): void {
    for (const [id, stored] of this.#blobs) if (stored.streams.delete(stream) && stored.streams.size === 0) this.#blobs.delete(id)
  }

  readonly sweep = (before: number): boolean => {
    for (const [id, stored] of this.#blobs) {
      if (stored.at === undefined || stored.at >= before) continue
      if (stored.streams.size > 0) stored.at = undefined
      else this.#blobs.delete(id)
      return true
    }
    return false
  }
}
