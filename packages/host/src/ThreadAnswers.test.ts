/** What the answers about a thread have besides its row. */
import { expect, it } from "@effect/vitest"
import type { ThreadId } from "@millrace/contracts/Ids"
import { command } from "@millrace/testing/Orchestration"
import * as ScriptedProvider from "@millrace/testing/ScriptedProvider"
import * as TestHost from "@millrace/testing/TestHost"
import { Deferred, Effect } from "effect"
import * as Host from "./Host.ts"

it.effect("R7 every answer names the threads that work in the same directory, and says why an exclusive thread waits", () =>
  Effect.gen(function* () {
    const end = yield* Deferred.make<void>()
    const provider = ScriptedProvider.make({
      turn: (turn) => Effect.zipRight(turn.start, Effect.zipRight(Deferred.await(end), turn.complete))
    })
    yield* Effect.gen(function* () {
      const host = yield* Host.Host
      const create = (exclusive: boolean) =>
        host.dispatch(
          command("thread.create", {
            provider: "scripted",
            cwd: "/work",
            workspace: { kind: "directory", exclusive },
            turn: { text: "work" }
          })
        )
      const first = (yield* create(false)).threadId as ThreadId
      yield* TestHost.until(host, "turn.started")
      const second = (yield* create(true)).threadId as ThreadId
      const waits = {
        exclusive: true,
        alongside: [first],
        waiting: { reason: "workspace", message: expect.stringContaining(first) }
      }
      expect(yield* host.thread(second)).toMatchObject(waits)
      expect((yield* host.threads({})).items.find(({ threadId }) => threadId === second)).toMatchObject(waits)
      expect((yield* host.state).threads.find(({ threadId }) => threadId === second)).toMatchObject(waits)
      const running = yield* host.thread(first)
      expect([running.alongside, running.exclusive]).toEqual([undefined, undefined])
      yield* Deferred.succeed(end, undefined)
      yield* TestHost.until(host, "turn.completed")
      expect((yield* host.thread(second)).alongside).toBeUndefined()
    }).pipe(Effect.scoped, Effect.provide(TestHost.layer({ providers: [provider] })))
  })
)
