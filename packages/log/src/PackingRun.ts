/**
 * Reads the oldest rows of the table `events` that become one segment. A query returns a column of many rows as one value, because a value for each row
 * costs more processor time than everything else about reading it. Rows are chosen by the length of their JSON, which SQLite knows without reading it.
 */
import { Effect } from "effect"
import type { LogUnavailable, PackOptions } from "./EventLog.ts"
import { type Marked, maskedColumns } from "./Marked.ts"
import * as Segment from "./Segment.ts"
import type * as Sqlite from "./Sqlite.ts"
import { StorageFailure } from "./Storage.ts"

/** Consecutive events that become a segment. `generation`: the generation before they were read. */
export interface Run {
  readonly first: number
  readonly last: number
  readonly columns: Segment.Columns
  readonly generation: unknown
}

/** Maximum bytes of JSON that one query reads, if it reads more than one row. */
const sliceBytes = 96 * 1024

const prepare = (db: Sqlite.Connection) => ({
  columns: db
    .prepare(
      `SELECT json_group_array(offset), json_group_array(stream), json_group_array(version), json_group_array(type), json_group_array(size)
       FROM (SELECT offset, stream, version, type, octet_length(json) AS size FROM events WHERE offset > ? AND offset <= ? ORDER BY offset LIMIT ?)`
    )
    .raw(),
  /** `offsets`: shows the order in which SQLite joined the rows. */
  content: db
    .prepare(
      `SELECT CAST(group_concat(json, '') AS BLOB), json_group_array(offset)
       FROM (SELECT offset, json FROM events WHERE offset >= ? AND offset <= ? ORDER BY offset)`
    )
    .raw(),
  at: db.prepare("SELECT json ->> '$.at' FROM events WHERE offset > ? AND json_valid(json) ORDER BY offset LIMIT 1").pluck(),
  /** The last event before a time. An event without a readable time counts as old. */
  lastOld: db
    .prepare(
      `SELECT offset FROM events
       WHERE offset > ? AND offset <= ? AND coalesce(CASE WHEN json_valid(json) THEN json ->> '$.at' END, '') < ? ORDER BY offset DESC LIMIT 1`
    )
    .pluck(),
  marked: db.prepare("SELECT id, name, forgotten FROM streams WHERE forgotten > 0"),
  /** The number of commits that forgot streams. */
  generation: db.prepare("SELECT value FROM meta WHERE key = 'generation'").pluck()
})

/** Runs one query on the event loop. */
type Step = <A>(run: () => A) => Effect.Effect<A, LogUnavailable>

