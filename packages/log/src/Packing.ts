/**
 * Packs old events of a SQLite log into segments (docs/decisions/0133). Segments cover the offsets from the first retained one up to `coldUpTo`. One step packs
 * a run of rows, or a few runs while nothing is appended: read, compress, insert the segment, verify it; then it deletes their rows. A crash may leave rows
 * at or below `coldUpTo`; readers do not use them, and the next step deletes them. Reads, deletes and vacuum are done in slices. A checkpoint of the WAL is
 * one call, which holds the event loop for as long as the disk takes to write its pages, about 100.
 */
import { Effect } from "effect"
import type { LogUnavailable, PackOptions, Packed } from "./EventLog.ts"
import * as PackingRun from "./PackingRun.ts"
import * as Segment from "./Segment.ts"
import { shortMillis, slices, targetMillis } from "./Slices.ts"
import * as Sqlite from "./Sqlite.ts"
import type { SqliteWriter } from "./SqliteWriter.ts"
import { attempt, StorageFailure } from "./Storage.ts"

/** Free pages are given back when they are more than this part of the file, until they are half of it. */
const maxFree = 0.1

/**
 * A slice deletes rows with at most this many bytes of JSON, if it deletes more than one row. The WAL is copied to the file when half as much was deleted: a
 * full slice is a little below the bound, and two of them would double the copy, one call that takes longer the more pages it copies (about 130).
 */
const checkpointBytes = 256 * 1024

/** Segments that one step writes while nothing is appended, before it deletes their rows. */
const runsOfStep = 4

/** After so many segments in a row there is a backlog, and slices are long also after an append: else events would come faster than they are packed. */
const backlogSegments = 64

/** Content up to this size is compressed on the event loop while nothing is appended: at most 2 ms. */
const smallBytes = 384 * 1024

/** Rows and the bytes of their JSON. */
type Sizes = Pick<Segment.Columns, "offsets" | "sizes">

/** The rows from `first` to at most `last` that one slice deletes. With unknown sizes: all of them, and they count as many bytes. */
const partFrom = (first: number, last: number, known?: Sizes) => {
  if (known === undefined) return { last, bytes: checkpointBytes }
  const at = known.offsets.findIndex((offset) => offset >= first)
  let bytes = 0
  for (let i = Math.max(0, at); i < known.offsets.length && known.offsets[i]! <= last; i++) {
    const size = known.sizes[i]!
    if (bytes > 0 && bytes + size > checkpointBytes) return { last: known.offsets[i - 1]!, bytes }
    bytes += size
  }
  return { last, bytes }
}

const noTime = "1970-01-01T00:00:00.000Z"

interface Bounds {
  /** The last offset of the segments, or the last trimmed one if that is greater. */
  readonly coldUpTo: number
  readonly head: number
}

const prepare = (db: Sqlite.Connection) => ({
  bounds: db
    .prepare(
      `SELECT max(coalesce((SELECT last FROM segments ORDER BY first DESC LIMIT 1), 0),
                  coalesce((SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'retainedFrom'), 0)),
              coalesce((SELECT max(offset) FROM events), 0)`
    )
    .raw(),
  /** The segment that still has copies of its events as rows. Those are always the oldest rows. */
  copied: db.prepare(
    `SELECT first, last, codec, crc, bytes FROM segments WHERE first <= (SELECT min(offset) FROM events) ORDER BY first DESC LIMIT 1`
  ),
  oldest: db.prepare("SELECT min(offset) FROM events").pluck(),
  /** One search in the key: the segment that contains the next offset, or the first one after it. */
  after: db.prepare(
    `SELECT first, last, codec, crc, bytes FROM segments
     WHERE first >= coalesce((SELECT max(first) FROM segments WHERE first <= ?), 0) AND last > ? ORDER BY first LIMIT 1`
  ),
  /** Whether a text, one byte per character, is JSON. */
  isJson: db.prepare("SELECT json_valid(CAST(? AS TEXT))").pluck(),
  segment: db.prepare("SELECT first, last, codec, crc, bytes FROM segments WHERE first = ?"),
  /** The number of commits that forgot streams. */
  generation: db.prepare("SELECT value FROM meta WHERE key = 'generation'").pluck(),
  free: db.prepare("SELECT freelist_count, page_count FROM pragma_freelist_count, pragma_page_count").raw()
})

