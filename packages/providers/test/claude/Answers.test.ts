/** What a person adds to an answer, in Claude's protocol. */
import { expect, it } from "vitest"
import { pending } from "../../src/claude/PendingRequest.ts"

const bash = pending(
  { subtype: "can_use_tool", tool_name: "Bash", input: { command: "rm -r x", timeout: 5 } } as never,
  undefined
)
const edit = pending({ subtype: "can_use_tool", tool_name: "Write", input: { file_path: "/x", content: "" } } as never, undefined)

it("T13 a tool name that may belong to two servers, and a request that lifts a limit, are not complete, so that no rule accepts them", () => {
  const asked = (tool_name: string, input: object, more: object = {}) =>
    pending({ subtype: "can_use_tool", tool_name, input, ...more } as never, undefined).ask
  expect(asked("mcp__a__b", {})).toMatchObject({ tool: "a/b", complete: true })
  expect(asked("mcp__a__b__c", {})).not.toHaveProperty("complete")
  expect(asked("mcp__a____c", {})).not.toHaveProperty("complete")
  expect(asked("Bash", { command: "ls" })).toMatchObject({ command: "ls", complete: true })
  expect(asked("Bash", { command: "ls", dangerouslyDisableSandbox: true })).not.toHaveProperty("complete")
  expect(asked("Write", { file_path: "/x", content: "" }, { blocked_path: "/x" })).not.toHaveProperty("complete")
})

it("T13 Claude takes a changed command for Bash, and a reason for every decline", () => {
  expect([bash.ask, edit.ask]).toMatchObject([{ takes: ["reason", "input"] }, { takes: ["reason"] }])
  expect(bash.result({ decision: "accept", input: { command: "ls x" } })).toEqual({
    behavior: "allow",
    updatedInput: { command: "ls x", timeout: 5 }
  })
  expect(bash.result({ decision: "accept" })).toEqual({ behavior: "allow", updatedInput: { command: "rm -r x", timeout: 5 } })
  expect(bash.result({ decision: "decline", reason: "too much" })).toEqual({
    behavior: "deny",
    message: "The person declined this. Reason: too much"
  })
})
