/**
 * One contract for every transport of the log (D9): the same scenarios in process, over SSE, over WebSocket RPC and by polling. Each history is compared
 * with the log byte for byte, so all of them are equal.
 */
import { describe, expect, it, layer } from "@effect/vitest"
import { Deferred, Effect, Fiber, Random, Stream } from "effect"
import type { FollowError } from "@millrace/client/Follow"
import { format } from "@millrace/contracts/Cursor"
import type { EventFrame, Frame } from "@millrace/contracts/Frame"
import type { StreamName } from "@millrace/contracts/Ids"
import type { Hosted } from "../support/Hosted.ts"
import * as Transports from "./Transports.ts"
import * as World from "./World.ts"

type History = ReadonlyArray<readonly [cursor: string, json: string]>

/** The events of the log as committed. */
const committed = ({ log }: Hosted, stream?: StreamName, after = 0): Effect.Effect<History> =>
  log.read({ after, limit: 1_000_000, maxBytes: 1e9, ...(stream !== undefined && { stream }) }).pipe(
    Effect.map(({ events }) => events.map(({ json, offset }) => [format(log.epoch, offset), json] as const)),
    Effect.orDie
  )
/** Events up to the end of the turn; later events of its session may not be committed yet. */
const toTerminal = (history: History): History =>
  history.slice(0, history.findIndex(([, json]) => json.includes('"type":"turn.completed"')) + 1)
const isEvent = (frame: Frame): frame is EventFrame => frame._tag === "event"
const events = (frames: ReadonlyArray<Frame>): History =>
  frames.filter(isEvent).map(({ cursor, event }) => [cursor, JSON.stringify(event)] as const)
const controls = (frames: ReadonlyArray<Frame>) => frames.filter((frame) => !isEvent(frame) && frame._tag !== "heartbeat")
const isType =
  (...types: ReadonlyArray<string>) =>
  (frame: Frame) =>
    isEvent(frame) && types.includes(frame.event.type)
const isTerminal = isType("turn.completed")
const isCaughtUp = ({ _tag }: Frame) => _tag === "caught-up"
/** The second delta of a talk: half of its answer. */
const isHalf = () => {
  let deltas = 0
  return (frame: Frame) => isType("item.delta")(frame) && ++deltas === 2
}
const isOffset = (offset: number) => (frame: Frame) => isEvent(frame) && frame.event.offset === offset

/** All frames up to the first one that satisfies the predicate. `seen` has them while they arrive. */
const read = (
  frames: Stream.Stream<Frame, FollowError>,
  isLast: (frame: Frame) => boolean,
  seen: Array<Frame> = []
): Effect.Effect<ReadonlyArray<Frame>, FollowError> =>
  frames.pipe(
    Stream.takeUntil(isLast),
    Stream.runForEach((frame) => Effect.sync(() => seen.push(frame))),
    Effect.as(seen)
  )

/** The same in a background fiber. Returns after `caught-up`, where the transport emits it. */
const reading = (
  { follow, speaks }: Transports.Transport,
  world: Hosted,
  request: Transports.Request,
  isLast: (frame: Frame) => boolean
) =>
  Effect.gen(function* () {
    const attached = yield* Deferred.make<void>()
    const frames = Stream.tap(follow(world, request), (frame) =>
      isCaughtUp(frame) ? Deferred.succeed(attached, undefined) : Effect.void
    )
    const fiber = yield* Effect.fork(read(frames, isLast))
    if (speaks) yield* Deferred.await(attached)
    return fiber
  })

/** A talk whose turn has ended. */
const finished = Effect.gen(function* () {
  const world = yield* World.World
  const talk = yield* world.halfway
  yield* talk.release
  yield* world.over(talk)
  return talk
})

/** Cut after a random number of bytes, counted from the handshake, and resumed by the last cursor; not cut any more after a number of cuts. */
const cutAgainAndAgain = (
  follow: (after: string | undefined, cutAfter: number | undefined) => Stream.Stream<Frame, FollowError>,
  isLast: (frame: Frame) => boolean,
  cuts: number
) =>
  Effect.gen(function* () {
    const seen: Array<Frame> = []
    for (let cut = 0; !seen.some(isLast); cut++) {
      const bytes = cut < cuts ? Math.ceil(2 ** (yield* Random.nextRange(0, 16))) : undefined
      // Frames that arrived in one chunk with the last one are not read.
      yield* Effect.catchTag(read(follow(seen.findLast(isEvent)?.cursor, bytes), isLast, seen), "Disconnected", () => Effect.void)
      if (cut > cuts) return yield* Effect.dieMessage("uncut, and still without its end")
    }
    return seen
  }).pipe(Effect.withRandom(Random.make("cuts")))

