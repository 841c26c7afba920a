import { describe, expect, it } from "@effect/vitest"
import type { ItemId, RequestId, ThreadId, TurnId } from "@millrace/contracts/Ids"
import type { ItemContent } from "@millrace/contracts/Item"
import type { DurableEvent } from "@millrace/contracts/ProviderEvent"
import { storedBytes } from "@millrace/log/Blob"
import type * as Blob from "@millrace/log/Blob"
import { simulate } from "@millrace/testing/SeededScheduler"
import { Chunk, Deferred, Effect, Exit, FastCheck as fc, Fiber, Queue, Stream, TestClock } from "effect"
import { createHash } from "node:crypto"
import type { Weighed } from "../engine/Engine.ts"
import * as Ingestion from "./Ingestion.ts"
import { keepInto } from "../state/KeptWhole.ts"
import { fit, fitEvent } from "../state/LargeValues.ts"
import { cutText, fitUnknown, split } from "../state/Truncation.ts"

const threadId = "thr_a" as ThreadId
const turnId = "trn_a" as TurnId
const item = (n: number) => ({ turnId, itemId: `itm_${n}` as ItemId, kind: "agent-message" })
const delta = (n: number, text: string): DurableEvent => ({ _tag: "ItemDelta", ...item(n), text })
const marker = (method: string): DurableEvent => ({ _tag: "Opaque", method, payload: null })

/** The facts that the engine got, in order. */
const eventsOf = (handed: ReadonlyArray<Weighed>): ReadonlyArray<DurableEvent> =>
  handed.flatMap(({ fact }) => (fact._tag === "AgentEvents" ? fact.events : []))

const textOf = (events: ReadonlyArray<DurableEvent>, n: number): string =>
  events.map((event) => (event._tag === "ItemDelta" && event.itemId === `itm_${n}` ? event.text : "")).join("")

