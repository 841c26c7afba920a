/**
 * Keeps the search index of a data directory: a fiber that follows the log and, for a new index, reads the rows that existed when it was created. After
 * each slice it lets other fibers run; appends never wait for it.
 *
 * A restart continues at the stored progress without a loss (Q1). An index that cannot continue (another log, damaged, its cursor is below retention) is
 * discarded and built again. When the scope closes, the words of deleted threads are removed first (L14).
 */
import { StorageUnavailable } from "@millrace/contracts/Errors"
import type { EventLog } from "@millrace/log/EventLog"
import { Notifier } from "@millrace/log/Notifier"
import { SearchFile } from "@millrace/log/search/SearchFile"
import { Watermark } from "@millrace/log/Watermark"
import { Cause, Clock, Effect, Exit, type Scope } from "effect"
import type { Finder } from "./Finder.ts"
import * as IndexFinder from "./IndexFinder.ts"
import * as IndexWriter from "./IndexWriter.ts"

/** Pause after the index has caught up. A query ends it, so it delays no answer; it keeps the fiber from running at each commit. */
const pause = "250 millis"
/** Pause after a failure of the disk, and before an index that was discarded is built again. */
const retryPause = "5 seconds"
/** At most `longestRest` milliseconds. */
const restFactor = 30
const longestRest = 600
/** How long a query waits for the index to reach the head. */
const patience = "1 second"
/** Maximum time to remove words of deleted threads when the index closes. The next start completes the work. */
const closingMillis = 2_000

/** Opens or creates the index `file` in its fiber, so that a start does not wait for it. */
export const make = (log: typeof EventLog.Service, file: string): Effect.Effect<Finder, never, Scope.Scope> =>
  Effect.gen(function* () {
    const query = new Notifier()
    const indexedTo = new Watermark(0)
    let index: { readonly file: SearchFile; readonly writer: IndexWriter.IndexWriter } | undefined
    /** Why the index is closed; undefined while it is open or is built again. */
    let closed: string | undefined
    /** The last problem that was reported. Reset when the index has caught up. */
    let reported: string | undefined

    /** The head after the last rest, and the milliseconds of the slices since then. */
    let [restedAt, spent] = [0, 0]
    /** Queries that wait for the index to catch up; the close is one. */
    let waiting = 0
    /**
     * Lets other fibers run. If the log grew since the last rest, waits `restFactor` times as long as the slices since then took, so that the follower uses
     * little of a busy writer's time: the index lags, and the rate of appends stays (decision 0074). Does not rest while a query waits.
     */
    const rest = (millis: number) =>
      Effect.gen(function* () {
        spent += millis
        const asked = query.next
        yield* Effect.yieldNow()
        if (waiting > 0 || (yield* log.head) === restedAt) return
        yield* Effect.raceFirst(asked, Effect.sleep(Math.min(longestRest, spent * restFactor)))
        restedAt = yield* log.head
        spent = 0
      })

    const work = (writer: IndexWriter.IndexWriter) =>
      Effect.gen(function* () {
        if (writer.progress.cursor < (yield* log.head)) {
          yield* writer.follow
          indexedTo.advance(writer.progress.cursor)
        }
        const { cursor, rebuild } = writer.progress
        if (rebuild !== undefined) return yield* writer.rebuild(rebuild)
        if (cursor < (yield* log.head)) return
        const asked = query.next
        indexedTo.advance(cursor)
        reported = undefined
        yield* log.awaitBeyond(cursor)
        yield* Effect.raceFirst(asked, Effect.sleep(pause))
      })

    const open = Effect.flatMap(log.head, (head) =>
      IndexWriter.attempt(() => {
        const opened = SearchFile.open(file, log.epoch, head)
        const writer = IndexWriter.make(log, opened, rest)
        index = { file: opened, writer }
        closed = undefined
        restedAt = head
        return writer
      })
    )
    const close = Effect.sync(() => {
      index?.file.close()
      index = undefined
    })

    /** Logs the problem, unless it is the last logged problem. */
    const report = (problem: string) =>
      Effect.suspend(() => {
        if (reported === problem) return Effect.void
        reported = problem
        return Effect.logWarning(problem)
      })

    const discard = (why: string) =>
      Effect.zipRight(
        report(`The search index is built again: ${why}`),
        IndexWriter.attempt(() => {
          const lost = index
          index = undefined
          lost?.file.discard(file)
        })
      )

    const run: Effect.Effect<void> = Effect.flatMap(open, (writer) =>
      Effect.zipRight(writer.merge, Effect.forever(work(writer)))
    ).pipe(
      Effect.catchTags({
        CursorExpired: ({ message }) => discard(message),
        CursorAhead: ({ message }) => discard(message)
      }),
      // An index that did not open is not there to be discarded.
      Effect.catchTag("IndexFailed", (failure) =>
        failure.isLost && index !== undefined ? discard(failure.message) : Effect.fail(failure)
      ),
      Effect.exit,
      Effect.flatMap((exit) => {
        if (Exit.isSuccess(exit)) return Effect.sleep(retryPause)
        if (Cause.isInterrupted(exit.cause)) return Effect.void
        const why = Cause.prettyErrors(exit.cause)
          .map(({ message }) => message)
          .join("; ")
        closed = why
        return Effect.zipRight(
          report(`The search index ${file} is not updated now: ${why}`),
          Effect.zipRight(close, Effect.sleep(retryPause))
        )
      })
    )

    const erase = Effect.gen(function* () {
      waiting++
      if (index !== undefined) yield* index.writer.erase((yield* Clock.currentTimeMillis) + closingMillis)
    }).pipe(
      Effect.catchAll(({ message }) =>
        Effect.logWarning(`The next start continues to remove deleted threads from the search index: ${message}`)
      )
    )

    // Runs after the fiber below has ended.
    yield* Effect.addFinalizer(() => Effect.zipRight(erase, close))
    yield* Effect.forkScoped(Effect.forever(run))

    const unavailable = (message: string) =>
      new StorageUnavailable({
        message: `The search index ${file} cannot be used: ${message}. If it stays so, remove it: the server builds it again. Everything else works without it.`,
        retryAfterMillis: 5000
      })

    /** Waits until the index has reached this head, for at most a second. */
    const caughtUp = (head: number) =>
      Effect.acquireUseRelease(
        Effect.sync(() => {
          waiting++
          query.wake()
        }),
        () => Effect.timeoutOption(indexedTo.awaitBeyond(head - 1), patience),
        () => Effect.sync(() => void waiting--)
      )

    return {
      find: Effect.fn("Search.find")(function* (wanted) {
        const head = yield* log.head
        yield* caughtUp(head)
        if (index === undefined && closed !== undefined) return yield* unavailable(closed)
        if (index === undefined) return { found: [], indexing: { done: 0, of: head } }
        return yield* Effect.mapError(IndexFinder.find(index.file, index.writer.progress, head, wanted), ({ message }) =>
          unavailable(message)
        )
      })
    }
  })
