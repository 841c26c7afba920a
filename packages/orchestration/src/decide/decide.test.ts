import type { Command, CommandBody, CommandType } from "@millrace/contracts/Command"
import type { DomainEvent } from "@millrace/contracts/Event"
import { EventData, isTerminal } from "@millrace/contracts/Event"
import type { ItemId, ProjectId, RequestId, ThreadId, TurnId } from "@millrace/contracts/Ids"
import type { ItemView, RequestView } from "@millrace/contracts/Item"
import type { DurableEvent } from "@millrace/contracts/ProviderEvent"
import { SessionState, type TurnView } from "@millrace/contracts/State"
import { DecideModel } from "@millrace/testing/DecideModel"
import * as Kit from "@millrace/testing/Orchestration"
import { Either, FastCheck as fc, Schema } from "effect"
import { describe, expect, it } from "vitest"
import { activeTurn, epochOf, hasLiveSession, isLive } from "../state/ThreadState.ts"
import { turnBoundaries } from "@millrace/model/turnBoundaries"

const ask = <T extends CommandType>(model: DecideModel, type: T, body: (typeof CommandBody)[T]["Type"]) =>
  model.ask(Kit.command(type, body) as Command, "/work")

const withThread = () => {
  const model = new DecideModel()
  const { threadId } = Either.getOrThrow(ask(model, "thread.create", { provider: "scripted", cwd: "/work" }))
  return { model, threadId: threadId as ThreadId }
}
const start = (model: DecideModel, text: string, strategy?: "enqueue" | "steer" | "interrupt" | "reject") =>
  Either.getOrThrow(
    ask(model, "turn.start", { threadId: model.only.threadId, text, ...(strategy === undefined ? {} : { strategy }) })
  )
const say = (model: DecideModel, epoch: number, ...events: ReadonlyArray<DurableEvent>) =>
  model.tell({ _tag: "AgentEvents", threadId: model.only.threadId, epoch, events })
const opened = (model: DecideModel, capabilities: ReadonlyArray<string> = []) =>
  model.tell({
    _tag: "SessionOpened",
    threadId: model.only.threadId,
    epoch: epochOf(model.only),
    continuity: "fresh",
    resumeKey: undefined,
    capabilities
  })
/** A thread with a running turn that has an open item and an open request. */
const running = (capabilities: ReadonlyArray<string> = []) => {
  const { model, threadId } = withThread()
  const turnId = start(model, "first").turnId as TurnId
  opened(model, capabilities)
  const itemId = "itm_a" as ItemId
  const requestId = "req_a" as RequestId
  say(
    model,
    1,
    { _tag: "TurnStarted", turnId, origin: "user" },
    { _tag: "ItemStarted", turnId, itemId, kind: "agent-message", content: {} },
    { _tag: "ItemDelta", turnId, itemId, kind: "agent-message", text: "half of " },
    { _tag: "ItemDelta", turnId, itemId, kind: "agent-message", text: "an answer" },
    { _tag: "RequestOpened", turnId, requestId, ask: { kind: "approval", title: "Run: ls", choices: ["accept", "decline"] } }
  )
  return { model, threadId, turnId, itemId, requestId }
}
const types = (events: ReadonlyArray<DomainEvent>) => events.map((event) => event.type)
const last = (model: DecideModel, type: string) => model.events.findLast((event) => event.type === type)

describe("retention", () => {
  it("L17 deletes a thread only if it is archived, has nothing open, and its last event is older than the bound", () => {
    const after = "2100-01-01T00:00:00.000Z"
    const expire = (model: DecideModel, before = after) =>
      types(model.tell({ _tag: "ArchivedExpired", threadId: model.only.threadId, before }))
    const { model, threadId } = withThread()
    expect(expire(model)).toEqual([])
    ask(model, "thread.archive", { threadId })
    expect(expire(model, model.only.updatedAt)).toEqual([])
    ask(model, "thread.unarchive", { threadId })
    expect(expire(model)).toEqual([])
    ask(model, "thread.archive", { threadId })
    expect(expire(model)).toEqual(["thread.deleted"])
    expect(expire(model)).toEqual([])
    const live = running()
    ask(live.model, "thread.archive", { threadId: live.threadId })
    expect(live.model.only.archived).toBe(true)
    expect(expire(live.model)).toEqual([])
  })
})

