import { assert, it } from "@effect/vitest"
import * as Mapping from "../../src/codex/Mapping.ts"

it("the whole plan of a turn is reported; a step with an unknown status is pending", () => {
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
