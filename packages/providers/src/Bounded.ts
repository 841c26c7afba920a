/** What an adapter remembers of things that its agent may never end is bounded by number (R7). */

/** Removes the oldest entries while there are more than `most`. Constant work where it follows each addition. */
export const trim = <K>(
  entries: { readonly size: number; readonly keys: () => Iterable<K>; readonly delete: (key: K) => boolean },
  most: number
): void => {
  if (entries.size <= most) return
  for (const oldest of entries.keys()) {
    if (entries.size <= most) return
    entries.delete(oldest)
  }
}

/** Tools of one turn that run at the same time. One more, and the oldest is not recognised when it ends. */
export const tools = 1024
