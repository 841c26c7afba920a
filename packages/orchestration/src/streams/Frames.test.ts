import { expect, it } from "@effect/vitest"
import type { Frame } from "@millrace/contracts/Frame"
import { type ProjectId, projectStream, type StreamName, threadStream, type ThreadId } from "@millrace/contracts/Ids"
import { EventLog } from "@millrace/log/EventLog"
import * as InProcess from "@millrace/testing/InProcess"
import * as Kit from "@millrace/testing/Orchestration"
import * as ScriptedProvider from "@millrace/testing/ScriptedProvider"
import { Chunk, Deferred, Effect, Fiber, Stream } from "effect"
import { Engine } from "../engine/Engine.ts"
import * as Views from "../readmodel/Views.ts"

const create = Kit.dispatch("thread.create", { provider: "scripted", cwd: "/work", turn: { text: "hello" } })
const follow = (options: { readonly stream?: StreamName; readonly after?: string }) =>
  Stream.unwrap(Effect.map(EventLog, (log) => InProcess.follow(log, options)))
const collect = <E, R>(frames: Stream.Stream<Frame, E, R>) => Effect.map(Stream.runCollect(frames), Chunk.toReadonlyArray)
const tags = (frames: ReadonlyArray<Frame>) => frames.map((frame) => (frame._tag === "event" ? frame.event.type : frame._tag))
const quiet = Effect.zipRight(
  Kit.eventually((event) => event.type === "session.state.changed" && (event.data as { status: string }).status === "ready"),
  Effect.flatMap(Engine, (engine) => engine.drain)
)

it.effect("D2 D6 a subscriber resumes anywhere without gap or repeat, and gets caught-up once", () =>
  Effect.gen(function* () {
    yield* create
    yield* quiet
    const head = yield* Effect.flatMap(EventLog, (log) => log.head)
    const all = yield* collect(follow({}).pipe(Stream.take(head + 1)))
    expect(tags(all).filter((tag) => tag === "caught-up")).toHaveLength(1)
    expect(all.at(-1)).toEqual({ _tag: "caught-up", head, replayed: head, requests: 0 })
    for (let cut = 0; cut < head; cut++) {
      const frame = all[cut]!
      if (frame._tag !== "event") throw new Error("an event was expected")
      const rest = yield* collect(follow({ after: frame.cursor }).pipe(Stream.take(head - cut)))
      expect(rest).toEqual([...all.slice(cut + 1, head), { _tag: "caught-up", head, replayed: head - cut - 1, requests: 0 }])
    }
  }).pipe(Effect.provide(Kit.layer()))
)

it.effect("D1 live events follow the replay in order", () =>
  Effect.gen(function* () {
    const follower = yield* Effect.fork(
      collect(follow({}).pipe(Stream.takeUntil((frame) => frame._tag === "event" && frame.event.type === "turn.completed")))
    )
    yield* create
    const frames = yield* Fiber.join(follower)
    const offsets = frames.flatMap((frame) => (frame._tag === "event" ? [frame.event.offset] : []))
    expect(offsets).toEqual(offsets.map((_, at) => at + 1))
    expect(tags(frames).filter((tag) => tag === "caught-up")).toHaveLength(1)
  }).pipe(Effect.provide(Kit.layer()))
)

it.effect("D13 the stream of a deleted thread ends: seen, resumed before it, and resumed after it", () =>
  Effect.gen(function* () {
    const { threadId } = yield* create
    const stream = threadStream(threadId as ThreadId)
    const live = yield* Effect.fork(collect(follow({ stream })))
    yield* quiet
    yield* Kit.dispatch("thread.delete", { threadId: threadId as ThreadId })
    const frames = yield* Fiber.join(live)
    expect(tags(frames).slice(-2)).toEqual(["thread.deleted", "end"])
    expect(frames.every((frame) => frame._tag !== "event" || frame.event.stream === stream)).toBe(true)
    const again = yield* collect(follow({ stream }))
    expect(tags(again).slice(-3)).toEqual(["thread.deleted", "caught-up", "end"])
    const last = frames.findLast((frame) => frame._tag === "event")
    const after = last?._tag === "event" ? last.cursor : ""
    expect(tags(yield* collect(follow({ stream, after })))).toEqual(["caught-up", "end"])
    yield* create
    expect(tags(yield* collect(follow({ stream, after })))).toEqual(["caught-up", "end"])
    expect(yield* Effect.flip((yield* Views.Views).thread(threadId as ThreadId))).toMatchObject({ _tag: "NotFound" })
  }).pipe(Effect.provide(Kit.layer()))
)

