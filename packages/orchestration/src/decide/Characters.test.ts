/** No string of the log holds half a surrogate pair: from clients, from agents, or after a cut. Halves that arrive in two deltas are joined. */
import { describe, expect, it } from "@effect/vitest"
import type { ItemId, ThreadId, TurnId } from "@millrace/contracts/Ids"
import type { DurableEvent } from "@millrace/contracts/ProviderEvent"
import { DecideModel } from "@millrace/testing/DecideModel"
import { command } from "@millrace/testing/Orchestration"
import * as ScriptedProvider from "@millrace/testing/ScriptedProvider"
import * as TestHost from "@millrace/testing/TestHost"
import { Effect, Either, FastCheck as fc } from "effect"
import { Coalescer } from "../sessions/Coalescer.ts"
import { appendDelta } from "../state/evolve.ts"
import { maxText } from "../state/OpenText.ts"

const turnId = "trn_1" as TurnId
const delta = (item: string, text: string): DurableEvent => ({
  _tag: "ItemDelta",
  turnId,
  itemId: item as ItemId,
  kind: "agent-message",
  text
})
const completed = (item: string): DurableEvent => ({
  _tag: "ItemCompleted",
  turnId,
  itemId: item as ItemId,
  kind: "agent-message",
  status: "completed",
  content: { text: "\ud83d" }
})

describe("deltas", () => {
  const words = fc.array(fc.constantFrom("a", "水", "\u{1f600}", "\ud83d", "\ude00", "word "), { maxLength: 12 })
  /** Text of two items, interleaved, split at any UTF-16 unit, with flushes and other events in between. */
  const step = fc.record({
    item: fc.constantFrom("itm_a" as const, "itm_b" as const),
    text: words,
    flush: fc.boolean(),
    other: fc.boolean()
  })

  it("L5 text split anywhere joins to the agent's text, well formed, with no half pair in any event", () =>
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), fc.integer({ min: 1, max: 12 }), (steps, max) => {
        const coalescer = new Coalescer(max)
        const texts = { itm_a: "", itm_b: "" }
        for (const { flush, item, other, text } of steps) {
          const all = text.join("")
          for (let at = 0; at < all.length; at += 3) coalescer.push(delta(item, all.slice(at, at + 3)))
          texts[item] += all
          if (flush) coalescer.flush()
          if (other)
            coalescer.push({
              _tag: "ItemStarted",
              turnId,
              itemId: "itm_c" as ItemId,
              kind: "tool-call",
              content: { tool: "\ude00" }
            })
        }
        coalescer.push(completed("itm_a"))
        coalescer.end()
        const { events } = coalescer.take(10_000)
        expect(JSON.stringify(events)).not.toMatch(/\\ud[89a-f]/i)
        for (const item of ["itm_a", "itm_b"] as const) {
          const joined = events.flatMap((event) => (event._tag === "ItemDelta" && event.itemId === item ? [event.text] : []))
          expect(joined.join("")).toBe(texts[item].toWellFormed())
        }
        // No delta of an item follows its completion.
        const end = events.findIndex((event) => event._tag === "ItemCompleted")
        expect(events.slice(end).some((event) => event._tag === "ItemDelta" && event.itemId === "itm_a")).toBe(false)
      }),
      { numRuns: 500, seed: 2 }
    ))

  it("L4 the kept text of an open item is a prefix of it, with nothing from after the cut", () => {
    const model = new DecideModel()
    Either.getOrThrow(model.ask(command("thread.create", { provider: "scripted", cwd: "/work", turn: { text: "x" } }), "/work"))
    const start: DurableEvent = {
      _tag: "ItemStarted",
      turnId: Object.keys(model.only.turns)[0] as TurnId,
      itemId: "itm_a" as ItemId,
      kind: "agent-message",
      content: {}
    }
    model.tell({ _tag: "AgentEvents", threadId: model.only.threadId, epoch: 1, events: [start] })
    let state = model.only
    for (const text of ["a".repeat(maxText - 1), "\u{1f600}", "b"]) state = appendDelta(state, "itm_a", text)
    expect(state.items["itm_a"]).toMatchObject({ text: "a".repeat(maxText - 1), omittedBytes: 5 })
  })
})

const lone = "half \ud83d of it"
const agent = ScriptedProvider.make({
  turn: (turn) =>
    Effect.gen(function* () {
      yield* turn.start
      yield* turn.say("one \ud83d", "\ude00 two \ude00")
      yield* turn.fail({ kind: "unknown", message: lone, detail: lone })
    })
})

it.effect(
  "L6 a prompt, a title, an answer or an error with a lone surrogate is well formed in every event, and in every view",
  () =>
    Effect.gen(function* () {
      const host = yield* TestHost.make({ providers: [agent] })
      const emoji = `${"a".repeat(78)}\u{1f600} please fix the login page`
      yield* TestHost.begin(host, emoji)
      const begun = yield* host.dispatch(
        command("thread.create", { provider: "scripted", cwd: "/work", labels: ["\ud83d"], metadata: { "\ude00": lone } })
      )
      const threadId = begun.threadId as ThreadId
      yield* host.dispatch(command("thread.rename", { threadId, title: lone }))
      yield* host.dispatch(command("turn.start", { threadId, text: lone }))
      const isEnd = (type: string) => type === "turn.failed"
      const events = yield* TestHost.until(host, "turn.failed")
      expect(events.some(({ type }) => isEnd(type))).toBe(true)
      const state = yield* host.state
      const turns = yield* host.turns(threadId, {})
      const items = yield* host.items(threadId, {})
      expect(JSON.stringify([events, state, turns, items])).not.toMatch(/\\ud[89a-f]/i)
      expect(state.threads.map(({ title }) => title).toSorted()).toEqual([`${"a".repeat(78)}…`, "half \ufffd of it"])
      const text = events.flatMap(({ data, type }) => (type === "item.delta" ? [(data as { text: string }).text] : [])).join("")
      expect(text).toContain("one \u{1f600} two \ufffd")
    }).pipe(Effect.scoped)
)
