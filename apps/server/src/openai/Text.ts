/**
 * The text of one item, told piece by piece to a client that cannot take a piece back. Deltas are told as they come; the completed text is
 * what the item says (T9), so what it has beyond the told is told at its end. After a gap deltas have lost their place: nothing is told until
 * the completed text.
 */

/** Characters that are kept to compare with the completed text; an event holds no longer one (L4). */
const kept = 262_144

export class Text {
  private told = ""
  private lost: boolean

  /** `lost`: its beginning was not seen. */
  constructor(lost: boolean) {
    this.lost = lost
  }

  /** What of the delta is to be told. */
  delta(text: string): string {
    if (this.lost) return ""
    if (this.told.length < kept) this.told += text
    return text
  }

  gap(): void {
    this.lost = true
  }

  /** Nothing more is told of it. */
  free(): void {
    this.told = ""
    this.lost = true
  }

  /** What is left to tell when the item is over. A text that says something else than what was told stays untold. */
  rest(whole: string | undefined): string {
    return whole !== undefined && this.told.length < kept && whole.startsWith(this.told) ? whole.slice(this.told.length) : ""
  }
}
