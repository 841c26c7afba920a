/** The sum of an open item's deltas, bounded: for an item that ends without the provider's word for its text. */
import { cut, wellFormed } from "@millrace/contracts/Text"
import type { ItemContent, ItemKind } from "@millrace/contracts/Item"

/** Characters that are kept; of the rest only the bytes are counted. */
const keptCharacters = 128 * 1024

/** A command's deltas are its output, all others are text. */
const field = (kind: ItemKind): "output" | "text" => (kind === "command" ? "output" : "text")

export class ItemText {
  private pieces: Array<string> = []
  private length = 0
  private droppedBytes = 0

  append(text: string): void {
    // After the first cut nothing more is kept: what fits later would stand in the place of what did not.
    const kept = this.droppedBytes > 0 ? "" : cut(text, keptCharacters - this.length)
    if (kept !== "") this.pieces.push(kept)
    this.length += kept.length
    if (kept.length < text.length) this.droppedBytes += Buffer.byteLength(text) - Buffer.byteLength(kept)
  }

  /** For a completion that says no text: that of the deltas. What the provider says stays as it is. */
  complete(kind: ItemKind, content: ItemContent): ItemContent {
    return content.text === undefined && content.output === undefined ? this.continue(kind, content) : content
  }

  /** For an item that the provider never completed: what it began with, and the deltas. */
  continue(kind: ItemKind, content: ItemContent): ItemContent {
    if (this.length === 0) return content
    return {
      ...content,
      [field(kind)]: (content[field(kind)] ?? "") + wellFormed(this.pieces.join("")),
      ...(this.droppedBytes === 0 ? {} : { truncatedBytes: (content.truncatedBytes ?? 0) + this.droppedBytes })
    }
  }
}
