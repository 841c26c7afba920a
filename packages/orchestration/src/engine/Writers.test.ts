/** One writer per native conversation, and isolation of threads when an agent does not start. */
import { describe, expect, it } from "@effect/vitest"
import type { ThreadId } from "@millrace/contracts/Ids"
import type { ProviderAdapter } from "@millrace/contracts/ProviderAdapter"
import * as Kit from "@millrace/testing/Orchestration"
import * as ScriptedProvider from "@millrace/testing/ScriptedProvider"
import { seeds, simulate } from "@millrace/testing/SeededScheduler"
import { Clock, Deferred, Effect, Exit, FiberId, Random } from "effect"
import { Engine } from "./Engine.ts"
import * as Verify from "../readmodel/Verify.ts"

const run = <A>(
  agents: ReadonlyArray<ScriptedProvider.Scripted>,
  effect: Effect.Effect<A, unknown, Kit.Services>,
  seed = 1
): A => {
  const { exit } = simulate(seed, effect.pipe(Effect.provide(Kit.layer({ providers: agents }))))
  if (typeof exit === "string" || Exit.isFailure(exit)) throw new Error(`seed ${seed}: ${String(exit)}`)
  return exit.value
}
const create = (text: string, provider = "scripted") =>
  Effect.map(Kit.dispatch("thread.create", { provider, cwd: "/work", turn: { text } }), ({ threadId }) => threadId as ThreadId)
const until = (type: string, count = 1) => Kit.eventually(Kit.ofType(type), count)
const sound = Effect.gen(function* () {
  yield* (yield* Engine).drain
  expect((yield* Verify.run).problems).toEqual([])
})

/** Agents that continue to write after their stop, until `dies` is done; counts the most concurrent writers. */
const lingering = (dies: (epoch: number) => Effect.Effect<void>) => {
  const scripted = ScriptedProvider.make()
  const writing = new Map<string, number>()
  let most = 0
  const open: ProviderAdapter["open"] = (input) =>
    Effect.zipRight(
      Effect.acquireRelease(
        Effect.sync(() => {
          const count = (writing.get(input.threadId) ?? 0) + 1
          writing.set(input.threadId, count)
          most = Math.max(most, count)
        }),
        () =>
          Effect.zipRight(
            dies(input.epoch),
            Effect.sync(() => void writing.set(input.threadId, (writing.get(input.threadId) ?? 0) - 1))
          )
      ),
      scripted.adapter.open(input)
    )
  return { agent: { ...scripted, adapter: { ...scripted.adapter, open } }, most: () => most, calls: scripted.calls }
}

describe("one writer", () => {
  it("P7 while the old agent ignores its stop, the next one waits; once the old one has ended, the next resumes the native session", () => {
    const gone = Deferred.unsafeMake<void>(FiberId.none)
    const { agent, calls, most } = lingering((epoch) => (epoch === 1 ? Deferred.await(gone) : Effect.void))
    run(
      [agent],
      Effect.gen(function* () {
        const threadId = yield* create("one")
        yield* until("turn.completed")
        yield* Kit.dispatch("session.stop", { threadId })
        yield* until("session.stopped")
        yield* Kit.dispatch("turn.start", { threadId, text: "two" })
        yield* until("session.started", 2)
        yield* Effect.sleep("20 seconds")
        expect(calls.filter((call) => call.startsWith("open"))).toEqual(["open 1"])
        yield* Deferred.succeed(gone, undefined)
        yield* until("turn.completed", 2)
        expect(calls.filter((call) => call.startsWith("open"))).toEqual(["open 1", "open 2"])
        expect(most()).toBe(1)
        yield* sound
      })
    )
  })

  it("P7 T2 never proven ended: each turn fails with what to do, and no second agent is opened, however often it is tried", () => {
    const { agent, calls, most } = lingering((epoch) => (epoch === 1 ? Effect.never : Effect.void))
    run(
      [agent],
      Effect.gen(function* () {
        const threadId = yield* create("one")
        yield* until("turn.completed")
        yield* Kit.dispatch("session.stop", { threadId })
        yield* until("session.stopped")
        for (let n = 1; n <= 3; n++) {
          yield* Kit.dispatch("turn.start", { threadId, text: "more" })
          const failed = yield* until("turn.failed", n)
          expect(failed.data).toMatchObject({ error: { kind: "process", message: expect.stringContaining("millrace ps") } })
        }
        expect(calls.filter((call) => call.startsWith("open"))).toEqual(["open 1"])
        expect(most()).toBe(1)
        // Another thread has a separate agent.
        yield* create("other")
        yield* until("turn.completed", 2)
        yield* sound
      })
    )
  })

  it("P7 agents that take any time to die, stopped again and again: never two at once (200 seeds)", async () => {
    for await (const seed of seeds(200)) {
      const { agent, most } = lingering(() =>
        Effect.flatMap(Random.nextIntBetween(0, 30), (seconds) => Effect.sleep(seconds * 1000))
      )
      run(
        [agent],
        Effect.gen(function* () {
          const threadId = yield* create("one")
          for (let n = 0; n < 4; n++) {
            yield* Effect.sleep((yield* Random.nextIntBetween(0, 15)) * 1000)
            yield* Kit.dispatch("session.stop", { threadId })
            yield* Kit.dispatch("turn.start", { threadId, text: `again ${n}` })
          }
          yield* Effect.sleep("5 minutes")
          expect(most(), `seed ${seed}`).toBe(1)
          yield* sound
        }),
        seed
      )
    }
  })
})

it("P8 one of 100 threads hangs in its start: the others complete before its deadline, and then it fails alone", () => {
  const hung = ScriptedProvider.make({ name: "hung", open: () => Effect.never })
  run(
    [ScriptedProvider.make(), hung],
    Effect.gen(function* () {
      const stuck = yield* create("never", "hung")
      yield* Effect.forEach(Array.from({ length: 99 }), (_, n) => create(`thread ${n}`), { concurrency: "unbounded" })
      yield* until("turn.completed", 99)
      expect(yield* Clock.currentTimeMillis).toBeLessThan(1000)
      expect((yield* Kit.history).filter(Kit.ofType("turn.failed"))).toEqual([])
      const failed = yield* until("turn.failed")
      expect(failed.data).toMatchObject({ threadId: stuck, error: { kind: "process" } })
      expect(yield* Clock.currentTimeMillis).toBeGreaterThanOrEqual(60_000)
      yield* sound
    })
  )
})
