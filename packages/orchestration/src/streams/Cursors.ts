/** Resolves a cursor against this log. Every transport gets the same closed set of outcomes (D3). */
import * as Cursor from "@millrace/contracts/Cursor"
import { CursorForeign, CursorMalformed } from "@millrace/contracts/Errors"
import type { CursorAhead, CursorError, CursorExpired } from "@millrace/contracts/Errors"
import { outside, type Position } from "@millrace/log/Position"
import { Either } from "effect"

const at = ({ logEpoch, head }: Position) => ({ logEpoch, head })

/** An offset of this log: ok, ahead of the head, or below retention. */
export const checkOffset = (offset: number, position: Position): Either.Either<number, CursorAhead | CursorExpired> => {
  const wrong = outside(offset, position)
  return wrong === undefined ? Either.right(offset) : Either.left(wrong)
}

/** The offset to read after. Without a cursor: the start of the retained events. */
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
