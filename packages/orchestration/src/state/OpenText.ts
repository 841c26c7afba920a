/** The text of an open item: the sum of its deltas. It completes the item if the agent does not. */
import { cut } from "@millrace/contracts/Text"

export interface OpenText {
  /** At most `maxText` characters. */
  readonly text: string
  /** Bytes of deltas beyond `maxText`, which only the deltas have. */
  readonly omittedBytes: number
}

/** Characters of an open item's deltas that are kept. */
export const maxText = 200_000

export const empty: OpenText = { text: "", omittedBytes: 0 }

/** Adds a delta. After the first cut nothing more is added, so that the text has no gap. */
export const append = <T extends OpenText>(open: T, delta: string): T => {
  if (open.omittedBytes === 0 && open.text.length + delta.length <= maxText) return { ...open, text: open.text + delta }
  const kept = open.omittedBytes > 0 ? "" : cut(delta, maxText - open.text.length)
  return { ...open, text: open.text + kept, omittedBytes: open.omittedBytes + Buffer.byteLength(delta.slice(kept.length)) }
}
