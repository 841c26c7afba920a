import { expect, it } from "vitest"
import * as Recent from "./Recent.ts"

it("putting an existing entry makes it the newest one and evicts no other", () => {
  const full = new Map([
    ["a", 1],
    ["b", 2],
    ["c", 3]
  ])
  expect([...Recent.put(full, "a", 4, 3)]).toEqual([
    ["b", 2],
    ["c", 3],
    ["a", 4]
  ])
  expect([...Recent.put(full, "d", 4, 3).keys()]).toEqual(["b", "c", "d"])
  expect([...full.keys()]).toEqual(["a", "b", "c"])
})
