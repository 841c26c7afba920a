import type { Page, StoredEvent } from "@millrace/log/EventLog"
import { describe, expect, it } from "vitest"
import * as Skipping from "./Skipping.ts"

const page = (count: number, upTo: number, head: number) =>
  ({
    after: 0,
    events: Array.from({ length: count }, (_, at) => ({ offset: at + 1 }) as StoredEvent),
    upTo,
    head,
    generation: 0
  }) satisfies Page

describe("Skipping.late", () => {
  it("D7 at the head, the newest events of the capacity are delivered", () => {
    expect(Skipping.late(page(10, 10, 10), 4)).toBe(6)
    expect(Skipping.late(page(4, 4, 4), 4)).toBe(0)
    expect(Skipping.late(page(0, 0, 0), 4)).toBe(0)
  })

  it("D7 behind the head, a page beyond the capacity is skipped whole, a smaller one is delivered", () => {
    expect(Skipping.late(page(10, 10, 50), 4)).toBe(10)
    expect(Skipping.late(page(3, 3, 50), 4)).toBe(0)
  })
})
