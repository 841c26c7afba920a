import { expect, it } from "@effect/vitest"
import type { Page } from "@millrace/log/EventLog"
import { Effect, TestClock } from "effect"
import { EncodedPageCache, make } from "./EncodedPageCache.ts"

const page = (after: number, upTo: number, head = 1_000_000, generation = 0): Page => ({
  after,
  upTo,
  head,
  events: [],
  generation
})
const bytesOf = (text: string, made: Array<string>) => () => {
  made.push(text)
  return Buffer.from(text)
}

it("D7 a page is encoded once for all its readers, and found by its first position", () => {
  const pages = new EncodedPageCache()
  const made: Array<string> = []
  const first = pages.of(page(0, 4), undefined, bytesOf("0-4", made))
  expect(pages.of(page(0, 4), undefined, bytesOf("again", made))).toBe(first)
  expect(pages.find(0, 0)).toMatchObject({ upTo: 4, bytes: first })
  expect(pages.find(1, 0)).toBeUndefined()
  expect(made).toEqual(["0-4"])
})

it("D2 D13 a page at the head, and a page of one stream, is not shared: other readers may need more or fewer events", () => {
  const pages = new EncodedPageCache()
  const made: Array<string> = []
  pages.of(page(0, 4, 4), undefined, bytesOf("at the head", made))
  pages.of(page(0, 4), "thread/a", bytesOf("a stream", made))
  expect(pages.find(0, 0)).toBeUndefined()
  // Subscribers with an equal page share both.
  pages.of(page(0, 4, 4), undefined, bytesOf("again", made))
  pages.of(page(0, 4), "thread/a", bytesOf("again", made))
  pages.of(page(0, 4), "thread/b", bytesOf("another stream", made))
  expect(made).toEqual(["at the head", "a stream", "another stream"])
})

it("D2 two pages with the same first position keep separate bytes", () => {
  const pages = new EncodedPageCache()
  const made: Array<string> = []
  pages.of(page(0, 4), undefined, bytesOf("0-4", made))
  expect(pages.of(page(0, 8), undefined, bytesOf("0-8", made)).toString()).toBe("0-8")
  expect(pages.find(0, 0)?.upTo).toBe(8)
})

it("D7 the cache is bounded in bytes; the oldest page is evicted first", () => {
  const pages = new EncodedPageCache(100_000)
  const make = () => Buffer.alloc(40_000)
  for (let at = 0; at < 5; at++) pages.of(page(at, at + 1), undefined, make)
  expect([0, 1, 2, 3, 4].map((at) => pages.find(at, 0) !== undefined)).toEqual([false, false, false, true, true])
  // A longer page that replaces a shorter one counts once.
  for (let again = 0; again < 10; again++) pages.of(page(4, 5 + again), undefined, make)
  expect(pages.find(3, 0)).toBeDefined()
})

it("D7 pages of one small event count with the overhead of an entry, not only with their bytes", () => {
  const pages = new EncodedPageCache(100_000)
  const places = Array.from({ length: 1000 }, (_, at) => at)
  for (const at of places) pages.of(page(at, at + 1), undefined, () => Buffer.from("x"))
  expect(places.filter((at) => pages.find(at, 0) !== undefined).length).toBeLessThan(100)
})

it("D7 unread pages are evicted; a page in use stays, and is counted once", () => {
  const pages = new EncodedPageCache()
  for (let at = 0; at < 4; at++) pages.of(page(at, at + 1), undefined, () => Buffer.alloc(10_000))
  const one = pages.held / 4
  pages.age()
  expect(pages.held).toBe(4 * one)
  pages.find(1, 0)
  pages.of(page(2, 3), undefined, () => Buffer.alloc(10_000))
  pages.age()
  expect(pages.held).toBe(2 * one)
  expect([0, 3].map((at) => pages.find(at, 0))).toEqual([undefined, undefined])
  pages.age()
  pages.age()
  expect(pages.held).toBe(0)
})

it.effect("D7 a server with no reader keeps no encoded page after a minute of its clock", () =>
  Effect.gen(function* () {
    const pages = yield* make
    pages.of(page(0, 4), undefined, () => Buffer.alloc(10_000))
    yield* TestClock.adjust("29 seconds")
    expect(pages.held).toBeGreaterThan(10_000)
    yield* TestClock.adjust("31 seconds")
    expect(pages.held).toBe(0)
  }).pipe(Effect.scoped)
)

it("L14 after a deletion no page of an earlier generation is found, and none is kept", () => {
  const pages = new EncodedPageCache()
  const made: Array<string> = []
  pages.of(page(0, 4), undefined, bytesOf("with the thread", made))
  expect(pages.find(0, 1)).toBeUndefined()
  // A subscriber that read its page before the deletion encodes it afterwards.
  pages.of(page(0, 4), undefined, bytesOf("read before", made))
  expect(pages.find(0, 1)).toBeUndefined()
  pages.of(page(0, 4, 1_000_000, 1), undefined, bytesOf("forgotten", made))
  expect(pages.find(0, 1)?.bytes.toString()).toBe("forgotten")
  expect(pages.held).toBeGreaterThan(0)
})
