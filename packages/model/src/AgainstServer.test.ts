/** Compares the folds of a front end with the server's read models, for histories that the random ones of AppState.test.ts do not contain. */
import { expect, it } from "@effect/vitest"
import type { ThreadId } from "@millrace/contracts/Ids"
import type { Ask } from "@millrace/contracts/Item"
import { command } from "@millrace/testing/Orchestration"
import * as ScriptedProvider from "@millrace/testing/ScriptedProvider"
import * as TestHost from "@millrace/testing/TestHost"
import { Chunk, Effect, Stream } from "effect"
import * as AppState from "./AppState.ts"
import * as Transcript from "./Transcript.ts"
import { turnBoundaries } from "./turnBoundaries.ts"

type Host = Effect.Effect.Success<ReturnType<typeof TestHost.make>>

/** The pages that a tab loads when it opens a thread. */
const opened = (host: Host, threadId: ThreadId) =>
  Effect.gen(function* () {
    const state = AppState.fromSnapshot(yield* host.state)
    const [items, turns] = [yield* host.items(threadId, {}), yield* host.turns(threadId, {})]
    return { state, transcript: Transcript.make(threadId, items, turns, Object.values(state.requests)) }
  })

const eventsTo = (host: Host, offset: number) =>
  host.follow({}).pipe(
    Stream.takeUntil((frame) => frame._tag === "event" && frame.event.offset >= offset),
    Stream.runCollect,
    Effect.map(TestHost.events)
  )

/** Folds the log from these positions to the head, and compares the result with the server's answer at the head. */
const expectEqual = (host: Host, threadId: ThreadId, tabs: ReadonlyArray<Effect.Effect.Success<ReturnType<typeof opened>>>) =>
  Effect.gen(function* () {
    const state = yield* host.state
    const head = { items: (yield* host.items(threadId, {})).items, turns: (yield* host.turns(threadId, {})).items }
    const events = yield* eventsTo(host, state.offset)
    const stream = events.filter((event) => event.stream === `thread/${threadId}`)
    for (const tab of tabs) {
      const folded = AppState.applyAll(tab.state, events)
      const { requests, threads } = AppState.fromSnapshot(state)
      expect({ threads: folded.threads, requests: folded.requests }).toEqual({ threads, requests })
      for (const event of stream) Transcript.apply(tab.transcript, event)
      const { items, order, turnOrder, turns } = tab.transcript
      expect(order.map((id) => items.get(id)?.value)).toEqual(head.items.toReversed())
      expect(turnOrder.map((id) => turns.get(id)?.value)).toEqual(head.turns.toReversed())
    }
    const shown = head.turns.toReversed().map(({ status, text, turnId }) => ({ turnId, status, text }))
    const found = turnBoundaries(stream).map(({ status, text, turnId }) => ({ turnId, status, text }))
    expect(found).toEqual(shown)
    return { state, turns: head.turns }
  })

it.effect("D2 D14 L11 turns and items that are imported into an open thread fold to its pages", () =>
  Effect.gen(function* () {
    const host = yield* TestHost.make()
    const { threadId: source } = yield* TestHost.begin(host, "one")
    yield* TestHost.until(host, "turn.completed")
    const take = Effect.suspend(() => host.exportThread(source, "ndjson")).pipe(
      Effect.flatMap(Stream.runCollect),
      Effect.flatMap((parts) => host.importThread({ source: Stream.make(new TextEncoder().encode(Chunk.join(parts, ""))) }))
    )
    const { threadId } = yield* take
    const before = yield* opened(host, threadId)
    yield* host.dispatch(command("turn.start", { threadId: source, text: "two" }))
    yield* host.follow({}).pipe(
      Stream.filter((frame) => frame._tag === "event" && frame.event.type === "turn.completed"),
      Stream.take(2),
      Stream.runDrain
    )
    yield* take
    const { turns } = yield* expectEqual(host, threadId, [before, yield* opened(host, threadId)])
    expect(turns.map(({ text }) => text)).toEqual(["two", "one"])
  }).pipe(Effect.scoped)
)

it.effect("T13 L11 a turn with two open requests waits until both are settled, and a page that joins between agrees", () =>
  Effect.gen(function* () {
    const ask = (title: string): Ask => ({ kind: "approval", title, choices: ["accept", "decline"] })
    const asker = ScriptedProvider.make({
      turn: (turn) =>
        turn.start.pipe(
          Effect.zipRight(
            Effect.all([turn.ask(ask("first")), turn.ask(ask("second"))], { concurrency: "unbounded", discard: true })
          ),
          Effect.zipRight(Effect.never)
        )
    })
    const host = yield* TestHost.make({ providers: [asker] })
    const tabs: Array<Effect.Effect.Success<ReturnType<typeof opened>>> = []
    const { threadId } = yield* TestHost.begin(host, "ask")
    tabs.push(yield* opened(host, threadId))
    yield* host.follow({}).pipe(
      Stream.filter((frame) => frame._tag === "event" && frame.event.type === "request.opened"),
      Stream.take(2),
      Stream.runDrain
    )
    const statuses: Array<string | undefined> = []
    for (const requestId of (yield* host.thread(threadId)).openRequestIds) {
      tabs.push(yield* opened(host, threadId))
      yield* host.dispatch(command("request.answer", { requestId, decision: "accept" }))
      const { turns } = yield* expectEqual(host, threadId, tabs)
      statuses.push(turns[0]?.status)
    }
    expect(statuses).toEqual(["waiting", "running"])
  }).pipe(Effect.scoped)
)

it.effect("L11 a thread that returns to its first agent shows the model of its earlier session", () =>
  Effect.gen(function* () {
    const providers = ["one", "two"].map((name) => ScriptedProvider.make({ name }))
    const host = yield* TestHost.make({ providers })
    const accepted = yield* host.dispatch(command("thread.create", { provider: "one", model: "big", cwd: "/work" }))
    const threadId = accepted.threadId as ThreadId
    const before = yield* opened(host, threadId)
    yield* host.dispatch(command("thread.handover", { threadId, provider: "two" }))
    yield* host.dispatch(command("thread.handover", { threadId, provider: "one" }))
    const { state } = yield* expectEqual(host, threadId, [before])
    expect(state.threads).toMatchObject([{ provider: "one", model: "big" }])
  }).pipe(Effect.scoped)
)
