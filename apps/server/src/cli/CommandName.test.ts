import { describe, expect, it } from "@effect/vitest"
import { commandName, withCommandName } from "./CommandName.ts"

const checkout = { MILLRACE_COMMAND: "pnpm millrace", npm_command: "run-script" }
const npx = { npm_command: "exec" }

describe("CommandName", () => {
  it("is what the person typed: in a checkout, with npx, installed", () => {
    expect([checkout, npx, { npm_command: "run-script" }, {}].map(commandName)).toEqual([
      "pnpm millrace",
      "npx millrace",
      "millrace",
      "millrace"
    ])
  })

  it("changes hints only", () => {
    const text =
      "See `millrace threads`; start one: millrace serve --data /x. All: millrace --help. The millrace server, npx millrace run x, a/millrace run"
    expect(withCommandName(text, npx)).toBe(
      "See `npx millrace threads`; start one: npx millrace serve --data /x. All: npx millrace --help. The millrace server, npx millrace run x, a/millrace run"
    )
    expect(withCommandName(text, {})).toBe(text)
  })
})
