import { describe, expect, it } from "vitest"
import * as Remembered from "./Remembered.ts"

const numbered = (count: number) => Array.from({ length: count }, (_, n) => `id ${n}`).reduce(Remembered.add, Remembered.empty)

describe("Remembered", () => {
  it("R7 keeps at least the newest 1,024 ids and fewer than twice as many", () => {
    for (const count of [0, 1, 1023, 1024, 1025, 5000]) {
      const ids = numbered(count)
      expect(Remembered.size(ids)).toBeLessThan(2 * Remembered.kept)
      const newest = Array.from({ length: Math.min(count, Remembered.kept) }, (_, n) => `id ${count - 1 - n}`)
      expect(newest.filter((id) => !Remembered.has(ids, id))).toEqual([])
      expect(Remembered.has(ids, `id ${count}`)).toBe(false)
    }
    expect(Remembered.has(numbered(5000), "id 0")).toBe(false)
    expect(Remembered.some(numbered(1024), (id) => id === "id 0")).toBe(true)
  })
})
