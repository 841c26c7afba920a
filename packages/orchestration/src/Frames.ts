/** Frames for one follower in process: the log's events after its cursor, `caught-up` once, `end` when its thread is gone (D2, D5, D6). */
import * as Cursor from "@millrace/contracts/Cursor"
import type { CursorError, StorageUnavailable } from "@millrace/contracts/Errors"
import type { LogEvent } from "@millrace/contracts/Event"
import type { Frame } from "@millrace/contracts/Frame"
import type { StreamName } from "@millrace/contracts/Ids"
import type { EventLog, LogUnavailable, Page } from "@millrace/log/EventLog"
import { Chunk, Effect, Stream } from "effect"
import * as Cursors from "./Cursors.ts"
import type { ThreadRow } from "./ThreadRow.ts"
import { storageUnavailable } from "./Work.ts"

type Log = typeof EventLog.Service

/** Why a thread's stream has no more events. */
export const endReason = "the thread was deleted"

/** Position of the log, and whether the stream can have no more events. */
export const attach = (log: Log, stream: StreamName | undefined) =>
  Effect.gen(function* () {
    const retained = yield* log.retainedFrom
    const { head, deleted } = yield* log.view((view) => ({
      head: view.head,
      deleted:
        stream?.startsWith("thread/") === true &&
        (view.row("thread-state", stream.slice("thread/".length))?.value as ThreadRow | undefined)?.deleted === true
    }))
    return { position: { logEpoch: log.epoch, head, retained }, deleted }
  })

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
      const { position, deleted } = yield* attach(log, options.stream)
      const after = yield* Cursors.resolve(options.after, position)
      if (deleted && after >= position.head) return Stream.fromIterable(ending(after))
      let caughtUp = after >= position.head
      let ended = false
      const step = (page: Page) => {
        const out: Array<Frame> = []
        for (const event of page.events) {
          out.push(eventFrame(logEpoch, event.offset, event.json))
          if (options.stream === event.stream && event.type === "thread.deleted") ended = true
        }
        if (!caughtUp && (page.upTo >= position.head || ended)) {
          caughtUp = true
          out.push({ _tag: "caught-up", head: page.upTo })
        }
        // The deletion lies before the cursor, or the page was read beyond it: either way nothing comes after the head of the attach.
        if (ended || (deleted && page.upTo >= position.head)) {
          ended = true
          out.push({ _tag: "end", reason: endReason })
        }
        return { frames: Chunk.unsafeFromArray(out), last: ended }
      }
      const start: ReadonlyArray<Frame> = caughtUp ? [{ _tag: "caught-up", head: after }] : []
      return Stream.concat(
        Stream.fromIterable(start),
        log.follow({ after, ...(options.stream === undefined ? {} : { stream: options.stream }) }).pipe(
          Stream.map(step),
          Stream.takeUntil(({ last }) => last),
          Stream.map(({ frames }) => frames),
          Stream.flattenChunks
        )
      )
    })
  ).pipe(Stream.mapError(failure))

const ending = (head: number): ReadonlyArray<Frame> => [
  { _tag: "caught-up", head },
  { _tag: "end", reason: endReason }
]

/** What a follower hears when the log cannot be read. */
export const failure = (error: CursorError | LogUnavailable): CursorError | StorageUnavailable =>
  error._tag === "LogUnavailable" ? storageUnavailable(error) : error
