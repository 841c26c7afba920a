/** Joins the messages of the agent, but not of its sub-agents, in the order in which they started, with an empty line between two. A streamed answer and a whole answer have the same text. */
import type { ItemView } from "@millrace/contracts/Item"
import { isAnswer, type StreamEvent } from "@millrace/model/Item"
import { Nested } from "@millrace/model/Nested"
import { SentItems } from "./SentItems.ts"
import { DeltaAligner } from "./DeltaAligner.ts"

/** Maximum number of messages that wait for the end of an earlier message. Beyond it the waiting messages are sent first, and the rest of the earlier message after them. */
const maxWaiting = 1024

interface Message {
  readonly itemId: string
  readonly text: DeltaAligner
  /** Text to send when the messages before it have ended. */
  waiting: string
  isDone: boolean
}

export class MessageJoiner {
  private readonly known = new SentItems<Message>()
  private readonly nested = new Nested()
  /** The messages that are not completely sent, in order. */
  private readonly messages: Array<Message> = []
  /** Whether any text was sent of the first of them; `sentAny`: of any message. */
  private begun = false
  private sentAny = false
  private gapped = false

  private message(itemId: string, lost: boolean): Message {
    const known = this.known.get(itemId)
    if (known !== undefined) return known
    const message = this.known.begin(itemId, () => ({ itemId, text: new DeltaAligner(lost), waiting: "", isDone: false }))
    this.messages.push(message)
    return message
  }

  private close(itemId: string, whole: string | undefined): void {
    const message = this.message(itemId, true)
    if (message.isDone) return
    message.waiting += message.text.rest(whole)
    message.text.free()
    message.isDone = true
  }

  /** The text to send after this event. */
  add(event: StreamEvent): string {
    const { data, type } = event
    if (this.nested.has(event) || data.kind !== "agent-message") return ""
    if (type === "item.started") this.message(data.itemId, false)
    else if (type === "item.completed") this.close(data.itemId, data.text)
    else {
      const message = this.message(data.itemId, this.gapped)
      if (!message.isDone) message.waiting += message.text.delta(data.text)
    }
    return this.take()
  }

  /** Events before this point were not received; `items` are the current items of the turn. Returns the text to send. */
  gap(items: ReadonlyArray<ItemView>): string {
    this.gapped = true
    for (const { text } of this.messages) text.gap()
    for (const item of this.known.notEvicted(items.filter(isAnswer))) {
      if (item.status === "open") this.message(item.itemId, true)
      else this.close(item.itemId, item.text)
    }
    return this.take()
  }

  /** The text to send at the end of the turn: the part of its items that was not sent. */
  end(items: ReadonlyArray<ItemView>): string {
    for (const item of this.known.notEvicted(items.filter(isAnswer))) this.close(item.itemId, item.text)
    for (const message of this.messages) message.isDone = true
    return this.take()
  }

  private take(): string {
    let text = ""
    for (let message = this.messages[0]; message !== undefined; message = this.messages[0]) {
      if (message.waiting !== "") {
        text += !this.begun && this.sentAny ? `\n\n${message.waiting}` : message.waiting
        this.begun = true
        this.sentAny = true
        message.waiting = ""
      }
      const crowded = this.messages.length > maxWaiting
      if (!message.isDone && !crowded) return text
      this.messages.shift()
      this.begun = false
      if (message.isDone) this.known.end(message.itemId)
      else {
        this.messages.push(message)
        // Moves one message per event: if all are open, a loop would not end.
        return text
      }
    }
    return text
  }
}
