/** The concatenated deltas of an open item, bounded. Used when the provider ends the item without its text. */
import { maxBlobBytes } from "@millrace/contracts/Blob"
import type { ItemContent, ItemKind } from "@millrace/contracts/Item"
import { textField } from "@millrace/contracts/TextField"
import { cutBytes, wellFormed } from "@millrace/contracts/Text"

/** Bytes that the open items of a session may still keep, together. */
export interface Budget {
  left: number
}

/** The budget of a session: 64 MiB (R7). */
export const budget = (): Budget => ({ left: 2 * maxBlobBytes })

export class ItemText {
  private pieces: Array<string> = []
  private bytes = 0
  private omittedBytes = 0
  private readonly budget: Budget

  constructor(shared: Budget) {
    this.budget = shared
  }

  append(text: string): void {
    const bytes = Buffer.byteLength(text)
    const room = Math.min(maxBlobBytes - this.bytes, this.budget.left)
    // After the first cut no more text is kept, because a later delta that fits would follow a gap.
    if (this.omittedBytes > 0) this.omittedBytes += bytes
    else if (bytes <= room) this.keep(text, bytes)
    else {
      const kept = cutBytes(text, room)
      const keptBytes = Buffer.byteLength(kept)
      if (kept !== "") this.keep(kept, keptBytes)
      this.omittedBytes = bytes - keptBytes
    }
  }

  private keep(text: string, bytes: number): void {
    this.pieces.push(text)
    this.bytes += bytes
    this.budget.left -= bytes
  }

  /** The item is closed: returns its bytes to the budget. */
  release(): void {
    this.budget.left += this.bytes
    this.pieces = []
    this.bytes = 0
  }

  /** Content of a completed item. A completion without text gets the text of the deltas; a text of the provider is kept. */
  complete(kind: ItemKind, content: ItemContent): ItemContent {
    return content.text === undefined && content.output === undefined ? this.continue(kind, content) : content
  }

  /** Content of an item that the provider never completed: its first content, followed by the deltas. */
  continue(kind: ItemKind, content: ItemContent): ItemContent {
    if (this.bytes === 0 && this.omittedBytes === 0) return content
    return {
      ...content,
      [textField(kind)]: (content[textField(kind)] ?? "") + wellFormed(this.pieces.join("")),
      ...(this.omittedBytes === 0 ? {} : { omittedBytes: this.omittedBytes })
    }
  }
}
