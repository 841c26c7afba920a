/** Frames for one subscriber in process: the log's events after its cursor, `caught-up` once, `end` when its threads or projects are deleted (D2, D5, D6). */
import * as Cursor from "@millrace/contracts/Cursor"
import type { CursorError, StorageUnavailable } from "@millrace/contracts/Errors"
import type { LogEvent } from "@millrace/contracts/Event"
import type { Frame } from "@millrace/contracts/Frame"
import { accepts, type EventFilter, streamsOf } from "@millrace/contracts/Filter"
import type { EventLog, LogUnavailable, Page, StoredEvent } from "@millrace/log/EventLog"
import { Chunk, Effect, Stream } from "effect"
import * as Cursors from "./Cursors.ts"
import { storageUnavailable } from "@millrace/log/StorageError"

type Log = typeof EventLog.Service

/** The `reason` of `end` frames. */
export const endReason = "The thread or project was deleted, or does not exist."

/** The state at the attach of a subscriber: one view (D4), the same work whatever the length of the history. */
export interface SubscriptionStart {
  readonly position: Cursors.Position
  /** For `caught-up`: the number of open requests at the head. */
  readonly requests: number
  /** The followed streams that can have events after the head; absent: all streams are followed. */
  readonly live: ReadonlySet<string> | undefined
}

export const attach = (log: Log, filter: EventFilter): Effect.Effect<SubscriptionStart, LogUnavailable> =>
  Effect.gen(function* () {
    const retained = yield* log.retainedFrom
    const streams = streamsOf(filter)
    return yield* log.view((view) => {
      const position = { logEpoch: log.epoch, head: view.head, retained }
      if (streams === undefined) return { position, requests: view.count("request-open"), live: undefined }
      const idOf = (stream: string) => stream.slice(stream.indexOf("/") + 1)
      const isLive = (stream: string) => {
        const state = view.row(`${stream.slice(0, stream.indexOf("/"))}-state`, idOf(stream))
        return (state?.value as { deleted: boolean } | undefined)?.deleted === false
      }
      const requests = streams.reduce((sum, stream) => sum + view.count("request-open", idOf(stream)), 0)
      return { position, requests, live: new Set<string>(streams.filter(isLive)) }
    })
  })

/** Tracks the deletion of the followed streams: returns `true` once none of them can have more events. Call it for each event after the attach. */
export const endOf = (live: ReadonlySet<string> | undefined): ((event?: StoredEvent) => boolean) => {
  const left = live === undefined ? undefined : new Set(live)
  return (event) => {
    if (event?.type === "thread.deleted" || event?.type === "project.deleted") left?.delete(event.stream)
    return left?.size === 0
  }
}

/** The only stream of a filter, which the log reads without scanning the others; absent: the filter names none or several. */
export const indexed = (filter: EventFilter): { readonly stream?: string } => {
  const streams = streamsOf(filter)
  return streams?.length === 1 && streams[0] !== undefined ? { stream: streams[0] } : {}
}

export const eventFrame = (logEpoch: Cursor.LogEpoch, offset: number, json: string): Frame => ({
  _tag: "event",
  cursor: Cursor.format(logEpoch, offset),
  event: JSON.parse(json) as LogEvent
})

/** The frames of one subscriber. Holds a cursor and one page; runs in the caller's fiber. */
export const follow = (
  log: Log,
  options: EventFilter & { readonly after?: string }
): Stream.Stream<Frame, CursorError | StorageUnavailable> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const logEpoch = log.epoch as Cursor.LogEpoch
      const { live, position, requests } = yield* attach(log, options)
      const after = yield* Cursors.resolve(options.after, position)
      const { head } = position
      const wanted = accepts(options)
      const isOver = endOf(live)
      let replayed = 0
      let caughtUp = false
      let ended = false
      const reach = (out: Array<Frame>) => {
        caughtUp = true
        out.push({ _tag: "caught-up", head, replayed, requests })
        if (isOver()) end(out)
      }
      const end = (out: Array<Frame>) => {
        ended = true
        out.push({ _tag: "end", reason: endReason })
      }
      const step = (page: Pick<Page, "events" | "upTo">) => {
        const out: Array<Frame> = []
        for (const event of page.events) {
          if (!caughtUp && event.offset > head) reach(out)
          if (ended) break
          if (wanted(event)) {
            if (!caughtUp) replayed++
            out.push(eventFrame(logEpoch, event.offset, event.json))
          }
          if (caughtUp && isOver(event)) end(out)
        }
        if (!caughtUp && page.upTo >= head) reach(out)
        return { frames: Chunk.unsafeFromArray(out), last: ended }
      }
      const pages = log.follow({ after, ...indexed(options) })
      return Stream.concat(after >= head ? Stream.make({ events: [], upTo: after }) : Stream.empty, pages).pipe(
        Stream.map(step),
        Stream.takeUntil(({ last }) => last),
        Stream.map(({ frames }) => frames),
        Stream.flattenChunks
      )
    })
  ).pipe(Stream.mapError(failure))

/** The error of a subscriber when the log cannot be read. */
export const failure = (error: CursorError | LogUnavailable): CursorError | StorageUnavailable =>
  error._tag === "LogUnavailable" ? storageUnavailable(error) : error
