/**
 * Packs old events of a SQLite log into segments (docs/decisions/0133). Segments cover the offsets from the first retained one up to `coldUpTo`. One step packs one
 * run of rows: read, compress, insert the segment, verify it, delete the rows. A crash may leave rows at or below `coldUpTo`; readers do not use them, and
 * the next step deletes them. Reads, deletes and vacuum are done in slices. The checkpoint of
 * the WAL after a step is one call, which holds the event loop for as long as the disk takes to write the pages of a step: 100 to 400 of them.
 */
import { Effect } from "effect"
import type { LogUnavailable, PackOptions, Packed } from "./EventLog.ts"
import { forgotten, forgottenType } from "./Forgotten.ts"
import * as Segment from "./Segment.ts"
import { slices } from "./Slices.ts"
import * as Sqlite from "./Sqlite.ts"
import type { SqliteWriter } from "./SqliteWriter.ts"
import { attempt, StorageFailure } from "./Storage.ts"

/** Free pages are given back when they are more than this part of the file, until they are half of it. */
const maxFree = 0.1

const noTime = "1970-01-01T00:00:00.000Z"

interface Bounds {
  /** The last offset of the segments, or the last trimmed one if that is greater. */
  readonly coldUpTo: number
  readonly head: number
}

/** Consecutive events that become a segment. `generation`: as it was before they were read. */
interface Run {
  readonly first: number
  readonly last: number
  readonly rows: ReadonlyArray<Segment.Row>
  readonly generation: unknown
}

/** `columns` of the statement `rows`. */
type Columns = readonly [offset: number, stream: number, version: number, type: string, json: string, valid: number]

/** The streams that are not erased yet, by id. */
type Marked = ReadonlyMap<number, { readonly name: string; readonly forgotten: number }>

