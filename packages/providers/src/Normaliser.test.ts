import { it } from "@effect/vitest"
import { RequestId, ThreadId, TurnId } from "@millrace/contracts/Ids"
import type { ProviderEvent } from "@millrace/contracts/ProviderEvent"
import { FastCheck as fc } from "effect"
import { maxBlobBytes } from "@millrace/contracts/Blob"
import { describe, expect } from "vitest"
import type { NativeEvent } from "./NativeEvent.ts"
import * as Normaliser from "./Normaliser.ts"

const make = () => Normaliser.make({ threadId: ThreadId.make("thr_x"), epoch: 2 })
const ours = (n: number) => TurnId.make(`trn_ours${n}`)
const tags = (events: ReadonlyArray<ProviderEvent>) => events.map((event) => event._tag)

const started = (nativeTurnId: string): NativeEvent => ({ _tag: "TurnStarted", nativeTurnId })
const ended = (nativeTurnId: string, outcome: "completed" | "interrupted" | "failed" = "completed"): NativeEvent => ({
  _tag: "TurnEnded",
  nativeTurnId,
  outcome
})
const item = (nativeTurnId: string, nativeItemId: string, kind = "agent-message"): NativeEvent => ({
  _tag: "ItemStarted",
  nativeTurnId,
  nativeItemId,
  kind,
  content: {}
})
const delta = (nativeTurnId: string, nativeItemId: string, text: string, kind = "agent-message"): NativeEvent => ({
  _tag: "ItemDelta",
  nativeTurnId,
  nativeItemId,
  kind,
  text
})
const done = (nativeTurnId: string, nativeItemId: string, text?: string, kind = "agent-message"): NativeEvent => ({
  _tag: "ItemCompleted",
  nativeTurnId,
  nativeItemId,
  kind,
  status: "completed",
  content: text === undefined ? {} : { text }
})
const request = (nativeTurnId: string, nativeRequestId: string): NativeEvent => ({
  _tag: "RequestOpened",
  nativeTurnId,
  nativeRequestId,
  ask: { kind: "approval", title: "Run: x", choices: ["accept"] }
})
const resolved = (nativeRequestId: string): NativeEvent => ({ _tag: "RequestResolved", nativeRequestId, reason: "elsewhere" })
const feed = (normaliser: Normaliser.Normaliser, natives: ReadonlyArray<NativeEvent>) => natives.flatMap(normaliser.push)

/** Properties of any output after `end`, for any input. */
const check = (events: ReadonlyArray<ProviderEvent>, answered: ReadonlySet<string>) => {
  const turns = new Map<string, "running" | "ended">()
  const items = new Map<string, { turn: string; open: boolean }>()
  const requests = new Map<string, { turn: string; open: boolean }>()
  for (const event of events) {
    if (event._tag === "Opaque" || (event._tag === "Signal" && event.kind === "agent")) continue
    const { turnId } = event
    const note = () => JSON.stringify(event)
    switch (event._tag) {
      case "TurnStarted":
        expect(turns.has(turnId), note()).toBe(false)
        turns.set(turnId, "running")
        break
      case "TurnCompleted":
      case "TurnInterrupted":
      case "TurnFailed":
        expect(turns.get(turnId), note()).not.toBe("ended")
        for (const [id, each] of items) if (each.turn === turnId) expect(each.open, `${id} outlives ${note()}`).toBe(false)
        for (const [id, each] of requests)
          if (each.turn === turnId && !answered.has(id)) expect(each.open, `${id} outlives ${note()}`).toBe(false)
        turns.set(turnId, "ended")
        break
      case "TurnUpdated":
        expect(turns.get(turnId), note()).toBe("running")
        break
      case "Signal":
        expect(turns.get(turnId), note()).toBe("running")
        if ("itemId" in event) expect(items.get(event.itemId), note()).toEqual({ turn: turnId, open: true })
        break
      case "ItemStarted":
        expect(turns.get(turnId), note()).toBe("running")
        expect(items.has(event.itemId), note()).toBe(false)
        items.set(event.itemId, { turn: turnId, open: true })
        break
      case "ItemDelta":
        expect(items.get(event.itemId), note()).toEqual({ turn: turnId, open: true })
        break
      case "ItemCompleted":
        expect(items.get(event.itemId), note()).toEqual({ turn: turnId, open: true })
        items.set(event.itemId, { turn: turnId, open: false })
        break
      case "ItemAmended":
        expect(items.get(event.itemId), note()).toEqual({ turn: turnId, open: false })
        break
      case "RequestOpened":
        expect(turns.get(turnId), note()).toBe("running")
        expect(requests.has(event.requestId), note()).toBe(false)
        requests.set(event.requestId, { turn: turnId, open: true })
        break
      case "RequestCancelled":
        expect(requests.get(event.requestId), note()).toEqual({ turn: turnId, open: true })
        expect(answered.has(event.requestId), note()).toBe(false)
        requests.set(event.requestId, { turn: turnId, open: false })
        break
    }
  }
  for (const [turn, state] of turns) expect(state, turn).toBe("ended")
}

