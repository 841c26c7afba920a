/**
 * Cache of encoded pages. Each page is read and encoded once for all subscribers, including those that lag together after a restart or behind a
 * fast agent. The key is the bounds and the filter of a page: within one generation of the log, such a page never changes. The cache is bounded in bytes. It
 * evicts the oldest page first, and drops a page that no subscriber has read for `ageEvery`.
 */
import { Effect, type Scope } from "effect"
import type { Page } from "@millrace/log/EventLog"

/** Subscribers that start together drift apart by the size of their kernel socket buffers, a few MiB each. The cache covers that distance. */
const defaultMaxBytes = 32 * 1024 * 1024

/** Estimated overhead of an entry in bytes, generous: a page at the head may be one small event. */
const entryBytes = 1024
const costOf = (encoded: EncodedPage | undefined) => (encoded === undefined ? 0 : encoded.bytes.length + entryBytes)

interface EncodedPage {
  readonly upTo: number
  readonly bytes: Buffer
  /** Whether it was read since the last `age`. */
  used: boolean
}

/** A page is dropped when it is unused for one to two times this long. */
export const ageEvery = "30 seconds"

export class EncodedPageCache {
  readonly #maxBytes: number
  readonly #pages = new Map<string, EncodedPage>()
  #held = 0
  #generation = 0

  constructor(maxBytes = defaultMaxBytes) {
    this.#maxBytes = maxBytes
  }

  /** The bytes of this page. It is encoded unless it is cached. */
  of(page: Page, stream: string | undefined, encode: () => Buffer): Buffer {
    // A page that ends below the head is the same for every subscriber. A page that ends at the head (or at the head of an attach) is longer for later
    // subscribers, so its key contains its end.
    const isOpen = page.upTo >= page.head
    const key = stream === undefined && !isOpen ? `${page.after}` : `${page.after}-${page.upTo} ${stream ?? ""}`
    this.#enter(page.generation)
    // A page that was read before the last deletion of a thread is for its own subscriber only.
    if (page.generation < this.#generation) return encode()
    const known = this.#pages.get(key)
    if (known !== undefined && known.upTo === page.upTo) {
      known.used = true
      return known.bytes
    }
    const encoded = { upTo: page.upTo, bytes: encode(), used: true }
    this.#pages.set(key, encoded)
    this.#held += costOf(encoded) - costOf(known)
    for (const [oldest, evicted] of this.#pages) {
      if (this.#held <= this.#maxBytes) break
      this.#pages.delete(oldest)
      this.#held -= costOf(evicted)
    }
    return encoded.bytes
  }

  /** Drops the pages of earlier generations, because they contain events of deleted threads. */
  #enter(generation: number): void {
    if (generation <= this.#generation) return
    this.#generation = generation
    this.#pages.clear()
    this.#held = 0
  }

  /** The cached page of the unfiltered log after this offset. `generation`: the present generation of the log. */
  find(after: number, generation: number): { readonly upTo: number; readonly bytes: Buffer } | undefined {
    this.#enter(generation)
    const found = this.#pages.get(`${after}`)
    if (found !== undefined) found.used = true
    return found
  }

  /** Drops the pages that were not read since the last call. */
  age(): void {
    for (const [key, encoded] of this.#pages) {
      if (!encoded.used) {
        this.#pages.delete(key)
        this.#held -= costOf(encoded)
      }
      encoded.used = false
    }
  }

  /** Cached bytes, with the overhead of the entries. */
  get held(): number {
    return this.#held
  }
}

/** The cache of one transport. A fiber of the scope drops unused pages. */
export const make: Effect.Effect<EncodedPageCache, never, Scope.Scope> = Effect.suspend(() => {
  const pages = new EncodedPageCache()
  return Effect.sync(() => pages.age()).pipe(Effect.delay(ageEvery), Effect.forever, Effect.forkScoped, Effect.as(pages))
})
