/** The transition table alone: any events in any order are offered to a draft; the accepted ones are checked against a second, simple model. */
import { type DomainEvent, isTerminal } from "@millrace/contracts/Event"
import type { GoalId, ItemId, ProjectId, RequestId, ThreadId, TurnId } from "@millrace/contracts/Ids"
import { onlyModel } from "@millrace/contracts/Settable"
import { seeds } from "@millrace/testing/SeededScheduler"
import { FastCheck as fc } from "effect"
import { expect, it } from "vitest"
import { Draft, type StateReader } from "../decide/Draft.ts"
import { evolve } from "./evolve.ts"
import type { ThreadState } from "./ThreadState.ts"

const threadId = "thr_a" as ThreadId
const turnIds = ["trn_a", "trn_b", "trn_c"] as ReadonlyArray<string> as ReadonlyArray<TurnId>
const world: StateReader = {
  thread: () => undefined,
  project: () => undefined,
  projectAt: () => undefined,
  threadOfRequest: () => undefined,
  knowsTurn: () => false,
  threadsOf: () => []
}
const at = "2026-11-20T09:00:00.000Z"
const created = {
  type: "thread.created",
  data: { threadId, projectId: "prj_a" as ProjectId, provider: "p", title: "t", cwd: "/work" }
} as const satisfies DomainEvent

const turn = fc.constantFrom(...turnIds)
const epoch = fc.integer({ min: 0, max: 3 })
const of = (which: string, turnId: TurnId) => `${which}_${turnId.slice(4)}`
const status = fc.constantFrom("starting", "running", "ready", "interrupted", "stopped", "error")
const error = { kind: "unknown", message: "no" } as const

const goalTypes = [
  "goal.set",
  "goal.paused",
  "goal.resumed",
  "goal.waiting",
  "goal.met",
  "goal.exhausted",
  "goal.cleared"
] as const
const goalStatus = fc.constantFrom("active", "paused", "met", "exhausted", "cleared")

/** Any event of a thread, with few ids, so that events collide. */
const any: fc.Arbitrary<DomainEvent> = fc.oneof(
  fc.constantFrom<DomainEvent>(
    created,
    { type: "thread.archived", data: { threadId } },
    { type: "thread.unarchived", data: { threadId } },
    { type: "thread.updated", data: { threadId, title: "other" } }
  ),
  fc
    .tuple(
      fc.constantFrom(
        "turn.requested",
        "turn.edited",
        "turn.dispatched",
        "turn.requeued",
        "turn.started",
        "turn.steered",
        "turn.interrupt.requested",
        "turn.completed",
        "turn.interrupted",
        "turn.failed"
      ),
      turn
    )
    .map(
      ([type, turnId]) =>
        ({ type, data: { threadId, turnId, text: "x", strategy: "enqueue", origin: "user", reason: "r", error } }) as DomainEvent
    ),
  fc.tuple(fc.constantFrom(...goalTypes), fc.constantFrom("goal_a", "goal_b"), goalStatus).map(
    ([type, goalId, to]) =>
      ({
        type,
        data: {
          threadId,
          goalId: goalId as GoalId,
          objective: "x",
          status: to,
          budget: { turns: 1 },
          used: { turns: 0, tokens: 0, millis: 0 },
          pauseOnUserMessage: false
        }
      }) as DomainEvent
  ),
  fc
    .constantFrom("p", "q")
    .map((provider) => ({ type: "thread.handed-over", data: { threadId, provider, from: "p" } }) as DomainEvent),
  fc.tuple(fc.constantFrom("item.started", "item.delta", "item.completed"), turn).map(
    ([type, turnId]) =>
      ({
        type,
        data: { threadId, turnId, itemId: of("itm", turnId) as ItemId, kind: "command", text: "x", status: "completed" }
      }) as DomainEvent
  ),
  fc.tuple(fc.constantFrom("request.opened", "request.answered", "request.expired", "request.cancelled"), turn).map(
    ([type, turnId]) =>
      ({
        type,
        data: { threadId, turnId, requestId: of("req", turnId) as RequestId, kind: "approval", title: "?", choices: ["accept"] }
      }) as unknown as DomainEvent
  ),
  fc.tuple(fc.constantFrom("session.started", "session.state.changed", "session.stopped"), epoch, status, turn).map(
    ([type, n, to, activeTurnId]) =>
      ({
        type,
        data: {
          threadId,
          epoch: n,
          status: type === "session.started" ? "starting" : to,
          provider: "p",
          reason: "r",
          ...(to === "starting" || to === "running" ? { activeTurnId } : {})
        }
      }) as DomainEvent
  )
)

