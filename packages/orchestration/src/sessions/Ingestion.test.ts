import { describe, expect, it } from "@effect/vitest"
import type { ItemId, RequestId, ThreadId, TurnId } from "@millrace/contracts/Ids"
import type { DurableEvent } from "@millrace/contracts/ProviderEvent"
import { simulate } from "@millrace/testing/SeededScheduler"
import { Chunk, Deferred, Effect, Exit, FastCheck as fc, Fiber, Queue, Stream, TestClock } from "effect"
import type { Weighed } from "../engine/Engine.ts"
import * as Ingestion from "./Ingestion.ts"
import { cutText, fitContent, fitEvent, fitUnknown, split } from "../state/Truncation.ts"

const threadId = "thr_a" as ThreadId
const turnId = "trn_a" as TurnId
const item = (n: number) => ({ turnId, itemId: `itm_${n}` as ItemId, kind: "agent-message" })
const delta = (n: number, text: string): DurableEvent => ({ _tag: "ItemDelta", ...item(n), text })
const marker = (method: string): DurableEvent => ({ _tag: "Opaque", method, payload: null })

/** The facts that the engine got, in order. */
const said = (handed: ReadonlyArray<Weighed>): ReadonlyArray<DurableEvent> =>
  handed.flatMap(({ fact }) => (fact._tag === "AgentEvents" ? fact.events : []))

const textOf = (events: ReadonlyArray<DurableEvent>, n: number): string =>
  events.map((event) => (event._tag === "ItemDelta" && event.itemId === `itm_${n}` ? event.text : "")).join("")

describe("coalescing", () => {
  it.effect("L5 text waits for the window, then is sent as one event", () =>
    Effect.gen(function* () {
      const handed: Array<Weighed> = []
      const input = yield* Queue.unbounded<DurableEvent>()
      const reader = yield* Effect.fork(
        Ingestion.run(
          { ingest: (one) => Effect.sync(() => void handed.push(one)) },
          { threadId, epoch: 1, events: Stream.fromQueue(input) }
        )
      )
      yield* Queue.offerAll(input, [delta(1, "a"), delta(1, "b")])
      yield* TestClock.adjust("24 millis")
      expect(handed).toEqual([])
      yield* Queue.offer(input, delta(1, "c"))
      yield* TestClock.adjust("1 millis")
      expect(said(handed)).toEqual([delta(1, "abc")])
      yield* Queue.offer(input, delta(1, "x".repeat(9000)))
      yield* TestClock.adjust("0 millis")
      expect(said(handed)).toHaveLength(2)
      yield* Fiber.interrupt(reader)
    })
  )

  it.effect("L5 interrupted, it sends the events that it holds", () =>
    Effect.gen(function* () {
      const handed: Array<Weighed> = []
      const taken = yield* Deferred.make<void>()
      const events = Stream.concat(
        Stream.make(delta(1, "a")),
        Stream.fromEffect(Effect.zipRight(Deferred.succeed(taken, undefined), Effect.never))
      )
      const reader = yield* Effect.fork(
        Ingestion.run({ ingest: (one) => Effect.sync(() => void handed.push(one)) }, { threadId, epoch: 1, events })
      )
      yield* Deferred.await(taken)
      yield* Fiber.interrupt(reader)
      expect(said(handed)).toEqual([delta(1, "a")])
    })
  )

  const event = fc.oneof(
    {
      weight: 8,
      arbitrary: fc.tuple(fc.nat(2), fc.string({ maxLength: 12, unit: "binary" })).map(([n, text]) => delta(n, text))
    },
    { weight: 1, arbitrary: fc.nat(1000).map((n) => marker(String(n))) }
  )

  it("L5 whatever the chunks, pauses and waits: the text is equal, and other events keep their place in it (200 seeds)", () => {
    let seed = 0
    let rows = 0
    let deltas = 0
    fc.assert(
      fc.property(fc.array(fc.tuple(event, fc.nat(3)), { minLength: 10, maxLength: 60 }), (script) => {
        const given = script.map(([one]) => one)
        const { exit } = simulate(
          ++seed,
          Effect.gen(function* () {
            const handed: Array<Weighed> = []
            const slow = (one: Weighed) =>
              Effect.zipRight(
                Effect.sleep("7 millis").pipe(Effect.when(() => handed.length % 3 === 1)),
                Effect.sync(() => void handed.push(one))
              )
            const events = Stream.fromIterable(script).pipe(
              Stream.mapEffect(([one, pause]) => (pause === 0 ? Effect.as(Effect.sleep("13 millis"), one) : Effect.succeed(one))),
              Stream.rechunk(1 + (seed % 5))
            )
            yield* Ingestion.run({ ingest: slow }, { threadId, epoch: 1, events }, { maxText: 40, chunk: 4 })
            return said(handed)
          })
        )
        if (typeof exit === "string" || Exit.isFailure(exit)) throw new Error(String(exit))
        const got = exit.value
        // Between two markers, each item has the same text; the markers are the same in the same order.
        const parts = (events: ReadonlyArray<DurableEvent>) => {
          const out: Array<unknown> = []
          let part: Array<DurableEvent> = []
          for (const one of [...events, marker("end")]) {
            if (one._tag === "ItemDelta") part.push(one)
            else {
              out.push([textOf(part, 0), textOf(part, 1), textOf(part, 2)], one)
              part = []
            }
          }
          return out
        }
        expect(parts(got)).toEqual(parts(given))
        rows += got.length
        deltas += given.length
      }),
      { numRuns: 200, seed: 5 }
    )
    expect(rows).toBeLessThan(deltas * 0.8)
  })

  it.effect("L5 a full lane blocks the agent, and no event is lost", () =>
    Effect.gen(function* () {
      const room = yield* Queue.bounded<Weighed>(1)
      let pulled = 0
      const events = Stream.range(1, 100).pipe(
        Stream.rechunk(1),
        Stream.map((n) => {
          pulled = n
          return marker(String(n))
        })
      )
      const reader = yield* Effect.fork(
        Ingestion.run({ ingest: (one) => Effect.asVoid(Queue.offer(room, one)) }, { threadId, epoch: 1, events })
      )
      yield* TestClock.adjust("1 seconds")
      expect(pulled).toBeLessThan(5)
      const got: Array<Weighed> = []
      while (said(got).length < 100) got.push(yield* Queue.take(room))
      expect(said(got).map((one) => (one._tag === "Opaque" ? one.method : ""))).toEqual(
        Chunk.toReadonlyArray(Chunk.range(1, 100)).map(String)
      )
      yield* Fiber.join(reader)
    })
  )
})

