import { describe, expect, it } from "@effect/vitest"
import { EventLog } from "@millrace/log/EventLog"
import { command } from "@millrace/testing/Orchestration"
import * as ScriptedProvider from "@millrace/testing/ScriptedProvider"
import { seeds, simulate } from "@millrace/testing/SeededScheduler"
import * as TestHost from "@millrace/testing/TestHost"
import { Effect, Exit, Layer, Random, Stream } from "effect"

/** An agent that streams text, usage and tool progress at varying intervals. */
const chatty = ScriptedProvider.make({
  turn: (turn) =>
    Effect.gen(function* () {
      const { turnId } = turn
      const itemId = yield* turn.newItem
      const item = { turnId, itemId, kind: "command" }
      yield* turn.start
      yield* turn.emit({ _tag: "ItemStarted", ...item, content: { command: "make" } })
      for (let at = 1; at <= 5; at++) {
        yield* turn.emit(
          { _tag: "Signal", turnId, kind: "usage", data: { outputTokens: at } },
          { _tag: "ItemDelta", ...item, text: `${at} ` },
          { _tag: "Signal", turnId, itemId, kind: "progress", data: { done: at, total: 5 } }
        )
        yield* Effect.sleep(`${(at * 37) % 60} millis`)
      }
      yield* turn.emit({ _tag: "ItemCompleted", ...item, status: "completed", content: { output: "done" } })
      yield* turn.complete
    })
})

/** Runs a seeded script on a host that keeps this many signals; returns the whole log and every read model, for comparison byte by byte. */
const life = (seed: number, keys: number) =>
  simulate(
    seed,
    Effect.gen(function* () {
      const log = yield* TestHost.memoryLog
      const host = yield* TestHost.make({
        providers: [chatty],
        store: Layer.succeed(EventLog, log),
        signals: { keys, every: "20 millis" }
      })
      let signals = 0
      yield* host.follow({}).pipe(
        Stream.runForEach((frame) =>
          Effect.sync(() => {
            if (frame._tag === "signal") signals++
          })
        ),
        Effect.fork
      )
      // Drawn in advance: readers would otherwise change the order of the random draws.
      const plan = yield* Effect.replicateEffect(
        Effect.all({
          pause: Random.nextIntBetween(0, 200),
          what: Random.nextIntBetween(0, 4)
        }),
        3
      )
      const { threadId } = yield* TestHost.begin(host, "go")
      for (const { pause, what } of plan) {
        yield* Effect.sleep(pause)
        const act =
          what === 0
            ? command("turn.interrupt", { threadId })
            : what === 1
              ? command("session.stop", { threadId })
              : command("turn.start", { threadId, text: "more" })
        yield* host.dispatch(act, "tester")
      }
      yield* Effect.sleep("1 second")
      const { events } = yield* log.read({ after: 0, limit: 10_000 })
      const left = {
        events: events.map(({ json }) => JSON.parse(json) as { type: string; commandId?: string }),
        thread: yield* host.thread(threadId),
        turns: yield* host.turns(threadId, {}),
        items: yield* host.items(threadId, {})
      }
      return { left, signals }
    }).pipe(Effect.scoped, Effect.orDie)
  )

/** Command ids are numbered across all tests of this process. */
const plain = (left: unknown): unknown =>
  JSON.parse(
    JSON.stringify(left, (key, value: unknown) => (key === "commandId" ? undefined : value)).replaceAll(/cmd-\d+/g, "cmd")
  )

describe("Signals", () => {
  // In parts, so that the test runner gets progress reports in between.
  it.each([1, 51, 101, 151])(
    "D12 all signals dropped: the log and every final state are the same (50 seeds from %i)",
    async (first) => {
      let tried = 0
      let received = 0
      for await (const seed of seeds(50, first)) {
        tried++
        const kept = life(seed, 1024).exit
        const dropped = life(seed, 0).exit
        if (typeof kept === "string" || typeof dropped === "string" || Exit.isFailure(kept) || Exit.isFailure(dropped))
          throw new Error(`seed ${seed}: ${String(kept)} ${String(dropped)}`)
        expect(plain(dropped.value.left), `seed ${seed}`).toEqual(plain(kept.value.left))
        expect(dropped.value.signals).toBe(0)
        received += kept.value.signals
        // Signals are not in the log in any form.
        const types = new Set(kept.value.left.events.map(({ type }) => type))
        expect([...types].filter((type) => type === "turn.updated" || type === "provider.event")).toEqual([])
      }
      expect(received / tried).toBeGreaterThan(2)
    }
  )
})
