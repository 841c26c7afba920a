/**
 * A set of ids that forgets the oldest: it keeps the newest 1,024 at least, and fewer than twice as many (R7). A value, as all folded state;
 * constant work for each id.
 */
import { HashSet } from "effect"

/** Ids that are kept at least. */
export const kept = 1024

export interface Remembered {
  readonly newer: HashSet.HashSet<string>
  readonly older: HashSet.HashSet<string>
}

export const empty: Remembered = { newer: HashSet.empty(), older: HashSet.empty() }

export const add = ({ newer, older }: Remembered, id: string): Remembered => {
  const next = HashSet.add(newer, id)
  return HashSet.size(next) < kept ? { newer: next, older } : { newer: HashSet.empty(), older: next }
}

export const has = ({ newer, older }: Remembered, id: string): boolean => HashSet.has(newer, id) || HashSet.has(older, id)

export const some = ({ newer, older }: Remembered, is: (id: string) => boolean): boolean =>
  HashSet.some(newer, is) || HashSet.some(older, is)

export const size = ({ newer, older }: Remembered): number => HashSet.size(newer) + HashSet.size(older)
