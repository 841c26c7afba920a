/**
 * The text of one item, sent in pieces to a client that cannot retract a piece. Deltas are sent as they arrive. The completed text is authoritative
 * (T9), so its remainder is sent at the end. After a gap the position of a delta is unknown: nothing is sent until the completed text.
 */

/** Maximum number of characters kept for comparison with the completed text; an event contains no longer one (L4). */
const kept = 262_144

export class DeltaAligner {
  private sent = ""
  private lost: boolean

  /** `lost`: the start of the text was not received. */
  constructor(lost: boolean) {
    this.lost = lost
  }

  /** The text to send for a delta. */
  delta(text: string): string {
    if (this.lost) return ""
    if (this.sent.length < kept) this.sent += text
    return text
  }

  gap(): void {
    this.lost = true
  }

  /** Releases the text: nothing more is sent. */
  free(): void {
    this.sent = ""
    this.lost = true
  }

  /** The text to send when the item completes: the remainder. Empty when the completed text does not begin with what was sent. */
  rest(whole: string | undefined): string {
    return whole !== undefined && this.sent.length < kept && whole.startsWith(this.sent) ? whole.slice(this.sent.length) : ""
  }
}