/** `slice`: runs a query with the number of rows that it should read. */
export const make = (db: Sqlite.Connection, step: Step, slice: <A>(run: (rows: number) => A) => A) => {
  const sql = prepare(db)
  /** The rows, as they were chosen, whose JSON was not that when it was read. */
  let refused: string | undefined

  /** The columns but the JSON of the rows after `coldUpTo` that fill a segment, and whether more rows up to `last` did not fit. */
  const choose = Effect.fn("PackingRun.choose")(function* (coldUpTo: number, last: number, between: Effect.Effect<void>) {
    const chosen = {
      offsets: new Array<number>(),
      streams: new Array<number>(),
      versions: new Array<number>(),
      types: new Array<string>(),
      sizes: new Array<number>()
    }
    let bytes = 0
    let cut = false
    const read = (count: number): number => {
      const after = chosen.offsets.at(-1) ?? coldUpTo
      const columns = sql.columns.get(after, last, count) as [string, string, string, string, string]
      const numbers = (column: string) => JSON.parse(column) as Array<number>
      const types = JSON.parse(columns[3]) as Array<string>
      const [offsets, streams, versions, sizes] = [columns[0], columns[1], columns[2], columns[4]].map(numbers) as [
        Array<number>,
        Array<number>,
        Array<number>,
        Array<number>
      ]
      let fit = 0
      for (; fit < sizes.length; fit++) {
        bytes += sizes[fit]!
        cut = bytes > Segment.maxBytes && chosen.offsets.length + fit > 0
        if (cut) break
      }
      chosen.offsets.push(...offsets.slice(0, fit))
      chosen.streams.push(...streams.slice(0, fit))
      chosen.versions.push(...versions.slice(0, fit))
      chosen.types.push(...types.slice(0, fit))
      chosen.sizes.push(...sizes.slice(0, fit))
      return fit
    }
    for (let more = true; more;) {
      const found = yield* step(() => slice(read))
      more = !cut && found > 0 && chosen.offsets.at(-1)! < last
      yield* between
    }
    return { chosen, cut }
  })

  /** The JSON of the rows, as the file has it. `undefined` if they are no longer the chosen rows. */
  const readContent = Effect.fn("PackingRun.readContent")(function* (
    { offsets, sizes }: Pick<Segment.Columns, "offsets" | "sizes">,
    between: Effect.Effect<void>
  ) {
    const content: Array<Uint8Array> = []
    for (let start = 0, end = 0; start < offsets.length; start = end) {
      let bytes = sizes[end++]!
      while (end < offsets.length && bytes + sizes[end]! <= sliceBytes) bytes += sizes[end++]!
      const [first, last] = [offsets[start]!, offsets[end - 1]!]
      const isSame = yield* step(() => {
        const [json, found] = sql.content.get(first, last) as [Uint8Array | null, string]
        if (json?.byteLength !== bytes || found !== JSON.stringify(offsets.slice(start, end))) return false
        content.push(json)
        return true
      })
      if (!isSame) return undefined
      yield* between
    }
    return content
  })

  /**
   * The oldest rows after `coldUpTo` that fill a segment and are old enough; with `partial`, also fewer. Undefined: there are none. "changed": a stream is
   * being erased; read again. Fails with reason `corrupt` if that is no reason for what was read.
   */
  return Effect.fn("PackingRun.read")(function* (
    { coldUpTo, head }: { readonly coldUpTo: number; readonly head: number },
    { before, below, between, partial }: PackOptions & { readonly between: Effect.Effect<void> }
  ) {
    const last = Math.min(coldUpTo + Segment.maxEvents, head, below - 1)
    const at = yield* step(() => sql.at.get(coldUpTo) as string | null | undefined)
    if (last <= coldUpTo || (typeof at === "string" && at >= before)) return undefined
    const generation = yield* step(() => sql.generation.get())
    const marks = yield* step(() => sql.marked.all() as Array<Marked>)
    const { chosen, cut } = yield* choose(coldUpTo, last, between)
    const newest = chosen.offsets.at(-1)
    const isFull = cut || last === coldUpTo + Segment.maxEvents
    const isOld = (offset: number) => sql.lastOld.get(offset - 1, offset, before) === offset
    const wholeIsOld = isFull && (newest === undefined || (yield* step(() => isOld(newest))))
    // Rows that are missing before the next event belong to the run.
    const end = wholeIsOld
      ? cut && newest !== undefined
        ? newest
        : last
      : partial === true && newest !== undefined
        ? yield* step(() => (sql.lastOld.get(coldUpTo, newest, before) as number | undefined) ?? coldUpTo)
        : coldUpTo
    if (end === coldUpTo) return undefined
    const count = chosen.offsets.findLastIndex((offset) => offset <= end) + 1
    const columns = {
      offsets: chosen.offsets.slice(0, count),
      streams: chosen.streams.slice(0, count),
      versions: chosen.versions.slice(0, count),
      types: chosen.types.slice(0, count),
      sizes: chosen.sizes.slice(0, count)
    }
    const content = yield* readContent(columns, between)
    if (content === undefined) {
      // Only the eraser changes rows: those of streams that were marked before, or are by now. It may be blocked, and then nothing changes.
      const sizes = JSON.stringify([columns.offsets, columns.sizes])
      const isNew = sizes !== refused
      refused = sizes
      if (isNew && (marks.length > 0 || (yield* step(() => sql.generation.get())) !== generation)) return "changed"
      return yield* step(() => {
        throw new StorageFailure("corrupt", `the events from ${coldUpTo + 1} to ${end} are not those of the index of the table`)
      })
    }
    refused = undefined
    const marked = new Map(marks.map((mark) => [mark.id, mark]))
    return { first: coldUpTo + 1, last: end, columns: maskedColumns({ ...columns, content }, marked), generation } satisfies Run
  })
}
