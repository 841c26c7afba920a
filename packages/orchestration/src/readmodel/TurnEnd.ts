/** How a turn ended, read from state at one position: its outcome and its items. */
import type { ThreadId, TurnId } from "@millrace/contracts/Ids"
import type { ItemView } from "@millrace/contracts/Item"
import type { TurnView } from "@millrace/contracts/State"
import type { View } from "@millrace/log/EventLog"
import * as Item from "@millrace/model/Item"
import * as Turn from "@millrace/model/Turn"
import { openTexts } from "./OpenTexts.ts"
import type { ThreadRow } from "./ThreadRow.ts"

export interface TurnEnd {
  /**
   * `deleted`: the thread was deleted before the turn completed or failed, or the state at this position does not hold the turn.
   */
  readonly outcome: Turn.Outcome | "deleted"
  /** The offset of that state. */
  readonly at: number
  /** With reason, error and usage where there are any. */
  readonly turn: TurnView | undefined
  /** The turn's items, by start; only the newest, up to 4 MiB. */
  readonly items: ReadonlyArray<ItemView>
  /** Older items were left out. */
  readonly truncated: boolean
}

/** Most JSON characters of items in a `TurnEnd`. */
const maxItems = 4 * 1024 * 1024
const rowsAtATime = 200

interface Address {
  readonly threadId: ThreadId
  readonly turnId: TurnId
}

/** The turn's items at the view's head, by start; only the newest, up to 4 MiB. */
export const itemsOf = (
  view: View,
  { threadId, turnId }: Address
): { readonly items: ReadonlyArray<ItemView>; readonly truncated: boolean } => {
  const found: Array<{ readonly item: ItemView; readonly startedAt: number }> = []
  // No item of the turn began before the turn was requested.
  const requestedAt = view.row("turn", turnId)?.rank ?? Number.MAX_SAFE_INTEGER
  let size = 0
  let truncated = false
  let before = Number.MAX_SAFE_INTEGER
  while (before > requestedAt && !truncated) {
    const rows = view.rows({ collection: "item", parent: threadId, before, limit: rowsAtATime })
    for (const { rank, value } of rows) {
      const item = value as ItemView
      if (item.turnId !== turnId) continue
      size += JSON.stringify(item).length
      truncated = size > maxItems && found.length > 0
      if (truncated) break
      found.push({ item, startedAt: rank })
    }
    before = rows.at(-1)?.rank ?? 0
  }
  const open = found.flatMap(({ item, startedAt }) => (item.status === "open" ? [{ itemId: item.itemId, startedAt }] : []))
  const texts = openTexts(view, threadId, open)
  return { items: found.toReversed().map(({ item }) => Item.withText(item, texts.get(item.itemId)?.text ?? "")), truncated }
}

/** The end at the view's head; `undefined` while the turn is queued, runs or waits. */
export const endOf = (view: View, turn: Address): TurnEnd | undefined => {
  const known = view.row("turn", turn.turnId)?.value as TurnView | undefined
  const thread = view.row("thread-state", turn.threadId)?.value as ThreadRow | undefined
  const at = view.head
  if (known === undefined || thread === undefined) return { outcome: "deleted", at, turn: undefined, items: [], truncated: false }
  const over = Turn.outcome(known)
  if (over === undefined && !thread.deleted) return undefined
  const outcome = thread.deleted && (over === undefined || over === "interrupted") ? "deleted" : (over ?? "deleted")
  return { outcome, at, turn: known, ...itemsOf(view, turn) }
}
