/** One item of a turn as read models show it, folded from its events. */
import type { DomainEvent } from "@millrace/contracts/Event"
import type { ItemContent, ItemView } from "@millrace/contracts/Item"
import { textField } from "@millrace/contracts/TextField"

/** An event of an item. */
export type ItemEvent = Extract<DomainEvent, { readonly type: `item.${string}` }>
export const isItemEvent = (event: DomainEvent): event is ItemEvent => event.type.startsWith("item.")

/** An event of the item while its turn runs: its start, a piece of its text, its end. */
export type StreamEvent = Extract<ItemEvent, { readonly type: "item.started" | "item.delta" | "item.completed" }>
export const isStreamEvent = (event: DomainEvent): event is StreamEvent =>
  event.type === "item.started" || event.type === "item.delta" || event.type === "item.completed"

/** Whether the item is a message of the agent itself, not of a sub-agent. */
export const isAnswer = ({
  kind,
  parentItemId
}: {
  readonly kind: string
  readonly parentItemId?: string | undefined
}): boolean => kind === "agent-message" && parentItemId === undefined

/**
 * Whose message the item is. `undefined` for reasoning, tools and other kinds. In a log of an older version the id of a `notice` shows whether it is a
 * prompt of the server.
 */
export const roleOf = ({
  itemId,
  kind,
  parentItemId,
  role
}: Pick<ItemView, "itemId" | "kind" | "parentItemId" | "role">): "user" | "agent" | undefined =>
  role ??
  (isAnswer({ kind, parentItemId })
    ? "agent"
    : kind === "user-message" || (kind === "notice" && itemId.endsWith("_user"))
      ? "user"
      : undefined)

/** The item with this text in the field that its deltas build. Returns the same item if the text is empty. */
export const withText = <I extends ItemContent & { readonly kind: string }>(item: I, text: string): I =>
  text === "" ? item : { ...item, [textField(item.kind)]: text }

/**
 * The item after an event that names it. `undefined` if the item is unknown and the event does not create it. `item.completed` and `item.amended` carry
 * the whole item and replace the known one.
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
  items.flatMap((item) => (isAnswer(item) && item.text !== undefined && item.text !== "" ? [item.text] : [])).join("\n\n")
