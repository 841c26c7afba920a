import { assert, describe, it } from "@effect/vitest"
import { Effect, TestClock } from "effect"
import * as Allowance from "./Allowance.ts"
import * as Subscribers from "../subscriptions/Subscribers.ts"

describe("Allowance", () => {
  it.effect(
    "R7 a token may burst to twice its requests per second, then gets one after the other; another token has a separate allowance",
    () =>
      Effect.gen(function* () {
        const { stats: figures, request } = Allowance.make({ requestsPerSecond: 10, streamsPerToken: 0 })
        const waitOf = (actor: string) =>
          Effect.match(request(actor), { onFailure: ({ retryAfterMillis }) => retryAfterMillis, onSuccess: () => undefined })
        const many = (count: number) => Effect.all(Array.from({ length: count }, () => waitOf("ann")))
        assert.deepStrictEqual(new Set(yield* many(20)), new Set([undefined]))
        assert.strictEqual(yield* waitOf("ann"), 100)
        assert.strictEqual(yield* waitOf("bob"), undefined)
        yield* TestClock.adjust("100 millis")
        assert.deepStrictEqual(yield* many(2), [undefined, 100])
        yield* TestClock.adjust("1 hour")
        assert.deepStrictEqual((yield* many(21)).indexOf(100), 20)
        assert.strictEqual(figures().refused.requests, 3)
        // 0 = any number.
        const free = Allowance.make({ requestsPerSecond: 0, streamsPerToken: 0 })
        yield* Effect.all(Array.from({ length: 100 }, () => free.request("ann")))
      })
  )

  it("R7 streams of one token are counted over SSE and RPC, and those of others are not", () => {
    const subscribers = Subscribers.make()
    const { crowded } = Allowance.make({ requestsPerSecond: 0, streamsPerToken: 2 })
    const first = Subscribers.subscriber("sse", "ann", 0)
    subscribers.enter(first)
    subscribers.enter(Subscribers.subscriber("long-poll", "ann", 0))
    subscribers.enter(Subscribers.subscriber("rpc", "bob", 0))
    assert.isFalse(crowded(subscribers, "ann"))
    subscribers.enter(Subscribers.subscriber("rpc", "ann", 0))
    assert.isTrue(crowded(subscribers, "ann"))
    assert.isFalse(crowded(subscribers, "bob"))
    subscribers.leave(first)
    assert.isFalse(crowded(subscribers, "ann"))
  })
})
