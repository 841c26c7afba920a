/**
 * A cursor names a position in a log, after the event at `offset`: `<log epoch>-<offset>`. Clients must not parse it.
 * The log epoch is 26 characters of Crockford base 32, chosen when a log is created (D3).
 */
import { cut } from "./Text.ts"
import { Either, Schema } from "effect"
import { CursorMalformed } from "./Errors.ts"

export const LogEpoch = Schema.String.pipe(Schema.pattern(/^[0-9A-HJKMNP-TV-Z]{26}$/))
export type LogEpoch = typeof LogEpoch.Type

export interface Cursor {
  readonly logEpoch: LogEpoch
  readonly offset: number
}

const shape = /^([0-9A-HJKMNP-TV-Z]{26})-(0|[1-9][0-9]{0,15})$/

/** The cursor on the wire. */
export const CursorString = Schema.String.pipe(Schema.pattern(shape))
export type CursorString = typeof CursorString.Type

export const format = (logEpoch: LogEpoch, offset: number): CursorString => `${logEpoch}-${offset}`

export const parse = (text: string): Either.Either<Cursor, CursorMalformed> => {
  const match = shape.exec(text)
  return match === null || !Number.isSafeInteger(Number(match[2]))
    ? Either.left(
        new CursorMalformed({
          cursor: cut(text, 200),
          message: "This is not a cursor. Send a cursor that this server returned, or none."
        })
      )
    : Either.right({ logEpoch: match[1] as string, offset: Number(match[2]) })
}
