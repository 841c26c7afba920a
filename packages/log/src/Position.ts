/** The bounds of a log, and whether an offset lies between them (D3). */
import { CursorAhead, CursorExpired } from "@millrace/contracts/Errors"

/** The epoch and bounds of a log at one point in time. */
export interface Position {
  readonly logEpoch: string
  readonly head: number
  /** Events up to this offset are no longer kept; 0 = all are kept. */
  readonly retained: number
}

/** Why no subscriber can read after the offset: it is beyond the head or below retention. */
export const outside = (offset: number, { head, logEpoch, retained }: Position): CursorAhead | CursorExpired | undefined => {
  if (offset > head) {
    const message = `Offset ${offset} is beyond the head of the log (${head}). Take a snapshot and follow from its cursor.`
    return new CursorAhead({ logEpoch, head, message })
  }
  if (offset >= retained) return undefined
  const message = `Offset ${offset} is below retention: events up to ${retained} were removed. Take a snapshot and follow from its cursor.`
  return new CursorExpired({ logEpoch, head, message })
}
