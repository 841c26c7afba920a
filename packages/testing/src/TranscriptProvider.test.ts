/** Plays all recorded conversations with the real Codex through the whole orchestration, over a log in memory. */
import { assert, describe, it } from "@effect/vitest"
import type { LogEvent } from "@millrace/contracts/Event"
import type { ThreadId, TurnId } from "@millrace/contracts/Ids"
import { Engine } from "@millrace/orchestration/engine/Engine"
import * as Verify from "@millrace/orchestration/readmodel/Verify"
import { Effect, Queue } from "effect"
import { replay } from "./CodexReplay.ts"
import * as Transcripts from "./CodexTranscripts.ts"
import * as Kit from "./Orchestration.ts"
import * as TranscriptProvider from "./TranscriptProvider.ts"

interface Data {
  readonly threadId?: ThreadId
  readonly turnId?: TurnId
  readonly itemId?: string
  readonly requestId?: string
  readonly kind?: string
  readonly text?: string
}
const data = (event: LogEvent): Data => event.data as Data
const ids = (events: ReadonlyArray<LogEvent>, field: "turnId" | "itemId" | "requestId", ...types: ReadonlyArray<string>) =>
  events.filter(Kit.ofType(...types)).map((event) => data(event)[field] ?? "")

/** Repeats the recorded client's acts in one thread, through all its processes. */
const drive = Effect.fnUntraced(function* (recorded: TranscriptProvider.Recorded, nativeThreadId: string, processes: number) {
  const { threadId } = yield* Kit.dispatch("thread.create", { provider: "recorded", model: nativeThreadId, cwd: "/work" })
  if (threadId === undefined) throw new Error("no thread")
  const mine = (event: LogEvent) => data(event).threadId === threadId
  for (let process = 1; process <= processes; process++) {
    yield* Kit.dispatch("turn.start", { threadId, text: "as recorded" })
    // The first act opened the session, so the test does not repeat it.
    yield* Queue.take(recorded.acts)
    for (;;) {
      const act = yield* Queue.take(recorded.acts)
      if (act._tag === "End") break
      if (act._tag === "Start") yield* Kit.dispatch("turn.start", { threadId, text: act.text })
      else if (act._tag === "Interrupt") yield* Kit.dispatch("turn.interrupt", { threadId, turnId: act.turnId })
      else {
        const { requestId, answer } = act
        yield* Kit.eventually((event) => event.type === "request.opened" && data(event).requestId === requestId)
        yield* Kit.dispatch("request.answer", { requestId, ...answer })
      }
    }
    yield* Kit.dispatch("session.stop", { threadId })
    yield* Kit.eventually((event) => mine(event) && event.type === "session.stopped", process)
  }
  return threadId
})

describe("codex transcripts through the engine", () => {
  it.effect("all but five transcripts have a turn to play", () =>
    Effect.gen(function* () {
      const empty: Array<string> = []
      for (const name of Transcripts.names) if ((yield* TranscriptProvider.make(name)).threads.size === 0) empty.push(name)
      // In these transcripts Codex ended before a thread, was killed before a turn, or only rejected requests.
      const without = ["bad-config-exit", "durability-thread-start", "overload-100", "overload-3000", "overload-400"]
      assert.deepStrictEqual(empty.toSorted(), without)
    })
  )

  it.effect.each(Transcripts.names)("L11 T2 T9 T13 %s", (name) =>
    Effect.gen(function* () {
      const recorded = yield* TranscriptProvider.make(name)
      yield* Effect.gen(function* () {
        for (const [nativeThreadId, processes] of recorded.threads) {
          const threadId = yield* drive(recorded, nativeThreadId, processes)
          yield* Effect.flatMap(Engine, (engine) => engine.drain)
          const events = (yield* Kit.history).filter((event) => data(event).threadId === threadId)
          const sorted = (...found: ReadonlyArray<string>) => found.toSorted()

          const started = ids(events, "itemId", "item.started")
          assert.strictEqual(new Set(started).size, started.length)
          assert.deepStrictEqual(sorted(...ids(events, "itemId", "item.completed")), sorted(...started))

          const turns = new Set(ids(events, "turnId", "turn.requested", "turn.started"))
          assert.deepStrictEqual(
            sorted(...ids(events, "turnId", "turn.completed", "turn.interrupted", "turn.failed")),
            sorted(...turns)
          )

          const opened = ids(events, "requestId", "request.opened")
          const settled = ids(events, "requestId", "request.answered", "request.cancelled", "request.expired")
          assert.deepStrictEqual(sorted(...settled), sorted(...opened))

          // The texts equal the deltas in the log, joined (L5), and the texts of the same transcript without an engine.
          const expected = replay(name)
            .filter((session) => session.nativeThreadId === nativeThreadId && session.starts > 0)
            .flatMap((session) => session.events)
          const texts = expected.flatMap((event) =>
            event._tag === "ItemCompleted" && event.kind === "agent-message" ? [event.content.text ?? ""] : []
          )
          const completed = events.filter((event) => event.type === "item.completed" && data(event).kind === "agent-message")
          assert.deepStrictEqual(
            completed.map((event) => data(event).text ?? ""),
            texts
          )
          for (const event of completed) {
            const sum = events.filter((delta) => delta.type === "item.delta" && data(delta).itemId === data(event).itemId)
            assert.strictEqual(sum.map((delta) => data(delta).text).join(""), data(event).text ?? "")
          }
        }
        assert.deepStrictEqual((yield* Verify.run).problems, [])
      }).pipe(Effect.provide(Kit.layer({ providers: [recorded] })))
    })
  )
})
