/** All recorded conversations with the real Claude Code, through mapping and normaliser. */
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

describe("claude transcripts", () => {
  it.each(names)("T2 T9 T13 %s: every item closed once, one terminal per turn, requests settled once", (name) => {
    for (const { answered, events } of replay(name)) {
      assert.deepStrictEqual(faults(events), [])
      assert.deepStrictEqual(unsettled(events, answered), [])
    }
  })

  it("T10 no recording has an unrequested turn", () => {
    for (const name of names) for (const { events } of replay(name)) assert.notInclude(story(events), "start by agent", name)
  })

  it("only the intended messages are kept as opaque", () => {
    const kept = new Set(names.flatMap((name) => replay(name).flatMap(({ events }) => opaque(events))))
    // The interrupt's note to the model, the result of a process without a turn, and a request in the SDK's form.
    assert.deepStrictEqual([...kept].sort(), ["canUseTool", "result", "user"])
  })

  it("basic-turn: thinking and text stream, and are exact", () => {
    const { events } = only("basic-turn")
    assert.deepStrictEqual(story(events), ["start", "+reasoning", "-reasoning completed", ...said, "completed"])
    const text = "Hello, this is a streamed answer from the scripted model."
    assert.deepStrictEqual(completed(events, "agent-message"), [{ text }])
    assert.strictEqual(deltas(events, "agent-message"), text)
    assert.deepStrictEqual(completed(events, "reasoning"), [{ text: "thought0 thought1 " }])
    assert.strictEqual(deltas(events, "reasoning"), "thought0 thought1 ")
    const end = events.find(isTerminal)
    assert.deepStrictEqual(end?._tag === "TurnCompleted" ? end.usage : undefined, {
      inputTokens: 100,
      cachedInputTokens: 0,
      outputTokens: 11,
      totalTokens: 111,
      contextWindow: 200000
    })
    // Usage is reported while the turn runs, and is exact at its end.
    assert.deepStrictEqual(
      signals(events),
      [1, 11].map((outputTokens) => ({
        inputTokens: 100,
        cachedInputTokens: 0,
        outputTokens,
        totalTokens: 100 + outputTokens
      }))
    )
  })

  it("two-turns: each turn has separate items", () => {
    assert.deepStrictEqual(story(only("two-turns").events), ["start", ...said, "completed", "start", ...said, "completed"])
  })

  it("T13 approvals: allow runs it, deny continues without it, deny with interrupt ends the turn; the answers are the recorded ones", () => {
    const asked = ["start", "+command", "?approval"]
    const allow = only("tool-approval-allow")
    assert.deepStrictEqual(story(allow.events), [...asked, "-command completed", ...said, "completed"])
    assert.deepStrictEqual(completed(allow.events, "command"), [
      { command: "touch approved.txt && ls", output: "approved.txt", exitCode: 0 }
    ])
    assert.deepStrictEqual(
      allow.answers.map(([ours]) => ours),
      allow.answers.map(([, recorded]) => recorded)
    )
    const deny = only("tool-approval-deny")
    assert.deepStrictEqual(story(deny.events), [...asked, "-command declined", ...said, "completed"])
    assert.deepInclude(deny.answers[0]?.[0], { behavior: "deny" })
    const stop = only("tool-approval-deny-interrupt")
    assert.deepStrictEqual(story(stop.events), [...asked, "-command declined", "interrupted"])
    assert.deepInclude(stop.answers[0]?.[0], { behavior: "deny", interrupt: true })
    const opened = allow.events.find((event) => event._tag === "RequestOpened")
    const item = allow.events.find((event) => event._tag === "ItemStarted")
    assert.deepInclude(opened?._tag === "RequestOpened" ? opened.ask : {}, {
      title: "Run: touch approved.txt && ls",
      command: "touch approved.txt && ls",
      itemId: item?._tag === "ItemStarted" ? item.itemId : "?",
      choices: ["accept", "accept-for-session", "decline", "cancel"]
    })
  })

  it("the newer program of the SDK (2.1.328) gives the same history", () => {
    const { events } = only("sdk-tool-approval")
    assert.deepStrictEqual(story(events), ["start", "+command", "-command completed", ...said, "completed"])
  })

  it("T7 interrupt: streamed text stays, and the next turn runs", () => {
    const { events } = only("interrupt")
    assert.deepStrictEqual(story(events), ["start", ...said, "interrupted", "start", ...said, "completed"])
    assert.match(completed(events, "agent-message")[0]?.text ?? "", /^d0@\d+ d1@\d+ d2@\d+ $/)
  })

  it("T11 model-http-400: a result with success and is_error is a failure", () => {
    const { events } = only("model-http-400")
    assert.deepStrictEqual(story(events), ["start", ...said, "failed protocol"])
    const end = events.find(isTerminal)
    assert.include(end?._tag === "TurnFailed" ? end.error.message : "", "400 scripted failure")
  })

  it("P5 kill-resume: the death fails the open turn and keeps its text; the resumed conversation continues", () => {
    const [first, second] = replay("kill-resume")
    assert.deepStrictEqual(story(first?.events ?? []), [
      "start",
      ...said,
      "completed",
      "start",
      "+agent-message",
      "-agent-message aborted",
      "failed process"
    ])
    assert.match(completed(first?.events ?? [], "agent-message")[1]?.text ?? "", /^d0@/)
    assert.deepStrictEqual(story(second?.events ?? []), ["start", ...said, "completed"])
  })

  it("kill-resume-early: a lost conversation begins no turn", () => {
    assert.deepStrictEqual(story(only("kill-resume-early", 1).events), [])
  })
})
