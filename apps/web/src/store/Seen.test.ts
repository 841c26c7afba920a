import { expect, it, vi } from "vitest"
import { ThreadId } from "@millrace/contracts/Ids"

const id = (n: number) => ThreadId.make(`thr_${n}`)
const at = (n: number) => new Date(n).toISOString()

it("X1 marks of at most 500 threads are kept; the earliest ones move the time up to which everything is seen", async () => {
  const stored = new Map<string, string>()
  vi.stubGlobal("window", { addEventListener: () => {} })
  vi.stubGlobal("localStorage", {
    getItem: (key: string) => stored.get(key) ?? null,
    setItem: (key: string, value: string) => stored.set(key, value)
  })
  const Seen = await import("./Seen.ts")
  const timeOf = (n: number) => Seen.timeOf(Seen.current() ?? { since: "", threads: {} }, id(n))
  // Nothing is unread, and nothing is marked, before the first view of the page.
  Seen.mark(id(1), at(5))
  expect(Seen.current()).toBeUndefined()
  Seen.start(at(10))
  Seen.start(at(20))
  expect(timeOf(1)).toBe(at(10))
  for (let n = 1; n <= 502; n++) Seen.mark(id(n), at(100 + n))
  // An earlier time marks nothing.
  Seen.mark(id(502), at(50))
  expect(timeOf(502)).toBe(at(602))
  expect(Object.keys(Seen.current()?.threads ?? {}).length).toBe(500)
  // The marks of the threads 1 and 2 were dropped: other threads are seen up to the later one of them.
  expect([timeOf(1), timeOf(999), timeOf(3)]).toEqual([at(102), at(102), at(103)])
  expect(JSON.parse(stored.get("millrace.seen") ?? "")).toEqual(Seen.current())
  Seen.markAll(at(900))
  expect([timeOf(3), timeOf(999)]).toEqual([at(900), at(900)])
})