layer(World.layer, { excludeTestServices: true })("a server", (it) => {
  describe.each(Transports.all)("$name", (transport) => {
    const { follow, name, speaks } = transport
    it.effect("D9 D2 a replay of the whole log, and of one stream, equals the log byte for byte", () =>
      Effect.gen(function* () {
        const world = yield* World.World
        const talk = yield* finished
        const head = yield* world.log.head
        const whole = yield* read(follow(world, {}), isOffset(head))
        expect(events(whole)).toEqual((yield* committed(world)).slice(0, head))
        expect(events(yield* read(follow(world, { stream: talk.stream }), isTerminal))).toEqual(
          toTerminal(yield* committed(world, talk.stream))
        )
      })
    )

    it.effect(
      "D14 a client that joins in mid-item gets all of it before live events; a second tab repeats nothing to the first",
      () =>
        Effect.gen(function* () {
          const world = yield* World.World
          const talk = yield* world.halfway
          const known = yield* committed(world, talk.stream)
          const request = { stream: talk.stream }
          const first = yield* reading(transport, world, request, isTerminal)
          // Other clients attach and leave meanwhile.
          for (let n = 0; n < 3; n++) expect(events(yield* read(follow(world, request), isHalf()))).toEqual(known)
          const second = yield* reading(transport, world, request, isTerminal)
          yield* talk.release
          const tabs = [yield* Fiber.join(first), yield* Fiber.join(second)]
          const all = toTerminal(yield* committed(world, talk.stream))
          expect(all.length).toBeGreaterThan(known.length)
          for (const tab of tabs) {
            expect(events(tab)).toEqual(all)
            // Both attached in the middle, independently of each other.
            if (speaks) expect(controls(tab)).toMatchObject([{ _tag: "caught-up", replayed: known.length, requests: 0 }])
            if (speaks) expect(tab.findIndex(isCaughtUp)).toBe(known.length)
          }
        })
    )

    it.effect("D1 D5 the live tail: a client at the head gets each new event with its id", () =>
      Effect.gen(function* () {
        const world = yield* World.World
        const head = yield* world.log.head
        const after = format(world.log.epoch, head)
        const waiting = yield* reading(transport, world, { after }, isTerminal)
        yield* finished
        const frames = yield* Fiber.join(waiting)
        const all = yield* committed(world, undefined, head)
        expect(events(frames)).toEqual(all.slice(0, events(frames).length))
        expect(new Set(frames.filter(isEvent).map(({ cursor }) => cursor)).size).toBe(events(frames).length)
        if (speaks) expect(frames[0]).toMatchObject({ _tag: "caught-up", head, replayed: 0 })
      })
    )

    it.effect("D6 a reconnect delivers missed events at once, without a new event", () =>
      Effect.gen(function* () {
        const world = yield* World.World
        const talk = yield* world.halfway
        const seen = yield* read(follow(world, { stream: talk.stream }), isType("item.started"))
        yield* talk.release
        yield* world.over(talk)
        const after = seen.findLast(isEvent)?.cursor ?? ""
        const frames = yield* read(follow(world, { stream: talk.stream, after }), speaks ? isCaughtUp : isTerminal)
        const all = toTerminal(yield* committed(world, talk.stream))
        expect(events([...seen, ...frames]).slice(0, all.length)).toEqual(all)
        if (speaks) expect(frames.at(-1)).toMatchObject({ _tag: "caught-up", replayed: frames.length - 1, requests: 0 })
      })
    )

    it.effect("D2 cut at 25 random bytes and resumed while events are written: the concatenation is the log", () =>
      Effect.gen(function* () {
        const world = yield* World.World
        const talk = yield* world.flood(150)
        const { stream } = talk
        const seen = yield* cutAgainAndAgain(
          (after, cutAfter) => follow(world, { stream, ...(after !== undefined && { after }) }, cutAfter),
          isTerminal,
          25
        )
        expect(events(seen)).toEqual(toTerminal(yield* committed(world, stream)))
        expect(events(seen).length).toBeGreaterThan(450)
      })
    )

    it.effect(
      "D13 L14 one stream under a flood of others delivers its terminal; after deletion it ends, also for later clients",
      () =>
        Effect.gen(function* () {
          const world = yield* World.World
          const talk = yield* world.halfway
          const { stream } = talk
          const other = yield* world.flood(100)
          const following = yield* reading(transport, world, { stream }, isTerminal)
          yield* world.over(other)
          yield* talk.release
          expect(events(yield* Fiber.join(following))).toEqual(toTerminal(yield* committed(world, stream)))
          const isEnd = speaks ? ({ _tag }: Frame) => _tag === "end" : isType("thread.deleted")
          const live = yield* reading(transport, world, { stream }, isEnd)
          yield* world.remove(talk)
          const all = yield* committed(world, stream)
          expect(all.at(-1)?.[1]).toContain('"thread.deleted"')
          for (const [, json] of all.slice(0, -1)) expect(json).toContain('"type":"log.forgotten"')
          // The events that were read before the deletion had content.
          const cursors = (list: ReadonlyArray<readonly [string, string]>) => list.map(([cursor]) => cursor)
          expect(cursors(events(yield* Fiber.join(live)))).toEqual(cursors(all))
          if (!speaks) return
          const late = yield* Stream.runCollect(follow(world, { stream }))
          expect(events([...late])).toEqual(all)
          expect(controls([...late])).toMatchObject([{ _tag: "caught-up", replayed: all.length }, { _tag: "end" }])
          const later = yield* Stream.runCollect(follow(world, { stream, after: all.at(-1)?.[0] ?? "" }))
          expect([...later]).toMatchObject([{ _tag: "caught-up", replayed: 0 }, { _tag: "end" }])
          const unknown = yield* Effect.either(Stream.runCollect(follow(world, { stream: "thread/thr_nobody" })))
          expect(unknown._tag === "Right" && controls([...unknown.right]).map(({ _tag }) => _tag)).toEqual(["caught-up", "end"])
        })
    )

    it.effect("D11 a client that disconnects in mid-turn cancels nothing, and gets the missed events later", () =>
      Effect.gen(function* () {
        const world = yield* World.World
        const talk = yield* world.halfway
        const { stream } = talk
        const seen = yield* read(follow(world, { stream }), isType("item.delta"))
        yield* talk.release
        yield* world.over(talk)
        const after = seen.findLast(isEvent)?.cursor ?? ""
        const rest = yield* read(follow(world, { stream, after }), isTerminal)
        expect(events([...seen, ...rest])).toEqual(toTerminal(yield* committed(world, stream)))
      })
    )

    if (speaks)
      it.effect("D6 caught-up has the count of open requests", () =>
        Effect.gen(function* () {
          const world = yield* World.World
          const talk = yield* world.asking
          expect((yield* read(follow(world, { stream: talk.stream }), isCaughtUp)).at(-1)).toMatchObject({ requests: 1 })
          yield* world.remove(talk)
          expect((yield* read(follow(world, { stream: talk.stream }), isCaughtUp)).at(-1)).toMatchObject({ requests: 0 })
        })
      )

    it.effect("D3 a cursor is valid, malformed, foreign or ahead, and the error has the epoch and the head of the log", () =>
      Effect.gen(function* () {
        const world = yield* World.World
        yield* finished
        const { epoch } = world.log
        const refused = (after: string) => Effect.flip(Stream.runDrain(follow(world, { after })))
        for (const [after, tag] of [
          ["nonsense", "CursorMalformed"],
          [`${epoch}-01`, "CursorMalformed"],
          [`${epoch}--1`, "CursorMalformed"],
          [`${"0".repeat(26)}-1`, "CursorForeign"],
          [`${epoch}-999999999`, "CursorAhead"]
        ] as const)
          expect([name, after, yield* refused(after)]).toMatchObject([
            name,
            after,
            { _tag: tag, logEpoch: epoch, head: expect.any(Number) }
          ])
        expect(events(yield* read(follow(world, { after: `${epoch}-2` }), isOffset(3)))).toEqual([(yield* committed(world))[2]])
      })
    )
  })
})

it.scopedLive("D3 a cursor below retention is expired on every transport, and a client without a cursor begins above it", () =>
  Effect.gen(function* () {
    const world = yield* World.make
    yield* Effect.provideService(finished, World.World, world)
    const { epoch, trim } = world.log
    yield* trim(3)
    for (const { follow, name, speaks } of Transports.all) {
      const refused = yield* Effect.flip(Stream.runDrain(follow(world, { after: format(epoch, 2) })))
      expect([name, refused]).toMatchObject([name, { _tag: "CursorExpired", logEpoch: epoch, head: expect.any(Number) }])
      const kept = toTerminal(yield* committed(world, undefined, 3))
      expect(events(yield* read(follow(world, { after: format(epoch, 3) }), isTerminal))).toEqual(kept)
      if (speaks) expect(events(yield* read(follow(world, {}), isTerminal))).toEqual(kept)
    }
  })
)
