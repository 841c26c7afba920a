/** The point of a conversation at which a fork begins, as its agent knows it, and what the agent copies when the fork's first session opens. */
import type { ForkSource } from "@millrace/contracts/State"
import { threadStream, type TurnId } from "@millrace/contracts/Ids"
import type { Queryable } from "@millrace/log/EventLog"
import * as Query from "@millrace/log/Query"
import { Effect } from "effect"
import * as Collections from "./Collections.ts"
import * as History from "./History.ts"

export type Source = History.Source

/** Maximum number of pages of events that are read to find the agent's id of one turn. The first page has few events, because a turn mostly starts right after its request. */
const maxPages = 16
const firstPage = 20

/** The agent's id of a turn, from the event of its start. `rank`: the offset of the turn's first event. `undefined`: the agent has none, or the event is no longer kept. */
const nativeTurnIdOf = (log: Queryable, threadId: Source["threadId"], turnId: TurnId, rank: number) =>
  Effect.gen(function* () {
    let after = rank - 1
    for (let pages = 0; pages < maxPages; pages++) {
      const options = { after, stream: threadStream(threadId), limit: pages === 0 ? firstPage : 1000 }
      const { page } = yield* log.query({ page: Query.events(options) })
      for (const { json, type } of page.events) {
        if (type !== "turn.started" && type !== "turn.imported") continue
        const { data } = JSON.parse(json) as { readonly data: { readonly turnId?: string; readonly nativeTurnId?: string } }
        if (data.turnId === turnId) return data.nativeTurnId
      }
      if (page.upTo >= page.head) return undefined
      after = page.upTo
      yield* Effect.yieldNow()
    }
    return undefined
  })

/** The agent's id of the last turn of the source that a fork has, which is made now. `undefined`: no turn, or one without such an id. */
export const find = (log: Queryable, source: Source) =>
  Effect.gen(function* () {
    const { threadId } = source
    const last =
      source.turnId === undefined && source.before === undefined
        ? yield* History.lastTurnOf(log, threadId)
        : (yield* History.lastTurnsOf(log, source, "", 1)).at(0)
    return last === undefined ? undefined : yield* nativeTurnIdOf(log, threadId, last.turnId, last.rank)
  })

/** The part of the source's conversation that the agent of a fork may copy. `UpTo`: the agent's id of the last turn. `None`: it gets the transcript. */
export type Copy = { readonly _tag: "All" } | { readonly _tag: "UpTo"; readonly nativeTurnId: string } | { readonly _tag: "None" }

/** Whether the source's conversation has the turns of the fork and no others now. `createdAt`: of the fork. */
const isUnchanged = (log: Queryable, { before, threadId, turnId }: Source, createdAt: string, turns: number) =>
  Effect.gen(function* () {
    if (before !== undefined || turns > 0) return false
    const last = yield* History.lastTurnOf(log, threadId)
    // A fork of an older version names its last turn only if it was made at a turn.
    return turnId === undefined
      ? last === undefined || (last.endedAt !== undefined && last.endedAt <= createdAt)
      : last?.turnId === turnId
  })

/** What the agent may copy now. All of it if the source has no other turns; or if the source was deleted, because the log then has no transcript. */
export const copyOf = (log: Queryable, source: typeof ForkSource.Type, createdAt: string) =>
  Effect.gen(function* (): Effect.fn.Return<Copy, Effect.Effect.Error<ReturnType<typeof History.lastTurnOf>>> {
    const { nativeTurnId } = source
    const { row } = yield* log.query({ row: Query.row(Collections.threadState, source.threadId) })
    const isDeleted = row === undefined || row.value.deleted
    if (!isDeleted && (yield* isUnchanged(log, source, createdAt, row.value.turns.length))) return { _tag: "All" }
    if (nativeTurnId !== undefined) return { _tag: "UpTo", nativeTurnId }
    return { _tag: isDeleted ? "All" : "None" }
  })
