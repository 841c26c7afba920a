import { describe, expect, it } from "vitest"
import * as RecentIds from "./RecentIds.ts"

const numbered = (count: number) => Array.from({ length: count }, (_, n) => `id ${n}`).reduce(RecentIds.add, RecentIds.empty)

describe("Remembered", () => {
  it("R7 keeps at least the newest 1,024 ids and fewer than twice as many", () => {
    for (const count of [0, 1, 1023, 1024, 1025, 5000]) {
      const ids = numbered(count)
      expect(RecentIds.size(ids)).toBeLessThan(2 * RecentIds.kept)
      const newest = Array.from({ length: Math.min(count, RecentIds.kept) }, (_, n) => `id ${count - 1 - n}`)
      expect(newest.filter((id) => !RecentIds.has(ids, id))).toEqual([])
      expect(RecentIds.has(ids, `id ${count}`)).toBe(false)
    }
    expect(RecentIds.has(numbered(5000), "id 0")).toBe(false)
    expect(RecentIds.some(numbered(1024), (id) => id === "id 0")).toBe(true)
  })
})
