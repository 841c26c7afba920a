import { failureOf } from "../../src/claude/Failures.ts"
import { expect, it } from "vitest"

const result = (text: string) =>
  ({ type: "result", subtype: "success", is_error: true, result: text }) as unknown as Parameters<typeof failureOf>[0]

it("T11 a usage limit of Claude says when it ends, where its words do", () => {
  expect(failureOf(result("Claude AI usage limit reached|1800000000"), "rate_limit")).toMatchObject({
    kind: "limit",
    resetAt: "2027-01-15T08:00:00.000Z"
  })
  expect(failureOf(result("You have reached your limit. It resets at 3pm."), "rate_limit")).not.toHaveProperty("resetAt")
  expect(failureOf(result("Claude AI usage limit reached|1800000000"), "overloaded")).not.toHaveProperty("resetAt")
})
