import { expect, it } from "@effect/vitest"
import { findsEach } from "@millrace/testing/MutantRunner"
import { FastCheck as fc } from "effect"
import type { PlacedEvent } from "./Batch.ts"
import { Ring } from "./Ring.ts"

const event = (offset: number, bytes: number): PlacedEvent => ({
  offset,
  stream: "thread/a",
  version: offset,
  type: "x",
  json: JSON.stringify({ offset, text: "x".repeat(bytes) }),
  bytes
})

it("D7 pages that the ring has evicted can be collected", async () => {
  const ring = new Ring(10_000, 10_000)
  let collected = 0
  const registry = new FinalizationRegistry(() => collected++)
  for (let offset = 1; offset <= 500; offset++) {
    const events = [event(offset, 1_000)]
    registry.register(events, offset)
    ring.push(offset - 1, offset, events)
  }
  expect(ring.bytes).toBeLessThanOrEqual(10_000)
  // Finalizers run in turns of the event loop after a collection. `gc` needs a flag, which a new context picks up at run time.
  const { setFlagsFromString } = await import("node:v8")
  const { runInNewContext } = await import("node:vm")
  setFlagsFromString("--expose-gc")
  const gc = runInNewContext("gc") as () => void
  for (let turn = 0; turn < 3; turn++) {
    gc()
    await new Promise((done) => setImmediate(done))
  }
  expect(collected).toBeGreaterThan(450)
})

const streams = ["thread/a", "thread/b"] as const
const scenario = fc.record({
  ringBytes: fc.integer({ min: 1, max: 60 }),
  stream: fc.constantFrom(undefined, ...streams),
  maxBytes: fc.integer({ min: 1, max: 20 }),
  before: fc.array(fc.array(fc.tuple(fc.nat(1), fc.integer({ min: 1, max: 9 })), { minLength: 1, maxLength: 4 }), {
    maxLength: 8
  }),
  after: fc.nat(20),
  steps: fc.array(
    fc.option(fc.array(fc.tuple(fc.nat(1), fc.integer({ min: 1, max: 9 })), { minLength: 1, maxLength: 4 }), { freq: 2 }),
    { minLength: 5, maxLength: 40, size: "max" }
  )
})
type Scenario = typeof scenario extends fc.Arbitrary<infer A> ? A : never

/** Plays commits and pulls of one subscriber; throws at the first promise that is not kept. Returns how often the ring answered, and with what. */
const play = ({ after, before, maxBytes, steps, stream }: Scenario, ring: Ring) => {
  const log: Array<PlacedEvent> = []
  const commit = (sizes: ReadonlyArray<readonly [number, number]>) => {
    const from = log.length
    for (const [at, bytes] of sizes) log.push({ ...event(log.length + 1, bytes), stream: streams[at] ?? streams[0] })
    ring.push(from, log.length, log.slice(from))
  }
  before.forEach(commit)
  const attachedAt = log.length
  const start = Math.min(after, attachedAt)
  const counts = { shared: 0, cut: 0, passed: 0, missed: 0 }
  const seen: Array<number> = []
  let at = start
  let isCaughtUp = at >= attachedAt
  const pull = () => {
    if (at === log.length) return
    const found = ring.follow({ attachedAt, maxBytes, stream }, at, log.length)
    if (found === undefined) {
      // The storage answers.
      counts.missed++
      const next = log[at]
      if (next !== undefined && (stream ?? next.stream) === next.stream) seen.push(next.offset)
      at++
      if (at >= attachedAt) isCaughtUp = true
      return
    }
    expect(found.upTo).toBeGreaterThan(at)
    expect(found.upTo).toBeLessThanOrEqual(log.length)
    expect(log.slice(at, found.upTo).reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThanOrEqual(maxBytes)
    if (found.pages.length === 0) counts.passed++
    for (const page of found.pages) {
      expect(page.after).toBeGreaterThanOrEqual(at)
      expect(page.upTo).toBeLessThanOrEqual(found.upTo)
      seen.push(...page.events.map(({ offset }) => offset))
      if (page.upTo >= attachedAt) isCaughtUp = true
      if (page.after < at || page.events.length < page.upTo - page.after) counts.cut++
      const again = ring.follow({ attachedAt, maxBytes, stream }, page.after, log.length)?.pages[0]
      if (stream === undefined && page.upTo > attachedAt && page.head > attachedAt && again === page) counts.shared++
    }
    at = found.upTo
    if (at >= attachedAt) expect(isCaughtUp).toBe(true)
  }
  for (const sizes of steps) {
    if (sizes === null) pull()
    else commit(sizes)
  }
  for (let left = log.length; at < log.length && left >= 0; left--) pull()
  const due = log.filter((one) => one.offset > start && (stream ?? one.stream) === one.stream).map(({ offset }) => offset)
  expect(seen).toEqual(due)
  return counts
}
const options = { numRuns: 1_000, seed: 14 }

it("D1 D2 D6 whatever the commits, budgets and evictions: a subscriber gets each event of its stream once, in order, and a page at the head of its attach", () => {
  const sum = { shared: 0, cut: 0, passed: 0, missed: 0 }
  fc.assert(
    fc.property(scenario, (one) => {
      const counts = play(one, new Ring(one.ringBytes, 12))
      for (const key of ["shared", "cut", "passed", "missed"] as const) sum[key] += counts[key]
    }),
    options
  )
  for (const [what, times] of Object.entries(sum)) expect([what, times > 100]).toEqual([what, true])
})

type Parts = Parameters<Ring["follow"]>
class RepeatsTheLastEvent extends Ring {
  override follow(...[subscriber, after, head]: Parts) {
    return super.follow(subscriber, Math.max(0, after - 1), head)
  }
}
class LeavesOutThePageAtTheAttach extends Ring {
  override follow(...parts: Parts) {
    const found = super.follow(...parts)
    return found && { ...found, pages: found.pages.filter(({ events }) => events.length > 0) }
  }
}
class DropsAPage extends Ring {
  override follow(...parts: Parts) {
    const found = super.follow(...parts)
    return found && { ...found, pages: found.pages.length > 1 ? found.pages.slice(1) : found.pages }
  }
}
class IgnoresTheBudget extends Ring {
  override follow(...[subscriber, after, head]: Parts) {
    return super.follow({ ...subscriber, maxBytes: 1_000 }, after, head)
  }
}
class MovesToTheHead extends Ring {
  override follow(...parts: Parts) {
    const found = super.follow(...parts)
    return found && { ...found, upTo: parts[2] }
  }
}

findsEach(
  [RepeatsTheLastEvent, LeavesOutThePageAtTheAttach, DropsAPage, IgnoresTheBudget, MovesToTheHead].map((Mistaken) => ({
    name: Mistaken.name,
    promise: "D2 D6",
    Mistaken
  })),
  ({ Mistaken, name }) => {
    const found = fc.check(
      fc.property(scenario, (one) => void play(one, new Mistaken(one.ringBytes, 12))),
      options
    )
    return found.failed ? [name] : []
  }
)
