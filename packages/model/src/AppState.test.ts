import { expect, it } from "@effect/vitest"
import { Chunk, Effect, Exit, Random, Stream, TestClock } from "effect"
import type { Command } from "@millrace/contracts/Command"
import type { Failure } from "@millrace/contracts/Item"
import { ItemId, ThreadId, TurnId } from "@millrace/contracts/Ids"
import { command } from "@millrace/testing/Orchestration"
import * as ScriptedProvider from "@millrace/testing/ScriptedProvider"
import { simulate } from "@millrace/testing/SeededScheduler"
import * as TestHost from "@millrace/testing/TestHost"
import * as Transcript from "./Transcript.ts"
import * as AppState from "./AppState.ts"

const broken: Failure = { kind: "unknown", message: "broken" }

/** An agent that does what its prompt says. */
const agent = ScriptedProvider.make({
  capabilities: ["steer", "interrupt"],
  turn: (turn) =>
    Effect.gen(function* () {
      yield* turn.start
      yield* turn.say("one ", "two ", "thr\u{1f4a7}e")
      if (turn.text.includes("ask")) yield* turn.ask({ kind: "approval", title: "Run: x", choices: ["accept", "decline"] })
      if (turn.text.includes("fail")) return yield* turn.fail(broken)
      if (turn.text.includes("die")) return yield* turn.die
      if (turn.text.includes("wait")) return yield* turn.interrupted
      yield* turn.complete
    })
})

/** Two threads, commands in any order, agents that act at any point between them, and the snapshots that a page may start from. */
const history = Effect.gen(function* () {
  const host = yield* TestHost.make({ providers: [agent] })
  const ids: Array<ThreadId> = []
  for (const text of ["hello", "ask"]) ids.push((yield* TestHost.begin(host, text)).threadId)
  const places: Array<{
    readonly world: AppState.AppState
    readonly transcript: Transcript.Transcript
  }> = []
  const look = Effect.gen(function* () {
    const threadId = ids[0] as ThreadId
    const world = AppState.fromSnapshot(yield* host.state)
    const items = yield* host.items(threadId, { limit: 5 })
    yield* Effect.yieldNow()
    places.push({ world, transcript: Transcript.make(threadId, items, yield* host.turns(threadId, {})) })
  })
  const texts = ["hello", "ask", "fail", "die", "wait"] as const
  for (let step = 0; step < 14; step++) {
    const threadId = ids[yield* Random.nextIntBetween(0, 2)] as ThreadId
    const thread = yield* host.thread(threadId)
    const text = texts[yield* Random.nextIntBetween(0, texts.length)] as string
    const queued = thread.queuedTurnIds[0]
    const request = thread.openRequestIds[0]
    const possible: ReadonlyArray<Command | undefined> = [
      command("turn.start", { threadId, text, strategy: "enqueue" }),
      command("turn.start", { threadId, text, strategy: "steer" }),
      command("turn.start", { threadId, text, strategy: "interrupt" }),
      command("turn.interrupt", { threadId }),
      command("thread.rename", { threadId, title: text }),
      command(thread.archived ? "thread.unarchive" : "thread.archive", { threadId }),
      command("session.stop", { threadId }),
      command("project.update", { projectId: thread.projectId, title: text }),
      command("project.update", { projectId: thread.projectId, setup: text.length % 2 === 0 ? null : `: ${text}` }),
      request && command("request.answer", { requestId: request, decision: "accept" }),
      queued && command("turn.edit", { threadId, turnId: queued, text: "edited" }),
      queued && command("turn.remove", { threadId, turnId: queued }),
      queued && command("turn.reorder", { threadId, turnIds: thread.queuedTurnIds.toReversed() }),
      queued && command("turn.promote", { threadId, turnId: queued })
    ]
    const next = possible[yield* Random.nextIntBetween(0, possible.length)]
    if (next !== undefined) yield* Effect.ignore(host.dispatch(next))
    for (let n = yield* Random.nextIntBetween(0, 20); n > 0; n--) yield* Effect.yieldNow()
    yield* look
  }
  const threadId = ids[0] as ThreadId
  const state = yield* host.state
  const items = yield* host.items(threadId, { limit: 500 })
  const turns = yield* host.turns(threadId, { limit: 500 })
  const last = Math.max(state.offset, items.offset ?? 0, turns.offset ?? 0)
  const events = yield* host.follow({}).pipe(
    Stream.takeUntil((frame) => frame._tag === "event" && frame.event.offset >= last),
    Stream.runCollect,
    Effect.map(TestHost.events)
  )
  return { places, events, state, items, turns }
})

