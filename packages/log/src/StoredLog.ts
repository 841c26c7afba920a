/** An EventLog over a Storage. Publishing, following and waiting are the same for every store. */
import { Chunk, Effect, Either, Option, Stream } from "effect"
import type { CursorAhead, CursorExpired } from "@millrace/contracts/Errors"
import { prepare } from "./Batch.ts"
import * as BlobStore from "./BlobStore.ts"
import {
  type AppendError,
  BlobMissing,
  type Committed,
  corruptType,
  type DiskUsage,
  type EventLog,
  type LogUnavailable,
  type Page,
  type ReadOptions
} from "./EventLog.ts"
import { outside } from "./Position.ts"
import { Ring } from "./Ring.ts"
import { answer } from "./QueryAnswer.ts"
import { Histogram } from "./Histogram.ts"
import { slices } from "./Slices.ts"
import { attempt, type Storage, StorageFailure, unavailable } from "./Storage.ts"
import { Watermark } from "./Watermark.ts"

export interface Options {
  /** Recent pages kept in memory, bytes of wire JSON; default 8 MiB. */
  readonly ringBytes?: number
  /** Largest page that is published, bytes of wire JSON; default 1 MiB. */
  readonly pageBytes?: number
  /** How long an append waits for another program that holds the database, in milliseconds; default 5,000. */
  readonly busyMillis?: number
  /** Called after a commit instead of the wake-up of the subscribers. Tests use it to lose, double and delay wake-ups (D1). */
  readonly onWake?: (wake: () => void) => void
}

/** The additions of a store on a disk. Default: it packs nothing, erases at the commit, and has no files. */
export type Additions = Partial<Pick<typeof EventLog.Service, "pack" | "disk" | "segmentAfter" | "awaitErased">>

/** Ascending offsets as text: `3, 7 to 9`. */
const rangesOf = (offsets: ReadonlyArray<number>): string => {
  const ranges: Array<[first: number, last: number]> = []
  for (const offset of offsets) {
    const range = ranges.at(-1)
    if (range !== undefined && range[1] + 1 === offset) range[1] = offset
    else ranges.push([offset, offset])
  }
  return ranges.map(([first, last]) => (first === last ? String(first) : `${first} to ${last}`)).join(", ")
}

type ReadError = LogUnavailable | CursorAhead | CursorExpired

const defaultPageBytes = 1024 * 1024
const noFiles: DiskUsage = { fileBytes: 0, walBytes: 0, freeBytes: 0, segments: 0, coldBytes: 0, coldUpTo: 0, blobBytes: 0 }
/** Pause between two attempts to commit to a busy database. */
const busyPauseMillis = 50

