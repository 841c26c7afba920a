import { expect, it } from "@effect/vitest"
import type { ThreadId } from "@millrace/contracts/Ids"
import type { ProviderAdapter } from "@millrace/contracts/ProviderAdapter"
import * as Kit from "@millrace/testing/Orchestration"
import * as ScriptedProvider from "@millrace/testing/ScriptedProvider"
import { Effect, Stream } from "effect"

it.effect("T5 an agent that switches to another conversation in mid-session is resumed with that one", () => {
  const scripted = ScriptedProvider.make()
  const opened: Array<string | undefined> = []
  /** After the end of its first turn the agent has another conversation, as after Claude's `/clear`. */
  const adapter: ProviderAdapter = {
    ...scripted.adapter,
    open: (input) =>
      Effect.map(scripted.adapter.open(input), (session) => {
        opened.push(input.resumeKey)
        let cleared = false
        const events = session.events.pipe(Stream.tap(({ _tag }) => Effect.sync(() => (cleared ||= _tag === "TurnCompleted"))))
        return {
          ...session,
          events,
          // The turn continues after it was accepted.
          startTurn: (turn) => Effect.asVoid(Effect.forkDaemon(session.startTurn(turn))),
          get resumeKey() {
            return cleared ? "the other" : session.resumeKey
          }
        }
      })
  }
  return Effect.gen(function* () {
    const created = yield* Kit.dispatch("thread.create", { provider: "scripted", cwd: "/work", turn: { text: "one" } })
    const threadId = created.threadId as ThreadId
    yield* Kit.eventually(Kit.ofType("turn.completed"))
    yield* Kit.dispatch("session.stop", { threadId })
    yield* Kit.eventually(Kit.ofType("session.stopped"))
    yield* Kit.dispatch("turn.start", { threadId, text: "two" })
    yield* Kit.eventually(Kit.ofType("turn.completed"), 2)
    expect(opened).toEqual([undefined, "the other"])
  }).pipe(Effect.provide(Kit.layer({ providers: [{ ...scripted, adapter }] })))
})
