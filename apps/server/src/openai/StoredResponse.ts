/** `GET /v1/responses/ID` and its input items: any turn of the log as a response, also one that still runs or that came through another interface. */
import { Effect } from "effect"
import { EventLog } from "@millrace/log/EventLog"
import * as Query from "@millrace/log/Query"
import * as Collections from "@millrace/orchestration/readmodel/Collections"
import { itemsOf, itemsPart } from "@millrace/orchestration/readmodel/TurnEnd"
import { storageUnavailable } from "@millrace/log/StorageError"
import { query, responseId, turnRow } from "./ContinuedThread.ts"
import { fromWire, invalid } from "./Failure.ts"
import * as Responses from "./Responses.ts"

const notFound = invalid("response_id", "There is no response with this id.", "response_not_found", 404)

/** The turn, its thread and items, and the previous turn of the thread that a user requested: all at one position. */
const find = (id: string) =>
  Effect.gen(function* () {
    // The thread of a turn never changes.
    const known = yield* turnRow(id)
    if (known === undefined) return yield* notFound
    const { threadId, turnId } = known
    const found = yield* query({
      turn: Query.row(Collections.turn, turnId),
      thread: Query.row(Collections.thread, threadId),
      archived: Query.row(Collections.threadArchived, threadId),
      previous: Query.rows(Collections.turn, {
        parent: threadId,
        before: Query.rowKey(Collections.turn, turnId),
        where: [{ field: "origin", is: "user" }],
        limit: 1
      }),
      items: itemsPart(known)
    })
    const thread = (found.thread ?? found.archived)?.value
    if (found.turn === undefined || thread === undefined) return yield* notFound
    const items = yield* Effect.mapError(itemsOf(yield* EventLog, known, found), (error) => fromWire(storageUnavailable(error)))
    return { turn: found.turn.value, thread, previous: found.previous.rows[0]?.value, items }
  })

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
