import { expect, it } from "@effect/vitest"
import * as Followers from "./Followers.ts"

it("D7 a reader is as far behind as the head is ahead; one that waits for its own stream is not; what it got stays counted", () => {
  const followers = Followers.make()
  const reader = Followers.reader("sse", "laptop", 0)
  const back = Followers.reader("sse", "laptop", 40)
  followers.enter(reader)
  followers.enter(back)
  back.bytes = 7
  expect([reader, back].map((one) => Followers.lagOf(one, 100))).toEqual([100, 60])
  back.waiting = true
  expect(Followers.lagOf(back, 100)).toBe(0)
  expect(Followers.lagOf(Followers.reader("rpc", "asked beyond the head", 120), 100)).toBe(0)
  followers.leave(back)
  followers.leave(back)
  expect([...followers.live]).toEqual([reader])
  expect(followers.totals.sse).toEqual({ started: 1, resumed: 1, bytes: 7 })
})