describe("sessions", () => {
  it("T3 a ready, interrupted, stopped or failed session cannot be written with an active turn", () => {
    const decode = Schema.decodeUnknownEither(SessionState)
    for (const status of ["ready", "interrupted", "stopped", "error"])
      expect(Either.isLeft(decode({ epoch: 1, status, activeTurnId: "trn_a" })), status).toBe(true)
    for (const status of ["starting", "running"])
      expect(Either.isRight(decode({ epoch: 1, status, activeTurnId: "trn_a" })), status).toBe(true)
    const changed = Schema.decodeUnknownEither(EventData["session.state.changed"])
    expect(Either.isLeft(changed({ threadId: "thr_a", epoch: 1, status: "ready", activeTurnId: "trn_a" }))).toBe(true)
  })

  it.each([
    ["SessionEnded", "turn.failed", "request.expired"],
    ["SessionFailed", "turn.failed", "request.expired"],
    ["OwnerLost", "turn.interrupted", "request.expired"]
  ] as const)("T3 %s ends all that the session held, in order, and holds nothing", (tag, terminal, settled) => {
    const { model, threadId } = running()
    const reason = "gone"
    const failure = { kind: "process", message: "gone" } as const
    const events = model.tell(
      tag === "SessionFailed"
        ? { _tag: tag, threadId, epoch: 1, failure }
        : tag === "SessionEnded"
          ? { _tag: tag, threadId, epoch: 1, reason }
          : { _tag: tag, threadId, reason }
    )
    expect(types(events)).toEqual([settled, "item.completed", terminal, "session.stopped"])
    expect(model.only.session?.activeTurnId).toBeUndefined()
    expect(Object.keys(model.only.turns)).toEqual([])
  })

  it("T3 renaming and archiving in mid-turn keep the active turn", () => {
    const { model, threadId, turnId } = running()
    ask(model, "thread.rename", { threadId, title: "other" })
    ask(model, "thread.archive", { threadId })
    expect(activeTurn(model.only)?.turnId).toBe(turnId)
    expect(model.only.session?.status).toBe("running")
  })

  it("T6 a late event of an old epoch settles nothing of the new one", () => {
    const { model, threadId, turnId } = running()
    model.tell({ _tag: "SessionEnded", threadId, epoch: 1, reason: "gone" })
    const second = start(model, "second").turnId as TurnId
    opened(model)
    const before = model.only
    const events = say(
      model,
      1,
      { _tag: "TurnCompleted", turnId },
      { _tag: "TurnCompleted", turnId: second },
      { _tag: "ItemStarted", turnId: second, itemId: "itm_late" as ItemId, kind: "agent-message", content: {} },
      {
        _tag: "RequestOpened",
        turnId,
        requestId: "req_late" as RequestId,
        ask: { kind: "approval", title: "x", choices: ["accept"] }
      },
      { _tag: "TurnStarted", turnId: "trn_own" as TurnId, origin: "provider" },
      {
        _tag: "ItemCompleted",
        turnId,
        itemId: "itm_a" as ItemId,
        kind: "agent-message",
        status: "completed",
        content: { text: "all" }
      }
    )
    expect(types(events)).toEqual(["provider.event", "provider.event", "provider.event", "item.amended"])
    expect({ ...model.only, updatedAt: "", activity: 0 }).toEqual({ ...before, activity: 0, updatedAt: "" })
    for (const fact of ["SessionEnded", "SessionFailed"] as const)
      expect(
        model.tell(
          fact === "SessionEnded"
            ? { _tag: fact, threadId, epoch: 1, reason: "" }
            : { _tag: fact, threadId, epoch: 1, failure: { kind: "process", message: "" } }
        )
      ).toEqual([])
    expect(hasLiveSession(model.only)).toBe(true)
  })
})

describe("turns", () => {
  it("T1 the first terminal wins, and nothing follows it", () => {
    const { model, turnId } = running()
    say(model, 1, { _tag: "TurnCompleted", turnId })
    const after = say(
      model,
      1,
      { _tag: "TurnFailed", turnId, error: { kind: "unknown", message: "late" } },
      { _tag: "TurnInterrupted", turnId },
      { _tag: "TurnStarted", turnId, origin: "provider" }
    )
    expect(types(after)).toEqual(["provider.event"])
    expect(model.events.filter((event) => isTerminal(event.type)).map((event) => event.type)).toEqual(["turn.completed"])
  })

  it("T12 the end of a turn starts the next in the same transaction, in order", () => {
    const { model, turnId } = running()
    const second = start(model, "second")
    const third = start(model, "third")
    expect([second.outcome, third.outcome]).toEqual(["queued", "queued"])
    const events = say(model, 1, { _tag: "TurnCompleted", turnId })
    expect(types(events)).toEqual([
      "request.cancelled",
      "item.completed",
      "turn.completed",
      "session.state.changed",
      "turn.dispatched",
      "item.started",
      "item.completed"
    ])
    expect(activeTurn(model.only)?.turnId).toBe(second.turnId)
    expect(model.only.queue.map((turn) => turn.turnId)).toEqual([third.turnId])
  })

  it("T12 strategies: steer if the agent supports it, else enqueue; interrupt goes to the front; reject fails while a turn runs", () => {
    const can = running(["steer"])
    expect(start(can.model, "more", "steer")).toMatchObject({ outcome: "steering", turnId: can.turnId })
    expect(types(can.model.events.slice(-3))).toEqual(["turn.steered", "item.started", "item.completed"])
    const { model, threadId } = running()
    const queued = start(model, "more", "steer")
    expect(queued.outcome).toBe("queued")
    const front = start(model, "now", "interrupt")
    expect(front.outcome).toBe("interrupting")
    expect(model.only.queue.map((turn) => turn.turnId)).toEqual([front.turnId, queued.turnId])
    expect(ask(model, "turn.start", { threadId, text: "x", strategy: "reject" })).toEqual(Either.left("TurnActive"))
  })

  it("T12 a session that is being stopped gets no further turn: the queue waits for the next session", () => {
    const { model, threadId, turnId } = running()
    const queued = start(model, "second").turnId as TurnId
    model.tell({ _tag: "StopWanted", threadId, epoch: 1, reason: "enough" })
    say(model, 1, { _tag: "TurnCompleted", turnId })
    expect(model.only.queue.map((turn) => turn.turnId)).toEqual([queued])
    expect(activeTurn(model.only)).toBeUndefined()
    model.tell({ _tag: "SessionEnded", threadId, epoch: 1, reason: "gone" })
    expect(epochOf(model.only)).toBe(2)
    expect(activeTurn(model.only)?.turnId).toBe(queued)
  })

  it("T12 a steer that the agent refuses becomes the next turn", () => {
    const { model, threadId, turnId } = running(["steer"])
    start(model, "later")
    start(model, "more", "steer")
    model.tell({ _tag: "SteerRefused", threadId, epoch: 1, turnId, text: "more" })
    expect(model.only.queue.map((turn) => turn.text)).toEqual(["more", "later"])
  })

  it("T7 an interrupt names its turn; while idle it is a recorded no-op; a queued turn is removed", () => {
    const { model, threadId, turnId } = running()
    const queued = start(model, "second").turnId as TurnId
    const interrupt = (id?: TurnId) =>
      Either.getOrThrow(ask(model, "turn.interrupt", { threadId, ...(id === undefined ? {} : { turnId: id }) }))
    expect(interrupt(queued)).toMatchObject({ outcome: "dequeued", turnId: queued })
    expect(interrupt()).toMatchObject({ outcome: "interrupting", turnId })
    expect(interrupt()).toMatchObject({ outcome: "interrupting", turnId })
    expect(model.events.filter((event) => event.type === "turn.interrupt.requested")).toHaveLength(1)
    say(model, 1, { _tag: "TurnInterrupted", turnId })
    expect(interrupt()).toMatchObject({ outcome: "not-running" })
    expect(interrupt(turnId)).toMatchObject({ outcome: "not-running" })
    start(model, "third")
    expect(activeTurn(model.only)?.interruptRequested).toBe(false)
    expect(ask(model, "turn.interrupt", { threadId, turnId: "trn_none" as TurnId })).toEqual(Either.left("TurnNotFound"))
  })

  it("T11 a death after an interrupt is an interruption, any other death a failure", () => {
    const death = { _tag: "TurnFailed", error: { kind: "process", message: "exit 1" } } as const
    const asked = running()
    ask(asked.model, "turn.interrupt", { threadId: asked.threadId })
    say(asked.model, 1, { ...death, turnId: asked.turnId })
    expect(last(asked.model, "turn.interrupted")).toBeDefined()
    const other = running()
    say(other.model, 1, { ...death, turnId: other.turnId })
    expect(last(other.model, "turn.failed")?.data).toMatchObject({ error: { kind: "process", message: "exit 1" } })
  })

  it("T10 a turn that the agent began itself ends neither ours nor the session", () => {
    const { model, turnId } = running()
    const own = "trn_title" as TurnId
    say(model, 1, { _tag: "TurnStarted", turnId: own, origin: "provider" }, { _tag: "TurnCompleted", turnId: own })
    expect(activeTurn(model.only)?.turnId).toBe(turnId)
    say(model, 1, { _tag: "TurnCompleted", turnId })
    say(model, 1, { _tag: "TurnStarted", turnId: "trn_review" as TurnId, origin: "provider" })
    expect(activeTurn(model.only)?.turnId).toBe("trn_review")
    expect(start(model, "wait").outcome).toBe("queued")
  })

  it("C4 an expected turn or epoch that is not the active one is rejected", () => {
    const { model, threadId } = running()
    const expectedTurnId = "trn_other" as TurnId
    expect(ask(model, "turn.start", { threadId, text: "x", expectedTurnId })).toEqual(Either.left("TurnMismatch"))
    expect(ask(model, "session.stop", { threadId, expectedEpoch: 7 })).toEqual(Either.left("TurnMismatch"))
    expect(Either.isRight(ask(model, "session.stop", { threadId, expectedEpoch: 1 }))).toBe(true)
  })
})