type Step =
  | { readonly _tag: "push"; readonly native: NativeEvent }
  | { readonly _tag: "expect" | "refuse" | "interrupting"; readonly turn: number }
  | { readonly _tag: "bind"; readonly turn: number; readonly native: string }
  | { readonly _tag: "answer"; readonly request: number }

const turnName = fc.constantFrom("a", "b", "c")
const itemName = fc.constantFrom("1", "2", "3")
const kind = fc.constantFrom("agent-message", "command", "user-message")
const native: fc.Arbitrary<NativeEvent> = fc.oneof(
  turnName.map(started),
  fc
    .tuple(turnName, fc.constantFrom("completed" as const, "interrupted" as const, "failed" as const))
    .map(([t, o]) => ended(t, o)),
  fc.tuple(turnName, itemName, kind).map(([t, i, k]) => item(t, i, k)),
  fc.tuple(turnName, itemName, fc.string({ maxLength: 5 }), kind).map(([t, i, s, k]) => delta(t, i, s, k)),
  fc.tuple(turnName, itemName, kind).map(([t, i, k]) => done(t, i, undefined, k)),
  fc.tuple(turnName, itemName).map(([t, r]) => request(t, r)),
  itemName.map(resolved),
  turnName.map((t): NativeEvent => ({ _tag: "TurnUpdated", nativeTurnId: t, diff: "d" })),
  turnName.map((t): NativeEvent => ({ _tag: "Signal", nativeTurnId: t, kind: "usage", data: { inputTokens: 1 } })),
  fc
    .tuple(turnName, itemName)
    .map(([t, i]): NativeEvent => ({ _tag: "Signal", nativeTurnId: t, nativeItemId: i, kind: "progress", data: { done: 1 } })),
  fc.record({
    _tag: fc.constant("Opaque" as const),
    method: fc.constant("odd"),
    payload: fc.integer(),
    nativeTurnId: turnName
  })
)
const turnNumber = fc.integer({ min: 0, max: 3 })
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: native.map((each): Step => ({ _tag: "push", native: each })) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom("expect" as const, "refuse" as const, "interrupting" as const), turnNumber)
      .map(([_tag, turn]): Step => ({ _tag, turn }))
  },
  { weight: 1, arbitrary: fc.tuple(turnNumber, turnName).map(([turn, of]): Step => ({ _tag: "bind", turn, native: of })) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 6 }).map((n): Step => ({ _tag: "answer", request: n })) }
)

/** Runs the steps as an adapter would: a turn is expected once, and bound or refused at most once after that. */
const run = (steps: ReadonlyArray<Step>) => {
  const normaliser = make()
  const out: Array<ProviderEvent> = []
  const answered = new Set<string>()
  const phase = new Map<number, "expected" | "settled">()
  const opaque: Array<unknown> = []
  for (const each of steps) {
    if (each._tag === "push") {
      if (each.native._tag === "Opaque") opaque.push(each.native.payload)
      out.push(...normaliser.push(each.native))
    } else if (each._tag === "answer") {
      const id = RequestId.make(`req_x_2_${each.request}`)
      const open = normaliser.nativeRequestOf(id)
      const was = normaliser.answered(id)
      expect(was).toBe(open)
      expect(normaliser.answered(id)).toBeUndefined()
      if (was !== undefined) answered.add(id)
    } else if (each._tag === "interrupting") normaliser.interrupting(ours(each.turn))
    else if (each._tag === "expect" && !phase.has(each.turn)) {
      phase.set(each.turn, "expected")
      normaliser.expectTurn(ours(each.turn))
    } else if (phase.get(each.turn) === "expected") {
      phase.set(each.turn, "settled")
      if (each._tag === "bind") normaliser.bindTurn(ours(each.turn), each.native)
      else if (each._tag === "refuse") normaliser.refuseTurn(ours(each.turn))
    }
  }
  return { normaliser, out, answered, phase, opaque }
}