describe("coalescing", () => {
  it.effect("T14 a file whose media type is not one is stored as octets; an item without files passes", () =>
    Effect.gen(function* () {
      const handed: Array<Weighed> = []
      const completed = { _tag: "ItemCompleted", status: "completed", content: {} } as const
      const file = (mediaType: string) => ({ name: "a", mediaType, base64: "AAAA" })
      const files = ["image/png", "image/png\r\nx: y", "", "image/a b"].map(file)
      // An adapter that was written without the compiler's checks sends the property without a value.
      const without: DurableEvent = { ...completed, ...item(2) }
      Object.assign(without, { files: undefined })
      yield* Ingestion.run(
        { ingest: (one) => Effect.sync(() => void handed.push(one)) },
        { threadId, epoch: 1, events: Stream.make<Array<DurableEvent>>({ ...completed, ...item(1), files }, without) }
      )
      const attachments = eventsOf(handed).map((event) => ("content" in event ? event.content.attachments : []))
      const octets = "application/octet-stream"
      expect(attachments.map((of) => of?.map(({ mediaType }) => mediaType))).toEqual([
        ["image/png", octets, octets, octets],
        undefined
      ])
    })
  )

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
      expect(eventsOf(handed)).toEqual([delta(1, "abc")])
      yield* Queue.offer(input, delta(1, "x".repeat(9000)))
      yield* TestClock.adjust("0 millis")
      expect(eventsOf(handed)).toHaveLength(2)
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
      expect(eventsOf(handed)).toEqual([delta(1, "a")])
    })
  )

  it.effect("L22 a chunk with large values weighs its events and the stored bytes of the values", () =>
    Effect.gen(function* () {
      const handed: Array<Weighed> = []
      const payload = Array.from({ length: 20_000 }, (_, n) => n * 7919)
      const large: DurableEvent = { _tag: "Opaque", method: "large", payload }
      const small = Array.from({ length: 20 }, (_, n) => delta(n, "x".repeat(9000)))
      yield* Ingestion.run(
        { ingest: (one) => Effect.sync(() => void handed.push(one)) },
        { threadId, epoch: 1, events: Stream.fromChunk(Chunk.make(large, ...small)) }
      )
      expect(handed).toHaveLength(1)
      const blobs = handed.flatMap(({ fact }) => (fact._tag === "AgentEvents" ? (fact.blobs ?? []) : []))
      expect(blobs).toHaveLength(1)
      expect(handed[0]?.weight).toBeGreaterThan(20 * 9000 + storedBytes(blobs[0]!))
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
            return eventsOf(handed)
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
      while (eventsOf(got).length < 100) got.push(yield* Queue.take(room))
      expect(eventsOf(got).map((one) => (one._tag === "Opaque" ? one.method : ""))).toEqual(
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

  /** The blobs of a test by their hash, and what stores them. */
  const store = () => {
    const blobs = new Map<string, Blob.Blob>()
    return { keep: keepInto(blobs), textOf: (hash: string) => Buffer.concat([...(blobs.get(hash)?.parts ?? [])]).toString() }
  }

  it("L22 a value of 64 KiB stays in the event; a larger one leaves its first 16 KiB, and the whole is a blob", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", minLength: 1, maxLength: 60 }), fc.integer({ min: 0, max: 3 }), (piece, shift) => {
        const { keep, textOf } = store()
        const unit = Buffer.from(piece).toString()
        const large = "x".repeat(shift) + unit.repeat(Math.ceil((64 * 1024 + 1) / Buffer.byteLength(unit)))
        const { blobs = {}, text = "" } = fit<ItemContent>({ text: large }, keep)
        expect(large.startsWith(text)).toBe(true)
        expect(isWellFormed(text)).toBe(true)
        expect(Buffer.byteLength(text)).toBeLessThanOrEqual(16 * 1024)
        expect(Buffer.byteLength(text)).toBeGreaterThan(16 * 1024 - 4)
        const hash = createHash("sha256").update(large).digest("hex")
        expect(blobs).toEqual({ text: { hash, bytes: Buffer.byteLength(large), mediaType: "text/plain" } })
        expect(textOf(hash)).toBe(large)
      }),
      { numRuns: 30, seed: 1 }
    )
    const { keep, textOf } = store()
    // The cut is before a surrogate pair that it would split.
    const pair = `${"x".repeat(16 * 1024 - 2)}😀${"y".repeat(64 * 1024)}`
    expect(fit<ItemContent>({ output: pair }, keep).output).toBe("x".repeat(16 * 1024 - 2))
    const limit = { text: "x".repeat(64 * 1024), output: "x".repeat(64 * 1024) }
    expect(fit<ItemContent>(limit, keep)).toBe(limit)
    const json = { input: { a: "é".repeat(40_000) } }
    const { blobs, input } = fit<ItemContent>(json, keep)
    expect(blobs?.["input"]?.mediaType).toBe("application/json")
    expect(JSON.parse(textOf(blobs?.["input"]?.hash ?? ""))).toEqual(json.input)
    expect(JSON.stringify(json.input).startsWith(String(input))).toBe(true)
    const again = fit<ItemContent>({ input, ...(blobs && { blobs }) }, keep)
    expect(again).toEqual({ input, blobs })
  })

  it("L4 L22 contents and messages of any size fit into an event, and every value is whole in a blob", () => {
    const huge = "é".repeat(500_000)
    const { keep, textOf } = store()
    const changes = Array.from({ length: 300 }, (_, n) => ({
      path: `a${n}`,
      change: "update" as const,
      diff: `${n}${huge.slice(0, 9_000)}`
    }))
    const content = fit<ItemContent>({ text: huge, output: huge, changes, result: { huge } }, keep)
    expect(bytes(content)).toBeLessThan(230 * 1024)
    expect(textOf(content.blobs?.["output"]?.hash ?? "")).toBe(huge)
    expect(JSON.parse(textOf(content.blobs?.["changes"]?.hash ?? ""))).toEqual(changes)
    expect(content.changes).toHaveLength(200)
    for (const [n, { blob, diff = "" }] of (content.changes ?? []).entries()) {
      expect(changes[n]?.diff.startsWith(diff)).toBe(true)
      expect(textOf(blob?.hash ?? "")).toBe(changes[n]?.diff)
    }
    const control = fit<ItemContent>({ output: "\u0001".repeat(60_000) }, keep)
    expect(bytes(control)).toBeLessThan(230 * 1024)
    expect(textOf(control.blobs?.["output"]?.hash ?? "")).toBe("\u0001".repeat(60_000))
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
    for (const one of events) expect(bytes(fitEvent(one, keep)), one._tag).toBeLessThan(250 * 1024)
    const small = { text: "fine" }
    expect(fit<ItemContent>(small, keep)).toBe(small)
  })

  it("L4 a value that parses but is too deep to be encoded is left out, and the event is kept", () => {
    const deep = JSON.parse("[".repeat(20_000) + "]".repeat(20_000)) as unknown
    const turnId = "trn_a" as TurnId
    const leftOut = { leftOut: expect.stringContaining("256 levels deep") }
    const { keep } = store()
    expect(fit<ItemContent>({ tool: "t", input: deep, result: { deep } }, keep)).toEqual({
      tool: "t",
      input: leftOut,
      result: leftOut
    })
    expect(fitEvent({ _tag: "Opaque", turnId, method: "m", payload: deep }, keep)).toMatchObject({ payload: leftOut })
    const fine = { tool: "t", input: JSON.parse("[".repeat(200) + "]".repeat(200)) as unknown }
    expect(fit<ItemContent>(fine, keep)).toBe(fine)
  })
})
