/** A stream whose events up to an offset are forgotten, and what a row of it becomes in a segment. */
import { forgotten, forgottenType } from "./Forgotten.ts"
import type { Columns, Row } from "./Segment.ts"

export interface Marked {
  readonly id: number
  readonly name: string
  /** The last forgotten offset. */
  readonly forgotten: number
}

/** Marked streams by id. */
export type Marks = ReadonlyMap<number, Marked>

const isMasked = (mark: Marked | undefined, { offset, type }: Pick<Row, "offset" | "type">): mark is Marked =>
  mark !== undefined && offset <= mark.forgotten && type !== forgottenType

/** The row without its content if its stream is forgotten up to it (`mark`). Otherwise the row itself. */
export const masked = (row: Row, mark: Marked | undefined): Row =>
  mark !== undefined && row.stream === mark.id && isMasked(mark, row)
    ? { ...row, ...forgotten({ ...row, stream: mark.name }), stream: row.stream, valid: true }
    : row

/** The same for the rows of a run. */
export const maskedColumns = (columns: Columns, marks: Marks): Columns => {
  const { offsets, streams } = columns
  const markOf = (i: number) => {
    const mark = marks.get(streams[i]!)
    return isMasked(mark, { offset: offsets[i]!, type: columns.types[i]! }) ? mark : undefined
  }
  if (marks.size === 0 || !offsets.some((_, i) => markOf(i) !== undefined)) return columns
  const types = [...columns.types]
  const sizes = [...columns.sizes]
  const all = Buffer.concat(columns.content)
  let end = 0
  const content = columns.sizes.map((size, i) => {
    const part = all.subarray(end, (end += size))
    const mark = markOf(i)
    if (mark === undefined) return part
    const event = { offset: offsets[i]!, stream: mark.name, version: columns.versions[i]!, json: part.toString() }
    const json = Buffer.from(forgotten(event).json)
    types[i] = forgottenType
    sizes[i] = json.byteLength
    return json
  })
  return { ...columns, types, sizes, content }
}