describe("Normaliser", () => {
  it("T2 T9 T10 T13 any sequence gives one start and one end for each turn, item and request", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.boolean(), (steps, wanted) => {
        const { answered, normaliser, opaque, out } = run(steps)
        out.push(...normaliser.end(wanted ? "stopped" : { code: 0, signal: null, stderr: "" }))
        check(out, answered)
        const kept = out.flatMap((event) => (event._tag === "Opaque" && event.method === "odd" ? [event.payload] : []))
        expect(kept).toEqual(opaque)
        expect(normaliser.push(started("d"))).toEqual([])
        expect(normaliser.end("again")).toEqual([])
      }),
      { numRuns: 2000, seed: 20261120 }
    )
  })

  it("T2 every turn that the agent accepted has exactly one terminal after the end", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const { normaliser, out, phase } = run(steps.filter((each) => each._tag !== "refuse"))
        out.push(...normaliser.end({ code: 1, signal: null, stderr: "" }))
        for (const turn of phase.keys()) {
          const terminals = out.filter(
            (event) => /^Turn(Completed|Interrupted|Failed)$/.test(event._tag) && event.turnId === ours(turn)
          )
          expect(terminals, `turn ${turn}`).toHaveLength(1)
        }
      }),
      { numRuns: 1000, seed: 7 }
    )
  })

  it("ids contain thread and epoch, and a native (turn, item) always has the same id", () => {
    const events = feed(make(), [started("a"), item("a", "1"), item("a", "2"), done("a", "1"), ended("a"), done("a", "2")])
    expect(events).toMatchObject([
      { _tag: "TurnStarted", turnId: "trn_x_2_1", origin: "provider", nativeTurnId: "a" },
      { _tag: "ItemStarted", itemId: "itm_x_2_1" },
      { _tag: "ItemStarted", itemId: "itm_x_2_2" },
      { _tag: "ItemCompleted", itemId: "itm_x_2_1", status: "completed" },
      { _tag: "ItemCompleted", itemId: "itm_x_2_2", status: "aborted" },
      { _tag: "TurnCompleted" },
      { _tag: "ItemAmended", itemId: "itm_x_2_2", status: "completed" }
    ])
  })

  it("T9 an item that never completes is aborted with its streamed text, before the terminal", () => {
    const events = feed(make(), [item("a", "1"), delta("a", "1", "half "), delta("a", "1", "done"), ended("a", "interrupted")])
    expect(events.slice(-2)).toMatchObject([
      { _tag: "ItemCompleted", status: "aborted", reason: "the turn ended as interrupted", content: { text: "half done" } },
      { _tag: "TurnInterrupted" }
    ])
  })

  it("T9 the initial text of an item is part of its text; beyond the limit only bytes are counted", () => {
    const begun: NativeEvent = {
      _tag: "ItemStarted",
      nativeTurnId: "a",
      nativeItemId: "1",
      kind: "agent-message",
      content: { text: "" }
    }
    expect(feed(make(), [begun, delta("a", "1", "streamed"), ended("a")])).toMatchObject([
      {},
      {},
      {},
      { _tag: "ItemCompleted", status: "aborted", content: { text: "streamed" } },
      {}
    ])
    const whole = "ü".repeat(maxBlobBytes / 2)
    const long = feed(make(), [begun, delta("a", "1", `x${whole}`), delta("a", "1", "ü"), ended("a")])
    const content = long.find((event) => event._tag === "ItemCompleted")?.content
    expect(content?.text === `x${whole.slice(1)}`).toBe(true)
    expect(content?.omittedBytes).toBe(4)
    // The items of a session share 64 MiB; a closed item gives its part back.
    const normaliser = make()
    const open = ["1", "2", "3"].flatMap((id) => [{ ...begun, nativeItemId: id }, delta("a", id, whole)])
    const all = feed(normaliser, [...open, ended("a"), begun, delta("b", "4", whole), ended("b")])
    const kept = all.flatMap((event) => (event._tag === "ItemCompleted" ? [event.content.omittedBytes ?? 0] : []))
    expect(kept).toEqual([0, 0, maxBlobBytes, 0])
  })

  it("T9 a completion after the turn's end amends and reopens nothing", () => {
    const normaliser = make()
    feed(normaliser, [started("a"), item("a", "1", "command"), ended("a", "interrupted")])
    expect(
      feed(normaliser, [delta("a", "1", "late", "command"), done("a", "1", "all"), started("a"), ended("a", "failed")])
    ).toMatchObject([{ _tag: "ItemAmended", content: { text: "all" } }])
    expect(normaliser.end("stop")).toEqual([])
  })

  it("R7 at most 1,024 closed items of a session are remembered, whatever their turns", () => {
    const normaliser = make()
    const many = (turn: string, count: number) =>
      Array.from({ length: count }, (_, n) => [item(turn, `${turn} ${n}`, "command"), done(turn, `${turn} ${n}`)]).flat()
    feed(normaliser, [...many("a", 1500), ended("a"), ...many("b", 100)])
    // All items of the open turn and the newest of the ended one are recognised.
    expect(tags(feed(normaliser, [done("b", "b 0"), done("a", "a 1499"), done("a", "a 576")]))).toEqual([
      "ItemAmended",
      "ItemAmended",
      "ItemAmended"
    ])
    expect(feed(normaliser, [done("a", "a 575"), done("a", "a 0")])).toMatchObject([
      { _tag: "Opaque", method: "late/ItemCompleted" },
      { _tag: "Opaque", method: "late/ItemCompleted" }
    ])
    // The bound also holds for an open turn; open items are always recognised.
    feed(normaliser, [item("b", "open", "command"), ...many("b", 2000)])
    expect(tags(feed(normaliser, [done("b", "b 1999"), done("b", "open", "out", "command"), ended("b")]))).toEqual([
      "ItemAmended",
      "ItemCompleted",
      "TurnCompleted"
    ])
  })

  it("R7 T9 of more than 256 open items the oldest is aborted with its text; later messages about it are an amendment", () => {
    const normaliser = make()
    const begin = (n: number) => [item("a", `i${n}`), delta("a", `i${n}`, `text ${n}`)]
    expect(tags(feed(normaliser, Array.from({ length: 256 }, (_, n) => begin(n)).flat()))).not.toContain("ItemCompleted")
    expect(feed(normaliser, begin(256))).toMatchObject([
      { _tag: "ItemCompleted", status: "aborted", reason: "more than 256 items are open", content: { text: "text 0" } },
      { _tag: "ItemStarted" },
      { _tag: "ItemDelta" }
    ])
    // A turn that closes no item keeps 256 open, and the others are closed once.
    const more = feed(normaliser, Array.from({ length: 1000 }, (_, n) => begin(257 + n)).flat())
    expect(more.filter(({ _tag }) => _tag === "ItemCompleted")).toHaveLength(1000)
    expect(feed(normaliser, [delta("a", "i1000", "late"), done("a", "i1000", "whole")])).toMatchObject([
      { _tag: "ItemAmended", status: "completed", content: { text: "whole" } }
    ])
    const last = feed(normaliser, [ended("a")])
    expect(last.filter(({ _tag }) => _tag === "ItemCompleted")).toHaveLength(256)
  })

  it("T9 an item that begins after its turn's end is kept as opaque", () => {
    const events = feed(make(), [started("a"), ended("a"), item("a", "9"), done("a", "8"), request("a", "q")])
    expect(events.slice(2)).toMatchObject([
      { _tag: "Opaque", method: "late/ItemStarted", turnId: "trn_x_2_1" },
      { _tag: "Opaque", method: "late/ItemCompleted" },
      { _tag: "Opaque", method: "late/RequestOpened" }
    ])
  })

  it("T9 a delta, or a completion, of an unknown item starts it; a completion without text keeps that of its deltas", () => {
    const events = feed(make(), [
      started("a"),
      delta("a", "1", "x", "command"),
      done("a", "1", undefined, "command"),
      done("a", "2", "y")
    ])
    expect(events.slice(1)).toMatchObject([
      { _tag: "ItemStarted", kind: "command" },
      { _tag: "ItemDelta", text: "x" },
      { _tag: "ItemCompleted", content: { output: "x" } },
      { _tag: "ItemStarted" },
      { _tag: "ItemCompleted", content: { text: "y" } }
    ])
  })

  it("T13 a resolution after the turn's end, or after our answer, settles nothing twice", () => {
    const normaliser = make()
    expect(tags(feed(normaliser, [started("a"), request("a", "q"), ended("a", "interrupted"), resolved("q")]))).toEqual([
      "TurnStarted",
      "RequestOpened",
      "RequestCancelled",
      "TurnInterrupted"
    ])
    expect(normaliser.answered(RequestId.make("req_x_2_1"))).toBeUndefined()
    feed(normaliser, [started("b"), request("b", "q2")])
    expect(normaliser.answered(RequestId.make("req_x_2_2"))).toBe("q2")
    expect(feed(normaliser, [resolved("q2")])).toEqual([])
    expect(tags(feed(normaliser, [ended("b")]))).toEqual(["TurnCompleted"])
  })

  it("T10 the answer and the start bind our turn in either order; our own prompt is not repeated", () => {
    for (const answerFirst of [true, false]) {
      const normaliser = make()
      normaliser.expectTurn(ours(1))
      if (answerFirst) normaliser.bindTurn(ours(1), "a")
      const events = feed(normaliser, [started("a"), item("a", "u", "user-message"), done("a", "u", "hi", "user-message")])
      if (!answerFirst) normaliser.bindTurn(ours(1), "a")
      expect(events).toEqual([{ _tag: "TurnStarted", turnId: ours(1), nativeTurnId: "a", origin: "user" }])
      expect(normaliser.nativeTurnOf(ours(1))).toBe("a")
      expect(feed(normaliser, [ended("a")])).toMatchObject([{ _tag: "TurnCompleted", turnId: ours(1) }])
      expect(normaliser.nativeTurnOf(ours(1))).toBeUndefined()
    }
  })

  it("T10 a foreign turn that was bound to ours is unbound, and its end does not end ours", () => {
    const normaliser = make()
    normaliser.expectTurn(ours(1))
    feed(normaliser, [started("title"), item("title", "1")])
    normaliser.bindTurn(ours(1), "real")
    const events = feed(normaliser, [ended("title"), started("real"), delta("real", "1", "x"), ended("real")])
    expect(events.map((event) => [event._tag, event._tag === "Opaque" ? undefined : event.turnId])).toEqual([
      ["ItemCompleted", ours(1)],
      ["TurnStarted", "trn_x_2_1"],
      ["TurnCompleted", "trn_x_2_1"],
      ["ItemStarted", ours(1)],
      ["ItemDelta", ours(1)],
      ["ItemCompleted", ours(1)],
      ["TurnCompleted", ours(1)]
    ])
  })

  it("T10 an end without a start ends no expected turn; the answer that names it does", () => {
    const normaliser = make()
    normaliser.expectTurn(ours(1))
    expect(feed(normaliser, [ended("quick", "failed")])).toMatchObject([{ _tag: "Opaque", method: "late/TurnEnded" }])
    normaliser.bindTurn(ours(1), "quick")
    expect(normaliser.flush()).toMatchObject([
      { _tag: "TurnStarted", turnId: ours(1) },
      { _tag: "TurnFailed", turnId: ours(1), error: { kind: "unknown" } }
    ])
  })

  it("T2 two turns of ours that the agent runs as one both end", () => {
    const normaliser = make()
    normaliser.expectTurn(ours(1))
    normaliser.bindTurn(ours(1), "a")
    feed(normaliser, [started("a")])
    normaliser.expectTurn(ours(2))
    normaliser.bindTurn(ours(2), "a")
    expect(feed(normaliser, [ended("a")])).toMatchObject([
      { _tag: "TurnStarted", turnId: ours(2) },
      { _tag: "TurnCompleted", turnId: ours(1) },
      { _tag: "TurnCompleted", turnId: ours(2) }
    ])
  })

  it("P5 T11 an exit is evidence: after a stop or an interrupt the turn is interrupted, otherwise failed, also with code 0", () => {
    const died = make()
    feed(died, [started("a")])
    expect(died.end({ code: 0, signal: null, stderr: "why" })).toMatchObject([
      { _tag: "TurnFailed", error: { kind: "process", detail: "why", message: expect.stringContaining("code 0") } }
    ])
    const stopped = make()
    feed(stopped, [started("a")])
    expect(stopped.end({ code: null, signal: "SIGKILL", stderr: "", stopReason: "idle" })).toMatchObject([
      { _tag: "TurnInterrupted", reason: "idle" }
    ])
    const interrupted = make()
    interrupted.expectTurn(ours(1))
    feed(interrupted, [started("a")])
    interrupted.interrupting(ours(1))
    expect(interrupted.end({ code: 1, signal: null, stderr: "" })).toMatchObject([{ _tag: "TurnInterrupted" }])
    const overflowed = make()
    feed(overflowed, [started("a")])
    const failure = { kind: "protocol" as const, message: "a line too long" }
    expect(overflowed.end({ code: 0, signal: null, stderr: "", stopReason: "x", failure })).toMatchObject([
      { _tag: "TurnFailed", error: failure }
    ])
  })

  it("D12 signals change nothing else in a history; a signal without an open turn or item is dropped", () => {
    const usage: NativeEvent = { _tag: "Signal", nativeTurnId: "a", kind: "usage", data: { inputTokens: 1 } }
    const progress: NativeEvent = { _tag: "Signal", nativeTurnId: "a", nativeItemId: "1", kind: "progress", data: { done: 1 } }
    const told = [usage, progress]
    const natives = [started("a"), item("a", "1"), done("a", "1"), { ...ended("a"), usage: { inputTokens: 1 } } as NativeEvent]
    const events = feed(make(), [...told, ...natives.flatMap((native) => [native, ...told])])
    const signals = events.flatMap((event) => (event._tag === "Signal" ? [event.kind] : []))
    expect(signals).toEqual(["usage", "usage", "progress", "usage"])
    expect(events.filter((event) => event._tag !== "Signal")).toEqual(feed(make(), natives))
  })

  it("usage reported before the end belongs to the turn", () => {
    const usage = { inputTokens: 3, outputTokens: 4 }
    const events = feed(make(), [started("a"), { _tag: "Signal", nativeTurnId: "a", kind: "usage", data: usage }, ended("a")])
    expect(events[2]).toEqual({ _tag: "TurnCompleted", turnId: "trn_x_2_1", usage })
  })

  it("T9 thousands of turns use bounded memory, and late events of the first one still reopen nothing", () => {
    const normaliser = make()
    for (let i = 0; i < 3000; i++) feed(normaliser, [started(`t${i}`), item(`t${i}`, "1"), ended(`t${i}`)])
    expect(tags(feed(normaliser, [done("t0", "1"), started("t1"), delta("t2", "1", "x")]))).toEqual(["Opaque", "Opaque"])
    expect(normaliser.end("stop")).toEqual([])
  })
})