const timeOf = ({ json, valid }: Segment.Row): string | undefined => {
  const at = valid ? (JSON.parse(json) as { readonly at?: unknown }).at : undefined
  return typeof at === "string" ? at : undefined
}

/** `db`: the connection of the reader. One step at a time. */
export const make = (writer: SqliteWriter, db: Sqlite.Connection) => {
  const sql = prepare(db)
  let appends = writer.appends
  /** Segments that were written since there was nothing to pack. */
  let inARow = 0
  /** Whether nothing was appended since the last call. */
  const isIdle = () => {
    const idle = writer.appends === appends
    appends = writer.appends
    return idle
  }
  /** Slices that are shorter after an append, because the next one is near, unless there is a backlog. */
  const sharing = (least: number, most: number) => {
    const slice = slices(least, most)
    return <A>(run: (size: number) => A): A => slice(run, isIdle() || inARow >= backlogSegments ? targetMillis : shortMillis)
  }
  const slice = { read: sharing(100, 1_000), delete: sharing(100, 4_000), vacuum: sharing(16, 256) }
  const bounds = (): Bounds => {
    const [coldUpTo, last] = sql.bounds.get() as [number, number]
    return { coldUpTo, head: Math.max(coldUpTo, last) }
  }
  const step = <A>(run: () => A): Effect.Effect<A, LogUnavailable> => attempt("pack", () => Sqlite.guarded(run))

  const readRun = PackingRun.make(db, step, slice.read)
  const isJson = (text: string): boolean => sql.isJson.get(Buffer.from(text, "latin1")) === 1

  /** False if the run is not what it was when it was read: events before it were trimmed, or a stream was forgotten. */
  const insert = (stored: Segment.Stored, { columns, generation }: PackingRun.Run): boolean =>
    writer.maintain((current) => {
      if (bounds().coldUpTo !== stored.first - 1 || sql.generation.get() !== generation) return false
      const streams = new Map<number, number>()
      for (const stream of columns.streams) streams.set(stream, (streams.get(stream) ?? 0) + 1)
      current.sql.addSegment.run(stored.first, stored.last, stored.codec, stored.crc, stored.bytes)
      for (const [stream, count] of streams) current.sql.addSegmentStream.run(stream, stored.first, count)
      writer.step("segment-written")
      return true
    })

  /** Deletes a segment whose events are still rows: readers use the rows again. */
  const withdraw = ({ first }: Segment.Stored, { reason }: Segment.Damaged): Effect.Effect<never, LogUnavailable> =>
    step(() => {
      writer.maintain((current) => {
        current.sql.deleteSegmentStreams.run(first)
        current.sql.deleteSegment.run(first)
      })
      throw new StorageFailure("corrupt", `the segment of the events from ${first} was written wrongly: ${reason}`)
    })

  /** `sizes`: of the rows, if they are known. */
  const deleteCopies = Effect.fn("Packing.deleteCopies")(function* (upTo: number, between: Effect.Effect<void>, sizes?: Sizes) {
    let from = yield* step(() => sql.oldest.get() as number | null)
    let deleted = 0
    let bytes = 0
    while (from !== null && from <= upTo) {
      const start = from
      deleted += yield* step(() =>
        slice.delete((size) => {
          const part = partFrom(start, Math.min(start + size - 1, upTo), sizes)
          bytes += part.bytes
          return writer.maintain((current) => {
            const { changes } = current.sql.deleteRows.run(part.last)
            writer.step("rows-deleted")
            return Number(changes)
          })
        })
      )
      yield* between
      from = yield* step(() => sql.oldest.get() as number | null)
      if (bytes < checkpointBytes / 2 && from !== null && from <= upTo) continue
      yield* step(() => writer.checkpoint())
      bytes = 0
      yield* between
    }
    yield* step(() => writer.step("rows-gone"))
    return deleted
  })

  const pages = () => {
    const [free, all] = sql.free.get() as [number, number]
    return { free, all }
  }
  const vacuum = Effect.fn("Packing.vacuum")(function* (between: Effect.Effect<void>) {
    const { all, free } = yield* step(pages)
    if (free <= all * maxFree) return 0
    let left = free
    for (let stuck = false; !stuck && left > (all - free) * (maxFree / 2);) {
      yield* step(() =>
        slice.vacuum((size) =>
          writer.maintain((current) => {
            current.db.exec(`PRAGMA incremental_vacuum(${size})`)
            writer.step("vacuum")
          })
        )
      )
      yield* between
      yield* step(() => writer.checkpoint())
      yield* between
      const now = (yield* step(pages)).free
      stuck = now >= left
      left = now
    }
    return free - left
  })

  /** Writes the segment of the next run, and checks it. "none": there is no run; "changed": the run changed meanwhile. */
  const packRun = Effect.fn("Packing.run")(function* (options: PackOptions & { readonly between: Effect.Effect<void> }) {
    const run = yield* readRun(yield* step(bounds), options)
    if (run === undefined) return "none"
    if (run === "changed") return "changed"
    yield* step(() => writer.step("run-read"))
    const encoded = yield* step(() => Segment.encodeColumns(run.first, run.last, run.columns, isJson))
    const where = encoded.content.byteLength <= smallBytes && isIdle() ? "here" : "pool"
    const stored = yield* Segment.compress(run.first, run.last, encoded.content, where)
    yield* options.between
    if (!(yield* step(() => insert(stored, run)))) return "changed"
    yield* step(() => writer.step("segment-committed"))
    const written = yield* step(() => sql.segment.get(run.first) as Segment.Stored)
    yield* Segment.verify(written, run.columns, encoded, where).pipe(
      // A segment with another checksum that opens: a stream was forgotten since, and erased from it.
      Effect.catchAll((damaged) =>
        written.crc !== stored.crc && !(Segment.open(written) instanceof Segment.Damaged)
          ? Effect.void
          : withdraw(written, damaged)
      )
    )
    yield* step(() => writer.step("segment-verified"))
    return { first: run.first, last: run.last, columns: run.columns, bytes: stored.bytes.byteLength }
  })

  const pack = Effect.fn("Packing.pack")(function* (options: PackOptions) {
    const between = options.between ?? Effect.yieldNow()
    const nothing: Packed = { events: 0, bytes: 0, rows: 0, pages: 0, more: true }
    const copied = yield* step(() => {
      const segment = sql.copied.get() as Segment.Stored | undefined
      return segment !== undefined && (sql.oldest.get() as number) <= segment.last ? segment : undefined
    })
    if (copied !== undefined) {
      const segment = Segment.open(copied)
      if (segment instanceof Segment.Damaged) return yield* withdraw(copied, segment)
      return { ...nothing, rows: yield* deleteCopies(copied.last, between) }
    }
    const written: { first?: number; last: number; bytes: number; offsets: Array<number>; sizes: Array<number> } = {
      last: 0,
      bytes: 0,
      offsets: [],
      sizes: []
    }
    for (let runs = 1, more = true; more; runs++) {
      // A fault of a later run is that of the next step, which begins with this run.
      const run = yield* Effect.catchAll(packRun({ ...options, between }), (fault) =>
        written.first === undefined ? Effect.fail(fault) : Effect.succeed("none" as const)
      )
      if (run === "none") inARow = 0
      if (run === "none" && written.first === undefined) return { ...nothing, pages: yield* vacuum(between), more: false }
      if (typeof run === "string") break
      inARow++
      written.first ??= run.first
      written.last = run.last
      written.bytes += run.bytes
      written.offsets.push(...run.columns.offsets)
      written.sizes.push(...run.columns.sizes)
      more = runs < runsOfStep && isIdle()
    }
    if (written.first === undefined) return nothing
    const rows = yield* deleteCopies(written.last, between, written)
    return { ...nothing, events: written.last - written.first + 1, bytes: written.bytes, rows }
  })
  const segmentAfter = (offset: number) =>
    step(() => {
      const stored = sql.after.get(offset, offset) as Segment.Stored | undefined
      if (stored === undefined) return undefined
      const segment = Segment.open(stored)
      const row = segment instanceof Segment.Damaged ? undefined : segment.row(stored.last)
      // A segment without a readable time counts as old.
      const at = (row === undefined ? undefined : timeOf(row)) ?? noTime
      return { last: stored.last, bytes: stored.bytes.byteLength, at }
    })
  return { pack, segmentAfter }
}
