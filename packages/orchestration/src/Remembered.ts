/**
 * A bounded set of ids: keeps at least the newest 1,024, and fewer than twice as many (R7). Immutable, as all folded state; constant work per id.
 */
import { HashSet } from "effect"

/** The number of newest ids that are always kept. */
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