describe("items and requests", () => {
  it("R7 L10 a thread holds at most 256 open items: one more aborts the oldest, whose later completion is an amendment", () => {
    const { model, turnId } = running()
    const begin = (n: number) =>
      say(model, 1, { _tag: "ItemStarted", turnId, itemId: `itm_${n}` as ItemId, kind: "command", content: {} })
    for (let n = 0; n < 400; n++) begin(n)
    expect(Object.keys(model.only.items)).toHaveLength(256)
    const aborted = model.events.filter((event) => event.type === "item.completed" && event.data.status === "aborted")
    expect(aborted).toHaveLength(400 + 1 - 256)
    expect(aborted.slice(0, 2)).toMatchObject([
      { data: { itemId: "itm_a", status: "aborted", text: "half of an answer", reason: "more than 256 items are open" } },
      { data: { itemId: "itm_0", status: "aborted" } }
    ])
    const content = { output: "all of it" }
    say(model, 1, { _tag: "ItemCompleted", turnId, itemId: "itm_99" as ItemId, kind: "command", status: "completed", content })
    expect(last(model, "item.amended")?.data).toMatchObject({ itemId: "itm_99", output: "all of it" })
  })

  it("T9 items close once, at the latest with their turn, with their text so far; a late completion is kept and reopens nothing", () => {
    const { model, turnId, itemId } = running()
    say(model, 1, { _tag: "TurnFailed", turnId, error: { kind: "limit", message: "no tokens left" } })
    expect(last(model, "item.completed")?.data).toMatchObject({
      itemId,
      status: "aborted",
      text: "half of an answer",
      reason: "no tokens left"
    })
    const late = say(
      model,
      1,
      { _tag: "ItemDelta", turnId, itemId, kind: "agent-message", text: "!" },
      { _tag: "ItemCompleted", turnId, itemId, kind: "agent-message", status: "completed", content: { text: "whole" } }
    )
    expect(types(late)).toEqual(["provider.event", "item.amended"])
    expect(model.only.items).toEqual({})
  })

  it("T13 the first answer wins, the later one gets already-settled, and unknown requests are rejected", () => {
    const { model, turnId, requestId } = running()
    const answer = (body: Omit<(typeof CommandBody)["request.answer"]["Type"], "requestId">, id: RequestId = requestId) =>
      ask(model, "request.answer", { requestId: id, ...body })
    expect(answer({ decision: "accept-for-session" })).toEqual(Either.left("DecisionNotOffered"))
    expect(answer({ answers: {} })).toEqual(Either.left("DecisionNotOffered"))
    expect(answer({ decision: "accept", answers: { a: ["x"] } })).toEqual(Either.left("DecisionNotOffered"))
    expect(Either.getOrThrow(answer({ decision: "accept" })).outcome).toBe("answered")
    expect(Either.getOrThrow(answer({ decision: "decline" })).outcome).toBe("already-settled")
    expect(answer({ decision: "accept" }, "req_none" as RequestId)).toEqual(Either.left("RequestNotFound"))
    expect(model.events.filter((event) => event.type === "request.answered")).toHaveLength(1)
    const questions = [
      { id: "a", text: "which?" },
      { id: "b", text: "why?" }
    ] as const
    const second = "req_b" as RequestId
    say(model, 1, { _tag: "RequestOpened", turnId, requestId: second, ask: { kind: "question", title: "?", questions } })
    for (const b of [undefined, [], [""], ["", " \n"]])
      expect(answer({ answers: { a: ["x"], ...(b === undefined ? {} : { b }) } }, second)).toEqual(
        Either.left("AnswersIncomplete")
      )
    const both = { a: ["x"], b: ["y"] }
    for (const more of [{ decision: "accept" }, { optionId: "o1" }, { answers: { ...both, c: ["z"] } }] as const)
      expect(answer({ answers: both, ...more }, second)).toEqual(Either.left("AnswersIncomplete"))
    expect(answer({ decision: "cancel", optionId: "o1" }, second)).toEqual(Either.left("AnswersIncomplete"))
    expect(Either.isRight(answer({ answers: both }, second))).toBe(true)
  })

  it("T13 accept-for-session also answers equal open requests; others stay open", () => {
    const { model, turnId } = running()
    const open = (name: string, command: string | undefined) =>
      say(model, 1, {
        _tag: "RequestOpened",
        turnId,
        requestId: name as RequestId,
        ask: {
          kind: "approval",
          title: "Run it",
          ...(command === undefined ? {} : { command }),
          choices: ["accept", "accept-for-session", "decline"]
        }
      })
    for (const [name, command] of [
      ["req_1", "ls"],
      ["req_2", "ls"],
      ["req_3", "rm x"],
      ["req_4", undefined]
    ] as const)
      open(name, command)
    ask(model, "request.answer", { requestId: "req_1" as RequestId, decision: "accept-for-session" })
    expect(Object.keys(model.only.requests)).toEqual(["req_a", "req_3", "req_4"])
    expect(last(model, "request.answered")?.data).toMatchObject({
      requestId: "req_2",
      by: "policy",
      decision: "accept-for-session"
    })
    ask(model, "request.answer", { requestId: "req_3" as RequestId, decision: "accept" })
    expect(Object.keys(model.only.requests)).toEqual(["req_a", "req_4"])
    expect(ask(model, "request.answer", { requestId: "req_2" as RequestId, decision: "decline" })).toMatchObject(
      Either.right({ outcome: "already-settled" })
    )
  })

  it("T13 a reason is in the event; a changed input is accepted only with accept and if the agent takes it", () => {
    const { model, turnId } = running()
    const open = (name: string, takes?: ReadonlyArray<string>) =>
      say(model, 1, {
        _tag: "RequestOpened",
        turnId,
        requestId: name as RequestId,
        ask: {
          kind: "approval",
          title: "Run: rm -r x",
          command: "rm -r x",
          choices: ["accept", "accept-for-session", "decline", "cancel"],
          ...(takes === undefined ? {} : { takes })
        }
      })
    const answer = (name: string, body: Omit<(typeof CommandBody)["request.answer"]["Type"], "requestId">) =>
      ask(model, "request.answer", { requestId: name as RequestId, ...body })
    const input = { command: "ls x" }
    open("req_1")
    open("req_2", ["reason", "input"])
    open("req_3", ["reason"])
    expect(answer("req_1", { decision: "accept", input })).toEqual(Either.left("Unsupported"))
    for (const decision of ["accept-for-session", "decline", "cancel"] as const)
      expect(answer("req_2", { decision, input }), decision).toEqual(Either.left("Unsupported"))
    expect(answer("req_3", { decision: "accept", input })).toEqual(Either.left("Unsupported"))
    answer("req_2", { decision: "accept", input })
    answer("req_3", { decision: "decline", reason: "too much" })
    expect(model.events.flatMap((event) => (event.type === "request.answered" ? [event.data] : []))).toMatchObject([
      { requestId: "req_2", decision: "accept", input },
      { requestId: "req_3", decision: "decline", reason: "too much" }
    ])
  })

  it("T13 an agent's option is chosen by its id, or by the decision that only it matches", () => {
    const { model, turnId } = running()
    const options = [
      { optionId: "o1", label: "production", kind: "accept" },
      { optionId: "o2", label: "staging", kind: "accept" },
      { optionId: "o3", label: "none", kind: "decline" },
      { optionId: "o4", label: "Yes, for ever", kind: "allow_persistent" }
    ]
    const open = (name: string) =>
      say(model, 1, {
        _tag: "RequestOpened",
        turnId,
        requestId: name as RequestId,
        ask: { kind: "approval", title: "Which database?", choices: ["decline", "cancel"], options }
      })
    const answer = (name: string, body: Omit<(typeof CommandBody)["request.answer"]["Type"], "requestId">) =>
      ask(model, "request.answer", { requestId: name as RequestId, ...body })
    for (const name of ["req_1", "req_2", "req_3"]) open(name)
    expect(answer("req_1", { decision: "accept" })).toEqual(Either.left("AmbiguousDecision"))
    expect(answer("req_1", { decision: "decline", optionId: "o2" })).toEqual(Either.left("DecisionNotOffered"))
    expect(answer("req_1", { optionId: "o9" })).toEqual(Either.left("DecisionNotOffered"))
    expect(answer("req_1", { optionId: "o2" })).toMatchObject(Either.right({ outcome: "answered" }))
    expect(last(model, "request.answered")?.data).toMatchObject({ decision: "accept", optionId: "o2", label: "staging" })
    answer("req_2", { decision: "decline" })
    expect(last(model, "request.answered")?.data).toMatchObject({ decision: "decline", optionId: "o3", label: "none" })
    answer("req_3", { optionId: "o4" })
    expect(last(model, "request.answered")?.data).toMatchObject({ optionId: "o4", label: "Yes, for ever" })
    expect(last(model, "request.answered")?.data).not.toHaveProperty("decision")
  })

  it("T13 accept-for-session with an option answers equal requests with that option; equal text with other options stays open", () => {
    const { model, turnId } = running()
    const open = (name: string, labels: ReadonlyArray<string>) =>
      say(model, 1, {
        _tag: "RequestOpened",
        turnId,
        requestId: name as RequestId,
        ask: {
          kind: "approval",
          title: "Run it",
          command: "ls",
          choices: ["cancel"],
          options: labels.map((label, at) => ({ optionId: `o${at}`, label, kind: "accept-for-session" }))
        }
      })
    open("req_1", ["here", "everywhere"])
    open("req_2", ["here", "everywhere"])
    open("req_3", ["everywhere", "here"])
    ask(model, "request.answer", { requestId: "req_1" as RequestId, optionId: "o0" })
    expect(last(model, "request.answered")?.data).toMatchObject({
      requestId: "req_2",
      by: "policy",
      optionId: "o0",
      label: "here"
    })
    expect(Object.keys(model.only.requests)).toEqual(["req_a", "req_3"])
  })

  it("T13 an open request never survives its session", () => {
    const { model, threadId, requestId } = running()
    ask(model, "session.stop", { threadId })
    model.tell({ _tag: "SessionEnded", threadId, epoch: 1, reason: "ended" })
    expect(last(model, "request.expired")?.data).toMatchObject({ requestId })
    expect(last(model, "turn.interrupted")?.data).toMatchObject({ reason: "the session was stopped by tester" })
    expect(Either.getOrThrow(ask(model, "request.answer", { requestId, decision: "accept" })).outcome).toBe("already-settled")
  })
})

