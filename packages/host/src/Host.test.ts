import type { Command } from "@millrace/contracts/Command"
import type { Frame } from "@millrace/contracts/Frame"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import { describe, expect, it } from "@effect/vitest"
import { Chunk, Effect, Stream } from "effect"
import * as Host from "./Host.ts"

type Create = Extract<Command, { readonly type: "thread.create" }>
const create = (commandId: string, cwd: string, text: string) =>
  ({ commandId, type: "thread.create", provider: "demo", cwd, turn: { text } }) as Create

const open = (dataDir: string) =>
  Host.make({ dataDir, synchronous: "NORMAL", providers: { codex: false, claude: false, acp: false } })

const isTerminal = (frame: Frame) => frame._tag === "event" && /^turn\.(completed|interrupted|failed)$/.test(frame.event.type)
const toTheEnd = (host: typeof Host.Host.Service, threadId: string) =>
  host.follow({ stream: `thread/${threadId}` }).pipe(
    Stream.takeUntil(isTerminal),
    Stream.filter((frame) => frame._tag === "event"),
    Stream.map((frame) => frame.event),
    Stream.runCollect,
    Effect.map(Chunk.toReadonlyArray)
  )
const typesOf = (events: ReadonlyArray<{ readonly type: string }>) => events.map((event) => event.type)

describe("Host", () => {
  it.live("T2 a turn of a real agent process reaches a subscriber through the log", () =>
    Effect.gen(function* () {
      const dataDir = yield* temporaryDirectory
      const host = yield* open(dataDir)
      const { threadId } = yield* host.dispatch(create("c1", dataDir, "[[say one two three]]"))
      const events = yield* toTheEnd(host, threadId!)
      expect(typesOf(events).at(-1)).toBe("turn.completed")
      const { items } = yield* host.items(threadId!, {})
      expect(items.map(({ kind, text, status }) => ({ kind, text, status }))).toEqual([
        { kind: "agent-message", text: "one two three", status: "completed" },
        { kind: "user-message", text: "[[say one two three]]", status: "completed" }
      ])
    }).pipe(Effect.scoped)
  )

  it.live("C2 T2 D2 a new host on the same directory gives the same answer and the same history", () =>
    Effect.gen(function* () {
      const dataDir = yield* temporaryDirectory
      const first = yield* Effect.scoped(
        Effect.gen(function* () {
          const host = yield* open(dataDir)
          const accepted = yield* host.dispatch(create("c1", dataDir, "hello"))
          return { accepted, events: yield* toTheEnd(host, accepted.threadId!) }
        })
      )
      const host = yield* open(dataDir)
      expect(yield* host.dispatch(create("c1", dataDir, "hello"))).toEqual({ ...first.accepted, replayed: true })
      expect(yield* toTheEnd(host, first.accepted.threadId!)).toEqual(first.events)
    }).pipe(Effect.scoped)
  )

  it.live("S1 S3 T2 a shutdown rejects later commands, ends the running turn and reports the end of the log", () =>
    Effect.gen(function* () {
      const dataDir = yield* temporaryDirectory
      const host = yield* open(dataDir)
      const { threadId, cursor } = yield* host.dispatch(create("c1", dataDir, "[[say a]] [[sleep 60000]]"))
      yield* host.follow({ after: cursor }).pipe(
        Stream.takeUntil((frame) => frame._tag === "event" && frame.event.type === "item.completed"),
        Stream.runDrain
      )
      const token = yield* host.beginShutdown({ deadline: "10 seconds", mode: "now" })
      expect((yield* Effect.flip(host.dispatch(create("c2", dataDir, "late"))))._tag).toBe("ShuttingDown")
      expect(yield* host.beginShutdown({ deadline: "1 seconds", mode: "drain" })).toBe(token)
      const report = yield* host.finishShutdown(token)
      expect(report).toMatchObject({ sessions: 1, forced: 0, drained: true })
      expect((yield* host.state).offset).toBe(report.head)
      expect((yield* toTheEnd(host, threadId!)).at(-1)).toMatchObject({
        type: "turn.interrupted",
        data: { reason: "the server is shutting down" }
      })
    }).pipe(Effect.scoped)
  )
})
