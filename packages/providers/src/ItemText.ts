/** The concatenated deltas of an open item, bounded. Used when the provider ends the item without its text. */
import { cut, wellFormed } from "@millrace/contracts/Text"
import { type ItemContent, type ItemKind, textField } from "@millrace/contracts/Item"

/** Maximum characters that are kept; the rest is only counted, in bytes. */
const keptCharacters = 128 * 1024

export class ItemText {
  private pieces: Array<string> = []
  private length = 0
  private droppedBytes = 0

  append(text: string): void {
    // After the first cut nothing more is kept: a later delta that fits would follow a gap.
    const kept = this.droppedBytes > 0 ? "" : cut(text, keptCharacters - this.length)
    if (kept !== "") this.pieces.push(kept)
    this.length += kept.length
    if (kept.length < text.length) this.droppedBytes += Buffer.byteLength(text) - Buffer.byteLength(kept)
  }

  /** Content of a completed item. A completion without text gets the text of the deltas; a text of the provider is kept. */
  complete(kind: ItemKind, content: ItemContent): ItemContent {
    return content.text === undefined && content.output === undefined ? this.continue(kind, content) : content
  }

  /** Content of an item that the provider never completed: its first content, followed by the deltas. */
  continue(kind: ItemKind, content: ItemContent): ItemContent {
    if (this.length === 0) return content
    return {
      ...content,
      [textField(kind)]: (content[textField(kind)] ?? "") + wellFormed(this.pieces.join("")),
      ...(this.droppedBytes === 0 ? {} : { truncatedBytes: (content.truncatedBytes ?? 0) + this.droppedBytes })
    }
  }
}