it.effect("D13 the stream of a deleted project ends: seen, and resumed after it", () =>
  Effect.gen(function* () {
    const { projectId } = yield* Kit.dispatch("project.create", { cwd: "/work" })
    const stream = projectStream(projectId as ProjectId)
    const here = yield* Deferred.make<void>()
    const arrive = (frame: Frame) => (frame._tag === "caught-up" ? Deferred.succeed(here, undefined) : Effect.void)
    const live = yield* Effect.fork(collect(follow({ stream }).pipe(Stream.tap(arrive))))
    yield* Deferred.await(here)
    yield* Kit.dispatch("project.delete", { projectId: projectId as ProjectId })
    expect(tags(yield* Fiber.join(live)).slice(-2)).toEqual(["project.deleted", "end"])
    expect(tags(yield* collect(follow({ stream }))).slice(-3)).toEqual(["project.deleted", "caught-up", "end"])
  }).pipe(Effect.provide(Kit.layer()))
)

it.effect("D6 caught-up counts the open requests: of the followed stream, or all", () =>
  Effect.gen(function* () {
    const { threadId: first } = yield* create
    yield* create
    yield* Kit.eventually(Kit.ofType("request.opened"), 2)
    const requests = (stream?: StreamName) =>
      collect(
        follow(stream === undefined ? {} : { stream }).pipe(
          Stream.filter((frame) => frame._tag === "caught-up"),
          Stream.take(1)
        )
      )
    expect(yield* requests(threadStream(first as ThreadId))).toMatchObject([{ requests: 1 }])
    expect(yield* requests()).toMatchObject([{ requests: 2 }])
  }).pipe(
    Effect.provide(
      Kit.layer({
        providers: [
          ScriptedProvider.make({
            turn: (turn) =>
              Effect.zipRight(turn.start, turn.ask({ kind: "approval", title: "Run: ls", choices: ["accept", "decline"] }))
          })
        ]
      })
    )
  )
)

it.effect("D14 a client that joins in the middle of an item reads all of it, then follows", () =>
  Effect.gen(function* () {
    const views = yield* Views.Views
    const { threadId } = yield* create
    yield* Kit.eventually(Kit.ofType("item.delta"), 2)
    const page = yield* views.items(threadId as ThreadId, {})
    expect(page.items[0]).toMatchObject({ status: "open", text: `${"a".repeat(9000)}${"b".repeat(9000)}` })
  }).pipe(
    Effect.provide(
      Kit.layer({
        providers: [
          ScriptedProvider.make({
            turn: (turn) =>
              Effect.gen(function* () {
                const item = { turnId: turn.turnId, itemId: yield* turn.newItem, kind: "agent-message" }
                yield* turn.start
                yield* turn.emit({ _tag: "ItemStarted", ...item, content: {} })
                yield* turn.emit({ _tag: "ItemDelta", ...item, text: "a".repeat(9000) })
                yield* turn.emit({ _tag: "ItemDelta", ...item, text: "b".repeat(9000) })
                return yield* Effect.never
              })
          })
        ]
      })
    )
  )
)

it.effect("D10 pages are bounded, newest first, and continue without gap", () =>
  Effect.gen(function* () {
    const { threadId } = yield* create
    for (let n = 0; n < 30; n++) yield* Kit.dispatch("turn.start", { threadId: threadId as ThreadId, text: `turn ${n}` })
    yield* Kit.eventually(Kit.ofType("turn.completed"), 31)
    const views = yield* Views.Views
    const seen: Array<string> = []
    let before: number | undefined
    do {
      const page = yield* views.turns(threadId as ThreadId, { limit: 7, ...(before === undefined ? {} : { before }) })
      expect(page.items.length).toBeLessThanOrEqual(7)
      seen.push(...page.items.map((turn) => turn.text))
      before = page.before
    } while (before !== undefined)
    expect(seen).toEqual([...Array.from({ length: 30 }, (_, n) => `turn ${29 - n}`), "hello"])
  }).pipe(Effect.provide(Kit.layer()))
)
