/**
 * Cache of encoded pages: a page is encoded once for all subscribers. Keyed by the bounds and the filter of a page (the log never changes), bounded in
 * bytes; the oldest page is evicted first, and an unused one after a while. Subscribers that lag together, after a restart or behind a fast agent, read
 * and encode each page once.
 */
import { Effect, type Scope } from "effect"
import type { Page } from "@millrace/log/EventLog"

/** Sized for the distance between subscribers that started together: kernel socket buffers accept a few MiB each before back-pressure. */
const defaultMaxBytes = 32 * 1024 * 1024

/** Estimated overhead of an entry in bytes, generous: a page at the head may be one small event. */
const entryBytes = 1024
const costOf = (block: Block | undefined) => (block === undefined ? 0 : block.bytes.length + entryBytes)

interface Block {
  readonly upTo: number
  readonly bytes: Buffer
  /** Whether it was read since the last `age`. */
  used: boolean
}

/** A page is dropped when it is unused for one to two times this long. */
export const ageEvery = "30 seconds"

export class Blocks {
  readonly #maxBytes: number
  readonly #blocks = new Map<string, Block>()
  #held = 0

  constructor(maxBytes = defaultMaxBytes) {
    this.#maxBytes = maxBytes
  }

  /** The bytes of this page, encoded unless they are cached. */
  of(page: Page, stream: string | undefined, encode: () => Buffer): Buffer {
    // A page that ends below the head ends there for every subscriber. A page at the head is longer for later ones, so its key has its end.
    const open = page.upTo >= page.head
    const key = stream === undefined && !open ? `${page.after}` : `${page.after}-${page.upTo} ${stream ?? ""}`
    const known = this.#blocks.get(key)
    if (known !== undefined && known.upTo === page.upTo) {
      known.used = true
      return known.bytes
    }
    const block = { upTo: page.upTo, bytes: encode(), used: true }
    this.#blocks.set(key, block)
    this.#held += costOf(block) - costOf(known)
    for (const [oldest, gone] of this.#blocks) {
      if (this.#held <= this.#maxBytes) break
      this.#blocks.delete(oldest)
      this.#held -= costOf(gone)
    }
    return block.bytes
  }

  /** The cached page of the unfiltered log after this offset. */
  find(after: number): { readonly upTo: number; readonly bytes: Buffer } | undefined {
    const found = this.#blocks.get(`${after}`)
    if (found !== undefined) found.used = true
    return found
  }

  /** Drops the pages that were not read since the last call. */
  age(): void {
    for (const [key, block] of this.#blocks) {
      if (!block.used) {
        this.#blocks.delete(key)
        this.#held -= costOf(block)
      }
      block.used = false
    }
  }

  /** Cached bytes, with the overhead of the entries. */
  get held(): number {
    return this.#held
  }
}

/** The cache of a server. A fiber of the scope drops unused pages. */
export const aging: Effect.Effect<Blocks, never, Scope.Scope> = Effect.suspend(() => {
  const blocks = new Blocks()
  return Effect.sync(() => blocks.age()).pipe(Effect.delay(ageEvery), Effect.forever, Effect.forkScoped, Effect.as(blocks))
})
