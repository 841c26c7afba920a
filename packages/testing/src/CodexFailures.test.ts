/**
 * Failures that were seen with the real Codex, each once, as the log records them. The tests use the real adapter, a process that plays a recording with
 * that one fault (packages/adapter-kit), and the whole host over a log in memory.
 */
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import type { LogEvent } from "@millrace/contracts/Event"
import type { ThreadId, TurnId } from "@millrace/contracts/Ids"
import type { ProviderAdapter } from "@millrace/contracts/ProviderAdapter"
import * as Host from "@millrace/host/Host"
import * as Codex from "@millrace/providers/internal/codex/Codex"
import * as Ledger from "@millrace/providers/process/Ledger"
import { Chunk, Context, Effect, Layer, type Scope, Stream } from "effect"
import { command } from "./Orchestration.ts"

const cwd = import.meta.dirname
const player = join(cwd, "../../adapter-kit/src/player.mjs")
const fixtures = join(cwd, "../../providers/test/codex/fixtures")

/** A Codex whose nth session plays the nth of these recordings: `RECORDING#PROCESS#FAULT`. */
const codex = (...plays: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const ledger = yield* Ledger.Ledger
    const open: ProviderAdapter["open"] = (input) => {
      const [name = "", ...rest] = (plays[input.epoch - 1] ?? "").split("#")
      const codexHome = [join(fixtures, `${name}.jsonl`), ...rest].join("#")
      return Codex.make({ binary: player, codexHome }).pipe(
        Effect.provideService(Ledger.Ledger, ledger),
        Effect.flatMap((adapter) => adapter.open(input))
      )
    }
    return { ...(yield* Codex.make({ binary: player })), open }
  })

const begin = (adapter: ProviderAdapter, limits: Host.Limits = {}) =>
  Effect.gen(function* () {
    const built = yield* Layer.build(Host.layerMemory({ ...limits, adapters: [adapter], directories: [cwd] }))
    const host = Context.get(built, Host.Host)
    const accepted = yield* host.dispatch(command("thread.create", { provider: "codex", cwd, turn: { text: "one" } }))
    const threadId = accepted.threadId as ThreadId
    return {
      host,
      threadId,
      first: accepted.turnId as TurnId,
      send: (text: string) => host.dispatch(command("turn.start", { threadId, text })),
      /** The thread's events up to the nth of this type. */
      until: (type: string, nth = 1) => {
        let left = nth
        return host.follow({ stream: `thread/${threadId}` }).pipe(
          Stream.flatMap((frame) => (frame._tag === "event" ? Stream.make(frame.event) : Stream.empty)),
          Stream.takeUntil((event) => event.type === type && --left <= 0),
          Stream.runCollect,
          Effect.map(Chunk.toReadonlyArray)
        )
      }
    }
  })

const data = (event: LogEvent | undefined) => (event?.data ?? {}) as Readonly<Record<string, unknown>>
const ends = (events: ReadonlyArray<LogEvent>) => events.filter(({ type }) => /^turn\.(completed|interrupted|failed)$/.test(type))
/** The history without the person's messages. */
const story = (events: ReadonlyArray<LogEvent>, kind: RegExp) =>
  events
    .filter((event) => kind.test(event.type) && data(event)["kind"] !== "user-message")
    .map((event) => [event.type, data(event)["kind"] ?? "", data(event)["status"] ?? ""].join(" ").trim())

const failure = <E>(name: string, run: Effect.Effect<void, E, Scope.Scope | Ledger.Ledger>) =>
  it.scopedLive(name, () => Effect.provide(run, Ledger.layerMemory))

