/** The parts of every subscription to the log: the state when the subscriber attaches, the query for its filter, frames and errors (D5, D6). */
import * as Cursor from "@millrace/contracts/Cursor"
import type { CursorError, StorageUnavailable } from "@millrace/contracts/Errors"
import type { LogEvent } from "@millrace/contracts/Event"
import type { Frame } from "@millrace/contracts/Frame"
import { type EventFilter, streamsOf } from "@millrace/contracts/Filter"
import type { EventLog, LogUnavailable } from "@millrace/log/EventLog"
import type { Position } from "@millrace/log/Position"
import * as Query from "@millrace/log/Query"
import { Effect } from "effect"
import * as Collections from "../readmodel/Collections.ts"
import { storageUnavailable } from "@millrace/log/StorageError"

type Log = typeof EventLog.Service

/** The `reason` of `end` frames. */
export const endReason = "The thread or project was deleted, or does not exist."

/** The state when a subscriber attaches, read at one position (D4). Reading it takes the same work however long the history is. */
export interface SubscriptionStart {
  readonly position: Position
  /** The number of open requests at the head, for `caught-up`. */
  readonly requests: number
  /** The followed streams that can have events after the head. Absent: all streams are followed. */
  readonly live: ReadonlySet<string> | undefined
}

const idOf = (stream: string) => stream.slice(stream.indexOf("/") + 1)

export const attach = (log: Log, filter: EventFilter): Effect.Effect<SubscriptionStart, LogUnavailable> =>
  Effect.gen(function* () {
    const streams = streamsOf(filter)
    const ids = streams?.map(idOf)
    const { head, projects, requests, retainedFrom, threads } = yield* log.query({
      requests: Query.count(Collections.requestOpen, ids),
      threads: Query.rowsByKey(Collections.threadState, ids ?? []),
      projects: Query.rowsByKey(Collections.projectState, ids ?? [])
    })
    const isLive = (stream: string) => (threads.get(idOf(stream)) ?? projects.get(idOf(stream)))?.value.deleted === false
    const position = { logEpoch: log.epoch, head, retained: retainedFrom }
    return { position, requests, live: streams === undefined ? undefined : new Set<string>(streams.filter(isLive)) }
  })

/** The stream of a filter that names one stream: the log reads it by index. Empty if the filter names none or several. */
export const indexed = (filter: EventFilter): { readonly stream?: string } => {
  const streams = streamsOf(filter)
  return streams?.length === 1 && streams[0] !== undefined ? { stream: streams[0] } : {}
}

export const eventFrame = (logEpoch: Cursor.LogEpoch, offset: number, json: string): Frame => ({
  _tag: "event",
  cursor: Cursor.format(logEpoch, offset),
  event: JSON.parse(json) as LogEvent
})

/** The error that a subscriber gets. */
export const failure = (error: CursorError | LogUnavailable): CursorError | StorageUnavailable =>
  error._tag === "LogUnavailable" ? storageUnavailable(error) : error
