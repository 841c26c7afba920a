/** The rules of items. They share no code with decide and evolve. */
import { type Context, unknownEvent } from "./Context.ts"

/** Checks and applies an event of an item. */
export const apply = ({ data, event, must, thread, turn }: Context): void => {
  switch (event.type) {
    case "item.started":
      must(turn !== undefined && !thread.items.has(data.itemId), "T9 an item starts once, in an open turn")
      thread.items.add(data.itemId)
      turn?.items.add(data.itemId)
      return
    case "item.delta":
      must(turn?.items.has(data.itemId) === true, "T9 a delta belongs to an open item")
      return
    case "item.completed":
      must(turn?.items.has(data.itemId) === true, "T9 an item closes once, before its turn ends")
      thread.items.delete(data.itemId)
      turn?.items.delete(data.itemId)
      if (data.kind !== "agent-message") return
      if (data.text?.endsWith("\nGOAL COMPLETE")) thread.claims.add(data.turnId)
      else thread.claims.delete(data.turnId)
      return
    case "item.amended":
      must(!thread.items.has(data.itemId), "T9 only a closed item is amended")
      return
    default:
      must(false, unknownEvent)
  }
}
