/** The agent's messages as one text: in the order of their beginnings, apart by an empty line, the same whether streamed or not. */
import type { ItemView } from "@millrace/contracts/Item"
import type { ItemEvent } from "./ItemEvent.ts"
import { Text } from "./Text.ts"

interface Message {
  readonly text: Text
  /** To be told when the messages before it are over. */
  waiting: string
  over: boolean
}

const isMessage = (kind: string) => kind === "agent-message"

export class Telling {
  private readonly messages: Array<Message> = []
  private readonly byId = new Map<string, Message>()
  /** The first that is not told to its end, and whether anything was told of it, and before it. */
  private current = 0
  private begun = false
  private told = false
  private gapped = false

  private message(itemId: string, lost: boolean): Message {
    const known = this.byId.get(itemId)
    if (known !== undefined) return known
    const message = { text: new Text(lost), waiting: "", over: false }
    this.byId.set(itemId, message)
    this.messages.push(message)
    return message
  }

  private close(itemId: string, whole: string | undefined): void {
    const message = this.message(itemId, true)
    if (message.over) return
    message.waiting += message.text.rest(whole)
    message.over = true
  }

  /** What can be told after this event. */
  add({ data, type }: ItemEvent): string {
    if (!isMessage(data.kind)) return ""
    if (type === "item.started") this.message(data.itemId, false)
    else if (type === "item.completed") this.close(data.itemId, data.text)
    else {
      const message = this.message(data.itemId, this.gapped)
      if (!message.over) message.waiting += message.text.delta(data.text)
    }
    return this.take()
  }

  /** Events are missing up to here; these are the items that they were about. */
  gap(items: ReadonlyArray<ItemView>): string {
    this.gapped = true
    for (const { text } of this.messages) text.gap()
    for (const item of items) {
      if (!isMessage(item.kind)) continue
      if (item.status === "open") this.message(item.itemId, true)
      else this.close(item.itemId, item.text)
    }
    return this.take()
  }

  /** What state has and nobody told. */
  end(items: ReadonlyArray<ItemView>): string {
    for (const item of items) if (isMessage(item.kind)) this.close(item.itemId, item.text)
    for (const message of this.messages) message.over = true
    return this.take()
  }

  private take(): string {
    let text = ""
    for (let message = this.messages[this.current]; message !== undefined; message = this.messages[this.current]) {
      if (message.waiting !== "") {
        text += !this.begun && this.told ? `\n\n${message.waiting}` : message.waiting
        this.begun = true
        this.told = true
        message.waiting = ""
      }
      if (!message.over) return text
      this.current++
      this.begun = false
    }
    return text
  }
}
