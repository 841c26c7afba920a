/**
 * Encoded pages: the bytes of a page are made once for all who read it. Keyed by what a page is (the log never changes), bounded in bytes,
 * the oldest goes first; what nobody reads any more is dropped after a while. Followers that lag together, after a restart or behind a fast agent, read and encode each page once.
 */
import { Effect, type Scope } from "effect"
import type { Page } from "@millrace/log/EventLog"

/** Sockets take some MiB before they push back, one more than another: so far apart are readers that began together. */
const defaultMaxBytes = 32 * 1024 * 1024

/** What an entry costs beside its bytes, with room to spare: a page at the head may be one small event. */
const entryBytes = 1024
const costOf = (block: Block | undefined) => (block === undefined ? 0 : block.bytes.length + entryBytes)

interface Block {
  readonly upTo: number
  readonly bytes: Buffer
  /** Read since the last `age`. */
  used: boolean
}

/** What nobody read for this long, and no longer than twice as long, is dropped. */
export const ageEvery = "30 seconds"

export class Blocks {
  readonly #maxBytes: number
  readonly #blocks = new Map<string, Block>()
  #held = 0

  constructor(maxBytes = defaultMaxBytes) {
    this.#maxBytes = maxBytes
  }

  /** The bytes of this page. */
  of(page: Page, stream: string | undefined, encode: () => Buffer): Buffer {
    // A page that ends below the head may end there for everybody; one at the head is longer for those who come later.
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

  /** The whole page of the log that follows this offset. */
  find(after: number): { readonly upTo: number; readonly bytes: Buffer } | undefined {
    const found = this.#blocks.get(`${after}`)
    if (found !== undefined) found.used = true
    return found
  }

  /** Drops what nobody read since the last call. */
  age(): void {
    for (const [key, block] of this.#blocks) {
      if (!block.used) {
        this.#blocks.delete(key)
        this.#held -= costOf(block)
      }
      block.used = false
    }
  }

  /** Bytes that are kept, with what the entries cost. */
  get held(): number {
    return this.#held
  }
}

/** Those of a server: a fiber of the scope drops what nobody reads any more. */
export const aging: Effect.Effect<Blocks, never, Scope.Scope> = Effect.suspend(() => {
  const blocks = new Blocks()
  return Effect.sync(() => blocks.age()).pipe(Effect.delay(ageEvery), Effect.forever, Effect.forkScoped, Effect.as(blocks))
})
