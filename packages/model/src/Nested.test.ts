import { expect, it } from "@effect/vitest"
import { make } from "@millrace/contracts/Event"
import { ItemId, ThreadId, TurnId } from "@millrace/contracts/Ids"
import { answerOf, type StreamEvent } from "./Item.ts"
import { Nested } from "./Nested.ts"

const of = { threadId: ThreadId.make("thr_a"), turnId: TurnId.make("trn_a") }
const parentItemId = ItemId.make("itm_task")
const own = { ...of, itemId: ItemId.make("itm_own"), kind: "agent-message" }
const theirs = { ...of, itemId: ItemId.make("itm_theirs"), kind: "agent-message", parentItemId }

it("Nested recognises the events of a sub-agent's item, and its deltas by the item's start; the answer has only the agent's own messages", () => {
  const { parentItemId: _, ...piece } = theirs
  const events: ReadonlyArray<StreamEvent> = [
    make("item.started", own),
    make("item.started", theirs),
    make("item.delta", { ...piece, text: "th" }),
    make("item.delta", { ...own, text: "ow" }),
    make("item.completed", { ...theirs, status: "completed", text: "theirs" }),
    make("item.completed", { ...own, status: "completed", text: "own" })
  ]
  const nested = new Nested()
  expect(events.map((event) => nested.has(event))).toEqual([false, true, true, false, true, false])
  const items = [
    { ...own, status: "completed" as const, text: "own" },
    { ...theirs, status: "completed" as const, text: "theirs" }
  ]
  expect(answerOf(items)).toBe("own")
})