type Told = Effect.Effect.Success<typeof history>

/** One history per seed, shared by the checks. */
const seeds = 40
const histories = new Map<number, Told>()
const tell = (seed: number): Told => {
  const known = histories.get(seed)
  if (known !== undefined) return known
  const { exit } = simulate(seed, Effect.scoped(history))
  if (typeof exit === "string" || !Exit.isSuccess(exit)) throw new Error(`seed ${seed}: ${String(exit)}`)
  histories.set(seed, exit.value)
  return exit.value
}

const run = (check: (told: Told) => void) => {
  for (let seed = 1; seed <= seeds; seed++) {
    try {
      check(tell(seed))
    } catch (cause) {
      throw new Error(`seed ${seed}`, { cause })
    }
  }
}

it("D2 L11 a snapshot at any offset and the events after it fold to the snapshot at the head (40 seeds)", () =>
  run(({ events, places, state }) => {
    for (const { world } of places) {
      const folded = AppState.applyAll(
        world,
        events.filter(({ offset }) => offset <= state.offset)
      )
      expect(folded.offset).toBe(state.offset)
      expect(folded.projects).toEqual(AppState.fromSnapshot(state).projects)
      expect(folded.requests).toEqual(AppState.fromSnapshot(state).requests)
      for (const thread of Object.values(AppState.fromSnapshot(state).threads)) {
        // A thread that was archived at that offset is not in its snapshot.
        const { failed: _, ...mine } = folded.threads[thread.threadId] ?? { failed: false }
        const { failed: _f, ...shown } = thread
        if (world.threads[thread.threadId] !== undefined) expect(mine).toEqual(shown)
      }
    }
  }))

it.effect("L11 labels and metadata fold to those of the snapshot", () =>
  Effect.gen(function* () {
    const host = yield* TestHost.make()
    const empty = AppState.fromSnapshot(yield* host.state)
    const begun = yield* host.dispatch(command("thread.create", { provider: "scripted", cwd: "/work", labels: ["a", "b"] }))
    const threadId = begun.threadId as ThreadId
    yield* host.dispatch(command("thread.configure", { threadId, labels: ["c"], metadata: { k: "v" } }))
    const state = yield* host.state
    const events = yield* host.follow({}).pipe(
      Stream.takeUntil((frame) => frame._tag === "event" && frame.event.offset >= state.offset),
      Stream.runCollect,
      Effect.map(TestHost.events)
    )
    expect(AppState.applyAll(empty, events).threads).toEqual(AppState.fromSnapshot(state).threads)
    expect(state.threads).toMatchObject([{ labels: ["c"], metadata: { k: "v" } }])
  }).pipe(Effect.scoped)
)

