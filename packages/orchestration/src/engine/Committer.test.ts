/** A batch that fails in the middle: its changes are rolled back in reverse order, and facts keep their order. */
import { expect, it } from "@effect/vitest"
import type { LogEvent } from "@millrace/contracts/Event"
import type { DurableEvent } from "@millrace/contracts/ProviderEvent"
import { EventLog, EventTooLarge, type NewEvent } from "@millrace/log/EventLog"
import * as EventLogMemory from "@millrace/log/EventLogMemory"
import * as Kit from "@millrace/testing/Orchestration"
import * as ScriptedProvider from "@millrace/testing/ScriptedProvider"
import { Context, Deferred, Effect, Layer } from "effect"
import { Engine } from "./Engine.ts"
import * as Verify from "../readmodel/Verify.ts"

const sound = Effect.gen(function* () {
  yield* (yield* Engine).drain
  expect((yield* Verify.run).problems).toEqual([])
})

it.effect(
  "L9 several changes of one thread in a batch that fails are rolled back to the state in the log, not to one in between",
  () => {
    let broken = false
    return Effect.gen(function* () {
      const { threadId } = yield* Kit.dispatch("thread.create", { provider: "scripted", cwd: "/work", title: "zero" })
      broken = true
      const renamed = yield* Effect.forEach(
        ["one", "two", "three"],
        (title) => Effect.flip(Kit.dispatch("thread.rename", { threadId: threadId!, title })),
        { concurrency: "unbounded" }
      )
      expect(renamed.map(({ _tag }) => _tag)).toEqual(Array.from({ length: 3 }, () => "StorageUnavailable"))
      broken = false
      // Writes the thread's row from the state that the engine holds.
      yield* Kit.dispatch("turn.start", { threadId: threadId!, text: "go on" })
      yield* Kit.eventually(Kit.ofType("turn.completed"))
      yield* sound
    }).pipe(Effect.provide(Kit.layerOver(Kit.failingLayer(() => (broken ? Kit.unwritable : undefined)))))
  }
)

const opaque = (method: string, payload: unknown): DurableEvent => ({ _tag: "Opaque", method, payload })

/** A log that rejects each event of the method `too-large` as too large. */
const strict = Layer.map(EventLogMemory.layer(), (context) => {
  const log = Context.get(context, EventLog)
  const isTooLarge = ({ data }: NewEvent) => (data as { readonly method?: string }).method === "too-large"
  return Context.make(EventLog, {
    ...log,
    append: (envelopes) =>
      envelopes.some(({ events }) => events.some(isTooLarge))
        ? Effect.fail(new EventTooLarge({ type: "provider.event", bytes: 300_000, limitBytes: 262_144, message: "injected" }))
        : log.append(envelopes)
  })
})

it.effect("L5 facts behind one that is too large wait until it is committed in pieces", () =>
  Effect.gen(function* () {
    const begun = yield* Deferred.make<ScriptedProvider.Turn>()
    const agent = ScriptedProvider.make({
      turn: (turn) => Effect.zipRight(turn.start, Effect.zipRight(Deferred.succeed(begun, turn), Effect.never))
    })
    yield* Effect.gen(function* () {
      const engine = yield* Engine
      yield* Kit.dispatch("thread.create", { provider: "scripted", cwd: "/work", turn: { text: "hello" } })
      const { threadId } = yield* Deferred.await(begun)
      yield* Kit.eventually(Kit.ofType("turn.started"))
      yield* engine.drain
      const factOf = (...events: ReadonlyArray<DurableEvent>) =>
        engine.ingest({ fact: { _tag: "AgentEvents", threadId, epoch: 1, events }, weight: 1 })
      // All of them are queued when the engine takes them: one batch.
      yield* factOf(opaque("before", 1))
      yield* factOf(opaque("too-large", 0), opaque("with-it", 2))
      yield* factOf(opaque("behind", 3))
      yield* factOf(opaque("last", 4))
      yield* engine.drain
      const methods = (yield* Kit.history)
        .filter(Kit.ofType("provider.event"))
        .map((event: LogEvent) => (event.data as { readonly method: string }).method)
      expect(methods).toEqual(["before", "millrace.event-too-large", "with-it", "behind", "last"])
      yield* sound
    }).pipe(Effect.provide(Kit.layerOver(strict, { providers: [agent] })))
  })
)
