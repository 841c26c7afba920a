/** `types=` and `stream=` on every transport: the same events, once, in order; positions also count the filtered-out events. */
import { expect, it } from "@effect/vitest"
import { Chunk, Effect, Fiber, Stream } from "effect"
import * as Client from "@millrace/client/Client"
import * as HttpTransport from "@millrace/client/HttpTransport"
import * as NodeWebSocket from "@millrace/client/NodeWebSocket"
import * as RpcTransport from "@millrace/client/RpcTransport"
import type { Frame } from "@millrace/contracts/Frame"
import type { NewEvent } from "@millrace/log/EventLog"
import { start } from "./support/Fixture.ts"

const event = (stream: string, type: string): NewEvent => ({ stream, type, at: "2026-11-20T09:00:00.000Z", epoch: 1, data: {} })
const past = [
  event("thread/thr_a", "turn.requested"),
  event("thread/thr_b", "turn.requested"),
  event("thread/thr_a", "item.delta"),
  event("thread/thr_c", "turn.completed"),
  event("thread/thr_b", "item.delta")
]
const later = [
  event("thread/thr_c", "turn.completed"),
  event("thread/thr_a", "item.delta"),
  event("thread/thr_b", "turn.completed")
]
const offsets = (body: string) => (JSON.parse(body) as ReadonlyArray<{ offset: number }>).map(({ offset }) => offset)

it.scopedLive("D4 a page has the events of the types and the streams that are named, and its header counts all offsets", () =>
  Effect.gen(function* () {
    const { append, call } = yield* start()
    yield* append(...past)
    const cases: ReadonlyArray<readonly [string, ReadonlyArray<number>, string]> = [
      ["types=turn.*", [1, 2, 4], "5"],
      ["types=turn.completed,item.delta", [3, 4, 5], "5"],
      ["types=turn.*&since=0&limit=2", [1, 2], "2"],
      ["types=turn.*&since=2&limit=2", [4], "5"],
      ["types=session.*&since=0", [], "5"],
      ["stream=thread/thr_a&stream=thread/thr_c", [1, 3, 4], "5"],
      ["stream=thread/thr_a&stream=thread/thr_c&types=turn.*&since=0", [1, 4], "5"],
      ["stream=thread/thr_a&types=item.*&since=0", [3], "5"],
      ["stream=thread/thr_a&stream=thread/thr_a&since=0", [1, 3], "5"]
    ]
    for (const [query, expected, index] of cases) {
      const answer = yield* call(`/api/events?${query}`)
      expect([query, answer.status, offsets(answer.body), answer.headers["x-millrace-last-idx"]]).toEqual([
        query,
        200,
        expected,
        index
      ])
    }
    // Two filters of one range are two pages with two tags.
    const tag = (query: string) => Effect.map(call(`/api/events?since=0&limit=1&${query}`), ({ headers }) => headers["etag"])
    expect(yield* tag("types=turn.*")).not.toBe(yield* tag("types=turn.requested"))
    const waiting = yield* Effect.fork(call("/api/events?since=5&wait=20&types=turn.*&stream=thread/thr_a&stream=thread/thr_b"))
    for (const one of later) yield* append(one)
    const woken = yield* Fiber.join(waiting)
    expect([offsets(woken.body), woken.headers["x-millrace-last-idx"]]).toEqual([[8], "8"])
  })
)

for (const [name, over] of [
  ["SSE", (at: { url: string; token: string }) => Effect.succeed(HttpTransport.make(at))],
  [
    "RPC",
    ({ token, url }: { url: string; token: string }) =>
      RpcTransport.make({ url: `${url.replace("http", "ws")}/rpc`, webSocket: NodeWebSocket.open(token) })
  ]
] as const)
  it.scopedLive(
    `D2 a subscriber over ${name} gets the events of its filter once, in order, past and live, and resumes among them`,
    () =>
      Effect.gen(function* () {
        const fixture = yield* start()
        for (const id of ["thr_a", "thr_b", "thr_c"]) fixture.fake.threads.add(id)
        const client = Client.make(yield* over(fixture))
        yield* fixture.append(...past)
        const filter = { types: ["turn.*"], stream: ["thread/thr_a", "thread/thr_b"] as const }
        const following = yield* client.follow(filter).pipe(
          Stream.tap((frame: Frame) => (frame._tag === "caught-up" ? fixture.append(...later) : Effect.void)),
          Stream.takeUntil((frame) => frame._tag === "event" && frame.event.offset === 8),
          Stream.runCollect
        )
        const received = Chunk.toReadonlyArray(following).flatMap((frame) =>
          frame._tag === "event"
            ? [String(frame.event.offset)]
            : frame._tag === "caught-up"
              ? [`caught up, ${frame.replayed}`]
              : []
        )
        expect(received).toEqual(["1", "2", "caught up, 2", "8"])
        const again = yield* client.follow({ ...filter, after: `${fixture.log.epoch}-1` }).pipe(
          Stream.takeUntil((frame) => frame._tag === "caught-up"),
          Stream.runCollect
        )
        expect(Chunk.toReadonlyArray(again)).toMatchObject([
          { event: { offset: 2 } },
          { event: { offset: 8 } },
          { _tag: "caught-up", replayed: 2, head: 8 }
        ])
      })
  )

it.scopedLive("D13 a subscription to several streams ends when none of them can have more events", () =>
  Effect.gen(function* () {
    const fixture = yield* start()
    for (const id of ["thr_a", "thr_b"]) fixture.fake.threads.add(id)
    const client = Client.make(HttpTransport.make(fixture))
    yield* fixture.append(...past)
    const frames = yield* client.follow({ stream: ["thread/thr_a", "thread/thr_b"], types: ["turn.*"] }).pipe(
      Stream.tap((frame) =>
        frame._tag === "caught-up"
          ? fixture.append(event("thread/thr_a", "thread.deleted"), event("thread/thr_b", "thread.deleted"))
          : Effect.void
      ),
      Stream.runCollect
    )
    expect(Chunk.toReadonlyArray(frames).map(({ _tag }) => _tag)).toEqual(["event", "event", "caught-up", "end"])
  })
)
