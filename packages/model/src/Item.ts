/** One item of a turn as read models show it, folded from its events. */
import type { DomainEvent } from "@millrace/contracts/Event"
import type { ItemContent, ItemView } from "@millrace/contracts/Item"

/** An event of an item. */
export type ItemEvent = Extract<DomainEvent, { readonly type: `item.${string}` }>
export const isItemEvent = (event: DomainEvent): event is ItemEvent => event.type.startsWith("item.")

/** The field of an item that its deltas build: the output of a command, the text of another item. */
export const textField = (kind: string): "output" | "text" => (kind === "command" ? "output" : "text")

/** The item with this text in the field that its deltas build; unchanged if the text is empty. */
export const withText = <I extends ItemContent & { readonly kind: string }>(item: I, text: string): I =>
  text === "" ? item : { ...item, [textField(item.kind)]: text }

/**
 * The item after an event that names it; `undefined` if it is unknown and the event does not create it. `item.completed` and `item.amended` carry the
 * whole item and replace it.
 */
export const apply = (item: ItemView | undefined, event: ItemEvent): ItemView | undefined => {
  switch (event.type) {
    case "item.started":
      return { ...event.data, status: "open" }
    case "item.delta":
      return item === undefined ? undefined : withText(item, (item[textField(item.kind)] ?? "") + event.data.text)
    case "item.completed":
    case "item.amended":
    case "item.imported":
      return event.data
  }
}

/** The agent's messages in these items, separated by an empty line. */
export const answerOf = (items: ReadonlyArray<ItemView>): string =>
  items
    .flatMap((item) => (item.kind === "agent-message" && item.text !== undefined && item.text !== "" ? [item.text] : []))
    .join("\n\n")