describe("threads and projects", () => {
  it("W10 a project has a setup command until it is set to null; the same command again is no change", () => {
    const model = new DecideModel()
    const { projectId = "" as ProjectId } = Either.getOrThrow(ask(model, "project.create", { cwd: "/work" }))
    const update = (body: object) => {
      const before = model.events.length
      Either.getOrThrow(ask(model, "project.update", { projectId, ...body }))
      return [model.project(projectId)?.setup, model.events.length - before]
    }
    expect(update({ setup: "npm ci" })).toEqual(["npm ci", 1])
    expect(update({ setup: "npm ci" })).toEqual(["npm ci", 0])
    expect(update({ title: "App", env: { CI: "1" } })).toEqual(["npm ci", 1])
    expect(update({ setup: null })).toEqual([undefined, 1])
    expect(update({ setup: null })).toEqual([undefined, 0])
    expect(model.project(projectId)).toMatchObject({ title: "App", env: { CI: "1" } })
  })

  it("C5 one directory is one project, and a project with threads cannot be deleted", () => {
    const { model, threadId } = withThread()
    const { projectId } = model.only
    expect(Either.getOrThrow(ask(model, "project.create", { cwd: "/work" })).projectId).toBe(projectId)
    expect(ask(model, "project.delete", { projectId })).toEqual(Either.left("ProjectNotEmpty"))
    expect(Either.isRight(ask(model, "project.delete", { projectId, purge: true }))).toBe(true)
    expect(ask(model, "turn.start", { threadId, text: "x" })).toEqual(Either.left("ThreadDeleted"))
    expect(Either.getOrThrow(ask(model, "project.create", { cwd: "/work" })).projectId).not.toBe(projectId)
  })

  it("T2 L14 deleting a thread ends all that is open in it, its stream and its rows, with one event", () => {
    const { model, threadId, turnId } = running()
    start(model, "second")
    const before = model.events.length
    const { projectId } = model.only
    ask(model, "thread.delete", { threadId })
    expect(types(model.events.slice(before))).toEqual(["thread.deleted"])
    expect(isLive(model.only)).toBe(false)
    expect([...model.rows.keys()].toSorted()).toEqual(
      [`project-by-cwd//work`, `project-state/${projectId}`, `project/${projectId}`, `thread-state/${threadId}`].toSorted()
    )
    expect(say(model, 1, { _tag: "Opaque", method: "x", payload: 1 }, { _tag: "TurnCompleted", turnId })).toEqual([])
    expect(ask(model, "turn.start", { threadId, text: "x" })).toEqual(Either.left("ThreadDeleted"))
  })

  it("C4 a rejection names its rule", () => {
    const { model, threadId } = withThread()
    const create = (body: (typeof CommandBody)["thread.create"]["Type"], directory?: string) =>
      model.ask(Kit.command("thread.create", body), directory)
    expect(create({ provider: "nobody", cwd: "/work" }, "/work")).toEqual(Either.left("ProviderUnknown"))
    expect(create({ provider: "scripted", cwd: "/nowhere" })).toEqual(Either.left("DirectoryNotFound"))
    expect(create({ provider: "scripted" })).toEqual(Either.left("ProjectNotFound"))
    ask(model, "thread.archive", { threadId })
    expect(ask(model, "turn.start", { threadId, text: "x" })).toEqual(Either.left("ThreadArchived"))
    ask(model, "thread.unarchive", { threadId })
    for (let n = 0; n <= 100; n++) start(model, `turn ${n}`)
    expect(ask(model, "turn.start", { threadId, text: "x" })).toEqual(Either.left("QueueFull"))
    expect(ask(model, "thread.rename", { threadId: "thr_none" as ThreadId, title: "x" })).toEqual(Either.left("ThreadNotFound"))
  })
})

