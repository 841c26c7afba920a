/**
 * A bounded set of ids: keeps the newest 1,024 ids and fewer than 1,024 older ids (R7). Immutable; adding an id is constant work.
 */
import { HashSet } from "effect"

/** The number of newest ids that are always kept. */
export const kept = 1024

export interface RecentIds {
  readonly newer: HashSet.HashSet<string>
  readonly older: HashSet.HashSet<string>
}

export const empty: RecentIds = { newer: HashSet.empty(), older: HashSet.empty() }

export const add = ({ newer, older }: RecentIds, id: string): RecentIds => {
  const next = HashSet.add(newer, id)
  return HashSet.size(next) < kept ? { newer: next, older } : { newer: HashSet.empty(), older: next }
}

export const has = ({ newer, older }: RecentIds, id: string): boolean => HashSet.has(newer, id) || HashSet.has(older, id)

export const some = ({ newer, older }: RecentIds, is: (id: string) => boolean): boolean =>
  HashSet.some(newer, is) || HashSet.some(older, is)

export const size = ({ newer, older }: RecentIds): number => HashSet.size(newer) + HashSet.size(older)
