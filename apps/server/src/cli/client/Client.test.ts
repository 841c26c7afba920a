/** The client against the real server, over both transports. */
import { describe, expect, it } from "@effect/vitest"
import { Chunk, Effect, Option, Random, Schedule, type Scope, Stream } from "effect"
import * as Client from "@millrace/client/Client"
import * as Follow from "@millrace/client/Follow"
import * as HttpTransport from "@millrace/client/HttpTransport"
import * as NodeWebSocket from "@millrace/client/NodeWebSocket"
import * as RpcTransport from "@millrace/client/RpcTransport"
import type { Transport } from "@millrace/client/Transport"
import { ThreadId } from "@millrace/contracts/Ids"
import { cuttingProxy } from "../../../test/support/CuttingProxy.ts"
import * as Fixture from "../../../test/support/Fixture.ts"

type Make = (url: string, token: string) => Effect.Effect<Transport, never, Scope.Scope>
const transports: ReadonlyArray<readonly [string, Make]> = [
  ["SSE", (url, token) => Effect.succeed(HttpTransport.make({ url, token }))],
  ["RPC", (url, token) => RpcTransport.make({ url: `${url.replace("http", "ws")}/rpc`, webSocket: NodeWebSocket.open(token) })]
]
const quick: Follow.Options = { schedule: Schedule.spaced("1 millis") }

describe.each(transports)("client over %s", (_, make) => {
  it.live("D2 cut repeatedly at random bytes while events are written: the history is the log, once, in order", () =>
    Effect.gen(function* () {
      const fixture = yield* Fixture.start()
      const random = yield* Random.next.pipe(
        Effect.replicateEffect(500),
        Effect.withRandom(Random.make(11)),
        Effect.map((values) => {
          let n = 0
          return () => values[n++ % values.length] ?? 0
        })
      )
      const proxy = yield* cuttingProxy(fixture.server.port, 25, random)
      const transport = yield* make(`http://127.0.0.1:${proxy.port}`, fixture.token)
      const total = 600
      const append = Effect.forEach(
        Array.from({ length: total / 20 }, (_, n) => n),
        (n) =>
          Effect.zipRight(
            fixture.append(
              ...Array.from({ length: 20 }, (_, i) => Fixture.event(n * 20 + i, `thread/thr_${i % 2 === 0 ? "a" : "b"}`))
            ),
            Effect.yieldNow()
          ),
        { discard: true }
      )
      const follow = (stream?: "thread/thr_a") => {
        let count = 0
        return Follow.follow(transport, stream === undefined ? {} : { stream }, quick).pipe(
          Stream.filterMap((frame) => (frame._tag === "event" ? Option.some(frame.event) : Option.none())),
          Stream.takeUntil(() => ++count >= (stream === undefined ? total : total / 2)),
          Stream.runCollect,
          Effect.map(Chunk.toReadonlyArray)
        )
      }
      const [whole, filtered] = yield* Effect.all([follow(), follow("thread/thr_a"), append], { concurrency: 3 })
      const page = yield* fixture.log.read({ after: 0, limit: total, maxBytes: 10_000_000 })
      expect(whole.map((event) => JSON.stringify(event))).toEqual(page.events.map(({ json }) => json))
      expect(filtered.map((event) => JSON.stringify(event))).toEqual(
        page.events.filter(({ stream }) => stream === "thread/thr_a").map(({ json }) => json)
      )
      expect(proxy.cuts()).toBeGreaterThan(5)
    }).pipe(Effect.scoped, Fixture.fair)
  )

  it.live("C1 D3 commands, queries and typed errors arrive", () =>
    Effect.gen(function* () {
      const fixture = yield* Fixture.start()
      const client = Client.make(yield* make(fixture.url, fixture.token), { follow: quick })
      const command = yield* Client.command("thread.delete", { threadId: ThreadId.make("thr_a") })
      expect(yield* client.dispatch(command)).toMatchObject({ status: "accepted", commandId: command.commandId })
      expect(yield* client.state).toMatchObject({ offset: 0, threads: [] })
      expect(yield* Effect.flip(client.thread(ThreadId.make("thr_nope")))).toMatchObject({ _tag: "NotFound", id: "thr_nope" })
      const foreign = `${"0".repeat(26)}-3`
      expect(yield* Effect.flip(Stream.runDrain(client.follow({ after: foreign })))).toMatchObject({ _tag: "CursorForeign" })
      const ahead = `${fixture.log.epoch}-9`
      expect(yield* Effect.flip(Stream.runDrain(client.follow({ after: ahead })))).toMatchObject({ _tag: "CursorAhead" })
      expect(yield* Effect.flip(Stream.runDrain(client.follow({ after: "x" })))).toMatchObject({ _tag: "CursorMalformed" })
      const stranger = yield* make(fixture.url, "mlr_wrong")
      expect(yield* Effect.flip(stranger.state)).toMatchObject({ _tag: "Unauthorized" })
      expect(yield* Effect.flip(Stream.runDrain(stranger.follow({})))).toMatchObject({ _tag: "Unauthorized" })
      const nobody = yield* make("http://127.0.0.1:9", fixture.token)
      expect(yield* Effect.flip(nobody.state)).toMatchObject({ _tag: "Disconnected" })
    }).pipe(Effect.scoped, Fixture.fair)
  )

  it.live("S9 a draining server sends bye, and its cursor continues", () =>
    Effect.gen(function* () {
      const fixture = yield* Fixture.start()
      const transport = yield* make(fixture.url, fixture.token)
      yield* fixture.append(Fixture.event(1), Fixture.event(2))
      const frames = yield* transport.follow({}).pipe(
        Stream.tap((frame) => (frame._tag === "caught-up" ? Effect.forkDaemon(fixture.server.drain("1 minute")) : Effect.void)),
        Stream.takeUntil((frame) => frame._tag === "bye"),
        Stream.runCollect,
        Effect.map(Chunk.toReadonlyArray)
      )
      expect(frames.map((frame) => frame._tag)).toEqual(["event", "event", "caught-up", "bye"])
      expect(frames.at(-1)).toMatchObject({ resumeAfter: `${fixture.log.epoch}-2` })
    }).pipe(Effect.scoped, Fixture.fair)
  )
})
