/** Resolves a cursor against this log: a closed set of outcomes, the same on every transport (D3). */
import * as Cursor from "@millrace/contracts/Cursor"
import { CursorAhead, type CursorError, CursorExpired, CursorForeign, CursorMalformed } from "@millrace/contracts/Errors"
import { Either } from "effect"

/** The epoch and bounds of the log, from one read. */
export interface Position {
  readonly logEpoch: string
  readonly head: number
  /** Events up to this offset are no longer kept; 0 = all are kept. */
  readonly retained: number
}

const at = ({ logEpoch, head }: Position) => ({ logEpoch, head })

/** An offset of this log: ok, ahead of the head, or below retention. */
export const checkOffset = (offset: number, position: Position): Either.Either<number, CursorAhead | CursorExpired> => {
  if (offset > position.head)
    return Either.left(
      new CursorAhead({
        ...at(position),
        message: `This cursor is at offset ${offset}, but the head of the log is ${position.head}. Take a snapshot and follow from its offset.`
      })
    )
  if (offset < position.retained)
    return Either.left(
      new CursorExpired({
        ...at(position),
        message: `Retention has removed the events up to ${position.retained}. Take a snapshot and follow from its offset.`
      })
    )
  return Either.right(offset)
}

/** The offset to read after; no cursor = from the start of what is kept. */
export const resolve = (after: string | undefined, position: Position): Either.Either<number, CursorError> => {
  if (after === undefined) return Either.right(position.retained)
  const parsed = Cursor.parse(after)
  if (Either.isLeft(parsed))
    return Either.left(new CursorMalformed({ cursor: parsed.left.cursor, message: parsed.left.message, ...at(position) }))
  if (parsed.right.logEpoch !== position.logEpoch)
    return Either.left(
      new CursorForeign({
        ...at(position),
        message: "This cursor belongs to another log. Take a snapshot and follow from its offset."
      })
    )
  return checkOffset(parsed.right.offset, position)
}