export const make = (
  storage: Storage,
  options: Options & Additions = {}
): Effect.Effect<typeof EventLog.Service, LogUnavailable> =>
  Effect.gen(function* () {
    const start = yield* attempt("open", () =>
      storage.view(({ generation, head, retainedFrom }) => ({ generation, head, retainedFrom }))
    )
    const head = new Watermark(start.head, options.onWake)
    let { generation, retainedFrom } = start
    let batches = 0
    const perBatch = {
      events: new Histogram([1, 4, 16, 64, 256, 1024]),
      bytes: new Histogram([1_000, 4_000, 16_000, 64_000, 256_000, 1_000_000]),
      seconds: new Histogram([0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.1, 0.5])
    }
    const pageBytes = options.pageBytes ?? defaultPageBytes
    const trimSlice = slices(256, 100_000)
    const ring = new Ring(options.ringBytes ?? 8 * 1024 * 1024, pageBytes, generation)

    const blobs = BlobStore.make(storage.blobs)

    const position = () => ({ logEpoch: storage.epoch, head: head.value, retained: retainedFrom })

    const append: (typeof EventLog.Service)["append"] = (envelopes) =>
      Effect.suspend(() => {
        const batch = prepare(envelopes)
        if (Either.isLeft(batch)) return Effect.fail(batch.left)
        // Commit, head, ring and wake-up happen in one turn of the event loop: no fiber runs and no interruption occurs between them (L3).
        const attemptCommit = (triesLeft: number): Effect.Effect<ReadonlyArray<Committed>, AppendError> =>
          Effect.clockWith((clock) => {
            try {
              const began = clock.unsafeCurrentTimeNanos()
              const placed = storage.commit(batch.right)
              batches++
              if (placed.events.length > 0) {
                let size = 0
                for (const event of placed.events) size += event.bytes
                perBatch.events.observe(placed.events.length)
                perBatch.bytes.observe(size)
                perBatch.seconds.observe(Number(clock.unsafeCurrentTimeNanos() - began) / 1e9)
                if (placed.forgotten.size > 0) ring.forget(placed.forgotten, ++generation)
                ring.push(placed.after, placed.head, placed.events)
                head.advance(placed.head)
              }
              return Effect.succeed(placed.committed)
            } catch (cause) {
              if (cause instanceof BlobMissing) return Effect.fail(cause)
              if (!(cause instanceof StorageFailure)) return Effect.die(cause)
              return cause.reason === "busy" && triesLeft > 0
                ? Effect.zipRight(Effect.sleep(busyPauseMillis), attemptCommit(triesLeft - 1))
                : Effect.fail(unavailable("append", cause))
            }
          })
        const commit = attemptCommit(Math.floor((options.busyMillis ?? 5_000) / busyPauseMillis))
        return batch.right.blobs.length === 0 ? commit : Effect.zipRight(blobs.stage(batch.right.blobs), commit)
      })

    /** Logs each unreadable event once (L6), the first 10,000 of them. */
    const reported = new Set<number>()
    const reportDamage = (page: Page): Effect.Effect<Page> => {
      const damaged = page.events.filter(({ type, offset }) => type === corruptType && !reported.has(offset))
      if (damaged.length === 0 || reported.size >= 10_000) return Effect.succeed(page)
      for (const { offset } of damaged) reported.add(offset)
      return Effect.logWarning(
        `Events of the log cannot be read and are delivered as ${corruptType}: ${rangesOf(damaged.map(({ offset }) => offset))}. Run \`millrace verify\`.`
      ).pipe(Effect.as(page))
    }
    /** Reads a page from the storage. */
    const readPage = (operation: string, query: ReadOptions): Effect.Effect<Page, LogUnavailable> =>
      Effect.flatMap(
        attempt(operation, () => storage.view((view) => view.events(query))),
        reportDamage
      )

    const read: (typeof EventLog.Service)["read"] = (query) =>
      Effect.suspend((): Effect.Effect<Page, ReadError> => {
        const wrong = outside(query.after, position())
        if (wrong !== undefined) return Effect.fail(wrong)
        // Recent commits are in the ring. Head and ring change in one step, so this is one consistent read too (D4).
        const recent = ring.read(query, head.value, { limit: 1_000, maxBytes: defaultPageBytes })
        return recent === undefined ? readPage("read", query) : Effect.succeed(recent)
      })

    const follow: (typeof EventLog.Service)["follow"] = (query) =>
      Stream.suspend(() => {
        const maxBytes = query.maxBytes ?? defaultPageBytes
        const subscriber = { attachedAt: head.value, maxBytes, stream: query.stream }
        type Step = Effect.Effect<readonly [Chunk.Chunk<Page>, Option.Option<number>], ReadError>
        const deliver = (pages: ReadonlyArray<Page>, upTo: number): Step =>
          Effect.succeed([Chunk.unsafeFromArray(pages as Array<Page>), Option.some(upTo)])

        const next = (after: number): Step =>
          Effect.suspend(() => {
            const wrong = outside(after, position())
            if (wrong !== undefined) return Effect.fail(wrong)
            if (after === head.value) return Effect.flatMap(head.awaitBeyond(after), () => next(after))
            const recent = ring.follow(subscriber, after, head.value)
            if (recent !== undefined) return recent.pages.length === 0 ? next(recent.upTo) : deliver(recent.pages, recent.upTo)
            return Effect.flatMap(readPage("follow", { ...query, after, maxBytes }), (page) =>
              page.events.length === 0 && after >= subscriber.attachedAt ? next(page.upTo) : deliver([page], page.upTo)
            )
          })

        return Stream.paginateChunkEffect(query.after, next)
      })

    return {
      epoch: storage.epoch,
      head: Effect.sync(() => head.value),
      retainedFrom: Effect.sync(() => retainedFrom),
      generation: Effect.sync(() => generation),
      append,
      read,
      follow,
      awaitBeyond: (offset) => head.awaitBeyond(offset),
      query: (request) => attempt("query", () => storage.view((view) => answer(view, request))),
      receipts: (commandIds) => attempt("receipts", () => storage.receipts(commandIds)),
      putBlob: blobs.putBlob,
      getBlob: blobs.getBlob,
      sweepBlobs: blobs.sweepBlobs,
      trim: (upTo) =>
        Effect.whileLoop({
          while: () => retainedFrom < Math.min(upTo, head.value),
          body: () =>
            attempt("trim", () =>
              trimSlice((size) => {
                const next = Math.min(upTo, head.value, retainedFrom + size)
                storage.trim(next)
                retainedFrom = next
              })
            ).pipe(Effect.zipRight(Effect.yieldNow())),
          step: () => {}
        }),
      awaitErased: options.awaitErased ?? Effect.void,
      pack: options.pack ?? (() => Effect.succeed({ events: 0, bytes: 0, rows: 0, pages: 0, more: false })),
      disk: options.disk ?? Effect.succeed(noFiles),
      segmentAfter: options.segmentAfter ?? (() => Effect.succeed(undefined)),
      lost: Effect.sync(() => Option.fromNullable(storage.lost())),
      stats: Effect.sync(() => {
        const [events, bytes, seconds] = [perBatch.events.now, perBatch.bytes.now, perBatch.seconds.now]
        const totals = { batches, statements: storage.statements(), events: events.sum, bytes: bytes.sum }
        return { head: head.value, ...totals, ringBytes: ring.bytes, perBatch: { events, bytes, seconds } }
      })
    }
  })
