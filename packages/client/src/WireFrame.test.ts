import { expect, it } from "@effect/vitest"
import { Either, Schema } from "effect"
import * as Frame from "@millrace/contracts/Frame"

const decode = Schema.decodeUnknownEither(Frame.WireFrame)

it("D5 a control frame of a newer server decodes, but not as a Frame; a known control frame with a wrong field does not decode", () => {
  const later = { _tag: "later", word: 1 }
  expect(decode(later)).toEqual(Either.right(later))
  expect(Frame.isFrame(later)).toBe(false)
  expect(Frame.isFrame({ _tag: "open", logEpoch: "x", head: 1 })).toBe(false)
  expect(Frame.isFrame({ _tag: "heartbeat", head: 1 })).toBe(true)
  for (const broken of [{ _tag: "bye" }, { _tag: "event", cursor: "x" }, { _tag: "open", head: "1" }, { cursor: "x" }, 5])
    expect([broken, Either.isLeft(decode(broken))]).toEqual([broken, true])
})
