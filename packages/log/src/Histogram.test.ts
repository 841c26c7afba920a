import { expect, it } from "@effect/vitest"
import { Histogram } from "./Histogram.ts"

it("D10 a histogram counts each value under every bound that holds it, and in total", () => {
  const spread = new Histogram([1, 10])
  for (const value of [0, 1, 2, 10, 11]) spread.observe(value)
  expect(spread.now).toEqual({ bounds: [1, 10], counts: [2, 4], count: 5, sum: 24 })
})
