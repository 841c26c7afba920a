import type { RequestId } from "@millrace/contracts/Ids"
import { expect, it } from "vitest"
import { GivenAnswers } from "./GivenAnswers.ts"

const id = (name: string) => `req_${name}` as RequestId
const secret = { answers: { password: ["hunter2"] } }

it("X4 an answer is taken once: a secret does not stay in memory", () => {
  const given = new GivenAnswers()
  given.put(id("a"), secret)
  expect(given.take(id("a"))).toEqual(secret)
  expect(given.take(id("a"))).toBeUndefined()
})

it("X4 answers whose command was never committed are bounded; the oldest is dropped first", () => {
  const given = new GivenAnswers()
  for (let n = 0; n <= 1000; n++) given.put(id(String(n)), secret)
  expect(given.take(id("0"))).toBeUndefined()
  expect(given.take(id("1"))).toEqual(secret)
  expect(given.take(id("1000"))).toEqual(secret)
})
