/** The end of a turn: its outcome and its items, read at one position of the log. */
import type { ThreadId, TurnId } from "@millrace/contracts/Ids"
import type { ItemView } from "@millrace/contracts/Item"
import type { TurnView } from "@millrace/contracts/State"
import type { LogUnavailable, Queryable } from "@millrace/log/EventLog"
import * as Query from "@millrace/log/Query"
import * as Turn from "@millrace/model/Turn"
import { Effect } from "effect"
import * as Collections from "./Collections.ts"
import { withTexts } from "./OpenTexts.ts"

export interface TurnEnd {
  /**
   * `deleted`: the thread was deleted, or the state at this position does not hold the turn.
   */
  readonly outcome: Turn.Outcome | "deleted"
  /** The offset at which the rows were read. */
  readonly at: number
  /** The end of a turn, with reason, error and usage if there are any. */
  readonly turn: TurnView | undefined
  /** The turn's items, by start; only the newest, up to 4 MiB. */
  readonly items: ReadonlyArray<ItemView>
  /** Older items were left out. */
  readonly truncated: boolean
}

/** Maximum bytes of items in a `TurnEnd`. */
const maxBytes = 4 * 1024 * 1024

interface Address {
  readonly threadId: ThreadId
  readonly turnId: TurnId
}

/** The part of a query that shows whether a turn has ended. A deleted thread has no rows of turns. */
export const outcomeParts = ({ turnId }: Pick<Address, "turnId">) => ({ turn: Query.row(Collections.turn, turnId) })

/** `undefined` while the turn is queued, runs or waits. */
export const outcomeOf = ({ turn }: Query.Answer<ReturnType<typeof outcomeParts>>): TurnEnd["outcome"] | undefined =>
  turn === undefined ? "deleted" : Turn.outcomeOfTurn(turn.value)

const itemRows = ({ threadId, turnId }: Address, bound: Pick<Query.RowQuery, "since" | "maxScanned">) =>
  Query.rows(Collections.item, {
    parent: threadId,
    where: [{ field: "turnId", is: turnId }],
    limit: Number.MAX_SAFE_INTEGER,
    maxBytes,
    ...bound
  })

/** The part of a query that reads the turn's items, newest first. An item never begins before its turn was requested, except in an imported turn. */
export const itemsPart = (turn: Address) => itemRows(turn, { since: Query.rowKey(Collections.turn, turn.turnId) })

/** Maximum number of items of the thread that are read to find the items of an imported turn. */
const maxScanned = 10_000

/** The items of an answer to `itemsPart`, by start; only the newest, up to 4 MiB. */
export const itemsOf = (log: Queryable, turn: Address, answer: Query.Answer<{ items: ReturnType<typeof itemsPart> }>) =>
  Effect.gen(function* () {
    // An import writes a turn after its items, so their ranks are below that of the turn. Every other turn has at least its prompt.
    const { head, items } = answer.items.rows.length > 0 ? answer : yield* log.query({ items: itemRows(turn, { maxScanned }) })
    return yield* withTexts(log, head, turn.threadId, items.rows.toReversed())
  })

/** The turn's items now. */
export const currentItems = (log: Queryable, turn: Address) =>
  Effect.flatMap(log.query({ items: itemsPart(turn) }), (answer) => itemsOf(log, turn, answer))

/** The end at the head; `undefined` while the turn is queued, runs or waits. */
export const endOf = (log: Queryable, turn: Address): Effect.Effect<TurnEnd | undefined, LogUnavailable> =>
  Effect.gen(function* () {
    const found = yield* log.query({ ...outcomeParts(turn), items: itemsPart(turn) })
    const outcome = outcomeOf(found)
    if (outcome === undefined) return undefined
    const at = found.head
    if (found.turn === undefined) return { outcome, at, turn: undefined, items: [], truncated: false }
    return {
      outcome,
      at,
      turn: found.turn.value,
      items: yield* itemsOf(log, turn, found),
      truncated: found.items.next !== undefined
    }
  })
