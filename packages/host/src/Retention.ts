/** The steps of the maintenance of a log: packing (L13), removal by retention (L17), and a preview of the removal. All can be interrupted. */
import type { EventLog, LogUnavailable, SegmentUsage } from "@millrace/log/EventLog"
import * as Query from "@millrace/log/Query"
import * as Collections from "@millrace/orchestration/readmodel/Collections"
import * as RowPaging from "@millrace/orchestration/readmodel/RowPaging"
import { Clock, Duration, Effect } from "effect"

type ThreadRow = typeof Collections.threadState extends Query.Collection<infer Value> ? Value : never
type Log = typeof EventLog.Service

/** The events to keep: `days` is their maximum age, `bytes` the maximum size of packed events. Default: all events. */
export interface Retention {
  readonly days?: number
  readonly bytes?: number
  /** Archived threads are deleted this many days after their last event. Default: they stay. */
  readonly threads?: { readonly days: number }
}

/** How the steps share the process. */
export interface Sharing {
  /** The offsets that attached readers of every transport have reached. */
  readonly readers: () => ReadonlyArray<number>
  /** The offsets that named readers saved within the last day. */
  readonly named: Effect.Effect<ReadonlyArray<number>>
  /** Runs between two slices of the work. */
  readonly between: Effect.Effect<void>
}

/** The smallest rank. Infinite if there is no rank. */
const least = (ranks: Iterable<number>): number => Math.min(Infinity, ...ranks)

/** At most the offset after the head. Work that begins later has a greater offset, so these bounds stay valid, and one query is enough for a run. */
interface Live {
  /** First offset of the oldest turn that is queued or open. */
  readonly turns: number
  /** At most the offset of the first event of a turn that is queued or open, of an active goal, and of a turn that is to be continued. */
  readonly threads: number
}

/** Whether the server itself will begin a turn of this thread. */
const isWorking = (state: ThreadRow | undefined): boolean => state?.continuation !== undefined || state?.goal?.status === "active"

const live = (log: Log): Effect.Effect<Live, LogUnavailable> =>
  Effect.gen(function* () {
    // Read before the threads, so that what begins in between counts.
    const next = (yield* log.head) + 1
    let found: Live = { turns: next, threads: next }
    yield* RowPaging.eachKeys(log, Collections.live, (page) =>
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
        const ranks = Array.from(turns.values(), ({ rank }) => rank)
        // A goal and a continuation began when the thread became live, or later. A session alone needs no events.
        const working = page.filter(({ key }) => isWorking(states.get(key)?.value))
        found = {
          turns: least([found.turns, ...ranks]),
          threads: least([found.threads, ...ranks, ...working.map(({ rank }) => rank)])
        }
      })
    )
    return found
  })

/** Milliseconds since 1970: retention removes what is older. */
const cutoff = (days: number, now: number): number => now - Duration.toMillis(Duration.days(days))

interface Bounds {
  /** The first offset that is in use. */
  readonly below: number
  /** Milliseconds since 1970. */
  readonly now: number
  /** Bytes of all packed events, this segment included. Rows, indexes and blobs do not count: removing events does not make them smaller. */
  readonly packedBytes: number
}

/** Whether retention removes this segment. */
export const isExpired = (
  segment: Pick<SegmentUsage, "last" | "at">,
  { bytes, days }: Retention,
  { below, now, packedBytes }: Bounds
): boolean =>
  segment.last < below &&
  ((days !== undefined && Date.parse(segment.at) < cutoff(days, now)) || (bytes !== undefined && packedBytes > bytes))

/** Packs every event before the time (ISO 8601 UTC), except the events of queued or open turns and the events after them. */
export const pack = (
  log: Log,
  options: { readonly before: string; readonly partial?: boolean; readonly between: Effect.Effect<void> }
) =>
  Effect.gen(function* () {
    const { turns: below } = yield* live(log)
    for (let more = true; more;) more = (yield* log.pack({ below, ...options })).more
  })

/** The positions of readers that are known at the start of a run. */
type Held = { readonly threads: number; readonly named: ReadonlyArray<number> }

