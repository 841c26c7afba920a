/** Bounds the number of entries that an adapter keeps for items or tools that its agent may never end (R7). */

/** Removes the oldest entries beyond `most`. Constant work when it is called after each addition. */
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

/** Maximum running tools of one turn that are tracked. With one more, the end of the oldest is not recognised. */
export const tools = 1024
