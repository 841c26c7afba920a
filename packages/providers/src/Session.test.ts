import { it } from "@effect/vitest"
import { ThreadId, TurnId } from "@millrace/contracts/Ids"
import { Chunk, Deferred, Effect, Stream, TestClock } from "effect"
import { describe, expect } from "vitest"
import * as Normaliser from "./Normaliser.ts"
import * as Inbox from "./process/Inbox.ts"
import type { ExitEvidence, Incoming, RpcChild } from "./process/RpcChild.ts"
import * as Session from "./Session.ts"

/** A child in memory: the test offers its messages, and what is sent to it is recorded. */
const child = Effect.gen(function* () {
  const inbox = Inbox.make<Incoming>({ items: 100, bytes: 1000 })
  const exit = yield* Deferred.make<ExitEvidence>()
  const told: Array<unknown> = []
  const tell = (...words: ReadonlyArray<unknown>) => Effect.sync(() => void told.push(words))
  const rpc: RpcChild = {
    pid: 1,
    incoming: inbox.stream,
    wake: Effect.sync(inbox.wake),
    request: () => Effect.never,
    notify: () => Effect.void,
    respond: (id, result) => tell(id, result),
    respondError: (id, code) => tell(id, code),
    exit: Deferred.await(exit),
    stop: () => Effect.void
  }
  const dies = Effect.suspend(() => {
    inbox.end()
    return Deferred.succeed(exit, { code: 0, signal: null, stderr: "last words" })
  })
  return { rpc, told, dies, says: (message: Incoming) => inbox.offer(message, 1) }
})
const note = (method: string, params: unknown = {}): Incoming => ({ _tag: "Notification", method, params })
const normaliser = () => Normaliser.make({ threadId: ThreadId.make("thr_x"), epoch: 1 })

const map: Parameters<typeof Session.make>[0]["map"] = (message) => {
  if (message.method === "boom") throw new Error("what is this?")
  if (message.method === "start") return { events: [{ _tag: "TurnStarted", nativeTurnId: "a" }] }
  if (message.method === "end") return { events: [{ _tag: "TurnEnded", nativeTurnId: "a", outcome: "completed" }] }
  return { events: [{ _tag: "Opaque", method: message.method, payload: message.params }] }
}

