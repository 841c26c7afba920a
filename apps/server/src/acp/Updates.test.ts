import { expect, it } from "@effect/vitest"
import type { LogEvent } from "@millrace/contracts/Event"
import * as Updates from "./Updates.ts"

const item = { threadId: "thr_1", turnId: "trn_1" }
const eventOf = (type: string, data: object) => ({ type, data: { ...item, ...data } }) as unknown as LogEvent
const own = () => false
const textOf = (updates: ReadonlyArray<unknown>) =>
  updates.map((update) => (update as { readonly content?: { readonly text?: string } }).content?.text)

const message = { itemId: "itm_1", kind: "agent-message" }
const delta = (text: string) => eventOf("item.delta", { ...message, text })
const completed = (text: string) => eventOf("item.completed", { ...message, status: "completed", text })

it("M4 a replay joins the pieces of a text; what is open at the head is emitted once, and later pieces as they come", () => {
  const updates = Updates.make("/", true)
  expect([delta("a"), delta("b")].flatMap((event) => updates.event(event, own))).toEqual([])
  expect(textOf(updates.caughtUp())).toEqual(["ab"])
  expect(updates.caughtUp()).toEqual([])
  expect(textOf(updates.event(delta("c"), own))).toEqual(["c"])
  expect(textOf(updates.event(completed("abcd"), own))).toEqual(["d"])
  expect(textOf(updates.event(completed("without pieces"), own))).toEqual(["without pieces"])
})

it("M4 without history nothing before the head is emitted, and the open text continues", () => {
  const updates = Updates.make("/", false)
  expect([completed("old"), delta("seen")].flatMap((event) => updates.event(event, own))).toEqual([])
  expect(updates.caughtUp()).toEqual([])
  expect(textOf(updates.event(completed("seen new"), own))).toEqual([" new"])
})

it("M4 of a long text, of which an event keeps the beginning, the pieces are the whole", () => {
  const updates = Updates.make("/", true)
  const events = [delta("whole "), delta("text"), completed("whole")]
  expect(textOf(events.flatMap((event) => updates.event(event, own)))).toEqual(["whole text"])
})

it("M4 a change is a diff with the absolute path; output is repeated only when it has grown", () => {
  const updates = Updates.make("/work", true)
  updates.caughtUp()
  const diff = "--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n same\n--- old\n+new\n"
  const change = { itemId: "itm_2", kind: "file-change", status: "completed", changes: [{ path: "x", change: "update", diff }] }
  expect(updates.event(eventOf("item.completed", change), own)).toMatchObject([
    { status: "completed", content: [{ type: "diff", path: "/work/x", oldText: "same\n-- old\n", newText: "same\nnew\n" }] }
  ])
  const command = { itemId: "itm_3", kind: "command" }
  const pieces = Array.from({ length: 1000 }, () => eventOf("item.delta", { ...command, text: "0123456789" }))
  const sent = [eventOf("item.started", { ...command, command: "ls" }), ...pieces].flatMap((event) => updates.event(event, own))
  expect(sent[0]).toMatchObject({ sessionUpdate: "tool_call", title: "ls", kind: "execute" })
  expect(sent.length).toBeLessThan(30)
})