describe("queue", () => {
  const waiting = (capabilities: ReadonlyArray<string> = []) => {
    const { model, threadId, turnId } = running(capabilities)
    const [a, b, c] = ["a", "b", "c"].map((text) => start(model, text).turnId as TurnId) as [TurnId, TurnId, TurnId]
    return { model, threadId, active: turnId, a, b, c }
  }
  const queue = (model: DecideModel) => model.only.queue.map((turn) => turn.text)

  it("T12 a queued turn's text can be edited until it starts, a running turn's cannot", () => {
    const { model, threadId, active, a } = waiting()
    expect(ask(model, "turn.edit", { threadId, turnId: a, text: "better" })).toMatchObject(Either.right({ outcome: "queued" }))
    expect(queue(model)).toEqual(["better", "b", "c"])
    const events = model.events.length
    expect(Either.isRight(ask(model, "turn.edit", { threadId, turnId: a, text: "better" }))).toBe(true)
    expect(model.events.length).toBe(events)
    expect(ask(model, "turn.edit", { threadId, turnId: active, text: "x" })).toEqual(Either.left("TurnNotQueued"))
    expect(ask(model, "turn.edit", { threadId, turnId: "trn_none" as TurnId, text: "x" })).toEqual(Either.left("TurnNotFound"))
    say(model, 1, { _tag: "TurnCompleted", turnId: active })
    const message = model.events.findLast((event) => event.type === "item.completed" && event.data.kind === "user-message")
    expect(message?.data).toMatchObject({ turnId: a, text: "better" })
    expect(ask(model, "turn.edit", { threadId, turnId: a, text: "x" })).toEqual(Either.left("TurnNotQueued"))
  })

  it("T12 removing affects queued turns only: it never interrupts a running one", () => {
    const { model, threadId, active, b } = waiting()
    expect(ask(model, "turn.remove", { threadId, turnId: b })).toMatchObject(Either.right({ outcome: "dequeued" }))
    expect(queue(model)).toEqual(["a", "c"])
    expect(last(model, "turn.interrupted")?.data).toMatchObject({ turnId: b, reason: "removed from the queue by tester" })
    expect(ask(model, "turn.remove", { threadId, turnId: active })).toEqual(Either.left("TurnNotQueued"))
    expect(ask(model, "turn.remove", { threadId, turnId: b })).toEqual(Either.left("TurnNotQueued"))
    expect(last(model, "turn.interrupt.requested")).toBeUndefined()
  })

  it("T12 the queue runs in its new order; turns that are not named follow", () => {
    const { model, threadId, active, a, b, c } = waiting()
    ask(model, "turn.reorder", { threadId, turnIds: [c, a, c] })
    expect(queue(model)).toEqual(["c", "a", "b"])
    const events = model.events.length
    ask(model, "turn.reorder", { threadId, turnIds: [c] })
    expect(model.events.length).toBe(events)
    expect(ask(model, "turn.reorder", { threadId, turnIds: [b, active] })).toEqual(Either.left("TurnNotQueued"))
    expect(queue(model)).toEqual(["c", "a", "b"])
    say(model, 1, { _tag: "TurnCompleted", turnId: active })
    expect(activeTurn(model.only)?.text).toBe("c")
  })

  it("T12 a promoted turn is the next one; with interrupt it starts at once; with steer its text is added to the running turn", () => {
    const { model, threadId, active, b, c } = waiting()
    expect(ask(model, "turn.promote", { threadId, turnId: c })).toMatchObject(Either.right({ outcome: "queued" }))
    expect(queue(model)).toEqual(["c", "a", "b"])
    expect(ask(model, "turn.promote", { threadId, turnId: b, strategy: "steer" })).toMatchObject(
      Either.right({ outcome: "queued", turnId: b })
    )
    expect(queue(model)).toEqual(["b", "c", "a"])
    expect(ask(model, "turn.promote", { threadId, turnId: c, strategy: "interrupt" })).toMatchObject(
      Either.right({ outcome: "interrupting", turnId: c })
    )
    expect(last(model, "turn.interrupt.requested")?.data).toEqual({ threadId, turnId: active })
    say(model, 1, { _tag: "TurnInterrupted", turnId: active })
    expect(activeTurn(model.only)?.text).toBe("c")

    const able = waiting(["steer"])
    expect(ask(able.model, "turn.promote", { threadId: able.threadId, turnId: able.b, strategy: "steer" })).toMatchObject(
      Either.right({ outcome: "steering", turnId: able.active })
    )
    expect(queue(able.model)).toEqual(["a", "c"])
    expect(last(able.model, "turn.steered")?.data).toMatchObject({ turnId: able.active, text: "b" })
    expect(last(able.model, "turn.interrupted")?.data).toMatchObject({ turnId: able.b })
    // If the agent refuses it, the text is not lost.
    able.model.tell({ _tag: "SteerRefused", threadId: able.threadId, epoch: 1, turnId: able.active, text: "b" })
    expect(queue(able.model)).toEqual(["b", "a", "c"])
  })
})