describe("limits", () => {
  const isWellFormed = (text: string) => Buffer.from(text).toString() === text
  const bytes = (value: unknown) => Buffer.byteLength(JSON.stringify(value))

  it("L4 text is cut to its bytes and never within a character; its pieces joined are the text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 400 }), fc.integer({ min: 20, max: 300 }), (text, limit) => {
        const cut = cutText(text, limit)
        expect(text.startsWith(cut)).toBe(true)
        expect(bytes(cut)).toBeLessThanOrEqual(limit)
        expect(isWellFormed(cut) || !isWellFormed(text)).toBe(true)
        const pieces = split(text, limit)
        expect(pieces.join("")).toBe(text)
        for (const piece of pieces) expect(bytes(piece)).toBeLessThanOrEqual(limit)
      }),
      { numRuns: 500, seed: 1 }
    )
  })

  it("L4 contents and messages of any size fit into an event, with the number of bytes cut", () => {
    const huge = "é".repeat(500_000)
    const content = fitContent({
      text: huge,
      output: huge,
      changes: [{ path: "a", change: "update", diff: huge }],
      result: { huge }
    })
    expect(bytes(content)).toBeLessThan(230 * 1024)
    expect(content.truncatedBytes).toBeGreaterThan(3_000_000)
    expect(bytes(fitUnknown({ huge }, 1000))).toBeLessThan(1200)
    const turnId = "trn_a" as TurnId
    const ask = {
      kind: "approval",
      title: huge,
      command: huge,
      changes: [{ path: "a", change: "update", diff: huge }],
      choices: ["accept"]
    } as const
    const question = { id: "q", text: huge, options: [{ label: "a", description: huge }] }
    const events: ReadonlyArray<DurableEvent> = [
      { _tag: "RequestOpened", turnId, requestId: "req_a" as RequestId, ask },
      {
        _tag: "RequestOpened",
        turnId,
        requestId: "req_b" as RequestId,
        ask: { kind: "question", title: huge, questions: [question, question] }
      },
      {
        _tag: "TurnUpdated",
        turnId,
        diff: huge,
        plan: Array.from({ length: 5000 }, () => ({ text: huge.slice(0, 500), status: "pending" }))
      },
      { _tag: "TurnFailed", turnId, reason: huge, error: { kind: "unknown", message: huge, detail: huge } },
      { _tag: "Opaque", method: "m", payload: huge }
    ]
    for (const one of events) expect(bytes(fitEvent(one)), one._tag).toBeLessThan(250 * 1024)
    const small = { text: "fine" }
    expect(fitContent(small)).toBe(small)
  })

  it("L4 a value that parses but is too deep to be encoded is left out, and the event is kept", () => {
    const deep = JSON.parse("[".repeat(20_000) + "]".repeat(20_000)) as unknown
    const turnId = "trn_a" as TurnId
    const leftOut = { leftOut: expect.stringContaining("256 levels deep") }
    expect(fitContent({ tool: "t", input: deep, result: { deep } })).toEqual({ tool: "t", input: leftOut, result: leftOut })
    expect(fitEvent({ _tag: "Opaque", turnId, method: "m", payload: deep })).toMatchObject({ payload: leftOut })
    const fine = { tool: "t", input: JSON.parse("[".repeat(200) + "]".repeat(200)) as unknown }
    expect(fitContent(fine)).toBe(fine)
  })
})
