/** The options of a permission request: how a person sees them, and which answer the agent receives. */
import { assert, describe, it } from "@effect/vitest"
import type { Answer, Ask } from "@millrace/contracts/Item"
import { pending } from "../../src/acp/PendingRequest.ts"
import { decodeAsk } from "../../src/acp/Wire.ts"

const permission = (options: ReadonlyArray<unknown>, toolCall: object = {}) => {
  const params = { sessionId: "s", toolCall: { toolCallId: "c", title: "Which database shall I drop?", ...toolCall }, options }
  const decoded = decodeAsk("s", "session/request_permission", params, "request n1")
  if (decoded === undefined) throw new Error("it was not read")
  const { ask, result } = pending(decoded.toolCall, decoded.options)
  if (ask.kind !== "approval") throw new Error("it is no approval")
  return { ask: ask satisfies Omit<Ask & { kind: "approval" }, "itemId">, sent: (answer: Answer) => result(answer).outcome }
}
const option = (optionId: string, name: string, kind: string) => ({ optionId, name, kind })
const selected = (optionId: string) => ({ outcome: "selected" as const, optionId })
const databases = [
  option("o1", "production", "allow_once"),
  option("o2", "staging", "allow_once"),
  option("o3", "none", "reject_once")
]

describe("acp approvals", () => {
  it("T13 a request without a tool call's id reaches a person; content in another shape is its reason", () => {
    for (const toolCallId of [undefined, null, 5])
      assert.deepInclude(permission(databases, { toolCallId }).ask, { nativeItemId: "request n1" } as never)
    for (const content of ["because", [{ type: "content", content: { type: "text", text: "because" } }], ["because"]])
      assert.deepInclude(permission(databases, { content }).ask, {
        reason: "because"
      } as never)
  })

  it("T13 two options of one kind stay two options; the agent gets the chosen one", () => {
    const { ask, sent } = permission(databases)
    assert.deepStrictEqual(ask.options, [
      { optionId: "o1", label: "production", kind: "accept" },
      { optionId: "o2", label: "staging", kind: "accept" },
      { optionId: "o3", label: "none", kind: "decline" }
    ])
    assert.deepStrictEqual(ask.choices, ["decline", "cancel"])
    assert.deepStrictEqual(sent({ decision: "accept", optionId: "o2" }), selected("o2"))
    assert.deepStrictEqual(sent({ decision: "decline" }), selected("o3"))
    // An ambiguous decision never selects the first of several options.
    assert.deepStrictEqual(sent({ decision: "accept" }), { outcome: "cancelled" as const })
    assert.deepStrictEqual(sent({ optionId: "o9" }), { outcome: "cancelled" as const })
  })

  it("T13 an option of an unknown kind keeps the agent's own word; so does one without a kind", () => {
    const { ask, sent } = permission([
      option("yes", "Yes, for ever", "allow_persistent"),
      option("no", "No", "deny"),
      { optionId: "odd" },
      { name: "without an id", kind: "allow_once" },
      "no option"
    ])
    assert.deepStrictEqual(ask.options, [
      { optionId: "yes", label: "Yes, for ever", kind: "allow_persistent" },
      { optionId: "no", label: "No", kind: "deny" },
      { optionId: "odd", label: "odd", kind: "other" }
    ])
    assert.deepStrictEqual(ask.choices, ["decline", "cancel"])
    assert.deepStrictEqual(sent({ optionId: "yes" }), selected("yes"))
    assert.deepStrictEqual(sent({ decision: "decline" }), { outcome: "cancelled" as const })
  })

  it("T13 the four kinds are four decisions, except the second way to reject, which keeps its own word", () => {
    const { ask, sent } = permission([
      option("a", "Allow", "allow_once"),
      option("b", "Always", "allow_always"),
      option("c", "Reject", "reject_once"),
      option("d", "Never", "reject_always")
    ])
    assert.deepStrictEqual(
      ask.options?.map(({ kind }) => kind),
      ["accept", "accept-for-session", "decline", "reject_always"]
    )
    assert.deepStrictEqual(ask.choices, ["accept", "accept-for-session", "decline", "cancel"])
    assert.deepStrictEqual(sent({ decision: "accept-for-session" }), selected("b"))
    assert.deepStrictEqual(sent({ decision: "decline" }), selected("c"))
    assert.deepStrictEqual(sent({ decision: "cancel" }), { outcome: "cancelled" as const })
    assert.deepStrictEqual(permission([option("d", "Never", "reject_always")]).sent({ decision: "decline" }), selected("d"))
  })

  it("T13 a repeated id is one option, and a decision that matches two options is not offered", () => {
    const { ask } = permission([option("x", "Yes", "allow_once"), option("x", "No", "reject_once")])
    assert.deepStrictEqual(ask.options, [{ optionId: "x", label: "Yes", kind: "accept" }])
    const refusals = permission([option("a", "No", "reject_once"), option("b", "No, and stop", "reject_once")])
    assert.deepStrictEqual(refusals.ask.choices, ["cancel"])
    assert.deepStrictEqual(refusals.sent({ decision: "decline" }), { outcome: "cancelled" as const })
  })

  it("T13 a request to change the mode contains the plan, from its content or its input", () => {
    const modes = [option("edits", "Yes, and auto-accept edits", "allow_always"), option("ask", "Yes, ask", "allow_once")]
    const shown = {
      kind: "switch_mode",
      title: "Ready to code?",
      content: [{ type: "content", content: { type: "text", text: "1. Do" } }]
    }
    assert.strictEqual(permission(modes, shown).ask.reason, "1. Do")
    assert.strictEqual(permission(modes, { kind: "switch_mode", rawInput: { plan: "2. Do" } }).ask.reason, "2. Do")
    assert.isUndefined(permission(modes, { kind: "switch_mode" }).ask.reason)
  })
})

describe("acp approvals and rules", () => {
  it("X11 a command is complete only if its input has nothing that is not known, and the rule sees where it runs", () => {
    const asked = (rawInput: unknown) => permission(databases, { kind: "execute", title: "npm test", rawInput }).ask
    assert.deepInclude(asked({ command: "npm test", cwd: "/elsewhere", timeout: 1 }), {
      complete: true,
      cwd: "/elsewhere"
    } as never)
    for (const input of [
      undefined,
      {},
      { command: ["npm", "test"] },
      { command: "git", args: ["-c", "alias.x=!sh", "x"] },
      { command: "npm test", dangerouslyDisableSandbox: true }
    ])
      assert.notProperty(asked(input), "complete", JSON.stringify(input))
  })
})
