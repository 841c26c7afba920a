/**
 * Maintenance of the log, in the background: packs old events into segments (L13), removes what retention no longer keeps (L17), and deletes uploads that
 * nothing refers to. A fault of one step is logged once and does not stop the others; the next run tries it again. It never fails an append. The same
 * steps run on request, one at a time.
 */
import { EventLog, type LogUnavailable } from "@millrace/log/EventLog"
import { Clock, DateTime, Duration, Effect, Schedule, type Scope } from "effect"
import * as ArchivedThreads from "./ArchivedThreads.ts"
import type { Consumers } from "./Consumers.ts"
import * as LogWork from "./LogWork.ts"
import * as NamedCursors from "./NamedCursors.ts"
import * as Pace from "./Pace.ts"
import * as Retention from "./Retention.ts"
import { Standstill } from "./Standstill.ts"

export interface Options {
  /** Age at which events are packed; 0 = never. Default 1 hour. */
  readonly coldAfter?: Duration.DurationInput
  /** Removes whole segments, so it removes no events while `coldAfter` is 0. */
  readonly retention?: Retention.Retention
  /** The directory of the saved cursors of named readers. Default: no saved cursors. */
  readonly dataDir?: string
  /** Time between the starts of two runs. Default 1 minute. */
  readonly interval?: Duration.DurationInput
}

/** How long an upload without a reference is kept. */
const uploadsFor = Duration.days(1)

export interface Maintenance extends LogWork.LogWorks {
  /** Retention keeps what these readers have not received, until the scope closes or they have not read for a day. `positions`: the offsets that they have reached. */
  readonly addReaders: (positions: () => Iterable<number>) => Effect.Effect<void, never, Scope.Scope>
}

/** Runs until the scope closes. Returns the same work on request. */
export const make = (consumers: Pick<Consumers, "live">, expire: ArchivedThreads.Expire, options: Options = {}) =>
  Effect.gen(function* () {
    const log = yield* EventLog
    const coldAfter = Duration.decode(options.coldAfter ?? "1 hour")
    const attached = new Set<() => Iterable<number>>()
    const standstill = new Standstill()
    const allReaders = () => [
      ...Array.from(consumers.live(), ({ delivered }) => delivered),
      ...Array.from(attached).flatMap((positions) => Array.from(positions()))
    ]
    const readers = () => allReaders().filter((position) => !standstill.isFrozen(position))
    const observeReaders = Effect.gen(function* () {
      const found = standstill.observe(allReaders(), yield* log.head, yield* Clock.currentTimeMillis)
      if (found.length > 0 && retention !== undefined)
        yield* Effect.logWarning(
          `Readers that have received the events up to ${found.join(", ")} have not read for a day. Retention does not wait for them any more; they get CursorExpired if it removes their next events.`
        )
    })
    const { dataDir, retention } = options
    const named = dataDir === undefined ? Effect.succeed([]) : NamedCursors.positions(dataDir, log.epoch)
    const packOld = (between: Effect.Effect<void>) =>
      Effect.flatMap(DateTime.now, (now) =>
        Retention.pack(log, { before: DateTime.formatIso(DateTime.subtractDuration(now, coldAfter)), between })
      )
    const exclusively = (yield* Effect.makeSemaphore(1)).withPermits(1)

    const failed = new Set<string>()
    /** Logs a fault once, until the step succeeds. */
    const step = (fault: string, work: Effect.Effect<void, LogUnavailable>): Effect.Effect<void> =>
      Effect.matchEffect(work, {
        onSuccess: () => Effect.sync(() => void failed.delete(fault)),
        onFailure: ({ message }) => {
          if (failed.has(fault)) return Effect.void
          failed.add(fault)
          return Effect.logWarning(`${fault}. It is tried again: ${message}`)
        }
      })
    const sweep = Effect.flatMap(Clock.currentTimeMillis, (now) => log.sweepBlobs(now - Duration.toMillis(uploadsFor)))
    const run = (between: Effect.Effect<void>) =>
      Effect.gen(function* () {
        yield* observeReaders
        if (retention !== undefined)
          yield* step("Old segments could not be removed", Retention.retain(log, retention, { between, readers, named }))
        if (Duration.greaterThan(coldAfter, 0)) yield* step("The log could not be packed", packOld(between))
        yield* step("Unused uploads could not be removed", Effect.asVoid(sweep))
      }).pipe(exclusively, Effect.withSpan("Maintenance.run"))
    // A run that takes longer than the interval is followed by the next one at once.
    const repeated = (work: (between: Effect.Effect<void>) => Effect.Effect<void>) =>
      Effect.forkScoped(Effect.schedule(Pace.background(log)(work), Schedule.fixed(options.interval ?? "1 minute")))
    yield* repeated(run)
    const threads = retention?.threads
    // In a separate fiber: while the log is full it waits, and the other steps make space.
    if (threads !== undefined)
      yield* repeated((between) =>
        step("Archived threads could not be deleted", ArchivedThreads.remove(log, threads.days, expire, between))
      )
    const addReaders: Maintenance["addReaders"] = (positions) =>
      Effect.asVoid(
        Effect.acquireRelease(
          Effect.sync(() => void attached.add(positions)),
          () => Effect.sync(() => void attached.delete(positions))
        )
      )
    return {
      ...LogWork.make(log, { between: Pace.requested(log), readers, named }, exclusively),
      addReaders
    } satisfies Maintenance
  })
