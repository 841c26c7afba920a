/** All recorded conversations with a real ACP agent, through mapping and normaliser. */
import { assert, describe, it } from "@effect/vitest"
import { faults, isTerminal, unsettled } from "@millrace/adapter-kit/Recording"
import { completed, deltas, opaque, signals, story } from "@millrace/adapter-kit/Story"
import { names, replay, type Replayed } from "./Replay.ts"

const only = (name: string, at = 0): Replayed => {
  const session = replay(name)[at]
  if (session === undefined) throw new Error(`${name} has no session ${at}`)
  return session
}
const said = ["+agent-message", "-agent-message completed"]
const asked = ["start", "+command", "?approval"]

describe("acp transcripts", () => {
  it.each(names)("T2 T9 T13 %s: every item closed once, one terminal per turn, requests settled once", (name) => {
    for (const { answered, events } of replay(name)) {
      assert.deepStrictEqual(faults(events), [])
      assert.deepStrictEqual(unsettled(events, answered), [])
    }
  })

  it("only the list of commands is kept as opaque", () => {
    for (const name of names)
      for (const { events } of replay(name))
        for (const event of events)
          if (event._tag === "Opaque")
            assert.include(JSON.stringify(event.payload), '"sessionUpdate":"available_commands_update"', opaque(events).join())
  })

  it("acp-basic-turn: the text is exact, and the usage is that of the answer", () => {
    const { events } = only("acp-basic-turn")
    assert.deepStrictEqual(story(events), ["start", ...said, "completed"])
    const text = "Hello, this is a streamed answer from the scripted model."
    assert.deepStrictEqual(completed(events, "agent-message"), [{ text }])
    assert.strictEqual(deltas(events, "agent-message"), text)
    const end = events.find(isTerminal)
    assert.deepStrictEqual(end?._tag === "TurnCompleted" ? end.usage : undefined, {
      inputTokens: 100,
      outputTokens: 10,
      totalTokens: 110,
      contextWindow: 100000
    })
    assert.deepStrictEqual(signals(events), [{ contextTokens: 100, contextWindow: 100000 }])
  })

  it("T13 approvals: allow runs it, reject does not; the answers are the recorded ones", () => {
    const allow = only("acp-tool-approval-allow")
    assert.deepStrictEqual(story(allow.events), [...asked, "-command completed", ...said, "completed"])
    assert.deepStrictEqual(completed(allow.events, "command"), [
      { command: "touch approved.txt && ls", cwd: "/workspace", output: "approved.txt\n", exitCode: 0 }
    ])
    assert.strictEqual(deltas(allow.events, "command"), "approved.txt\n")
    const reject = only("acp-tool-approval-reject")
    assert.deepStrictEqual(story(reject.events), [...asked, "-command declined", "completed"])
    for (const { answers } of [allow, reject]) {
      assert.strictEqual(answers.length, 1)
      assert.deepStrictEqual(answers[0]?.[0], answers[0]?.[1])
    }
    const opened = allow.events.find((event) => event._tag === "RequestOpened")
    const item = allow.events.find((event) => event._tag === "ItemStarted")
    assert.deepInclude(item?._tag === "ItemStarted" ? item.content : {}, { command: "touch approved.txt && ls" })
    assert.deepStrictEqual(opened?._tag === "RequestOpened" ? opened.ask : undefined, {
      kind: "approval",
      title: "Run: touch approved.txt && ls",
      complete: true,
      command: "touch approved.txt && ls",
      choices: ["accept", "accept-for-session", "decline", "cancel"],
      options: [
        { optionId: "once", label: "Allow once", kind: "accept" },
        { optionId: "always", label: "Always allow", kind: "accept-for-session" },
        { optionId: "reject", label: "Reject", kind: "decline" }
      ],
      ...(item?._tag === "ItemStarted" ? { itemId: item.itemId } : {})
    })
  })

  it("T7 acp-cancel: streamed text stays", () => {
    const { events } = only("acp-cancel")
    assert.deepStrictEqual(story(events), ["start", "+agent-message", "-agent-message aborted", "interrupted"])
    assert.match(completed(events, "agent-message")[0]?.text ?? "", /^d0@\d+ d1@\d+ d2@\d+ $/)
  })

  it("acp-load-session: the replayed history creates no turn and no item, the next prompt does", () => {
    assert.deepStrictEqual(story(only("acp-load-session", 0).events), ["start", ...said, "completed"])
    const { events } = only("acp-load-session", 1)
    assert.deepStrictEqual(story(events), ["start", ...said, "completed"])
    assert.deepStrictEqual(completed(events, "agent-message"), [{ text: "a turn after the crash" }])
  })
})
