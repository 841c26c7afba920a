/**
 * Maintenance of the log, in one background fiber: packs old events into segments (L13), removes what retention no longer keeps (L17), and deletes uploads
 * that nothing refers to. A fault of the storage is logged once and tried again; it never fails an append.
 */
import { EventLog, type LogUnavailable, type OldestSegment } from "@millrace/log/EventLog"
import * as Query from "@millrace/log/Query"
import * as Collections from "@millrace/orchestration/readmodel/Collections"
import * as RowPaging from "@millrace/orchestration/readmodel/RowPaging"
import { Clock, DateTime, Duration, Effect } from "effect"
import type { Consumers } from "./Consumers.ts"

type ThreadRow = typeof Collections.threadState extends Query.Collection<infer Value> ? Value : never

/** What is kept: events of the last days, and at most so many bytes of the log's file. Default: everything. */
export interface Retention {
  readonly days?: number
  readonly bytes?: number
}

export interface Options {
  /** Age at which events are packed; 0 = never. Default 1 hour. */
  readonly coldAfter?: Duration.DurationInput
  /** Removes whole segments, so it removes nothing while `coldAfter` is 0. */
  readonly retention?: Retention
  /** Time between two runs. Default 1 minute. */
  readonly interval?: Duration.DurationInput
}

/** How long an upload without a reference is kept. */
const uploadsFor = Duration.days(1)

/** The smallest rank; infinite if there is none. */
const least = (ranks: Iterable<number>): number => Math.min(Infinity, ...ranks)

interface Live {
  /** First offset of the oldest turn that is queued or open. */
  readonly turns: number
  /** The offset since which a thread has anything open, queued or scheduled, or an active goal, without a break. */
  readonly threads: number
}

const live = (log: typeof EventLog.Service): Effect.Effect<Live, LogUnavailable> =>
  Effect.gen(function* () {
    let found: Live = { turns: Infinity, threads: Infinity }
    yield* RowPaging.eachPage(log, Collections.live, (page) =>
      Effect.gen(function* () {
        const { states } = yield* log.query({
          states: Query.rowsByKey(
            Collections.threadState,
            page.map(({ key }) => key)
          )
        })
        const ids = ({ queue, turns }: Pick<ThreadRow, "queue" | "turns">) =>
          [turns, queue].flatMap((list) => list.map(({ turnId }) => turnId))
        const open = Array.from(states.values()).flatMap(({ value }) => ids(value))
        const { turns } = yield* log.query({
          turns: Query.rowsByKey(Collections.turn, open)
        })
        found = {
          turns: least([found.turns, ...Array.from(turns.values(), ({ rank }) => rank)]),
          threads: least([found.threads, ...page.map(({ rank }) => rank)])
        }
      })
    )
    return found
  })

/**
 * Whether retention removes this segment. `below`: the first offset that is in use. `now`: milliseconds since 1970.
 */
export const isExpired = (oldest: OldestSegment, { bytes, days }: Retention, below: number, now: number): boolean =>
  oldest.last < below &&
  ((days !== undefined && Date.parse(oldest.at) < now - Duration.toMillis(Duration.days(days))) ||
    (bytes !== undefined && oldest.usedBytes > bytes))

type Log = typeof EventLog.Service

/** Packs every event before the time (ISO 8601 UTC), except those of turns that are queued or open and newer ones. Returns how many. */
export const pack = (
  log: Log,
  options: { readonly before: string; readonly partial?: boolean; readonly between: Effect.Effect<void> }
) =>
  Effect.gen(function* () {
    let events = 0
    for (let more = true; more;) {
      const step = yield* log.pack({ below: (yield* live(log)).turns, ...options })
      events += step.events
      more = step.more
    }
    return events
  })

/** Removes the oldest segments that retention does not keep. `readers`: the offsets that live readers have reached. */
export const retain = (log: Log, retention: Retention, readers: () => ReadonlyArray<number>, between: Effect.Effect<void>) =>
  Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    for (;;) {
      const oldest = yield* log.oldestSegment
      const below = least([(yield* live(log)).threads, ...readers().map((delivered) => delivered + 1)])
      if (oldest === undefined || !isExpired(oldest, retention, below, now)) return
      yield* log.trim(oldest.last)
      yield* between
    }
  })

/** Runs until the scope closes. */
export const make = (consumers: Pick<Consumers, "live">, options: Options = {}) =>
  Effect.gen(function* () {
    const log = yield* EventLog
    const coldAfter = Duration.decode(options.coldAfter ?? "1 hour")
    let seen = yield* log.head
    /** Lets appends go first: a slice that follows an append waits for 1 ms, so packing still keeps up with a flood of events. */
    const between = Effect.flatMap(log.head, (head) => {
      if (head === seen) return Effect.yieldNow()
      seen = head
      return Effect.sleep("1 millis")
    })

    const readers = () => Array.from(consumers.live(), ({ delivered }) => delivered)
    const packOld = Effect.flatMap(DateTime.now, (now) =>
      pack(log, { before: DateTime.formatIso(DateTime.subtractDuration(now, coldAfter)), between })
    )

    let failed = false
    const run = Effect.gen(function* () {
      if (options.retention !== undefined) yield* retain(log, options.retention, readers, between)
      if (Duration.greaterThan(coldAfter, 0)) yield* packOld
      yield* log.sweepBlobs((yield* Clock.currentTimeMillis) - Duration.toMillis(uploadsFor))
      failed = false
    }).pipe(
      Effect.catchAll(({ message }) => {
        const warn = failed ? Effect.void : Effect.logWarning(`The log could not be packed. It is tried again: ${message}`)
        failed = true
        return warn
      }),
      Effect.withSpan("Maintenance.run")
    )
    yield* Effect.forkScoped(Effect.forever(Effect.zipRight(Effect.sleep(options.interval ?? "1 minute"), run)))
  })
