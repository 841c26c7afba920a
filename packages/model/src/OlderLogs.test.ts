import { expect, it } from "@effect/vitest"
import type { DataOf } from "@millrace/contracts/Event"
import { GoalId, ItemId, ThreadId, TurnId } from "@millrace/contracts/Ids"
import type { Goal as GoalView } from "@millrace/contracts/State"
import * as Goal from "./Goal.ts"
import * as Item from "./Item.ts"
import * as Queue from "./Queue.ts"

const threadId = ThreadId.make("thr_one")
const goalId = GoalId.make("goal_one")
const used = { turns: 1, tokens: 10, millis: 0 }
const goal: GoalView = {
  goalId,
  objective: "done",
  status: "active",
  budget: { turns: 5 },
  used,
  pauseOnUserMessage: true
}

it("L6 the position of a turn is its field; in an older log its strategy decides", () => {
  const requested = (data: Partial<DataOf<"turn.requested">>): DataOf<"turn.requested"> => ({
    threadId,
    turnId: TurnId.make("trn_new"),
    text: "",
    strategy: "enqueue",
    ...data
  })
  expect(Queue.positionOf(requested({ strategy: "interrupt", position: "back" }))).toBe("back")
  const strategies = ["enqueue", "reject", "steer", "interrupt"] as const
  expect(strategies.map((strategy) => Queue.positionOf(requested({ strategy })))).toEqual(["back", "back", "front", "front"])
})

it("L6 the goal of an ended turn is its field; in an older log the id of the turn decides", () => {
  const tokensAfter = (turnId: string, named?: string) =>
    Goal.apply(goal, {
      type: "turn.completed",
      data: {
        threadId,
        turnId: TurnId.make(turnId),
        usage: { totalTokens: 5 },
        ...(named === undefined ? {} : { goalId: GoalId.make(named) })
      }
    })?.used.tokens
  expect(tokensAfter("trn_continued", "goal_one")).toBe(15)
  expect(tokensAfter("trn_one_g1")).toBe(15)
  expect(tokensAfter("trn_one_g1", "goal_other")).toBe(10)
  expect(tokensAfter("trn_of_a_person")).toBe(10)
})

it("L6 the role of an item is its field; in an older log its kind and id decide", () => {
  const role = (kind: string, itemId: string, named?: "user") =>
    Item.roleOf({ kind, itemId: ItemId.make(itemId), ...(named === undefined ? {} : { role: named }) })
  expect(role("notice", "itm_1", "user")).toBe("user")
  expect(role("notice", "itm_1_user")).toBe("user")
  expect(role("notice", "itm_1")).toBe(undefined)
  expect(role("user-message", "itm_1")).toBe("user")
  expect(role("agent-message", "itm_1_user")).toBe("agent")
  expect(role("reasoning", "itm_1_user")).toBe(undefined)
})
