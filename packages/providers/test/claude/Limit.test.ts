import { failureOf } from "../../src/claude/Failures.ts"
import * as ResetTime from "../../src/claude/ResetTime.ts"
import { expect, it } from "vitest"

const result = (text: string) =>
  ({ type: "result", subtype: "success", is_error: true, result: text }) as unknown as Parameters<typeof failureOf>[0]

it("T11 a time of day means the next such time, in the zone that Claude names", () => {
  const now = Date.UTC(2026, 10, 28, 22, 15)
  const said = (when: string) => ResetTime.fromWords(`You've hit your session limit · resets ${when}`, now)
  expect(said("11pm (UTC)")).toBe("2026-11-28T23:00:00.000Z")
  expect(said("10:15pm (UTC)")).toBe("2026-11-29T22:15:00.000Z")
  expect(said("12am (UTC)")).toBe("2026-11-29T00:00:00.000Z")
  expect(said("12:30 pm (UTC)")).toBe("2026-11-29T12:30:00.000Z")
  expect(said("6pm (America/New_York)")).toBe("2026-11-28T23:00:00.000Z")
  expect(said("Dec 3, 4:30am (Europe/Berlin)")).toBe("2026-12-03T03:30:00.000Z")
  expect(said("Jan 2, 5pm (UTC)")).toBe("2027-01-02T17:00:00.000Z")
  // The zone's offset on the day of the reset applies.
  expect(said("Jul 1, 5pm (Europe/Berlin)")).toBe("2027-07-01T15:00:00.000Z")
  for (const odd of ["soon", "25 (UTC)", "11pm (Nowhere/Land)", ""]) expect(said(odd)).toBeUndefined()
})

it("T11 a usage limit of Claude has its end time, if Claude's message does", () => {
  expect(failureOf(result("Claude AI usage limit reached|1800000000"), "rate_limit")).toMatchObject({
    kind: "limit",
    resetAt: "2027-01-15T08:00:00.000Z"
  })
  expect(failureOf(result("You have reached your limit. It resets at 3pm."), "rate_limit")).not.toHaveProperty("resetAt")
  expect(failureOf(result("Claude AI usage limit reached|1800000000"), "overloaded")).not.toHaveProperty("resetAt")
})