/** One step of the model: numbers pick among existing ids, so that shrinking stays meaningful. */
const step = fc.record({
  what: fc.oneof(
    { weight: 10, arbitrary: fc.integer({ min: 14, max: 22 }) },
    { weight: 5, arbitrary: fc.constantFrom(0, 1, 2, 3, 4, 7, 13, 14) },
    { weight: 1, arbitrary: fc.integer({ min: 5, max: 29 }) },
    { weight: 2, arbitrary: fc.integer({ min: 30, max: 34 }) },
    { weight: 2, arbitrary: fc.integer({ min: 35, max: 40 }) }
  ),
  which: fc.nat(7),
  old: fc.nat(7).map((n) => n === 0)
})

const run = (model: DecideModel, threadId: ThreadId, { what, which, old }: { what: number; which: number; old: boolean }) => {
  const state = model.only
  const epoch = Math.max(0, epochOf(state) - (old ? 1 : 0))
  const turns = model.events.flatMap((event) => (event.type === "turn.requested" ? [event.data.turnId] : []))
  const known = which < 5 ? activeTurn(state)?.turnId : which === 5 ? `trn_own${epoch}${turns.length % 2}` : undefined
  const turnId = (known ?? turns[turns.length - 1 - (which % 4)] ?? "trn_none") as TurnId
  const itemId = `itm_${turnId}_${which % 3}` as ItemId
  const requestId = `req_${turnId}_${which % 3}` as RequestId
  const item = { turnId, itemId, kind: "agent-message" } as const
  const error = { kind: which % 2 === 0 ? "process" : "limit", message: "no" } as const
  const strategies = ["enqueue", "steer", "interrupt", "reject"] as const
  switch (what) {
    case 0:
    case 1:
    case 2:
      return void ask(model, "turn.start", { threadId, text: "go", strategy: strategies[which % 4] ?? "enqueue" })
    case 3:
      return void ask(model, "turn.interrupt", { threadId, ...(old ? {} : { turnId }) })
    case 4:
      return void ask(model, "request.answer", { requestId, decision: "accept" })
    case 5:
      return which === 0 ? void ask(model, "session.stop", { threadId }) : undefined
    case 6:
      return void ask(model, old ? "thread.archive" : "thread.unarchive", { threadId })
    case 7:
    case 8:
      return void model.tell({
        _tag: "SessionOpened",
        threadId,
        epoch,
        continuity: "fresh",
        resumeKey: "k",
        capabilities: which > 3 ? ["steer"] : []
      })
    case 9:
      return void model.tell({ _tag: "SessionEnded", threadId, epoch, reason: "ended" })
    case 10:
      return void model.tell({ _tag: "SessionFailed", threadId, epoch, failure: error })
    case 11:
      return void model.tell({ _tag: "TurnRefused", threadId, epoch, turnId, failure: error })
    case 12:
      return void model.tell({ _tag: "SteerRefused", threadId, epoch, turnId, text: "more" })
    case 13:
      model.paused = which > 4
      return void model.tell({ _tag: "QueueReleased", threadId })
    case 14:
      return void say(model, epoch, { _tag: "TurnStarted", turnId, origin: which === 5 ? "provider" : "user" })
    case 15:
      return void say(model, epoch, { _tag: "TurnCompleted", turnId })
    case 16:
      return void say(model, epoch, { _tag: "TurnFailed", turnId, error })
    case 17:
      return void say(model, epoch, { _tag: "TurnInterrupted", turnId })
    case 18:
      return void say(model, epoch, { _tag: "ItemStarted", ...item, content: {} })
    case 19:
      return void say(model, epoch, { _tag: "ItemDelta", ...item, text: "d" })
    case 20:
      return void say(model, epoch, { _tag: "ItemCompleted", ...item, status: "completed", content: { text: "d" } })
    case 21:
      return void say(model, epoch, {
        _tag: "RequestOpened",
        turnId,
        requestId,
        ask: { kind: "approval", title: "?", choices: ["accept"] }
      })
    case 22:
      return void say(model, epoch, { _tag: "RequestCancelled", turnId, requestId, reason: "over" })
    case 26:
      return void ask(model, "turn.edit", { threadId, turnId, text: `edited ${which}` })
    case 27:
      return void ask(model, "turn.remove", { threadId, turnId })
    case 28:
      return void ask(model, "turn.reorder", {
        threadId,
        turnIds: state.queue
          .slice(which % 4)
          .map((one) => one.turnId)
          .toReversed()
      })
    case 29:
      return void ask(model, "turn.promote", {
        threadId,
        turnId: state.queue[which % 4]?.turnId ?? turnId,
        ...(old ? {} : { strategy: (["enqueue", "steer", "interrupt"] as const)[which % 3] ?? "enqueue" })
      })
    case 30:
      return void ask(model, "thread.configure", {
        threadId,
        recovery: (["settle", "resume", "ask"] as const)[which % 3] ?? "ask",
        afterLimit: old ? "stop" : "continue"
      })
    case 31:
      return void ask(model, "continuation.cancel", { threadId })
    case 32: {
      const pending = state.continuation
      if (pending !== undefined && which > 3) model.passTo(pending.at)
      return void model.tell({ _tag: "ContinuationDue", threadId, turnId: pending?.turnId ?? turnId })
    }
    case 33: {
      const asked = state.continuation?.requestId
      if (asked === undefined) return undefined
      return void ask(model, "request.answer", { requestId: asked, answers: { continue: [which > 3 ? "continue" : "leave"] } })
    }
    case 34:
      return void model.tell({ _tag: "OwnerLost", threadId, reason: "restart" })
    case 35:
    case 36:
      return void ask(model, "goal.set", {
        threadId,
        objective: "all of it",
        budget: which < 4 ? { turns: which + 1 } : which < 6 ? { tokens: which * 10 } : { minutes: which },
        pauseOnUserMessage: old
      })
    case 37:
      return void ask(model, which < 4 ? "goal.pause" : "goal.resume", { threadId })
    case 38: {
      const { goal } = state
      const at = which < 4 ? goal?.nextAt : goal?.until
      if (at !== undefined) model.passTo(at)
      return goal === undefined ? undefined : void model.tell({ _tag: "GoalDue", threadId, goalId: goal.goalId })
    }
    case 39: {
      const text = which < 4 ? "GOAL COMPLETE" : "GOAL BLOCKED: how?"
      const own = activeTurn(state)?.turnId ?? turnId
      const said = { ...item, turnId: own, itemId: `itm_${own}_claim` as ItemId, status: "completed" as const, content: { text } }
      return void say(model, epoch, { _tag: "ItemCompleted", ...said }, { _tag: "TurnCompleted", turnId: own })
    }
    case 40:
      return which < 2
        ? void ask(model, "goal.clear", { threadId })
        : void ask(model, "thread.handover", { threadId, provider: which < 5 ? "other" : "scripted" })
    case 24:
      return void model.tell({
        _tag: "Silent",
        threadId,
        epoch,
        activity: state.activity - (old ? 1 : 0),
        millis: which * 10,
        turnMillis: which * 10,
        toolMillis: which * 10,
        limits: { idle: 20, background: 40, model: 30, tool: 50, waiting: 60 },
        crowded: which === 7
      })
    case 25:
      return void say(model, epoch, {
        _tag: "Opaque",
        method: which % 2 === 0 ? "background/started" : "background/ended",
        payload: { task: which >> 1 }
      })
    default:
      return which === 0
        ? void model.tell({ _tag: "OwnerLost", threadId, reason: "restart" })
        : void say(model, epoch, { _tag: "Opaque", method: "m", payload: {} })
  }
}

