/**
 * Hermes change 3371 (replay of running activity on reconnect, each frame once): the three cases of its design, and three defects that were found
 * there later. Each reader here is one subscription by cursor. What it must get is known independently: the versions of the thread
 * from 1 on, and the text that the agent sent.
 */
import type { EventFrame, Frame } from "@millrace/contracts/Frame"
import * as ScriptedProvider from "@millrace/testing/ScriptedProvider"
import * as TestHost from "@millrace/testing/TestHost"
import { describe, expect, it } from "@effect/vitest"
import { Chunk, Deferred, Effect, Fiber, Stream } from "effect"

/** An agent that streams half of its message, waits, and streams the rest. */
const halves = Effect.gen(function* () {
  const go = yield* Deferred.make<void>()
  const said = yield* Deferred.make<void>()
  const agent = ScriptedProvider.make({
    turn: (turn) =>
      Effect.gen(function* () {
        yield* turn.start
        yield* turn.say("one ", "two ")
        yield* Deferred.succeed(said, undefined)
        yield* Deferred.await(go)
        yield* turn.say("three ", "four ")
        yield* turn.complete
      })
  })
  const host = yield* TestHost.make({ providers: [agent] })
  const { cursor, threadId } = yield* TestHost.begin(host, "go")
  yield* Deferred.await(said)
  const follow = (after?: string) => host.follow({ stream: `thread/${threadId}`, ...(after === undefined ? {} : { after }) })
  return { host, go: Deferred.succeed(go, undefined), follow, cursor }
})
const isEvent = (frame: Frame): frame is EventFrame => frame._tag === "event"
const ended = (frame: Frame) => isEvent(frame) && frame.event.type === "turn.completed"
/** The last event of the session after the turn. */
const ready = (frame: Frame) =>
  isEvent(frame) &&
  frame.event.type === "session.state.changed" &&
  (frame.event.data as { readonly status: string }).status === "ready"
const read = <E>(frames: Stream.Stream<Frame, E>, last: (frame: Frame) => boolean = ended) =>
  Effect.map(Stream.runCollect(Stream.takeUntil(frames, last)), Chunk.toReadonlyArray)
const cursors = (frames: ReadonlyArray<Frame>) => frames.filter(isEvent).map(({ cursor }) => cursor)
/** The cursors of a reader that must have the whole turn: every version from 1 on, once, and each piece of the text, in order. */
const wholeOf = (frames: ReadonlyArray<Frame>) => {
  const events = frames.filter(isEvent).map(({ event }) => event)
  expect(events.map(({ version }) => version)).toEqual(events.map((_, at) => at + 1))
  const said = events.flatMap((event) => (event.type === "item.delta" ? [(event.data as { readonly text: string }).text] : []))
  expect(said.join("")).toBe("one two three four ")
  expect(events.filter(({ type }) => type === "turn.completed")).toHaveLength(1)
  return cursors(frames)
}
const caughtUp = (frame: Frame) => frame._tag === "caught-up"

describe("Hermes 3371", () => {
  it.scoped("D2 1 of 6: a late reader gets events from before its connection exactly once", () =>
    Effect.gen(function* () {
      const { follow, go, host } = yield* halves
      const late = yield* Effect.fork(read(follow()))
      yield* go
      const seen = wholeOf(yield* Fiber.join(late))
      const { offset } = yield* host.state
      expect(offset).toBeGreaterThanOrEqual(seen.length)
      expect(wholeOf(yield* read(follow()))).toEqual(seen)
    })
  )

  it.scoped("D1 2 of 6: events committed during the replay come once, after it", () =>
    Effect.gen(function* () {
      const { follow, go } = yield* halves
      const pull = yield* Stream.toPull(Stream.rechunk(follow(), 1))
      const first = Chunk.toReadonlyArray(yield* pull)
      yield* go
      yield* read(follow())
      const rest = [...first]
      while (!rest.some(ended)) rest.push(...Chunk.toReadonlyArray(yield* pull))
      expect(wholeOf(rest)).toEqual(wholeOf(yield* read(follow())))
    })
  )

  it.scoped("D14 3 of 6: a second tab in mid-turn gets all of it, and the first one gets no repeat", () =>
    Effect.gen(function* () {
      const { follow, go } = yield* halves
      const [one, two] = [yield* Effect.fork(read(follow())), yield* Effect.fork(read(follow()))]
      yield* go
      const [first, second] = [wholeOf(yield* Fiber.join(one)), wholeOf(yield* Fiber.join(two))]
      expect(second).toEqual(first)
    })
  )

  it.scoped("D2 4 of 6: a reader that reconnects after each event has the same history", () =>
    Effect.gen(function* () {
      const { follow, go } = yield* halves
      yield* go
      const whole = wholeOf(yield* read(follow()))
      for (let at = 0; at < whole.length - 1; at++) expect(cursors(yield* read(follow(whole[at])))).toEqual(whole.slice(at + 1))
    })
  )

  it.scoped("D5 5 of 6: the terminal of a turn has its own id: a reader that resumes just before it gets it", () =>
    Effect.gen(function* () {
      const { follow, go } = yield* halves
      yield* go
      const whole = wholeOf(yield* read(follow()))
      expect(cursors(yield* read(follow(whole.at(-2))))).toEqual([whole.at(-1)])
    })
  )

  it.scoped("D6 6 of 6: a reader that has everything gets caught-up once, and no event again", () =>
    Effect.gen(function* () {
      const { follow, go } = yield* halves
      yield* go
      let isOver = false
      const last = wholeOf(yield* read(follow(), (frame) => (isOver ||= ended(frame)) && ready(frame))).at(-1)
      const again = yield* read(follow(last), caughtUp)
      expect(cursors(again)).toEqual([])
      expect(again.filter(caughtUp)).toHaveLength(1)
    })
  )
})