/** A row as the reader delivers it: a segment that is written after a stream was forgotten has nothing of it. */
const rowOf = ([offset, stream, version, type, json, valid]: Columns, marked: Marked): Segment.Row => {
  const mark = marked.get(stream)
  return mark !== undefined && offset <= mark.forgotten
    ? { ...forgotten({ offset, stream: mark.name, version, json }), stream, version, type: forgottenType, valid: true }
    : { offset, stream, version, type, json, valid: valid === 1 }
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
  rows: db
    .prepare(
      `SELECT offset, stream, version, type, json, json_valid(json) FROM events WHERE offset > ? AND offset <= ? ORDER BY offset LIMIT ?`
    )
    .raw(),
  at: db.prepare("SELECT json ->> '$.at' FROM events WHERE offset > ? AND json_valid(json) ORDER BY offset LIMIT 1").pluck(),
  /** One search in the key: the segment that contains the next offset, or the first one after it. */
  after: db.prepare(
    `SELECT first, last, codec, crc, bytes FROM segments
     WHERE first >= coalesce((SELECT max(first) FROM segments WHERE first <= ?), 0) AND last > ? ORDER BY first LIMIT 1`
  ),
  pageSize: db.prepare("SELECT page_size FROM pragma_page_size").pluck(),
  segment: db.prepare("SELECT first, last, codec, crc, bytes FROM segments WHERE first = ?"),
  marked: db.prepare("SELECT id, name, forgotten FROM streams WHERE forgotten > 0"),
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
  const slice = { read: slices(250, 1_000), delete: slices(250, 1_000), vacuum: slices(16, 256) }
  const bounds = (): Bounds => {
    const [coldUpTo, last] = sql.bounds.get() as [number, number]
    return { coldUpTo, head: Math.max(coldUpTo, last) }
  }
  const step = <A>(run: () => A): Effect.Effect<A, LogUnavailable> => attempt("pack", () => Sqlite.guarded(run))

  /** The oldest rows that fill a segment and are old enough; with `partial`, also fewer. */
  const readRun = Effect.fn("Packing.readRun")(function* (options: PackOptions & { readonly between: Effect.Effect<void> }) {
    const { coldUpTo, head } = yield* step(bounds)
    const last = Math.min(coldUpTo + Segment.maxEvents, head, options.below - 1)
    const at = yield* step(() => sql.at.get(coldUpTo) as string | null | undefined)
    if (last <= coldUpTo || (typeof at === "string" && at >= options.before)) return undefined
    const generation = yield* step(() => sql.generation.get())
    const marks = yield* step(
      () => sql.marked.all() as Array<{ readonly id: number; readonly name: string; readonly forgotten: number }>
    )
    const marked: Marked = new Map(marks.map((mark) => [mark.id, mark]))
    const rows: Array<Segment.Row> = []
    let bytes = 0
    let cut = false
    /** Reads the next rows, one by one, so that no row after the first one that does not fit is read. Returns how many fit. */
    const readRows = (size: number): number => {
      const known = rows.length
      for (const columns of sql.rows.iterate(rows.at(-1)?.offset ?? coldUpTo, last, size) as Iterable<Columns>) {
        const row = rowOf(columns, marked)
        bytes += Buffer.byteLength(row.json)
        cut = rows.length > 0 && bytes > Segment.maxBytes
        if (cut) break
        rows.push(row)
      }
      return rows.length - known
    }
    for (let more = true; more;) {
      const found = yield* step(() => slice.read(readRows))
      more = !cut && found > 0 && rows.at(-1)!.offset < last
      yield* options.between
    }
    const isOld = (row: Segment.Row) => (timeOf(row) ?? "") < options.before
    const newest = rows.at(-1)
    const isFull = cut || last === coldUpTo + Segment.maxEvents
    if (isFull && (newest === undefined || isOld(newest))) {
      // Rows that are missing before the next event belong to the run.
      return { first: coldUpTo + 1, last: cut && newest !== undefined ? newest.offset : last, rows, generation } satisfies Run
    }
    const old = options.partial === true ? rows.slice(0, rows.findLastIndex(isOld) + 1) : []
    const run: Run = { first: coldUpTo + 1, last: old.at(-1)?.offset ?? coldUpTo, rows: old, generation }
    return old.length === 0 ? undefined : run
  })

  /** False if the run is not what it was when it was read: events before it were trimmed, or a stream was forgotten. */
  const insert = (stored: Segment.Stored, { generation, rows }: Run): boolean =>
    writer.maintain((current) => {
      if (bounds().coldUpTo !== stored.first - 1 || sql.generation.get() !== generation) return false
      const streams = new Map<number, number>()
      for (const { stream } of rows) streams.set(stream, (streams.get(stream) ?? 0) + 1)
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

  const deleteCopies = Effect.fn("Packing.deleteCopies")(function* (upTo: number, between: Effect.Effect<void>) {
    let from = yield* step(() => sql.oldest.get() as number | null)
    let deleted = 0
    while (from !== null && from <= upTo) {
      const start = from
      deleted += yield* step(() =>
        slice.delete((size) =>
          writer.maintain((current) => {
            const { changes } = current.sql.deleteRows.run(Math.min(start + size - 1, upTo))
            writer.step("rows-deleted")
            return Number(changes)
          })
        )
      )
      yield* between
      from = yield* step(() => sql.oldest.get() as number | null)
    }
    yield* step(() => writer.step("rows-gone"))
    yield* step(() => writer.checkpoint())
    yield* between
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
    const run = yield* readRun({ ...options, between })
    if (run === undefined) return { ...nothing, pages: yield* vacuum(between), more: false }
    yield* step(() => writer.step("run-read"))
    const content = Segment.encode(run.first, run.last, run.rows)
    const stored = yield* Segment.compress(run.first, run.last, content)
    yield* between
    if (!(yield* step(() => insert(stored, run)))) return nothing
    yield* step(() => writer.step("segment-committed"))
    const written = yield* step(() => sql.segment.get(run.first) as Segment.Stored)
    yield* Segment.contentOf(written).pipe(
      Effect.filterOrFail(
        // Another checksum: a stream was forgotten since, and erased from the segment.
        (found) => found.equals(content) || written.crc !== stored.crc,
        () => new Segment.Damaged("it does not hold what was packed")
      ),
      Effect.catchAll((damaged) => withdraw(written, damaged))
    )
    yield* step(() => writer.step("segment-verified"))
    const rows = yield* deleteCopies(run.last, between)
    return { ...nothing, events: run.last - run.first + 1, bytes: stored.bytes.byteLength, rows }
  })
  const segmentAfter = (offset: number) =>
    step(() => {
      const stored = sql.after.get(offset, offset) as Segment.Stored | undefined
      if (stored === undefined) return undefined
      const segment = Segment.open(stored)
      const { all, free } = pages()
      const row = segment instanceof Segment.Damaged ? undefined : segment.row(stored.last)
      // A segment without a readable time counts as old.
      const at = (row === undefined ? undefined : timeOf(row)) ?? noTime
      const usedBytes = (all - free) * (sql.pageSize.get() as number)
      return { last: stored.last, bytes: stored.bytes.byteLength, at, usedBytes }
    })
  return { pack, segmentAfter }
}
