/** Silent agents with real processes and the real clock: the demo agent in its own host. */
import type { LogEvent } from "@millrace/contracts/Event"
import type { ThreadId } from "@millrace/contracts/Ids"
import * as Host from "@millrace/host/Host"
import { describe, expect, it } from "@effect/vitest"
import { Chunk, Effect, Stream } from "effect"
import { command } from "./Orchestration.ts"
import { temporaryDirectory } from "./TemporaryDirectory.ts"

/** The thread's events up to the first of this type. */
const until = (host: typeof Host.Host.Service, threadId: ThreadId, type: string, count = 1) => {
  let left = count
  return host.follow({ stream: `thread/${threadId}` }).pipe(
    Stream.flatMap((frame) => (frame._tag === "event" ? Stream.make(frame.event) : Stream.empty)),
    Stream.takeUntil((event) => event.type === type && --left <= 0),
    Stream.runCollect,
    Effect.map(Chunk.toReadonlyArray)
  )
}
const data = (event: LogEvent | undefined) => event?.data as Record<string, unknown> | undefined

const begin = (text: string, limits: Host.Limits) =>
  Effect.gen(function* () {
    const dataDir = yield* temporaryDirectory
    const host = yield* Host.make({
      dataDir,
      synchronous: "NORMAL",
      providers: { codex: false, claude: false, acp: false },
      ...limits
    })
    const { threadId } = yield* host.dispatch(command("thread.create", { provider: "demo", cwd: dataDir, turn: { text } }))
    return { host, threadId: threadId as ThreadId }
  })

describe("silence of real agents", () => {
  it.scopedLive("R1 R3 background work of a real agent keeps its session; then it is stopped, and the next turn resumes it", () =>
    Effect.gen(function* () {
      const { host, threadId } = yield* begin("[[say hi]][[background 1500]]", {
        reaper: { idle: "100 millis", interval: "100 millis", suspendAfter: 50 }
      })
      const events = yield* until(host, threadId, "session.stopped")
      const types = events.map((event) => event.type)
      expect(types.filter((type) => /^(background|session\.(kept|stop))/.test(type))).toEqual([
        "background.started",
        "session.kept",
        "background.ended",
        "session.stop.requested",
        "session.stopped"
      ])
      expect(data(events.at(-1))).toMatchObject({ status: "stopped", reason: "idle for 100ms" })
      yield* host.dispatch(command("turn.start", { threadId, text: "again" }))
      const more = yield* until(host, threadId, "turn.completed", 2)
      const resumed = more.find((event) => event.epoch === 2 && data(event)?.["continuity"] !== undefined)
      expect(data(resumed)).toMatchObject({ continuity: "resumed" })
    })
  )

  it.scopedLive(
    "T8 T7 P2 a real agent that hangs and ignores interrupts: the model timeout ends its turn once, and its process",
    () =>
      Effect.gen(function* () {
        const { host, threadId } = yield* begin("[[hang]]", {
          dispatcher: { budgets: { interrupt: "300 millis" } },
          reaper: { model: "500 millis", interval: "100 millis", suspendAfter: 50 }
        })
        const events = yield* until(host, threadId, "session.stopped")
        const ends = events.filter((event) => /^turn\.(completed|interrupted|failed)$/.test(event.type))
        expect(ends.map((event) => event.type)).toEqual(["turn.interrupted"])
        expect(data(ends[0])?.["reason"]).toMatch(/^the model produced no output for 500ms; /)
      })
  )
})