describe("failures of Codex, in the log", () => {
  failure(
    "P6 T2 overload silence: a turn whose request is never answered ends once, with the reason; the next one has a new session",
    Effect.gen(function* () {
      const { send, until } = yield* begin(yield* codex("two-turns#1#silent", "kill-resume#2"), {
        dispatcher: { budgets: { call: "700 millis" } }
      })
      const events = yield* until("session.stopped")
      assert.lengthOf(ends(events), 1)
      assert.strictEqual(ends(events)[0]?.type, "turn.interrupted")
      assert.include(String(data(ends(events)[0])["reason"]), "did not answer startTurn within 700ms")
      yield* send("two")
      const more = yield* until("turn.completed")
      assert.lengthOf(ends(more), 2)
      assert.strictEqual(more.at(-1)?.epoch, 2)
    })
  )

  failure(
    "P6 overload: an answer -32001 fails the turn as overloaded, and the session continues",
    Effect.gen(function* () {
      const { until } = yield* begin(yield* codex("two-turns#1#overloaded"))
      const events = yield* until("turn.failed")
      assert.deepInclude(data(events.at(-1))["error"], { kind: "overloaded" })
      assert.notInclude(
        events.map(({ type }) => type),
        "session.stopped"
      )
    })
  )

  failure(
    "P7 resume failures: a conversation that Codex does not know is replayed from the log, which records it",
    Effect.gen(function* () {
      const { host, send, threadId, until } = yield* begin(yield* codex("two-turns#1", "two-turns#1#lost"))
      yield* until("turn.completed")
      yield* host.dispatch(command("session.stop", { threadId }))
      yield* until("session.stopped")
      yield* send("two")
      const events = yield* until("turn.completed", 2)
      const second = events.filter(({ epoch }) => epoch === 2)
      const states = second.filter(({ type }) => type === "session.state.changed").map((event) => data(event)["continuity"])
      assert.include(states, "replayed")
      const lost = second.find((event) => data(event)["method"] === "millrace/conversation-lost")
      assert.include(JSON.stringify(data(lost)), "no rollout found")
    })
  )

  failure(
    "P7 resume failures: another error fails the turn with its message, starts no new conversation, and the next turn resumes",
    Effect.gen(function* () {
      const { host, send, threadId, until } = yield* begin(yield* codex("kill-resume#1", "two-turns#1", "kill-resume#2"))
      yield* until("turn.completed")
      yield* host.dispatch(command("session.stop", { threadId }))
      yield* until("session.stopped")
      yield* send("two")
      const failed = (yield* until("turn.failed")).at(-1)
      assert.include(JSON.stringify(data(failed)), "not in this transcript: thread/resume")
      yield* send("three")
      const events = yield* until("turn.completed", 2)
      const third = events.filter(({ epoch, type }) => epoch === 3 && type === "session.state.changed")
      assert.include(
        third.map((event) => data(event)["continuity"]),
        "resumed"
      )
    })
  )

  failure(
    "T9 missing completions: an item that Codex never completes is closed with its turn, with its text",
    Effect.gen(function* () {
      const { until } = yield* begin(yield* codex("basic-turn#1#without item/completed"))
      const events = yield* until("turn.completed")
      assert.deepStrictEqual(story(events, /^(item\.(started|completed)|turn\.completed)$/), [
        "item.started reasoning",
        "item.started agent-message",
        "item.completed reasoning aborted",
        "item.completed agent-message aborted",
        "turn.completed"
      ])
      const message = events.find((event) => event.type === "item.completed" && data(event)["kind"] === "agent-message")
      assert.strictEqual(data(message)["text"], "Hello, this is a streamed answer from the scripted model.")
    })
  )

  failure(
    "T9 late items: a completion after the turn's end amends the item and reopens nothing",
    Effect.gen(function* () {
      const { first, host, threadId, until } = yield* begin(yield* codex("interrupt-during-command#1"))
      yield* until("item.started", 2)
      yield* host.dispatch(command("turn.interrupt", { threadId, turnId: first }))
      const events = yield* until("item.amended")
      assert.deepStrictEqual(story(events, /^(item\.(started|completed|amended)|turn\.interrupted)$/), [
        "item.started command",
        "item.completed command aborted",
        "turn.interrupted",
        "item.amended command completed"
      ])
      assert.strictEqual(data(events.at(-1))["output"], "begin\n")
    })
  )

  failure(
    "T8 T2 lost turn/completed: the silence timeout ends the turn once, and its reason names the limit",
    Effect.gen(function* () {
      const { until } = yield* begin(yield* codex("two-turns#1#without turn/completed"), {
        dispatcher: { budgets: { interrupt: "300 millis" } },
        reaper: { model: "1 second", interval: "100 millis", suspendAfter: 50 }
      })
      const events = yield* until("session.stopped")
      assert.lengthOf(ends(events), 1)
      assert.match(String(data(ends(events)[0])["reason"]), /^the model produced no output for 1s/)
      const message = events.find((event) => event.type === "item.completed" && data(event)["kind"] === "agent-message")
      assert.deepInclude(data(message), { status: "completed", text: "answer number 1" })
    })
  )

  failure(
    "T2 T9 retries under a new item id: each attempt is a separate item, both are closed, and the turn fails once",
    Effect.gen(function* () {
      const { until } = yield* begin(yield* codex("model-stream-cut#1"))
      const events = yield* until("turn.failed")
      assert.deepStrictEqual(story(events, /^(item\.(started|completed)|turn\.failed)$/), [
        "item.started agent-message",
        "item.started agent-message",
        "item.completed agent-message aborted",
        "item.completed agent-message aborted",
        "turn.failed"
      ])
      assert.deepInclude(data(events.at(-1))["error"], { kind: "transport" })
    })
  )
})