/** The first offset that retention may not remove. Ask again for each segment, because a new reader may begin before the others. */
const firstInUse = ({ named, threads }: Held, readers: Sharing["readers"]): number =>
  least([threads, ...[...readers(), ...named].map((delivered) => delivered + 1)])

/** Removes the oldest segments that retention does not keep. */
export const retain = (log: Log, retention: Retention, { between, named, readers }: Sharing) =>
  Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    const held: Held = { threads: (yield* live(log)).threads, named: yield* named }
    let packedBytes = (yield* log.disk).coldBytes
    for (;;) {
      const oldest = yield* log.segmentAfter(yield* log.retainedFrom)
      if (oldest === undefined || !isExpired(oldest, retention, { below: firstInUse(held, readers), now, packedBytes })) return
      yield* log.trim(oldest.last)
      packedBytes -= oldest.bytes
      yield* between
    }
  })

/**
 * Packs the events that the retention does not keep, removes them, and gives their space back. For a bound in bytes it packs all events first, because packed
 * events are smaller.
 */
export const prune = (log: Log, retention: Retention, sharing: Sharing) =>
  Effect.gen(function* () {
    const { between } = sharing
    const now = yield* Clock.currentTimeMillis
    const { bytes, days } = retention
    const times = [...(days === undefined ? [] : [cutoff(days, now)]), ...(bytes === undefined ? [] : [now])]
    const before = times.map((time) => new Date(time).toISOString())
    for (const time of before) yield* pack(log, { before: time, partial: true, between })
    yield* retain(log, retention, sharing)
    // Gives the pages of the removed segments back.
    for (const time of before.slice(-1)) yield* pack(log, { before: time, partial: true, between })
  })

/** Number of events that are read at once. */
const previewEvents = 250

export interface Preview {
  /** Events up to this offset would be removed. */
  readonly upTo: number
  readonly bytes: number
}

/**
 * What `prune` would remove: the offset up to which, and the bytes. Events that are not packed count with the average size of those that are; if there are
 * none, with the size of their JSON, and then it is at most that.
 */
export const preview = (log: Log, retention: Retention, sharing: Sharing): Effect.Effect<Preview, LogUnavailable> =>
  Effect.gen(function* () {
    const { between, named, readers } = sharing
    const now = yield* Clock.currentTimeMillis
    const bounds = yield* live(log)
    const below = Math.min(firstInUse({ ...bounds, named: yield* named }, readers), bounds.turns)
    const { coldBytes, coldUpTo, fileBytes, freeBytes } = yield* log.disk
    let upTo = yield* log.retainedFrom
    let bytes = 0
    /** Bytes of an event in a segment. Without a segment: bytes of its JSON. */
    const perEvent = coldBytes / Math.max(1, coldUpTo - upTo)
    const unpacked = (yield* log.head) - Math.max(coldUpTo, upTo)
    const total = coldBytes === 0 ? fileBytes - freeBytes : coldBytes + unpacked * perEvent
    const goes = (last: number, at: string, size: number) => {
      const isGoing = isExpired({ last, at }, retention, { below, now, packedBytes: total - bytes })
      if (isGoing) [upTo, bytes] = [last, bytes + size]
      return isGoing
    }
    for (;;) {
      const segment = yield* log.segmentAfter(upTo)
      if (segment === undefined) break
      if (!goes(segment.last, segment.at, segment.bytes)) return { upTo, bytes: Math.round(bytes) }
      yield* between
    }
    for (;;) {
      const { events } = yield* Effect.catchTag(log.read({ after: upTo, limit: previewEvents }), "CursorAhead", Effect.die)
      const kept = events.find(({ json, offset }) => !goes(offset, timeOf(json), perEvent || Buffer.byteLength(json)))
      if (kept !== undefined || events.length === 0) return { upTo, bytes: Math.round(bytes) }
      yield* between
    }
  }).pipe(
    // The events were removed in the meantime.
    Effect.catchTag("CursorExpired", () => preview(log, retention, sharing))
  )

const timeOf = (json: string): string => {
  const { at } = JSON.parse(json) as { readonly at?: string }
  return at ?? ""
}
