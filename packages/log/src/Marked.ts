/** A stream whose events up to an offset are forgotten, and what a row of it becomes in a segment. */
import { forgotten, forgottenType } from "./Forgotten.ts"
import type { Row } from "./Segment.ts"

export interface Marked {
  readonly id: number
  readonly name: string
  /** The last forgotten offset. */
  readonly forgotten: number
}

/** The row without its content if its stream is forgotten up to it (`mark`). Otherwise the row itself. */
export const masked = (row: Row, mark: Marked | undefined): Row =>
  mark !== undefined && row.stream === mark.id && row.offset <= mark.forgotten && row.type !== forgottenType
    ? { ...row, ...forgotten({ ...row, stream: mark.name }), stream: row.stream, valid: true }
    : row
