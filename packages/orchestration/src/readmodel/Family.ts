/** The tree of a thread: its ancestors and descendants by `parentThreadId`. */
import type { ThreadId } from "@millrace/contracts/Ids"
import type { LogUnavailable, Queryable } from "@millrace/log/EventLog"
import * as Query from "@millrace/log/Query"
import { Effect } from "effect"
import * as Collections from "./Collections.ts"

export interface Family {
  /** Number of ancestors. */
  readonly depth: number
  /** All threads of its tree, without the root. */
  readonly members: ReadonlyArray<Collections.Child>
  /** The threads below it, the nearest first. */
  readonly descendants: ReadonlyArray<ThreadId>
}

/** Most generations below the root. */
export const maxDepth = 3
/** Most threads below the root. Forks and creations beyond it are rejected. */
export const maxMembers = 32
/** Most threads that are read of one tree. */
const maxRead = 1000

/** The threads below a thread, the nearest first. One query for each generation. */
const below = (log: Queryable, root: ThreadId): Effect.Effect<ReadonlyArray<Collections.Child>, LogUnavailable> =>
  Effect.gen(function* () {
    const found: Array<Collections.Child> = []
    let generation: ReadonlyArray<ThreadId> = [root]
    while (generation.length > 0 && found.length < maxRead) {
      const parts = generation.map((parent) => [parent, Query.rows(Collections.child, { parent, limit: maxRead })] as const)
      const pages = yield* log.query(Object.fromEntries(parts))
      const children = generation.flatMap((parent) => pages[parent]?.rows.map(({ value }) => value) ?? [])
      found.push(...children)
      generation = children.map(({ threadId }) => threadId)
    }
    return found
  })

/** The ids of the threads below a thread. */
export const descendants = (log: Queryable, threadId: ThreadId) =>
  Effect.map(below(log, threadId), (found) => found.map((one) => one.threadId))

/** The members below a thread, nearest first. */
export const within = (members: ReadonlyArray<Collections.Child>, threadId: ThreadId): ReadonlyArray<ThreadId> => {
  const found: Array<ThreadId> = [threadId]
  for (let at = 0; at < found.length; at++)
    for (const member of members) if (member.parentThreadId === found[at]) found.push(member.threadId)
  return found.slice(1)
}

/** The tree of a thread, read from the log. */
export const load = (log: Queryable, threadId: ThreadId): Effect.Effect<Family, LogUnavailable> =>
  Effect.gen(function* () {
    let root = threadId
    let depth = 0
    for (;;) {
      const { row } = yield* log.query({ row: Query.row(Collections.child, root) })
      if (row === undefined || depth > maxDepth) break
      root = row.value.parentThreadId
      depth++
    }
    const members = yield* below(log, root)
    return { depth, members, descendants: within(members, threadId) }
  })