const count = (events: ReadonlyArray<DomainEvent>, pick: (event: DomainEvent) => string | undefined) => {
  const counts = new Map<string, number>()
  for (const event of events) {
    const id = pick(event)
    if (id !== undefined) counts.set(id, (counts.get(id) ?? 0) + 1)
  }
  return counts
}

/** Checks that each begun turn, item, request and task ended exactly once, and that each ended one had begun. */
const balanced = (events: ReadonlyArray<DomainEvent>) => {
  const begun = count(events, (event) =>
    event.type === "turn.requested" || (event.type === "turn.started" && event.data.origin === "provider")
      ? event.data.turnId
      : undefined
  )
  const ended = count(events, (event) => (isTerminal(event.type) && "turnId" in event.data ? event.data.turnId : undefined))
  expect(ended).toEqual(begun)
  for (const [id, times] of ended) expect(times, id).toBe(1)
  const pairs: ReadonlyArray<readonly [string, ReadonlyArray<string>, "itemId" | "requestId" | "taskId"]> = [
    ["item.started", ["item.completed"], "itemId"],
    ["background.started", ["background.ended"], "taskId"],
    ["request.opened", ["request.answered", "request.expired", "request.cancelled"], "requestId"]
  ]
  for (const [opens, closes, key] of pairs) {
    const id = (event: DomainEvent) => {
      const data = event.data as Record<string, string | undefined>
      // A task's id comes from the provider and is unique per session.
      return key === "taskId" ? `${data["epoch"]} ${data[key]}` : data[key]
    }
    const opened = count(events, (event) => (event.type === opens ? id(event) : undefined))
    expect(count(events, (event) => (closes.includes(event.type) ? id(event) : undefined))).toEqual(opened)
    for (const [name, times] of opened) expect(times, name).toBe(1)
  }
}

