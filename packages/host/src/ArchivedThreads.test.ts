import { describe, expect, it } from "@effect/vitest"
import type { ThreadId } from "@millrace/contracts/Ids"
import { EventLog } from "@millrace/log/EventLog"
import { Engine } from "@millrace/orchestration/engine/Engine"
import * as Verify from "@millrace/orchestration/readmodel/Verify"
import * as Kit from "@millrace/testing/Orchestration"
import { Effect, Layer, TestClock } from "effect"
import * as ArchivedThreads from "./ArchivedThreads.ts"

const archived = Effect.gen(function* () {
  const { threadId } = yield* Kit.dispatch("thread.create", { provider: "scripted", cwd: "/work" })
  yield* Kit.dispatch("thread.archive", { threadId: threadId! })
  return threadId!
})
const deletions = Effect.map(Kit.history, (events) =>
  events.filter(({ type }) => type === "thread.deleted").map(({ actor, data }) => ({ data, actor }))
)

describe("retention of archived threads", () => {
  it.scoped("L17 a thread that is unarchived after it was read stays; it goes once it is archived and old again", () =>
    Effect.gen(function* () {
      const log = yield* Kit.memory
      const remove = (between: Effect.Effect<unknown, unknown, Engine>) =>
        Effect.gen(function* () {
          const engine = yield* Engine
          const pause = Effect.asVoid(Effect.orDie(Effect.provideService(between, Engine, engine)))
          yield* ArchivedThreads.remove(log, 1, engine.submit, pause)
        })
      const server = Kit.layerOver(Layer.succeed(EventLog, log))
      const [first, second] = yield* Effect.provide(Effect.all([archived, archived]), server)
      yield* TestClock.adjust("2 days")
      // Another server starts with the state that it reads from the log.
      yield* Effect.gen(function* () {
        yield* remove(Kit.dispatch("thread.unarchive", { threadId: second! }))
        const gone = [{ data: { threadId: first }, actor: "server" }]
        expect(yield* deletions).toEqual(gone)
        yield* TestClock.adjust("2 days")
        yield* remove(Effect.void)
        expect(yield* deletions).toEqual(gone)
        yield* Kit.dispatch("thread.archive", { threadId: second as ThreadId })
        yield* remove(Effect.void)
        expect(yield* deletions).toEqual(gone)
        yield* TestClock.adjust("2 days")
        yield* remove(Effect.void)
        expect(yield* deletions).toEqual([...gone, { data: { threadId: second }, actor: "server" }])
        expect((yield* Verify.run).problems).toEqual([])
      }).pipe(Effect.provide(Kit.layerOver(Layer.succeed(EventLog, log))))
    })
  )
})
