import { assert, it } from "@effect/vitest"
import * as Mapping from "../../src/codex/Mapping.ts"

it("the plan of a turn is told whole; a status that is not known is still to do", () => {
  const plan = [
    { step: "look", status: "completed" },
    { step: "change", status: "inProgress" },
    { step: "test", status: "dreaming" }
  ]
  const mapping = Mapping.make("ours")
  mapping.notification("turn/started", { threadId: "ours", turn: { id: "t", status: "inProgress" } })
  assert.deepStrictEqual(mapping.notification("turn/plan/updated", { threadId: "ours", turnId: "t", plan }), [
    {
      _tag: "TurnUpdated",
      nativeTurnId: "t",
      plan: [
        { text: "look", status: "completed" },
        { text: "change", status: "in-progress" },
        { text: "test", status: "pending" }
      ]
    }
  ])
})
