/** Frames for one follower in process: the log's events after its cursor, `caught-up` once, `end` when what it is about is gone (D2, D5, D6). */
import * as Cursor from "@millrace/contracts/Cursor"
import type { CursorError, StorageUnavailable } from "@millrace/contracts/Errors"
import type { LogEvent } from "@millrace/contracts/Event"
import type { Frame } from "@millrace/contracts/Frame"
import type { StreamName } from "@millrace/contracts/Ids"
import type { EventLog, LogUnavailable, Page, StoredEvent } from "@millrace/log/EventLog"
import { Chunk, Effect, Stream } from "effect"
import * as Cursors from "./Cursors.ts"
import { storageUnavailable } from "./Work.ts"

type Log = typeof EventLog.Service

/** Why a stream has no more events. */
export const endReason = "There is no such thread or project any more."

/** Where a reader comes in: one view (D4), and the same work whatever the length of the history. */
export interface Attached {
  readonly position: Cursors.Position
  /** `caught-up` of this attach: how many requests wait at the head. */
  readonly requests: number
  /** At the head the stream is one that can have no more events: its thread or project was deleted, or never was. */
  readonly gone: boolean
}

export const attach = (log: Log, stream: StreamName | undefined): Effect.Effect<Attached, LogUnavailable> =>
  Effect.gen(function* () {
    const retained = yield* log.retainedFrom
    const [kind, id] = (stream?.split("/") ?? []) as [string?, string?]
    return yield* log.view((view) => {
      const state = id === undefined ? undefined : (view.row(`${kind}-state`, id)?.value as { deleted: boolean } | undefined)
      return {
        position: { logEpoch: log.epoch, head: view.head, retained },
        requests: view.count("request-open", id),
        gone: id !== undefined && state?.deleted !== false
      }
    })
  })

/** Nothing comes after this event on its stream. */
export const isLast = (event: StoredEvent, stream: string | undefined): boolean =>
  event.stream === stream && (event.type === "thread.deleted" || event.type === "project.deleted")

export const eventFrame = (logEpoch: Cursor.LogEpoch, offset: number, json: string): Frame => ({
  _tag: "event",
  cursor: Cursor.format(logEpoch, offset),
  event: JSON.parse(json) as LogEvent
})

/** Holds a cursor and one page; lives in whoever runs it. */
export const follow = (
  log: Log,
  options: { readonly stream?: StreamName; readonly after?: string }
): Stream.Stream<Frame, CursorError | StorageUnavailable> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const logEpoch = log.epoch as Cursor.LogEpoch
      const { gone, position, requests } = yield* attach(log, options.stream)
      const after = yield* Cursors.resolve(options.after, position)
      const { head } = position
      let replayed = 0
      let caughtUp = false
      let ended = false
      const reach = (out: Array<Frame>) => {
        caughtUp = true
        out.push({ _tag: "caught-up", head, replayed, requests })
        if (gone) end(out)
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
          if (!caughtUp) replayed++
          out.push(eventFrame(logEpoch, event.offset, event.json))
          if (caughtUp && isLast(event, options.stream)) end(out)
        }
        if (!caughtUp && page.upTo >= head) reach(out)
        return { frames: Chunk.unsafeFromArray(out), last: ended }
      }
      const pages = log.follow({ after, ...(options.stream === undefined ? {} : { stream: options.stream }) })
      return Stream.concat(after >= head ? Stream.make({ events: [], upTo: after }) : Stream.empty, pages).pipe(
        Stream.map(step),
        Stream.takeUntil(({ last }) => last),
        Stream.map(({ frames }) => frames),
        Stream.flattenChunks
      )
    })
  ).pipe(Stream.mapError(failure))

/** What a follower hears when the log cannot be read. */
export const failure = (error: CursorError | LogUnavailable): CursorError | StorageUnavailable =>
  error._tag === "LogUnavailable" ? storageUnavailable(error) : error
