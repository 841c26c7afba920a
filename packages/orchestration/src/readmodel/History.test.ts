import { describe, expect, it } from "@effect/vitest"
import type { ThreadId } from "@millrace/contracts/Ids"
import type { History, HistoryBounds } from "@millrace/contracts/ProviderAdapter"
import * as Kit from "@millrace/testing/Orchestration"
import * as ScriptedProvider from "@millrace/testing/ScriptedProvider"
import { Effect, Layer, Stream } from "effect"
import { EventLog } from "@millrace/log/EventLog"
import { read } from "./History.ts"

/** Each session reads the history first; records the result, with the beginning of each message. */
const reader = (bounds: HistoryBounds) => {
  const got: Array<History> = []
  const agent = ScriptedProvider.make({
    open: (input) => {
      if (input.history === undefined) return Effect.dieMessage("no history was offered")
      return Effect.map(input.history(bounds), (history) => void got.push(history))
    }
  })
  return { agent, got }
}
const textsOf = ({ turns }: History) =>
  turns.map(({ messages, outcome }) => [
    outcome,
    ...messages.map((message) => `${message.role}: ${message.role === "tool" ? message.tool : message.text}`)
  ])

/** Three turns with one agent, then a session in another process for a fourth one. */
const after = (bounds: HistoryBounds) =>
  Effect.gen(function* () {
    const log = Layer.succeed(EventLog, yield* Kit.memory)
    const first = ScriptedProvider.make()
    const threadId = yield* Effect.gen(function* () {
      const { threadId } = yield* Kit.dispatch("thread.create", { provider: "scripted", cwd: "/work", turn: { text: "one" } })
      for (const text of ["two", "three €"]) yield* Kit.dispatch("turn.start", { threadId: threadId as ThreadId, text })
      yield* Kit.eventually(Kit.ofType("turn.completed"), 3)
      return threadId as ThreadId
    }).pipe(Effect.provide(Kit.layerOver(log, { providers: [first] })))
    const { agent, got } = reader(bounds)
    yield* Effect.gen(function* () {
      yield* Kit.dispatch("turn.start", { threadId, text: "four" })
      yield* Kit.eventually(Kit.ofType("turn.completed"), 4)
    }).pipe(Effect.provide(Kit.layerOver(log, { providers: [agent] })))
    return got[0] as History
  }).pipe(Effect.scoped)

describe("history", () => {
  it.effect("T5 a session can read the conversation before it, in order, without the turn that it is opened for", () =>
    Effect.gen(function* () {
      const history = yield* after({ turns: 10, bytes: 10_000 })
      expect(textsOf(history)).toEqual([
        ["completed", "user: one", "agent: you said: one"],
        ["completed", "user: two", "agent: you said: two"],
        ["completed", "user: three €", "agent: you said: three €"]
      ])
      expect(history).toMatchObject({ earlier: false, cutBytes: 0 })
    })
  )

  it.effect("L4 the newest turns are kept within the bounds of turns and bytes, and `earlier` reports that there were more", () =>
    Effect.gen(function* () {
      const two = yield* after({ turns: 2, bytes: 10_000 })
      expect([textsOf(two).length, textsOf(two)[0]?.[1], two.earlier]).toEqual([2, "user: two", true])
      const bytes = yield* after({ turns: 10, bytes: 41 })
      expect(textsOf(bytes)).toEqual([
        ["completed", "agent: you said: two"],
        ["completed", "user: three €", "agent: you said: three €"]
      ])
      expect(bytes).toMatchObject({ earlier: true, cutBytes: 0 })
    })
  )

  it.effect("L4 a message larger than the bound is cut to its end, between characters", () =>
    Effect.gen(function* () {
      const cut = yield* after({ turns: 10, bytes: 4 })
      expect(textsOf(cut)).toEqual([["completed", "agent:  €"]])
      expect(cut).toMatchObject({ earlier: true, cutBytes: 15 })
      const inside = yield* after({ turns: 10, bytes: 2 })
      expect(inside.turns).toEqual([])
      expect(inside).toMatchObject({ earlier: true })
    })
  )

  it.scoped("L22 the whole text is read of messages only, newest first, up to a bound of bytes", () =>
    Effect.gen(function* () {
      const log = yield* Kit.memory
      const threadId = "thr_a" as ThreadId
      const mebibyte = Buffer.alloc(1024 * 1024, "x")
      const kinds = [...Array.from({ length: 20 }, () => "agent-message"), "reasoning", "agent-message"]
      for (const [n, kind] of kinds.entries()) {
        const blobs = { text: { hash: String(n), bytes: 4 * mebibyte.length, mediaType: "text/plain" } }
        const value = { itemId: `itm_${n}`, threadId, turnId: "trn_1", kind, status: "completed", text: "x", blobs }
        yield* log.append([
          {
            events: [
              { stream: `thread/${threadId}`, type: "item.completed", at: "2026-11-29T00:00:00.000Z", epoch: 1, data: value }
            ],
            rows: [{ op: "put", collection: "item", key: value.itemId, parent: threadId, event: 0, rank: "keep", value }]
          }
        ])
      }
      const turn = { turnId: "trn_1", threadId, status: "completed", startedAt: "2026-11-29T00:00:00.000Z" }
      yield* log.append([
        {
          events: [
            { stream: `thread/${threadId}`, type: "turn.completed", at: "2026-11-29T00:00:00.000Z", epoch: 1, data: turn }
          ],
          rows: [{ op: "put", collection: "turn", key: turn.turnId, parent: threadId, event: 0, rank: "keep", value: turn }]
        }
      ])
      const loaded: Array<number> = []
      const getBlob: typeof log.getBlob = (hash) =>
        Effect.sync(() => {
          loaded.push(Number(hash))
          const content = Stream.map(Stream.range(1, 4), () => mebibyte)
          return { hash, bytes: 4 * mebibyte.length, mediaType: "text/plain", codec: "identity", content, slice: () => content }
        })
      yield* read({ ...log, getBlob }, threadId, { turns: 10, bytes: 64 * 1024 })
      expect(loaded).toEqual([21, 19, 18, 17])
    })
  )
})