it.effect("D2 L11 a thread that is imported again, with more in it, folds to the snapshot", () =>
  Effect.gen(function* () {
    const host = yield* TestHost.make()
    const { threadId } = yield* TestHost.begin(host, "one")
    yield* TestHost.until(host, "turn.completed")
    const written = Effect.suspend(() => host.exportThread(threadId, "ndjson")).pipe(
      Effect.flatMap(Stream.runCollect),
      Effect.map(Chunk.join(""))
    )
    const take = (text: string) => host.importThread({ source: Stream.make(new TextEncoder().encode(text)) })
    const first = yield* take(yield* written)
    const world = AppState.fromSnapshot(yield* host.state)
    yield* host.dispatch(command("turn.start", { threadId, text: "two" }))
    yield* host.follow({}).pipe(
      Stream.filter((frame) => frame._tag === "event" && frame.event.type === "turn.completed"),
      Stream.take(2),
      Stream.runDrain
    )
    yield* TestClock.adjust("1 minute")
    expect(yield* take(yield* written)).toMatchObject({ threadId: first.threadId, created: false, turns: 2 })
    const state = yield* host.state
    const events = yield* host.follow({}).pipe(
      Stream.takeUntil((frame) => frame._tag === "event" && frame.event.offset >= state.offset),
      Stream.runCollect,
      Effect.map(TestHost.events)
    )
    expect(events.filter(({ type }) => type === "item.imported").length).toBeGreaterThan(1)
    expect(AppState.applyAll(world, events).threads).toEqual(AppState.fromSnapshot(state).threads)
  }).pipe(Effect.scoped)
)

it("D14 T9 any page of a thread and the events after it fold to its last page, each event once (40 seeds)", () =>
  run(({ events, items, places, turns }) => {
    for (const { transcript } of places) {
      // Events before the page are folded again, as in a tab that lags. They change nothing.
      const foldTo = (offset: number) => {
        for (const event of [...events, ...events])
          if (event.stream === `thread/${transcript.threadId}` && event.offset <= offset) Transcript.apply(transcript, event)
      }
      // The two last pages are read at two offsets.
      foldTo(items.offset ?? 0)
      const shown = transcript.order.map((itemId) => transcript.items.get(itemId)?.value)
      expect(shown).toEqual(items.items.toReversed().slice(-shown.length))
      foldTo(turns.offset ?? 0)
      expect(transcript.turnOrder.map((turnId) => transcript.turns.get(turnId)?.value)).toEqual(turns.items.toReversed())
    }
  }))

it("D14 older pages are prepended, and the rows have each item and each end once", () =>
  run(({ items, places, turns }) => {
    const transcript = places.at(-1)?.transcript
    if (transcript === undefined) return
    Transcript.addItems(transcript, { ...items, items: items.items.slice(transcript.order.length) })
    const rows = Transcript.rows(transcript)
    expect(new Set(rows.map(({ key }) => key)).size).toBe(rows.length)
    expect(rows.filter(({ kind }) => kind === "item").length).toBe(transcript.order.length)
    const ended = turns.items.filter(({ turnId }) => {
      const status = transcript.turns.get(turnId)?.value.status
      return status === "completed" || status === "failed" || status === "interrupted"
    })
    expect(rows.filter(({ kind }) => kind === "end").length).toBe(ended.length)
  }))

it("the rows of a sub-agent's items follow the tool call that started it, also when they come after later turns", () => {
  const of = { threadId: ThreadId.make("thr_a"), status: "completed" as const }
  const item = (n: number, turn: number, kind: string, parent?: number) => ({
    ...of,
    turnId: TurnId.make(`trn_${turn}`),
    itemId: ItemId.make(`itm_${n}`),
    kind,
    ...(parent === undefined ? {} : { parentItemId: ItemId.make(`itm_${parent}`) })
  })
  const items = [
    item(1, 1, "tool-call"),
    item(2, 1, "tool-call", 1),
    item(3, 1, "agent-message"),
    item(4, 2, "agent-message"),
    item(5, 1, "command", 2),
    item(6, 1, "agent-message", 1),
    // One parent is not loaded, one item names a later item as its parent. Both items are shown at the top level.
    item(7, 2, "command", 99),
    item(8, 2, "command", 9),
    item(9, 2, "command", 8)
  ]
  const transcript = Transcript.make(of.threadId, { items: items.toReversed() }, { items: [] })
  const shown = Transcript.rows(transcript).flatMap((row) =>
    row.kind === "item" ? [`${row.item.itemId} ${row.depth ?? 0}`] : []
  )
  expect(shown).toEqual(["itm_1 0", "itm_2 1", "itm_5 2", "itm_6 1", "itm_3 0", "itm_4 0", "itm_7 0", "itm_8 0", "itm_9 1"])
})
