/** The messages of `follow`: their text is that of the RPC protocol, and each waits for the acknowledgement of the one before. */
import { expect, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { FollowRequest, type TextSocket, Unacknowledged } from "./FollowMessages.ts"

/** The messages that a socket receives, each with its number of WebSocket frames. */
const received = () => {
  const messages: Array<readonly [text: string, fragments: number]> = []
  let parts: Array<Uint8Array> = []
  const socket: TextSocket = {
    send: (data, { binary, fin }) => {
      expect(binary).toBe(false)
      parts.push(data)
      if (!fin) return
      messages.push([Buffer.concat(parts).toString(), parts.length])
      parts = []
    }
  }
  return { messages, socket }
}
const chunk = (requestId: string, values: ReadonlyArray<unknown>) => JSON.stringify({ _tag: "Chunk", requestId, values })

it.effect("D9 a message is the JSON of its frames, in order, as one WebSocket frame or in fragments", () =>
  Effect.gen(function* () {
    const open = { _tag: "open", logEpoch: "epoch", head: 1 }
    const caughtUp = { _tag: "caught-up", head: 1, replayed: 0, requests: 0 }
    const large = Array.from({ length: 300 }, (_, n) => ({ n, text: "é".repeat(100) }))
    const text = (values: ReadonlyArray<unknown>) => Buffer.from(JSON.stringify(values).slice(1, -1))
    for (const [frames, values, fragments] of [
      [[text([open])], [open], 1],
      [[text([open]), text([caughtUp])], [open, caughtUp], 1],
      [[text(large)], large, 3]
    ] as const) {
      const { messages, socket } = received()
      const unacknowledged = new Unacknowledged()
      const delivery = yield* Effect.fork(new FollowRequest({}, "7", unacknowledged).deliver(socket, frames))
      yield* Effect.yieldNow()
      unacknowledged.acknowledge("7")
      yield* Fiber.join(delivery)
      expect(messages).toEqual([[chunk("7", values), fragments]])
    }
  })
)

it.effect("D7 a message waits for its own acknowledgement; an earlier one, and that of another call, do not count", () =>
  Effect.gen(function* () {
    const { messages, socket } = received()
    const unacknowledged = new Unacknowledged()
    const request = new FollowRequest({}, "1", unacknowledged)
    const frame = Buffer.from("1")
    unacknowledged.acknowledge("1")
    const deliveries = yield* Effect.fork(Effect.zipRight(request.deliver(socket, [frame]), request.deliver(socket, [frame])))
    yield* Effect.yieldNow()
    expect(messages.length).toBe(1)
    unacknowledged.acknowledge("2")
    yield* Effect.yieldNow()
    expect(messages.length).toBe(1)
    unacknowledged.acknowledge("1")
    yield* Effect.yieldNow()
    expect(messages.length).toBe(2)
    expect(messages).toEqual([1, 2].map(() => [chunk("1", [1]), 1]))
    // The second message still waits: the end of the call frees its entry.
    expect(unacknowledged.size).toBe(1)
    yield* Fiber.interrupt(deliveries)
    expect(unacknowledged.size).toBe(0)
  })
)