it("T1 any events in any order: a turn accepts only those of its stage, and an ended turn does not end again (200 seeds)", async () => {
  let written = 0
  let goals = 0
  let tried = 0
  for await (const seed of seeds(200)) {
    tried++
    fc.assert(
      fc.property(fc.array(any, { minLength: 150, maxLength: 150 }), (events) => {
        const draft = new Draft(world, { at, seed: "s", paused: false, providers: new Map() })
        draft.emit(threadId, "thread.created", created.data)
        for (const event of events) draft.emit(threadId, event.type, event.data)
        const kept = draft.events.map(({ type, data }) => ({ type, data }) as DomainEvent)
        written += kept.length
        const stage = new Map<string, "queued" | "dispatched" | "started" | "over">()
        const open = new Set<string>()
        let session: { readonly epoch: number; over: boolean } = { epoch: 0, over: true }
        let archived = false
        let goal: { readonly goalId: string; readonly status: string } | undefined
        let provider = "p"
        let goalEvents = 0
        for (const { type, data } of kept.slice(1)) {
          if (type === "thread.created") throw new Error("made twice")
          if (type === "thread.archived" || type === "thread.unarchived") {
            expect(archived).toBe(type === "thread.unarchived")
            archived = !archived
          }
          if (type === "thread.handed-over") {
            expect(data.from).toBe(provider)
            expect(data.provider).not.toBe(provider)
            expect([...stage.values()].filter((now) => now === "dispatched" || now === "started")).toEqual([])
            provider = data.provider
          }
          if (type.startsWith("goal.") && "goalId" in data && "objective" in data) {
            // One goal at a time; an ended one gets no further event.
            if (type === "goal.set") expect(["active", "paused"]).not.toContain(goal?.status)
            else expect(data.goalId).toBe(goal?.goalId)
            if (type === "goal.resumed") expect(goal?.status).toBe("paused")
            else if (type === "goal.met" || type === "goal.cleared") expect(["active", "paused"]).toContain(goal?.status)
            else if (type !== "goal.set") expect(goal?.status).toBe("active")
            goal = data
            goalEvents++
          }
          if (type === "session.started") {
            expect(data.epoch).toBe(session.epoch + 1)
            session = { epoch: data.epoch, over: false }
          }
          if (type === "session.state.changed" || type === "session.stopped") {
            expect({ epoch: data.epoch, over: false }).toEqual(session)
            session = { epoch: data.epoch, over: data.status === "stopped" || data.status === "error" }
          }
          if (type.startsWith("turn.") && "turnId" in data && data.turnId !== undefined) {
            const { turnId } = data
            const now = stage.get(turnId)
            if (type === "turn.requested") expect([undefined, "over"]).toContain(now)
            else if (type === "turn.edited" || type === "turn.dispatched") expect(now).toBe("queued")
            else if (type === "turn.requeued") expect(now).toBe("dispatched")
            else if (type === "turn.started") expect([undefined, "dispatched", "over"]).toContain(now)
            else if (type === "turn.steered" || type === "turn.interrupt.requested" || type === "turn.completed")
              expect(["dispatched", "started"]).toContain(now)
            // A turn that never ran cannot complete, and an ended one does not end again.
            else if (isTerminal(type)) expect(["queued", "dispatched", "started"]).toContain(now)
            if (type === "turn.requested" || type === "turn.requeued") stage.set(turnId, "queued")
            if (type === "turn.dispatched") stage.set(turnId, "dispatched")
            if (type === "turn.started") stage.set(turnId, "started")
            if (isTerminal(type)) stage.set(turnId, "over")
          }
          if (type === "item.started" || type === "request.opened") {
            const id = type === "item.started" ? data.itemId : data.requestId
            expect(open.has(id)).toBe(false)
            expect(["dispatched", "started"]).toContain(stage.get(data.turnId))
            open.add(id)
          }
          if (type === "item.delta") expect(open.has(data.itemId)).toBe(true)
          if (type === "item.completed") expect(open.delete(data.itemId)).toBe(true)
          if (type === "request.answered" || type === "request.expired" || type === "request.cancelled")
            expect(open.delete(data.requestId)).toBe(true)
        }
        goals += goalEvents
        // For all offered events, the state is the fold of the written ones.
        let folded: ThreadState | undefined
        for (const event of kept) folded = evolve(folded, event, at)
        expect(JSON.stringify(folded)).toBe(JSON.stringify(draft.thread(threadId)))
      }),
      { numRuns: 1, seed }
    )
  }
  expect(written / tried).toBeGreaterThan(20)
  expect(goals / tried).toBeGreaterThan(0.5)
})

it("T1 an imported piece never replaces an open turn, item or request, nor an ended turn", () => {
  const draft = new Draft(world, { at, seed: "1", paused: false, providers: new Map([["p", onlyModel]]) })
  const [turnId, other] = turnIds as [TurnId, TurnId]
  const own = { threadId, turnId }
  const [itemId, requestId] = ["itm_a" as ItemId, "req_a" as RequestId]
  const ask = { kind: "approval", title: "Run: ls", choices: ["accept"] } as const
  draft.emit(threadId, "thread.created", created.data)
  draft.emit(threadId, "session.started", { threadId, epoch: 1, status: "starting", provider: "p", activeTurnId: turnId })
  draft.emit(threadId, "turn.requested", { ...own, text: "one", strategy: "enqueue" })
  draft.emit(threadId, "turn.dispatched", own)
  draft.emit(threadId, "item.started", { ...own, itemId, kind: "notice" })
  expect(draft.emit(threadId, "request.opened", { ...own, ...ask, requestId })).toBe(true)
  const item = (id: ItemId) => draft.emit(threadId, "item.imported", { ...own, itemId: id, kind: "notice", status: "completed" })
  const request = (id: RequestId) =>
    draft.emit(threadId, "request.imported", { ...own, requestId: id, status: "expired", ask, openedAt: at })
  const past = (id: TurnId) =>
    draft.emit(threadId, "turn.imported", {
      threadId,
      turnId: id,
      status: "completed",
      origin: "user",
      text: "",
      requestedAt: at
    })
  expect([item(itemId), request(requestId), past(turnId)]).toEqual([false, false, false])
  expect([item("itm_b" as ItemId), request("req_b" as RequestId), past(other)]).toEqual([true, true, true])
  draft.emit(threadId, "turn.interrupted", own)
  expect(past(turnId)).toBe(false)
})
