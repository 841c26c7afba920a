import { afterEach, beforeEach, describe, expect, it, vi } from "@effect/vitest"
import { slices } from "./Slices.ts"

describe("Slices", () => {
  let now = 0
  beforeEach(() => {
    now = 0
    vi.spyOn(performance, "now").mockImplementation(() => now)
  })
  afterEach(() => void vi.restoreAllMocks())
  /** A slice whose units take this long. Returns its size. */
  const of = (slice: ReturnType<typeof slices>, millis: number, target?: number) =>
    slice((size) => {
      now += size * millis
      return size
    }, target)

  it("grows at most twofold to the target, shrinks at once, and keeps its bounds", () => {
    const slice = slices(100, 1_000)
    expect([1, 2, 3, 4, 5].map(() => of(slice, 0.001))).toEqual([100, 200, 400, 800, 1_000])
    expect([1, 2].map(() => of(slice, 0.01))).toEqual([1_000, 300])
    expect([1, 2].map(() => of(slice, 1))).toEqual([300, 100])
  })

  it("has the target of each call, not of the one before", () => {
    const slice = slices(1, 1_000)
    for (let n = 0; n < 10; n++) of(slice, 0.01)
    expect(of(slice, 0.01)).toBe(300)
    expect(of(slice, 0.01, 0.5)).toBe(50)
    expect(of(slice, 0.01)).toBe(100)
  })
})
