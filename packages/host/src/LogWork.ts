/**
 * Packing and pruning on request. A request works for at most 10 seconds, in slices, and then returns whether there is more to do. An interruption leaves a
 * complete log; the next request continues.
 */
import type { StorageUnavailable } from "@millrace/contracts/Errors"
import type { LogSize, LogWork, PruneRequest } from "@millrace/contracts/LogWork"
import { defined } from "@millrace/contracts/Defined"
import type { EventLog, LogUnavailable } from "@millrace/log/EventLog"
import { storageUnavailable } from "@millrace/log/StorageError"
import { DateTime, Effect, Option } from "effect"
import * as Retention from "./Retention.ts"

export interface LogWorks {
  /** Packs all events before the oldest queued or open turn. */
  readonly packLog: Effect.Effect<LogWork, StorageUnavailable>
  /**
   * Removes the oldest events, in whole segments. Events of open turns and active goals stay, and those that attached readers and named readers of the last
   * day have not received, unless it is forced.
   */
  readonly pruneLog: (request: PruneRequest) => Effect.Effect<LogWork, StorageUnavailable>
}

/** Longer than any step, and shorter than the time after which proxies end a request. */
const within = "10 seconds"

/** `exclusively`: runs one piece of work at a time. */
export const make = (
  log: typeof EventLog.Service,
  sharing: Retention.Sharing,
  exclusively: <E>(work: Effect.Effect<void, E>) => Effect.Effect<void, E> = (work) => work
): LogWorks => {
  const measure = Effect.gen(function* () {
    const { coldBytes, coldUpTo, fileBytes, freeBytes } = yield* log.disk
    const retainedFrom = yield* log.retainedFrom
    const size: LogSize = { fileBytes, coldBytes, freeBytes }
    return { size, retainedFrom, packedUpTo: Math.max(coldUpTo, retainedFrom) }
  })
  const doing = (work: Effect.Effect<void, LogUnavailable>): LogWorks["packLog"] =>
    Effect.gen(function* () {
      const before = yield* measure
      const done = yield* Effect.timeoutOption(exclusively(work), within)
      const after = yield* measure
      return {
        packed: after.packedUpTo - before.packedUpTo,
        removed: after.retainedFrom - before.retainedFrom,
        retainedFrom: after.retainedFrom,
        before: before.size,
        after: after.size,
        more: Option.isNone(done)
      }
    }).pipe(Effect.mapError(storageUnavailable))

  return {
    packLog: doing(
      Effect.flatMap(DateTime.now, (now) =>
        Retention.pack(log, { before: DateTime.formatIso(now), partial: true, between: sharing.between })
      )
    ),
    pruneLog: ({ dryRun = false, force = false, maxBytes, olderThanDays }) => {
      const retention = defined({ days: olderThanDays, bytes: maxBytes })
      const asked: Retention.Sharing = force ? { ...sharing, readers: () => [], named: Effect.succeed([]) } : sharing
      /** With `force`: the number of readers that are behind the retained events. */
      const cut = (retainedFrom: number) =>
        force
          ? Effect.map(sharing.named, (named) => ({
              readersCut: [...sharing.readers(), ...named].filter((reached) => reached < retainedFrom).length
            }))
          : Effect.succeed({})
      if (!dryRun)
        return Effect.flatMap(doing(Retention.prune(log, retention, asked)), (work) =>
          Effect.map(cut(work.retainedFrom), (readers) => ({ ...work, ...readers }))
        )
      return Effect.gen(function* () {
        const { retainedFrom, size } = yield* measure
        const { bytes, upTo } = yield* Retention.preview(log, retention, asked)
        return {
          packed: 0,
          removed: Math.max(0, upTo - retainedFrom),
          removedBytes: bytes,
          ...(yield* cut(upTo)),
          retainedFrom: upTo,
          before: size,
          after: size,
          more: false
        }
      }).pipe(Effect.mapError(storageUnavailable))
    }
  }
}