describe("model", () => {
  it("T1 T2 T4 T9 T13 any order of commands, frames and deaths: every state is legal, everything ends exactly once", () => {
    const goneOn: Array<string> = []
    const ends: Array<string> = []
    fc.assert(
      fc.property(fc.array(step, { minLength: 40, maxLength: 120 }), (steps) => {
        const { model, threadId } = withThread()
        const recovery = (["settle", "resume", "ask"] as const)[steps.length % 3] ?? "ask"
        ask(model, "thread.configure", { threadId, recovery, afterLimit: "continue" })
        for (const one of steps) run(model, threadId, one)
        // Drains the model: each session dies, until the queue is empty.
        model.paused = false
        for (let n = 0; n < 200 && isLive(model.only); n++) {
          ask(model, "continuation.cancel", { threadId })
          model.tell({ _tag: "QueueReleased", threadId })
          const { goal } = model.only
          if (goal?.nextAt !== undefined) {
            model.passTo(goal.nextAt)
            model.tell({ _tag: "GoalDue", threadId, goalId: goal.goalId })
          }
          model.tell({ _tag: "OwnerLost", threadId, reason: "restart" })
        }
        balanced(model.events)
        expect(model.only.turns).toEqual({})
        expect(model.only.continuation).toBeUndefined()
        // A goal begins no more turns than its budget; continuations are counted too.
        for (const event of model.events) {
          ends.push(event.type)
          if (event.type === "turn.requested" && event.data.goal !== undefined && event.data.continues === undefined) {
            const { goalId, used } = event.data.goal
            const set = model.events.find((one) => one.type === "goal.set" && one.data.goalId === goalId)
            expect(used.turns).toBeLessThanOrEqual(set?.type === "goal.set" ? set.data.budget.turns : 0)
          }
        }
        // Each turn is continued once, after its end, and no more often than the policy allows.
        const continued = model.events.flatMap((event) =>
          event.type === "turn.requested" && event.data.continues !== undefined ? [event.data.continues] : []
        )
        expect(new Set(continued.map(({ turnId }) => turnId)).size).toBe(continued.length)
        goneOn.push(...continued.map(({ because }) => because))
        for (const { restarts, waits } of continued) expect(Math.max(restarts - 3, waits - 5)).toBeLessThanOrEqual(0)
      }),
      { numRuns: 400, seed: 20261120 }
    )
    expect(goneOn.filter((because) => because === "restart").length).toBeGreaterThan(20)
    expect(goneOn.filter((because) => because === "limit").length).toBeGreaterThan(5)
    const seen = (type: string) => ends.filter((one) => one === type).length
    for (const type of ["goal.met", "goal.exhausted", "goal.paused", "goal.waiting", "thread.handed-over"])
      expect(seen(type), type).toBeGreaterThan(5)
  })

  it("L11 turnBoundaries equals the projection after any history", () => {
    const seen = new Set<string>()
    fc.assert(
      fc.property(fc.array(step, { minLength: 20, maxLength: 80 }), (steps) => {
        const { model, threadId } = withThread()
        for (const one of steps) run(model, threadId, one)
        const found = turnBoundaries(model.events.map((event, n) => ({ offset: n + 1, ...event })))
        const of = <A extends { readonly turnId: TurnId }>(collection: string) =>
          [...model.rows].flatMap(([key, value]) => (key.startsWith(`${collection}/`) ? [value as A] : []))
        const items = of<ItemView>("item")
        const requests = of<RequestView>("request")
        expect(found.map(({ first: _f, last: _l, ...turn }) => turn)).toEqual(
          of<TurnView>("turn").map(({ turnId, status, text }) => ({
            turnId,
            status,
            text,
            itemIds: items.filter((item) => item.turnId === turnId).map(({ itemId }) => itemId),
            requestIds: requests.filter((request) => request.turnId === turnId).map(({ requestId }) => requestId)
          }))
        )
        const begins = (event: DomainEvent) => event.type === "turn.requested" || event.type === "turn.started"
        const names = (event: DomainEvent, turnId: TurnId) => "turnId" in event.data && event.data.turnId === turnId
        for (const { first, last, turnId, status } of found) {
          expect(first).toBe(model.events.findIndex((event) => begins(event) && names(event, turnId)) + 1)
          expect(last).toBe(model.events.findLastIndex((event) => names(event, turnId)) + 1)
          seen.add(status)
        }
      }),
      { numRuns: 200, seed: 20261120 }
    )
    expect([...seen].sort()).toEqual(["completed", "failed", "interrupted", "queued", "running", "waiting"])
  })
})
