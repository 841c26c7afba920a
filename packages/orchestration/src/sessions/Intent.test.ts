import type { StoredEvent } from "@millrace/log/EventLog"
import { expect, it } from "vitest"
import * as Intent from "./Intent.ts"

const read = (type: string, data: object) => {
  const json = JSON.stringify({ epoch: 1, data: { threadId: "thr_a", requestId: "req_a", by: "tester", ...data } })
  return Intent.read({ type, json } as StoredEvent)?.intent
}

it.each([
  [{ decision: "accept" }],
  [{ decision: "accept", optionId: "o2", label: "staging" }],
  [{ optionId: "yes", label: "Yes, for ever" }],
  [{ optionId: "yes" }],
  [{ answers: { colour: ["blue"] } }]
])("T13 the agent gets the answer as the log stores it: %j", (answer) => {
  expect(read("request.answered", answer)).toEqual({
    _tag: "Answer",
    requestId: "req_a",
    answer,
    given: "req_a"
  })
})

it("T13 an answer to a held request reaches the agent with the repeated question, under the id that the agent knows", () => {
  const answer = { decision: "accept" }
  expect(read("request.answered", { ...answer, held: true })).toBeUndefined()
  expect(read("request.repeated", { repeatedAs: "req_b" })).toBeUndefined()
  const given = { _tag: "Answer", requestId: "req_b", answer, given: "req_a" }
  expect(read("request.repeated", { repeatedAs: "req_b", answer })).toEqual(given)
  expect(read("request.answered", { ...answer, repeatedAs: "req_b" })).toEqual(given)
})

it("T13 for an expired request the agent gets a cancellation", () => {
  expect(read("request.expired", { reason: "gone" })).toMatchObject({ answer: { decision: "cancel" } })
})