describe("Session", () => {
  it.scoped("P4 a malformed line, and a message that breaks the mapping, are kept and the session continues", () =>
    Effect.gen(function* () {
      const { dies, rpc, says, told } = yield* child
      const session = yield* Session.make({ child: rpc, normaliser: normaliser(), map })
      says({ _tag: "BadLine", text: "oops", bytes: 4 })
      says(note("boom", 1))
      says({ _tag: "Request", id: 7, method: "boom", params: 2 })
      says(note("fine"))
      yield* dies
      const events = Chunk.toReadonlyArray(yield* Stream.runCollect(session.events))
      expect(events.map((event) => (event._tag === "Opaque" ? event.method : event._tag))).toEqual([
        "millrace/bad-line",
        "millrace/unmapped",
        "millrace/unmapped",
        "fine"
      ])
      yield* Effect.yieldNow()
      expect(told).toEqual([[7, -32603]])
    })
  )

  it.scoped("P6 a request after its turn's end is answered at once; one in time is not", () =>
    Effect.gen(function* () {
      const { dies, rpc, says, told } = yield* child
      const session = yield* Session.make({
        child: rpc,
        normaliser: normaliser(),
        map: (message) =>
          message._tag === "Request"
            ? {
                events: [
                  {
                    _tag: "RequestOpened",
                    nativeTurnId: "a",
                    nativeRequestId: String(message.id),
                    ask: { kind: "approval", title: "?", choices: ["accept"] }
                  }
                ],
                tooLate: rpc.respondError(message.id, -1, "late")
              }
            : map(message)
      })
      says(note("start"))
      says({ _tag: "Request", id: 1, method: "ask", params: {} })
      // The same request again while it is open: no event, and no answer.
      says({ _tag: "Request", id: 1, method: "ask", params: {} })
      says(note("end"))
      says({ _tag: "Request", id: 2, method: "ask", params: {} })
      yield* dies
      const events = Chunk.toReadonlyArray(yield* Stream.runCollect(session.events))
      expect(events.map((event) => event._tag)).toEqual([
        "TurnStarted",
        "RequestOpened",
        "RequestCancelled",
        "TurnCompleted",
        "Opaque"
      ])
      yield* Effect.yieldNow()
      expect(told).toEqual([[2, -1]])
    })
  )

  it.scoped("P6 a request under the id of an open one is not mapped and not answered; its message is kept", () =>
    Effect.gen(function* () {
      const { dies, rpc, says, told } = yield* child
      const mapped: Array<string> = []
      const session = yield* Session.make({
        child: rpc,
        normaliser: normaliser(),
        isOpen: (id) => id === 1 && mapped.includes("ask"),
        map: (message) => {
          mapped.push(message.method)
          return map(message)
        }
      })
      says({ _tag: "Request", id: 1, method: "ask", params: "harmless" })
      says({ _tag: "Request", id: 1, method: "other", params: "dangerous" })
      yield* dies
      const events = Chunk.toReadonlyArray(yield* Stream.runCollect(session.events))
      expect(events).toMatchObject([
        { _tag: "Opaque", payload: "harmless" },
        { _tag: "Opaque", method: "other", payload: "dangerous" }
      ])
      expect([mapped, told]).toEqual([["ask"], []])
    })
  )

  it.scoped("added events come after earlier ones, also when the child is silent", () =>
    Effect.gen(function* () {
      const { dies, rpc, says } = yield* child
      const turns = normaliser()
      const session = yield* Session.make({ child: rpc, normaliser: turns, map })
      turns.expectTurn(TurnId.make("trn_1"))
      says(note("end"))
      const seen = yield* Stream.toPull(session.events)
      expect(Chunk.toReadonlyArray(yield* seen)).toMatchObject([{ _tag: "Opaque" }])
      yield* session.bindTurn(TurnId.make("trn_1"), "a")
      expect(Chunk.toReadonlyArray(yield* seen)).toMatchObject([{ _tag: "TurnStarted" }, { _tag: "TurnCompleted" }])
      says(note("one"))
      yield* session.add([{ _tag: "Opaque", method: "two", payload: {} }])
      expect(Chunk.toReadonlyArray(yield* seen)).toMatchObject([{ method: "one" }, { method: "two" }])
      yield* dies
    })
  )

  const idle = note("thread/idle")
  const idleMap: typeof map = (message) => (message.method === "thread/idle" ? { events: [{ _tag: "AgentIdle" }] } : map(message))

  it.scoped("T2 T3 an idle agent that never ends its turn: the turn is settled after the grace period, a late end is kept", () =>
    Effect.gen(function* () {
      const { dies, rpc, says } = yield* child
      const session = yield* Session.make({ child: rpc, normaliser: normaliser(), map: idleMap })
      const seen = yield* Stream.toPull(session.events)
      says(note("start"))
      expect(Chunk.toReadonlyArray(yield* seen)).toMatchObject([{ _tag: "TurnStarted" }])
      says(idle)
      says(note("after"))
      expect(Chunk.toReadonlyArray(yield* seen)).toMatchObject([{ method: "after" }])
      yield* TestClock.adjust(Session.idleGrace)
      expect(Chunk.toReadonlyArray(yield* seen)).toMatchObject([{ _tag: "TurnInterrupted", reason: Normaliser.lostEnd }])
      says(note("end"))
      expect(Chunk.toReadonlyArray(yield* seen)).toMatchObject([{ _tag: "Opaque", method: "late/TurnEnded" }])
      yield* dies
    })
  )

  it.scoped("T3 an end within the grace period is the turn's own; a turn that continues or opens a request is not settled", () =>
    Effect.gen(function* () {
      const { dies, rpc, says } = yield* child
      const session = yield* Session.make({
        child: rpc,
        normaliser: normaliser(),
        map: (message) =>
          message.method === "ask"
            ? {
                events: [
                  {
                    _tag: "RequestOpened",
                    nativeTurnId: "a",
                    nativeRequestId: "1",
                    ask: { kind: "approval", title: "?", choices: ["accept"] }
                  }
                ]
              }
            : message.method === "resolved"
              ? { events: [{ _tag: "RequestResolved", nativeRequestId: "1", reason: "" }] }
              : idleMap(message)
      })
      const seen = yield* Stream.toPull(session.events)
      says(note("start"))
      says(idle)
      // The turn continues after the idle report.
      says(note("ask"))
      yield* seen
      yield* TestClock.adjust(Session.idleGrace)
      // An idle report while a request is open.
      says(idle)
      says(note("one"))
      yield* seen
      yield* TestClock.adjust(Session.idleGrace)
      says(note("resolved"))
      expect(Chunk.toReadonlyArray(yield* seen)).toMatchObject([{ _tag: "RequestCancelled" }])
      says(idle)
      says(note("end"))
      expect(Chunk.toReadonlyArray(yield* seen)).toMatchObject([{ _tag: "TurnCompleted" }])
      yield* dies
    })
  )

  it.scoped("P5 the exit of the child closes all open work, as the last events", () =>
    Effect.gen(function* () {
      const { dies, rpc, says } = yield* child
      const session = yield* Session.make({
        child: rpc,
        normaliser: normaliser(),
        map,
        atExit: () => [{ _tag: "Opaque", method: "still-known", payload: {} }]
      })
      says(note("start"))
      yield* dies
      expect(Chunk.toReadonlyArray(yield* Stream.runCollect(session.events))).toMatchObject([
        { _tag: "TurnStarted" },
        { _tag: "Opaque", method: "still-known" },
        { _tag: "TurnFailed", error: { kind: "process", detail: "last words" } }
      ])
    })
  )
})