describe("items of sub-agents", () => {
  const under = (event: NativeEvent, nativeParentItemId: string): NativeEvent => ({ ...event, nativeParentItemId }) as NativeEvent
  const parents = (events: ReadonlyArray<ProviderEvent>) =>
    events.flatMap((event) => ("content" in event ? [`${event._tag} ${event.itemId} ${event.content.parentItemId ?? "-"}`] : []))

  it("have the tool call as their parent, at any depth, also when they are aborted", () => {
    const normaliser = make()
    const events = feed(normaliser, [
      started("a"),
      item("a", "task", "tool-call"),
      under(item("a", "inner", "tool-call"), "task"),
      under(done("a", "said", "by the inner agent"), "inner"),
      under(item("a", "shell", "command"), "inner"),
      under(done("a", "orphan", "no such call"), "unknown"),
      ended("a")
    ])
    expect(parents(events)).toEqual([
      "ItemStarted itm_x_2_1 -",
      "ItemStarted itm_x_2_2 itm_x_2_1",
      "ItemStarted itm_x_2_3 itm_x_2_2",
      "ItemCompleted itm_x_2_3 itm_x_2_2",
      "ItemStarted itm_x_2_4 itm_x_2_2",
      "ItemStarted itm_x_2_5 -",
      "ItemCompleted itm_x_2_5 -",
      "ItemCompleted itm_x_2_1 -",
      "ItemCompleted itm_x_2_2 itm_x_2_1",
      "ItemCompleted itm_x_2_4 itm_x_2_2"
    ])
  })

  it("T2 T9 complete after the end of their turn as one amendment each, and reopen nothing", () => {
    const normaliser = make()
    feed(normaliser, [started("a"), item("a", "task", "tool-call"), done("a", "task", undefined, "tool-call"), ended("a")])
    const late = under(done("a", "said", "later"), "task")
    expect(parents(feed(normaliser, [late]))).toEqual(["ItemAmended itm_x_2_2 itm_x_2_1"])
    // A repetition amends the same item; an item without a known parent, or that only starts, is kept unchanged.
    expect(parents(feed(normaliser, [late]))).toEqual(["ItemAmended itm_x_2_2 itm_x_2_1"])
    expect(tags(feed(normaliser, [under(done("a", "other", "x"), "unknown"), under(item("a", "starts"), "task")]))).toEqual([
      "Opaque",
      "Opaque"
    ])
  })
})
