/** `GET /v1/responses/ID` and its input items: any turn of the log as a response, also one that still runs or that came through another interface. */
import { Effect } from "effect"
import type { ThreadView, TurnView } from "@millrace/contracts/State"
import { EventLog, type View } from "@millrace/log/EventLog"
import { itemsOf } from "@millrace/orchestration/readmodel/TurnEnd"
import { storageUnavailable } from "@millrace/log/StorageError"
import { responseId, turnOfResponse } from "./ContinuedThread.ts"
import { fromWire, invalid } from "./Failure.ts"
import * as Responses from "./Responses.ts"

const notFound = invalid("response_id", "There is no response with this id.", "response_not_found", 404)

interface Found {
  readonly turn: TurnView
  readonly thread: ThreadView
  /** The previous turn of the thread that a user requested. */
  readonly previous: TurnView | undefined
  readonly items: ReturnType<typeof itemsOf>["items"]
}

const pageTurns = 20

const before = (view: View, turn: TurnView, rank: number): TurnView | undefined => {
  let place = rank
  for (;;) {
    const rows = view.rows({ collection: "turn", parent: turn.threadId, before: place, limit: pageTurns })
    const found = rows.map(({ value }) => value as TurnView).find(({ origin }) => origin === "user")
    if (found !== undefined || rows.length < pageTurns) return found
    place = rows.at(-1)?.rank ?? 0
  }
}

const lookFor =
  (id: string) =>
  (view: View): Found | undefined => {
    const row = view.row("turn", turnOfResponse(id))
    if (row === undefined || !id.startsWith("resp_")) return undefined
    const turn = row.value as TurnView
    const thread = (view.row("thread", turn.threadId) ?? view.row("thread-archived", turn.threadId))?.value as
      | ThreadView
      | undefined
    if (thread === undefined) return undefined
    return { turn, thread, previous: before(view, turn, row.rank), items: itemsOf(view, turn).items }
  }

const find = (id: string) =>
  Effect.flatMap(EventLog, (log) => log.view(lookFor(id))).pipe(
    Effect.mapError((error) => fromWire(storageUnavailable(error))),
    Effect.filterOrFail(
      (found) => found !== undefined,
      () => notFound
    )
  )

/** The response with this id. Instructions and metadata of a call are not stored separately: they read as null and empty. */
export const response = (id: string) =>
  Effect.map(find(id), ({ items, previous, thread, turn }) =>
    Responses.stored(
      {
        id,
        model: thread.model === undefined ? thread.provider : `${thread.provider}/${thread.model}`,
        previous: previous === undefined ? null : responseId(previous.turnId),
        instructions: null,
        metadata: {},
        store: true,
        ignored: [],
        plain: false
      },
      turn,
      items
    )
  )

export const inputItems = (id: string) => Effect.map(find(id), ({ turn }) => Responses.inputOf(turn))
