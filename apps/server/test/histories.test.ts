/** One thread and several clients, one of them cut repeatedly: all receive the same bytes in the same order. */
import { describe, expect, it } from "@effect/vitest"
import * as Client from "@millrace/client/Client"
import * as HttpTransport from "@millrace/client/HttpTransport"
import * as NodeWebSocket from "@millrace/client/NodeWebSocket"
import * as RpcTransport from "@millrace/client/RpcTransport"
import type { ThreadId } from "@millrace/contracts/Ids"
import { attach, type RawEvent } from "@millrace/testing/RawSse"
import { serve } from "@millrace/testing/ServerProcess"
import { temporaryDirectory } from "@millrace/testing/TemporaryDirectory"
import { Chunk, Effect, Fiber, Random, Stream } from "effect"

const seed = 20261120
const isTerminal = (event: RawEvent) => /"type":"turn\.(completed|interrupted|failed)"/.test(event.data)
/** Some clients do not wait for data that arrived in one chunk with the terminal event. */
const toTerminal = (events: ReadonlyArray<RawEvent>) => events.slice(0, events.findIndex(isTerminal) + 1)

describe("several clients of one thread", () => {
  it.live("D2 D9 two SSE clients, one RPC client and one that is cut at 50 random bytes get identical histories", () =>
    Effect.gen(function* () {
      const dataDir = yield* temporaryDirectory
      const server = yield* serve({ dataDir })
      const client = Client.make(HttpTransport.make(server))
      const { threadId } = yield* client.dispatch(yield* Client.command("thread.create", { provider: "demo", cwd: dataDir }))
      const stream = `thread/${threadId as ThreadId}` as const
      const url = `${server.url}/api/events?stream=${stream}`
      const toTheEnd = { url, token: server.token, until: (events: ReadonlyArray<RawEvent>) => events.some(isTerminal) }

      const first = yield* Effect.fork(attach(toTheEnd))
      const second = yield* Effect.fork(attach(toTheEnd))
      const overRpc = yield* Effect.gen(function* () {
        const transport = yield* RpcTransport.make({
          url: `${server.url.replace("http", "ws")}/rpc`,
          webSocket: NodeWebSocket.open(server.token)
        })
        return yield* transport.follow({ stream }).pipe(
          Stream.filter((frame) => frame._tag === "event"),
          Stream.takeUntil((frame) => isTerminal({ id: "", data: JSON.stringify(frame.event) })),
          Stream.runCollect
        )
      }).pipe(Effect.scoped, Effect.fork)

      yield* client.dispatch(
        yield* Client.command("turn.start", {
          threadId: threadId as ThreadId,
          // Long enough for 50 cuts also if the deltas become few events.
          text: `[[say Grüße aus dem Mühlbach – 水車 🛶]] [[deltas 1000 2]] [[think well]] ${"[[say more]] ".repeat(30)}[[say done]]`
        })
      )

      const cutReader = Effect.gen(function* () {
        const history: Array<RawEvent> = []
        let cuts = 0
        while (!history.some(isTerminal)) {
          const last = history.at(-1)
          const attached = yield* attach({
            ...toTheEnd,
            ...(last === undefined ? {} : { lastEventId: last.id }),
            ...(cuts < 50 ? { cutAfterBytes: yield* Random.nextIntBetween(40, 700) } : {})
          })
          history.push(...attached.events)
          if (attached.end === "cut") cuts++
        }
        return { history: toTerminal(history), cuts }
      }).pipe(Effect.withRandom(Random.make(seed)))
      const cut = yield* cutReader

      const one = toTerminal((yield* Fiber.join(first)).events)
      const two = toTerminal((yield* Fiber.join(second)).events)
      const rpc = Chunk.toReadonlyArray(yield* Fiber.join(overRpc)).map((frame): RawEvent => ({
        id: frame.cursor,
        data: JSON.stringify(frame.event)
      }))
      expect(one.length).toBeGreaterThan(20)
      expect(two, `seed ${seed}`).toEqual(one)
      expect(rpc, `seed ${seed}`).toEqual(one)
      expect(cut.history, `seed ${seed}`).toEqual(one)
      expect(cut.cuts, "the turn must be long enough for 50 cuts").toBe(50)
    }).pipe(Effect.scoped)
  )
})
