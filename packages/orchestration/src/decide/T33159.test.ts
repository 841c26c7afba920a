/** T3 Code's change 3159 (an idle session has no active turn): its two cases. The third, an agent that reports idle, is in providers' Session.test.ts. */
import type { ThreadId, TurnId } from "@millrace/contracts/Ids"
import { DecideModel } from "@millrace/testing/DecideModel"
import * as Kit from "@millrace/testing/Orchestration"
import { Either } from "effect"
import { describe, expect, it } from "vitest"

const running = () => {
  const model = new DecideModel()
  const made = Either.getOrThrow(
    model.ask(Kit.command("thread.create", { provider: "scripted", cwd: "/work", turn: { text: "go" } }), "/work")
  )
  const [threadId, turnId] = [made.threadId as ThreadId, made.turnId as TurnId]
  const open = () =>
    model.tell({ _tag: "SessionOpened", threadId, epoch: 1, continuity: "fresh", resumeKey: undefined, capabilities: [] })
  open()
  model.tell({ _tag: "AgentEvents", threadId, epoch: 1, events: [{ _tag: "TurnStarted", turnId, origin: "user" }] })
  return { model, open, threadId, turnId }
}

describe("T3 3159", () => {
  it("T3 1 of 2: a session that is ready, stopped or in error holds no turn, and the turn has ended", () => {
    const { model, threadId, turnId } = running()
    model.tell({ _tag: "AgentEvents", threadId, epoch: 1, events: [{ _tag: "TurnCompleted", turnId }] })
    expect(model.only.session).toMatchObject({ status: "ready" })
    expect(model.only.session?.activeTurnId).toBeUndefined()
    const died = running()
    died.model.tell({ _tag: "SessionEnded", threadId: died.threadId, epoch: 1, reason: "gone" })
    expect(died.model.only.session?.activeTurnId).toBeUndefined()
    expect(Object.keys(died.model.only.turns)).toEqual([])
  })

  it("T3 2 of 2: a late start of the session in mid-turn keeps the active turn, and a new epoch ends the old one's", () => {
    const { model, open, threadId, turnId } = running()
    open()
    expect(model.only.session).toMatchObject({ status: "running", activeTurnId: turnId })
    const second = Either.getOrThrow(model.ask(Kit.command("turn.start", { threadId, text: "two" }), "/work")).turnId
    model.tell({ _tag: "SessionEnded", threadId, epoch: 1, reason: "gone" })
    expect(model.only.session).toMatchObject({ epoch: 2, status: "starting", activeTurnId: second })
    // Late events of the old session change nothing.
    model.tell({ _tag: "AgentEvents", threadId, epoch: 1, events: [{ _tag: "TurnCompleted", turnId }] })
    expect(model.only.session).toMatchObject({ epoch: 2, activeTurnId: second })
  })
})
