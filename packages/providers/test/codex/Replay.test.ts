/** T30: all recorded conversations with the real Codex, through mapping and normaliser. */
import { assert, describe, it } from "@effect/vitest"
import { faults, isTerminal, unsettled } from "@millrace/adapter-kit/Recording"
import { replay, type Replayed } from "@millrace/testing/CodexReplay"
import { completed, deltas, story } from "@millrace/adapter-kit/Story"
import * as Transcripts from "@millrace/testing/CodexTranscripts"

/** Recordings without a native thread, so there is no session to replay. */
const withoutThread = new Set(["bad-config-exit", "overload-100", "overload-400", "overload-3000"])

const only = (name: string, at = 0): Replayed => {
  const session = replay(name)[at]
  if (session === undefined) throw new Error(`${name} has no session ${at}`)
  return session
}
describe("codex transcripts", () => {
  it.each(Transcripts.names)("T2 T9 T13 %s: every item closed once, one terminal per turn, requests settled once", (name) => {
    const replayed = replay(name)
    assert.strictEqual(replayed.length === 0, withoutThread.has(name), name)
    for (const { answered, events } of replayed) {
      assert.deepStrictEqual(faults(events), [])
      assert.deepStrictEqual(unsettled(events, answered), [])
    }
  })

  it("T2 every native turn of a transcript began and ended in a session", () => {
    for (const name of Transcripts.names) {
      const started = new Set(
        Transcripts.read(name).flatMap(({ dir, msg }) =>
          dir === "in" && msg.method === "turn/started"
            ? [(msg.params as { readonly turn: { readonly id: string } }).turn.id]
            : []
        )
      )
      const ours = new Set(
        replay(name).flatMap(({ events }) =>
          events.flatMap((event) => (event._tag === "TurnStarted" ? [event.nativeTurnId] : []))
        )
      )
      assert.deepStrictEqual(
        [...started].filter((id) => !ours.has(id)),
        [],
        name
      )
    }
  })

  it("basic-turn", () => {
    const { events } = only("basic-turn")
    assert.deepStrictEqual(story(events), [
      "start",
      "+reasoning",
      "-reasoning completed",
      "+agent-message",
      "-agent-message completed",
      "completed"
    ])
    const [message] = completed(events, "agent-message")
    assert.strictEqual(message?.text, "Hello, this is a streamed answer from the scripted model.")
    assert.strictEqual(deltas(events, "agent-message"), message?.text)
    assert.strictEqual(completed(events, "reasoning")[0]?.text, "thought0 thought1 thought2 ")
    const terminal = events.find(isTerminal)
    assert.isDefined(terminal?._tag === "TurnCompleted" ? terminal.usage?.totalTokens : undefined)
  })

  it("L5 burst-500: the text of 500 deltas is exact", () => {
    const { events } = only("burst-500")
    const text = deltas(events, "agent-message")
    assert.strictEqual(completed(events, "agent-message")[0]?.text, text)
    assert.deepStrictEqual(
      [...text.matchAll(/d(\d+)@/g)].map(([, n]) => Number(n)),
      Array.from({ length: 500 }, (_, n) => n)
    )
  })

  it("approvals: accept runs it, decline continues without it, cancel interrupts, accept-for-session asks once", () => {
    const asked = ["start", "+command", "?approval"]
    const said = ["+agent-message", "-agent-message completed", "completed"]
    assert.deepStrictEqual(story(only("approval-accept").events), [...asked, "-command completed", ...said])
    assert.deepStrictEqual(story(only("approval-decline").events), [...asked, "-command declined", ...said])
    assert.deepStrictEqual(story(only("approval-cancel").events), [...asked, "-command declined", "interrupted"])
    assert.deepStrictEqual(
      story(only("approval-accept-session").events).filter((line) => line.startsWith("?")),
      ["?approval"]
    )
    assert.strictEqual(completed(only("approval-accept").events, "command")[0]?.output, "approved\n")
    assert.deepStrictEqual(story(only("file-change-approval").events).slice(0, 4), [
      "start",
      "+file-change",
      "?approval",
      "-file-change completed"
    ])
  })

  it("request-user-input: the question with its options", () => {
    const { events } = only("request-user-input")
    const asked = events.find((event) => event._tag === "RequestOpened")
    assert.deepStrictEqual(asked?._tag === "RequestOpened" && asked.ask.kind === "question" ? asked.ask.questions : undefined, [
      {
        id: "color",
        text: "Which colour?",
        header: "Colour",
        options: [
          { label: "Blue", description: "A calm colour" },
          { label: "Red", description: "A loud colour" }
        ]
      }
    ])
  })

  it("T7 interrupt: streamed text stays, and the next turn runs", () => {
    const { events } = only("interrupt")
    assert.deepStrictEqual(story(events), [
      "start",
      "+agent-message",
      "-agent-message aborted",
      "interrupted",
      "start",
      "+agent-message",
      "-agent-message completed",
      "completed"
    ])
    assert.match(completed(events, "agent-message")[0]?.text ?? "", /^d0@\d+ d1@\d+ d2@\d+ $/)
  })

  it("T9 interrupt-during-command: the completion after the turn's end amends the item and reopens nothing", () => {
    const { events } = only("interrupt-during-command")
    assert.deepStrictEqual(story(events), ["start", "+command", "-command aborted", "interrupted", "~command completed"])
    const amended = events.find((event) => event._tag === "ItemAmended")
    assert.strictEqual(amended?._tag === "ItemAmended" ? amended.content.output : undefined, "begin\n")
  })

  it("T13 interrupt-during-approval: the open request is cancelled with its turn, the late answer has no effect", () => {
    const { answered, events } = only("interrupt-during-approval")
    assert.deepStrictEqual(story(events), ["start", "+command", "?approval", "?cancelled", "-command aborted", "interrupted"])
    assert.strictEqual(answered.size, 0)
  })

  it("T2 T9 model-stream-cut: a retry is not an end; both items are closed, and the turn fails once", () => {
    const { events } = only("model-stream-cut")
    assert.deepStrictEqual(story(events), [
      "start",
      "+agent-message",
      "+agent-message",
      "-agent-message aborted",
      "-agent-message aborted",
      "failed transport"
    ])
    const retries = events.filter((event) => event._tag === "Opaque" && event.method === "error")
    assert.strictEqual(retries.length, 2)
  })

  it("T11 model failures have their kind", () => {
    assert.strictEqual(story(only("model-failed-event").events).at(-1), "failed context")
    assert.strictEqual(story(only("model-http-500").events).at(-1), "failed transport")
  })

  it("P5 kill-resume: the death fails the open turn and keeps its text; the resumed thread continues", () => {
    const [first, second] = replay("kill-resume")
    assert.strictEqual(first?.nativeThreadId, second?.nativeThreadId)
    assert.deepStrictEqual(story(first?.events ?? []).slice(-3), ["+agent-message", "-agent-message aborted", "failed process"])
    assert.notStrictEqual(completed(first?.events ?? [], "agent-message").at(-1)?.text, undefined)
    assert.deepStrictEqual(story(second?.events ?? []), ["start", "+agent-message", "-agent-message completed", "completed"])
  })

  it("P5 kill-during-approval-resume: the request ends with the process, and is not repeated", () => {
    const [first, second] = replay("kill-during-approval-resume")
    assert.deepStrictEqual(story(first?.events ?? []), [
      "start",
      "+command",
      "?approval",
      "?cancelled",
      "-command aborted",
      "failed process"
    ])
    assert.notInclude(story(second?.events ?? []), "?approval")
  })

  it("P5 an exit with code 0 in mid-turn is a failure", () => {
    for (const name of ["stdin-eof-mid-turn", "sigterm-mid-turn"])
      assert.strictEqual(story(only(name).events).at(-1), "failed process", name)
  })

  it("T10 interleaved-threads: each session maps its own thread, messages of others are kept as opaque", () => {
    const replayed = replay("interleaved-threads")
    assert.strictEqual(replayed.length, 3)
    const texts = replayed.map(({ events }) => deltas(events, "agent-message"))
    assert.strictEqual(new Set(texts).size, 3)
    for (const [n, { events }] of replayed.entries()) {
      assert.deepStrictEqual(story(events), ["start", "+agent-message", "-agent-message completed", "completed"])
      assert.strictEqual(completed(events, "agent-message")[0]?.text, texts[n])
      const foreign = events.filter((event) => event._tag === "Opaque" && event.method === "turn/completed")
      assert.strictEqual(foreign.length, 2)
    }
  })

  it("T10 goal: a turn that Codex began by itself has a new id", () => {
    const starts = story(only("goal").events).filter((line) => line.startsWith("start"))
    assert.deepStrictEqual(starts, ["start", "start by agent"])
    // Codex's own goals are not mapped: their messages are kept unchanged.
    const kept = only("goal").events.flatMap((event) => (event._tag === "Opaque" ? [event.method] : []))
    assert.include(kept, "thread/goal/updated")
  })

  it("T2 turn-start-while-active: a second turn that joined the running one ends with it", () => {
    const { events } = only("turn-start-while-active")
    assert.strictEqual(events.filter((event) => event._tag === "TurnStarted").length, 2)
    assert.strictEqual(events.filter(isTerminal).length, 2)
  })

  it("P6 dynamic-tool: an unknown request is rejected, and kept as opaque", () => {
    const { events, refused } = only("dynamic-tool")
    assert.strictEqual(refused, 1)
    assert.isTrue(events.some((event) => event._tag === "Opaque" && event.method === "item/tool/call"))
  })

  it("T2 unsubscribe: a requested turn without any report ends with the session", () => {
    assert.deepStrictEqual(story(only("unsubscribe").events).slice(-2), ["start", "interrupted"])
  })

  it("T9 command-full-access: the completed output adds the text that its deltas lacked", () => {
    const { events } = only("command-full-access")
    assert.strictEqual(completed(events, "command")[0]?.output, "line 1\nline 2\nline 3\noops\n")
    assert.notStrictEqual(deltas(events, "command"), "line 1\nline 2\nline 3\noops\n")
    assert.include(story(events), "-command failed")
  })
})
