/**
 * Splits bytes into lines, at 0x0A only: U+2028, CR and form feeds are content. Bytes are split before they are decoded, so the lines do not depend on
 * the chunks (P3). The work is linear in the bytes for any chunk size.
 */

/** Maximum bytes of one line; a longer line ends the session (P3). */
export const defaultLimitBytes = 32 * 1024 * 1024

export interface Framed {
  /** Complete lines, without the 0x0A. A line that lies in one chunk is a view of that chunk: decode it before the next push. */
  readonly lines: ReadonlyArray<Buffer>
  /** A line exceeded the limit: its length so far and its first bytes, at most 4 KiB. The framer returns nothing after it. */
  readonly overflow?: { readonly bytes: number; readonly head: Buffer }
}

export interface Framer {
  readonly push: (chunk: Buffer) => Framed
  /** Call at end of file: the bytes after the last 0x0A. */
  readonly end: () => Buffer | undefined
}

const none: Framed = { lines: [] }

export const make = (limitBytes: number = defaultLimitBytes): Framer => {
  let parts: Array<Buffer> = []
  let held = 0
  let closed = false

  const take = (last: Buffer): Buffer => {
    if (parts.length === 0) return last
    parts.push(last)
    const line = Buffer.concat(parts, held + last.length)
    parts = []
    held = 0
    return line
  }
  const overflow = (lines: ReadonlyArray<Buffer>, rest: Buffer): Framed => {
    const bytes = held + rest.length
    const head = Buffer.concat([...parts, rest].slice(0, 64)).subarray(0, 4096)
    closed = true
    parts = []
    held = 0
    return { lines, overflow: { bytes, head } }
  }

  return {
    push: (chunk) => {
      if (closed) return none
      const lines: Array<Buffer> = []
      let from = 0
      for (;;) {
        const at = chunk.indexOf(0x0a, from)
        const rest = chunk.subarray(from, at === -1 ? chunk.length : at)
        if (held + rest.length > limitBytes) return overflow(lines, rest)
        if (at === -1) {
          if (rest.length > 0) {
            parts.push(rest)
            held += rest.length
          }
          return { lines }
        }
        lines.push(take(rest))
        from = at + 1
      }
    },
    end: () => {
      const rest = closed || held === 0 ? undefined : take(Buffer.alloc(0))
      closed = true
      return rest
    }
  }
}
