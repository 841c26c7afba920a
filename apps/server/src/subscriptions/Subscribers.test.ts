import { expect, it } from "@effect/vitest"
import * as Subscribers from "./Subscribers.ts"

it("D7 the lag of a reader is its distance to the head; a reader that waits for its own stream has none; delivered events stay counted", () => {
  const subscribers = Subscribers.make()
  const reader = Subscribers.subscriber("sse", "laptop", 0)
  const back = Subscribers.subscriber("sse", "laptop", 40)
  subscribers.enter(reader)
  subscribers.enter(back)
  back.bytes = 7
  expect([reader, back].map((one) => Subscribers.lagOf(one, 100))).toEqual([100, 60])
  back.waiting = true
  expect(Subscribers.lagOf(back, 100)).toBe(0)
  expect(Subscribers.lagOf(Subscribers.subscriber("rpc", "asked beyond the head", 120), 100)).toBe(0)
  subscribers.leave(back)
  subscribers.leave(back)
  expect([...subscribers.live]).toEqual([reader])
  expect(subscribers.totals.sse).toEqual({ started: 1, resumed: 1, bytes: 7 })
})
